//! The national rule library (监管规则库), embedded: every rule with its kind of check, or why a claim cannot decide it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::domain::localized::Localized;

const LIBRARY: &str = include_str!("../../../rules/library-2025.json");
const KNOWLEDGE: &str = include_str!("../../../rules/knowledge-2025.json");

/// What is checked. Rules of one kind differ in what they list and in their numbers only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Kind {
    /// Items that another insurance pays.
    OtherInsurance,
    /// Items that are not payable, or not alone.
    Excluded,
    /// Items that come after others have been tried.
    PriorItem,
    /// Items or diagnoses of an age.
    Age,
    /// Items, diagnoses or procedures of a sex.
    Sex,
    /// Items or procedures for some diagnoses only.
    Indication,
    /// Items or procedures that some diagnoses forbid.
    Contraindication,
    /// Items of providers from a tier on.
    Tier,
    /// Items of some kinds of care.
    VisitKind,
    /// Items with a highest price.
    UnitPrice,
    /// Operations whose repetition is charged at a discount.
    RepeatOperation,
    /// Items of which one contains, forbids or repeats the other.
    Pair,
    /// Items charged by the day or hour.
    UnitFrequency,
    /// Items with an interval, or a number in a period.
    PeriodFrequency,
    /// Items payable for a number of days.
    Course,
    /// Items payable up to an amount.
    PayableTotal,
    /// Items with a largest quantity.
    Quantity,
    /// A number of different items.
    ItemKinds,
    /// Items that make no sense without another.
    Companion,
    /// Codes that are no principal diagnosis.
    PrincipalDiagnosis,
    /// Codes of procedures that are in no list.
    ProcedureCode,
    /// Claims that came late.
    LateClaim,
    /// Lines dated outside the stay.
    StayDates,
    /// Two stays that are one.
    SplitAdmission,
    /// Too many visits of a person.
    Visits,
    /// A stay without care.
    HangBed,
    /// A test that was valid still.
    RepeatTest,
    /// The same item on the same day in another claim.
    Duplicate,
    /// Of a provider: the share of some items in all it charged.
    Share,
    /// Of a provider: the share of stays after which the person came back.
    ReadmissionRate,
}

impl Kind {
    /// The word as documents write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OtherInsurance => "OTHER_INSURANCE",
            Self::Excluded => "EXCLUDED",
            Self::PriorItem => "PRIOR_ITEM",
            Self::Age => "AGE",
            Self::Sex => "SEX",
            Self::Indication => "INDICATION",
            Self::Contraindication => "CONTRAINDICATION",
            Self::Tier => "TIER",
            Self::VisitKind => "VISIT_KIND",
            Self::UnitPrice => "UNIT_PRICE",
            Self::RepeatOperation => "REPEAT_OPERATION",
            Self::Pair => "PAIR",
            Self::UnitFrequency => "UNIT_FREQUENCY",
            Self::PeriodFrequency => "PERIOD_FREQUENCY",
            Self::Course => "COURSE",
            Self::PayableTotal => "PAYABLE_TOTAL",
            Self::Quantity => "QUANTITY",
            Self::ItemKinds => "ITEM_KINDS",
            Self::Companion => "COMPANION",
            Self::PrincipalDiagnosis => "PRINCIPAL_DIAGNOSIS",
            Self::ProcedureCode => "PROCEDURE_CODE",
            Self::LateClaim => "LATE_CLAIM",
            Self::StayDates => "STAY_DATES",
            Self::SplitAdmission => "SPLIT_ADMISSION",
            Self::Visits => "VISITS",
            Self::HangBed => "HANG_BED",
            Self::RepeatTest => "REPEAT_TEST",
            Self::Duplicate => "DUPLICATE",
            Self::Share => "SHARE",
            Self::ReadmissionRate => "READMISSION_RATE",
        }
    }

    /// Whether it is about a provider's month, and not about a claim.
    pub const fn is_statistic(self) -> bool {
        matches!(self, Self::Share | Self::ReadmissionRate)
    }
}

/// A rule of the library.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// `N25-001` to `N25-088` in the order of the library; `X-…` for what is ordered elsewhere.
    pub id: String,
    /// The national code; ten rules of 2025 were published without.
    #[serde(default)]
    pub code: Option<String>,
    #[serde(default)]
    pub tier1: String,
    #[serde(default)]
    pub tier2: String,
    pub name: Localized,
    #[serde(default)]
    pub kind: Option<Kind>,
    /// Why a claim cannot decide it. Present exactly where there is no kind.
    #[serde(default)]
    pub undecidable: Option<Localized>,
    /// Where it is ordered, if not in the library.
    #[serde(default)]
    pub source: Option<Localized>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LibraryDocument {
    #[serde(rename = "format")]
    _format: String,
    source: Localized,
    rules: Vec<Rule>,
    extras: Vec<Rule>,
}

/// Of the knowledge library: points of rules that are national, and points that lack a number.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KnowledgeDocument {
    #[serde(rename = "format")]
    _format: String,
    #[serde(rename = "source")]
    _source: Localized,
    points: BTreeMap<String, serde_json::Value>,
    incomplete: Vec<Incomplete>,
}

/// A point that is published without the number it needs: a region must state it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Incomplete {
    pub rule: String,
    pub items: Vec<String>,
    pub name: String,
    pub known: Localized,
    pub needs: String,
}

/// The rules there are.
#[derive(Debug)]
pub struct Library {
    pub source: Localized,
    rules: Vec<Rule>,
    points: BTreeMap<String, serde_json::Value>,
    incomplete: Vec<Incomplete>,
}

impl Library {
    /// The embedded library. It is empty if it does not read, which a test excludes.
    pub fn national() -> &'static Self {
        static NATIONAL: LazyLock<Library> = LazyLock::new(|| Library::read(LIBRARY, KNOWLEDGE).unwrap_or_default());
        &NATIONAL
    }

    pub(super) fn read(library: &str, knowledge: &str) -> Result<Self, serde_json::Error> {
        let library: LibraryDocument = serde_json::from_str(library)?;
        let knowledge: KnowledgeDocument = serde_json::from_str(knowledge)?;
        Ok(Self {
            source: library.source,
            rules: library.rules.into_iter().chain(library.extras).collect(),
            points: knowledge.points,
            incomplete: knowledge.incomplete,
        })
    }

    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == id)
    }

    /// The national knowledge points of a rule, as a document would write them.
    pub(super) fn points(&self, rule: &str) -> Option<&serde_json::Value> {
        self.points.get(rule)
    }

    /// The points of a rule that a region must complete.
    pub fn incomplete(&self, rule: &str) -> impl Iterator<Item = &Incomplete> {
        self.incomplete.iter().filter(move |point| point.rule == rule)
    }
}

impl Default for Library {
    fn default() -> Self {
        let source = Localized::new(String::new(), String::new());
        Self { source, rules: vec![], points: BTreeMap::new(), incomplete: vec![] }
    }
}

#[cfg(test)]
pub(super) const DOCUMENTS: (&str, &str) = (LIBRARY, KNOWLEDGE);
