//! Why scheduling refuses. Each refusal has one stable reason on the wire, given in `grpc/status.rs`.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use types::{clock::local_time, ids::SlotId};

#[derive(Debug, thiserror::Error)]
pub enum SchedulingError {
    #[error("no such session")]
    SessionNotFound,
    #[error("no such slot")]
    SlotNotFound,
    #[error("no such appointment")]
    AppointmentNotFound,
    #[error("nobody with this id waits")]
    WaitListEntryNotFound,
    #[error("no such visit")]
    VisitNotFound,
    #[error("this visit is in no queue")]
    TicketNotFound,
    #[error("nobody has checked in to this line")]
    QueueNotFound,
    #[error("no such resident")]
    ResidentNotFound,
    #[error("no such provider")]
    OrganisationNotFound,
    #[error("no such practitioner at this provider")]
    PractitionerNotFound,
    #[error("no such department at this provider")]
    DepartmentNotFound,

    #[error("no such surge")]
    SurgeNotFound,
    #[error("no such template")]
    TemplateNotFound,
    #[error("it could be given up or moved until {} local time", local_time(*.0).format("%Y-%m-%d %H:%M"))]
    TooLateToCancel(DateTime<Utc>),
    #[error("no such exception")]
    ExceptionNotFound,
    #[error("no such room or equipment at this provider")]
    ResourceNotFound,

    #[error("a surge of this name is open")]
    SurgeOpen,
    #[error("a resource of this kind and name exists")]
    ResourceExists,
    #[error("a session with this id exists")]
    SessionExists,
    #[error("an appointment with this id exists")]
    AppointmentExists,
    #[error("the resident waits in this line already")]
    AlreadyWaiting,
    #[error("a visit with this id exists, or one that keeps this appointment")]
    VisitExists,

    #[error("the doctor has another session at that time")]
    DoctorConflict,
    #[error("a room or a piece of equipment is in another session at that time")]
    ResourceConflict,
    #[error("the session was withdrawn")]
    SessionWithdrawn,
    #[error("the session is over")]
    SessionPast,
    #[error("no place is free in this slot")]
    SlotTaken { alternatives: Vec<SlotId> },
    #[error("the slot has begun")]
    SlotPast,
    #[error("this pool is not open to the caller, or the slot has no places in it")]
    PoolNotOpen,
    #[error("the resident has another booking at that time")]
    PatientConflict,
    #[error("the resident has reached the limit of bookings {period}")]
    BookingLimit { period: &'static str },
    #[error("online booking of the resident is suspended")]
    Suspended,
    #[error(
        "in an emergency call 120, or come to an emergency desk, where nobody is refused; only staff who see or hear the patient book for one"
    )]
    EmergencyByStaffOnly,
    #[error("the resident waits in as many lines as one may")]
    WaitListLimit,
    #[error("the journey is another person's")]
    JourneyOfAnother,
    #[error("the appointment was cancelled before it was held")]
    AppointmentCancelled,
    #[error("the hold ran out at {0}")]
    HoldExpired(DateTime<Utc>),
    #[error("the appointment is not held")]
    AppointmentNotHeld,
    #[error("the appointment is not active any more")]
    AppointmentNotActive,

    #[error("the appointment is not confirmed")]
    AppointmentNotConfirmed,
    #[error("that the patient did not come can be said from {0} on")]
    NotMissedYet(DateTime<Utc>),
    #[error("no such suspension")]
    SuspensionNotFound,
    #[error("the suspension was appealed already")]
    AlreadyAppealed,
    #[error("the suspension was lifted, or has run out")]
    SuspensionOver,
    #[error("no appeal is open")]
    NoAppeal,
    #[error("check-in begins at {} local time", local_time(*.0).format("%Y-%m-%d %H:%M"))]
    TooEarly(DateTime<Utc>),
    #[error("the credential shown is another person's")]
    IdentityMismatch,
    #[error("nobody is admitted without a credential; in an emergency open an EMERGENCY visit")]
    AdmissionUnproven,
    #[error(
        "an inpatient stay of the patient has no end yet: one that is open, here or elsewhere, is ended first, and one that was over when a later one began is reported with its `end`"
    )]
    StayOpen,
    #[error(
        "the patient was in another inpatient stay at that time, here or elsewhere: one begins when the other has ended"
    )]
    StayOverlaps,
    #[error("this has not happened yet")]
    InFuture { field: &'static str },
    #[error("a visit ends after it began")]
    EndsBeforeStart { field: &'static str },
    #[error("an operator ends inpatient stays alone: any other visit is its provider's to end")]
    NotAStay,
    #[error("the visit is over")]
    VisitNotOpen,
    #[error("nobody waits")]
    NobodyWaiting,
    #[error("they were not called, or have been seen")]
    TicketNotCalled,
    #[error("{days} days of history are known, and {needed} needed")]
    HistoryTooShort { days: usize, needed: usize },
    /// No series of counts should bring this about.
    #[error("the forecast failed: {0}")]
    Forecast(String),

    #[error("no delegation allows this")]
    NoDelegation,
    #[error("the delegation does not include this action")]
    ActionNotDelegated,
    #[error("the delegation is not for this kind of care")]
    ServiceKindNotDelegated,
    #[error("the delegation is not for this provider")]
    OrganisationNotDelegated,
    #[error("the delegation allows no more bookings")]
    DelegationUsedUp,
    #[error("the delegation has expired")]
    DelegationExpired,
    #[error("the delegation begins later")]
    DelegationNotBegun,
    #[error("the mandate is not for this")]
    OutsideMandate,
    #[error("the token has expired")]
    TokenExpired,
    #[error(transparent)]
    Denied(#[from] chassis::Denied),

    #[error("{field}: {description}")]
    Field { field: String, description: String },
    #[error(transparent)]
    Storage(#[from] postgres::Error),
    #[error("{peer} cannot be reached now")]
    PeerUnavailable { peer: &'static str },
    /// What somebody else met who looked for the same at the same time.
    #[error(transparent)]
    Shared(Arc<SchedulingError>),
    /// What was asked for together with others is not answered: the same request may be sent again.
    #[error("nobody answers now")]
    Lost,
    /// A peer answered what its contract does not say: a bug on one of the two sides.
    #[error("{peer} answered unexpectedly: {answer}")]
    Peer { peer: &'static str, answer: String },
}

impl SchedulingError {
    pub fn field(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self::Field { field: field.into(), description: description.into() }
    }
}
