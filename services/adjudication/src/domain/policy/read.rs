//! From a document to a policy: everything present, everything sourced, everybody's ratio exactly once.

use std::collections::{BTreeMap, BTreeSet};

use types::{
    money::{Money, Ratio},
    tier::Tier,
};

use super::{
    Band, ByStatus, CareRules, Deductible, LargeAmount, PointsRule, Policy, PolicyError, Problem, RatioRow, Sourced,
    StayDeductible, StayDeductibles, document as doc,
    limit::{Limit, Published},
};
use crate::domain::{input::Person, localized::Localized};

/// Where ratios are checked for everybody; nobody insured is older.
const AGE_MAX: u32 = 150;

type Read<T> = Result<T, PolicyError>;

pub(super) fn policy(text: &str) -> Read<Policy> {
    let json: serde_json::Value = serde_json::from_str(text).map_err(|error| malformed("", &error))?;
    refuse_nulls(&json, "")?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let document: doc::Document = serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| malformed(&error.path().to_string(), error.inner()))?;

    let sources = Sources(&document.sources);
    sources.check("rounding", &document.rounding.source)?;
    let effective_from = present(document.effective.from, "effective.from")?;
    if document.effective.to.is_some_and(|to| to < effective_from) {
        return Err(malformed("effective.to", &"ends before it begins"));
    }
    if document.id.is_empty() {
        return Err(malformed("id", &"is empty"));
    }
    let outpatient = document.outpatient.map(|care| sources.care(care, "outpatient", false)).transpose()?;
    let inpatient = document.inpatient.map(|care| sources.care(care, "inpatient", true)).transpose()?;
    if outpatient.is_none() && inpatient.is_none() {
        return Err(missing("outpatient"));
    }
    let doc::Format::V1 = document.format;
    Ok(Policy {
        id: document.id,
        region: document.region,
        scheme: document.scheme,
        name: document.name,
        demonstration: document.demonstration,
        effective_from,
        effective_to: document.effective.to,
        judged_on: document.judged_on,
        sources: document.sources,
        outpatient,
        inpatient,
    })
}

/// `null` says "not known", and an unknown number must not reach a calculation. Only an open end may be null.
fn refuse_nulls(json: &serde_json::Value, path: &str) -> Read<()> {
    match json {
        serde_json::Value::Null if path != "effective.to" => Err(missing(path)),
        serde_json::Value::Array(items) => {
            items.iter().enumerate().try_for_each(|(index, item)| refuse_nulls(item, &format!("{path}[{index}]")))
        }
        serde_json::Value::Object(fields) => fields.iter().try_for_each(|(name, value)| {
            let separator = if path.is_empty() { "" } else { "." };
            refuse_nulls(value, &format!("{path}{separator}{name}"))
        }),
        _ => Ok(()),
    }
}

/// The legal sources that the document lists.
struct Sources<'a>(&'a BTreeMap<String, Localized>);

