//! The sentences of the explanation, for patients: short, with the amounts in them, in Chinese and English.

mod above;
mod cover;

pub(super) use {above::*, cover::*};

use std::fmt;

use chrono::NaiveDate;
use types::money::{Money, Ratio};
use types::region::RegionCode;

use super::{
    engine::Adjustment,
    explanation::Interval,
    line::{Class, Classified, Line, Priced},
    localized::Localized,
};

/// As `format!`, into memory that is nearly always enough: explanations are many texts, and growing costs as much as writing.
macro_rules! say {
    ($($text:tt)*) => {{
        let mut said = String::with_capacity($crate::domain::wording::TEXT_BYTES);
        // Cannot fail: it writes into memory.
        let _ = std::fmt::Write::write_fmt(&mut said, format_args!($($text)*));
        said
    }};
}
use say;

const TEXT_BYTES: usize = 160;
/// The widest amount there can be, with sign, points and commas.
const AMOUNT_BYTES: usize = 32;

/// An amount as `1,234,567.80`, with what stands around it. Its digits are found once for both languages.
#[derive(Clone, Copy)]
struct Yuan {
    digits: [u8; AMOUNT_BYTES],
    start: usize,
    before: &'static str,
    after: &'static str,
}

impl fmt::Display for Yuan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.before)?;
        f.write_str(std::str::from_utf8(&self.digits[self.start..]).unwrap_or_default())?;
        f.write_str(self.after)
    }
}

/// An amount, as Chinese and as English readers write it.
fn both(amount: Money) -> (Yuan, Yuan) {
    let fen = amount.fen();
    let mut left = fen.unsigned_abs();
    let mut digits = [0_u8; AMOUNT_BYTES];
    let mut start = AMOUNT_BYTES;
    let mut put = |byte: u8| {
        start -= 1;
        digits[start] = byte;
    };
    let mut places = 0_u32;
    while left > 0 || places < 3 {
        if places == 2 {
            put(b'.');
        } else if places > 2 && (places - 2).is_multiple_of(3) {
            put(b',');
        }
        put(b'0' + u8::try_from(left % 10).unwrap_or_default());
        left /= 10;
        places += 1;
    }
    if fen < 0 {
        put(b'-');
    }
    (Yuan { digits, start, before: "", after: "元" }, Yuan { digits, start, before: "¥", after: "" })
}

pub(super) fn line(line: &Line, parts: Classified) -> Localized {
    let (amount_zh, amount_en) = both(line.amount);
    let (name_zh, name_en) = (&line.name.zh, &line.name.en);
    match line.class {
        Class::A if parts.over_limit.is_zero() => Localized::new(
            say!("{name_zh}：甲类，{amount_zh}全部纳入医保范围。"),
            say!("{name_en}: class A, all of {amount_en} is in scope."),
        ),
        Class::A => {
            let (scope_zh, scope_en) = both(parts.in_scope);
            let (over_zh, over_en) = over_limit(line, parts.over_limit);
            Localized::new(
                say!("{name_zh}：甲类，{amount_zh}中{over_zh}其余{scope_zh}纳入医保范围。"),
                say!("{name_en}: class A, of {amount_en} {over_en}the remaining {scope_en} is in scope."),
            )
        }
        Class::B { first_self_pay } => {
            let (scope_zh, scope_en) = both(parts.in_scope);
            let (first_zh, first_en) = both(parts.first_self_pay);
            let (over_zh, over_en) = over_limit(line, parts.over_limit);
            let share = first_self_pay.percent();
            Localized::new(
                say!(
                    "{name_zh}：乙类，{amount_zh}中{over_zh}先由个人支付{share}即{first_zh}，其余{scope_zh}纳入医保范围。"
                ),
                say!(
                    "{name_en}: class B, of {amount_en} {over_en}you first pay {share}, {first_en}; the remaining {scope_en} is in scope."
                ),
            )
        }
        Class::C => Localized::new(
            say!("{name_zh}：丙类，不在医保范围内，{amount_zh}由个人支付。"),
            say!("{name_en}: class C, out of scope; you pay {amount_en}."),
        ),
    }
}

