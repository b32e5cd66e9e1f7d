//! A line of the bureau's file: what it says, and what it comes to beside what is believed. The format is
//! `imports/README.md`.

use std::str::FromStr;

use chrono::NaiveDate;
use types::national_id::NationalId;
use types::redacted::Redacted;
use types::text::is_hidden;

use super::enrolment::{Enrolment, Layer, Terms};
use super::word::words;

/// The columns, in order.
pub const COLUMNS: [&str; 14] = [
    "national_id",
    "name",
    "community",
    "scheme",
    "insured_region",
    "layer",
    "order",
    "payer_organisation_id",
    "from",
    "until",
    "retired_from",
    "joined_on",
    "waiting_waived_for",
    "student",
];

const TEXT_LENGTH_MAX: usize = 100;

words! {
    /// Why a line is not taken in.
    Reason {
        WrongColumns = "WRONG_COLUMNS",
        InvalidField = "INVALID_FIELD",
        InvalidNationalId = "INVALID_NATIONAL_ID",
        PersonUnknown = "PERSON_UNKNOWN",
        PersonNotRegistered = "PERSON_NOT_REGISTERED",
        PayerUnknown = "ORGANISATION_NOT_FOUND",
        Overlaps = "ENROLMENT_OVERLAPS",
    }
}

words! {
    /// What is done with persons nobody has registered.
    UnknownPersons {
        /// Their lines are rejected.
        Report = "REPORT",
        /// They are registered with the line's name and community.
        Register = "REGISTER",
    }
}

/// Why, and in which column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rejection {
    pub reason: Reason,
    /// Empty where it is the line as a whole.
    pub field: &'static str,
}

impl Rejection {
    pub const fn of(reason: Reason) -> Self {
        Self { reason, field: "" }
    }

    const fn field(field: &'static str) -> Self {
        Self { reason: Reason::InvalidField, field }
    }
}

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub national_id: NationalId,
    /// Needed only of persons who are to be registered.
    pub name: Redacted<String>,
    pub community: String,
    pub terms: Terms,
}

impl Line {
    /// `today` is the local day: nobody is insured before they were born.
    pub fn parse(fields: &[&str], today: NaiveDate) -> Result<Self, Rejection> {
        let fields: [&str; COLUMNS.len()] = fields.try_into().map_err(|_| Rejection::of(Reason::WrongColumns))?;
        let [
            national_id,
            name,
            community,
            scheme,
            region,
            layer,
            order,
            payer,
            from,
            until,
            retired,
            joined,
            waived,
            student,
        ] = fields.map(str::trim);
        let invalid = Rejection { reason: Reason::InvalidNationalId, field: "national_id" };
        let national_id = NationalId::parse(national_id).map_err(|_| invalid)?;
        if national_id.birth_date() > today {
            return Err(invalid);
        }
        let order = optional::<i16>("order", order)?.unwrap_or(1);
        let terms = Terms {
            scheme: required("scheme", scheme)?,
            insured_region: required("insured_region", region)?,
            layer: Layer::parse(layer).ok_or(Rejection::field("layer"))?,
            order: Some(order).filter(|order| (1..=9).contains(order)).ok_or(Rejection::field("order"))?,
            payer: optional("payer_organisation_id", payer)?,
            from: day("from", from)?.ok_or(Rejection::field("from"))?,
            until: day("until", until)?,
            retired_from: day("retired_from", retired)?,
            joined_on: day("joined_on", joined)?,
            waiting_waived_for: text("waiting_waived_for", waived)?,
            student: yes("student", student)?,
        };
        terms.check().map_err(|wrong| {
            let column = COLUMNS.into_iter().find(|column| *column == wrong.field);
            Rejection::field(column.unwrap_or_default())
        })?;
        Ok(Self {
            national_id,
            name: Redacted::new(text("name", name)?),
            community: text("community", community)?,
            terms,
        })
    }
}

/// What a line comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision<'a> {
    /// It is believed already.
    Unchanged,
    Recorded,
    /// The enrolment that begins on that day in that scheme and layer is another now.
    Corrected(&'a Enrolment),
    Overlaps,
}

/// `believed` is all that is believed of the person.
pub fn decide<'a>(believed: &'a [Enrolment], terms: &Terms) -> Decision<'a> {
    let key = |terms: &Terms| (terms.layer, terms.order, terms.scheme, terms.insured_region, terms.from);
    let same = believed.iter().find(|enrolment| key(&enrolment.terms) == key(terms));
    if same.is_some_and(|enrolment| enrolment.terms == *terms) {
        return Decision::Unchanged;
    }
    let is_other = |enrolment: &&Enrolment| same.is_none_or(|same| same.id != enrolment.id);
    if believed.iter().filter(is_other).any(|enrolment| enrolment.terms.overlaps(terms)) {
        return Decision::Overlaps;
    }
    same.map_or(Decision::Recorded, Decision::Corrected)
}

