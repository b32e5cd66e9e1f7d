//! Documents and credentials that say who somebody is.

use std::fmt;

use chrono::NaiveDate;

use crate::national_id::{NationalId, NationalIdError, Sex};
use crate::redacted::Redacted;

crate::word::vocabulary! {
    /// What kind of document it is.
    IdentifierKind, "kind of identifier" {
        /// 居民身份证.
        IdCard = "ID_CARD",
        /// 港澳台居民居住证.
        ResidencePermit = "RESIDENCE_PERMIT",
        /// 外国人永久居留身份证.
        PermanentResidentCard = "PERMANENT_RESIDENT_CARD",
        Passport = "PASSPORT",
        /// 医保电子凭证.
        ElectronicCredential = "ELECTRONIC_CREDENTIAL",
    }
}

/// What is wrong with a document. Never repeats its number: errors reach logs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentifierError {
    #[error(transparent)]
    NationalId(#[from] NationalIdError),
    #[error("this number belongs to another kind of document")]
    OtherKind,
    #[error("a passport number has 3 to 9 letters and digits")]
    PassportNumber,
    #[error("the issuing state has the letters that the passport shows (ICAO 9303), such as CHN or D")]
    PassportCountry,
    #[error("only a passport has an issuing state")]
    CountryUnexpected,
    #[error("an electronic credential's index number has 16 to 64 letters and digits")]
    ElectronicCredential,
}

/// A document whose form is right. Whether it was ever issued is another question. Shows itself masked only.
#[derive(Clone, PartialEq, Eq)]
pub enum Identifier {
    /// Numbered by GB 11643; the number says which document it is.
    National(NationalId),
    Passport {
        country: String,
        number: Redacted<String>,
    },
    ElectronicCredential(Redacted<String>),
}

impl Identifier {
    /// Letters are upper-cased and spaces dropped, so that one document has one spelling.
    pub fn parse(kind: IdentifierKind, number: &str, country: &str) -> Result<Self, IdentifierError> {
        let number: String = number.chars().filter(|c| *c != ' ').map(|c| c.to_ascii_uppercase()).collect();
        let country = country.trim().to_ascii_uppercase();
        if kind != IdentifierKind::Passport && !country.is_empty() {
            return Err(IdentifierError::CountryUnexpected);
        }
        match kind {
            IdentifierKind::IdCard | IdentifierKind::ResidencePermit | IdentifierKind::PermanentResidentCard => {
                let identifier = Self::National(NationalId::parse(&number)?);
                if identifier.kind() == kind { Ok(identifier) } else { Err(IdentifierError::OtherKind) }
            }
            IdentifierKind::Passport => {
                if !is_made_of(&number, 3, 9) {
                    return Err(IdentifierError::PassportNumber);
                }
                // Germany alone has one letter.
                let is_state =
                    country == "D" || (country.len() == 3 && country.bytes().all(|b| b.is_ascii_uppercase()));
                if !is_state {
                    return Err(IdentifierError::PassportCountry);
                }
                Ok(Self::Passport { country, number: Redacted::new(number) })
            }
            IdentifierKind::ElectronicCredential if is_made_of(&number, 16, 64) => {
                Ok(Self::ElectronicCredential(Redacted::new(number)))
            }
            IdentifierKind::ElectronicCredential => Err(IdentifierError::ElectronicCredential),
        }
    }

    pub fn kind(&self) -> IdentifierKind {
        match self {
            Self::National(number) => match &number.expose()[..6] {
                "810000" | "820000" | "830000" => IdentifierKind::ResidencePermit,
                // The region of demonstrations, which no document has.
                "990000" => IdentifierKind::IdCard,
                region if region.starts_with('9') => IdentifierKind::PermanentResidentCard,
                _ => IdentifierKind::IdCard,
            },
            Self::Passport { .. } => IdentifierKind::Passport,
            Self::ElectronicCredential(_) => IdentifierKind::ElectronicCredential,
        }
    }

    /// The issuing state of a passport.
    pub fn country(&self) -> Option<&str> {
        match self {
            Self::Passport { country, .. } => Some(country),
            Self::National(_) | Self::ElectronicCredential(_) => None,
        }
    }

