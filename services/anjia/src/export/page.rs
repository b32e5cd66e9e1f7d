//! The page a person reads: one section to a service, one card to a row, no script, nothing loaded from elsewhere.

use chrono::{DateTime, FixedOffset, Utc};
use maud::{Markup, html};
use serde_json::Value;
use types::clock::local_date;
use types::ids::ResidentId;

use super::words::{column, kept, service};
use super::{Section, Table};
use crate::page;

const STYLE: &str = "
h1 { font-size: 1.6rem; margin: 0 0 .3rem; } h2 { font-size: 1.25rem; margin: 2.5rem 0 .5rem; border-bottom: 2px solid #0b6e6e; padding-bottom: .2rem; }
h3 { font-size: 1.05rem; margin: 1.5rem 0 .5rem; } .en { color: #5a6b7b; font-weight: normal; font-size: .88em; }
.note { color: #5a6b7b; font-size: .88rem; margin: .2rem 0; } nav { margin: 1rem 0; } nav a { margin-right: 1.2rem; color: #0b6e6e; }
.card { background: #fff; border: 1px solid #dde3e9; border-radius: .5rem; padding: .7rem 1rem; margin: .6rem 0; break-inside: avoid; }
dl { display: grid; grid-template-columns: minmax(9rem, 15rem) 1fr; gap: .1rem 1rem; margin: 0; } dt { color: #5a6b7b; } dd { margin: 0; overflow-wrap: anywhere; white-space: pre-wrap; }
details { margin-top: .3rem; } summary { cursor: pointer; color: #5a6b7b; font-size: .85rem; } code { font-size: .85em; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; } td, th { text-align: left; padding: .15rem .6rem .15rem 0; vertical-align: top; }
@media (max-width: 40rem) { dl { grid-template-columns: 1fr; } dt { margin-top: .4rem; } }
@media print { nav { display: none; } }
";

pub(super) fn render(resident: ResidentId, sections: &[Section], now: DateTime<Utc>) -> String {
    let content = html! {
        h1 { "安家保存的关于您的全部数据 " span.en { "Everything Anjia has about you" } }
        p.note { "编号 Number " code { (resident) } " · " (local_date(now)) }
        p.note { "要更正其中的内容，请联系登记您的社区或医院；要删除，请申请注销，法律要求保存的除外。" }
        p.note { "To correct any of it, turn to the community or hospital that registered you; to have it erased, ask for erasure: what the law requires to be kept is kept." }
        nav { @for section in sections { a href={ "#" (section.service) } { (service(section.service)[0]) } } }
        @for section in sections { (of_service(section)) }
    };
    page::whole("我的数据 · My data", STYLE, &content)
}

fn of_service(section: &Section) -> Markup {
    let [zh, en] = service(section.service);
    html! {
        h2 id=(section.service) { (zh) " " span.en { (en) } }
        @if section.tables.is_empty() { p.note { "没有数据 Nothing." } }
        @for table in &section.tables { (of_table(table)) }
    }
}

fn of_table(table: &Table) -> Markup {
    let [zh, en] = kept(&table.rule);
    html! {
        h3 { (table.title_zh) " " span.en { (table.title_en) " · " (table.rows.len()) } }
        p.note { "保存 Kept: " (zh) " " span.en { (en) } }
        @if table.name == "audit_entries" { (log(&table.rows)) } @else {
            @for row in &table.rows { div.card { (card(row)) } }
        }
    }
}

/// Many short rows read better as a table.
fn log(rows: &[Value]) -> Markup {
    let cell = |row: &Value, name: &str| row.get(name).map(text).unwrap_or_default();
    html! {
        div.card {
            table {
                tr { th { "时间 When" } th { "谁 Who" } th { "做了什么 What" } }
                @for row in rows {
                    tr { td { (cell(row, "occurred_at")) } td { (cell(row, "actor")) } td { (cell(row, "action")) } }
                }
            }
        }
    }
}

/// What a person wants to know first; numbers that only link rows to one another are folded away.
fn card(row: &Value) -> Markup {
    let Some(fields) = row.as_object() else { return html! { (text(row)) } };
    let told = || fields.iter().filter(|(_, value)| !is_empty(value));
    let is_link = |name: &str| name == "id" || name.ends_with("_id") || name.ends_with("_ids") || name == "region";
    html! {
        dl { @for (name, value) in told().filter(|(name, _)| !is_link(name)) { (field(name, value)) } }
        @if told().any(|(name, _)| is_link(name)) {
            details {
                summary { "编号 Numbers" }
                dl { @for (name, value) in told().filter(|(name, _)| is_link(name)) { (field(name, value)) } }
            }
        }
    }
}

fn field(name: &str, value: &Value) -> Markup {
    let [zh, en] = column(name);
    let is_code = name.ends_with("id") || name.ends_with("digest") || name.ends_with("sha256");
    html! {
        dt { (zh) " " span.en { (en) } }
        dd {
            @match value {
                Value::Array(items) if items.iter().any(Value::is_object) => { @for item in items { (card(item)) } }
                Value::Array(items) => { (items.iter().map(text).collect::<Vec<_>>().join("、")) }
                Value::Object(_) => {
                    details { summary { "明细 Details" } (card(value)) }
                }
                value if is_code => { code { (text(value)) } }
                value => { (text(value)) }
            }
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// Instants in local time, to the minute.
fn text(value: &Value) -> String {
    match value {
        Value::Bool(true) => "是 yes".to_owned(),
        Value::Bool(false) => "否 no".to_owned(),
        Value::String(text) => local(text).unwrap_or_else(|| text.clone()),
        value => value.to_string(),
    }
}

fn local(text: &str) -> Option<String> {
    let instant = DateTime::parse_from_rfc3339(text).ok()?;
    let beijing = FixedOffset::east_opt(8 * 3600)?;
    Some(instant.with_timezone(&beijing).format("%Y-%m-%d %H:%M").to_string())
}