fn required<T: FromStr>(field: &'static str, text: &str) -> Result<T, Rejection> {
    text.parse().map_err(|_| Rejection::field(field))
}

fn optional<T: FromStr>(field: &'static str, text: &str) -> Result<Option<T>, Rejection> {
    if text.is_empty() { Ok(None) } else { required(field, text).map(Some) }
}

fn day(field: &'static str, text: &str) -> Result<Option<NaiveDate>, Rejection> {
    let plausible = |day: &NaiveDate| (1850..=2200).contains(&chrono::Datelike::year(day));
    match optional(field, text)? {
        Some(day) if !plausible(&day) => Err(Rejection::field(field)),
        day => Ok(day),
    }
}

fn yes(field: &'static str, text: &str) -> Result<bool, Rejection> {
    match text {
        "YES" => Ok(true),
        "" => Ok(false),
        _ => Err(Rejection::field(field)),
    }
}

fn text(field: &'static str, text: &str) -> Result<String, Rejection> {
    let is_unseen = |character: char| character.is_control() || is_hidden(character);
    if text.chars().count() > TEXT_LENGTH_MAX || text.chars().any(is_unseen) {
        return Err(Rejection::field(field));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::enrolment::tests::{day as date, enrolment, terms};
    use super::*;

    const GOOD: [&str; 14] = [
        "11010519491231002X",
        "陈桂英",
        "展览路街道",
        "EMPLOYEE",
        "110000",
        "BASIC",
        "",
        "",
        "2026-01-01",
        "",
        "2026-01-01",
        "",
        "",
        "",
    ];

    fn parse(fields: &[&str]) -> Result<Line, Rejection> {
        Line::parse(fields, date("2026-03-01"))
    }

    fn with(column: &str, text: &'static str) -> Result<Line, Rejection> {
        let mut fields = GOOD;
        fields[COLUMNS.iter().position(|name| *name == column).unwrap()] = text;
        parse(&fields)
    }

    #[test]
    fn id_03_a_line_is_read() {
        let line = parse(&GOOD).unwrap();
        assert_eq!(line.terms.order, 1);
        assert_eq!(line.terms.retired_from, Some(date("2026-01-01")));
        assert!(!format!("{line:?}").contains("陈桂英"));
    }

    #[test]
    fn id_03_a_wrong_line_is_rejected_with_its_column() {
        let reason = |result: Result<Line, Rejection>| result.unwrap_err();
        assert_eq!(reason(parse(&GOOD[1..])), Rejection::of(Reason::WrongColumns));
        for number in ["", "110105194912310021", "990000203001010011"] {
            assert_eq!(reason(with("national_id", number)).reason, Reason::InvalidNationalId, "{number}");
        }
        for (column, text) in [
            ("scheme", "NONE"),
            ("insured_region", "1"),
            ("layer", ""),
            ("order", "10"),
            ("payer_organisation_id", "x"),
            ("from", ""),
            ("from", "2026-02-30"),
            ("from", "1026-02-01"),
            ("until", "2025-12-31"),
            ("retired_from", "2025-12-31"),
            ("waiting_waived_for", "\u{7}"),
            ("student", "NO"),
            ("student", "YES"),
        ] {
            assert_eq!(reason(with(column, text)), Rejection::field(column), "{column} {text}");
        }
        assert_eq!(reason(with("layer", "COMMERCIAL")), Rejection::field("payer_organisation_id"));
    }

    #[test]
    fn id_03_a_line_records_corrects_repeats_or_overlaps() {
        let year = enrolment(terms("2026-01-01", Some("2026-12-31")));
        let believed = [year.clone()];
        assert_eq!(decide(&believed, &year.terms), Decision::Unchanged);
        assert_eq!(decide(&believed, &terms("2026-01-01", None)), Decision::Corrected(&year));
        assert_eq!(decide(&believed, &terms("2026-06-01", None)), Decision::Overlaps);
        assert_eq!(decide(&believed, &terms("2027-01-01", None)), Decision::Recorded);

        let next = Enrolment {
            id: types::ids::EnrolmentId::from_uuid(uuid::Uuid::from_u128(7)),
            ..enrolment(terms("2027-01-01", None))
        };
        assert_eq!(decide(&[year, next], &terms("2026-01-01", None)), Decision::Overlaps);
    }
}
