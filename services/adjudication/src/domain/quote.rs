//! A quote: what care is expected to cost whom. It informs, reserves nothing and can be made again from its own basis.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use types::ids::{AppointmentId, JourneyId, OrganisationId, PolicyId, QuoteId, ReferralId, ResidentId};
use types::{care::CareKind, money::Money};

use super::engine::{self, Adjudication};
use super::explanation::Step;
use super::input::{Accumulators, Input};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    pub id: QuoteId,
    pub resident: ResidentId,
    pub provider: OrganisationId,
    pub kind: CareKind,
    pub on: NaiveDate,
    pub total: Money,
    /// What the engine was given.
    pub basis: Input,
    pub price: Price,
    pub referral: Option<ReferralId>,
    pub appointment: Option<AppointmentId>,
    pub journey: Option<JourneyId>,
    pub quoted_at: DateTime<Utc>,
}

impl Quote {
    /// No items are stated: it verifies cover alone.
    pub fn is_of_cover_alone(&self) -> bool {
        self.basis.lines.is_empty()
    }

    /// The answer that is a price. Of cover alone there is none: what it says of money is nothing of nothing.
    pub fn priced(&self) -> Option<&Adjudication> {
        self.price.adjudication().filter(|_| !self.is_of_cover_alone())
    }

    /// Why, step by step; nothing where an item has no price.
    pub fn explanation(&self) -> Cow<'_, [Step]> {
        match self.price.adjudication() {
            Some(adjudication) => Cow::Borrowed(&adjudication.steps),
            // Nothing that is divided comes to a number that is not published: it can only be that no policy is in force.
            None if self.is_of_cover_alone() => Cow::Owned(engine::no_policy()),
            None => Cow::Owned(vec![]),
        }
    }

    /// Whether it says what care of the person with these ids at this provider costs.
    pub fn is_of(&self, person: &[ResidentId], provider: OrganisationId) -> bool {
        person.contains(&self.resident) && self.provider == provider
    }
}

/// What became of pricing. Never a refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Price {
    Priced {
        policy: PolicyId,
        policy_digest: String,
        adjudication: Box<Adjudication>,
    },
    /// Nobody insures the person that day: all own share.
    NotEnrolled {
        adjudication: Box<Adjudication>,
    },
    /// Insured, but the provider's contract does not pay for this care that day: all own share.
    NotDesignated {
        adjudication: Box<Adjudication>,
    },
    /// Insured, but no policy in force covers this care at this tier.
    NoPolicy {
        why: String,
    },
}

impl Price {
    pub const fn outcome(&self) -> &'static str {
        match self {
            Self::Priced { .. } => "PRICED",
            Self::NotEnrolled { .. } => "NOT_ENROLLED",
            Self::NotDesignated { .. } => "NOT_DESIGNATED",
            Self::NoPolicy { .. } => "NO_POLICY",
        }
    }

    pub fn adjudication(&self) -> Option<&Adjudication> {
        match self {
            Self::Priced { adjudication, .. }
            | Self::NotEnrolled { adjudication }
            | Self::NotDesignated { adjudication } => Some(adjudication),
            Self::NoPolicy { .. } => None,
        }
    }

    pub fn policy(&self) -> Option<(PolicyId, &str)> {
        match self {
            Self::Priced { policy, policy_digest, .. } => Some((*policy, policy_digest)),
            Self::NotEnrolled { .. } | Self::NotDesignated { .. } | Self::NoPolicy { .. } => None,
        }
    }

    pub fn own_share(&self) -> Option<Money> {
        self.adjudication().map(|adjudication| adjudication.shares.own())
    }

    pub fn before(&self) -> Option<Accumulators> {
        self.adjudication().map(|adjudication| adjudication.before)
    }
}
