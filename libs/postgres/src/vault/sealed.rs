//! Which columns of which tables are sealed, so that they can be sealed anew.

use sqlx::{AssertSqlSafe, PgConnection, Row as _, postgres::PgRow};
use uuid::Uuid;

use super::keys::{Cell, Keys};
use crate::{Error, idempotency};

/// A table with sealed columns. It has a column `key_version` (null where nothing is sealed), and the service may update that and the
/// sealed columns.
#[derive(Debug, Clone, Copy)]
pub struct SealedTable {
    pub name: &'static str,
    /// The column of ids that names a row in its [`Cell`], unique within a region; in its order rows are sealed anew.
    pub id: &'static str,
    pub columns: &'static [&'static str],
}

/// What was done of a table in one go.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) sealed_anew: i64,
    /// The last row looked at; `None` at the end.
    pub(crate) last: Option<String>,
}

impl SealedTable {
    const REQUESTS: Self = Self { name: "requests", id: "request_id", columns: &["response"] };

    /// The tables of this crate.
    pub(super) const PLATFORM: [Self; 2] =
        [Self { name: "person_keys", id: "resident_id", columns: &["wrapped"] }, Self::REQUESTS];

    /// Refuses if a column that is called sealed is not listed: its rows would be lost with the key.
    pub(super) async fn check_complete(conn: &mut PgConnection, tables: &[Self]) -> Result<(), Error> {
        let columns: Vec<(String, String)> = sqlx::query_as(
            "SELECT table_name::text, column_name::text FROM information_schema.columns \
             WHERE table_schema = 'public' AND column_name LIKE '%\\_sealed' ORDER BY 1, 2",
        )
        .fetch_all(conn)
        .await?;
        let is_listed = |table: &str, column: &str| {
            tables.iter().any(|listed| listed.name == table && listed.columns.contains(&column))
        };
        match columns.into_iter().find(|(table, column)| !is_listed(table, column)) {
            Some((table, column)) => Err(Error::SealedColumnUnlisted { table, column }),
            None => Ok(()),
        }
    }

    /// Seals the next `limit` rows anew that are not sealed with the newest key yet.
    pub(super) async fn seal_page(
        &self,
        conn: &mut PgConnection,
        keys: &Keys,
        after: Option<&str>,
        limit: i64,
    ) -> Result<Page, Error> {
        if self.name == Self::REQUESTS.name {
            return idempotency::seal_page(conn, keys, after, limit).await;
        }
        let after: Uuid = match after {
            Some(after) => after.parse().map_err(|_| Error::row_invalid("key_rotations", "after", self.name))?,
            None => Uuid::nil(),
        };
        let rows = sqlx::query(AssertSqlSafe(self.select())).bind(after).bind(limit).fetch_all(&mut *conn).await?;
        let last = rows.last().map(|row| row.try_get::<Uuid, _>(0)).transpose()?;

        let mut ids = vec![];
        let mut columns: Vec<Vec<Option<Vec<u8>>>> = self.columns.iter().map(|_| vec![]).collect();
        for row in &rows {
            let id: Uuid = row.try_get(0)?;
            let Some(version) = row.try_get::<Option<i32>, _>(1)?.filter(|version| *version != keys.version()) else {
                continue;
            };
            ids.push(id);
            for (place, values) in columns.iter_mut().enumerate() {
                values.push(self.anew(keys, row, id, version, place)?);
            }
        }
        if !ids.is_empty() {
            let mut update = sqlx::query(AssertSqlSafe(self.update())).bind(&ids).bind(keys.version());
            for values in columns {
                update = update.bind(values);
            }
            update.execute(conn).await?;
        }
        let sealed_anew = i64::try_from(ids.len()).unwrap_or(i64::MAX);
        Ok(Page { sealed_anew, last: last.map(|id| id.to_string()) })
    }

    fn anew(&self, keys: &Keys, row: &PgRow, id: Uuid, version: i32, place: usize) -> Result<Option<Vec<u8>>, Error> {
        let sealed: Option<Vec<u8>> = row.try_get(place + 2)?;
        let (Some(sealed), Some(column)) = (sealed, self.columns.get(place)) else {
            return Ok(None);
        };
        let cell = Cell { table: self.name, column, row: id };
        let plain = zeroize::Zeroizing::new(keys.open_bytes(cell, version, &sealed)?);
        keys.seal_bytes(cell, &plain).map(Some)
    }

    // Names are constants of the services, listed once and compared with the database.

    fn select(&self) -> String {
        let (name, id, columns) = (self.name, self.id, self.columns.join(", "));
        format!(
            "SELECT {id}, key_version, {columns} FROM {name} WHERE {id} > $1 ORDER BY {id} LIMIT $2 FOR NO KEY UPDATE"
        )
    }

    fn update(&self) -> String {
        let (name, id) = (self.name, self.id);
        let numbered = || self.columns.iter().enumerate().map(|(place, column)| (place + 3, column));
        let set = numbered().map(|(_, column)| format!(", {column} = anew.{column}")).collect::<Vec<_>>().concat();
        let arrays = numbered().map(|(number, _)| format!(", ${number}::bytea[]")).collect::<Vec<_>>().concat();
        let names = numbered().map(|(_, column)| format!(", {column}")).collect::<Vec<_>>().concat();
        format!(
            "UPDATE {name} SET key_version = $2{set} FROM unnest($1::uuid[]{arrays}) AS anew (id{names}) WHERE {name}.{id} = anew.id"
        )
    }
}
