//! Value-based payment: the fund's payment goes up or down by a percentage that the provider's quality score earns.

use std::collections::BTreeMap;

use drg::payment::{Place, TermsError, present};
use rust_decimal::Decimal;
use serde::Deserialize;
use types::ids::OrganisationId;
use types::money::{Money, plain_decimal};

use super::document::QualityDocument;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quality {
    /// From score 0, rising; each holds up to the next.
    pub bands: Vec<Band>,
    pub scores: BTreeMap<OrganisationId, Score>,
    pub unscored: Unscored,
    pub sources: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Band {
    /// Inclusive.
    pub score_from: Score,
    pub percent: Percent,
}

/// What a provider without a score gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Unscored {
    /// Neither bonus nor malus.
    Unadjusted,
}

/// 0 to 100, with at most two decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Score(Decimal);

/// −100 to 100, with at most two decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Percent(Decimal);

/// A bonus or malus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adjustment {
    pub score: Score,
    pub percent: Percent,
    pub amount: Money,
}

impl Quality {
    /// Of a payment; none for a provider without a score.
    pub fn adjust(&self, place: &Place, payment: Money) -> Option<Adjustment> {
        let Unscored::Unadjusted = self.unscored;
        let score = *self.scores.get(&place.provider?)?;
        let band = self.bands.iter().rev().find(|band| band.score_from <= score)?;
        let amount = Money::round_half_up(payment.decimal() * band.percent.0 / Decimal::ONE_HUNDRED);
        Some(Adjustment { score, percent: band.percent, amount })
    }
}

pub(super) fn read(written: QualityDocument, path: &str) -> Result<Quality, TermsError> {
    let at = |field: &str| format!("{path}.{field}");
    let written_bands = present(written.bands, &at("bands"))?;
    let mut bands: Vec<Band> = Vec::with_capacity(written_bands.len());
    for (index, band) in written_bands.into_iter().enumerate() {
        let at = |field: &str| format!("{path}.bands[{index}].{field}");
        let score_from = present(band.score_from, &at("score_from"))?;
        let follows = bands.last().map_or(score_from.0.is_zero(), |before| before.score_from < score_from);
        if !follows {
            return Err(TermsError::malformed(at("score_from"), "scores begin at 0 and rise"));
        }
        bands.push(Band { score_from, percent: present(band.percent, &at("percent"))? });
    }
    if bands.is_empty() {
        return Err(TermsError::missing(at("bands")));
    }
    Ok(Quality {
        bands,
        scores: present(written.scores, &at("scores"))?,
        unscored: present(written.unscored, &at("unscored"))?,
        sources: written.source,
    })
}

fn within(text: &str, least: Decimal) -> Result<Decimal, String> {
    let number = plain_decimal(text).map(|number| number.normalize());
    number
        .filter(|number| *number >= least && *number <= Decimal::ONE_HUNDRED && number.scale() <= 2)
        .ok_or_else(|| format!("not a number from {least} to 100 with at most two decimals"))
}

impl TryFrom<String> for Score {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        within(&text, Decimal::ZERO).map(Self)
    }
}

impl TryFrom<String> for Percent {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        within(&text, -Decimal::ONE_HUNDRED).map(Self)
    }
}

impl std::fmt::Display for Score {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::fmt::Display for Percent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
