//! The fund's ratios along the axis, compared for everybody a document tells apart: by status, age, own clinic and tier. Two documents
//! may cut their bands differently and still say the same.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use serde_json::Value;
use types::money::Ratio;

use super::change::Change;
use super::facts::is_banded;
use super::words::{For, Words, joined, term};

/// People whom no row of either document tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Who {
    is_retired: bool,
    own_clinic: bool,
    age_from: u64,
    age_below: Option<u64>,
}

/// Where on the axis and what it was and is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Differs {
    tier: String,
    from: Decimal,
    to: Option<Decimal>,
    old: Option<Decimal>,
    new: Option<Decimal>,
}

/// Every section of either document that has bands by tier.
pub(super) fn compare(old: &Value, new: &Value) -> Vec<Change> {
    let sections = |document: &Value| -> BTreeSet<String> {
        let is_care = |name: &str, section: &Value| {
            let path = [name.to_owned(), "bands".to_owned()];
            section.get("bands").is_some_and(|bands| is_banded(&path, bands))
        };
        let fields = document.as_object().into_iter().flatten();
        fields.filter(|(name, section)| is_care(name, section)).map(|(name, _)| name.clone()).collect()
    };
    let names = &sections(old) | &sections(new);
    names.iter().flat_map(|name| section(name, &old[name.as_str()], &new[name.as_str()])).collect()
}

fn section(name: &str, old: &Value, new: &Value) -> Vec<Change> {
    let people = people(&[old, new]);
    let mut differing: BTreeMap<Differs, Vec<Who>> = BTreeMap::new();
    for tier in &tiers(&[old, new]) {
        for who in &people {
            for differs in along_axis(tier, *who, old, new) {
                differing.entry(differs).or_default().push(*who);
            }
        }
    }
    let ratios = differing.into_iter().map(|(differs, who)| change(name, &differs, &who, people.len()));
    ratios.chain(sources(name, old, new)).collect()
}

/// Where the bands cite other texts than they did.
fn sources(name: &str, old: &Value, new: &Value) -> Vec<Change> {
    let stretches = stretches(old, new, |section, from| {
        let cited = band(section, from)?.get("source")?.as_array()?;
        Some(cited.iter().filter_map(Value::as_str).map(str::to_owned).collect::<BTreeSet<_>>())
    });
    let shown = |cited: Option<BTreeSet<String>>| {
        cited.map(|cited| joined(&cited.iter().map(|word| term(word)).collect::<Vec<_>>(), ["、", ", "]))
    };
    let change = |stretch: Stretch<BTreeSet<String>>| Change {
        path: format!("{name}.bands.source"),
        place: joined(&[term(name), words(stretch.from, stretch.to), term("source")], [" · ", " · "]),
        old: shown(stretch.old),
        new: shown(stretch.new),
        for_people: For::Unclear,
    };
    stretches.into_iter().map(change).collect()
}

fn rows(section: &Value) -> impl Iterator<Item = &Value> {
    bands(section).filter_map(|band| band.get("fund_ratio")).filter_map(Value::as_array).flatten()
}

fn bands(section: &Value) -> impl Iterator<Item = &Value> {
    section.get("bands").and_then(Value::as_array).into_iter().flatten()
}

fn tiers(sections: &[&Value]) -> Vec<String> {
    let named: BTreeSet<&str> = sections
        .iter()
        .filter_map(|section| section.get("tiers").and_then(Value::as_array))
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    // From the lowest up, as people say them.
    ["COMMUNITY", "DISTRICT", "TERTIARY"].into_iter().filter(|tier| named.contains(tier)).map(str::to_owned).collect()
}

fn people(sections: &[&Value]) -> Vec<Who> {
    let all = || sections.iter().flat_map(|section| rows(section));
    let mut ages = BTreeSet::from([0]);
    ages.extend(
        all().flat_map(|row| ["age_from", "age_below"].map(|name| row.get(name).and_then(Value::as_u64))).flatten(),
    );
    let ages: Vec<u64> = ages.into_iter().collect();
    let tells_clinics = all().any(|row| row.get("own_clinic").is_some_and(Value::is_boolean));
    let mut people = vec![];
    for is_retired in [false, true] {
        for own_clinic in if tells_clinics { vec![true, false] } else { vec![false] } {
            for (index, age_from) in ages.iter().enumerate() {
                let age_below = ages.get(index + 1).copied();
                people.push(Who { is_retired, own_clinic, age_from: *age_from, age_below });
            }
        }
    }
    people
}

fn along_axis(tier: &str, who: Who, old: &Value, new: &Value) -> Vec<Differs> {
    let stretches = stretches(old, new, |section, from| ratio(section, tier, who, from));
    let of_tier = |Stretch { from, to, old, new }| Differs { tier: tier.to_owned(), from, to, old, new };
    stretches.into_iter().map(of_tier).collect()
}

/// A part of the axis, and what two documents say there.
struct Stretch<T> {
    from: Decimal,
    to: Option<Decimal>,
    old: Option<T>,
    new: Option<T>,
}

