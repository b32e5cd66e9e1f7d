//! What identity remembers: one table to a file. Takes a connection, never begins or commits.

pub mod alliances;
pub mod assertions;
pub mod bank_profiles;
pub mod break_glasses;
pub mod care_relations;
pub mod changes;
pub mod clients;
pub mod communities;
pub mod consents;
pub mod continuations;
pub mod delegation_receipts;
pub mod delegations;
pub mod departments;
pub mod designations;
pub mod duplicates;
pub mod enrolment_batch;
pub mod enrolment_imports;
pub mod enrolments;
pub mod family_doctor_contracts;
pub mod flags;
pub mod guardianships;
pub mod identifiers;
pub mod logins;
pub mod organisations;
pub mod practitioners;
pub mod remote_care_filings;
pub mod residents;
pub mod revocations;

use std::str::FromStr;

/// A text column that only our own words can stand in.
fn column<T: FromStr>(
    table: &'static str,
    name: &'static str,
    row: impl ToString,
    text: &str,
) -> Result<T, postgres::Error> {
    text.parse().map_err(|_| postgres::Error::row_invalid(table, name, row))
}