pub(super) fn catalogue(region: RegionCode, on: NaiveDate) -> Localized {
    Localized::new(say!("{region}统筹地区医保目录（{on}）"), say!("Catalogue of region {region} as of {on}"))
}

/// Nothing, where nothing is above a limit of the price.
fn over_limit(line: &Line, over: Money) -> (String, String) {
    let Some(limit) = line.price_limit.filter(|_| over.is_positive()) else {
        return (String::new(), String::new());
    };
    let (over_zh, over_en) = both(over);
    let most = limit.unit_price_max.normalize();
    let (of_zh, of_en) = match limit.of {
        Priced::Item => ("限价", "the price is known up to"),
        Priced::BedDay => ("床位费限额每日", "a bed day is known up to"),
    };
    (
        say!("{of_zh}{most}元，超出的{over_zh}由个人支付，"),
        say!("you pay {over_en} above the limit ({of_en} ¥{most}); "),
    )
}

pub(super) fn in_scope(total: Money, in_scope: Money) -> Localized {
    let ((total_zh, total_en), (scope_zh, scope_en)) = (both(total), both(in_scope));
    Localized::new(
        say!("总费用{total_zh}，其中医保范围内{scope_zh}。"),
        say!("Of {total_en} in total, {scope_en} is in scope of the insurance."),
    )
}

pub(super) fn deductible_of_year(set: Money, before: Money, borne: Money) -> Localized {
    let ((set_zh, set_en), (before_zh, before_en), (borne_zh, borne_en)) = (both(set), both(before), both(borne));
    if borne.is_zero() && set <= before {
        return Localized::new(
            say!("本年度起付线{set_zh}已付满，本次不再扣除。"),
            say!("The yearly deductible of {set_en} is already borne: nothing more this time."),
        );
    }
    Localized::new(
        say!("本年度起付线{set_zh}，此前已付{before_zh}，本次由个人支付{borne_zh}。"),
        say!("The yearly deductible is {set_en}, of which {before_en} was borne before; this time you pay {borne_en}."),
    )
}

pub(super) fn deductible_of_year_by_tier(set: Money, before: Money, borne: Money) -> Localized {
    let ((set_zh, set_en), (before_zh, before_en), (borne_zh, borne_en)) = (both(set), both(before), both(borne));
    Localized::new(
        say!("本年度该级别机构起付线{set_zh}，各级机构此前合计已付{before_zh}，本次由个人支付{borne_zh}。"),
        say!(
            "The yearly deductible at this tier is {set_en}; {before_en} was borne before at any tier; this time you pay {borne_en}."
        ),
    )
}

pub(super) fn deductible_waived(set: Money) -> Localized {
    let (set_zh, set_en) = both(set);
    Localized::new(
        say!("在本人定点的校医院（社区）就诊或由其转诊，免付起付线（原为{set_zh}）。"),
        say!("Your own clinic cares for or referred you: no deductible (it would be {set_en})."),
    )
}

pub(super) fn deductible_first_stay(set: Money, borne: Money) -> Localized {
    let ((set_zh, set_en), (borne_zh, borne_en)) = (both(set), both(borne));
    Localized::new(
        say!("本年度首次住院，起付线{set_zh}，由个人支付{borne_zh}。"),
        say!("First stay of the year: the deductible is {set_en}; you pay {borne_en} of it."),
    )
}

pub(super) fn deductible_later_stay(set: Money, borne: Money) -> Localized {
    let ((set_zh, set_en), (borne_zh, borne_en)) = (both(set), both(borne));
    Localized::new(
        say!("本年度第二次及以后住院，起付线{set_zh}，由个人支付{borne_zh}。"),
        say!("A later stay of the year: the deductible is {set_en}; you pay {borne_en} of it."),
    )
}