    /// The number in full: to encrypt, to index.
    pub fn expose(&self) -> &str {
        match self {
            Self::National(number) => number.expose(),
            Self::Passport { number, .. } | Self::ElectronicCredential(number) => number.expose(),
        }
    }

    /// First and last character.
    pub fn masked(&self) -> String {
        let number = self.expose();
        let stars = "*".repeat(number.len() - 2);
        format!("{}{stars}{}", &number[..1], &number[number.len() - 1..])
    }

    /// What the number itself says of its holder.
    pub fn says(&self) -> Option<(NaiveDate, Sex)> {
        match self {
            Self::National(number) => Some((number.birth_date(), number.sex())),
            Self::Passport { .. } | Self::ElectronicCredential(_) => None,
        }
    }
}

impl From<NationalId> for Identifier {
    fn from(number: NationalId) -> Self {
        Self::National(number)
    }
}

impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identifier({} {})", self.kind(), self.masked())
    }
}

fn is_made_of(number: &str, least: usize, most: usize) -> bool {
    (least..=most).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::region::RegionCode;

    fn numbered(region: &str) -> String {
        let born = NaiveDate::from_ymd_opt(1981, 8, 3).unwrap();
        NationalId::from_parts(region.parse::<RegionCode>().unwrap(), born, 2).unwrap().expose().to_owned()
    }

    #[test]
    fn id_01_a_number_says_which_document_it_is_on() {
        for (region, kind) in [
            ("110105", IdentifierKind::IdCard),
            ("990000", IdentifierKind::IdCard),
            ("810000", IdentifierKind::ResidencePermit),
            ("830000", IdentifierKind::ResidencePermit),
            ("911124", IdentifierKind::PermanentResidentCard),
        ] {
            let number = numbered(region);
            assert_eq!(Identifier::parse(kind, &number, "").unwrap().kind(), kind, "{region}");
            for other in
                [IdentifierKind::IdCard, IdentifierKind::ResidencePermit, IdentifierKind::PermanentResidentCard]
            {
                if other != kind {
                    assert_eq!(Identifier::parse(other, &number, ""), Err(IdentifierError::OtherKind));
                }
            }
        }
    }

    #[test]
    fn id_01_a_passport_has_one_spelling_and_its_state() {
        let parse = |number, country| Identifier::parse(IdentifierKind::Passport, number, country);
        assert_eq!(parse("e 1234567", "jpn"), parse("E1234567", "JPN"));
        assert_ne!(parse("E1234567", "JPN"), parse("E1234567", "CHN"));
        assert_eq!(parse("C01X00T47", "D").unwrap().country(), Some("D"));
        for number in ["", "12", "1234567890", "E12-4567", "Ｅ1234567"] {
            assert_eq!(parse(number, "JPN"), Err(IdentifierError::PassportNumber), "{number:?}");
        }
        for country in ["", "JP", "J1N", "JAPAN"] {
            assert_eq!(parse("E1234567", country), Err(IdentifierError::PassportCountry), "{country:?}");
        }
        let card = Identifier::parse(IdentifierKind::IdCard, &numbered("990000"), "CHN");
        assert_eq!(card, Err(IdentifierError::CountryUnexpected));
    }

    #[test]
    fn id_01_an_electronic_credential_is_letters_and_digits() {
        let parse = |number| Identifier::parse(IdentifierKind::ElectronicCredential, number, "");
        assert!(parse("110100000012345678").is_ok());
        for number in ["", "123456789012345", &"1".repeat(65), "1101-0000-0000-0001"] {
            assert_eq!(parse(number), Err(IdentifierError::ElectronicCredential), "{number:?}");
        }
    }

    #[test]
    fn id_08_no_document_shows_its_number() {
        let passport = Identifier::parse(IdentifierKind::Passport, "E1234567", "JPN").unwrap();
        let credential = Identifier::parse(IdentifierKind::ElectronicCredential, "110100000012345678", "").unwrap();
        let shown = format!("{passport:?} {credential:?}");
        assert_eq!(shown, "Identifier(PASSPORT E******7) Identifier(ELECTRONIC_CREDENTIAL 1****************8)");
    }
}
