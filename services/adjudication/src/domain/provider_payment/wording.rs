//! The words of the steps, in Chinese and English from the same numbers.

use std::fmt::Write as _;

use drg::Sex;
use drg::payment::{Factor, Outlier, Paid, Rule, Standard};
use types::money::{Money, Ratio};

use super::dip::{Deviation, Paid as DipPaid, Scored, Terms as DipTerms};
use super::expected::Undecided;
use super::quality::Adjustment;
use super::steps::StepRule;
use super::{Method, per_unit};
use crate::domain::localized::Localized;

pub(super) fn group_of_claim(code: &str) -> Localized {
    Localized::new(format!("结算清单所报DRG组：{code}。"), format!("The claim states the DRG {code}."))
}

pub(super) fn fee(cost: Money, ratio: Factor, gross: Money) -> Localized {
    Localized::new(
        format!("按项目付费：总费用{cost}元 × {ratio} = {gross}元。"),
        format!("Fee for service: ¥{cost} billed × {ratio} = ¥{gross}."),
    )
}

pub(super) fn capitation() -> Localized {
    Localized::new(
        "按人头付费：本次费用由人头费包干，不另行支付。",
        "Capitation: this case is covered by what is paid for each head.",
    )
}

/// Rule, clause and words of a payment by DRG.
pub(super) fn drg(code: &str, paid: &Paid, cost: Money) -> (StepRule, String, Localized) {
    let amount = paid.amount;
    match paid.by {
        Rule::Standard(standard) => (StepRule::DrgStandard, format!("weights.{code}"), standard_text(code, &standard)),
        Rule::High { standard, multiple, pays } => {
            let base = standard_text(code, &standard);
            let (zh, en) = match pays {
                Outlier::StandardPlusExcess(ratio) => (
                    format!("支付标准加超出部分的{ratio}，即{amount}元"),
                    format!("the standard and {ratio} of the excess are paid: ¥{amount}"),
                ),
                Outlier::Cost(ratio) => {
                    (format!("按总费用的{ratio}支付{amount}元"), format!("{ratio} of the cost is paid: ¥{amount}"))
                }
            };
            let text = Localized::new(
                format!("{}总费用{cost}元超过支付标准的{multiple}倍，为高倍率病例：{zh}。", base.zh),
                format!("{} The cost of ¥{cost} is above {multiple} times that, a high outlier: {en}.", base.en),
            );
            (StepRule::DrgHighOutlier, "high_outlier".to_owned(), text)
        }
        Rule::Low { standard, multiple, cost_ratio } => {
            let base = standard_text(code, &standard);
            let text = Localized::new(
                format!(
                    "{}总费用{cost}元低于支付标准的{multiple}倍，为低倍率病例：按总费用的{cost_ratio}支付{amount}元。",
                    base.zh
                ),
                format!(
                    "{} The cost of ¥{cost} is below {multiple} times that, a low outlier: {cost_ratio} of the cost is paid, ¥{amount}.",
                    base.en
                ),
            );
            (StepRule::DrgLowOutlier, "low_outlier".to_owned(), text)
        }
        Rule::Ungroupable { cost_ratio } => {
            let text = Localized::new(
                format!("未入组病例：按总费用{cost}元的{cost_ratio}支付{amount}元。"),
                format!("Ungroupable: {cost_ratio} of the cost of ¥{cost} is paid, ¥{amount}."),
            );
            (StepRule::DrgUngroupable, "ungroupable".to_owned(), text)
        }
    }
}

fn standard_text(code: &str, standard: &Standard) -> Localized {
    let Standard { weight, base_rate, coefficient, amount } = standard;
    Localized::new(
        format!("{code}组支付标准：权重{weight} × 费率{base_rate}元 × 调整系数{coefficient} = {amount}元。"),
        format!("Standard of {code}: weight {weight} × rate ¥{base_rate} × coefficient {coefficient} = ¥{amount}."),
    )
}

