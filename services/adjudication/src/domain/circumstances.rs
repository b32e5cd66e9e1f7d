//! What of a person, a place and a year changes the division beside the bill itself: groups, place of care, the layers above basic
//! insurance, and what the person may pay with.
//!
//! The default is a claim without any of it: at home, nobody's group, a year that begins, no balance.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use types::money::Money;
use types::region::RegionCode;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Circumstances {
    /// Groups that the person belongs to on the day that the policy is judged on.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<Group>,
    pub area: Area,
    /// Whose catalogue classed the lines, where that is not the insured region's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub care_region: Option<RegionCode>,
    pub own_clinic: OwnClinic,
    /// Whether the person has a contract with a family doctor, at whichever clinic: that clinic is their own. None where nobody asked, as of
    /// old settlements.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contracted: Option<bool>,
    /// When the referral was made that the visit rests on; where a policy lets referrals lapse.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub referred_on: Option<NaiveDate>,
    /// A commercial top-up (补充医疗保险, 惠民保) is in force.
    pub topped_up: bool,
    pub year: YearTotals,
    pub means: Means,
}

impl Circumstances {
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn any_negative(&self) -> bool {
        let year = &self.year;
        let means = &self.means;
        [
            year.own_in_scope,
            year.critical_illness_fund,
            year.assistance_base,
            year.assistance_fund,
            year.top_up_base,
            year.top_up,
            year.voucher,
            means.account,
            means.mutual_aid,
            means.voucher.unwrap_or_default(),
        ]
        .iter()
        .any(|amount| amount.is_negative())
    }
}

/// Groups whom policies treat otherwise. The words are those of identity's flags, where it has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Group {
    /// 低保对象.
    LowIncome,
    /// 特困人员.
    Destitute,
    /// 低保边缘家庭成员.
    Borderline,
    /// 残疾人.
    Disabled,
    /// 流动人口.
    Migrant,
    /// 学生儿童.
    Student,
}

impl Group {
    pub const ALL: [Self; 6] =
        [Self::LowIncome, Self::Destitute, Self::Borderline, Self::Disabled, Self::Migrant, Self::Student];
}

/// Where care is had, seen from the insured region (异地就医备案).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Area {
    /// In the insured region.
    #[default]
    Home,
    /// 异地安置退休人员.
    ResettledRetired,
    /// 异地长期居住、常驻异地工作.
    LongTermResident,
    /// 异地转诊就医.
    TemporaryReferral,
    /// 异地急诊抢救: counts as filed (医保发〔2022〕22号, articles 8 and 34).
    Emergency,
    /// 其他临时外出就医, nothing filed.
    Unfiled,
}

impl Area {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Home => "HOME",
            Self::ResettledRetired => "RESETTLED_RETIRED",
            Self::LongTermResident => "LONG_TERM_RESIDENT",
            Self::TemporaryReferral => "TEMPORARY_REFERRAL",
            Self::Emergency => "EMERGENCY",
            Self::Unfiled => "UNFILED",
        }
    }

    /// Those that a policy must have a word for, if it has one for any.
    pub const AWAY: [Self; 5] =
        [Self::ResettledRetired, Self::LongTermResident, Self::TemporaryReferral, Self::Emergency, Self::Unfiled];
}

/// The clinic that is a person's own by the policy's word, such as a student's campus clinic.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OwnClinic {
    #[default]
    Elsewhere,
    /// The care is had there.
    Here,
    /// It referred the person to where the care is had.
    ReferredBy,
}

/// Running totals of one person in one year and scheme over all kinds of care: what the layers above basic insurance go by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct YearTotals {
    /// Own share of in-scope expenses that basic insurance left (合规自付): what critical illness insurance counts.
    pub own_in_scope: Money,
    pub critical_illness_fund: Money,
    /// What medical assistance judged so far, of those who are assisted.
    pub assistance_base: Money,
    pub assistance_fund: Money,
    /// What a commercial top-up judged so far.
    pub top_up_base: Money,
    pub top_up: Money,
    /// Vouchers used so far.
    pub voucher: Money,
}

impl YearTotals {
    /// These, moved by what a claim moved others by.
    #[must_use]
    pub fn moved(&self, before: &Self, after: &Self) -> Self {
        Self {
            own_in_scope: self.own_in_scope + (after.own_in_scope - before.own_in_scope),
            critical_illness_fund: self.critical_illness_fund
                + (after.critical_illness_fund - before.critical_illness_fund),
            assistance_base: self.assistance_base + (after.assistance_base - before.assistance_base),
            assistance_fund: self.assistance_fund + (after.assistance_fund - before.assistance_fund),
            top_up_base: self.top_up_base + (after.top_up_base - before.top_up_base),
            top_up: self.top_up + (after.top_up - before.top_up),
            voucher: self.voucher + (after.voucher - before.voucher),
        }
    }
}

/// What the person may and wants to pay with, beside cash: at most these amounts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Means {
    /// Personal account (个人账户).
    pub account: Money,
    /// The account of a member of the family (家庭共济).
    pub mutual_aid: Money,
    /// Of vouchers, where less may be used than is left of the year's: what paid before of a claim that is judged again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voucher: Option<Money>,
}