/// Where two sections differ, stretch by stretch, as long as they can be.
fn stretches<T: PartialEq>(old: &Value, new: &Value, says: impl Fn(&Value, Decimal) -> Option<T>) -> Vec<Stretch<T>> {
    let mut cuts = BTreeSet::from([Decimal::ZERO]);
    for band in bands(old).chain(bands(new)) {
        cuts.extend(["from", "to"].into_iter().filter_map(|name| position(band, name)));
    }
    let cuts: Vec<Decimal> = cuts.into_iter().collect();
    let mut stretches: Vec<Stretch<T>> = vec![];
    for (index, from) in cuts.iter().enumerate() {
        let to = cuts.get(index + 1).copied();
        let (old, new) = (says(old, *from), says(new, *from));
        let goes_on = |last: &&mut Stretch<T>| last.old == old && last.new == new && last.to == Some(*from);
        match stretches.last_mut().filter(goes_on) {
            Some(last) => last.to = to,
            None => stretches.push(Stretch { from: *from, to, old, new }),
        }
    }
    stretches.retain(|stretch| stretch.old != stretch.new);
    stretches
}

/// The band of what lies just above a position.
fn band(section: &Value, above: Decimal) -> Option<&Value> {
    let holds = |band: &&Value| {
        position(band, "from").is_some_and(|from| from <= above) && position(band, "to").is_none_or(|to| above < to)
    };
    bands(section).find(holds)
}

fn ratio(section: &Value, tier: &str, who: Who, above: Decimal) -> Option<Decimal> {
    let covers = section.get("tiers")?.as_array()?.iter().any(|covered| covered.as_str() == Some(tier));
    let band = band(section, above).filter(|_| covers)?;
    let row = band.get("fund_ratio")?.as_array()?.iter().find(|row| applies(row, who))?;
    row.get("by_tier")?.get(tier)?.as_str()?.parse::<Decimal>().ok().map(|ratio| ratio.normalize())
}

fn applies(row: &Value, who: Who) -> bool {
    let flag = |name: &str, own: bool| row.get(name).and_then(Value::as_bool).is_none_or(|wanted| wanted == own);
    let age = |name: &str| row.get(name).and_then(Value::as_u64);
    flag("retired", who.is_retired)
        && flag("own_clinic", who.own_clinic)
        && age("age_from").is_none_or(|from| from <= who.age_from)
        && age("age_below").is_none_or(|below| who.age_from < below)
}

/// None where a band is open.
fn position(band: &Value, name: &str) -> Option<Decimal> {
    band.get(name)?.as_str()?.parse::<Decimal>().ok().map(|position| position.normalize())
}

fn change(section: &str, differs: &Differs, who: &[Who], everybody: usize) -> Change {
    let people = if who.len() == everybody {
        ["所有参保人".to_owned(), "everybody".to_owned()]
    } else {
        joined(&named(who), ["；", "; "])
    };
    let stretch = words(differs.from, differs.to);
    let place = joined(&[term(section), term(&differs.tier), people, stretch, term("fund_ratio")], [" · ", " · "]);
    let percent = |ratio: Option<Decimal>| {
        let ratio = ratio.and_then(|ratio| Ratio::from_decimal(ratio).ok());
        ratio.map(|ratio| [ratio.percent(), ratio.percent()])
    };
    let for_people = match (differs.old, differs.new) {
        (Some(old), Some(new)) if new < old => For::Worse,
        (Some(_), None) => For::Worse,
        _ => For::Better,
    };
    let path = format!("{section}.bands");
    Change { path, place, old: percent(differs.old), new: percent(differs.new), for_people }
}

fn words(from: Decimal, to: Option<Decimal>) -> Words {
    match to {
        Some(to) => [format!("范围内{from}至{to}元部分"), format!("in-scope expenses from ¥{from} to ¥{to}")],
        None => [format!("范围内{from}元以上部分"), format!("in-scope expenses above ¥{from}")],
    }
}

/// Neighbouring ages of one status are one group of people.
fn named(who: &[Who]) -> Vec<Words> {
    let mut groups: Vec<Who> = vec![];
    for next in who {
        let is_next_to = |last: &Who| {
            (last.is_retired, last.own_clinic) == (next.is_retired, next.own_clinic)
                && last.age_below == Some(next.age_from)
        };
        match groups.last_mut().filter(|last| is_next_to(last)) {
            Some(last) => last.age_below = next.age_below,
            None => groups.push(*next),
        }
    }
    groups.iter().map(|group| group.words()).collect()
}

impl Who {
    fn words(self) -> Words {
        let mut parts = vec![term(if self.is_retired { "retired" } else { "active" })];
        let age = match (self.age_from, self.age_below) {
            (0, None) => None,
            (0, Some(below)) => Some([format!("不满{below}岁"), format!("under {below}")]),
            (from, None) => Some([format!("{from}岁及以上"), format!("aged {from} or more")]),
            (from, Some(below)) => Some([format!("{from}至{}岁", below - 1), format!("aged {from} to {}", below - 1)]),
        };
        parts.extend(age);
        if self.own_clinic {
            parts.push(["本人定点机构".to_owned(), "at one's own clinic".to_owned()]);
        }
        joined(&parts, ["、", ", "])
    }
}
