//! A claim: billed, divided by adjudication, explained step by step, and checked to the fen.

use anyhow::{Context, Result};
use proto::anjia::adjudication::v1::{DivideClaimRequest, DivideClaimResponse, Division, ExplanationStep, Settlement};
use proto::anjia::common::v1::{Diagnosis, Localized};
use proto::anjia::scheduling::v1::Visit;
use proto::convert::{timestamp, to_money};
use serde::Serialize;
use serde_json::{Map, Value, json};
use types::clock::local_date;
use types::money::Money;

use super::callers::{Caller, Stage, request_id};
use super::cast;
use super::lines::{self, Line};
use super::story::{Check, Story};
use super::text::{PAGE, Tone, left, right, wrap, yuan};

const NAME: usize = 28;
const AMOUNT: usize = 14;
/// The rule of the last step of an explanation, which sums up.
pub(crate) const RESULT: &str = "RESULT";

/// What happened at a visit and what must come of it.
pub(crate) struct Care<'a> {
    pub(crate) title_zh: &'a str,
    pub(crate) title_en: &'a str,
    pub(crate) visit: &'a Visit,
    pub(crate) lines: &'a [Line],
    pub(crate) quote_id: &'a str,
    /// Parts of the division and their amounts, named as in `claims` of `--json`.
    pub(crate) expected: &'a [(&'a str, &'a str)],
}

/// The parts of a division.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Parts {
    pub(crate) total: Money,
    pub(crate) in_scope: Money,
    pub(crate) out_of_scope: Money,
    pub(crate) deductible: Money,
    pub(crate) pooled_fund: Money,
    pub(crate) pooled_self_pay: Money,
    pub(crate) large_amount_in_scope: Money,
    pub(crate) large_amount_fund: Money,
    pub(crate) large_amount_self_pay: Money,
    pub(crate) over_limit: Money,
    pub(crate) critical_illness_fund: Money,
    pub(crate) assistance_fund: Money,
    pub(crate) top_up: Money,
    pub(crate) voucher: Money,
    pub(crate) personal_account: Money,
    pub(crate) mutual_aid: Money,
    pub(crate) fund_total: Money,
    pub(crate) person_total: Money,
}

impl Parts {
    pub(crate) fn of(division: Option<&Division>) -> Result<Self> {
        let division = division.context("a division without its parts")?;
        let part = |name: &str, value: Option<&_>| proto::convert::money(name, value);
        Ok(Self {
            total: part("total", division.total.as_ref())?,
            in_scope: part("in_scope", division.in_scope.as_ref())?,
            out_of_scope: part("out_of_scope", division.out_of_scope.as_ref())?,
            deductible: part("deductible", division.deductible.as_ref())?,
            pooled_fund: part("pooled_fund", division.pooled_fund.as_ref())?,
            pooled_self_pay: part("pooled_self_pay", division.pooled_self_pay.as_ref())?,
            large_amount_in_scope: part("large_amount_in_scope", division.large_amount_in_scope.as_ref())?,
            large_amount_fund: part("large_amount_fund", division.large_amount_fund.as_ref())?,
            large_amount_self_pay: part("large_amount_self_pay", division.large_amount_self_pay.as_ref())?,
            over_limit: part("over_limit", division.over_limit.as_ref())?,
            critical_illness_fund: part("critical_illness_fund", division.critical_illness_fund.as_ref())?,
            assistance_fund: part("assistance_fund", division.assistance_fund.as_ref())?,
            top_up: part("top_up", division.top_up.as_ref())?,
            voucher: part("voucher", division.voucher.as_ref())?,
            personal_account: part("personal_account", division.personal_account.as_ref())?,
            mutual_aid: part("mutual_aid", division.mutual_aid.as_ref())?,
            fund_total: part("fund_total", division.fund_total.as_ref())?,
            person_total: part("person_total", division.person_total.as_ref())?,
        })
    }

    fn by_name(&self) -> Result<Map<String, Value>> {
        Ok(serde_json::from_value(serde_json::to_value(self)?)?)
    }

    /// Those that are named, compared.
    pub(crate) fn checks(&self, expected: &[(&str, &str)]) -> Result<Vec<Check>> {
        let found = self.by_name()?;
        let check = |(name, amount): &(&str, &str)| {
            let found = found.get(*name).and_then(Value::as_str).unwrap_or("no such part");
            Check::equal(&name.replace('_', " "), amount, found)
        };
        Ok(expected.iter().map(check).collect())
    }
}

