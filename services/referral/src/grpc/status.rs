//! Refusals on the wire: one exhaustive match, so that a new one does not compile until it has a code and a reason.

use chassis::error;
use tonic::{Code, Status};

use crate::domain::ReferralError;

const DOMAIN: &str = "referral.anjia";

impl From<ReferralError> for Status {
    fn from(error: ReferralError) -> Self {
        use ReferralError as E;
        let (code, reason) = match error {
            E::ReferralNotFound => (Code::NotFound, "REFERRAL_NOT_FOUND"),
            E::JourneyNotFound => (Code::NotFound, "JOURNEY_NOT_FOUND"),
            E::OrganisationNotFound => (Code::NotFound, "ORGANISATION_NOT_FOUND"),
            E::ResidentNotFound => (Code::NotFound, "RESIDENT_NOT_FOUND"),
            E::PreviousReferralNotFound => (Code::NotFound, "PREVIOUS_REFERRAL_NOT_FOUND"),
            E::ReferralExists => (Code::AlreadyExists, "REFERRAL_EXISTS"),
            E::StaleVersion { .. } => (Code::Aborted, "STALE_VERSION"),
            E::AlreadyDecided => (Code::FailedPrecondition, "ALREADY_DECIDED"),
            E::NotSubmitted => (Code::FailedPrecondition, "REFERRAL_NOT_SUBMITTED"),
            E::NotAttended => (Code::FailedPrecondition, "REFERRAL_NOT_ATTENDED"),
            E::NoDelegation => (Code::PermissionDenied, "NO_DELEGATION"),
            E::ActionNotDelegated => (Code::PermissionDenied, "ACTION_NOT_DELEGATED"),
            E::OrganisationNotDelegated => (Code::PermissionDenied, "ORGANISATION_NOT_DELEGATED"),
            E::DelegationExpired => (Code::FailedPrecondition, "DELEGATION_EXPIRED"),
            E::NoCareRelation => (Code::PermissionDenied, "NO_CARE_RELATION"),
            E::NoConsent => (Code::PermissionDenied, "NO_CONSENT"),
            E::TargetLacksCapability => (Code::FailedPrecondition, "TARGET_LACKS_CAPABILITY"),
            E::NotUpward => (Code::FailedPrecondition, "NOT_UPWARD"),
            E::NotDownward => (Code::FailedPrecondition, "NOT_DOWNWARD"),
            E::NotLateral => (Code::FailedPrecondition, "NOT_LATERAL"),
            E::KindNotOffered => (Code::FailedPrecondition, "KIND_NOT_OFFERED"),
            E::OutsideScope | E::PeerDenied { .. } => (Code::PermissionDenied, "OUTSIDE_SCOPE"),
            E::TokenExpired => (Code::Unauthenticated, "TOKEN_EXPIRED"),
            E::PeerUnavailable { .. } => (Code::Unavailable, "PEER_UNAVAILABLE"),
            E::Field(error) => return error::invalid(error),
            E::Denied(denied) => return denied.into(),
            E::Storage(cause) => return error::storage(&cause),
            E::PeerBroken { .. } | E::NotAccepting | E::NotBooked | E::Encoding(_) => return error::internal(&error),
        };
        let status = error::status(DOMAIN, code, reason, error.to_string());
        match error {
            E::StaleVersion { current } => error::with_metadata(status, "version", current.to_string()),
            _ => status,
        }
    }
}
