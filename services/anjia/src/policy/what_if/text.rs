//! The result on a terminal.

use std::fmt::Write as _;

use super::axis::{Axis, Rows};
use super::fen::{Fen, Pair};
use super::report::{Claims, Report};
use super::tally::Effect;

pub(super) fn text(report: &Report) -> String {
    let tally = &report.result;
    let mut text = String::new();
    let mut line = |shown: String| {
        // Cannot fail: it writes into memory.
        let _ = writeln!(text, "{}", shown.trim_end());
    };
    line(format!("拟议 proposed: {}  {}", report.policies.proposed.zh, report.policies.proposed.en));
    line(format!("比照 against:  {}  {}", report.policies.against.zh, report.policies.against.en));
    if let Some(part) = report.part {
        line(format!("第 {}/{} 片  part {}/{} only", part.number, part.of, part.number, part.of));
    }
    line(format!(
        "{}：{} 人、{} 张结算单  {} persons, {} claims",
        source(&report.claims)[0],
        tally.persons,
        tally.effect.claims,
        tally.persons,
        tally.effect.claims
    ));
    for (reason, claims) in &tally.left_out {
        line(format!("未计入 left out: {claims} {reason}"));
    }
    line(String::new());
    line(row("元 yuan", &["比照 against", "拟议 proposed", "变化 change"].map(str::to_owned)));
    line(row("基金支付 funds pay", &amounts(tally.effect.fund)));
    for (layer, paid) in tally.by_layer.iter().filter(|(_, paid)| **paid != Pair::default()) {
        line(row(&format!("  {} {}", layer.title()[0], layer.title()[1]), &amounts(*paid)));
    }
    line(row("个人负担 own shares", &amounts(tally.effect.own)));
    table(&mut line, "按机构级别的个人负担 own shares by tier", &tally.by_tier);
    table(&mut line, "按收入的个人负担 own shares by income", &tally.by_income);
    line(String::new());
    line("按收入的受益与受损（人） winners and losers by income (persons)".to_owned());
    line(row("", &["受益 win", "受损 lose", "不变 same"].map(str::to_owned)));
    for (income, fortunes) in tally.fortunes_by_income.iter() {
        let counts = [fortunes.winners, fortunes.losers, fortunes.unchanged];
        if counts != [0; 3] {
            line(row(&title(income), &counts.map(|count| count.to_string())));
        }
    }
    text.trim_end().to_owned()
}

fn table<K: Axis>(line: &mut impl FnMut(String), name: &str, rows: &Rows<K, Effect>) {
    line(String::new());
    line(name.to_owned());
    for (key, effect) in rows.iter().filter(|(_, effect)| effect.claims > 0) {
        line(row(&title(key), &amounts(effect.own)));
    }
}

fn title(key: impl Axis) -> String {
    let [zh, en] = key.title();
    format!("  {zh} {en}")
}

fn amounts(pair: Pair<Fen>) -> [String; 3] {
    [pair.against.yuan(), pair.proposed.yuan(), pair.change().signed_yuan()]
}

fn row(name: &str, cells: &[String; 3]) -> String {
    // A Chinese character takes two columns.
    let width: usize = name.chars().map(|char| if char > '\u{2e7f}' { 2 } else { 1 }).sum();
    let pad = " ".repeat(34_usize.saturating_sub(width));
    let wide = |cell: &String| -> usize { cell.chars().map(|char| if char > '\u{2e7f}' { 2 } else { 1 }).sum() };
    let cells = cells.iter().map(|cell| format!("{}{cell}", " ".repeat(18_usize.saturating_sub(wide(cell)))));
    format!("{name}{pad}{}", cells.collect::<String>())
}

/// In Chinese and English.
pub(super) fn source(claims: &Claims) -> [String; 2] {
    match claims {
        Claims::File { sha256 } => {
            let start: String = sha256.chars().take(12).collect();
            [format!("结算单文件 {start}…"), format!("claims file {start}…")]
        }
        Claims::Synthetic { persons, seed, lines_per_claim, year } => [
            format!("合成人口 {persons} 人，{year} 年，种子 {seed}，每单 {lines_per_claim} 行"),
            format!("synthetic population of {persons}, year {year}, seed {seed}, {lines_per_claim} lines a claim"),
        ],
    }
}
