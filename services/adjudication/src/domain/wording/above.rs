//! The sentences about what pays above basic insurance, and by which means the rest is paid.

use types::money::{Money, Ratio};

use super::{both, say};
use crate::domain::localized::Localized;

pub(in crate::domain) fn unreferred_not_paid(amount: Money) -> Localized {
    let (zh, en) = both(amount);
    Localized::new(
        say!("按规定须先在基层首诊并转诊，未经转诊的门诊费用不予支付，{zh}由个人支付。"),
        say!(
            "A first visit in primary care and a referral are required; without one the visit is not paid: you pay {en}."
        ),
    )
}

pub(in crate::domain) fn critical_illness(threshold: Money, amount: Money, ratio: Ratio, fund: Money) -> Localized {
    let ((from_zh, from_en), (amount_zh, amount_en), (fund_zh, fund_en)) = (both(threshold), both(amount), both(fund));
    let percent = ratio.percent();
    Localized::new(
        say!("本年度个人负担的医保范围内费用超过{from_zh}的部分中{amount_zh}，大病保险支付{percent}，即{fund_zh}。"),
        say!(
            "Of {amount_en} of your own in-scope share above {from_en} in the year, critical illness insurance pays {percent}: {fund_en}."
        ),
    )
}

pub(in crate::domain) fn critical_illness_ceiling(ceiling: Money, rest: Money) -> Localized {
    ceiling_reached("大病保险", "Critical illness insurance", ceiling, rest)
}

pub(in crate::domain) fn critical_illness_ceiling_not_published() -> Localized {
    ceiling_not_published("大病保险", "critical illness insurance")
}

pub(in crate::domain) fn assistance(deductible: Money, amount: Money, ratio: Ratio, fund: Money) -> Localized {
    let ((amount_zh, amount_en), (fund_zh, fund_en)) = (both(amount), both(fund));
    let percent = ratio.percent();
    if deductible.is_zero() {
        return Localized::new(
            say!("经基本医保、大病保险支付后个人负担的{amount_zh}，医疗救助支付{percent}，即{fund_zh}。"),
            say!("Of {amount_en} that insurance leaves to you in scope, medical assistance pays {percent}: {fund_en}."),
        );
    }
    let (from_zh, from_en) = both(deductible);
    Localized::new(
        say!(
            "经基本医保、大病保险支付后本年度个人负担超过{from_zh}的{amount_zh}，医疗救助支付{percent}，即{fund_zh}。"
        ),
        say!(
            "Of {amount_en} that insurance leaves to you in scope above {from_en} in the year, medical assistance pays {percent}: {fund_en}."
        ),
    )
}

pub(in crate::domain) fn assistance_ceiling(ceiling: Money, rest: Money) -> Localized {
    ceiling_reached("医疗救助", "Medical assistance", ceiling, rest)
}

pub(in crate::domain) fn assistance_ceiling_not_published() -> Localized {
    ceiling_not_published("医疗救助", "medical assistance")
}

fn ceiling_reached(zh: &str, en: &str, ceiling: Money, rest: Money) -> Localized {
    let ((ceiling_zh, ceiling_en), (rest_zh, rest_en)) = (both(ceiling), both(rest));
    Localized::new(
        say!("{zh}本年度支付已达上限{ceiling_zh}，余下{rest_zh}不再支付。"),
        say!("{en} has reached its ceiling of {ceiling_en} for the year; it pays nothing of the remaining {rest_en}."),
    )
}

fn ceiling_not_published(zh: &str, en: &str) -> Localized {
    Localized::new(
        say!("{zh}的年度上限尚未公布，本次不设上限支付。"),
        say!("The yearly ceiling of {en} is not published; it pays without limit."),
    )
}

pub(in crate::domain) fn top_up(amount: Money) -> Localized {
    let (zh, en) = both(amount);
    Localized::new(
        say!("个人负担中{zh}由商业补充医疗保险支付。"),
        say!("Your commercial top-up pays {en} of your share."),
    )
}

pub(in crate::domain) fn voucher(amount: Money, left: Money) -> Localized {
    let ((zh, en), (left_zh, left_en)) = (both(amount), both(left));
    Localized::new(
        say!("个人负担中{zh}由医疗券支付，本年度余额{left_zh}。"),
        say!("Your voucher pays {en} of your share; {left_en} of it is left for the year."),
    )
}

pub(in crate::domain) fn account(amount: Money) -> Localized {
    let (zh, en) = both(amount);
    Localized::new(say!("个人负担中{zh}由个人账户支付。"), say!("Your personal account pays {en} of your share."))
}

pub(in crate::domain) fn mutual_aid(amount: Money) -> Localized {
    let (zh, en) = both(amount);
    Localized::new(
        say!("个人负担中{zh}由家庭共济账户支付。"),
        say!("The account of a member of your family pays {en} of your share."),
    )
}
