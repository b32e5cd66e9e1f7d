//! Codes of illnesses and symptoms (ICD-10), as the medical-insurance edition writes them.

const LENGTH_MAX: usize = 15;

/// A code or the beginning of one, from its chapter's letter on: `I`, `I25`, `I25.103`, `I10.x00`.
pub fn is_icd10_prefix(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (category, rest) = bytes.split_at(bytes.len().min(3));
    let is_category = matches!(category, [letter, digits @ ..]
        if letter.is_ascii_uppercase() && digits.iter().all(u8::is_ascii_digit));
    let is_rest = match rest {
        [] => true,
        [point, detail @ ..] => *point == b'.' && detail.iter().all(u8::is_ascii_alphanumeric),
    };
    bytes.len() <= LENGTH_MAX && is_category && is_rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_the_beginning_of_an_icd_10_code() {
        for text in ["I", "I2", "I25", "I25.", "I25.103", "I10.x00", "M80.000x001"] {
            assert!(is_icd10_prefix(text), "{text}");
        }
        for text in ["", "i25", "25", "I25%", "I251", "FEVER", "发热", "I25.103.10.7", "I25.103 ", "I25.103456789012"]
        {
            assert!(!is_icd10_prefix(text), "{text}");
        }
    }
}
