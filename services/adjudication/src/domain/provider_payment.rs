//! What a provider is paid for a case, and why: terms as data, and the arithmetic that applies them.
//!
//! Pure, as the rest of the domain. The terms are a document, complete or refused; every weight, rate, multiple and score is theirs.
//! `expected` applies [`PaymentTerms`] to a [`Case`]. What the patient paid at the desk is never touched by any of it.

pub mod capitation;
pub mod dip;
mod document;
pub mod expected;
pub mod payment;
pub mod per_unit;
pub mod quality;
mod read;
pub mod steps;
#[cfg(test)]
mod tests;
mod wording;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDate;
use drg::payment::{Factor, Place, TermsError};
use drg::{Record, Sex, Tables};
use serde::{Deserialize, Serialize};
use types::care::CareKind;
use types::money::{Money, Ratio};
use types::{region::RegionCode, scheme::Scheme, tier::Tier};

use super::localized::Localized;
use super::policy::JudgedOn;

/// The versions of grouping tables at hand, by name.
pub type Shelf = BTreeMap<String, Arc<Tables>>;

/// A complete document of terms between a region's fund and its providers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentTerms {
    pub id: String,
    pub region: RegionCode,
    pub scheme: Scheme,
    pub name: Localized,
    /// Not of a real region: to be labelled so wherever it is shown.
    pub demonstration: bool,
    pub effective_from: NaiveDate,
    /// The last day, if there is one.
    pub effective_to: Option<NaiveDate>,
    pub judged_on: JudgedOn,
    /// Whether a payment below zero (the patient paid more than the case is worth) is taken from the provider.
    pub may_be_negative: bool,
    sources: BTreeMap<String, Localized>,
    methods: Vec<MethodRule>,
    quality: Option<quality::Quality>,
}

/// How some care is paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MethodRule {
    pub kinds: BTreeSet<CareKind>,
    pub tiers: BTreeSet<Tier>,
    pub pay: Pay,
    /// Where it stands in the document.
    pub path: String,
    pub sources: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pay {
    /// 按项目付费: this share of what was billed.
    FeeForService(Factor),
    /// 按病组付费.
    Drg(Box<drg::payment::Terms>),
    /// 按病种分值付费.
    Dip(Box<dip::Terms>),
    /// 按人头付费: cases are covered by what is paid for each head.
    Capitation(capitation::Terms),
    /// 按床日、按服务单元付费.
    PerUnit(per_unit::Terms),
    /// Shares of several; they add up to one.
    Mixture(Vec<Part>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub share: Ratio,
    pub pay: Pay,
}

/// The word for a method of payment. API: never renamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Method {
    FeeForService,
    Drg,
    Dip,
    Capitation,
    PerUnit,
    Mixture,
}

impl Pay {
    pub const fn method(&self) -> Method {
        match self {
            Self::FeeForService(_) => Method::FeeForService,
            Self::Drg(_) => Method::Drg,
            Self::Dip(_) => Method::Dip,
            Self::Capitation(_) => Method::Capitation,
            Self::PerUnit(_) => Method::PerUnit,
            Self::Mixture(_) => Method::Mixture,
        }
    }

    /// The versions of tables that it groups by, with where it says so.
    fn groupers(&self, path: &str) -> Vec<(String, &drg::payment::Terms)> {
        match self {
            Self::Drg(terms) => vec![(format!("{path}.drg"), terms)],
            Self::Mixture(parts) => {
                let parts = parts.iter().enumerate();
                parts.flat_map(|(index, part)| part.pay.groupers(&format!("{path}.mixture[{index}].pay"))).collect()
            }
            _ => Vec::new(),
        }
    }
}

impl Method {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FeeForService => "FEE_FOR_SERVICE",
            Self::Drg => "DRG",
            Self::Dip => "DIP",
            Self::Capitation => "CAPITATION",
            Self::PerUnit => "PER_UNIT",
            Self::Mixture => "MIXTURE",
        }
    }
}

