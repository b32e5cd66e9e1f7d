//! What a region configures, as its document writes it. Unknown fields are refused; numbers that have no national value have no default.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::Deserialize;
use types::money::{Money, Ratio};
use types::{care::CareKind, region::RegionCode, tier::Tier};

use super::case::Sex;
use super::code::Codes;
use super::library::Kind;
use crate::domain::localized::Localized;

#[derive(Debug, Deserialize)]
pub(super) enum Format {
    #[serde(rename = "anjia.inspection/1")]
    V1,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    pub(super) format: Format,
    pub(super) id: String,
    pub(super) region: RegionCode,
    pub(super) name: Localized,
    pub(super) demonstration: bool,
    pub(super) effective_from: NaiveDate,
    pub(super) sources: BTreeMap<String, Localized>,
    pub(super) rules: BTreeMap<String, serde_json::Value>,
    pub(super) supervision: super::book::Supervision,
}

/// What every rule of a document says besides its settings.
#[derive(Debug, Deserialize)]
pub(super) struct Frame {
    pub(super) kind: Kind,
    /// The published national points apply, besides those that stand here.
    #[serde(default)]
    pub(super) national_points: bool,
    /// Keys of the document's `sources`.
    pub(super) source: Vec<String>,
}

/// How a provider bills what is charged by the day or hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Billed {
    /// Every line for its own day.
    Daily,
    /// A line for all days up to its own.
    InArrears,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Unit {
    Day,
    Hour,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Within {
    Day,
    Claim,
}

/// An age in full years or in days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Age {
    Years(u32),
    Days(u32),
}

/// Items, or diagnoses. At least one of the two lists is not empty.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgePoint {
    #[serde(default)]
    pub items: Codes,
    #[serde(default)]
    pub diagnoses: Codes,
    /// First age it is for.
    #[serde(default)]
    pub from: Option<Age>,
    /// First age it is for no more.
    #[serde(default)]
    pub below: Option<Age>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SexPoint {
    #[serde(default)]
    pub items: Codes,
    #[serde(default)]
    pub diagnoses: Codes,
    #[serde(default)]
    pub procedures: Codes,
    /// Whom it is for.
    pub sex: Sex,
}

macro_rules! points {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $kind:ty,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $kind,)+
        }
    )+};
}

points! {
    PriorPoint { items: Codes, /** What must have been charged before. */ after: Codes, window_days: u32, }
    /// Items, or procedures. At least one of the two lists is not empty.
    DiagnosisPoint { #[serde(default)] items: Codes, #[serde(default)] procedures: Codes, any_of: Codes, }
    TierPoint { items: Codes, lowest: Tier, }
    VisitKindPoint { items: Codes, kinds: Vec<CareKind>, }
    UnitPricePoint { items: Codes, max_unit_price: Decimal, }
    /// The dearest unit of a day counts in full, every other at the ratio.
    RepeatPoint { items: Codes, repeat_ratio: Ratio, }
    UnitPoint { items: Codes, #[serde(default)] name: String, unit: Unit, most: Decimal, }
    CoursePoint { items: Codes, #[serde(default)] name: String, max_days: u32, }
    TotalPoint { items: Codes, max_amount: Money, window_days: u32, }
    QuantityPoint { items: Codes, most: Decimal, per: Within, }
    CompanionPoint { items: Codes, needs: Codes, }
    ValidityPoint { items: Codes, validity_days: u32, }
    /// `drops` is what may not be charged beside `keeps`.
    PairPoint { keeps: Codes, drops: Codes, #[serde(default)] name: String, within: Within, }
    /// An interval between two days of charge, or a quantity in a window, or both.
    PeriodPoint {
        items: Codes,
        #[serde(default)] name: String,
        #[serde(default)] min_interval_days: Option<u32>,
        #[serde(default)] most: Option<Decimal>,
        #[serde(default)] window_days: Option<u32>,
    }
}

/// The settings of a rule, by its kind.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "SCREAMING_SNAKE_CASE", rename_all_fields = "snake_case", deny_unknown_fields)]
pub enum Settings {
    OtherInsurance {
        items: Codes,
    },
    Excluded {
        items: Codes,
        /** Only if nothing else of this kind is on the prescription. */
        alone_among: Option<Codes>,
    },
    PriorItem {
        points: Vec<PriorPoint>,
    },
    Age {
        points: Vec<AgePoint>,
    },
    Sex {
        points: Vec<SexPoint>,
    },
    Indication {
        points: Vec<DiagnosisPoint>,
    },
    Contraindication {
        points: Vec<DiagnosisPoint>,
    },
    Tier {
        points: Vec<TierPoint>,
    },
    VisitKind {
        points: Vec<VisitKindPoint>,
    },
    UnitPrice {
        points: Vec<UnitPricePoint>,
    },
    RepeatOperation {
        points: Vec<RepeatPoint>,
    },
    Pair {
        points: Vec<PairPoint>,
    },
    UnitFrequency {
        billed: Billed,
        points: Vec<UnitPoint>,
    },
    PeriodFrequency {
        points: Vec<PeriodPoint>,
    },
    Course {
        /** How far back days of the same course reach. */
        window_days: u32,
        points: Vec<CoursePoint>,
    },
    PayableTotal {
        points: Vec<TotalPoint>,
    },
    Quantity {
        points: Vec<QuantityPoint>,
    },
    ItemKinds {
        items: Codes,
        most: u32,
    },
    Companion {
        points: Vec<CompanionPoint>,
    },
    PrincipalDiagnosis {
        never: Codes,
    },
    ProcedureCode {
        /** The list in force: a code of the case record that none of these is above is irregular. */
        known: Codes,
    },
    LateClaim {
        max_days: u32,
    },
    StayDates {},
    SplitAdmission {
        gap_days: u32,
        /** Diagnoses of stays that are planned in turns (such as chemotherapy). */
        planned: Codes,
    },
    Visits {
        kinds: Vec<CareKind>,
        /** Only visits at which one of these was charged; none: all. */
        items: Codes,
        most: u32,
        window_days: u32,
    },
    HangBed {
        /** Beds, nursing, meals: what is no care. */
        not_care: Codes,
        idle_days: u32,
    },
    RepeatTest {
        points: Vec<ValidityPoint>,
    },
    Duplicate {
        /** What may be charged twice a day all the same. */
        except: Codes,
    },
    Share {
        items: Codes,
        most: Ratio,
    },
    ReadmissionRate {
        window_days: u32,
        most: Ratio,
    },
}

/// A criterion of the yearly assessment of a designated provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Criterion {
    /// Amount cut by reviewers, of all the fund paid.
    CutRatio,
    /// Claims with an upheld finding, of all claims.
    UpheldClaimRatio,
    /// What patients paid themselves, of all that was billed.
    OwnShareRatio,
    /// Stays after which the person came back within 31 days, of all stays.
    ReadmissionRatio,
}

/// What a criterion is worth: all its points up to `full_at`, none from `none_at` on, in proportion between.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standard {
    pub criterion: Criterion,
    pub points: Decimal,
    pub full_at: Ratio,
    pub none_at: Ratio,
}
