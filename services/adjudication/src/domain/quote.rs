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
    /// No items are stated, or a booking expects some that no catalogue knows: it verifies cover alone.
    pub fn is_of_cover_alone(&self) -> bool {
        self.basis.lines.is_empty()
    }

    /// The answer that is a price. Of cover alone there is none: what it says of money is nothing of nothing.
    pub fn priced(&self) -> Option<&Adjudication> {
        self.price.adjudication().filter(|_| !self.is_of_cover_alone())
    }

    /// Why, step by step; nothing where items that are stated have no price.
    pub fn explanation(&self) -> Cow<'_, [Step]> {
        match &self.price {
            Price::Priced { adjudication, .. }
            | Price::NotEnrolled { adjudication }
            | Price::NotDesignated { adjudication } => Cow::Borrowed(adjudication.steps.as_slice()),
            // Stored before it was kept with the quote.
            Price::NoPolicy { steps, .. } if steps.is_empty() && self.is_of_cover_alone() => {
                Cow::Owned(engine::no_policy(&self.basis))
            }
            Price::NoPolicy { steps, .. } => Cow::Borrowed(steps),
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
    use crate::domain::circumstances::Circumstances;
    use crate::domain::explanation::Rule;
    use crate::domain::input::Person;
    use types::tier::Tier;

    fn basis(unknown: &[&str]) -> Input {
        let on = "2026-03-02".parse().unwrap();
        Input {
            person: Person { retired: false, age: 40 },
            tier: Tier::Community,
            kind: CareKind::Outpatient,
            from: on,
            to: on,
            total: Money::ZERO,
            lines: vec![],
            unknown_items: unknown.iter().map(|code| (*code).to_owned()).collect(),
            before: Accumulators::default(),
            chain: None,
            referred: false,
            family_doctor: false,
            circumstances: Circumstances::default(),
        }
    }

    fn of(basis: Input, price: Price) -> Quote {
        Quote {
            id: QuoteId::generate(),
            resident: ResidentId::generate(),
            provider: OrganisationId::generate(),
            kind: basis.kind,
            on: basis.from,
            total: basis.total,
            basis,
            price,
            referral: None,
            appointment: None,
            journey: None,
            quoted_at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn sc_06_a_quote_is_explained_as_it_was_stored_and_named_items_are_part_of_what_it_rests_on() {
        let basis = basis(&["T-1"]);
        let nobody = Price::NotEnrolled { adjudication: Box::new(engine::not_enrolled(&basis).unwrap()) };
        let no_policy = Price::NoPolicy { why: "none".to_owned(), steps: engine::no_policy(&basis) };
        for (price, cover) in [(nobody, Rule::NotEnrolled), (no_policy, Rule::NoPolicy)] {
            let stored: Price = serde_json::from_value(serde_json::to_value(&price).unwrap()).unwrap();
            let basis: Input = serde_json::from_value(serde_json::to_value(&basis).unwrap()).unwrap();
            assert_eq!((&stored, basis.unknown_items.as_slice()), (&price, ["T-1".to_owned()].as_slice()));
            let quote = of(basis, stored);
            let rules: Vec<Rule> = quote.explanation().iter().map(|step| step.rule).collect();
            assert_eq!(rules, [Rule::UnknownItems, cover, Rule::Result]);
        }
    }

    #[test]
    fn sc_06_what_was_stored_before_is_read_as_it_is() {
        let stored = serde_json::to_value(basis(&[])).unwrap();
        assert_eq!(stored.get("unknown_items"), None, "an input without any stays as it always was");
        assert_eq!(serde_json::from_value::<Input>(stored).unwrap(), basis(&[]));
        // Once, what was found of no policy was not stored with the quote.
        let price = serde_json::json!({ "NO_POLICY": { "why": "none" } });
        let quote = of(basis(&[]), serde_json::from_value(price).unwrap());
        assert_eq!(*quote.explanation(), engine::no_policy(&basis(&[])));
    }
}
