//! Charts as SVG: bars only, drawn with whole numbers, readable without colour because every bar says what it is.

use maud::{Markup, html};

const WIDTH: i128 = 760;
const LABEL: i128 = 200;
const FIGURE: i128 = 130;
const BAR: i128 = 13;
const GAP: i128 = 14;

pub(super) const AGAINST: &str = "#7c8ea0";
pub(super) const PROPOSED: &str = "#0b6e6e";
pub(super) const BETTER: &str = "#2f7d4f";
pub(super) const WORSE: &str = "#b4552d";

/// One bar.
#[derive(Debug, Clone)]
pub(super) struct Bar {
    pub(super) value: i128,
    pub(super) shown: String,
    pub(super) colour: &'static str,
}

/// Some bars under one name.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) bars: Vec<Bar>,
}

/// Groups one below the other. Values may be negative: then bars grow from the middle.
pub(super) fn bars(title: &str, groups: &[Group]) -> Markup {
    let all = || groups.iter().flat_map(|group| &group.bars).map(|bar| bar.value);
    let most = all().map(i128::abs).max().unwrap_or_default().max(1);
    let is_signed = all().any(|value| value < 0);
    let room = WIDTH - LABEL - FIGURE;
    let (origin, span) = if is_signed { (LABEL + room / 2, room / 2) } else { (LABEL, room) };
    let mut drawn = vec![];
    let mut y = GAP / 2;
    for group in groups {
        let top = y;
        for bar in &group.bars {
            // Something that is there is seen.
            let length = (bar.value.abs() * span / most).max(i128::from(bar.value != 0));
            let x = if bar.value < 0 { origin - length } else { origin };
            drawn.push(html! {
                rect x=(x) y=(y) width=(length) height=(BAR - 2) fill=(bar.colour) {}
                text x=(WIDTH) y=(y + BAR - 3) text-anchor="end" { (bar.shown) }
            });
            y += BAR;
        }
        let middle = i128::midpoint(top, y) + 4;
        drawn.push(html! { text x=(LABEL - 8) y=(middle) text-anchor="end" { (group.name) } });
        y += GAP;
    }
    html! {
        svg viewBox={ "0 0 " (WIDTH) " " (y) } role="img" aria-label=(title) {
            line x1=(origin) y1="0" x2=(origin) y2=(y) stroke="#c4ced8" {}
            @for shape in drawn { (shape) }
        }
    }
}

/// Two shares of each group, winners to the right of the middle and losers to the left, in parts of all persons of the group.
pub(super) fn for_and_against(title: &str, rows: &[(String, [u64; 3])]) -> Markup {
    let group = |(name, [winners, losers, unchanged]): &(String, [u64; 3])| {
        let all = i128::from(winners + losers + unchanged).max(1);
        let part = |count: u64| i128::from(count) * 1000 / all;
        let bar = |count: u64, sign: i128, colour, word: &str| Bar {
            value: sign * part(count),
            shown: format!("{word} {}", percent(part(count))),
            colour,
        };
        let bars = vec![bar(*winners, 1, BETTER, "受益 win"), bar(*losers, -1, WORSE, "受损 lose")];
        Group { name: name.clone(), bars }
    };
    bars(title, &rows.iter().map(group).collect::<Vec<_>>())
}

/// `123` as `12.3 %`.
pub(super) fn percent(per_mille: i128) -> String {
    let sign = if per_mille < 0 { "−" } else { "" };
    format!("{sign}{}.{} %", per_mille.abs() / 10, per_mille.abs() % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_fills_the_room_and_the_least_is_seen() {
        let bar = |value| Bar { value, shown: value.to_string(), colour: PROPOSED };
        let group = Group { name: "基金 fund".to_owned(), bars: vec![bar(1_000_000), bar(1), bar(0)] };
        let svg = bars("test", &[group]).into_string();
        for part in [r#"width="430""#, r#"width="1""#, r#"width="0""#, "基金 fund", "1000000"] {
            assert!(svg.contains(part), "{part}\n{svg}");
        }
    }

    #[test]
    fn losers_are_drawn_to_the_left() {
        let svg = for_and_against("test", &[("低".to_owned(), [1, 1, 2])]).into_string();
        assert!(svg.contains(r#"x="415""#) && svg.contains(r#"x="200""#) && svg.contains("25.0 %"), "{svg}");
    }
}
