//! Why a settlement differs from the quote that was given: every cause is named, in words a patient understands.

use serde::{Deserialize, Serialize};
use types::money::Money;

use super::engine::Adjudication;
use super::input::Input;
use super::line::Line;
use super::localized::Localized;
use super::quote::{Price, Quote};
use super::shares::Shares;

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
    /// Another policy, or another version of it.
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
            Self::Other => ("结算结果与预估不同", "The settlement differs from the quote"),
        }
    }
}

/// Compares a settlement with its quote. Empty if everybody pays what was quoted, and never where somebody does not.
pub fn explain(quote: &Quote, input: &Input, policy_digest: Option<&str>, settled: &Adjudication) -> Vec<Drift> {
    let quoted = quote.price.adjudication().map(|quoted| quoted.shares);
    let paid = |shares: &Shares| (shares.total, shares.own());
    if quoted.as_ref().is_some_and(|quoted| paid(quoted) == paid(&settled.shares)) {
        return Vec::new();
    }
    let causes = causes(quote, input, policy_digest, settled);
    causes
        .into_iter()
        .map(|cause| Drift { cause, text: text(cause, quote.total, quoted.as_ref(), &settled.shares) })
        .collect()
}

fn causes(quote: &Quote, input: &Input, policy_digest: Option<&str>, settled: &Adjudication) -> Vec<Cause> {
    let basis = &quote.basis;
    let quoted_digest = quote.price.policy().map(|(_, digest)| digest);
    let (now, then) = (&input.circumstances, &basis.circumstances);
    // That no policy priced one of them was for want of a policy, or of a contract with the provider, and not of cover.
    let had_no_policy = matches!(quote.price, Price::NoPolicy { .. });
    let was_designated = !matches!(quote.price, Price::NotDesignated { .. });
    let is_designated = !settled.is_not_designated();
    let are_unpriced_for_cover = !had_no_policy && was_designated && is_designated;
    let is_insured_otherwise = input.person.retired != basis.person.retired
        || are_unpriced_for_cover && policy_digest.is_some() != quoted_digest.is_some()
        || (&now.groups, now.area, now.topped_up) != (&then.groups, then.area, then.topped_up);
    let found = [
        (Cause::Lines, input.total != basis.total || billed(&input.lines) != billed(&basis.lines)),
        (Cause::Catalogue, is_classed_otherwise(&input.lines, &basis.lines)),
        (Cause::Day, (input.from, input.to, input.person.age) != (basis.from, basis.to, basis.person.age)),
        (
            Cause::Provider,
            (input.tier, input.kind, now.own_clinic) != (basis.tier, basis.kind, then.own_clinic)
                || is_designated != was_designated,
        ),
        (Cause::Cover, is_insured_otherwise),
        (Cause::Policy, !is_insured_otherwise && is_designated && was_designated && policy_digest != quoted_digest),
        (Cause::Referral, (input.referred, now.referred_on) != (basis.referred, then.referred_on)),
        (Cause::FamilyDoctor, input.family_doctor != basis.family_doctor),
        (Cause::Accumulator, input.before != basis.before || now.year != then.year),
        (Cause::Chain, input.chain != basis.chain),
    ];
    let mut causes: Vec<Cause> = found.into_iter().filter(|(_, is_so)| *is_so).map(|(cause, _)| cause).collect();
    if causes.is_empty() {
        causes.push(Cause::Other);
    }
    causes
}

/// What was billed, however it is classed.
fn billed(lines: &[Line]) -> Vec<(&str, Money)> {
    let mut billed: Vec<_> = lines.iter().map(|line| (line.code.as_str(), line.amount)).collect();
    billed.sort_unstable();
    billed
}

fn is_classed_otherwise(lines: &[Line], quoted: &[Line]) -> bool {
    lines.iter().any(|line| {
        quoted.iter().any(|before| {
            before.code == line.code && (before.class, before.price_limit) != (line.class, line.price_limit)
        })
    })
}

