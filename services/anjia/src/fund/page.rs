//! The report as a page: to be read, printed and published. No script, nothing loaded from elsewhere, nobody's name.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::{Month, Report, chart};
use crate::page;

const STYLE: &str = "
.en { color: #5a6b7b; font-weight: normal; font-size: .88em; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.25rem; margin: 2.5rem 0 .5rem; border-bottom: 2px solid #0b6e6e; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; } td, th { text-align: right; padding: .2rem .6rem; } td:first-child, th:first-child { text-align: left; }
tr:nth-child(even) { background: #fff; } .note { color: #5a6b7b; font-size: .88rem; }
svg { width: 100%; height: auto; background: #fff; border: 1px solid #dde3e9; border-radius: .5rem; margin: .5rem 0; } svg text { font-size: 9px; fill: #5a6b7b; }
.income { fill: #0b6e6e; } .paid { fill: #d98324; } polyline.balance { fill: none; stroke: #0b6e6e; stroke-width: 2; } circle.balance { fill: #0b6e6e; } .nothing { stroke: #b33; stroke-dasharray: 4; }
";

pub(super) fn render(report: &Report) -> String {
    let mut schemes: BTreeMap<&str, Vec<&Month>> = BTreeMap::new();
    for month in &report.months {
        schemes.entry(month.scheme).or_default().push(month);
    }
    let content = html! {
        h1 { (report.year) "年医保基金运行报告 " span.en { "Fund report of " (report.year) } }
        p.note { "统筹区 Region " (report.region) "。单位：元 CNY。" }
        @if schemes.is_empty() { p { "本年无收支。 Nothing came in and nothing was paid." } }
        @for (scheme, months) in &schemes { (of_scheme(scheme, months)) }
        (audit(report))
        (outliers(report))
        (assessments(report))
    };
    page::whole(&format!("医保基金运行报告 · Fund report {}", report.year), STYLE, &content)
}

fn of_scheme(scheme: &str, months: &[&Month]) -> Markup {
    let [zh, en] = match scheme {
        "EMPLOYEE" => ["职工基本医疗保险", "Employees"],
        "RESIDENT" => ["城乡居民基本医疗保险", "Residents"],
        other => [other, other],
    };
    html! {
        h2 { (zh) " " span.en { (en) } }
        p.note { "收入（青）与支出（橙） Income (teal) and payment (orange)" }
        (chart::bars(months))
        p.note { "月末结余 Balance at the end of the month" }
        (chart::balances(months))
        table {
            tr {
                th { "月份 Month" } th { "收入 Income" } th { "支出 Paid" } th { "个人负担 Own share" } th { "结算 Settlements" }
                th { "人数 Persons" } th { "暂缓支付 Withheld" } th { "核减 Cut" } th { "结余 Balance" }
            }
            @for month in months {
                tr {
                    td { (month.first_day.format("%Y-%m")) } td { (month.income) } td { (month.paid) } td { (month.own) } td { (month.settlements) }
                    td { (month.persons) } td { (month.withheld) } td { (month.cut) } td { (month.balance) }
                }
            }
        }
    }
}

fn audit(report: &Report) -> Markup {
    let [checked, not_configured, not_decidable] = report.rules;
    html! {
        h2 { "智能审核 " span.en { "Audit before payment" } }
        p.note {
            "规则：已启用 " (checked) "，未配置 " (not_configured) "，不能由结算申请判定 " (not_decidable) "。 Rules: " (checked) " checked, "
            (not_configured) " not configured, " (not_decidable) " not decidable from a claim."
        }
        @if !report.precision.is_empty() {
            table {
                tr { th { "规则 Rule" } th { "提出 Raised" } th { "已审 Decided" } th { "成立 Upheld" } th { "准确率 Precision" } }
                @for rule in &report.precision {
                    tr {
                        td { (rule.rule) } td { (rule.raised) } td { (rule.decided) } td { (rule.upheld) }
                        td { @if rule.precision.is_empty() { "—" } @else { (rule.precision) } }
                    }
                }
            }
        }
    }
}

fn outliers(report: &Report) -> Markup {
    html! {
        h2 { "次均费用异常机构 " span.en { "Providers whose average claim is far above their group's" } }
        @if report.outliers.is_empty() { p.note { "无。 None." } } @else {
            p.note { "近 91 天；修正 Z 分数 0.6745 × (x − 中位数) / MAD。 Last 91 days; modified z-score." }
            table {
                tr { th { "机构 Provider" } th { "分组 Group" } th { "次均 Average" } th { "中位数 Median" } th { "分数 Score" } }
                @for outlier in &report.outliers {
                    tr {
                        td { (outlier.subject_id) } td { (outlier.group) } td { (outlier.figure) } td { (outlier.median) } td { (outlier.score) }
                    }
                }
            }
        }
    }
}

fn assessments(report: &Report) -> Markup {
    html! {
        h2 { "定点机构年度考核 " span.en { "What the year of a provider's contract was worth" } }
        @if report.assessments.is_empty() { p.note { "本年尚无考核。 None was assessed." } } @else {
            table {
                tr { th { "机构 Provider" } th { "结算 Claims" } th { "指标 Criteria" } th { "得分 Points" } th { "结果 Result" } }
                @for assessment in &report.assessments {
                    tr {
                        td { (assessment.provider_organisation_id) } td { (assessment.claims) }
                        td {
                            @for score in &assessment.scores {
                                div { (criterion(&score.criterion)) " " (score.points) " / " (score.points_max) }
                            }
                        }
                        td { (assessment.points) }
                        td { @if assessment.is_passed { "合格 passed" } @else { "不合格 failed" } }
                    }
                }
            }
        }
    }
}

fn criterion(code: &str) -> &str {
    match code {
        "CUT_RATIO" => "核减率 Cut",
        "UPHELD_CLAIM_RATIO" => "违规结算率 Claims upheld against",
        "OWN_SHARE_RATIO" => "个人负担率 Own share",
        "READMISSION_RATIO" => "再入院率 Readmissions",
        other => other,
    }
}
