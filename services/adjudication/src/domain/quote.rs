//! A quote: what care is expected to cost whom. It informs, reserves nothing and can be made again from its own basis.

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
    /// No items are stated, or a booking expects some that no catalogue knows: it verifies cover alone.
    pub fn is_of_cover_alone(&self) -> bool {
        self.basis.lines.is_empty()
    }

    /// The answer that is a price. Of cover alone there is none: what it says of money is nothing of nothing.
    pub fn priced(&self) -> Option<&Adjudication> {
        self.price.adjudication().filter(|_| !self.is_of_cover_alone())
    }

    /// Why, step by step; nothing where items that are stated have no price.
    pub fn explanation(&self) -> &[Step] {
        self.price.steps()
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
        /// The explanation of a quote of cover alone. Of items that are stated nothing was divided that could be explained.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        steps: Vec<Step>,
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

    fn steps(&self) -> &[Step] {
        match self {
            Self::Priced { adjudication, .. }
            | Self::NotEnrolled { adjudication }
            | Self::NotDesignated { adjudication } => &adjudication.steps,
            Self::NoPolicy { steps, .. } => steps,
        }
    }

    /// The same of cover alone, whose explanation names what was expected and no catalogue knows.
    #[must_use]
    pub fn beside_unknown(mut self, codes: &[String]) -> Self {
        let steps = match &mut self {
            Self::Priced { adjudication, .. }
            | Self::NotEnrolled { adjudication }
            | Self::NotDesignated { adjudication } => &mut adjudication.steps,
            Self::NoPolicy { steps, .. } => steps,
        };
        if let Some(first) = steps.first_mut() {
            *first = engine::unknown_items(codes);
        }
        self
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::explanation::Rule;

    #[test]
    fn sc_06_items_that_no_catalogue_knows_are_named_whatever_cover_was_found() {
        let codes = ["T-1".to_owned(), "T-2".to_owned()];
        let nobody = engine::not_enrolled("2026-03-02".parse().unwrap(), Money::ZERO, &[]).unwrap();
        let found = [
            (Price::NotEnrolled { adjudication: Box::new(nobody) }, Rule::NotEnrolled),
            (Price::NoPolicy { why: "none".to_owned(), steps: engine::no_policy() }, Rule::NoPolicy),
        ];
        for (price, rule) in found {
            let price = price.beside_unknown(&codes);
            let stored: Price = serde_json::from_value(serde_json::to_value(&price).unwrap()).unwrap();
            assert_eq!(stored, price);
            let [unknown, cover, open] = price.steps() else { panic!("{price:?}") };
            assert_eq!((unknown.rule, cover.rule, open.rule), (Rule::UnknownItems, rule, Rule::Result));
            assert!(unknown.text.zh.contains("T-1、T-2") && unknown.text.en.contains("T-1, T-2"), "{unknown:?}");
        }
    }
}