/// Reports the claim as the provider, tells its division and checks it.
pub(crate) async fn divide(stage: &Stage, story: &mut Story, provider: &Caller, care: Care<'_>) -> Result<Settlement> {
    let began = local_date(timestamp("opened_at", care.visit.opened_at.as_ref())?);
    let request = DivideClaimRequest {
        request_id: request_id(),
        claim_id: String::new(),
        visit_id: care.visit.visit_id.clone(),
        diagnoses: vec![Diagnosis { icd10_code: cast::DIAGNOSIS_CODE.into(), name: cast::DIAGNOSIS.into() }],
        lines: lines::billed(care.lines, began),
        total: Some(to_money(lines::total(care.lines))),
        quote_id: care.quote_id.to_owned(),
        case_record: None,
    };
    let divide = async |request| stage.care_prices().divide_claim(request).await;
    let DivideClaimResponse { claim, settlement } = provider.call("DivideClaim", request, divide).await?;
    let settlement = settlement.context("a division without a settlement")?;
    let parts = Parts::of(settlement.division.as_ref())?;

    tell(story, &care, &parts, &settlement.explanation);
    story.check_all(parts.checks(care.expected)?);
    let mut record = parts.by_name()?;
    record.insert("title".to_owned(), json!({ "zh": care.title_zh, "en": care.title_en }));
    record.insert("claim_id".to_owned(), claim.map(|claim| claim.claim_id).into());
    record.insert("settlement_id".to_owned(), settlement.settlement_id.clone().into());
    record.insert("explanation".to_owned(), settlement.explanation.iter().map(explained).collect::<Result<Value>>()?);
    story.claim(record);
    Ok(settlement)
}

fn explained(step: &ExplanationStep) -> Result<Value> {
    let text = step.text.clone().unwrap_or_default();
    let amount = |name: &str, value: Option<&_>| proto::convert::money(name, value);
    Ok(json!({
        "rule": step.rule,
        "sources": step.sources.iter().map(|source| json!({ "zh": source.zh, "en": source.en })).collect::<Vec<_>>(),
        "amount": amount("amount", step.amount.as_ref())?,
        "fund": amount("fund", step.fund.as_ref())?,
        "own": amount("own", step.own.as_ref())?,
        "ratio": step.ratio,
        "zh": text.zh,
        "en": text.en,
    }))
}

/// Every legal source that the explanation rests on, once.
fn sources(explanation: &[ExplanationStep]) -> Vec<&Localized> {
    let mut sources = vec![];
    for source in explanation.iter().flat_map(|step| &step.sources) {
        if !sources.contains(&source) {
            sources.push(source);
        }
    }
    sources
}

fn tell(story: &mut Story, care: &Care<'_>, parts: &Parts, explanation: &[ExplanationStep]) {
    story.line("");
    story.toned(Tone::Strong, &format!("    {}  {}", care.title_zh, care.title_en));
    for line in care.lines {
        let price = format!("{} × {}", line.quantity, yuan(line.unit_price()));
        let class = lines::class_word(line.item.class);
        story.line(&row(&format!("{class} {}", line.item.name), &price, line.amount(), ""));
    }
    story.line(&row("合计 total", "", parts.total, ""));
    story.line("");
    // Lines are shown above; what decides is how the rules apply to their sum.
    for step in explanation.iter().filter(|step| !step.rule.starts_with("LINE_") && step.rule != RESULT) {
        let text = step.text.clone().unwrap_or_default();
        story.tell(&text.zh, &text.en);
    }
    let cited = sources(explanation);
    let joined = |text: fn(&Localized) -> &str| cited.iter().map(|source| text(source)).collect::<Vec<_>>().join("; ");
    for citation in [format!("依据 {}", joined(|it| &it.zh)), format!("Sources: {}", joined(|it| &it.en))] {
        for line in wrap(&citation, PAGE - 6) {
            story.toned(Tone::Faint, &format!("      {line}"));
        }
    }
    story.line("");
    let shares = [
        ("统筹基金 pooled fund", parts.pooled_fund, "基金 fund"),
        ("大额互助 large-amount fund", parts.large_amount_fund, "基金 fund"),
        ("起付线 deductible", parts.deductible, "个人 own"),
        ("统筹自付 beside pooled fund", parts.pooled_self_pay, "个人 own"),
        ("大额自付 beside large amount", parts.large_amount_self_pay, "个人 own"),
        ("范围外 out of scope", parts.out_of_scope, "个人 own"),
        ("超限 beyond all cover", parts.over_limit, "个人 own"),
        ("大病保险 critical illness", parts.critical_illness_fund, "基金代个人 fund, of own"),
        ("医疗救助 medical assistance", parts.assistance_fund, "基金代个人 fund, of own"),
        ("补充保险 top-up", parts.top_up, "代个人 of own"),
        ("代金券 voucher", parts.voucher, "代个人 of own"),
        ("个人账户 personal account", parts.personal_account, "代个人 of own"),
        ("家庭共济 family's account", parts.mutual_aid, "代个人 of own"),
    ];
    for (name, amount, payer) in shares.into_iter().filter(|(_, amount, _)| !amount.is_zero()) {
        story.line(&row(name, "", amount, payer));
    }
    for result in explanation.iter().filter(|step| step.rule == RESULT) {
        let text = result.text.clone().unwrap_or_default();
        story.toned(Tone::Strong, &format!("      {}", text.zh));
        story.toned(Tone::Strong, &format!("      {}", text.en));
    }
}

fn row(name: &str, middle: &str, amount: Money, payer: &str) -> String {
    let name = left(name, NAME);
    let middle = right(middle, AMOUNT + 4);
    format!("      {name}{middle}{}   {payer}", right(&yuan(amount), AMOUNT)).trim_end().to_owned()
}
