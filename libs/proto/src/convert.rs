//! Shared words between wire and Rust. Every refusal names the field, so that a caller can mend the request.

use std::str::FromStr;

use chrono::{DateTime, Datelike as _, NaiveDate, Utc};
use rust_decimal::Decimal;
use types::expected::ExpectedLine;
use types::icd10::is_icd10_prefix;
use types::money::Money;
use types::place::Place;
use types::region::RegionCode;
use types::text::is_hidden;

use crate::anjia::common::v1 as common;
use crate::google::r#type as wire;

mod limits;
mod words;

pub use limits::{limits, to_limits};
pub use words::*;

/// No quantity and no price is larger.
const DECIMAL_MAX: u64 = 1_000_000_000;

/// What is wrong with one field of a request. Becomes INVALID_ARGUMENT with a `BadRequest` violation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {description}")]
pub struct FieldError {
    /// Path of the field in the request, e.g. `lines[2].quantity`.
    pub field: String,
    /// What is wrong and what would be right, for the engineer who reads it.
    pub description: String,
}

impl FieldError {
    pub fn new(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self { field: field.into(), description: description.into() }
    }

    /// The same error seen from one level further out: `quantity` within `lines[2]` is `lines[2].quantity`.
    #[must_use]
    pub fn within(self, parent: &str) -> Self {
        Self { field: format!("{parent}.{}", self.field), ..self }
    }
}

/// A message field that must be set.
pub fn required<'a, T>(field: &str, value: Option<&'a T>) -> Result<&'a T, FieldError> {
    value.ok_or_else(|| FieldError::new(field, "is required"))
}

/// An id that must be given.
pub fn id<T: FromStr>(field: &str, value: &str) -> Result<T, FieldError> {
    if value.is_empty() {
        return Err(FieldError::new(field, "is required"));
    }
    value.parse().map_err(|_| FieldError::new(field, "must be a UUID"))
}

/// An id that may be empty.
pub fn optional_id<T: FromStr>(field: &str, value: &str) -> Result<Option<T>, FieldError> {
    if value.is_empty() { Ok(None) } else { id(field, value).map(Some) }
}

/// A text that must be given, trimmed, of at most `length_max` characters, without control characters and hidden ones (`types::text`).
pub fn text(field: &str, value: &str, length_max: usize) -> Result<String, FieldError> {
    let text = optional_text(field, value, length_max)?;
    if text.is_empty() { Err(FieldError::new(field, "is required")) } else { Ok(text) }
}

/// A text that may be empty, trimmed, of at most `length_max` characters, without control characters and hidden ones (`types::text`).
pub fn optional_text(field: &str, value: &str, length_max: usize) -> Result<String, FieldError> {
    let text = value.trim();
    if text.chars().count() > length_max {
        return Err(FieldError::new(field, format!("must have at most {length_max} characters")));
    }
    if text.chars().any(char::is_control) {
        return Err(FieldError::new(field, "must not have control characters"));
    }
    if text.chars().any(is_hidden) {
        return Err(FieldError::new(field, "must not have characters that nobody sees or that turn the text about"));
    }
    Ok(text.to_owned())
}

/// A decimal number in plain digits, 0 to a billion, with at most `places_max` places.
pub fn decimal(field: &str, value: &str, places_max: u32) -> Result<Decimal, FieldError> {
    let wrong = || {
        let bounds = format!("0 to {DECIMAL_MAX}, of at most {places_max} places");
        FieldError::new(field, format!("must be a decimal number in plain digits, {bounds}"))
    };
    let number = types::money::plain_decimal(value).ok_or_else(wrong)?;
    if value.starts_with('-') || number.normalize().scale() > places_max || number > Decimal::from(DECIMAL_MAX) {
        return Err(wrong());
    }
    Ok(number)
}

/// The same, more than zero.
pub fn positive(field: &str, value: &str, places_max: u32) -> Result<Decimal, FieldError> {
    let number = decimal(field, value, places_max)?;
    if number.is_zero() { Err(FieldError::new(field, "must be more than zero")) } else { Ok(number) }
}

/// Money that must be given, in CNY and whole fen, not negative.
pub fn money(field: &str, value: Option<&wire::Money>) -> Result<Money, FieldError> {
    const NANOS_PER_FEN: i32 = 10_000_000;
    let value = required(field, value)?;
    if value.currency_code != "CNY" {
        return Err(FieldError::new(field, "currency_code must be CNY"));
    }
    if value.units < 0 || !(0..1_000_000_000).contains(&value.nanos) {
        return Err(FieldError::new(field, "must not be negative"));
    }
    if value.nanos % NANOS_PER_FEN != 0 {
        return Err(FieldError::new(field, "must be whole fen: nanos a multiple of 10000000"));
    }
    // 14 digits before the point are what `numeric(16,2)` holds.
    if value.units > 99_999_999_999_999 {
        return Err(FieldError::new(field, "is too large"));
    }
    Ok(Money::from_fen(value.units * 100 + i64::from(value.nanos / NANOS_PER_FEN)))
}

/// Money on the wire.
pub fn to_money(money: Money) -> wire::Money {
    let fen = money.fen();
    let nanos = i32::try_from(fen % 100).unwrap_or_default() * 10_000_000;
    wire::Money { currency_code: "CNY".to_owned(), units: fen / 100, nanos }
}

/// A day that must be given.
pub fn date(field: &str, value: Option<&wire::Date>) -> Result<NaiveDate, FieldError> {
    let value = required(field, value)?;
    let month = u32::try_from(value.month).unwrap_or_default();
    let day = u32::try_from(value.day).unwrap_or_default();
    if !(1850..=2200).contains(&value.year) {
        return Err(FieldError::new(field, "must be a whole date between 1850 and 2200"));
    }
    NaiveDate::from_ymd_opt(value.year, month, day)
        .ok_or_else(|| FieldError::new(field, "must be a whole date that exists"))
}

