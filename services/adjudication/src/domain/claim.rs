//! A claim: what a provider billed for a visit.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::Deserialize;
use types::ids::{ClaimId, JourneyId, OrganisationId, QuoteId, ReferralId, ResidentId, SettlementId, VisitId};
use types::{care::CareKind, expected::ExpectedLine, money::Money, redacted::Redacted, region::RegionCode, tier::Tier};

use super::line::{Class, Line, PriceLimit};
use super::localized::Localized;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub id: ClaimId,
    /// From 1; a new division of the same visit is the next version.
    pub version: i32,
    pub visit: VisitId,
    pub resident: ResidentId,
    pub provider: OrganisationId,
    pub tier: Tier,
    pub kind: CareKind,
    pub care_region: RegionCode,
    /// None for whom nobody insures.
    pub insured_region: Option<RegionCode>,
    pub from: NaiveDate,
    pub until: NaiveDate,
    pub diagnoses: Vec<Diagnosis>,
    pub lines: Vec<BilledLine>,
    pub total: Money,
    pub referral: Option<ReferralId>,
    pub journey: JourneyId,
    pub quote: Option<QuoteId>,
    /// Of this version.
    pub settlement: SettlementId,
    pub received_at: DateTime<Utc>,
}

/// ICD-10 (医保版), the name as the clinician wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Diagnosis {
    pub icd10_code: String,
    pub name: Redacted<String>,
}

/// A line as billed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BilledLine {
    pub item_code: String,
    pub quantity: Decimal,
    pub unit_price: Decimal,
    pub amount: Money,
    pub on: NaiveDate,
    /// As the catalogue of the place of care had it on that day.
    pub item: Item,
}

/// What the catalogue says of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub name: String,
    pub class: Class,
    pub price_limit: Option<PriceLimit>,
}

impl Item {
    /// Of a line that the catalogue has yet to be asked about.
    pub fn unresolved(code: &str) -> Self {
        Self { name: code.to_owned(), class: Class::C, price_limit: None }
    }
}

impl BilledLine {
    /// As the engine judges it.
    pub fn judged(&self) -> Line {
        Line {
            code: self.item_code.clone(),
            // Catalogues name items in Chinese only.
            name: Localized::new(self.item.name.clone(), self.item.name.clone()),
            quantity: self.quantity,
            unit_price: self.unit_price,
            amount: self.amount,
            class: self.item.class,
            price_limit: self.item.price_limit,
        }
    }
}

/// An expected line as the engine judges it.
pub fn expected(line: &ExpectedLine, amount: Money, item: Item) -> Line {
    Line {
        code: line.item_code.clone(),
        name: Localized::new(item.name.clone(), item.name),
        quantity: line.quantity,
        unit_price: line.unit_price,
        amount,
        class: item.class,
        price_limit: item.price_limit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_08_what_a_clinician_wrote_cannot_be_printed() {
        let diagnosis = Diagnosis { icd10_code: "I10.x00".to_owned(), name: Redacted::new("高血压".to_owned()) };
        assert_eq!(format!("{diagnosis:?}"), "Diagnosis { icd10_code: \"I10.x00\", name: [redacted] }");
    }
}
