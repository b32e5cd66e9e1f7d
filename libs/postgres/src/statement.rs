//! A statement that is put together of parts, each with parameters of its own.

use sqlx::{Arguments as _, Encode, Postgres, Type, TypeInfo as _, postgres::PgArguments};
use types::region::RegionCode;

use crate::Error;

/// The parameters of all parts so far. `$1` is the region.
pub(crate) struct Statement(PgArguments);

impl Statement {
    pub(crate) fn in_region(region: RegionCode) -> Result<Self, Error> {
        let mut statement = Self(PgArguments::default());
        statement.add(region.as_str())?;
        Ok(statement)
    }

    /// A parameter: what stands for it in the text.
    pub(crate) fn add<'q, T: Encode<'q, Postgres> + Type<Postgres>>(&mut self, value: T) -> Result<String, Error> {
        self.0.add(value).map_err(sqlx::Error::Encode)?;
        Ok(format!("${}", self.0.len()))
    }

    /// A parameter with its type, where nothing around it would tell.
    pub(crate) fn typed<'q, T: Encode<'q, Postgres> + Type<Postgres>>(&mut self, value: T) -> Result<String, Error> {
        let placeholder = self.add(value)?;
        Ok(format!("{placeholder}::{}", T::type_info().name()))
    }

    pub(crate) fn into_arguments(self) -> PgArguments {
        self.0
    }
}
