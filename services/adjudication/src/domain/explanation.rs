//! The explanation of benefits: ordered steps from which a patient, a clerk and an auditor can recompute every fen.

use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use types::money::{Money, Ratio};

use super::localized::Localized;

/// One step. Over all steps but the last, `fund` and `own` add up to the shares of the claim; the last ([`Rule::Result`])
/// shows those sums.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    pub rule: Rule,
    /// The claim line that the step is about, from 0.
    pub line: Option<usize>,
    /// The amount that the step judges.
    pub amount: Money,
    /// The fund's share of it that this step settles.
    pub fund: Money,
    /// The person's share of it that this step settles. Negative where a layer takes over what an earlier step left to the person.
    pub own: Money,
    /// The fund's ratio that was applied; of a line of class B, the share that the person pays first.
    pub ratio: Option<Ratio>,
    /// Where the amount lies: of basic insurance on the in-scope axis, of critical illness insurance on that of the year's own shares, of
    /// assistance and top-up on that of what they judge in the year.
    pub axis: Option<Interval>,
    pub accumulator: Option<Change>,
    /// What is set: a deductible, ceiling or threshold; of a line, what insurance knows of it at most where that is less than the line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Money>,
    pub clause: Option<Cited>,
    pub text: Localized,
}

/// Rule codes are API: never renamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Rule {
    /// Nobody insures this person: all own share.
    NotEnrolled,
    /// Enrolled, and still waiting for benefits: all own share.
    Waiting,
    /// The provider is not designated for this care: all own share.
    NotDesignated,
    /// Nothing is stated that would be divided: a quote that verifies cover alone.
    NoItems,
    /// The same, of a booking that expects items which no catalogue knows.
    UnknownItems,
    /// Such a quote found a policy that pays.
    Covered,
    /// Such a quote found no policy in force for this care.
    NoPolicy,
    /// 甲.
    LineClassA,
    /// 乙.
    LineClassB,
    /// 丙.
    LineClassC,
    /// What all lines together bring into scope.
    InScope,
    Deductible,
    /// The deductible counts on along a chain of up-referrals.
    DeductibleCountsOn,
    /// No deductible anew after a down-referral.
    DeductibleNotAnew,
    /// No deductible where the person's own clinic cares or referred.
    DeductibleWaived,
    Band,
    PooledCeiling,
    LargeAmount,
    LargeAmountCeiling,
    CoverLimit,
    /// Without a referral this visit is not paid.
    UnreferredNotPaid,
    /// 大病保险.
    CriticalIllness,
    CriticalIllnessCeiling,
    /// 医疗救助.
    Assistance,
    AssistanceCeiling,
    /// Commercial top-up.
    TopUp,
    Voucher,
    /// 个人账户.
    Account,
    /// 家庭共济.
    MutualAid,
    Result,
}

impl Rule {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotEnrolled => "NOT_ENROLLED",
            Self::Waiting => "WAITING",
            Self::NotDesignated => "NOT_DESIGNATED",
            Self::NoItems => "NO_ITEMS",
            Self::UnknownItems => "UNKNOWN_ITEMS",
            Self::Covered => "COVERED",
            Self::NoPolicy => "NO_POLICY",
            Self::LineClassA => "LINE_CLASS_A",
            Self::LineClassB => "LINE_CLASS_B",
            Self::LineClassC => "LINE_CLASS_C",
            Self::InScope => "IN_SCOPE",
            Self::Deductible => "DEDUCTIBLE",
            Self::DeductibleCountsOn => "DEDUCTIBLE_COUNTS_ON",
            Self::DeductibleNotAnew => "DEDUCTIBLE_NOT_ANEW",
            Self::DeductibleWaived => "DEDUCTIBLE_WAIVED",
            Self::Band => "BAND",
            Self::PooledCeiling => "POOLED_CEILING",
            Self::LargeAmount => "LARGE_AMOUNT",
            Self::LargeAmountCeiling => "LARGE_AMOUNT_CEILING",
            Self::CoverLimit => "COVER_LIMIT",
            Self::UnreferredNotPaid => "UNREFERRED_NOT_PAID",
            Self::CriticalIllness => "CRITICAL_ILLNESS",
            Self::CriticalIllnessCeiling => "CRITICAL_ILLNESS_CEILING",
            Self::Assistance => "ASSISTANCE",
            Self::AssistanceCeiling => "ASSISTANCE_CEILING",
            Self::TopUp => "TOP_UP",
            Self::Voucher => "VOUCHER",
            Self::Account => "ACCOUNT",
            Self::MutualAid => "MUTUAL_AID",
            Self::Result => "RESULT",
        }
    }
}

/// From (exclusive) to (inclusive), in CNY on the in-scope axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interval {
    pub from: Money,
    pub to: Money,
}

/// What a step did to a running total of the year, or to a balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub accumulator: Accumulator,
    pub before: Money,
    pub after: Money,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Accumulator {
    InScope,
    Deductible,
    PooledFund,
    LargeAmountFund,
    CriticalIllnessFund,
    AssistanceFund,
    TopUp,
    Voucher,
    /// Not a total but a balance: what the account may pay of this claim. Judged again, that is what it paid of it before.
    AccountBalance,
    /// The same, of the family's accounts.
    MutualAidBalance,
}

impl Accumulator {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InScope => "IN_SCOPE",
            Self::Deductible => "DEDUCTIBLE",
            Self::PooledFund => "POOLED_FUND",
            Self::LargeAmountFund => "LARGE_AMOUNT_FUND",
            Self::CriticalIllnessFund => "CRITICAL_ILLNESS_FUND",
            Self::AssistanceFund => "ASSISTANCE_FUND",
            Self::TopUp => "TOP_UP",
            Self::Voucher => "VOUCHER",
            Self::AccountBalance => "ACCOUNT_BALANCE",
            Self::MutualAidBalance => "MUTUAL_AID_BALANCE",
        }
    }
}

/// The clause of the policy document or, of lines, the catalogue; and the legal texts that it cites.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clause {
    /// The path in the document, such as `inpatient.bands[2]`.
    pub path: String,
    pub sources: Vec<Localized>,
}

/// A clause as a step cites it: one for all steps that cite the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cited(Arc<Clause>);

impl From<Clause> for Cited {
    fn from(clause: Clause) -> Self {
        Self(Arc::new(clause))
    }
}

impl Deref for Cited {
    type Target = Clause;

    fn deref(&self) -> &Clause {
        &self.0
    }
}

impl Serialize for Cited {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Cited {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Clause::deserialize(deserializer).map(Self::from)
    }
}
