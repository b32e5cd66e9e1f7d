//! A referral and its states. Data lives in the state that owns it; a transition consumes and raises the version.

mod transitions;

use chrono::{DateTime, TimeDelta, Utc};
use types::{
    ids::{AppointmentId, BillId, JourneyId, OrganisationId, QuoteId, ReferralId, ResidentId, SagaId, VisitId},
    redacted::Redacted,
};

use super::{care::Diagnosis, direction::Direction, mandate::Mandate, refusal::Refusal, words::words};

pub use transitions::NewReferral;

/// How long appointments and claims may cite a referral.
pub const VALIDITY: TimeDelta = TimeDelta::days(90);
/// How long after the end of the booked place a booked patient is waited for.
pub const ATTENDANCE_GRACE: TimeDelta = TimeDelta::hours(24);

words! {
    /// What a referral is for.
    Kind {
        /// The patient goes.
        Visit = "VISIT",
        Teleconsult = "TELECONSULT",
        Mdt = "MDT",
        /// 绿色通道.
        GreenChannel = "GREEN_CHANNEL",
    }
}

words! {
    /// How soon whoever has the turn must act.
    Urgency {
        Routine = "ROUTINE",
        Urgent = "URGENT",
        Emergency = "EMERGENCY",
    }
}

impl Urgency {
    pub const fn time_to_act(self) -> TimeDelta {
        match self {
            Self::Routine => TimeDelta::hours(48),
            Self::Urgent => TimeDelta::hours(4),
            Self::Emergency => TimeDelta::minutes(15),
        }
    }
}

words! {
    /// Why a target sent a referral back.
    ReturnReason {
        BeyondCapability = "BEYOND_CAPABILITY",
        NotIndicated = "NOT_INDICATED",
        NoCapacity = "NO_CAPACITY",
        Incomplete = "INCOMPLETE",
        Other = "OTHER",
    }
}

words! {
    /// The name of a state.
    StateName {
        Submitted = "SUBMITTED",
        InformationRequested = "INFORMATION_REQUESTED",
        Accepting = "ACCEPTING",
        Booked = "BOOKED",
        Attended = "ATTENDED",
        Closed = "CLOSED",
        Returned = "RETURNED",
        Withdrawn = "WITHDRAWN",
        NotAttended = "NOT_ATTENDED",
        Lapsed = "LAPSED",
        NeedsHuman = "NEEDS_HUMAN",
    }
}

/// Why and with what advice a target sent a referral back.
#[derive(Debug, Clone)]
pub struct Returned {
    pub reason: ReturnReason,
    /// Clinical text.
    pub advice: Redacted<String>,
    pub suggested: Option<OrganisationId>,
}

/// What an acceptance arranged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Booking {
    pub appointment: AppointmentId,
    pub bill: Option<BillId>,
    pub quote: Option<QuoteId>,
}

/// Who must act, and by when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Duty {
    pub owner: OrganisationId,
    pub deadline: DateTime<Utc>,
}

/// Where a referral stands. Every state but the ends has a duty.
#[derive(Debug, Clone)]
pub enum State {
    Submitted { duty: Duty },
    InformationRequested { duty: Duty },
    Accepting { duty: Duty, saga: SagaId },
    Booked { duty: Duty, booking: Booking },
    Attended { duty: Duty, booking: Booking, visit: VisitId },
    NeedsHuman { duty: Duty, saga: SagaId },
    Closed { booking: Booking, visit: VisitId },
    Returned(Returned),
    Withdrawn { booking: Option<Booking> },
    NotAttended { booking: Booking },
    Lapsed,
}

impl State {
    pub const fn name(&self) -> StateName {
        match self {
            Self::Submitted { .. } => StateName::Submitted,
            Self::InformationRequested { .. } => StateName::InformationRequested,
            Self::Accepting { .. } => StateName::Accepting,
            Self::Booked { .. } => StateName::Booked,
            Self::Attended { .. } => StateName::Attended,
            Self::NeedsHuman { .. } => StateName::NeedsHuman,
            Self::Closed { .. } => StateName::Closed,
            Self::Returned(_) => StateName::Returned,
            Self::Withdrawn { .. } => StateName::Withdrawn,
            Self::NotAttended { .. } => StateName::NotAttended,
            Self::Lapsed => StateName::Lapsed,
        }
    }

    pub const fn duty(&self) -> Option<Duty> {
        match self {
            Self::Submitted { duty }
            | Self::InformationRequested { duty }
            | Self::Accepting { duty, .. }
            | Self::Booked { duty, .. }
            | Self::Attended { duty, .. }
            | Self::NeedsHuman { duty, .. } => Some(*duty),
            Self::Closed { .. }
            | Self::Returned(_)
            | Self::Withdrawn { .. }
            | Self::NotAttended { .. }
            | Self::Lapsed => None,
        }
    }

    pub const fn saga(&self) -> Option<SagaId> {
        match self {
            Self::Accepting { saga, .. } | Self::NeedsHuman { saga, .. } => Some(*saga),
            _ => None,
        }
    }

    pub const fn booking(&self) -> Option<Booking> {
        match self {
            Self::Booked { booking, .. }
            | Self::Attended { booking, .. }
            | Self::Closed { booking, .. }
            | Self::NotAttended { booking } => Some(*booking),
            Self::Withdrawn { booking } => *booking,
            _ => None,
        }
    }

    pub const fn visit(&self) -> Option<VisitId> {
        match self {
            Self::Attended { visit, .. } | Self::Closed { visit, .. } => Some(*visit),
            _ => None,
        }
    }

    pub const fn returned(&self) -> Option<&Returned> {
        match self {
            Self::Returned(returned) => Some(returned),
            _ => None,
        }
    }
}

/// A patient on the way from one provider to another.
#[derive(Debug, Clone)]
pub struct Referral {
    pub id: ReferralId,
    pub resident: ResidentId,
    pub direction: Direction,
    pub kind: Kind,
    pub from: OrganisationId,
    pub to: OrganisationId,
    /// Principal first.
    pub diagnoses: Vec<Diagnosis>,
    pub urgency: Urgency,
    pub clinical_summary: Redacted<String>,
    pub mandate: Mandate,
    pub state: State,
    pub submitted_at: DateTime<Utc>,
    pub valid_until: DateTime<Utc>,
    pub previous: Option<ReferralId>,
    pub version: i64,
    /// Why the last acceptance was undone.
    pub last_refusal: Option<Refusal>,
    pub journey: JourneyId,
}

/// What an acceptance is about to arrange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acceptance {
    pub saga: SagaId,
    pub deadline: DateTime<Utc>,
}
