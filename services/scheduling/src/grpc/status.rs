//! Refusals on the wire. Exhaustive: a new refusal does not compile until it has a code and a reason.

use chassis::error;
use prost::Message as _;
use proto::{convert::FieldError, google::rpc};
use tonic::{Code, Status};

use crate::domain::error::SchedulingError;

const DOMAIN: &str = "scheduling.anjia";

impl From<SchedulingError> for Status {
    fn from(refusal: SchedulingError) -> Self {
        of(&refusal)
    }
}

fn of(refusal: &SchedulingError) -> Status {
    use SchedulingError as E;
    let (code, reason) = match refusal {
        E::SessionNotFound => (Code::NotFound, "SESSION_NOT_FOUND"),
        E::SlotNotFound => (Code::NotFound, "SLOT_NOT_FOUND"),
        E::AppointmentNotFound => (Code::NotFound, "APPOINTMENT_NOT_FOUND"),
        E::WaitListEntryNotFound => (Code::NotFound, "WAIT_LIST_ENTRY_NOT_FOUND"),
        E::VisitNotFound => (Code::NotFound, "VISIT_NOT_FOUND"),
        E::TicketNotFound => (Code::NotFound, "TICKET_NOT_FOUND"),
        E::QueueNotFound => (Code::NotFound, "QUEUE_NOT_FOUND"),
        E::ResidentNotFound => (Code::NotFound, "RESIDENT_NOT_FOUND"),
        E::OrganisationNotFound => (Code::NotFound, "ORGANISATION_NOT_FOUND"),
        E::PractitionerNotFound => (Code::NotFound, "PRACTITIONER_NOT_FOUND"),
        E::DepartmentNotFound => (Code::NotFound, "DEPARTMENT_NOT_FOUND"),
        E::SurgeNotFound => (Code::NotFound, "SURGE_NOT_FOUND"),
        E::SurgeOpen => (Code::AlreadyExists, "SURGE_OPEN"),
        E::TooLateToCancel(_) => (Code::FailedPrecondition, "TOO_LATE_TO_CANCEL"),
        E::ExceptionNotFound => (Code::NotFound, "EXCEPTION_NOT_FOUND"),
        E::TemplateNotFound => (Code::NotFound, "TEMPLATE_NOT_FOUND"),
        E::ResourceNotFound => (Code::NotFound, "RESOURCE_NOT_FOUND"),
        E::ResourceExists => (Code::AlreadyExists, "RESOURCE_EXISTS"),
        E::ResourceConflict => (Code::FailedPrecondition, "RESOURCE_CONFLICT"),
        E::SessionWithdrawn => (Code::FailedPrecondition, "SESSION_WITHDRAWN"),
        E::SessionPast => (Code::FailedPrecondition, "SESSION_PAST"),
        E::SessionExists => (Code::AlreadyExists, "SESSION_EXISTS"),
        E::AppointmentExists => (Code::AlreadyExists, "APPOINTMENT_EXISTS"),
        E::AlreadyWaiting => (Code::AlreadyExists, "ALREADY_WAITING"),
        E::VisitExists => (Code::AlreadyExists, "VISIT_EXISTS"),
        E::DoctorConflict => (Code::FailedPrecondition, "DOCTOR_CONFLICT"),
        E::SlotTaken { .. } => (Code::FailedPrecondition, "SLOT_TAKEN"),
        E::SlotPast => (Code::FailedPrecondition, "SLOT_PAST"),
        E::PoolNotOpen => (Code::FailedPrecondition, "POOL_NOT_OPEN"),
        E::PatientConflict => (Code::FailedPrecondition, "PATIENT_CONFLICT"),
        E::JourneyOfAnother => (Code::FailedPrecondition, "JOURNEY_OF_ANOTHER"),
        E::BookingLimit { .. } => (Code::ResourceExhausted, "BOOKING_LIMIT"),
        E::Suspended => (Code::FailedPrecondition, "SUSPENDED"),
        E::EmergencyByStaffOnly => (Code::PermissionDenied, "EMERGENCY_BY_STAFF_ONLY"),
        E::SuspensionNotFound => (Code::NotFound, "SUSPENSION_NOT_FOUND"),
        E::AlreadyAppealed => (Code::AlreadyExists, "ALREADY_APPEALED"),
        E::SuspensionOver => (Code::FailedPrecondition, "SUSPENSION_OVER"),
        E::NoAppeal => (Code::FailedPrecondition, "NO_APPEAL"),
        E::WaitListLimit => (Code::ResourceExhausted, "WAIT_LIST_LIMIT"),
        E::DelegationUsedUp => (Code::ResourceExhausted, "DELEGATION_USED_UP"),
        E::AppointmentCancelled => (Code::Aborted, "APPOINTMENT_CANCELLED"),
        E::HoldExpired(_) => (Code::FailedPrecondition, "HOLD_EXPIRED"),
        E::AppointmentNotHeld => (Code::FailedPrecondition, "APPOINTMENT_NOT_HELD"),
        E::AppointmentNotActive => (Code::FailedPrecondition, "APPOINTMENT_NOT_ACTIVE"),
        E::AppointmentNotConfirmed => (Code::FailedPrecondition, "APPOINTMENT_NOT_CONFIRMED"),
        E::TooEarly(_) | E::NotMissedYet(_) => (Code::FailedPrecondition, "TOO_EARLY"),
        E::IdentityMismatch => (Code::FailedPrecondition, "IDENTITY_MISMATCH"),
        E::AdmissionUnproven => (Code::FailedPrecondition, "IDENTITY_NOT_PROVEN"),
        E::StayOpen => (Code::FailedPrecondition, "STAY_OPEN"),
        E::StayOverlaps => (Code::FailedPrecondition, "STAY_OVERLAPS"),
        E::InFuture { .. } => (Code::InvalidArgument, "IN_FUTURE"),
        E::EndsBeforeStart { .. } => (Code::InvalidArgument, "ENDS_BEFORE_START"),
        E::NotAStay => (Code::FailedPrecondition, "NOT_A_STAY"),
        E::VisitNotOpen => (Code::FailedPrecondition, "VISIT_NOT_OPEN"),
        E::NobodyWaiting => (Code::FailedPrecondition, "NOBODY_WAITING"),
        E::TicketNotCalled => (Code::FailedPrecondition, "TICKET_NOT_CALLED"),
        E::HistoryTooShort { .. } => (Code::FailedPrecondition, "HISTORY_TOO_SHORT"),
        E::OutsideMandate => (Code::PermissionDenied, "OUTSIDE_MANDATE"),
        E::NoDelegation => (Code::PermissionDenied, "NO_DELEGATION"),
        E::ActionNotDelegated => (Code::PermissionDenied, "ACTION_NOT_DELEGATED"),
        E::ServiceKindNotDelegated => (Code::PermissionDenied, "SERVICE_KIND_NOT_DELEGATED"),
        E::OrganisationNotDelegated => (Code::PermissionDenied, "ORGANISATION_NOT_DELEGATED"),
        E::DelegationNotBegun => (Code::FailedPrecondition, "DELEGATION_NOT_BEGUN"),
        E::DelegationExpired => (Code::FailedPrecondition, "DELEGATION_EXPIRED"),
        E::TokenExpired => (Code::Unauthenticated, "TOKEN_EXPIRED"),
        E::PeerUnavailable { .. } => (Code::Unavailable, "PEER_UNAVAILABLE"),
        E::Lost => (Code::Unavailable, "TRY_AGAIN"),
        E::Denied(denied) => return denied.clone().into(),
        E::Field { field, description } => {
            return error::invalid(FieldError::new(field.clone(), description.clone()));
        }
        E::Storage(cause) => return error::storage(cause),
        E::Shared(shared) => return of(shared),
        E::Peer { .. } | E::Forecast(_) => return error::internal(refusal),
    };
    let status = error::status(DOMAIN, code, reason, refusal.to_string());
    match refusal {
        E::SlotTaken { alternatives } if !alternatives.is_empty() => {
            let slots: Vec<String> = alternatives.iter().map(ToString::to_string).collect();
            error::with_metadata(status, "alternatives", slots.join(","))
        }
        E::JourneyOfAnother => error::with_field(status, "journey_id"),
        E::AdmissionUnproven => error::with_field(status, "identity_proof"),
        E::InFuture { field } | E::EndsBeforeStart { field } => error::with_field(status, field),
        _ => status,
    }
}

/// A refusal inside of an answer. The details of a status are exactly this message, encoded.
pub(super) fn to_rpc(status: &Status) -> rpc::Status {
    rpc::Status::decode(status.details()).unwrap_or_else(|_| rpc::Status {
        code: status.code().into(),
        message: status.message().to_owned(),
        details: vec![],
    })
}
