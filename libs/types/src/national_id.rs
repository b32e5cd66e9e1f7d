//! The citizen identification number (公民身份号码, GB 11643).

use std::{fmt, str::FromStr};

use chrono::{Datelike as _, NaiveDate};
use serde::Deserialize;

use crate::region::RegionCode;

crate::word::vocabulary! {
    /// Sex as the identification number encodes it.
    Sex, "sex" {
        Female = "FEMALE",
        Male = "MALE",
    }
}

/// What is wrong with a number. Never repeats the number: errors reach logs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NationalIdError {
    #[error("an identification number has 17 digits and a check character")]
    Malformed,
    /// The first generation's numbers lost their validity in 2013.
    #[error("numbers of 15 digits are no longer valid: the 18 characters of the present card are needed")]
    Obsolete,
    #[error("the identification number contains no valid birth date")]
    BirthDate,
    #[error("the check character of the identification number does not match")]
    CheckCharacter,
}

/// Weights of ISO 7064 MOD 11-2 for the seventeen digits.
const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
/// The check character by remainder.
const CHECK_CHARACTERS: [u8; 11] = *b"10X98765432";
/// Numbers were introduced in 1984; nobody numbered was born before this.
const FIRST_BIRTH_YEAR: i32 = 1850;

/// A valid number: shape, birth date and check character hold. Whether it was ever issued is another question.
///
/// Shows itself masked only and is deliberately not `Serialize`: writing it in full takes [`NationalId::expose`].
#[derive(Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct NationalId {
    number: String,
    birth_date: NaiveDate,
}

impl NationalId {
    /// A lower-case check character is accepted and stored as `X`.
    pub fn parse(text: &str) -> Result<Self, NationalIdError> {
        if text.len() == 15 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NationalIdError::Obsolete);
        }
        let number = text.to_ascii_uppercase();
        let characters: &[u8; 18] = number.as_bytes().try_into().map_err(|_| NationalIdError::Malformed)?;
        let (digits, check) = characters.split_at(17);
        let well_formed =
            digits.iter().all(u8::is_ascii_digit) && digits[0] != b'0' && CHECK_CHARACTERS.contains(&check[0]);
        if !well_formed {
            return Err(NationalIdError::Malformed);
        }
        let birth_date = NaiveDate::parse_from_str(&number[6..14], "%Y%m%d")
            .ok()
            .filter(|date| date.year() >= FIRST_BIRTH_YEAR)
            .ok_or(NationalIdError::BirthDate)?;
        if check_character(digits) != check[0] {
            return Err(NationalIdError::CheckCharacter);
        }
        Ok(Self { number, birth_date })
    }

    /// The number with these parts, its check character computed. `serial` has three digits; odd is male.
    /// For synthetic persons use [`RegionCode::DEMONSTRATION`], which no real number has.
    pub fn from_parts(region: RegionCode, birth_date: NaiveDate, serial: u16) -> Result<Self, NationalIdError> {
        if serial > 999 {
            return Err(NationalIdError::Malformed);
        }
        let digits = format!("{region}{}{serial:03}", birth_date.format("%Y%m%d"));
        let check = char::from(check_character(digits.as_bytes()));
        Self::parse(&format!("{digits}{check}"))
    }

    pub const fn birth_date(&self) -> NaiveDate {
        self.birth_date
    }

    pub fn sex(&self) -> Sex {
        if self.number.as_bytes()[16].is_multiple_of(2) { Sex::Female } else { Sex::Male }
    }

    /// For lists, logs and errors: the first and the last character. Beside a birth date, which is often shown with it, any more
    /// would leave so few numbers that the check digit picks the right one.
    pub fn masked(&self) -> String {
        format!("{}****************{}", &self.number[..1], &self.number[17..])
    }

    /// The number in full: to encrypt, to index, to hand to the insured person.
    pub fn expose(&self) -> &str {
        &self.number
    }
}

fn check_character(digits: &[u8]) -> u8 {
    let sum: u32 = digits.iter().zip(WEIGHTS).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    CHECK_CHARACTERS[sum as usize % CHECK_CHARACTERS.len()]
}

impl FromStr for NationalId {
    type Err = NationalIdError;
    fn from_str(text: &str) -> Result<Self, NationalIdError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for NationalId {
    type Error = NationalIdError;
    fn try_from(text: String) -> Result<Self, NationalIdError> {
        Self::parse(&text)
    }
}

impl fmt::Debug for NationalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NationalId({})", self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_01_the_number_printed_in_the_standard_is_valid() {
        let id = NationalId::parse("11010519491231002X").unwrap();
        assert_eq!(id.birth_date(), NaiveDate::from_ymd_opt(1949, 12, 31).unwrap());
        assert_eq!(id.sex(), Sex::Female);
        assert_eq!(NationalId::parse("11010519491231002x"), Ok(id));
    }

    #[test]
    fn id_01_a_wrong_check_character_is_refused() {
        assert_eq!(NationalId::parse("110105194912310021"), Err(NationalIdError::CheckCharacter));
    }

    #[test]
    fn malformed_numbers_and_impossible_dates_are_refused() {
        for text in [
            "",
            "11010519491231002",
            "11010519491231002XX",
            "01010519491231002X",
            "1101051949123100AX",
            "１1010519491231002",
        ] {
            assert_eq!(NationalId::parse(text), Err(NationalIdError::Malformed), "{text:?}");
        }
        for text in ["11010519490229002X", "11010519491331002X", "11010500001231002X"] {
            assert_eq!(NationalId::parse(text), Err(NationalIdError::BirthDate), "{text:?}");
        }
    }

    #[test]
    fn id_01_a_number_of_the_first_generation_is_refused_as_such() {
        assert_eq!(NationalId::parse("110105491231002"), Err(NationalIdError::Obsolete));
        assert_eq!(NationalId::parse("11010549123100X"), Err(NationalIdError::Malformed));
    }

    #[test]
    fn every_single_wrong_digit_is_found() {
        let valid = "11010519491231002X";
        for position in 0..17 {
            for digit in b'0'..=b'9' {
                let mut altered = valid.as_bytes().to_vec();
                if altered[position] == digit {
                    continue;
                }
                altered[position] = digit;
                assert!(NationalId::parse(std::str::from_utf8(&altered).unwrap()).is_err());
            }
        }
    }

    #[test]
    fn a_synthetic_number_is_valid_and_says_what_it_was_made_of() {
        let born = NaiveDate::from_ymd_opt(1954, 2, 28).unwrap();
        for serial in [0, 1, 2, 999] {
            let id = NationalId::from_parts(RegionCode::DEMONSTRATION, born, serial).unwrap();
            assert_eq!(id.birth_date(), born);
            assert_eq!(id.sex() == Sex::Male, serial % 2 == 1);
            assert_eq!(NationalId::parse(id.expose()), Ok(id));
        }
        assert!(NationalId::from_parts(RegionCode::DEMONSTRATION, born, 1000).is_err());
    }

    #[test]
    fn debugging_shows_neither_district_nor_birth_date() {
        let shown = format!("{:?}", NationalId::parse("11010519491231002X").unwrap());
        assert_eq!(shown, "NationalId(1****************X)");
    }
}
