//! The unified social credit code of organisations (统一社会信用代码, GB 32100).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CreditCodeError {
    #[error("a credit code has 18 digits and capital letters other than I, O, S, V, Z")]
    Malformed,
    #[error("the check character of the credit code does not match")]
    CheckCharacter,
}

/// The position of a character is its value.
const ALPHABET: [u8; 31] = *b"0123456789ABCDEFGHJKLMNPQRTUWXY";

/// A valid code: shape and check character hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CreditCode(String);

impl CreditCode {
    pub fn parse(text: &str) -> Result<Self, CreditCodeError> {
        let values: Vec<usize> = text
            .bytes()
            .map(|character| ALPHABET.iter().position(|known| *known == character))
            .collect::<Option<_>>()
            .ok_or(CreditCodeError::Malformed)?;
        let (check, body) = values.split_last().ok_or(CreditCodeError::Malformed)?;
        if body.len() != 17 {
            return Err(CreditCodeError::Malformed);
        }
        if check_value(body) == *check { Ok(Self(text.to_owned())) } else { Err(CreditCodeError::CheckCharacter) }
    }

    /// The code whose first seventeen characters are these, its check character computed. For synthetic organisations.
    pub fn with_check_character(body: &str) -> Result<Self, CreditCodeError> {
        let values: Vec<usize> = body
            .bytes()
            .map(|character| ALPHABET.iter().position(|known| *known == character))
            .collect::<Option<_>>()
            .ok_or(CreditCodeError::Malformed)?;
        let check = char::from(ALPHABET[check_value(&values)]);
        Self::parse(&format!("{body}{check}"))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Weights are the powers of 3 modulo 31.
fn check_value(body: &[usize]) -> usize {
    let modulus = ALPHABET.len();
    let (sum, _) =
        body.iter().fold((0, 1), |(sum, weight), value| ((sum + value * weight) % modulus, weight * 3 % modulus));
    (modulus - sum) % modulus
}

impl FromStr for CreditCode {
    type Err = CreditCodeError;
    fn from_str(text: &str) -> Result<Self, CreditCodeError> {
        Self::parse(text)
    }
}

impl fmt::Display for CreditCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for CreditCode {
    type Error = CreditCodeError;
    fn try_from(text: String) -> Result<Self, CreditCodeError> {
        Self::parse(&text)
    }
}

impl From<CreditCode> for String {
    fn from(code: CreditCode) -> Self {
        code.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_02_the_published_sample_is_valid() {
        assert_eq!(CreditCode::parse("91110000600037341L").unwrap().as_str(), "91110000600037341L");
        assert_eq!(CreditCode::with_check_character("91110000600037341"), CreditCode::parse("91110000600037341L"));
    }

    #[test]
    fn wrong_codes_are_refused() {
        assert_eq!(CreditCode::parse("911100006000373410"), Err(CreditCodeError::CheckCharacter));
        for text in ["", "L", "91110000600037341", "91110000600037341l", "9111000060003734IL", "91110000600037341LL"] {
            assert_eq!(CreditCode::parse(text), Err(CreditCodeError::Malformed), "{text:?}");
        }
    }
}
