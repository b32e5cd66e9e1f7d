//! Alliances of providers (医联体/医共体): who leads, who is in one on which days.

use chrono::{DateTime, NaiveDate, Utc};
use proto::convert::FieldError;
use types::ids::{AllianceId, OrganisationId};
use types::region::RegionCode;
use uuid::Uuid;

use super::IdentityError;
use super::word::words;

words! {
    /// What kind of alliance it is.
    Kind {
        /// 城市医联体.
        Medical = "MEDICAL",
        /// 县域医共体.
        County = "COUNTY",
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alliance {
    pub id: AllianceId,
    /// The tenant.
    pub region: RegionCode,
    pub name: String,
    pub kind: Kind,
    pub lead: OrganisationId,
    /// Every membership there was, by first day.
    pub members: Vec<Member>,
    pub formed_at: DateTime<Utc>,
}

/// A provider in an alliance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub row: Uuid,
    pub organisation: OrganisationId,
    pub from: NaiveDate,
    /// Last day; none while it is a member.
    pub until: Option<NaiveDate>,
}

impl Member {
    /// Whether it is a member on that day or on a later one.
    pub fn lasts_until(&self, day: NaiveDate) -> bool {
        self.until.is_none_or(|until| until >= day)
    }
}

impl Alliance {
    /// The membership that ends, as it then stands. The lead is the last to leave.
    pub fn leave(&self, organisation: OrganisationId, until: NaiveDate) -> Result<Member, IdentityError> {
        let open = |member: &&Member| member.organisation == organisation && member.until.is_none();
        let member = self.members.iter().find(open).ok_or(IdentityError::NotAMember)?;
        if until < member.from {
            return Err(FieldError::new("until", "must not be before the first day").into());
        }
        let others = self.members.iter().filter(|other| other.organisation != organisation);
        let after = until.succ_opt().unwrap_or(until);
        if organisation == self.lead && others.into_iter().any(|other| other.lasts_until(after)) {
            return Err(IdentityError::AllianceNeedsItsLead);
        }
        Ok(Member { until: Some(until), ..member.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn id_02_the_lead_is_the_last_to_leave() {
        let (lead, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let member = |organisation, until| Member {
            row: organisation,
            organisation: OrganisationId::from_uuid(organisation),
            from: day("2026-01-01"),
            until,
        };
        let alliance = |other_until| Alliance {
            id: AllianceId::from_uuid(Uuid::from_u128(9)),
            region: RegionCode::BEIJING,
            name: "枫林医联体".to_owned(),
            kind: Kind::Medical,
            lead: OrganisationId::from_uuid(lead),
            members: vec![member(lead, None), member(other, other_until)],
            formed_at: DateTime::UNIX_EPOCH,
        };
        let leave = |alliance: &Alliance, who, until| alliance.leave(OrganisationId::from_uuid(who), day(until));
        let both = alliance(None);
        assert!(matches!(leave(&both, lead, "2026-06-30"), Err(IdentityError::AllianceNeedsItsLead)));
        assert_eq!(leave(&both, other, "2026-06-30").unwrap().until, Some(day("2026-06-30")));
        assert!(matches!(leave(&both, other, "2025-12-31"), Err(IdentityError::Field(_))));
        let alone = alliance(Some(day("2026-06-30")));
        assert!(leave(&alone, lead, "2026-06-30").is_ok());
        assert!(matches!(leave(&alone, other, "2026-07-31"), Err(IdentityError::NotAMember)));
    }
}
