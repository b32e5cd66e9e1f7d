//! The result as a page for those who decide: figures with charts, in Chinese and English, nothing loaded from elsewhere.

use maud::{Markup, html};

use super::axis::{Axis, Rows, Size};
use super::chart::{self, AGAINST, BETTER, Bar, Group, PROPOSED, WORSE, percent};
use super::fen::{Fen, Pair};
use super::policies::Named;
use super::report::Report;
use super::tally::{Burden, Case, Effect, Fortunes, Tally};
use super::text::source;
use crate::page;

const STYLE: &str = "
h1 { font-size: 1.6rem; margin: 0 0 .3rem; } h2 { font-size: 1.2rem; margin: 2.2rem 0 .5rem; border-bottom: 2px solid #0b6e6e; padding-bottom: .2rem; }
.en, .note { color: #5a6b7b; font-weight: normal; font-size: .88em; } .note { margin: .2rem 0; }
.card { background: #fff; border: 1px solid #dde3e9; border-radius: .5rem; padding: .7rem 1rem; margin: .6rem 0; break-inside: avoid; }
.warning { background: #fff4e5; border-color: #e0b070; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; } td, th { text-align: right; padding: .2rem .5rem; } th:first-child, td:first-child { text-align: left; }
tr + tr td { border-top: 1px solid #edf1f4; } svg { width: 100%; height: auto; } svg text { font-size: 12px; fill: #1c2733; }
.less { color: #2f7d4f; } .more { color: #b4552d; } i { display: inline-block; width: .8em; height: .8em; margin: 0 .3em 0 .8em; }
";

pub(super) fn render(report: &Report) -> String {
    let tally = &report.result;
    let [zh, en] = source(&report.claims);
    let content = html! {
        h1 { "政策测算 " span.en { "Policy what-if" } }
        (policy("拟议", "Proposed", &report.policies.proposed))
        (policy("比照", "Against", &report.policies.against))
        p.note { (zh) " · " (en) }
        p.note { "每张结算单按实际结算所用的同一引擎分别按两份政策计算，逐人按就诊顺序累计。" }
        p.note { "Every claim was judged under both policies by the engine that settles claims, each person's in order of service." }
        (warnings(report))
        (funds(tally))
        (effects("按机构级别", "By tier", &tally.by_tier))
        (effects("按医疗类别", "By kind of care", &tally.by_kind))
        (burdens(tally))
        (effects("按收入", "By income", &tally.by_income))
        (fortunes("受益与受损，按收入", "Winners and losers, by income", &tally.fortunes_by_income))
        (fortunes("受益与受损，按年龄", "Winners and losers, by age", &tally.fortunes_by_age))
        (changes(tally))
        (months(tally))
        (cases("受益最多", "Who gains most", &tally.largest_gains))
        (cases("受损最多", "Who loses most", &tally.largest_losses))
    };
    page::whole("政策测算 · Policy what-if", STYLE, &content)
}

fn heading(zh: &str, en: &str) -> Markup {
    html! { h2 { (zh) " " span.en { (en) } } }
}

fn policy(zh: &str, en: &str, named: &Named) -> Markup {
    let digest: String = named.digest.chars().take(16).collect();
    html! { div { (zh) " " span.en { (en) } "： " strong { (named.zh) } " " span.en { (named.en) " · " code { (named.id) } " · " code { (digest) "…" } } } }
}

fn warnings(report: &Report) -> Markup {
    let tally = &report.result;
    let is_demonstration = report.policies.proposed.demonstration || report.policies.against.demonstration;
    html! {
        @if let Some(part) = report.part {
            div.card.warning { "仅第 " (part.number) "/" (part.of) " 片，不是全部。 Part " (part.number) "/" (part.of) " only, not the whole." }
        }
        @if is_demonstration {
            div.card.warning { "演示政策，不对应任何真实城市。 A demonstration: not the rules of a real city." }
        }
        @if !tally.left_out.is_empty() {
            div.card.warning {
                "未计入的结算单 Claims left out: "
                @for (reason, claims) in &tally.left_out { (claims) " " code { (reason) } "  " }
            }
        }
        @if tally.not_covered != Pair::default() {
            p.note {
                "政策未覆盖、全部自付的结算单 Claims without rules, all own share: "
                (tally.not_covered.against) " → " (tally.not_covered.proposed)
            }
        }
    }
}

fn legend() -> Markup {
    html! { p.note { i style={ "background:" (AGAINST) } {} "比照 against" i style={ "background:" (PROPOSED) } {} "拟议 proposed" } }
}

fn both(pair: Pair<Fen>) -> Vec<Bar> {
    let bar = |value: Fen, colour| Bar { value: value.0, shown: format!("¥{}", value.yuan()), colour };
    vec![bar(pair.against, AGAINST), bar(pair.proposed, PROPOSED)]
}

fn named(key: impl Axis) -> String {
    let [zh, en] = key.title();
    format!("{zh} {en}")
}

fn funds(tally: &Tally) -> Markup {
    let mut groups = vec![Group { name: "基金合计 all funds".to_owned(), bars: both(tally.effect.fund) }];
    let layers = tally.by_layer.iter().filter(|(_, paid)| **paid != Pair::default());
    groups.extend(layers.map(|(layer, paid)| Group { name: named(layer), bars: both(*paid) }));
    groups.push(Group { name: "个人负担 own shares".to_owned(), bars: both(tally.effect.own) });
    html! {
        (heading("基金与个人", "The funds, and what people pay"))
        div.card {
            (chart::bars("funds and own shares", &groups)) (legend())
            p { "基金支出 Funds: " (change(tally.effect.fund, false)) " · 个人负担 Own shares: " (change(tally.effect.own, true)) }
        }
    }
}

/// With its share of what was; coloured by whether it is good for people.
fn change(pair: Pair<Fen>, is_paid_by_people: bool) -> Markup {
    let change = pair.change();
    let class = match (change.0.signum(), is_paid_by_people) {
        (0, _) | (_, false) => "",
        (-1, true) => "less",
        _ => "more",
    };
    let share = (change.0 * 1000).checked_div(pair.against.0);
    html! {
        span class=(class) { (change.signed_yuan()) }
        @if let Some(share) = share { " " span.en { "(" (percent(share)) ")" } }
    }
}

fn effects<K: Axis>(zh: &str, en: &str, rows: &Rows<K, Effect>) -> Markup {
    let shown = || rows.iter().filter(|(_, effect)| effect.claims > 0);
    html! {
        (heading(zh, en))
        div.card { table {
            tr { th {} th { "结算单 claims" } th { "总费用 billed" } th { "基金 funds" } th { "变化 change" } th { "个人 own" } th { "变化 change" } }
            @for (key, effect) in shown() {
                tr {
                    td { (named(key)) } td { (effect.claims) } td { (effect.billed.yuan()) }
                    td { (effect.fund.proposed.yuan()) } td { (change(effect.fund, false)) }
                    td { (effect.own.proposed.yuan()) } td { (change(effect.own, true)) }
                }
            }
        } }
    }
}

fn burdens(tally: &Tally) -> Markup {
    let shown = || tally.households.iter().filter(|(_, burden)| burden.households > 0);
    // Of income, in tenths of a per mille, so that small shares are seen.
    let share = |burden: &Burden, own: Fen| (own.0 * 10_000).checked_div(burden.income.0).unwrap_or_default();
    let groups: Vec<Group> = shown()
        .filter(|(_, burden)| burden.with_income > 0)
        .map(|(income, burden)| {
            let bar = |own: Fen, colour| {
                let value = share(burden, own);
                Bar { value, shown: format!("{}.{:02} %", value / 100, value % 100), colour }
            };
            let bars = vec![bar(burden.own.against, AGAINST), bar(burden.own.proposed, PROPOSED)];
            Group { name: named(income), bars }
        })
        .collect();
    html! {
        (heading("家庭负担，按收入", "What households bear, by income"))
        div.card {
            @if !groups.is_empty() {
                (chart::bars("own shares as a part of household income", &groups)) (legend())
                p.note { "个人负担占家庭年收入的比例 Own shares as a part of the household's yearly income" }
            }
            table {
                tr { th {} th { "家庭 households" } th { "超收入10% above 10 %" } th { "超收入25% above 25 %" } }
                @for (income, burden) in shown() {
                    tr {
                        td { (named(income)) } td { (burden.households) }
                        td { (burden.above_tenth.against) " → " (burden.above_tenth.proposed) }
                        td { (burden.above_quarter.against) " → " (burden.above_quarter.proposed) }
                    }
                }
            }
            p.note { "灾难性卫生支出按可持续发展目标指标 3.8.2 的两个界限。 The two limits are those of SDG indicator 3.8.2." }
        }
    }
}

fn fortunes<K: Axis>(zh: &str, en: &str, rows: &Rows<K, Fortunes>) -> Markup {
    let counts = |fortunes: &Fortunes| [fortunes.winners, fortunes.losers, fortunes.unchanged];
    let shown: Vec<(K, &Fortunes)> = rows.iter().filter(|(_, fortunes)| counts(fortunes) != [0; 3]).collect();
    let bars: Vec<(String, [u64; 3])> = shown.iter().map(|(key, fortunes)| (named(*key), counts(fortunes))).collect();
    html! {
        (heading(zh, en))
        div.card {
            (chart::for_and_against(en, &bars))
            table {
                tr { th {} th { "受益 win" } th { "共少付 pay less" } th { "受损 lose" } th { "共多付 pay more" } th { "不变 same" } }
                @for (key, fortunes) in &shown {
                    tr {
                        td { (named(*key)) } td { (fortunes.winners) } td { (fortunes.gained.yuan()) }
                        td { (fortunes.losers) } td { (fortunes.lost.yuan()) } td { (fortunes.unchanged) }
                    }
                }
            }
        }
    }
}

fn changes(tally: &Tally) -> Markup {
    let group = |(size, persons): (Size, &u64)| {
        let word = size.word();
        let colour = if word.starts_with('-') {
            BETTER
        } else if word == "0" {
            AGAINST
        } else {
            WORSE
        };
        let bar = Bar { value: i128::from(*persons), shown: persons.to_string(), colour };
        Group { name: named(size), bars: vec![bar] }
    };
    let groups: Vec<Group> = tally.changes.iter().map(group).collect();
    html! {
        (heading("每人变化多少", "How much it changes for each person"))
        div.card { (chart::bars("persons by change", &groups)) p.note { "人数 persons" } }
    }
}

fn months(tally: &Tally) -> Markup {
    let shown = tally.by_month.iter().filter(|(_, effect)| effect.claims > 0);
    let groups: Vec<Group> =
        shown.map(|(month, effect)| Group { name: named(month), bars: both(effect.fund) }).collect();
    html! {
        (heading("基金支出，按月", "The funds, month by month"))
        div.card { (chart::bars("funds by month", &groups)) (legend()) }
    }
}

fn cases(zh: &str, en: &str, cases: &[Case]) -> Markup {
    html! {
        @if !cases.is_empty() {
            (heading(zh, en))
            div.card { table {
                tr { th { "年龄 age" } th { "收入 income" } th { "结算单 claims" } th { "总费用 billed" } th { "个人 own" } th { "变化 change" } }
                @for case in cases {
                    tr {
                        td { (named(case.age)) } td { (named(case.income)) } td { (case.claims) } td { (case.billed.yuan()) }
                        td { (case.own.proposed.yuan()) } td { (change(case.own, true)) }
                    }
                }
            } }
        }
    }
}
