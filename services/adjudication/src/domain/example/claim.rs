//! The claims of an example: from how they are written to the engine's input, and from its answer to named figures.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use types::money::{Money, Ratio};

use super::document;
use crate::domain::{
    circumstances::YearTotals,
    engine::Adjudication,
    input::{Accumulators, Input, Person},
    line::{Class, Line},
    localized::Localized,
};

/// Where the year stands, as the claim before left it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Standing {
    pub(super) totals: Accumulators,
    pub(super) year: YearTotals,
}

pub(super) fn input(claim: &document::Claim, standing: &Standing) -> Input {
    let lines: Vec<Line> = claim.lines.iter().map(line).collect();
    let mut circumstances = claim.circumstances.clone().unwrap_or_default();
    if circumstances.year == YearTotals::default() {
        circumstances.year = standing.year;
    }
    Input {
        person: Person { retired: claim.retired, age: claim.age },
        tier: claim.tier,
        kind: claim.care,
        from: claim.from,
        to: claim.to,
        total: lines.iter().map(|line| line.amount).sum(),
        lines,
        unknown_items: Vec::new(),
        before: claim.before.unwrap_or(standing.totals),
        chain: claim.chain,
        referred: claim.referred,
        family_doctor: claim.family_doctor,
        circumstances,
    }
}

/// Quantity one and the amount as price, where the example does not say.
pub(super) fn line(line: &document::Line) -> Line {
    let class = match line.class {
        document::Class::A => Class::A,
        document::Class::B => Class::B { first_self_pay: line.first_self_pay.unwrap_or(Ratio::ZERO) },
        document::Class::C => Class::C,
    };
    Line {
        code: String::new(),
        name: Localized::new(line.name.clone(), line.name.clone()),
        quantity: line.quantity.unwrap_or(Decimal::ONE),
        unit_price: line.unit_price.unwrap_or_else(|| line.amount.decimal()),
        amount: line.amount,
        class,
        price_limit: line.price_limit,
    }
}

/// The figures that an example may expect: every share, the national vocabulary, and where the year stands afterwards.
pub(super) fn figures(answer: &Adjudication) -> BTreeMap<&'static str, Money> {
    let shares = &answer.shares;
    let settlement = &answer.settlement;
    BTreeMap::from([
        ("total", shares.total),
        ("fully_own", shares.fully_own),
        ("over_limit", shares.over_limit),
        ("first_self_pay", shares.first_self_pay),
        ("in_scope", shares.in_scope),
        ("deductible", shares.deductible),
        ("pooled_fund", shares.pooled_fund),
        ("pooled_own", shares.pooled_own),
        ("large_amount_in_scope", shares.large_amount_in_scope()),
        ("large_amount_fund", shares.large_amount_fund),
        ("large_amount_own", shares.large_amount_own),
        ("beyond_cover", shares.beyond_cover),
        ("critical_illness_fund", shares.critical_illness_fund),
        ("assistance_fund", shares.assistance_fund),
        ("top_up", shares.top_up),
        ("voucher", shares.voucher),
        ("account", shares.account),
        ("mutual_aid", shares.mutual_aid),
        ("fund", shares.fund()),
        ("own", shares.own()),
        ("cash", shares.cash()),
        ("medfee_sumamt", settlement.medfee_sumamt),
        ("fulamt_ownpay_amt", settlement.fulamt_ownpay_amt),
        ("overlmt_selfpay", settlement.overlmt_selfpay),
        ("preselfpay_amt", settlement.preselfpay_amt),
        ("inscp_scp_amt", settlement.inscp_scp_amt),
        ("act_pay_dedc", settlement.act_pay_dedc),
        ("hifp_pay", settlement.hifp_pay),
        ("hifmi_pay", settlement.hifmi_pay),
        ("hifob_pay", settlement.hifob_pay),
        ("maf_pay", settlement.maf_pay),
        ("fund_pay_sumamt", settlement.fund_pay_sumamt),
        ("psn_part_amt", settlement.psn_part_amt),
        ("acct_pay", settlement.acct_pay),
        ("psn_cash_pay", settlement.psn_cash_pay),
        ("acct_mulaid_pay", settlement.acct_mulaid_pay),
        ("year_in_scope", answer.after.in_scope),
        ("year_deductible", answer.after.deductible),
        ("year_pooled_fund", answer.after.pooled_fund),
        ("year_large_amount_fund", answer.after.large_amount_fund),
        ("year_own_in_scope", answer.year_after.own_in_scope),
        ("year_critical_illness_fund", answer.year_after.critical_illness_fund),
        ("year_assistance_fund", answer.year_after.assistance_fund),
        ("year_voucher", answer.year_after.voucher),
    ])
}
