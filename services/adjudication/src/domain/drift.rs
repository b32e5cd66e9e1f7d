//! Why a settlement differs from the quote that was given: every cause that moved an amount is named with what it moved, in words a patient
//! understands.

mod replayed;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use types::money::Money;

use super::engine::Adjudication;
use super::input::Input;
use super::localized::Localized;
use super::policy::Policy;
use super::quote::{Price, Quote};
use super::shares::Shares;
use replayed::{Move, Payer, Side};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    pub cause: Cause,
    pub text: Localized,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Cause {
    /// Billed otherwise than expected.
    Lines,
    /// The catalogue classes an item otherwise.
    Catalogue,
    /// Care was on another day, or of another length.
    Day,
    /// Of another tier, designated otherwise, or other care.
    Provider,
    /// Another version of the policy.
    Policy,
    /// The person is insured otherwise.
    Cover,
    /// With a referral where the quote had none, or the other way about.
    Referral,
    /// The same of a contract with the family doctor.
    FamilyDoctor,
    /// Other claims came between.
    Accumulator,
    /// Other stays of the referral came between.
    Chain,
    /// Accounts and vouchers have more or less to pay with.
    Means,
    /// None of these, so that no difference stays without a word.
    Other,
}

impl Cause {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lines => "LINES",
            Self::Catalogue => "CATALOGUE",
            Self::Day => "DAY",
            Self::Provider => "PROVIDER",
            Self::Policy => "POLICY",
            Self::Cover => "COVER",
            Self::Referral => "REFERRAL",
            Self::FamilyDoctor => "FAMILY_DOCTOR",
            Self::Accumulator => "ACCUMULATOR",
            Self::Chain => "CHAIN",
            Self::Means => "MEANS",
            Self::Other => "OTHER",
        }
    }

    /// What happened; none where the sentence is made of the amounts billed.
    const fn told(self) -> (&'static str, &'static str) {
        match self {
            Self::Lines => ("实际收费与预估不同", "What was billed differs from what was expected"),
            Self::Catalogue => (
                "医保目录对项目的归类与预估时不同",
                "The catalogue classes an item otherwise than at the time of the quote",
            ),
            Self::Day => ("就诊日期与预估时不同", "Care was on another day than quoted"),
            Self::Provider => (
                "就诊机构的级别、定点资格或诊疗类别与预估时不同",
                "The provider's tier or designation or the kind of care is not the one quoted",
            ),
            Self::Policy => ("适用的政策版本与预估时不同", "Another version of the policy applies"),
            Self::Cover => ("参保情况与预估时不同", "Cover differs from the time of the quote"),
            Self::Referral => ("转诊情况与预估时不同", "The referral differs from the time of the quote"),
            Self::FamilyDoctor => {
                ("家庭医生签约情况与预估时不同", "The family-doctor contract differs from the time of the quote")
            }
            Self::Accumulator => (
                "预估之后有其他费用结算,年度累计已变化",
                "Other claims were settled since the quote, so the year's totals moved",
            ),
            Self::Chain => {
                ("预估之后本次转诊链上有其他住院结算", "Other stays of the same referral were settled since the quote")
            }
            Self::Means => (
                "个人账户、家庭共济账户或补助券可支付的金额与预估时不同",
                "Personal accounts or vouchers have another amount to pay with than at the time of the quote",
            ),
            Self::Other => ("结算结果与预估不同", "The settlement differs from the quote"),
        }
    }
}

/// A quote, and the policy that priced it.
#[derive(Debug, Clone, Copy)]
pub struct Quoted<'a> {
    pub quote: &'a Quote,
    pub policy: Option<&'a Policy>,
}

/// A settlement: what the engine was given and what it answered, with the policy that judged it and its digest.
#[derive(Debug, Clone, Copy)]
pub struct Settled<'a> {
    pub input: &'a Input,
    pub policy: Option<(&'a Policy, &'a str)>,
    pub answer: &'a Adjudication,
}

