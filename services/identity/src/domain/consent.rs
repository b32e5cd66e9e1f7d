//! Who may see a resident's health data, which of it, what for and when.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use proto::convert::FieldError;
use types::ids::{ConsentId, OrganisationId, ResidentId};
use types::region::RegionCode;
use types::tier::Tier;

use super::check_term;
use super::organisation::{Kind, Organisation};
use super::word::words;

words! {
    /// What the data may be used for. One purpose never covers another.
    Purpose {
        Referral = "REFERRAL",
        Treatment = "TREATMENT",
        Research = "RESEARCH",
    }
}

words! {
    /// Kinds of data. Those after `Medication` are sensitive (PIPL Art. 28): shared only where they are named.
    DataKind {
        Summary = "SUMMARY",
        Results = "RESULTS",
        Imaging = "IMAGING",
        Medication = "MEDICATION",
        MentalHealth = "MENTAL_HEALTH",
        Hiv = "HIV",
        Reproductive = "REPRODUCTIVE",
        Genetic = "GENETIC",
    }
}

impl DataKind {
    /// What is shared where no kind is named.
    pub const ORDINARY: [Self; 4] = [Self::Summary, Self::Results, Self::Imaging, Self::Medication];
}

words! {
    /// A class of organisations.
    RecipientClass {
        Providers = "PROVIDERS",
        CommunityProviders = "COMMUNITY_PROVIDERS",
        DistrictProviders = "DISTRICT_PROVIDERS",
        TertiaryProviders = "TERTIARY_PROVIDERS",
    }
}

impl RecipientClass {
    /// The classes that an organisation belongs to.
    pub fn of(organisation: &Organisation) -> Vec<Self> {
        if organisation.kind != Kind::Provider {
            return vec![];
        }
        let by_tier = organisation.tier.map(|tier| match tier {
            Tier::Community => Self::CommunityProviders,
            Tier::District => Self::DistrictProviders,
            Tier::Tertiary => Self::TertiaryProviders,
        });
        [Self::Providers].into_iter().chain(by_tier).collect()
    }
}

/// Who may see it: never nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipient {
    Organisation(OrganisationId),
    Class(RecipientClass),
}

impl Recipient {
    pub const fn organisation(self) -> Option<OrganisationId> {
        match self {
            Self::Organisation(id) => Some(id),
            Self::Class(_) => None,
        }
    }

    pub const fn class(self) -> Option<RecipientClass> {
        match self {
            Self::Organisation(_) => None,
            Self::Class(class) => Some(class),
        }
    }
}

/// Where a consent stands at a moment. Expiry is a fact of time, never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    NotBegun,
    Active,
    Expired,
    Revoked,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    pub id: ConsentId,
    pub region: RegionCode,
    pub resident: ResidentId,
    pub recipient: Recipient,
    pub purpose: Purpose,
    pub kinds: BTreeSet<DataKind>,
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
    pub granted_at: DateTime<Utc>,
    pub revoked_at: Option<DateTime<Utc>>,
}

impl Consent {
    pub fn check_grant(&self) -> Result<(), FieldError> {
        check_term(self.from, self.until, self.granted_at)
    }

    pub fn state(&self, now: DateTime<Utc>) -> State {
        if self.revoked_at.is_some() {
            State::Revoked
        } else if self.until <= now {
            State::Expired
        } else if self.from > now {
            State::NotBegun
        } else {
            State::Active
        }
    }

    /// Takes it back. The first time counts.
    #[must_use]
    pub fn revoke(self, now: DateTime<Utc>) -> Self {
        Self { revoked_at: self.revoked_at.or(Some(now)), ..self }
    }
}

/// Of consents in force for somebody, those that together cover what is asked, each for something; none where they do not.
pub fn covering(in_force: Vec<Consent>, asked: &BTreeSet<DataKind>) -> Option<Vec<Consent>> {
    let mut open = asked.clone();
    let mut covering = Vec::new();
    for consent in in_force {
        let covers = open.iter().any(|kind| consent.kinds.contains(kind));
        if covers {
            open.retain(|kind| !consent.kinds.contains(kind));
            covering.push(consent);
        }
    }
    (open.is_empty() && !covering.is_empty()).then_some(covering)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn consent(kinds: &[DataKind]) -> Consent {
        Consent {
            id: ConsentId::generate(),
            region: RegionCode::BEIJING,
            resident: ResidentId::generate(),
            recipient: Recipient::Organisation(OrganisationId::generate()),
            purpose: Purpose::Referral,
            kinds: kinds.iter().copied().collect(),
            from: NOW,
            until: NOW + TimeDelta::days(1),
            granted_at: NOW,
            revoked_at: None,
        }
    }

    #[test]
    fn id_06_a_sensitive_kind_is_shared_only_where_it_is_named() {
        let ordinary = consent(&DataKind::ORDINARY);
        let covers = |kind| covering(vec![ordinary.clone()], &BTreeSet::from([kind])).is_some();
        for kind in [DataKind::Summary, DataKind::Results, DataKind::Imaging, DataKind::Medication] {
            assert!(covers(kind), "{kind}");
        }
        for kind in [DataKind::MentalHealth, DataKind::Hiv, DataKind::Reproductive, DataKind::Genetic] {
            assert!(!covers(kind), "{kind}");
        }
    }

    #[test]
    fn id_06_consents_together_cover_what_none_covers_alone() {
        let (ordinary, hiv) = (consent(&DataKind::ORDINARY), consent(&[DataKind::Hiv]));
        let asked = BTreeSet::from([DataKind::Summary, DataKind::Hiv]);
        assert_eq!(covering(vec![ordinary.clone()], &asked), None);
        let both = covering(vec![consent(&[DataKind::Genetic]), ordinary.clone(), hiv.clone()], &asked);
        assert_eq!(both, Some(vec![ordinary, hiv]));
        assert_eq!(covering(vec![], &asked), None);
    }

    #[test]
    fn id_06_a_consent_begins_and_ends_at_its_times_and_when_it_is_taken_back() {
        let consent = Consent { from: NOW + TimeDelta::hours(1), ..consent(&[DataKind::Summary]) };
        assert_eq!(consent.state(NOW), State::NotBegun);
        assert_eq!(consent.state(consent.from), State::Active);
        assert_eq!(consent.state(consent.until), State::Expired);
        let revoked = consent.clone().revoke(NOW);
        assert_eq!(revoked.state(consent.from), State::Revoked);
        assert_eq!(revoked.clone().revoke(NOW + TimeDelta::hours(1)), revoked);
        let backwards = Consent { from: consent.until, ..consent };
        assert_eq!(backwards.check_grant().unwrap_err().field, "until");
    }
}
