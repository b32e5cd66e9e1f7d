//! Who lives with whom, as of a day.

use chrono::{DateTime, NaiveDate, Utc};
use proto::convert::FieldError;
use types::ids::{HouseholdId, OrganisationId, ResidentId};
use types::region::RegionCode;
use uuid::Uuid;

use super::IdentityError;
use super::community::CommunityCode;
use super::word::words;

/// More than live under one roof.
pub const MEMBERS_MAX: usize = 30;

words! {
    /// To the head (户主), after GB/T 4761.
    Relation {
        Head = "HEAD",
        Spouse = "SPOUSE",
        Child = "CHILD",
        Parent = "PARENT",
        Grandparent = "GRANDPARENT",
        Grandchild = "GRANDCHILD",
        Sibling = "SIBLING",
        Other = "OTHER",
    }
}

/// A household, with everybody who ever belonged to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Household {
    pub id: HouseholdId,
    pub region: RegionCode,
    pub community: CommunityCode,
    pub registrar: Option<OrganisationId>,
    pub from: NaiveDate,
    pub formed_at: DateTime<Utc>,
    pub ended: Option<Ended>,
    pub members: Vec<Member>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub id: Uuid,
    pub resident: ResidentId,
    pub relation: Relation,
    pub from: NaiveDate,
    pub recorded_at: DateTime<Utc>,
    pub ended: Option<Ended>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Last day.
    pub with: NaiveDate,
    pub at: DateTime<Utc>,
    pub reason: String,
}

impl Member {
    pub fn belongs_on(&self, day: NaiveDate) -> bool {
        self.from <= day && self.ended.as_ref().is_none_or(|ended| day <= ended.with)
    }

    /// Ends it with a day. The first time counts.
    pub fn end(self, ended: Ended) -> Result<Self, FieldError> {
        if self.ended.is_none() && ended.with < self.from {
            return Err(FieldError::new("until", "must not be before their first day"));
        }
        Ok(Self { ended: self.ended.or(Some(ended)), ..self })
    }
}

impl Household {
    /// Whether it may be formed: one head, and nobody twice.
    pub fn check(&self) -> Result<(), FieldError> {
        let heads = self.members.iter().filter(|member| member.relation == Relation::Head).count();
        if heads != 1 {
            return Err(FieldError::new("members", "one of them must be the head, and one only"));
        }
        let is_twice =
            |member: &Member| self.members.iter().filter(|other| other.resident == member.resident).count() > 1;
        if self.members.iter().any(is_twice) {
            return Err(FieldError::new("members", "must be different people"));
        }
        Ok(())
    }

    /// Whether somebody may come in.
    pub fn check_joins(&self, member: &Member) -> Result<(), IdentityError> {
        if self.ended.is_some() {
            return Err(IdentityError::HouseholdEnded);
        }
        if member.relation == Relation::Head {
            return Err(
                FieldError::new("relation", "must be another than HEAD: a new head forms a new household").into()
            );
        }
        if member.from < self.from {
            return Err(FieldError::new("from", "must not be before the household's first day").into());
        }
        let is_full = self.members.iter().filter(|known| known.belongs_on(member.from)).count() >= MEMBERS_MAX;
        if is_full { Err(FieldError::new("resident_id", "would be one member too many").into()) } else { Ok(()) }
    }

    /// Whoever lasts ends with it. Answers the household and the members it ends.
    pub fn end(self, ended: &Ended) -> Result<(Self, Vec<Member>), FieldError> {
        if self.ended.is_some() {
            return Ok((self, vec![]));
        }
        if ended.with < self.from {
            return Err(FieldError::new("until", "must not be before its first day"));
        }
        let lasting = self.members.iter().filter(|member| member.ended.is_none()).cloned();
        let ending = lasting.map(|member| member.end(ended.clone())).collect::<Result<Vec<_>, _>>()?;
        let now_is = |member: Member| ending.iter().find(|gone| gone.id == member.id).cloned().unwrap_or(member);
        let members = self.members.into_iter().map(now_is).collect();
        Ok((Self { ended: Some(ended.clone()), members, ..self }, ending))
    }

    /// With its members on a day only, the head first.
    #[must_use]
    pub fn on(mut self, day: NaiveDate) -> Self {
        self.members.retain(|member| member.belongs_on(day));
        self.members.sort_by_key(|member| (member.relation, member.id));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn member(relation: Relation, from: &str) -> Member {
        Member {
            id: Uuid::now_v7(),
            resident: ResidentId::generate(),
            relation,
            from: day(from),
            recorded_at: DateTime::UNIX_EPOCH,
            ended: None,
        }
    }

    fn household(members: Vec<Member>) -> Household {
        Household {
            id: HouseholdId::generate(),
            region: RegionCode::BEIJING,
            community: "110102003001".parse().unwrap(),
            registrar: None,
            from: day("2026-01-01"),
            formed_at: DateTime::UNIX_EPOCH,
            ended: None,
            members,
        }
    }

    fn ended(with: &str) -> Ended {
        Ended { with: day(with), at: DateTime::UNIX_EPOCH, reason: "迁出".to_owned() }
    }

    #[test]
    fn id_01_a_household_has_one_head_and_nobody_twice() {
        let head = member(Relation::Head, "2026-01-01");
        assert!(household(vec![head.clone(), member(Relation::Spouse, "2026-01-01")]).check().is_ok());
        assert!(household(vec![member(Relation::Spouse, "2026-01-01")]).check().is_err());
        assert!(household(vec![head.clone(), member(Relation::Head, "2026-01-01")]).check().is_err());
        let twice = Member { relation: Relation::Child, ..head.clone() };
        assert!(household(vec![head, twice]).check().is_err());
    }

    #[test]
    fn id_01_members_are_those_of_the_day_the_head_first() {
        let child = member(Relation::Child, "2026-02-01").end(ended("2026-03-31")).unwrap();
        let head = member(Relation::Head, "2026-01-01");
        let known = household(vec![child.clone(), head.clone()]);
        let on = |text: &str| known.clone().on(day(text)).members;
        assert_eq!(on("2026-01-31"), std::slice::from_ref(&head));
        assert_eq!(on("2026-03-31"), [head.clone(), child]);
        assert_eq!(on("2026-04-01"), [head]);
    }

    #[test]
    fn id_01_who_joins_is_no_second_head_and_comes_while_it_lasts() {
        let known = household(vec![member(Relation::Head, "2026-01-01")]);
        assert!(known.check_joins(&member(Relation::Child, "2026-01-01")).is_ok());
        assert!(known.check_joins(&member(Relation::Head, "2026-01-01")).is_err());
        assert!(known.check_joins(&member(Relation::Child, "2025-12-31")).is_err());
        let (over, gone) = known.end(&ended("2026-06-30")).unwrap();
        assert_eq!(gone.len(), 1);
        assert!(matches!(over.check_joins(&member(Relation::Child, "2026-07-01")), Err(IdentityError::HouseholdEnded)));
        assert!(over.end(&ended("2026-01-02")).unwrap().1.is_empty(), "the first end counts");
    }
}
