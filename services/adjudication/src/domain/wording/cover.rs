//! The sentences about cover: that nobody pays, and what cover there is where nothing is stated that would be divided.

use chrono::NaiveDate;
use types::money::Money;

use super::{both, say};
use crate::domain::localized::Localized;

/// A sentence names so many codes that no catalogue knows: whoever booked may have written hundreds.
const CODES_NAMED_MAX: usize = 5;

/// `total` is none where nothing is stated, here and below.
pub(in crate::domain) fn not_enrolled(total: Option<Money>) -> Localized {
    let (zh, en) = all(total);
    Localized::new(
        say!("就诊当日没有有效的医疗保险，全部费用{zh}由个人支付。"),
        say!("No medical insurance is in force on the day of care: you pay all of {en}."),
    )
}

pub(in crate::domain) fn waiting(until: NaiveDate, total: Option<Money>) -> Localized {
    let (zh, en) = all(total);
    Localized::new(
        say!("参保后处于待遇等待期（至{until}止），全部费用{zh}由个人支付。"),
        say!("Enrolled, but benefits are waited for until {until}, that day included: you pay all of {en}."),
    )
}

pub(in crate::domain) fn not_designated(total: Option<Money>) -> Localized {
    let (zh, en) = all(total);
    Localized::new(
        say!("就诊当日该机构不是此类医疗的定点机构，全部费用{zh}由个人支付。"),
        say!("On the day of care the provider is not designated for it: you pay all of {en}."),
    )
}

pub(in crate::domain) fn no_items() -> Localized {
    Localized::new(
        "没有列明收费项目，本报价只核验医保待遇。",
        "No items were stated: this quote verifies your insurance alone.",
    )
}

pub(in crate::domain) fn unknown_items(codes: &[String]) -> Localized {
    let named: Vec<String> = codes.iter().take(CODES_NAMED_MAX).map(|code| say!("“{code}”")).collect();
    let (zh, en) = (named.join("、"), named.join(", "));
    let (all, more) = (codes.len(), codes.len() - named.len());
    let (zh, en) = if more == 0 { (zh, en) } else { (say!("{zh}等 {all} 项"), say!("{en} and {more} more")) };
    Localized::new(
        say!("预计的收费项目无法计价，医保目录中没有{zh}，本报价只核验医保待遇。"),
        say!(
            "The expected items could not be priced, as the catalogue does not know {en}: this quote verifies your insurance alone."
        ),
    )
}

pub(in crate::domain) fn covered(policy: &Localized) -> Localized {
    let Localized { zh, en } = policy;
    Localized::new(
        say!("就诊当日参保有效，按“{zh}”支付待遇。"),
        say!("You are insured on the day of care, and “{en}” pays for it."),
    )
}

pub(in crate::domain) fn covered_by_referral(policy: &Localized) -> Localized {
    let Localized { zh, en } = policy;
    Localized::new(
        say!("就诊当日参保有效，但按“{zh}”，未经转诊的此次就诊费用不予支付。"),
        say!("You are insured on the day of care, but without a referral “{en}” does not pay for it."),
    )
}

pub(in crate::domain) fn no_policy() -> Localized {
    Localized::new(
        "就诊当日参保有效，但没有适用于此次就诊的医保政策。",
        "You are insured on the day of care, but no policy in force covers it.",
    )
}

pub(in crate::domain) fn result_open() -> Localized {
    Localized::new(
        "收费项目明确后才能计算基金支付和个人支付的金额。",
        "What the funds pay and what you pay can be said once it is clear which items are billed.",
    )
}

fn all(total: Option<Money>) -> (String, String) {
    let Some(total) = total else { return (String::new(), "it".to_owned()) };
    let (zh, en) = both(total);
    (zh.to_string(), en.to_string())
}
