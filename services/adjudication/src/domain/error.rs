//! Why adjudication refuses. Each has a stable reason on the wire (`grpc/status.rs`).

use chrono::NaiveDate;
use types::ids::{
    AbuseReportId, ClaimId, FindingId, OrganisationId, PaymentTermsId, QuoteId, ResidentId, SettlementId, VisitId,
};
use uuid::Uuid;

use super::document::Kind;
use super::{engine::Refusal, inspection::FindingError, provider_payment::expected::Undecided};

#[derive(Debug, thiserror::Error)]
pub enum AdjudicationError {
    #[error("the document is incomplete at {path}: {problem}")]
    DocumentIncomplete { kind: Kind, path: String, problem: String },
    #[error("a document of the same region and scheme with this id or this text exists")]
    DocumentExists(Kind),
    #[error("document {1} of the same region and scheme is in force from the same day or a later one")]
    DocumentOverlaps(Kind, Uuid),
    #[error("document {1} was already released or superseded")]
    DocumentNotProposed(Kind, Uuid),
    #[error("no document {1}")]
    DocumentNotFound(Kind, Uuid),
    #[error(
        "days from {0} on are judged by another policy, and may be settled by it; a policy takes over from tomorrow at the earliest"
    )]
    PolicyBackdated(NaiveDate),
    #[error("who proposed a document may not release it")]
    SamePerson,
    #[error("the grouping tables that were named are not loaded here")]
    TablesNotLoaded(String),
    #[error("terms {0} pay such care otherwise than by heads")]
    NotCapitated(PaymentTermsId),
    #[error(transparent)]
    Undecided(#[from] Undecided),
    #[error("no payment is expected for settlement {0}")]
    ProviderPaymentNotFound(SettlementId),
    #[error("documents of region {0} are not this caller's to propose")]
    ForeignRegion(String),
    #[error("item {0} has another class or ratio from the same day")]
    CatalogueItemExists(String),
    /// What the engine refuses: lines that do not sum, no policy in force.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Lines count from 0.
    #[error("item {code} of line {line} is in no catalogue in force")]
    UnknownItem { line: usize, code: String },
    /// Lines count from 0.
    #[error("{day} of line {line} lies outside the visit")]
    DateOutsideStay { line: usize, day: NaiveDate },
    #[error("no rule book of the region is in force")]
    RulesNotConfigured,
    #[error(transparent)]
    Finding(#[from] FindingError),
    #[error("no finding {0}")]
    FindingNotFound(FindingId),
    #[error("no report {0}")]
    AbuseReportNotFound(AbuseReportId),
    #[error("report {0} is closed")]
    AbuseReportClosed(AbuseReportId),
    #[error("the sums of the fund are larger than money can be")]
    FundTooLarge,
    /// The visit that was to be claimed: the stay itself, or outpatient care meanwhile. Which stay that is may be another region's to know.
    #[error("visit {0} cannot be claimed yet: an inpatient stay of the patient is still open")]
    OpenStay(VisitId),
    #[error("the identity of the patient was not proven at visit {0}")]
    IdentityNotProven(VisitId),
    #[error("the patient left visit {0} unseen")]
    LeftUnseen(VisitId),
    #[error("visit {0} is already claimed")]
    ClaimExists(VisitId),
    #[error("quote {0} exists")]
    QuoteExists(QuoteId),
    #[error("the accumulators moved since settlement {0} was divided; divide the claim again")]
    StaleDivision(SettlementId),
    #[error("settlement {0} lapsed; divide the claim again")]
    SettlementLapsed(SettlementId),
    #[error("settlement {0} was reversed")]
    SettlementReversed(SettlementId),
    #[error("settlement {0} was corrected; a later version of its claim is in force")]
    SettlementCorrected(SettlementId),
    #[error("settlement {0} is not confirmed")]
    SettlementNotConfirmed(SettlementId),
    #[error("settlement {0} was confirmed for another bill")]
    SettlementConfirmed(SettlementId),
    /// Claims came or changed between reading and judging: to be read again.
    #[error("the claims of the year moved meanwhile")]
    YearMoved,
    #[error("no quote {0}")]
    QuoteNotFound(QuoteId),
    #[error("no claim {0}")]
    ClaimNotFound(ClaimId),
    #[error("no settlement {0}")]
    SettlementNotFound(SettlementId),
    #[error("no visit {0}")]
    VisitNotFound(VisitId),
    #[error("no resident {0}")]
    ResidentNotFound(ResidentId),
    #[error("no organisation {0}")]
    OrganisationNotFound(OrganisationId),
    #[error("organisation {0} gives no care")]
    NotAProvider(OrganisationId),
    #[error("organisation {0} had no contract in the year")]
    NotDesignated(OrganisationId),
    #[error("item {0} is in no catalogue in force")]
    ItemNotFound(String),
    #[error("resident {0} has no personal account: employees have")]
    NoPersonalAccount(ResidentId),
    #[error("an account is its holder's own already")]
    OwnAccount,
    #[error("no delegation allows this")]
    NoDelegation,
    #[error("the delegation does not include this")]
    ActionNotDelegated,
    #[error("the delegation has expired")]
    DelegationExpired,
    #[error("the mandate is not for this referral")]
    OutsideMandate,
    #[error("{peer} does not let this caller see what is needed")]
    PeerDenied { peer: &'static str },
    #[error("{peer} cannot answer now")]
    PeerUnavailable { peer: &'static str },
    /// It was good when the call began.
    #[error("the token has expired")]
    TokenExpired,
    /// A peer broke its contract: our bug, not the caller's.
    #[error("{peer} answered {what}")]
    PeerBroken { peer: &'static str, what: String },
    #[error(transparent)]
    Denied(#[from] chassis::Denied),
    /// The key of a page does not encode: our bug.
    #[error("a page token cannot be made")]
    PageToken(#[from] serde_json::Error),
    #[error(transparent)]
    Storage(#[from] postgres::Error),
}