/// Rule, clause and words of a payment by DIP.
pub(super) fn dip(terms: &DipTerms, paid: &DipPaid, cost: Money) -> (StepRule, String, Localized) {
    let scored = match paid {
        DipPaid::Scored(scored) => scored,
        DipPaid::Unlisted { amount } => {
            let ratio = terms.unlisted_cost_ratio;
            let text = Localized::new(
                format!("病种目录未收录：按总费用{cost}元的{ratio}支付{amount}元。"),
                format!("In no group of the catalogue: {ratio} of the cost of ¥{cost} is paid, ¥{amount}."),
            );
            return (StepRule::DipUnlisted, "unlisted_cost_ratio".to_owned(), text);
        }
    };
    let Scored { code, name, group_score, auxiliary, average_cost, score, coefficient, amount, .. } = scored;
    let mut factors = String::new();
    for (entry, factor) in auxiliary {
        // Cannot fail: it writes into memory.
        let _ = write!(factors, " × {entry} {factor}");
    }
    let (over, under, point_value) = (terms.over, terms.under, terms.point_value);
    let (rule, zh, en) = match scored.deviation {
        Deviation::None => (StepRule::DipScore, String::new(), String::new()),
        Deviation::Over => (
            StepRule::DipOver,
            format!(" ×（总费用{cost} ÷ 次均费用{average_cost} − {over} + 1），超过{over}倍"),
            format!(" × (cost {cost} ÷ average {average_cost} − {over} + 1), being above {over} times"),
        ),
        Deviation::Under => (
            StepRule::DipUnder,
            format!(" ×（总费用{cost} ÷ 次均费用{average_cost}），低于{under}倍"),
            format!(" × (cost {cost} ÷ average {average_cost}), being below {under} times"),
        ),
    };
    let text = Localized::new(
        format!(
            "病种{code}{name}：分值{group_score}{factors}{zh} = {score}；× 系数{coefficient} × 点值{point_value}元 = {amount}元。"
        ),
        format!(
            "Group {code} {name}: score {group_score}{factors}{en} = {score}; × coefficient {coefficient} × point value ¥{point_value} = ¥{amount}."
        ),
    );
    (rule, format!("groups.{code}"), text)
}

pub(super) fn per_unit(paid: &per_unit::Paid) -> Localized {
    let stages: Vec<String> = paid.stages.iter().map(|(units, rate)| format!("{units} × {rate}")).collect();
    let (stages, coefficient, amount) = (stages.join(" + "), paid.coefficient, paid.amount);
    Localized::new(
        format!("按服务单元付费：（{stages}）× 系数{coefficient} = {amount}元。"),
        format!("By unit of service: ({stages}) × coefficient {coefficient} = ¥{amount}."),
    )
}

pub(super) fn own(gross: Money, own: Money, fund: Money) -> Localized {
    Localized::new(
        format!("减去个人负担：{gross}元 − {own}元 = {fund}元。"),
        format!("Less what the patient pays: ¥{gross} − ¥{own} = ¥{fund}."),
    )
}

pub(super) fn share(method: Method, share: Ratio, whole: Money, amount: Money) -> Localized {
    let (method, percent) = (method.as_str(), share.percent());
    Localized::new(
        format!("混合付费：{method}占{percent}，{whole}元中计{amount}元。"),
        format!("Mixture: {percent} by {method}, ¥{amount} of ¥{whole}."),
    )
}

pub(super) fn not_below_zero(before: Money) -> Localized {
    Localized::new(
        format!("计算结果{before}元小于零，按支付办法不向医疗机构扣回。"),
        format!("The result of ¥{before} is below zero; by the terms it is not taken from the provider."),
    )
}

pub(super) fn quality(adjusted: &Adjustment) -> Localized {
    let Adjustment { score, percent, amount } = adjusted;
    Localized::new(
        format!("质量考核得分{score}，调整{percent}%，即{amount}元。"),
        format!("Quality score {score}: adjusted by {percent}%, ¥{amount}."),
    )
}

pub(super) fn result(fund: Money) -> Localized {
    Localized::new(
        format!("预计医保基金支付医疗机构{fund}元。"),
        format!("The fund is expected to pay the provider ¥{fund}."),
    )
}

pub(super) fn sex_contradicts(registered: Sex) -> Localized {
    let ([zh, en], [stated_zh, stated_en]) = match registered {
        Sex::Male => (["男", "male"], ["女", "female"]),
        Sex::Female => (["女", "female"], ["男", "male"]),
    };
    Localized::new(
        format!("病案首页性别为{stated_zh}，与身份登记的{zh}不符，按身份登记分组。"),
        format!("The record states {stated_en}, the identity document {en}: grouped by the identity document."),
    )
}

pub(super) fn undecided(why: &Undecided) -> Localized {
    let zh = match why {
        Undecided::NotStated(path) => format!("支付办法未载明{path}，暂不能确定。"),
        Undecided::TablesNotAtHand(version) => format!("清单未报分组，且分组表{version}未装载，暂不能确定。"),
        Undecided::NoGroup => "清单未报分组，支付办法也未指定分组表，暂不能确定。".to_owned(),
        Undecided::TooLarge => "金额超出可表示范围。".to_owned(),
    };
    Localized::new(zh, format!("Undecided: {why}."))
}
