//! Synthetic persons.

use std::sync::atomic::{AtomicU16, Ordering};

use chrono::NaiveDate;
use proto::anjia::common::v1::{Credential, IdentifierKind};
use types::ids::RequestId;
use types::national_id::NationalId;
use types::region::RegionCode;

/// Of the three digits that tell persons of one birth date apart.
const SERIALS: u16 = 1_000;

static NEXT_SERIAL: AtomicU16 = AtomicU16::new(0);

/// A valid identification number that nobody has: its place does not exist. No two calls of one test process with the same birth
/// date give the same number, as long as there are fewer than a thousand.
pub fn national_id(birth_date: NaiveDate) -> NationalId {
    let serial = NEXT_SERIAL.fetch_add(1, Ordering::Relaxed) % SERIALS;
    NationalId::from_parts(RegionCode::DEMONSTRATION, birth_date, serial).expect("the parts are valid")
}

/// The identity card with this number, as a desk reads it.
pub fn id_card(number: &NationalId) -> Credential {
    Credential { kind: IdentifierKind::IdCard.into(), number: number.expose().to_owned(), country_code: String::new() }
}

/// A key no request has used yet.
pub fn request_id() -> String {
    RequestId::generate().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_persons_share_a_number() {
        let birth_date = NaiveDate::from_ymd_opt(1954, 3, 1).unwrap();
        let numbers = [national_id(birth_date), national_id(birth_date)];
        assert_ne!(numbers[0], numbers[1]);
        assert!(numbers[0].expose().starts_with("990000"));
    }
}
