//! The report as a page: to be read and printed. No script, nothing loaded from elsewhere, nobody's name.

use maud::{Markup, html};
use rust_decimal::Decimal;

use super::{Day, Forecast, Report, chart};
use crate::page;

const STYLE: &str = "
.en { color: #5a6b7b; font-weight: normal; font-size: .88em; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.25rem; margin: 2.5rem 0 .5rem; border-bottom: 2px solid #0b6e6e; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; } td, th { text-align: right; padding: .2rem .6rem; } td:first-child, th:first-child { text-align: left; }
tr:nth-child(even) { background: #fff; } .note { color: #5a6b7b; font-size: .88rem; }
svg { width: 100%; height: auto; background: #fff; border: 1px solid #dde3e9; border-radius: .5rem; margin: .5rem 0; } svg text { font-size: 9px; fill: #5a6b7b; }
.places { fill: #c3cfd9; } .given { fill: #0b6e6e; } .kept, .median { fill: #0b6e6e; } .missed { fill: #b33; } .walked, .p90 { fill: #d98324; } .suggested { fill: #8fc1c1; } .expected { fill: none; stroke: #b33; stroke-width: 2; }
";

pub(super) fn render(report: &Report) -> String {
    let content = html! {
        h1 { "号源使用报告 " span.en { "Use of places" } }
        p.note { "机构 Provider " (report.provider) }
        (used(&report.days))
        (missed(&report.days))
        (waits(&report.days))
        (ahead(report.forecast.as_ref()))
    };
    page::whole("号源使用报告 · Use of places", STYLE, &content)
}

fn used(days: &[Day]) -> Markup {
    html! {
        h2 { "使用 " span.en { "Places and who came" } }
        p.note { "号源（灰）、已约（青）、未预约就诊（橙） Places (grey), given (teal), walk-ins (orange)" }
        (chart::used(days))
        table {
            tr {
                th { "日期 Day" } th { "号源 Places" } th { "已约 Given" } th { "使用率 Use %" } th { "就诊 Kept" } th { "爽约 No-shows" }
                th { "未预约 Walk-ins" } th { "约满被拒 Refused" } th { "候补 Waiting" }
            }
            @for Day { day, used } in days {
                tr {
                    td { (day.format("%m-%d")) } td { (used.places) } td { (used.given) } td { (share(used.given, used.places)) } td { (used.kept) }
                    td { (used.no_shows) } td { (used.walk_ins) } td { (used.refused) } td { (used.waiting) }
                }
            }
        }
    }
}

fn missed(days: &[Day]) -> Markup {
    let sum = |of: fn(&Day) -> i32| days.iter().map(of).fold(0, i32::saturating_add);
    let (kept, no_shows) = (sum(|it| it.used.kept), sum(|it| it.used.no_shows));
    html! {
        h2 { "爽约 " span.en { "No-shows" } }
        p.note {
            "就诊（青）、爽约（红）；爽约率 " (share(no_shows, kept.saturating_add(no_shows))) "%。 Kept (teal), missed (red); "
            (share(no_shows, kept.saturating_add(no_shows))) " % were missed."
        }
        (chart::missed(days))
    }
}

fn waits(days: &[Day]) -> Markup {
    let called: Vec<&Day> = days.iter().filter(|it| it.used.called > 0).collect();
    html! {
        h2 { "候诊 " span.en { "Waits: past the start of the slot, or past coming" } }
        @if called.is_empty() { p.note { "无。 None." } } @else {
            p.note { "中位数（青）、九成以内（橙），分钟 Median (teal), nine in ten within (orange), minutes" }
            (chart::waits(days))
            table {
                tr { th { "日期 Day" } th { "叫号 Called" } th { "中位数（分） Median, min" } th { "九成以内（分） Nine in ten within, min" } }
                @for Day { day, used } in called {
                    tr { td { (day.format("%m-%d")) } td { (used.called) } td { (used.wait_median_s / 60) } td { (used.wait_p90_s / 60) } }
                }
            }
        }
    }
}

fn ahead(forecast: Option<&Forecast>) -> Markup {
    html! {
        h2 { "预测 " span.en { "What will be wanted" } }
        @match forecast {
            None => { p.note { "历史不足八周，不作预测。 Fewer than eight weeks are known: nothing is forecast." } }
            Some(forecast) => {
                p.note {
                    "计划号源（灰）、建议号源（浅青）、预计需求（红线）；依据" (forecast.history_days) "天历史，方法：" (forecast.method)
                    "。 Planned (grey), suggested (pale), expected (red line), from " (forecast.history_days) " days of history."
                }
                (chart::ahead(&forecast.days))
                table {
                    tr { th { "日期 Day" } th { "预计 Expected" } th { "建议号源 Suggested" } th { "计划号源 Planned" } th { "缺口 Short by" } }
                    @for it in &forecast.days {
                        tr {
                            td { (it.day.format("%m-%d")) @if it.is_holiday { " 假 holiday" } } td { (it.expected) } td { (it.suggested) } td { (it.planned) }
                            td { ((it.suggested - it.planned).max(0)) }
                        }
                    }
                }
                p.note {
                    "误差：对选择方法时未用的最近数周，向前" (forecast.judged_days) "天的预测回测。 Error: forecasts reaching " (forecast.judged_days)
                    " days ahead over the last weeks, from what was known then; the method was chosen on earlier weeks."
                }
                table {
                    tr { th { "方法 Method" } th { "平均绝对误差 MAE" } th { "加权误差率 WAPE" } }
                    @for (method, mae, wape) in &forecast.errors { tr { td { (method) } td { (mae) } td { (wape) } } }
                }
            }
        }
    }
}

/// In whole percent; a dash where there is no whole.
fn share(part: i32, whole: i32) -> String {
    let percent = Decimal::from(i64::from(part) * 100).checked_div(whole.into());
    percent.map_or_else(|| "—".to_owned(), |percent| percent.round().to_string())
}
