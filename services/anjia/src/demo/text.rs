//! Text on a terminal: widths with Chinese characters, wrapping, colours.

use types::money::Money;

/// Columns of the whole page.
pub(crate) const PAGE: usize = 110;

/// How a piece of text stands out, where colours are shown at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Strong,
    Faint,
    Good,
    Bad,
}

/// Colours on a terminal, none elsewhere.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Palette {
    pub(crate) coloured: bool,
}

impl Palette {
    pub(crate) fn paint(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Plain => return text.to_owned(),
            Tone::Strong => "1",
            Tone::Faint => "2",
            Tone::Good => "32",
            Tone::Bad => "1;31",
        };
        if self.coloured { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// Columns that a text takes: Chinese characters and full-width punctuation take two.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

fn columns(character: char) -> usize {
    let is_wide = matches!(u32::from(character),
        0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f | 0xff00..=0xff60
        | 0xffe0..=0xffe6 | 0x1_f300..=0x1_faff | 0x2_0000..=0x3_fffd);
    if is_wide { 2 } else { 1 }
}

/// Filled up to the right.
pub(crate) fn left(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Filled up to the left.
pub(crate) fn right(text: &str, columns: usize) -> String {
    format!("{}{text}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Broken into lines of at most so many columns: between words, and after any Chinese character but before punctuation.
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![];
    let mut line = String::new();
    for piece in pieces(text) {
        if !line.is_empty() && width(&line) + width(piece.trim_end()) > columns {
            lines.push(line.trim_end().to_owned());
            line.clear();
        }
        line.push_str(piece);
    }
    if !line.trim().is_empty() || lines.is_empty() {
        lines.push(line.trim_end().to_owned());
    }
    lines
}

/// The smallest parts a line may be broken between.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = vec![];
    let mut start = 0;
    let mut characters = text.char_indices().peekable();
    while let Some((index, character)) = characters.next() {
        let end = index + character.len_utf8();
        let next = characters.peek().map(|(_, next)| *next);
        let may_break = character == ' ' || columns(character) == 2 || next.is_some_and(|next| columns(next) == 2);
        if may_break
            && next.is_none_or(|next| !"，。；：、！？）】》」% ".contains(next))
            && !"（【《「".contains(character)
        {
            pieces.push(&text[start..end]);
            start = end;
        }
    }
    if start < text.len() {
        pieces.push(&text[start..]);
    }
    pieces
}

/// `189,085.85`.
pub(crate) fn yuan(amount: Money) -> String {
    let text = amount.to_string();
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |digits| ("-", digits));
    let (whole, fen) = digits.split_once('.').unwrap_or((digits, "00"));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}.{fen}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chinese_character_takes_two_columns() {
        assert_eq!(width("基金 fund"), 9);
        assert_eq!(left("基金", 6), "基金  ");
        assert_eq!(right("¥1", 4), "  ¥1");
    }

    #[test]
    fn lines_break_between_words_and_characters_but_not_before_punctuation() {
        assert_eq!(wrap("the fund pays", 8), ["the fund", "pays"]);
        assert_eq!(wrap("统筹基金支付。", 12), ["统筹基金支", "付。"]);
        assert_eq!(wrap("即9,400.00元；", 8), ["即", "9,400.00", "元；"]);
        assert_eq!(wrap("", 8), [""]);
    }

    #[test]
    fn yuan_are_grouped_by_thousands() {
        assert_eq!(yuan("189085.85".parse().unwrap()), "189,085.85");
        assert_eq!(yuan("-1000.00".parse().unwrap()), "-1,000.00");
        assert_eq!(yuan(Money::ZERO), "0.00");
    }
}