/// What a hospital states of a case beside diagnoses and lines (病案首页).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseRecord {
    /// GB/T 2261.1: 1 male, 2 female.
    pub sex: Option<i32>,
    pub weight_g: Option<u32>,
    /// ICD-9-CM-3, the principal first.
    pub procedures: Vec<String>,
    /// The DRG, where the hospital's own grouper found it.
    pub drg: Option<String>,
    /// The DIP group, where the hospital found it.
    pub dip: Option<String>,
    /// Entries of the auxiliary catalogue (辅助目录) that apply.
    pub auxiliary: Vec<String>,
}

/// A settled case, as far as its payment goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    pub kind: CareKind,
    pub place: Place,
    pub from: NaiveDate,
    pub until: NaiveDate,
    pub birth_date: NaiveDate,
    /// Billed altogether.
    pub cost: Money,
    /// What the patient pays of it.
    pub own: Money,
    /// ICD-10, the principal first.
    pub diagnoses: Vec<String>,
    /// As the person's identity document has it, where it is known.
    pub registered_sex: Option<Sex>,
    pub record: CaseRecord,
}

impl Case {
    fn stated_sex(&self) -> Option<Sex> {
        self.record.sex.and_then(|code| Sex::from_code(code.into()))
    }

    /// The registered sex, where the hospital's record states the other.
    fn contradicted_sex(&self) -> Option<Sex> {
        self.registered_sex.filter(|registered| self.stated_sex().is_some_and(|stated| stated != *registered))
    }

    /// As the grouper reads it; age on the day of admission. The sex that was registered with an identity document goes before a record's.
    fn discharge(&self) -> Record {
        let days = (self.from - self.birth_date).num_days();
        Record {
            sex: self.registered_sex.or(self.stated_sex()),
            age_years: Some(super::input::age_on(self.birth_date, self.from)),
            age_days: u32::try_from(days).ok(),
            weight_g: self.record.weight_g,
            diagnoses: self.diagnoses.clone(),
            procedures: self.record.procedures.clone(),
        }
    }
}

impl PaymentTerms {
    /// Reads and checks a document (JSON).
    pub fn read(text: &str) -> Result<Self, TermsError> {
        read::terms(text)
    }

    /// The day by which terms are judged.
    pub const fn judged_date(&self, from: NaiveDate, to: NaiveDate) -> NaiveDate {
        match self.judged_on {
            JudgedOn::Admission => from,
            JudgedOn::Discharge => to,
        }
    }

    /// How this care is paid, if these terms say so.
    pub fn method(&self, kind: CareKind, tier: Tier) -> Option<&MethodRule> {
        self.methods.iter().find(|rule| rule.kinds.contains(&kind) && rule.tiers.contains(&tier))
    }

    /// The terms by heads for this care with their share of the payment and their path, if it is paid so.
    pub fn capitation(&self, kind: CareKind, tier: Tier) -> Option<(Ratio, &capitation::Terms, String)> {
        let rule = self.method(kind, tier)?;
        match &rule.pay {
            Pay::Capitation(terms) => Some((Ratio::ONE, terms, format!("{}.pay.capitation", rule.path))),
            Pay::Mixture(parts) => parts.iter().enumerate().find_map(|(index, part)| match &part.pay {
                Pay::Capitation(terms) => {
                    Some((part.share, terms, format!("{}.pay.mixture[{index}].pay.capitation", rule.path)))
                }
                _ => None,
            }),
            _ => None,
        }
    }

    /// Every version of tables that it names, with the path that names it.
    pub fn groupers(&self) -> Vec<(String, &str)> {
        self.by_group()
            .filter_map(|(path, terms)| Some((format!("{path}.grouper"), terms.grouper.as_deref()?)))
            .collect()
    }

    /// Every group of the tables has its weight.
    pub fn check_against(&self, at_hand: &Shelf) -> Result<(), TermsError> {
        for (path, terms) in self.by_group() {
            if let Some(tables) = terms.grouper.as_ref().and_then(|version| at_hand.get(version)) {
                terms.check_against(tables, &path)?;
            }
        }
        Ok(())
    }

    fn by_group(&self) -> impl Iterator<Item = (String, &drg::payment::Terms)> {
        self.methods.iter().flat_map(|rule| rule.pay.groupers(&format!("{}.pay", rule.path)))
    }
}