/// A day that may be unset.
pub fn optional_date(field: &str, value: Option<&wire::Date>) -> Result<Option<NaiveDate>, FieldError> {
    value.map(|value| date(field, Some(value))).transpose()
}

/// A day on the wire.
pub fn to_date(date: NaiveDate) -> wire::Date {
    let small = |number: u32| i32::try_from(number).unwrap_or_default();
    wire::Date { year: date.year(), month: small(date.month()), day: small(date.day()) }
}

/// An instant that must be given. Kept to microseconds, as the database does.
pub fn timestamp(field: &str, value: Option<&prost_types::Timestamp>) -> Result<DateTime<Utc>, FieldError> {
    let value = required(field, value)?;
    let nanos = u32::try_from(value.nanos).map_err(|_| FieldError::new(field, "nanos must not be negative"))?;
    DateTime::from_timestamp(value.seconds, nanos / 1_000 * 1_000)
        .filter(|instant| (1850..=2200).contains(&instant.year()))
        .ok_or_else(|| FieldError::new(field, "must be an instant between the years 1850 and 2200"))
}

/// An instant that may be unset.
pub fn optional_timestamp(
    field: &str,
    value: Option<&prost_types::Timestamp>,
) -> Result<Option<DateTime<Utc>>, FieldError> {
    value.map(|value| timestamp(field, Some(value))).transpose()
}

/// An instant on the wire.
pub fn to_timestamp(instant: DateTime<Utc>) -> prost_types::Timestamp {
    let nanos = i32::try_from(instant.timestamp_subsec_nanos()).unwrap_or_default();
    prost_types::Timestamp { seconds: instant.timestamp(), nanos }
}

/// A place that must be given, with degrees that exist.
pub fn place(field: &str, value: Option<&common::Place>) -> Result<Place, FieldError> {
    let value = required(field, value)?;
    if !(-90.0..=90.0).contains(&value.latitude) {
        return Err(FieldError::new(format!("{field}.latitude"), "must be -90 to 90 degrees"));
    }
    if !(-180.0..=180.0).contains(&value.longitude) {
        return Err(FieldError::new(format!("{field}.longitude"), "must be -180 to 180 degrees"));
    }
    Ok(Place { latitude: value.latitude, longitude: value.longitude })
}

/// A place on the wire.
pub fn to_place(place: Place) -> common::Place {
    common::Place { latitude: place.latitude, longitude: place.longitude }
}

/// A region code that must be given.
pub fn region(field: &str, value: &str) -> Result<RegionCode, FieldError> {
    value.parse().map_err(|_| FieldError::new(field, "must be a region code of six digits (GB/T 2260)"))
}

/// An ICD-10 code or the beginning of one that must be given.
pub fn icd10_prefix(field: &str, value: &str) -> Result<String, FieldError> {
    if is_icd10_prefix(value) {
        Ok(value.to_owned())
    } else {
        Err(FieldError::new(field, "must be an ICD-10 code or prefix, such as R50 or I25.103"))
    }
}

/// Expected lines of a request: none, or up to 200, each with a code, a positive quantity and a price that make a fen or more.
pub fn expected_lines(field: &str, lines: &[common::ExpectedLine]) -> Result<Vec<ExpectedLine>, FieldError> {
    let lines = shaped_lines(field, lines)?;
    // A price of nothing would be shown, and a bill opened from it.
    match lines.iter().position(ExpectedLine::comes_to_nothing) {
        Some(index) => {
            Err(FieldError::new(format!("{field}[{index}].unit_price"), "makes a line of 0.00: leave it out"))
        }
        None => Ok(lines),
    }
}

/// Expected lines that a peer tells of, as it stored them: those that come to nothing, which requests once might state, are left out.
pub fn told_lines(field: &str, lines: &[common::ExpectedLine]) -> Result<Vec<ExpectedLine>, FieldError> {
    let mut lines = shaped_lines(field, lines)?;
    lines.retain(|line| !line.comes_to_nothing());
    Ok(lines)
}

fn shaped_lines(field: &str, lines: &[common::ExpectedLine]) -> Result<Vec<ExpectedLine>, FieldError> {
    if lines.len() > types::expected::LINES_MAX {
        return Err(FieldError::new(field, format!("must have at most {} lines", types::expected::LINES_MAX)));
    }
    lines
        .iter()
        .enumerate()
        .map(|(index, line)| expected_line(line).map_err(|error| error.within(&format!("{field}[{index}]"))))
        .collect()
}

fn expected_line(line: &common::ExpectedLine) -> Result<ExpectedLine, FieldError> {
    let expected = ExpectedLine {
        item_code: text("item_code", &line.item_code, 64)?,
        quantity: positive("quantity", &line.quantity, 4)?,
        unit_price: decimal("unit_price", &line.unit_price, 4)?,
    };
    // Keeps a line within what `numeric(16,2)` holds, and sums of many lines within `Money`.
    match expected.amount() {
        Some(amount) if amount.decimal() < Decimal::from(1_000_000_000_u64) => Ok(expected),
        _ => Err(FieldError::new("unit_price", "makes a line of a billion yuan or more")),
    }
}

/// Expected lines on the wire.
pub fn to_expected_lines(lines: &[ExpectedLine]) -> Vec<common::ExpectedLine> {
    let encode = |line: &ExpectedLine| common::ExpectedLine {
        item_code: line.item_code.clone(),
        quantity: line.quantity.to_string(),
        unit_price: line.unit_price.to_string(),
    };
    lines.iter().map(encode).collect()
}
