//! A resident's place in a slot, from hold to visit.

use chrono::{DateTime, Utc};
use types::{
    caller::Party,
    care::CareKind,
    expected::ExpectedLine,
    ids::{
        AppointmentId, DelegationId, DepartmentId, JourneyId, OrganisationId, PractitionerId, QuoteId, ReferralId,
        ResidentId, SlotId, VisitId,
    },
};

use super::{
    error::SchedulingError,
    pool::Pool,
    session::{Slot, VisitTerms},
    words,
};

words! {
    /// By which way it was booked.
    Channel {
        App = "APP",
        Desk = "DESK",
        Phone = "PHONE",
        Bank = "BANK",
        Referral = "REFERRAL",
    }
}

words! {
    /// Who gave it up.
    CancelledBy {
        Patient = "PATIENT",
        Provider = "PROVIDER",
        Operator = "OPERATOR",
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appointment {
    pub id: AppointmentId,
    pub resident: ResidentId,
    /// With the times of all its places together.
    pub slot: Slot,
    /// Further places, in the same pool.
    pub more_slots: Vec<SlotId>,
    pub organisation: OrganisationId,
    pub department: Option<DepartmentId>,
    pub practitioner: Option<PractitionerId>,
    pub kind: CareKind,
    pub pool: Pool,
    pub channel: Channel,
    /// Who held the credential.
    pub booked_by: Party,
    /// Keyed hash of what the app called its device.
    pub device: Option<String>,
    pub delegation: Option<DelegationId>,
    pub referral: Option<ReferralId>,
    pub journey: JourneyId,
    /// What whoever booked expects to be billed; empty where they said nothing.
    pub stated_lines: Vec<ExpectedLine>,
    /// Those of its place; of several, of the first.
    pub terms: VisitTerms,
    pub quote: Option<QuoteId>,
    pub revision: i32,
    pub held_at: DateTime<Utc>,
    /// When the hold runs out, or would have.
    pub hold_expires_at: DateTime<Utc>,
    /// Set from the confirmation on.
    pub confirmed_at: Option<DateTime<Utc>>,
    pub state: State,
}

/// Where it stands. A place is taken while it is `Held`, `Confirmed`, `Kept`, `NoShow` or `Displaced`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    Held,
    Confirmed,
    Kept(VisitId),
    Expired,
    Cancelled(Cancellation),
    NoShow,
    /// The provider took its place back and keeps this one for it until then.
    Displaced(DateTime<Utc>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancellation {
    pub at: DateTime<Utc>,
    pub by: CancelledBy,
    pub reason: String,
}

impl State {
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Held => "HELD",
            Self::Confirmed => "CONFIRMED",
            Self::Kept(_) => "KEPT",
            Self::Expired => "EXPIRED",
            Self::Cancelled(_) => "CANCELLED",
            Self::NoShow => "NO_SHOW",
            Self::Displaced(_) => "DISPLACED",
        }
    }

    /// Whether a place of the slot is given to it.
    pub const fn takes_place(&self) -> bool {
        matches!(self, Self::Held | Self::Confirmed | Self::Kept(_) | Self::NoShow | Self::Displaced(_))
    }
}

impl Appointment {
    /// All limits were checked at the hold; only time can be against it.
    pub fn confirm(self, now: DateTime<Utc>) -> Result<Self, SchedulingError> {
        match self.state {
            State::Held if self.hold_expires_at > now => {
                Ok(Self { state: State::Confirmed, confirmed_at: Some(now), ..self })
            }
            // It was firm before, in another place.
            State::Displaced(until) if until > now => Ok(Self { state: State::Confirmed, ..self }),
            State::Displaced(until) => Err(SchedulingError::HoldExpired(until)),
            State::Held | State::Expired => Err(SchedulingError::HoldExpired(self.hold_expires_at)),
            State::Confirmed | State::Kept(_) | State::Cancelled(_) | State::NoShow => {
                Err(SchedulingError::AppointmentNotHeld)
            }
        }
    }

    /// What is expected to be billed: as was stated, else what its session is usually billed. A referral prices what it plans.
    pub fn expected_lines(&self) -> &[ExpectedLine] {
        let is_as_usual = self.stated_lines.is_empty() && self.referral.is_none();
        if is_as_usual { &self.terms.expected_lines } else { &self.stated_lines }
    }

    /// Refuses what the patient decides too late. A hold, and another place that a provider offers, are nobody's word yet.
    pub(super) fn check_notice(&self, now: DateTime<Utc>) -> Result<(), SchedulingError> {
        match self.terms.cancel_until.filter(|until| self.state == State::Confirmed && now > *until) {
            Some(until) => Err(SchedulingError::TooLateToCancel(until)),
            None => Ok(()),
        }
    }

    /// Gives the place up. One that is cancelled or expired already stays as it is.
    pub fn cancel(self, cancellation: Cancellation) -> Result<Self, SchedulingError> {
        if cancellation.by == CancelledBy::Patient {
            self.check_notice(cancellation.at)?;
        }
        match self.state {
            State::Held | State::Confirmed | State::Displaced(_) => {
                Ok(Self { state: State::Cancelled(cancellation), ..self })
            }
            State::Cancelled(_) | State::Expired => Ok(self),
            State::Kept(_) | State::NoShow => Err(SchedulingError::AppointmentNotActive),
        }
    }

    /// The patient has come.
    pub fn keep(self, visit: VisitId) -> Result<Self, SchedulingError> {
        match self.state {
            State::Confirmed => Ok(Self { state: State::Kept(visit), ..self }),
            // One appointment leads to one visit.
            State::Kept(_) => Err(SchedulingError::VisitExists),
            _ => Err(SchedulingError::AppointmentNotConfirmed),
        }
    }

    /// Frees a hold that has run out; none if it has not, or is none.
    pub fn lapse(self, now: DateTime<Utc>) -> Option<Self> {
        let has_lapsed = self.state == State::Held && self.hold_expires_at <= now;
        has_lapsed.then_some(Self { state: State::Expired, ..self })
    }
}

impl Appointment {
    /// Its place was taken back; the one it is in now waits for the patient's word. A hold has nothing to be displaced from.
    pub fn displace(self, until: DateTime<Utc>) -> Result<Self, SchedulingError> {
        match self.state {
            State::Confirmed | State::Displaced(_) => Ok(Self { state: State::Displaced(until), ..self }),
            _ => Err(SchedulingError::AppointmentNotConfirmed),
        }
    }

    /// Ends a displacement that nobody answered; none if it is not over, or is none.
    pub fn give_up_displaced(self, reason: &str, now: DateTime<Utc>) -> Option<Self> {
        let is_over = matches!(self.state, State::Displaced(until) if until <= now);
        let cancellation = Cancellation { at: now, by: CancelledBy::Provider, reason: reason.to_owned() };
        is_over.then_some(Self { state: State::Cancelled(cancellation), ..self })
    }
}

/// Whose appointments a list shows, and of which time.
#[derive(Debug, Clone, Copy)]
pub struct Filter {
    pub resident: Option<ResidentId>,
    pub organisation: Option<OrganisationId>,
    pub from: Option<DateTime<Utc>>,
    /// Not included.
    pub until: Option<DateTime<Utc>>,
}

#[cfg(test)]
#[path = "appointment_tests.rs"]
pub(crate) mod tests;
