//! National rules: what every region's policy has to keep, and where one does not.
//!
//! They divide no claim themselves. A region's document states its own figures; this says which of them fall short of the rules above.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use types::money::Ratio;

use super::{
    circumstances::{Area, Group},
    document::in_words,
    localized::Localized,
    policy::{Away, CareRules, Deductible, DownRule, Points, Policy, PolicyError, Problem, UpRule},
};

const DOCUMENT: &str = include_str!("../../policies/national-rules.json");

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NationalRules {
    #[expect(dead_code, reason = "the one format there is; the document states it all the same")]
    format: Format,
    pub name: Localized,
    sources: BTreeMap<String, Localized>,
    pub referral_chain: ReferralChain,
    pub tier_gap: TierGap,
    pub assistance_minimum: AssistanceMinimum,
    pub cross_region: CrossRegion,
    pub waiting: Waiting,
    pub cross_region_chronic_diseases: Count,
    pub long_prescription_weeks: Count,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum Format {
    #[serde(rename = "anjia.national/1")]
    V1,
}

/// The deductible along a referral chain (国办 2026-04).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReferralChain {
    pub up: UpRule,
    pub down: DownRule,
    pub source: Vec<String>,
}

/// How far the ratios of two neighbouring tiers lie apart, about.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TierGap {
    pub points: Points,
    pub source: Vec<String>,
}

/// What medical assistance pays some groups at least (国办发〔2021〕42号).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssistanceMinimum {
    pub groups: BTreeSet<Group>,
    pub fund_ratio: Ratio,
    pub source: Vec<String>,
}

/// Care in another region (医保发〔2022〕22号).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrossRegion {
    pub catalogue: Whose,
    pub entitlement: Whose,
    pub emergency_counts_as_filed: bool,
    pub filing_before_discharge_in_time: bool,
    pub source: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Whose {
    PlaceOfCare,
    HomeRegion,
}

/// Waiting after a break in resident cover (国办发〔2024〕38号).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiting {
    pub months: u32,
    pub further_months_per_missed_year: u32,
    pub source: Vec<String>,
}

impl Waiting {
    /// `missed_years` in a row without cover, the present one among them.
    pub const fn months(&self, missed_years: u32) -> u32 {
        match missed_years {
            0 => 0,
            years => self.months.saturating_add(self.further_months_per_missed_year.saturating_mul(years - 1)),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Count {
    pub value: u32,
    pub source: Vec<String>,
}

/// Where a policy falls short of a national rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deviation {
    /// In the policy's document.
    pub path: String,
    pub what: Localized,
    /// The rule's legal texts.
    pub sources: Vec<Localized>,
}

impl NationalRules {
    /// The rules that this platform ships.
    pub fn shipped() -> Result<Self, PolicyError> {
        Self::read(DOCUMENT)
    }

    pub fn read(text: &str) -> Result<Self, PolicyError> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let rules: Self = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| PolicyError {
            path: error.path().to_string(),
            problem: Problem::Malformed(in_words(error.inner())),
        })?;
        let cited = [
            ("referral_chain", &rules.referral_chain.source),
            ("tier_gap", &rules.tier_gap.source),
            ("assistance_minimum", &rules.assistance_minimum.source),
            ("cross_region", &rules.cross_region.source),
            ("waiting", &rules.waiting.source),
            ("cross_region_chronic_diseases", &rules.cross_region_chronic_diseases.source),
            ("long_prescription_weeks", &rules.long_prescription_weeks.source),
        ];
        for (path, source) in cited {
            let problem = match source.iter().find(|key| !rules.sources.contains_key(*key)) {
                Some(_) => Problem::UnknownSource,
                None if source.is_empty() => Problem::NoSource,
                None => continue,
            };
            return Err(PolicyError { path: format!("{path}.source"), problem });
        }
        Ok(rules)
    }

    /// Where a policy falls short. It may still be released: many regions' texts are older than the rules.
    pub fn deviations(&self, policy: &Policy) -> Vec<Deviation> {
        let sections = [("outpatient", &policy.outpatient), ("inpatient", &policy.inpatient)];
        let sections = sections.into_iter().filter_map(|(path, rules)| rules.as_ref().map(|rules| (path, rules)));
        let mut found: Vec<Deviation> = sections.flat_map(|(path, rules)| self.of_care(path, rules)).collect();
        found.extend(self.of_assistance(policy));
        found
    }

