//! Who cares for whom by law, and until when.

use chrono::{DateTime, Datelike as _, Days, NaiveDate, Utc};
use proto::convert::FieldError;
use types::caller::Party;
use types::clock::{local_date, start_of_local_day};
use types::ids::{GuardianshipId, OrganisationId, ResidentId};
use types::region::RegionCode;

use super::IdentityError;
use super::signature::Signature;
use super::word::words;

/// 民法典第十七条: whoever is eighteen is an adult.
const ADULT_AGE: i32 = 18;

words! {
    Kind {
        Minor = "MINOR",
        Incapacity = "INCAPACITY",
    }
}

words! {
    Relation {
        Parent = "PARENT",
        Spouse = "SPOUSE",
        Child = "CHILD",
        Relative = "RELATIVE",
        Appointed = "APPOINTED",
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guardianship {
    pub id: GuardianshipId,
    pub region: RegionCode,
    pub ward: ResidentId,
    pub guardian: ResidentId,
    pub kind: Kind,
    pub relation: Relation,
    pub papers: String,
    /// Organisation that saw the papers.
    pub witness: Option<OrganisationId>,
    pub from: NaiveDate,
    /// Last day; open if none.
    pub until: Option<NaiveDate>,
    pub registered_by: Party,
    pub registered_at: DateTime<Utc>,
    /// By another person; it is not in force before.
    pub confirmed: Option<Signature>,
    pub ended: Option<Ended>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    pub at: DateTime<Utc>,
    pub reason: String,
}

impl Guardianship {
    /// Whether it may be registered between a ward and a guardian born on these days. A minor's ends with their minority.
    pub fn checked(self, ward_born: NaiveDate, guardian_born: NaiveDate) -> Result<Self, IdentityError> {
        if self.ward == self.guardian {
            return Err(FieldError::new("guardian_resident_id", "must be somebody else than the ward").into());
        }
        if comes_of_age(guardian_born) > self.from {
            return Err(IdentityError::GuardianNotCapable);
        }
        let minority_ends = comes_of_age(ward_born) - Days::new(1);
        let until = match self.kind {
            Kind::Minor if minority_ends < self.from => return Err(IdentityError::WardOfAge),
            Kind::Minor => Some(self.until.map_or(minority_ends, |until| until.min(minority_ends))),
            Kind::Incapacity => self.until,
        };
        if until.is_some_and(|until| until < self.from) {
            return Err(FieldError::new("until", "must not be before from").into());
        }
        Ok(Self { until, ..self })
    }

    pub fn is_in_force(&self, now: DateTime<Utc>) -> bool {
        let today = local_date(now);
        self.confirmed.is_some()
            && self.ended.is_none()
            && self.from <= today
            && self.until.is_none_or(|until| today <= until)
    }

    /// The moment until which what rests on it may last, if it has an end.
    pub fn ends_at(&self) -> Option<DateTime<Utc>> {
        self.until.map(|until| start_of_local_day(until + Days::new(1)))
    }

    /// Another person has seen the papers, too.
    pub fn confirm(self, signature: Signature) -> Result<Self, IdentityError> {
        if self.ended.is_some() || self.confirmed.is_some() {
            return Err(IdentityError::GuardianshipNotProposed);
        }
        let first = Signature {
            by: self.registered_by.clone(),
            organisation: self.witness,
            at: self.registered_at,
            evidence: self.papers.clone(),
        };
        first.check_second(&signature)?;
        Ok(Self { confirmed: Some(signature), ..self })
    }

    /// Ends it before its time. The first time counts.
    #[must_use]
    pub fn end(self, ended: Ended) -> Self {
        Self { ended: self.ended.or(Some(ended)), ..self }
    }
}

/// The eighteenth birthday; of those born on a leap day, the day after February's last.
fn comes_of_age(born: NaiveDate) -> NaiveDate {
    let year = born.year() + ADULT_AGE;
    born.with_year(year).or_else(|| NaiveDate::from_ymd_opt(year, 3, 1)).unwrap_or(NaiveDate::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn signed(name: &str, at: DateTime<Utc>) -> Signature {
        Signature { by: Party::Client(name.to_owned()), organisation: None, at, evidence: "户口簿".to_owned() }
    }

    fn guardianship(kind: Kind) -> Guardianship {
        Guardianship {
            id: GuardianshipId::generate(),
            region: RegionCode::BEIJING,
            ward: ResidentId::generate(),
            guardian: ResidentId::generate(),
            kind,
            relation: Relation::Parent,
            papers: "出生医学证明".to_owned(),
            witness: Some(OrganisationId::generate()),
            from: day("2026-01-01"),
            until: None,
            registered_by: Party::Client("worker".to_owned()),
            registered_at: DateTime::UNIX_EPOCH,
            confirmed: Some(signed("operator", DateTime::UNIX_EPOCH)),
            ended: None,
        }
    }

    #[test]
    fn id_04_a_minors_guardianship_ends_with_minority() {
        let checked = |until: Option<&str>| {
            let wish = Guardianship { until: until.map(day), ..guardianship(Kind::Minor) };
            wish.checked(day("2010-05-06"), day("1980-01-01")).unwrap()
        };
        assert_eq!(checked(None).until, Some(day("2028-05-05")));
        assert_eq!(checked(Some("2040-01-01")).until, Some(day("2028-05-05")));
        assert_eq!(checked(Some("2027-01-01")).until, Some(day("2027-01-01")));
        let at = |text: &str| text.parse().unwrap();
        assert!(checked(None).is_in_force(at("2028-05-05T15:59:59Z")));
        assert!(!checked(None).is_in_force(at("2028-05-05T16:00:00Z")));
        assert_eq!(checked(None).ends_at(), Some(at("2028-05-05T16:00:00Z")));
        assert_eq!(comes_of_age(day("2008-02-29")), day("2026-03-01"));
    }

    #[test]
    fn id_04_an_adult_is_no_minors_ward_and_a_minor_no_guardian() {
        let adult = guardianship(Kind::Minor).checked(day("2008-01-01"), day("1980-01-01"));
        assert!(matches!(adult, Err(IdentityError::WardOfAge)));
        let incapable = guardianship(Kind::Incapacity).checked(day("1950-01-01"), day("1980-01-01")).unwrap();
        assert_eq!(incapable.until, None);
        let minor = guardianship(Kind::Incapacity).checked(day("1950-01-01"), day("2008-01-02"));
        assert!(matches!(minor, Err(IdentityError::GuardianNotCapable)));
        let own = guardianship(Kind::Incapacity);
        let own = Guardianship { guardian: own.ward, ..own }.checked(day("1950-01-01"), day("1950-01-01"));
        assert!(matches!(own, Err(IdentityError::Field(wrong)) if wrong.field == "guardian_resident_id"));
    }

    #[test]
    fn id_04_two_people_sign_a_guardianship() {
        let now = start_of_local_day(day("2026-06-01"));
        let proposed = Guardianship { confirmed: None, registered_at: now, ..guardianship(Kind::Incapacity) };
        assert!(!proposed.is_in_force(now));
        let own = proposed.clone().confirm(signed("worker", now));
        assert!(matches!(own, Err(IdentityError::SamePerson)));
        let late = proposed.clone().confirm(signed("operator", now + chrono::TimeDelta::days(30)));
        assert!(matches!(late, Err(IdentityError::ProposalLapsed)));
        let confirmed = proposed.confirm(signed("operator", now)).unwrap();
        assert!(confirmed.is_in_force(now));
        let again = confirmed.confirm(signed("another", now));
        assert!(matches!(again, Err(IdentityError::GuardianshipNotProposed)));
    }

    #[test]
    fn id_04_what_ended_is_in_force_no_more() {
        let now = start_of_local_day(day("2026-06-01"));
        let running = guardianship(Kind::Incapacity);
        assert!(running.is_in_force(now));
        let ended = running.end(Ended { at: now, reason: "COURT".to_owned() });
        assert!(!ended.is_in_force(now));
        let again = Ended { at: now + chrono::TimeDelta::days(1), reason: "AGAIN".to_owned() };
        assert_eq!(ended.clone().end(again), ended);
    }
}
