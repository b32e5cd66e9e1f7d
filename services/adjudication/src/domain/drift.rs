//! Why a settlement differs from the quote that was given: every cause is named, in words a patient understands.

use serde::{Deserialize, Serialize};
use types::money::Money;

use super::engine::Adjudication;
use super::input::Input;
use super::localized::Localized;
use super::quote::Quote;

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
    /// Other claims came between.
    Accumulator,
    /// Another policy, or another version of it.
    Policy,
    /// The person is insured otherwise.
    Cover,
}

impl Cause {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lines => "LINES",
            Self::Accumulator => "ACCUMULATOR",
            Self::Policy => "POLICY",
            Self::Cover => "COVER",
        }
    }
}

/// Compares a settlement with its quote. Empty if the person pays what was quoted.
pub fn explain(quote: &Quote, input: &Input, policy_digest: Option<&str>, settled: &Adjudication) -> Vec<Drift> {
    let Some(quoted) = quote.price.own_share() else { return Vec::new() };
    let own = settled.shares.own();
    if own == quoted {
        return Vec::new();
    }
    let mut drift = Vec::new();
    if input.total != quote.total || input.lines != quote.basis.lines {
        drift.push(Drift { cause: Cause::Lines, text: lines(quote.total, input.total) });
    }
    let is_insured = policy_digest.is_some();
    if input.person.retired != quote.basis.person.retired || is_insured != quote.price.policy().is_some() {
        drift.push(Drift { cause: Cause::Cover, text: cover(quoted, own) });
    } else if policy_digest != quote.price.policy().map(|(_, digest)| digest) {
        drift.push(Drift { cause: Cause::Policy, text: policy(quoted, own) });
    }
    if input.before != quote.basis.before || input.chain != quote.basis.chain {
        drift.push(Drift { cause: Cause::Accumulator, text: accumulator(quoted, own) });
    }
    drift
}

fn lines(quoted: Money, billed: Money) -> Localized {
    Localized::new(
        format!("实际收费 {billed} 元,预估收费 {quoted} 元。"),
        format!("CNY {billed} was billed; CNY {quoted} was expected."),
    )
}

fn cover(quoted: Money, own: Money) -> Localized {
    Localized::new(
        format!("参保情况与预估时不同:个人负担由 {quoted} 元变为 {own} 元。"),
        format!("Cover differs from the time of the quote: the own share went from CNY {quoted} to CNY {own}."),
    )
}

fn policy(quoted: Money, own: Money) -> Localized {
    Localized::new(
        format!("适用的政策版本与预估时不同:个人负担由 {quoted} 元变为 {own} 元。"),
        format!("Another version of the policy applies: the own share went from CNY {quoted} to CNY {own}."),
    )
}

fn accumulator(quoted: Money, own: Money) -> Localized {
    Localized::new(
        format!("预估之后有其他费用结算,年度累计已变化:个人负担由 {quoted} 元变为 {own} 元。"),
        format!(
            "Other claims were settled since the quote, so the year's totals moved: the own share went from CNY {quoted} to CNY {own}."
        ),
    )
}