/// Compares a settlement with its quote. Empty if everybody pays what was quoted, by the same means, and never where somebody does not. The
/// changes that are told of go from one to the other, so that they add up to the difference. A quote that verified cover alone named no
/// amount to differ from.
pub fn explain(quoted: Quoted<'_>, settled: Settled<'_>) -> Vec<Drift> {
    if quoted.quote.is_of_cover_alone() {
        return Vec::new();
    }
    moves(quoted, settled).iter().map(|moved| drift(moved, quoted.quote.total)).collect()
}

fn moves(Quoted { quote, policy }: Quoted<'_>, settled: Settled<'_>) -> Vec<Move> {
    let quoted = quote.price.adjudication().map(|quoted| &quoted.shares);
    let to = &settled.answer.shares;
    if quoted.is_some_and(|quoted| paid(quoted) == paid(to)) {
        return Vec::new();
    }
    let quoted_by = match (&quote.price, policy) {
        (Price::Priced { policy_digest, .. }, Some(policy)) => Payer::Policy(policy, policy_digest),
        (Price::Priced { .. } | Price::NoPolicy { .. }, _) => Payer::NoPolicy,
        (Price::NotEnrolled { .. }, _) => Payer::Nobody,
        (Price::NotDesignated { .. }, _) => Payer::NotDesignated,
    };
    let settled_by = match settled.policy {
        Some((policy, digest)) => Payer::Policy(policy, digest),
        None if settled.answer.is_not_designated() => Payer::NotDesignated,
        None => Payer::Nobody,
    };
    let then = Side { input: quote.basis.clone(), payer: quoted_by };
    let now = Side { input: settled.input.clone(), payer: settled_by };
    replayed::moves(then, now, quoted, to)
}

/// What each pays, each with its name: together the total.
fn paid(shares: &Shares) -> [((&'static str, &'static str), Money); 9] {
    [
        (("统筹基金支付", "the pooled fund"), shares.pooled_fund),
        (("大额基金支付", "the large-amount fund"), shares.large_amount_fund),
        (("大病保险支付", "critical illness insurance"), shares.critical_illness_fund),
        (("医疗救助支付", "medical assistance"), shares.assistance_fund),
        (("补充保险支付", "the top-up"), shares.top_up),
        (("补助券支付", "vouchers"), shares.voucher),
        (("个人账户支付", "the personal account"), shares.account),
        (("家庭共济支付", "the family's account"), shares.mutual_aid),
        (("现金支付", "cash"), shares.cash()),
    ]
}

fn drift(moved: &Move, expected: Money) -> Drift {
    let (zh, en) = moved.cause.told();
    let billed = moved.after.total;
    let [bill_zh, bill_en] = if moved.cause == Cause::Lines {
        [format!("(实际 {billed} 元,预估 {expected} 元)"), format!(" (CNY {billed}, expected CNY {expected})")]
    } else {
        [String::new(), String::new()]
    };
    let Localized { zh: change_zh, en: change_en } = change(moved);
    let text = Localized::new(format!("{zh}{bill_zh}:{change_zh}。"), format!("{en}{bill_en}: {change_en}."));
    Drift { cause: moved.cause, text }
}

/// What became of the amounts: of the own share, and of everybody's part of the rest. Cash is the own share where nothing else pays it.
fn change(moved: &Move) -> Localized {
    let (after, own) = (&moved.after, moved.after.own());
    let Some(before) = &moved.before else {
        return Localized::new(
            format!("预估时没有价格,个人负担为 {own} 元"),
            format!("the quote gave no price, and the own share is CNY {own}"),
        );
    };
    let is_cash_alone = before.own() - before.cash() == own - after.cash();
    let own = (("个人负担", "the own share"), before.own(), own);
    let parts = paid(before).into_iter().zip(paid(after)).map(|((name, from), (_, to))| (name, from, to));
    let parts = parts.filter(|((_, name), ..)| *name != "cash" || !is_cash_alone);
    let (mut zh, mut en) = (Vec::new(), Vec::new());
    for ((name_zh, name_en), from, to) in std::iter::once(own).chain(parts).filter(|(_, from, to)| from != to) {
        zh.push(format!("{name_zh}由 {from} 元变为 {to} 元"));
        en.push(format!("{name_en} went from CNY {from} to CNY {to}"));
    }
    Localized::new(zh.join(","), en.join(", "))
}