pub(super) fn deductible_long_stay(set: Money, borne: Money) -> Localized {
    let ((set_zh, set_en), (borne_zh, borne_en)) = (both(set), both(borne));
    Localized::new(
        say!("住院跨结算周期，各周期起付线合计{set_zh}，由个人支付{borne_zh}。"),
        say!(
            "The stay runs over several settlement cycles, whose deductibles are {set_en} together; you pay {borne_en} of it."
        ),
    )
}

pub(super) fn deductible_counts_on(set: Money, credited: Money, borne: Money) -> Localized {
    let ((set_zh, set_en), (had_zh, had_en), (borne_zh, borne_en)) = (both(set), both(credited), both(borne));
    Localized::new(
        say!("经逐级上转，起付线连续计算：应付{set_zh}，同一转诊链已付{had_zh}，本次由个人支付{borne_zh}。"),
        say!(
            "Referred upwards, the deductible counts on: of {set_en}, {had_en} was borne along this referral chain; you pay {borne_en}."
        ),
    )
}

pub(super) fn deductible_not_anew(set: Money) -> Localized {
    let (set_zh, set_en) = both(set);
    Localized::new(
        say!("同一病程下转，不再另付起付线（原为{set_zh}）。"),
        say!("Referred downwards in the same episode: no deductible anew (it would be {set_en})."),
    )
}

pub(super) fn band(
    axis: Interval,
    ratio: Ratio,
    fund: Money,
    own: Money,
    adjustments: impl Iterator<Item = Adjustment>,
) -> Localized {
    let ((from_zh, from_en), (to_zh, to_en)) = (both(axis.from), both(axis.to));
    let ((fund_zh, fund_en), (own_zh, own_en)) = (both(fund), both(own));
    let percent = ratio.percent();
    let (mut why_zh, mut why_en) = (String::new(), String::new());
    for adjustment in adjustments {
        let why = adjusted(adjustment);
        why_zh.push_str(&why.zh);
        why_en.push_str(&why.en);
    }
    Localized::new(
        say!("医保范围内{from_zh}至{to_zh}的部分，统筹基金支付{percent}{why_zh}，即{fund_zh}；个人支付{own_zh}。"),
        say!(
            "From {from_en} to {to_en} of in-scope expenses the pooled fund pays {percent}{why_en}: {fund_en}; you pay {own_en}."
        ),
    )
}

fn adjusted(adjustment: Adjustment) -> Localized {
    match adjustment {
        Adjustment::RetiredSelfFactor(factor) => {
            let percent = factor.percent();
            Localized::new(
                say!("（退休人员自付比例为在职的{percent}）"),
                say!(" (retired: {percent} of the usual own share)"),
            )
        }
        Adjustment::Unreferred(points) => {
            Localized::new(say!("（未经转诊，降低{points}个百分点）"), say!(" (not referred: minus {points} points)"))
        }
        Adjustment::ReferralLapsed(points) => Localized::new(
            say!("（转诊已过有效期，降低{points}个百分点）"),
            say!(" (the referral has lapsed: minus {points} points)"),
        ),
        Adjustment::FamilyDoctor(points) => Localized::new(
            say!("（家庭医生签约，提高{points}个百分点）"),
            say!(" (family-doctor contract: plus {points} points)"),
        ),
        Adjustment::AwayFactor(factor) => {
            let percent = factor.percent();
            Localized::new(
                say!("（异地就医，按正常支付比例的{percent}支付）"),
                say!(" (outside of your insured region: {percent} of the usual ratio)"),
            )
        }
        Adjustment::AwayPoints(points) => Localized::new(
            say!("（异地就医，降低{points}个百分点）"),
            say!(" (outside of your insured region: minus {points} points)"),
        ),
    }
}