impl Sources<'_> {
    fn check(&self, path: &str, cited: &[String]) -> Read<()> {
        let path = format!("{path}.source");
        if cited.is_empty() {
            return Err(error(&path, Problem::NoSource));
        }
        if cited.iter().any(|key| !self.0.contains_key(key)) {
            return Err(error(&path, Problem::UnknownSource));
        }
        Ok(())
    }

    fn sourced<T>(&self, path: &str, value: T, sources: Vec<String>) -> Read<Sourced<T>> {
        self.check(path, &sources)?;
        Ok(Sourced { value, sources })
    }

    fn value<T>(&self, path: &str, value: Option<doc::Value<T>>) -> Read<Sourced<T>> {
        let value = present(value, path)?;
        self.sourced(path, present(value.value, &format!("{path}.value"))?, value.source)
    }

    fn care(&self, care: doc::Care, path: &str, per_stay: bool) -> Read<CareRules> {
        if care.tiers.is_empty() {
            return Err(missing(&format!("{path}.tiers")));
        }
        let at = |field: &str| format!("{path}.{field}");
        let points =
            |field: &str, rule: Option<doc::PointsRule>| rule.map(|rule| self.points(&at(field), rule)).transpose();
        let deductible = if per_stay {
            self.stay_deductible(path, care.deductible, care.referral_chain, &care.tiers)?
        } else {
            self.year_deductible(path, care.deductible, care.referral_chain.is_some())?
        };
        let cover_limit = self.value(&at("cover_limit"), care.cover_limit)?;
        if cover_limit.value == Limit::NotPublished {
            return Err(missing(&at("cover_limit.value")));
        }
        Ok(CareRules {
            bands: self.bands(&at("bands"), care.bands, &care.tiers, cover_limit.value)?,
            deductible,
            retired_self_factor: match care.retired_self_factor {
                Some(factor) => Some(self.value(&at("retired_self_factor"), Some(factor))?),
                None => None,
            },
            unreferred_minus: points("unreferred_minus", care.unreferred_minus)?,
            family_doctor_plus: points("family_doctor_plus", care.family_doctor_plus)?,
            cover_limit,
            pooled_ceiling: self.value(&at("pooled_ceiling"), care.pooled_ceiling)?,
            large_amount: care.large_amount.map(|layer| self.large_amount(&at("large_amount"), layer)).transpose()?,
            tiers: care.tiers,
        })
    }

    fn year_deductible(
        &self,
        care_path: &str,
        deductible: Option<doc::Deductible>,
        has_chain: bool,
    ) -> Read<Sourced<Deductible>> {
        let path = format!("{care_path}.deductible");
        let deductible = present(deductible, &path)?;
        if deductible.per_stay.is_some() || deductible.settlement_cycle_days.is_some() || has_chain {
            return Err(malformed(&path, &"outpatient care has a deductible per year, without cycles and chains"));
        }
        let per_year = amounts(&format!("{path}.per_year"), deductible.per_year)?;
        self.sourced(&path, Deductible::PerYear(per_year), deductible.source)
    }

    fn stay_deductible(
        &self,
        care_path: &str,
        deductible: Option<doc::Deductible>,
        chain: Option<doc::ReferralChain>,
        tiers: &BTreeSet<Tier>,
    ) -> Read<Sourced<Deductible>> {
        let path = format!("{care_path}.deductible");
        let deductible = present(deductible, &path)?;
        if deductible.per_year.is_some() {
            return Err(malformed(&path, &"inpatient care has a deductible per stay"));
        }
        if deductible.settlement_cycle_days == Some(0) {
            return Err(malformed(&format!("{path}.settlement_cycle_days"), &"a cycle has at least one day"));
        }
        let chain_path = format!("{care_path}.referral_chain");
        let chain = present(chain, &chain_path)?;
        self.check(&chain_path, &chain.source)?;
        let mut written = present(deductible.per_stay, &format!("{path}.per_stay"))?;
        let mut by_tier = BTreeMap::new();
        for tier in tiers {
            let path = format!("{path}.per_stay.{tier}");
            let stay = present(written.remove(tier), &path)?;
            let first = amounts(&format!("{path}.first"), stay.first)?;
            let repeat = amounts(&format!("{path}.repeat"), stay.repeat)?;
            by_tier.insert(*tier, StayDeductible { first, repeat });
        }
        if let Some(tier) = written.keys().next() {
            return Err(malformed(&format!("{path}.per_stay.{tier}"), &"is not one of the tiers covered"));
        }
        let value = Deductible::PerStay(StayDeductibles {
            by_tier,
            settlement_cycle_days: deductible.settlement_cycle_days,
            up: chain.up,
            down: chain.down,
            chain_sources: chain.source,
        });
        self.sourced(&path, value, deductible.source)
    }

    /// From zero without gap or overlap up to the limit of cover, or open at the top.
    fn bands(&self, path: &str, bands: Vec<doc::Band>, tiers: &BTreeSet<Tier>, cover_limit: Limit) -> Read<Vec<Band>> {
        let mut read = Vec::with_capacity(bands.len());
        let mut begins = Some(Money::ZERO);
        for (index, band) in bands.into_iter().enumerate() {
            let path = format!("{path}[{index}]");
            self.check(&path, &band.source)?;
            let from = present(band.from, &format!("{path}.from"))?;
            let expected = begins.ok_or_else(|| malformed(&path, &"follows a band that is open at the top"))?;
            if from != expected {
                return Err(error(&format!("{path}.from"), Problem::NotContiguous { expected }));
            }
            let to = match present(band.to, &format!("{path}.to"))? {
                Limit::Amount(to) if to > from => Some(to),
                Limit::Amount(_) => return Err(malformed(&format!("{path}.to"), &"is not above its beginning")),
                Limit::None => None,
                Limit::NotPublished => return Err(missing(&format!("{path}.to"))),
            };
            begins = to;
            let rows = rows(&format!("{path}.fund_ratio"), band.fund_ratio, tiers)?;
            read.push(Band { from, to, rows, sources: band.source });
        }
        let top = read.last().ok_or_else(|| missing(path))?.to;
        if top.is_some() && top != cover_limit.amount() {
            return Err(malformed(path, &"end neither open (\"none\") nor exactly at the limit of cover"));
        }
        Ok(read)
    }

    fn points(&self, path: &str, rule: doc::PointsRule) -> Read<Sourced<PointsRule>> {
        let points = present(rule.points, &format!("{path}.points"))?;
        if rule.tiers.is_empty() {
            return Err(missing(&format!("{path}.tiers")));
        }
        self.sourced(path, PointsRule { points, tiers: rule.tiers }, rule.source)
    }

    fn large_amount(&self, path: &str, layer: doc::LargeAmount) -> Read<Sourced<LargeAmount>> {
        let ratio: ByStatus<Published<Ratio>> = by_status(&format!("{path}.fund_ratio"), layer.fund_ratio)?;
        let ceiling = present(layer.ceiling, &format!("{path}.ceiling"))?;
        self.sourced(path, LargeAmount { ratio, ceiling }, layer.source)
    }
}

