//! Characters that make one text look like another.

/// Whether a character is seen by nobody, or turns the text around it about (Unicode's format characters, and its separators of lines): two
/// names that differ by one look alike, and a name with one reads as another.
pub const fn is_hidden(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0001}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::is_hidden;

    #[test]
    fn what_turns_a_name_about_or_is_not_seen_is_known_and_no_name_is_hit() {
        for hidden in ["陈\u{202e}桂英", "陈\u{200b}桂英", "\u{feff}陈桂英", "陈\u{2066}桂英\u{2069}"] {
            assert!(hidden.chars().any(is_hidden), "{hidden:?}");
        }
        for name in ["陈桂英", "阿卜杜热西提·买买提", "O’Brien-Müller", "𠮷田", "葛\u{e0100}城", "Ngũgĩ wa Thiong'o"]
        {
            assert!(!name.chars().any(is_hidden), "{name:?}");
        }
    }
}
