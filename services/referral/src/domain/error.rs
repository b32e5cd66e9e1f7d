//! What referral refuses.

use proto::convert::FieldError;

/// Every refusal; mapped one by one to a code and a stable reason in `grpc/status.rs`.
#[derive(Debug, thiserror::Error)]
pub enum ReferralError {
    #[error("no such referral")]
    ReferralNotFound,
    #[error("no such journey")]
    JourneyNotFound,
    #[error("no such organisation")]
    OrganisationNotFound,
    #[error("no such resident")]
    ResidentNotFound,
    #[error("the referral it should continue does not exist")]
    PreviousReferralNotFound,
    #[error("a referral with this id exists")]
    ReferralExists,
    #[error("the referral has changed since; it is now at version {current}")]
    StaleVersion { current: i64 },
    #[error("the referral is decided already")]
    AlreadyDecided,
    #[error("it is not the target's turn")]
    NotSubmitted,
    #[error("the patient has not come, or the referral has ended")]
    NotAttended,
    #[error("no delegation lets the caller act for the resident")]
    NoDelegation,
    #[error("the delegation does not cover this")]
    ActionNotDelegated,
    #[error("the delegation is not for this provider")]
    OrganisationNotDelegated,
    #[error("the delegation has expired")]
    DelegationExpired,
    #[error("the resident has not consented that the target sees their data for a referral")]
    NoConsent,
    #[error("the referring provider has not seen the resident")]
    NoCareRelation,
    #[error("no department of the target can treat the diagnosis")]
    TargetLacksCapability,
    #[error("the target is not of a higher tier")]
    NotUpward,
    #[error("the target is not of a lower tier")]
    NotDownward,
    #[error("the target is not of the same tier")]
    NotLateral,
    #[error("this kind of referral is not offered yet")]
    KindNotOffered,
    #[error("the caller does not act for this provider")]
    OutsideScope,
    #[error("the token has expired")]
    TokenExpired,
    #[error("{0}")]
    Field(#[from] FieldError),
    #[error(transparent)]
    Denied(#[from] chassis::Denied),
    #[error("{service} cannot be asked now")]
    PeerUnavailable { service: &'static str },
    #[error("{service} does not show this to the caller")]
    PeerDenied { service: &'static str },
    /// A peer refused or answered in a way that its contract does not name for this call: our bug or theirs.
    #[error("{service} does not keep its contract: {what}")]
    PeerBroken { service: &'static str, what: String },
    /// Bug: an outcome met a referral whose saga is not running.
    #[error("the referral is not being accepted")]
    NotAccepting,
    /// The referral has moved on; the event about its booking has no effect any more.
    #[error("the referral is not booked")]
    NotBooked,
    #[error(transparent)]
    Storage(#[from] postgres::Error),
    #[error("an answer cannot be encoded: {0}")]
    Encoding(#[from] serde_json::Error),
}
