//! Terms as they are written. Numbers are optional here only so that a missing one is refused with its path.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use types::money::Money;
use types::tier::Tier;

use super::{Band, Coefficients, Factor, HighOutlier, LowOutlier, Outlier, Terms, TermsError, present};
use crate::Tables;

const OPEN: &str = "none";

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Version of the tables, or `none`: groups come with claims only.
    pub grouper: Option<String>,
    pub base_rate: Option<Money>,
    pub weights: Option<BTreeMap<String, Factor>>,
    pub coefficients: Option<Coefficients>,
    pub high_outlier: Option<HighOutlierDocument>,
    pub low_outlier: Option<LowOutlierDocument>,
    pub ungroupable: Option<UngroupableDocument>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HighOutlierDocument {
    pub bands: Option<Vec<WeightBand>>,
    pub pays: Option<OutlierDocument>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightBand {
    /// Inclusive, or `none`: open.
    pub weight_to: Option<String>,
    pub multiple: Option<Factor>,
}

/// `{"standard_plus_excess": "1"}` or `{"cost": "1"}`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutlierDocument {
    StandardPlusExcess(Factor),
    Cost(Factor),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LowOutlierDocument {
    pub multiple: Option<Factor>,
    pub cost_ratio: Option<Factor>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UngroupableDocument {
    pub cost_ratio: Option<Factor>,
}

/// Reads terms that stand alone in a JSON text, for the tiers they give a coefficient.
pub fn read(text: &str) -> Result<Terms, TermsError> {
    let mut json = serde_json::Deserializer::from_str(text);
    let document: Document = serde_path_to_error::deserialize(&mut json)
        .map_err(|error| TermsError::malformed(error.path().to_string(), error.inner().to_string()))?;
    let tiers = document.coefficients.iter().flat_map(|all| all.by_tier.keys().copied()).collect();
    document.terms(&tiers, "")
}

impl Document {
    /// Complete terms, or the path of what is missing. `path` is where the document stands in a larger one.
    pub fn terms(self, tiers: &BTreeSet<Tier>, path: &str) -> Result<Terms, TermsError> {
        let at = |field: &str| if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") };
        let grouper = present(self.grouper, &at("grouper"))?;
        let base_rate = present(self.base_rate, &at("base_rate"))?;
        if !base_rate.is_positive() {
            return Err(TermsError::malformed(at("base_rate"), "a rate is positive"));
        }
        let weights = present(self.weights, &at("weights"))?;
        if weights.is_empty() {
            return Err(TermsError::missing(at("weights")));
        }
        let coefficients = present(self.coefficients, &at("coefficients"))?;
        coefficients.check(tiers, &at("coefficients"))?;
        let low = present(self.low_outlier, &at("low_outlier"))?;
        let ungroupable = present(self.ungroupable, &at("ungroupable"))?;
        let low = LowOutlier {
            multiple: present(low.multiple, &at("low_outlier.multiple"))?,
            cost_ratio: present(low.cost_ratio, &at("low_outlier.cost_ratio"))?,
        };
        let high = high(present(self.high_outlier, &at("high_outlier"))?, &at("high_outlier"))?;
        if let Some(index) = high.bands.iter().position(|band| band.multiple <= low.multiple) {
            let path = at(&format!("high_outlier.bands[{index}].multiple"));
            return Err(TermsError::malformed(path, "is not above the multiple of low outliers"));
        }
        Ok(Terms {
            grouper: (grouper != OPEN).then_some(grouper),
            base_rate,
            weights,
            coefficients,
            high,
            low,
            ungroupable: present(ungroupable.cost_ratio, &at("ungroupable.cost_ratio"))?,
        })
    }
}

fn high(written: HighOutlierDocument, path: &str) -> Result<HighOutlier, TermsError> {
    let written_bands = present(written.bands, &format!("{path}.bands"))?;
    let last = written_bands.len().saturating_sub(1);
    let mut bands: Vec<Band> = Vec::with_capacity(written_bands.len());
    for (index, band) in written_bands.into_iter().enumerate() {
        let at = |field: &str| format!("{path}.bands[{index}].{field}");
        let to = present(band.weight_to, &at("weight_to"))?;
        let weight_to = match (to.as_str(), index == last) {
            (OPEN, true) => None,
            (OPEN, false) => return Err(TermsError::malformed(at("weight_to"), "only the last band is open")),
            (_, true) => return Err(TermsError::malformed(at("weight_to"), "the last band is open: `none`")),
            (text, false) => {
                let to: Factor = text.parse().map_err(|error: super::factor::FactorError| {
                    TermsError::malformed(at("weight_to"), error.to_string())
                })?;
                if bands.last().and_then(|band| band.weight_to).is_some_and(|before| to <= before) {
                    return Err(TermsError::malformed(at("weight_to"), "is not above the band before"));
                }
                Some(to)
            }
        };
        bands.push(Band { weight_to, multiple: present(band.multiple, &at("multiple"))? });
    }
    if bands.is_empty() {
        return Err(TermsError::missing(format!("{path}.bands")));
    }
    let pays = match present(written.pays, &format!("{path}.pays"))? {
        OutlierDocument::StandardPlusExcess(ratio) => Outlier::StandardPlusExcess(ratio),
        OutlierDocument::Cost(ratio) => Outlier::Cost(ratio),
    };
    Ok(HighOutlier { bands, pays })
}

impl Terms {
    /// Every group of the tables has a weight, and every weight is of a group.
    pub fn check_against(&self, tables: &Tables, path: &str) -> Result<(), TermsError> {
        let at =
            |code: &str| if path.is_empty() { format!("weights.{code}") } else { format!("{path}.weights.{code}") };
        if let Some(code) = tables.drg_codes().find(|code| !self.weights.contains_key(*code)) {
            return Err(TermsError::missing(at(code)));
        }
        match self.weights.keys().find(|code| !tables.has_drg(code)) {
            Some(code) => Err(TermsError::malformed(at(code), "is no group of the tables")),
            None => Ok(()),
        }
    }
}
