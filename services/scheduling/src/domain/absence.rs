//! Who does not come: from when on that can be said, when it suspends online booking, and how a suspension ends (SC-08).
//!
//! Source of the figures: `appointment_rules` of the published rules of the Beijing appointment platform (北京市预约挂号统一平台预约规则: 3 no-shows in
//! a year suspend for 90 days, 6 for 180). The span of 90 days in which three are counted is the requirement's example.

use chrono::{DateTime, TimeDelta, Utc};
use types::{
    caller::Party,
    care::CareKind,
    ids::{AppointmentId, ResidentId, SuspensionId},
};

use super::{
    appointment::{Appointment, Channel, State},
    error::SchedulingError,
    limits::year_of,
    pool::Pool,
    words,
};

/// Nobody is called missed by a machine sooner: a clinic without a network may yet report that they came.
pub const UNANSWERED_FOR: TimeDelta = TimeDelta::hours(72);

/// The rules of a city.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// From so long after the start on the provider may say that the patient did not come.
    pub grace_minutes: i32,
    /// So many missed appointments
    pub most: i32,
    /// within so many days
    pub within_days: i32,
    /// suspend online booking for so many;
    pub suspended_days: i32,
    /// and where so many were missed in the calendar year
    pub most_in_year: i32,
    /// for so many.
    pub suspended_again_days: i32,
    /// Not online booking alone: at a desk and by phone, too.
    pub is_of_every_channel: bool,
}

impl Rules {
    pub const PUBLISHED: Self = Self {
        grace_minutes: 30,
        most: 3,
        within_days: 90,
        suspended_days: 90,
        most_in_year: 6,
        suspended_again_days: 180,
        is_of_every_channel: false,
    };
}

/// An appointment to which the patient did not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missed {
    pub appointment: AppointmentId,
    pub starts_at: DateTime<Utc>,
    /// It led to a suspension before.
    pub is_counted: bool,
    /// That suspension was lifted.
    pub is_forgiven: bool,
}

words! {
    /// Why a suspension should not stand.
    Ground {
        Came = "CAME",
        Prevented = "PREVENTED",
        Provider = "PROVIDER",
        NotBooked = "NOT_BOOKED",
    }
}

words! {
    /// Where a suspension stands; in force in all but the last.
    Standing {
        Standing = "STANDING",
        Appealed = "APPEALED",
        Upheld = "UPHELD",
        Lifted = "LIFTED",
    }
}

/// Online booking that is suspended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspension {
    pub id: SuspensionId,
    pub resident: ResidentId,
    pub since: DateTime<Utc>,
    pub until: DateTime<Utc>,
    pub missed: Vec<AppointmentId>,
    pub standing: Standing,
    pub appeal: Option<Appeal>,
    pub decision: Option<Decision>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appeal {
    pub ground: Ground,
    pub at: DateTime<Utc>,
}

/// An officer's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub at: DateTime<Utc>,
    pub by: Party,
    pub reason: String,
}

impl Appointment {
    /// The patient did not come; said again it stays so.
    pub fn miss(self, rules: &Rules, now: DateTime<Utc>) -> Result<Self, SchedulingError> {
        let since = self.slot.starts_at + TimeDelta::minutes(rules.grace_minutes.into());
        match self.state {
            State::Confirmed if now < since => Err(SchedulingError::NotMissedYet(since)),
            State::Confirmed => Ok(Self { state: State::NoShow, ..self }),
            State::NoShow => Ok(self),
            State::Held | State::Kept(_) | State::Expired | State::Cancelled(_) | State::Displaced(_) => {
                Err(SchedulingError::AppointmentNotConfirmed)
            }
        }
    }

    /// Whether a suspension stands in the way of it: never of a referral or an emergency.
    pub fn heeds_suspension(&self, rules: &Rules) -> bool {
        let is_online = self.channel == Channel::App || matches!(self.booked_by, Party::Resident(_));
        is_suspendable(self) && (is_online || rules.is_of_every_channel)
    }
}

/// Referrals and emergencies are neither counted nor refused.
pub fn is_suspendable(appointment: &Appointment) -> bool {
    appointment.pool != Pool::Referral && appointment.referral.is_none() && appointment.kind != CareKind::Emergency
}

/// From when on what was missed may count.
pub fn counted_since(rules: &Rules, now: DateTime<Utc>) -> DateTime<Utc> {
    (now - TimeDelta::days(rules.within_days.into())).min(year_of(now).0)
}

/// What a person has missed since [`counted_since`], and what follows from it: until when, and for which of it; none if nothing does.
pub fn due(rules: &Rules, missed: &[Missed], now: DateTime<Utc>) -> Option<(DateTime<Utc>, Vec<AppointmentId>)> {
    let since = now - TimeDelta::days(rules.within_days.into());
    let fresh = missed.iter().filter(|one| !one.is_counted && one.starts_at >= since);
    let fresh: Vec<AppointmentId> = fresh.map(|one| one.appointment).collect();
    let reaches = |count: usize, most: i32| usize::try_from(most).is_ok_and(|most| count >= most);
    if !reaches(fresh.len(), rules.most) {
        return None;
    }
    let in_year = missed.iter().filter(|one| !one.is_forgiven && one.starts_at >= year_of(now).0).count();
    let is_again = reaches(in_year, rules.most_in_year);
    let days = if is_again { rules.suspended_again_days } else { rules.suspended_days };
    Some((now + TimeDelta::days(days.into()), fresh))
}

impl Suspension {
    pub fn begin(
        resident: ResidentId,
        until: DateTime<Utc>,
        missed: Vec<AppointmentId>,
        now: DateTime<Utc>,
    ) -> Suspension {
        let (standing, appeal, decision) = (Standing::Standing, None, None);
        Self { id: SuspensionId::generate(), resident, since: now, until, missed, standing, appeal, decision }
    }

    /// Once.
    pub fn appeal(self, ground: Ground, now: DateTime<Utc>) -> Result<Self, SchedulingError> {
        if self.standing == Standing::Lifted || self.until <= now {
            return Err(SchedulingError::SuspensionOver);
        }
        if self.appeal.is_some() {
            return Err(SchedulingError::AlreadyAppealed);
        }
        Ok(Self { standing: Standing::Appealed, appeal: Some(Appeal { ground, at: now }), ..self })
    }

    /// One that is lifted stays as it is.
    #[must_use]
    pub fn lift(self, decision: Decision) -> Self {
        if self.standing == Standing::Lifted {
            return self;
        }
        Self { standing: Standing::Lifted, decision: Some(decision), ..self }
    }

    pub fn uphold(self, decision: Decision) -> Result<Self, SchedulingError> {
        if self.standing != Standing::Appealed {
            return Err(SchedulingError::NoAppeal);
        }
        Ok(Self { standing: Standing::Upheld, decision: Some(decision), ..self })
    }
}

#[cfg(test)]
#[path = "absence_tests.rs"]
mod tests;
