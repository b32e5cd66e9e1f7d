use sqlx::{AssertSqlSafe, types::Json};
use types::ids::ResidentId;

use super::{
    Row, What,
    digest::{self, Salt},
    tables::{self, quoted},
};
use crate::{Error, Transaction};

/// What the audit tells of a row as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Position and hash of the entry; none until it is sealed.
    pub sealed: Option<(i64, Vec<u8>)>,
    /// The row is as it was written.
    pub stands: bool,
}

/// Position, hash, salt and rows of an entry.
type Naming = (Option<i64>, Option<Vec<u8>>, Vec<u8>, Json<Vec<Row>>);

/// The last entry about a resident in which the row was written. For tables without sealed columns.
pub async fn told(tx: &mut Transaction, resident: ResidentId, table: &str, id: &str) -> Result<Option<Told>, Error> {
    let entry: Option<Naming> = sqlx::query_as(
        "SELECT position, hash, salt, rows FROM audit_entries WHERE resident_id = $1 \
         AND jsonb_path_exists(rows, '$[*] ? (@.table == $table && @.id == $id && exists(@.digest))', \
             jsonb_build_object('table', $2::text, 'id', $3::text)) \
         ORDER BY sequence DESC LIMIT 1",
    )
    .bind(resident.uuid())
    .bind(table)
    .bind(id)
    .fetch_optional(&mut **tx)
    .await?;
    let Some((position, hash, salt, Json(rows))) = entry else { return Ok(None) };
    let written = rows.into_iter().find(|row| row.table == table && row.id == id).map(|row| row.what);
    let Some(What::Written { columns, digest }) = written else { return Ok(None) };

    let audited = tables::version(&mut *tx, table, columns).await?;
    let body: Option<String> = match &audited {
        None => None,
        Some(audited) => {
            let sql = format!(
                "SELECT {} FROM {} AS stored WHERE {}",
                audited.body("stored"),
                quoted(table),
                audited.has_id("stored", "$1")
            );
            sqlx::query_scalar(AssertSqlSafe(sql)).bind(id).fetch_optional(&mut **tx).await?
        }
    };
    let person = tx.known_person_key(resident).await?;
    let stands = person.and_then(|person| Salt::open(&salt, Some(&person))).zip(body).is_some_and(|(salt, body)| {
        let salt = salt.of_row(table, id);
        digest::digest(&digest::head(&salt, table, id, columns, &[]), &body) == digest
    });
    Ok(Some(Told { sealed: position.zip(hash), stands }))
}
