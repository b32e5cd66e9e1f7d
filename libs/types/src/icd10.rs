//! Codes of illnesses and symptoms (ICD-10), as the medical-insurance edition writes them.

const LENGTH_MAX: usize = 15;
/// A chapter's letter and two digits.
const CATEGORY_LENGTH: usize = 3;

/// A code or the beginning of one, from its chapter's letter on: `I`, `I25`, `I25.103`, `I10.x00`. What follows the category is the edition's
/// affair: letters, digits, and the signs of a cause and its manifestation, `A18.0+M49.0*`.
pub fn is_icd10_prefix(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (category, rest) = bytes.split_at(bytes.len().min(CATEGORY_LENGTH));
    let is_category = matches!(category, [letter, digits @ ..]
        if letter.is_ascii_uppercase() && digits.iter().all(u8::is_ascii_digit));
    let is_rest = rest.iter().all(|byte| byte.is_ascii_alphanumeric() || b".+*".contains(byte));
    bytes.len() <= LENGTH_MAX && is_category && is_rest
}

/// A code: at least a whole category.
pub fn is_icd10_code(text: &str) -> bool {
    text.len() >= CATEGORY_LENGTH && is_icd10_prefix(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODES: [&str; 8] = ["I25", "I25.", "I251", "I25.103", "I10.x00", "M80.000x001", "G01*", "A18.0+M49.0*"];
    const NEITHER: [&str; 11] = [
        "",
        "i25",
        "25",
        "25I",
        "I25%",
        "FEVER",
        "发热",
        "I25 ",
        "I25.103 ",
        "I25.103456789012",
        "I25.1030000000000000",
    ];

    #[test]
    fn a_prefix_is_the_beginning_of_an_icd_10_code() {
        for text in ["I", "I2"].iter().chain(&CODES) {
            assert!(is_icd10_prefix(text), "{text}");
        }
        for text in NEITHER {
            assert!(!is_icd10_prefix(text), "{text}");
        }
    }

    #[test]
    fn a_code_is_at_least_a_category() {
        for text in CODES {
            assert!(is_icd10_code(text), "{text}");
        }
        for text in ["I", "I2"].iter().chain(&NEITHER) {
            assert!(!is_icd10_code(text), "{text}");
        }
    }
}
