//! What may become of a referral, by whom it is done, and what stands in the way.

use chrono::{DateTime, Utc};
use types::{
    ids::{JourneyId, OrganisationId, ReferralId, ResidentId, VisitId},
    redacted::Redacted,
};

use super::{
    ATTENDANCE_GRACE, Acceptance, Booking, Duty, Kind, Referral, Returned, State, StateName, Urgency, VALIDITY,
};
use crate::domain::{
    ReferralError,
    care::Diagnosis,
    direction::Direction,
    mandate::Mandate,
    refusal::{Refusal, Turn},
};

/// What is said when a referral is submitted.
#[derive(Debug, Clone)]
pub struct NewReferral {
    pub id: ReferralId,
    pub resident: ResidentId,
    pub direction: Direction,
    pub kind: Kind,
    pub from: OrganisationId,
    pub to: OrganisationId,
    pub diagnoses: Vec<Diagnosis>,
    pub urgency: Urgency,
    pub clinical_summary: Redacted<String>,
    pub mandate: Mandate,
    pub previous: Option<ReferralId>,
    pub journey: JourneyId,
}

impl NewReferral {
    /// It is the target's turn then.
    pub fn submit(self, now: DateTime<Utc>) -> Result<Referral, ReferralError> {
        if self.kind != Kind::Visit {
            return Err(ReferralError::KindNotOffered);
        }
        let duty = Duty { owner: self.to, deadline: now + self.urgency.time_to_act() };
        Ok(Referral {
            id: self.id,
            resident: self.resident,
            direction: self.direction,
            kind: self.kind,
            from: self.from,
            to: self.to,
            diagnoses: self.diagnoses,
            urgency: self.urgency,
            clinical_summary: self.clinical_summary,
            mandate: self.mandate,
            state: State::Submitted { duty },
            submitted_at: now,
            valid_until: now + VALIDITY,
            previous: self.previous,
            version: 1,
            last_refusal: None,
            journey: self.journey,
        })
    }
}

impl Referral {
    /// The target decides to take the patient; the saga arranges it.
    pub fn accept(self, version: i64, acceptance: Acceptance) -> Result<Self, ReferralError> {
        self.check_undecided(version)?;
        let duty = Duty { owner: self.to, deadline: acceptance.deadline };
        Ok(self.become_state(State::Accepting { duty, saga: acceptance.saga }))
    }

    /// The target sends the patient back.
    pub fn send_back(self, version: i64, returned: Returned) -> Result<Self, ReferralError> {
        self.check_undecided(version)?;
        Ok(self.become_state(State::Returned(returned)))
    }

    /// The care the patient came for is done.
    pub fn close(self, version: i64) -> Result<Self, ReferralError> {
        match self.state {
            State::Attended { booking, visit, .. } => {
                self.check_version(version)?;
                Ok(self.become_state(State::Closed { booking, visit }))
            }
            _ => Err(ReferralError::NotAttended),
        }
    }

    /// The saga arranged everything; the patient is expected until some time after the place ends.
    pub fn booked(self, booking: Booking, place_until: DateTime<Utc>) -> Result<Self, ReferralError> {
        match self.state {
            State::Accepting { .. } => {
                let duty = Duty { owner: self.to, deadline: place_until + ATTENDANCE_GRACE };
                let booked = self.become_state(State::Booked { duty, booking });
                Ok(Self { last_refusal: None, ..booked })
            }
            _ => Err(ReferralError::NotAccepting),
        }
    }

    /// The saga undid everything: the turn is the target's or the referrer's, by why.
    pub fn acceptance_undone(self, refusal: Refusal, now: DateTime<Utc>) -> Result<Self, ReferralError> {
        match self.state {
            State::Accepting { .. } => {
                let deadline = now + self.urgency.time_to_act();
                let state = match refusal.turn() {
                    Turn::Target => State::Submitted { duty: Duty { owner: self.to, deadline } },
                    Turn::Referrer => State::InformationRequested { duty: Duty { owner: self.from, deadline } },
                };
                let undone = self.become_state(state);
                Ok(Self { last_refusal: Some(refusal), ..undone })
            }
            _ => Err(ReferralError::NotAccepting),
        }
    }

    /// The saga can neither go on nor undo; the target keeps the duty until an operator has decided.
    pub fn acceptance_stuck(self, refusal: Refusal, now: DateTime<Utc>) -> Result<Self, ReferralError> {
        match self.state {
            State::Accepting { saga, .. } => {
                let duty = Duty { owner: self.to, deadline: now + Urgency::Urgent.time_to_act() };
                let stuck = self.become_state(State::NeedsHuman { duty, saga });
                Ok(Self { last_refusal: Some(refusal), ..stuck })
            }
            _ => Err(ReferralError::NotAccepting),
        }
    }

    /// The patient gave the booked place up.
    pub fn withdrawn(self) -> Result<Self, ReferralError> {
        match self.state {
            State::Booked { booking, .. } => Ok(self.become_state(State::Withdrawn { booking: Some(booking) })),
            _ => Err(ReferralError::NotBooked),
        }
    }

    /// The provider cannot keep the booked place: the target's turn again, with a new deadline.
    pub fn reopened(self, now: DateTime<Utc>) -> Result<Self, ReferralError> {
        match self.state {
            State::Booked { .. } => {
                let duty = Duty { owner: self.to, deadline: now + self.urgency.time_to_act() };
                Ok(self.become_state(State::Submitted { duty }))
            }
            _ => Err(ReferralError::NotBooked),
        }
    }

    /// The patient came. The target owes the closing for as long as the referral is valid.
    pub fn attended(self, visit: VisitId, now: DateTime<Utc>) -> Result<Self, ReferralError> {
        match self.state {
            State::Booked { booking, .. } => {
                let duty = Duty { owner: self.to, deadline: self.valid_until.max(now) };
                Ok(self.become_state(State::Attended { duty, booking, visit }))
            }
            _ => Err(ReferralError::NotBooked),
        }
    }

    /// The patient did not come.
    pub fn not_attended(self) -> Result<Self, ReferralError> {
        match self.state {
            State::Booked { booking, .. } => Ok(self.become_state(State::NotAttended { booking })),
            _ => Err(ReferralError::NotBooked),
        }
    }

    /// Whether it stands on the work list of its owner.
    pub const fn awaits_decision(&self) -> bool {
        matches!(self.state.name(), StateName::Submitted | StateName::InformationRequested | StateName::NeedsHuman)
    }

    /// Decided means decided, whatever version the decision was made on; only an open one can be met at a wrong version.
    fn check_undecided(&self, version: i64) -> Result<(), ReferralError> {
        match self.state.name() {
            StateName::Submitted => self.check_version(version),
            StateName::InformationRequested | StateName::NeedsHuman => Err(ReferralError::NotSubmitted),
            StateName::Accepting
            | StateName::Booked
            | StateName::Attended
            | StateName::Closed
            | StateName::Returned
            | StateName::Withdrawn
            | StateName::NotAttended
            | StateName::Lapsed => Err(ReferralError::AlreadyDecided),
        }
    }

    fn check_version(&self, version: i64) -> Result<(), ReferralError> {
        if self.version == version { Ok(()) } else { Err(ReferralError::StaleVersion { current: self.version }) }
    }

    fn become_state(self, state: State) -> Self {
        Self { state, version: self.version + 1, ..self }
    }
}

#[cfg(test)]
mod tests;
