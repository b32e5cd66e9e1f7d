//! The services referral calls. Each file calls one and translates its refusals; a peer's status is never passed on.

mod adjudication;
mod identity;
mod payment;
mod scheduling;

pub use adjudication::Adjudication;
pub use identity::{Identity, Provider};
pub use payment::{Payment, PaymentAudit};
pub use scheduling::Scheduling;

use chassis::error::reason;
use proto::convert::FieldError;
use tonic::{Code, Status};

use crate::domain::{ReferralError, refusal::Refusal};

/// Most pages of a peer's list that are read for one answer.
const PAGES_MAX: u32 = 20;
/// Rows of one page.
const PAGE_SIZE: i32 = 200;

/// Why a call of the acceptance saga did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setback {
    /// It may or may not have taken effect.
    Lost,
    Refused(Refusal),
}

/// What a refusal means to the saga. A code that may pass is not a refusal, whatever the reason.
pub fn setback(status: &Status) -> Setback {
    let known = reason(status).and_then(|reason| known_refusal(&reason));
    match (known, status.code()) {
        (Some(refusal), _) => Setback::Refused(refusal),
        (
            None,
            Code::Unavailable
            | Code::DeadlineExceeded
            | Code::Cancelled
            | Code::Aborted
            | Code::ResourceExhausted
            | Code::Unauthenticated
            | Code::Internal
            | Code::Unknown,
        ) => Setback::Lost,
        (None, code) => {
            let reason = reason(status).unwrap_or_default();
            tracing::warn!(?code, reason, "a peer refused a step of an acceptance for a reason not known here");
            Setback::Refused(Refusal::Unexpected)
        }
    }
}

fn known_refusal(reason: &str) -> Option<Refusal> {
    Some(match reason {
        "NO_CONSENT" => Refusal::NoConsent,
        "NO_DELEGATION" | "DELEGATION_NOT_FOUND" | "DELEGATION_NOT_BEGUN" => Refusal::NoDelegation,
        "ORGANISATION_NOT_DELEGATED" => Refusal::OrganisationNotDelegated,
        "AMOUNT_NOT_DELEGATED" => Refusal::AmountNotDelegated,
        "SERVICE_KIND_NOT_DELEGATED" => Refusal::ServiceKindNotDelegated,
        "DELEGATION_USED_UP" => Refusal::DelegationUsedUp,
        "OWN_SHARE_ABOVE_MANDATE" => Refusal::OwnShareAboveMandate,
        "ACTION_NOT_DELEGATED" => Refusal::ActionNotDelegated,
        "DELEGATION_EXPIRED" => Refusal::DelegationExpired,
        "MANDATE_ENDED" => Refusal::MandateEnded,
        "MANDATE_EXPIRED" => Refusal::MandateExpired,
        "OUTSIDE_MANDATE" => Refusal::OutsideMandate,
        "MANDATE_BILLED" => Refusal::MandateBilled,
        "PERSON_BARRED" => Refusal::PersonBarred,
        "SLOT_TAKEN" => Refusal::SlotTaken,
        "SLOT_PAST" => Refusal::SlotPast,
        "SLOT_NOT_FOUND" => Refusal::SlotNotFound,
        "POOL_NOT_OPEN" => Refusal::PoolNotOpen,
        "PATIENT_CONFLICT" => Refusal::PatientConflict,
        "JOURNEY_OF_ANOTHER" => Refusal::JourneyOfAnother,
        "BOOKING_LIMIT" => Refusal::BookingLimit,
        "SUSPENDED" => Refusal::Suspended,
        "HOLD_EXPIRED" => Refusal::HoldExpired,
        "APPOINTMENT_CANCELLED" => Refusal::AppointmentCancelled,
        "NO_PRICE" | "SHARE_MISMATCH" => Refusal::PriceRefused,
        "INSUFFICIENT_CREDIT" => Refusal::InsufficientCredit,
        "CREDIT_LINE_NOT_ACTIVE" => Refusal::CreditLineNotActive,
        "CREDIT_LINE_NOT_FOUND" => Refusal::CreditLineNotFound,
        "BILL_CANCELLED" => Refusal::BillCancelled,
        _ => return None,
    })
}

/// What a peer's refusal comes to in a call that somebody waits for.
fn translate(service: &'static str, status: &Status) -> ReferralError {
    let reason = reason(status).unwrap_or_default();
    match (reason.as_str(), status.code()) {
        ("NO_CONSENT", _) => ReferralError::NoConsent,
        ("NO_DELEGATION" | "DELEGATION_NOT_FOUND" | "DELEGATION_NOT_BEGUN", _) => ReferralError::NoDelegation,
        ("ORGANISATION_NOT_DELEGATED", _) => ReferralError::OrganisationNotDelegated,
        ("ACTION_NOT_DELEGATED", _) => ReferralError::ActionNotDelegated,
        ("DELEGATION_EXPIRED", _) => ReferralError::DelegationExpired,
        ("ORGANISATION_NOT_FOUND", _) => ReferralError::OrganisationNotFound,
        ("RESIDENT_NOT_FOUND", _) => ReferralError::ResidentNotFound,
        ("RESIDENT_ERASED", _) => ReferralError::Storage(postgres::Error::ResidentErased),
        (_, Code::PermissionDenied) => ReferralError::PeerDenied { service },
        (_, Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Aborted | Code::ResourceExhausted) => {
            ReferralError::PeerUnavailable { service }
        }
        (_, code) => ReferralError::PeerBroken { service, what: format!("{code:?} {reason}") },
    }
}

/// A peer's answer that does not keep its contract.
fn broken(service: &'static str) -> impl Fn(FieldError) -> ReferralError {
    move |error| ReferralError::PeerBroken { service, what: format!("a wrong {}", error.field) }
}

/// The same in the saga: our bug or theirs, so the call counts as lost and is tried again until the deadline.
#[expect(clippy::needless_pass_by_value, reason = "used as `.map_err(unreadable)`")]
fn unreadable(error: FieldError) -> Setback {
    tracing::error!(field = error.field, "a peer's answer cannot be read");
    Setback::Lost
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_lost_and_what_is_decided_is_refused() {
        let refused = |code, reason| setback(&chassis::error::status("x.anjia", code, reason, ""));
        assert_eq!(refused(Code::FailedPrecondition, "SLOT_TAKEN"), Setback::Refused(Refusal::SlotTaken));
        let journey = refused(Code::FailedPrecondition, "JOURNEY_OF_ANOTHER");
        assert_eq!(journey, Setback::Refused(Refusal::JourneyOfAnother));
        assert_eq!(refused(Code::ResourceExhausted, "BOOKING_LIMIT"), Setback::Refused(Refusal::BookingLimit));
        assert_eq!(refused(Code::Aborted, "BILL_CANCELLED"), Setback::Refused(Refusal::BillCancelled));
        assert_eq!(refused(Code::PermissionDenied, "OUTSIDE_MANDATE"), Setback::Refused(Refusal::OutsideMandate));
        assert_eq!(refused(Code::AlreadyExists, "MANDATE_BILLED"), Setback::Refused(Refusal::MandateBilled));
        assert_eq!(refused(Code::ResourceExhausted, "OVERLOADED"), Setback::Lost);
        assert_eq!(refused(Code::Aborted, "REQUEST_IN_PROGRESS"), Setback::Lost);
        assert_eq!(refused(Code::Unavailable, "PEER_UNAVAILABLE"), Setback::Lost);
        assert_eq!(refused(Code::InvalidArgument, "FIELD_INVALID"), Setback::Refused(Refusal::Unexpected));
    }
}
