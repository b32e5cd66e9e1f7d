//! The page a person reads or prints: no script, nothing loaded from elsewhere.

use maud::{Markup, html};
use proto::anjia::adjudication::v1::{Explanation, ExplanationStep, Settlement, SettlementField};
use proto::anjia::common::v1::Localized;
use proto::google::r#type::{Date, Money};

use crate::page;

const STYLE: &str = "
body { font-size: 15px; line-height: 1.55; }
h1 { font-size: 1.5rem; margin: 0 0 .3rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; border-bottom: 2px solid #0b6e6e; padding-bottom: .2rem; }
.en { color: #5a6b7b; font-weight: normal; font-size: .9em; } .note { color: #5a6b7b; font-size: .88rem; margin: .2rem 0; overflow-wrap: anywhere; }
.sums { display: flex; gap: 1rem; flex-wrap: wrap; } .sums div { background: #fff; border: 1px solid #dde3e9; border-radius: .5rem; padding: .6rem 1rem; flex: 1; }
.sums b { display: block; font-size: 1.4rem; font-variant-numeric: tabular-nums; }
table { border-collapse: collapse; width: 100%; background: #fff; font-size: .92rem; }
th, td { text-align: left; padding: .35rem .6rem; vertical-align: top; border-bottom: 1px solid #dde3e9; } tr { break-inside: avoid; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; } code { font-size: .85em; overflow-wrap: anywhere; }
.other { background: #e8f4f1; border: 1px solid #0b6e6e; border-radius: .5rem; padding: .7rem 1rem; margin: 1rem 0; }
@media print { body { font-size: 10pt; } main { padding: 0; max-width: none; } h2 { break-after: avoid; } thead { display: table-header-group; } }
@page { size: A4; margin: 15mm; }
";

pub(super) fn render(explanation: &Explanation) -> String {
    let settlement = explanation.settlement.clone().unwrap_or_default();
    let content = html! {
        h1 { "医保结算说明 " span.en { "Explanation of benefits" } }
        p.note { "结算编号 Settlement " code { (settlement.settlement_id) } }
        (policy(explanation))
        (sums(&settlement))
        @if let Some(there) = &explanation.counterfactual { div.other { (both(there.text.as_ref())) } }
        @if !settlement.drift.is_empty() {
            h2 { "与预估的差异 " span.en { "Why it differs from the quote" } }
            ul { @for drift in &settlement.drift { li { (both(drift.text.as_ref())) } } }
        }
        (steps(explanation, &settlement))
        (fields(&explanation.fields))
    };
    page::whole("医保结算说明 · Explanation of benefits", STYLE, &content)
}

fn policy(explanation: &Explanation) -> Markup {
    let Some(policy) = &explanation.policy else { return html! {} };
    html! {
        p.note { "政策 Policy: " (both(policy.name.as_ref())) " · " (date(policy.judged_on.as_ref())) }
        p.note { "版本 Version " code { (policy.policy_id) } " · SHA-256 " code { (policy.digest) } }
        @if policy.demonstration { p.note { strong { "演示政策，不对应任何真实地区 Demonstration: no real region's policy" } } }
    }
}

fn sums(settlement: &Settlement) -> Markup {
    let division = settlement.division.clone().unwrap_or_default();
    let sum =
        |zh: &str, en: &str, amount: Option<&Money>| html! { div { (zh) " " span.en { (en) } b { (yuan(amount)) } } };
    html! {
        div.sums {
            (sum("总费用", "Total", division.total.as_ref()))
            (sum("基金支付", "Paid by funds", division.fund_total.as_ref()))
            (sum("个人负担", "Paid by you", division.person_total.as_ref()))
            // Where a top-up, a voucher or an account pays part of it.
            @if division.person_cash.is_some() && division.person_cash != division.person_total {
                (sum("其中现金", "of it in cash", division.person_cash.as_ref()))
            }
        }
    }
}

fn steps(explanation: &Explanation, settlement: &Settlement) -> Markup {
    html! {
        h2 { "逐步计算 " span.en { "Step by step" } }
        table {
            thead { tr {
                th { "说明 What" } th.number { "金额 Amount" } th.number { "基金 Funds" } th.number { "个人 You" } th { "依据 By" }
            } }
            tbody { @for step in &settlement.explanation { (of_step(explanation, step)) } }
        }
    }
}

fn of_step(explanation: &Explanation, step: &ExplanationStep) -> Markup {
    let line = usize::try_from(step.line_number).ok().and_then(|number| number.checked_sub(1));
    let code =
        line.and_then(|line| explanation.lines.get(line)).map(|line| line.item_code.as_str()).unwrap_or_default();
    html! {
        tr {
            td {
                (both(step.text.as_ref()))
                @if !code.is_empty() { " " code { (code) } }
                @if !step.accumulator.is_empty() {
                    p.note {
                        @if step.accumulator.ends_with("_BALANCE") { "余额 Balance " } @else { "年度累计 Year's total " }
                        code { (step.accumulator) } ": "
                        (yuan(step.accumulator_before.as_ref())) " → " (yuan(step.accumulator_after.as_ref()))
                    }
                }
            }
            td.number { (yuan(step.amount.as_ref())) }
            td.number { (yuan(step.fund.as_ref())) }
            td.number { (yuan(step.own.as_ref())) }
            td {
                code { (step.rule) }
                @if !step.clause.is_empty() { br; code { (step.clause) } }
                @for source in &step.sources { p.note { (both(Some(source))) } }
            }
        }
    }
}

fn fields(fields: &[SettlementField]) -> Markup {
    html! {
        h2 { "医保结算清单 " span.en { "National settlement vocabulary" } }
        table {
            tbody { @for field in fields {
                tr {
                    td { (both(field.name.as_ref())) }
                    td { code { (field.code) } }
                    td.number { @if field.ratio.is_empty() { (yuan(field.amount.as_ref())) } @else { (field.ratio) } }
                }
            } }
        }
    }
}

fn both(text: Option<&Localized>) -> Markup {
    let Some(Localized { zh, en }) = text else { return html! {} };
    html! { (zh) @if en != zh { " " span.en { (en) } } }
}

fn date(date: Option<&Date>) -> String {
    date.map(|date| format!("{:04}-{:02}-{:02}", date.year, date.month, date.day)).unwrap_or_default()
}

/// `1,320.50`; nothing where there is no amount.
fn yuan(amount: Option<&Money>) -> String {
    let Some(amount) = amount else { return String::new() };
    let fen = i128::from(amount.units) * 100 + i128::from(amount.nanos / 10_000_000);
    let (sign, fen) = if fen < 0 { ("-", -fen) } else { ("", fen) };
    let whole = (fen / 100).to_string();
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}.{:02}", fen % 100)
}