    fn of_care(&self, path: &str, rules: &CareRules) -> Vec<Deviation> {
        let mut found = Vec::new();
        if let Deductible::PerStay(stays) = &rules.deductible.value
            && (stays.up != self.referral_chain.up || stays.down != self.referral_chain.down)
        {
            let what = Localized::new(
                "转诊链上起付线须连续计算，下转不再另付。",
                "Along a referral chain the deductible counts on upwards and is not due anew downwards.",
            );
            found.push(self.deviation(format!("{path}.referral_chain"), what, &self.referral_chain.source));
        }
        for (index, band) in rules.bands.iter().enumerate() {
            for (row, ratios) in band.rows.iter().enumerate() {
                let ratios: Vec<&Ratio> = ratios.by_tier.values().collect();
                if ratios.windows(2).any(|pair| pair[0] < pair[1]) {
                    let what = Localized::new(
                        "较低级别机构的支付比例不应低于较高级别机构。",
                        "A lower tier is not paid less than a higher one.",
                    );
                    let path = format!("{path}.bands[{index}].fund_ratio[{row}].by_tier");
                    found.push(self.deviation(path, what, &self.tier_gap.source));
                }
            }
        }
        if let Some(away) = &rules.out_of_area
            && self.cross_region.emergency_counts_as_filed
            && away.value.get(&Area::Emergency).zip(away.value.get(&Area::TemporaryReferral)).is_some_and(is_worse)
        {
            let what = Localized::new("异地急诊抢救视同已备案。", "An emergency elsewhere counts as filed.");
            let path = format!("{path}.out_of_area.by_filing.EMERGENCY");
            found.push(self.deviation(path, what, &self.cross_region.source));
        }
        found
    }

    fn of_assistance(&self, policy: &Policy) -> Vec<Deviation> {
        let minimum = &self.assistance_minimum;
        let rows = policy.above.assistance.iter().flat_map(|layer| layer.value.rows.iter().enumerate());
        let short = rows.filter(|(_, row)| !row.groups.is_disjoint(&minimum.groups) && row.ratio < minimum.fund_ratio);
        short
            .map(|(index, _)| {
                let percent = minimum.fund_ratio.percent();
                let what = Localized::new(
                    format!("对低保对象、特困人员的救助比例不低于{percent}。"),
                    format!("Low-income and destitute persons are assisted with at least {percent}."),
                );
                self.deviation(format!("medical_assistance.rows[{index}].fund_ratio"), what, &minimum.source)
            })
            .collect()
    }

    fn deviation(&self, path: String, what: Localized, source: &[String]) -> Deviation {
        let sources = source.iter().filter_map(|key| self.sources.get(key)).cloned().collect();
        Deviation { path, what, sources }
    }
}

/// Whether the first leaves less of every ratio than the second.
fn is_worse((first, second): (&Away, &Away)) -> bool {
    let left = |away: &Away| match away {
        Away::Multiply(factor) => *factor,
        Away::Minus(points) => points.taken_from(Ratio::ONE),
    };
    left(first) < left(second)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEIJING: &str = include_str!("../../policies/beijing-employee.json");
    const DEMONSTRATION: &str = include_str!("../../policies/demonstration-city.json");

    fn found(document: &str, from: &str, to: &str) -> Vec<String> {
        assert!(document.contains(from), "{from}");
        let policy = Policy::read(&document.replace(from, to)).unwrap();
        let deviations = NationalRules::shipped().unwrap().deviations(&policy);
        deviations.into_iter().map(|deviation| deviation.path).collect()
    }

    #[test]
    fn rf_09_a_policy_that_charges_the_deductible_anew_falls_short_of_the_national_rule() {
        assert_eq!(found(BEIJING, "COUNTS_ON", "COUNTS_ON"), [""; 0]);
        assert_eq!(found(BEIJING, "COUNTS_ON", "ANEW"), ["inpatient.referral_chain"]);
        assert_eq!(found(BEIJING, "NONE_ANEW", "ANEW"), ["inpatient.referral_chain"]);
    }

    #[test]
    fn ad_12_assistance_of_less_than_70_percent_falls_short() {
        let at = "\"fund_ratio\": \"0.70\" }],\n    \"ceiling\"";
        assert_eq!(found(DEMONSTRATION, at, &at.replace("0.70", "0.6999")), ["medical_assistance.rows[0].fund_ratio"]);
    }

    #[test]
    fn ad_05_a_community_paid_less_than_a_hospital_falls_short() {
        assert_eq!(
            found(DEMONSTRATION, "\"COMMUNITY\": \"0.85\"", "\"COMMUNITY\": \"0.55\""),
            ["outpatient.bands[0].fund_ratio[0].by_tier"]
        );
    }

    #[test]
    fn id_03_every_further_missed_year_adds_a_month_of_waiting() {
        let waiting = NationalRules::shipped().unwrap().waiting;
        assert_eq!([0, 1, 2, 4].map(|years| waiting.months(years)), [0, 3, 4, 6]);
    }
}
