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

use std::str::FromStr;

use uuid::Uuid;

use crate::domain::error::SchedulingError;

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