/// The rows of a band give everybody whom the care covers exactly one ratio at every tier covered.
fn rows(path: &str, rows: Vec<doc::RatioRow>, tiers: &BTreeSet<Tier>) -> Read<Vec<RatioRow>> {
    let mut read = Vec::with_capacity(rows.len());
    for (index, row) in rows.into_iter().enumerate() {
        if let Some(tier) = row.by_tier.keys().find(|tier| !tiers.contains(tier)) {
            return Err(malformed(&format!("{path}[{index}].by_tier.{tier}"), &"is not one of the tiers covered"));
        }
        let doc::RatioRow { retired, age_from, age_below, by_tier } = row;
        read.push(RatioRow { retired, age_from, age_below, by_tier });
    }
    let statuses = [false, true];
    for (retired, age, tier) in statuses
        .iter()
        .flat_map(|retired| (0..=AGE_MAX).flat_map(move |age| tiers.iter().map(move |tier| (*retired, age, *tier))))
    {
        let person = Person { retired, age };
        let matching = |(index, row): &(usize, &RatioRow)| row.applies_to(person).then_some(*index);
        let matched: Vec<usize> = read.iter().enumerate().filter_map(|row| matching(&row)).collect();
        match matched.as_slice() {
            [only] if read[*only].by_tier.contains_key(&tier) => {}
            [only] => return Err(missing(&format!("{path}[{only}].by_tier.{tier}"))),
            several => {
                let status = if retired { "retired" } else { "active" };
                let who = format!("{status} persons of {age}");
                return Err(error(path, Problem::RatioNotUnique { who, matches: several.len() }));
            }
        }
    }
    Ok(read)
}

fn by_status<T>(path: &str, value: Option<doc::ByStatus<T>>) -> Read<ByStatus<T>> {
    let value = present(value, path)?;
    Ok(ByStatus {
        active: present(value.active, &format!("{path}.active"))?,
        retired: present(value.retired, &format!("{path}.retired"))?,
    })
}

fn amounts(path: &str, value: Option<doc::ByStatus<Money>>) -> Read<ByStatus<Money>> {
    let amounts = by_status(path, value)?;
    if amounts.active.is_negative() || amounts.retired.is_negative() {
        return Err(malformed(path, &"a deductible is not negative"));
    }
    Ok(amounts)
}

fn present<T>(value: Option<T>, path: &str) -> Read<T> {
    value.ok_or_else(|| missing(path))
}

fn missing(path: &str) -> PolicyError {
    error(path, Problem::Missing)
}

fn malformed(path: &str, what: &dyn ToString) -> PolicyError {
    error(path, Problem::Malformed(what.to_string()))
}

fn error(path: &str, problem: Problem) -> PolicyError {
    // The root, as serde_path_to_error writes it.
    let path = if path.is_empty() { "." } else { path };
    PolicyError { path: path.to_owned(), problem }
}