fn text(cause: Cause, expected: Money, quoted: Option<&Shares>, settled: &Shares) -> Localized {
    let (zh, en) = cause.told();
    let billed = settled.total;
    let bill = if cause == Cause::Lines {
        [format!("(实际 {billed} 元,预估 {expected} 元)"), format!(" (CNY {billed}, expected CNY {expected})")]
    } else {
        [String::new(), String::new()]
    };
    let [bill_zh, bill_en] = bill;
    let Localized { zh: change_zh, en: change_en } = change(quoted, settled);
    Localized::new(format!("{zh}{bill_zh}:{change_zh}。"), format!("{en}{bill_en}: {change_en}."))
}

/// What became of the amounts.
fn change(quoted: Option<&Shares>, settled: &Shares) -> Localized {
    let own = settled.own();
    let Some(quoted) = quoted else {
        return Localized::new(
            format!("预估时没有价格,个人负担为 {own} 元"),
            format!("the quote gave no price, and the own share is CNY {own}"),
        );
    };
    let (before, fund_before, fund) = (quoted.own(), quoted.fund(), settled.fund());
    if before != own {
        return Localized::new(
            format!("个人负担由 {before} 元变为 {own} 元"),
            format!("the own share went from CNY {before} to CNY {own}"),
        );
    }
    Localized::new(
        format!("个人负担仍为 {own} 元,基金支付由 {fund_before} 元变为 {fund} 元"),
        format!("the own share is still CNY {own}, and what the funds pay went from CNY {fund_before} to CNY {fund}"),
    )
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Days};
    use types::ids::{OrganisationId, PolicyId, QuoteId, ResidentId};
    use types::{care::CareKind, tier::Tier};

    use super::*;
    use crate::domain::circumstances::Circumstances;
    use crate::domain::engine;
    use crate::domain::input::{Accumulators, Chain, Direction, Person};
    use crate::domain::line::Class;

    fn input() -> Input {
        let line = Line {
            code: "T-1".to_owned(),
            name: Localized::new("项目".to_owned(), "item".to_owned()),
            quantity: 1.into(),
            unit_price: 100.into(),
            amount: Money::from_fen(10_000),
            class: Class::A,
            price_limit: None,
        };
        let policy = crate::domain::policy::Policy::read(include_str!("../../policies/beijing-employee.json")).unwrap();
        let quoted_on = "2026-03-02".parse().unwrap();
        assert!(crate::domain::document::Document::in_force_on(&policy, quoted_on));
        Input {
            person: Person { retired: true, age: 71 },
            tier: Tier::Tertiary,
            kind: CareKind::Inpatient,
            from: quoted_on,
            to: quoted_on,
            total: Money::from_fen(10_000),
            lines: vec![line],
            before: Accumulators::default(),
            chain: None,
            referred: false,
            family_doctor: false,
            circumstances: Circumstances::default(),
        }
    }

    fn quote() -> Quote {
        let basis = input();
        let all_own = engine::not_enrolled(basis.from, basis.total, &basis.lines).unwrap();
        Quote {
            id: QuoteId::generate(),
            resident: ResidentId::generate(),
            provider: OrganisationId::generate(),
            kind: basis.kind,
            on: basis.from,
            total: basis.total,
            basis,
            price: Price::Priced {
                policy: PolicyId::generate(),
                policy_digest: "d".to_owned(),
                adjudication: Box::new(all_own),
            },
            referral: None,
            appointment: None,
            journey: None,
            quoted_at: DateTime::UNIX_EPOCH,
        }
    }

    /// Settled at another own share, on an input that differs in one thing.
    fn causes_of(change: impl FnOnce(&mut Input), digest: Option<&str>) -> Vec<Cause> {
        let mut input = input();
        change(&mut input);
        let settled = engine::not_enrolled(
            input.from,
            Money::from_fen(1),
            &[Line {
                quantity: 1.into(),
                unit_price: "0.01".parse().unwrap(),
                amount: Money::from_fen(1),
                ..input.lines[0].clone()
            }],
        );
        let drift = explain(&quote(), &input, digest, &settled.unwrap());
        assert!(drift.iter().all(|drift| drift.text.zh.contains("0.01") && drift.text.en.contains("0.01")));
        drift.into_iter().map(|drift| drift.cause).collect()
    }

    #[test]
    fn ad_03_every_cause_of_a_drift_is_named_and_only_that() {
        let chain = Chain { direction: Direction::Up, deductible_borne: Money::ZERO, stays: 1, stays_this_year: 0 };
        let d = Some("d");
        assert_eq!(causes_of(|input| input.lines[0].amount = Money::from_fen(1), d), [Cause::Lines]);
        assert_eq!(causes_of(|input| input.lines[0].class = Class::C, d), [Cause::Catalogue]);
        assert_eq!(causes_of(|input| input.to = input.to + Days::new(1), d), [Cause::Day]);
        assert_eq!(causes_of(|input| input.tier = Tier::District, d), [Cause::Provider]);
        assert_eq!(causes_of(|input| input.person.retired = false, d), [Cause::Cover]);
        assert_eq!(causes_of(|_| {}, None), [Cause::Cover]);
        assert_eq!(causes_of(|_| {}, Some("another")), [Cause::Policy]);
        assert_eq!(causes_of(|input| input.referred = true, d), [Cause::Referral]);
        assert_eq!(causes_of(|input| input.family_doctor = true, d), [Cause::FamilyDoctor]);
        assert_eq!(causes_of(|input| input.before.stays = 1, d), [Cause::Accumulator]);
        assert_eq!(causes_of(|input| input.chain = Some(chain), d), [Cause::Chain]);
        assert_eq!(causes_of(|_| {}, d), [Cause::Other]);
        let both = causes_of(|input| (input.referred, input.before.stays) = (true, 1), d);
        assert_eq!(both, [Cause::Referral, Cause::Accumulator]);
    }

    #[test]
    fn ad_03_who_pays_what_was_quoted_is_told_nothing() {
        let (quote, mut input) = (quote(), input());
        input.before.stays = 1;
        let same = engine::not_enrolled(input.from, input.total, &input.lines).unwrap();
        assert_eq!(explain(&quote, &input, Some("d"), &same), []);
    }

    #[test]
    fn ad_03_where_only_the_fund_pays_otherwise_that_is_explained_too() {
        let (quote, input) = (quote(), input());
        let same = engine::not_enrolled(input.from, input.total, &input.lines).unwrap();
        let more = Shares { total: Money::from_fen(15_000), pooled_fund: Money::from_fen(5_000), ..same.shares };
        assert_eq!(more.own(), same.shares.own());
        let settled = Adjudication { shares: more, ..same };
        let drift = explain(&quote, &Input { total: more.total, ..input }, Some("d"), &settled);
        let [Drift { cause: Cause::Lines, text }] = drift.as_slice() else { panic!("{drift:?}") };
        assert!(text.en.contains("still CNY 100.00") && text.en.contains("from CNY 0.00 to CNY 50.00"), "{}", text.en);
        assert!(text.zh.contains("仍为 100.00 元"), "{}", text.zh);
    }

    #[test]
    fn ad_03_a_quote_without_a_price_is_compared_too() {
        let quote = Quote { price: Price::NoPolicy { why: "none".to_owned() }, ..quote() };
        let input = input();
        let settled = engine::not_enrolled(input.from, input.total, &input.lines).unwrap();
        let drift = explain(&quote, &input, Some("d"), &settled);
        let [Drift { cause: Cause::Policy, text }] = drift.as_slice() else { panic!("{drift:?}") };
        assert!(text.en.contains("gave no price") && text.en.contains("100.00"), "{}", text.en);
    }

    #[test]
    fn ad_03_a_contract_with_the_provider_that_came_or_went_is_no_want_of_cover() {
        let (quote, input) = (quote(), input());
        let price = Price::NotDesignated { adjudication: Box::new(quote.price.adjudication().unwrap().clone()) };
        let (total, lines) = (Money::from_fen(1), {
            let line =
                Line { unit_price: "0.01".parse().unwrap(), amount: Money::from_fen(1), ..input.lines[0].clone() };
            [line]
        });
        let causes = |quote: &Quote, digest, settled: &Adjudication| {
            explain(quote, &input, digest, settled).into_iter().map(|drift| drift.cause).collect::<Vec<_>>()
        };
        let insured = engine::not_enrolled(input.from, total, &lines).unwrap();
        assert_eq!(causes(&Quote { price, ..quote.clone() }, Some("d"), &insured), [Cause::Provider]);
        let suspended = engine::not_designated(input.from, total, &lines).unwrap();
        assert_eq!(causes(&quote, None, &suspended), [Cause::Provider]);
    }
}