pub(super) fn pooled_ceiling_reached(ceiling: Money, rest: Money) -> Localized {
    let ((ceiling_zh, ceiling_en), (rest_zh, rest_en)) = (both(ceiling), both(rest));
    Localized::new(
        say!("统筹基金本年度支付已达封顶线{ceiling_zh}，余下{rest_zh}超出封顶线。"),
        say!(
            "The pooled fund has reached its ceiling of {ceiling_en} for the year; the remaining {rest_en} lies above it."
        ),
    )
}

pub(super) fn pooled_ceiling_not_published() -> Localized {
    Localized::new(
        "统筹基金年度封顶线尚未公布，本次不设上限支付。",
        "The yearly ceiling of the pooled fund is not published; it pays without limit.",
    )
}

pub(super) fn large_amount(amount: Money, ratio: Ratio, fund: Money, own: Money) -> Localized {
    let (amount_zh, amount_en) = both(amount);
    let ((fund_zh, fund_en), (own_zh, own_en)) = (both(fund), both(own));
    let percent = ratio.percent();
    Localized::new(
        say!("封顶线以上的{amount_zh}，大额医疗费用互助资金支付{percent}，即{fund_zh}；个人支付{own_zh}。"),
        say!("Of {amount_en} above the ceiling the large-amount fund pays {percent}: {fund_en}; you pay {own_en}."),
    )
}

pub(super) fn large_amount_ceiling_reached(rest: Money) -> Localized {
    let (rest_zh, rest_en) = both(rest);
    Localized::new(
        say!("大额医疗费用互助资金本年度支付已达上限，余下{rest_zh}由个人支付。"),
        say!("The large-amount fund has reached its limit for the year; you pay the remaining {rest_en}."),
    )
}

pub(super) fn large_amount_ceiling_not_published() -> Localized {
    Localized::new(
        "大额医疗费用互助资金的上限尚未公布，本次不设上限支付。",
        "The limit of the large-amount fund is not published; it pays without limit.",
    )
}

pub(super) fn nothing_above_ceiling(rest: Money) -> Localized {
    let (rest_zh, rest_en) = both(rest);
    Localized::new(
        say!("封顶线以上没有其他保障，余下{rest_zh}由个人支付。"),
        say!("Nothing else covers what is above the ceiling; you pay the remaining {rest_en}."),
    )
}

pub(super) fn beyond_cover(limit: Money, rest: Money) -> Localized {
    let ((limit_zh, limit_en), (rest_zh, rest_en)) = (both(limit), both(rest));
    Localized::new(
        say!("医保范围内费用累计超过{limit_zh}的部分不予支付，{rest_zh}由个人支付。"),
        say!("In-scope expenses beyond {limit_en} are not covered; you pay {rest_en}."),
    )
}

pub(super) fn result(total: Money, fund: Money, own: Money) -> Localized {
    let ((total_zh, total_en), (fund_zh, fund_en), (own_zh, own_en)) = (both(total), both(fund), both(own));
    Localized::new(
        say!("总费用{total_zh}：基金支付{fund_zh}，个人支付{own_zh}。"),
        say!("Of {total_en} the funds pay {fund_en} and you pay {own_en}."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_in_groups_of_three() {
        let shown = |fen| {
            let (zh, en) = both(Money::from_fen(fen));
            (zh.to_string(), en.to_string())
        };
        let cases = [
            (0, "0.00"),
            (5, "0.05"),
            (99, "0.99"),
            (100, "1.00"),
            (99_999, "999.99"),
            (100_000, "1,000.00"),
            (123_456_780, "1,234,567.80"),
            (-130_050, "-1,300.50"),
            (-7, "-0.07"),
            (9_999_999_999_999_999, "99,999,999,999,999.99"),
            (i64::MIN, "-92,233,720,368,547,758.08"),
        ];
        for (fen, text) in cases {
            assert_eq!(shown(fen), (format!("{text}元"), format!("¥{text}")));
        }
    }
}
