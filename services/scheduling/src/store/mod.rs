//! Rows. One table a file; takes a connection, never begins or commits. The region of what is written is the transaction's own.

pub mod appointments;
pub mod chosen_ids;
pub mod patients;
pub mod places;
pub mod revoked_delegations;
pub mod sessions;
pub mod slot_cache;
pub mod slots;
pub mod visits;

use postgres::personal::PersonalTable;

use std::str::FromStr;

use uuid::Uuid;

use crate::domain::error::SchedulingError;

/// Every table with data about residents, in the order in which a person reads them.
pub const PERSONAL: &[PersonalTable] = &[
    PersonalTable {
        key: "t.resident_id::text",
        ..PersonalTable::new("patients", &[], ["预约登记", "That you have booked"], "booking")
    },
    PersonalTable::new("appointments", &[], ["预约", "Your appointments"], "booking"),
    PersonalTable::new("visits", &[], ["就诊", "Your visits"], "medical_record"),
    PersonalTable::new("chosen_appointment_ids", &[], ["预约编号", "Numbers chosen for appointments"], "booking"),
];

impl From<sqlx::Error> for SchedulingError {
    fn from(error: sqlx::Error) -> Self {
        Self::Storage(error.into())
    }
}

/// The domain's refusal where a constraint says so, else a storage failure.
fn refused(error: sqlx::Error, refusal: impl FnOnce(&str) -> Option<SchedulingError>) -> SchedulingError {
    let error = postgres::Error::from(error);
    error.constraint().and_then(refusal).unwrap_or(SchedulingError::Storage(error))
}

/// A word of a closed vocabulary; another word is a row that no code of ours has written.
fn word<T: FromStr>(table: &'static str, column: &'static str, row: Uuid, text: &str) -> Result<T, SchedulingError> {
    text.parse().map_err(|_| invalid(table, column, row))
}

fn invalid(table: &'static str, column: &'static str, row: Uuid) -> SchedulingError {
    postgres::Error::row_invalid(table, column, row).into()
}
