//! What somebody lets one of our services go on doing in a resident's name. No mandate, no work in the background.

use chrono::{DateTime, TimeDelta, Utc};
use types::caller::Party;
use types::ids::{DelegationId, MandateId, ResidentId};
use types::mandate::{Credit, Terms, Work};
use types::region::RegionCode;

use super::IdentityError;
use super::delegation::Action;
use super::word::words;

words! {
    /// How a mandate ended before its time.
    End {
        /// Taken back by the resident or by who gave it.
        Revoked = "REVOKED",
        /// The work has ended.
        Done = "DONE",
    }
}

/// Where a mandate stands at a moment. Expiry is a fact of time, never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Active,
    Expired,
    Revoked,
    Done,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mandate {
    pub id: MandateId,
    pub region: RegionCode,
    pub resident: ResidentId,
    /// The resident, or their delegate.
    pub given_by: Party,
    pub delegation: Option<DelegationId>,
    pub work: Work,
    pub credit: Option<Credit>,
    pub given_at: DateTime<Utc>,
    pub until: DateTime<Utc>,
    pub ended: Option<(End, DateTime<Utc>)>,
}

impl Mandate {
    /// Until when one given now for so many days may be used.
    pub fn ends(given_at: DateTime<Utc>, valid_days: u16) -> DateTime<Utc> {
        given_at + TimeDelta::days(valid_days.into())
    }

    /// The service whose work it is: nobody else may use it.
    pub const fn service(&self) -> &'static str {
        match self.work {
            Work::Referral(_) => "referral",
        }
    }

    /// What a delegate must be allowed to do to give it.
    pub fn actions(&self) -> Vec<Action> {
        let own = match self.work {
            Work::Referral(_) => Action::Refer,
        };
        std::iter::once(own).chain(self.credit.map(|_| Action::Pay)).collect()
    }

    /// What tokens say that rest on it.
    pub const fn terms(&self) -> Terms {
        Terms { id: self.id, work: self.work, credit: self.credit }
    }

    pub fn state(&self, now: DateTime<Utc>) -> State {
        match self.ended {
            Some((End::Revoked, _)) => State::Revoked,
            Some((End::Done, _)) => State::Done,
            None if self.until <= now => State::Expired,
            None => State::Active,
        }
    }

    /// Refuses unless this service may go on under it at this moment.
    pub fn check_use(&self, service: &str, now: DateTime<Utc>) -> Result<(), IdentityError> {
        if self.service() != service {
            return Err(IdentityError::ContinuationNotPermitted);
        }
        match self.state(now) {
            State::Active => Ok(()),
            State::Expired => Err(IdentityError::MandateExpired),
            State::Revoked | State::Done => Err(IdentityError::MandateEnded),
        }
    }
}

#[cfg(test)]
mod tests {
    use types::ids::{CreditLineId, ReferralId};
    use types::money::Money;

    use super::*;

    fn mandate(credit: Option<Credit>) -> Mandate {
        let (resident, now) = (ResidentId::generate(), DateTime::UNIX_EPOCH);
        Mandate {
            id: MandateId::generate(),
            region: RegionCode::BEIJING,
            resident,
            given_by: Party::Resident(resident),
            delegation: None,
            work: Work::Referral(ReferralId::generate()),
            credit,
            given_at: now,
            until: Mandate::ends(now, 1),
            ended: None,
        }
    }

    #[test]
    fn id_07_a_mandate_is_used_by_its_service_until_it_ends() {
        let (given, now) = (mandate(None), DateTime::UNIX_EPOCH);
        assert!(given.check_use("referral", now).is_ok());
        assert!(matches!(given.check_use("payment", now), Err(IdentityError::ContinuationNotPermitted)));
        assert!(matches!(given.check_use("referral", given.until), Err(IdentityError::MandateExpired)));
        for (end, state) in [(End::Revoked, State::Revoked), (End::Done, State::Done)] {
            let ended = Mandate { ended: Some((end, now)), ..given.clone() };
            assert_eq!(ended.state(given.until), state);
            assert!(matches!(ended.check_use("referral", now), Err(IdentityError::MandateEnded)));
        }
    }

    #[test]
    fn id_04_a_mandate_with_credit_needs_a_delegate_who_may_pay() {
        let credit = Credit { line: CreditLineId::generate(), own_share_max: Money::from_fen(100) };
        assert_eq!(mandate(None).actions(), [Action::Refer]);
        assert_eq!(mandate(Some(credit)).actions(), [Action::Refer, Action::Pay]);
    }
}
