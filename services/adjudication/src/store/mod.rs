//! What adjudication remembers, one table a file. Takes a connection, never begins or commits.

pub mod accumulators;
pub mod catalogue;
pub mod claims;
pub mod policies;
pub mod quotes;
pub mod settlements;

use postgres::Error;

/// A text column that must read back as one of our words.
fn word<T: std::str::FromStr>(
    table: &'static str,
    column: &'static str,
    id: impl std::fmt::Display,
    text: &str,
) -> Result<T, Error> {
    text.parse().map_err(|_| Error::row_invalid(table, column, id))
}
