//! One person, several ids. Rows keep the id they were written with; identity says which ids are one person's, and the others keep what
//! it says in `resident_aliases`. Stores ask by `resident_id = ANY ((SELECT one_person($1))::uuid[])`, and so need not know which id they were given.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use types::ids::ResidentId;
use uuid::Uuid;

use crate::audit::{self, Entry};
use crate::consumer::{Advanced, Failure, Handler, Inbox};
use crate::events::Event;
use crate::{Error, Scope, Transaction};

/// Tells of a merge: its subject is the resident who was merged, `survivor_resident_id` among its data the other.
pub const MERGED: &str = "anjia.identity.resident.merged.v1";
/// Tells that it was undone.
pub const UNMERGED: &str = "anjia.identity.resident.unmerged.v1";

pub(crate) const TABLE: &str = "resident_aliases";

/// A resident is from now on known by another id as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alias {
    pub resident: ResidentId,
    pub survivor: ResidentId,
    pub since: DateTime<Utc>,
}

/// False if the resident is merged into somebody already.
pub async fn insert(tx: &mut Transaction, alias: Alias) -> Result<bool, Error> {
    let region = tx.region()?;
    let done = sqlx::query(
        "INSERT INTO resident_aliases (resident_id, region, survivor_id, since) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
    )
    .bind(alias.resident.uuid())
    .bind(region.as_str())
    .bind(alias.survivor.uuid())
    .bind(alias.since)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// False if the resident is merged into nobody.
pub async fn remove(conn: &mut PgConnection, resident: ResidentId) -> Result<bool, Error> {
    let done =
        sqlx::query("DELETE FROM resident_aliases WHERE resident_id = $1").bind(resident.uuid()).execute(conn).await?;
    Ok(done.rows_affected() == 1)
}

/// Whether the resident goes by another id.
pub(crate) async fn is_merged(conn: &mut PgConnection, resident: ResidentId) -> Result<bool, Error> {
    Ok(sqlx::query_scalar("SELECT EXISTS (SELECT FROM resident_aliases WHERE resident_id = $1)")
        .bind(resident.uuid())
        .fetch_one(conn)
        .await?)
}

/// The id by which the person goes.
pub async fn survivor(conn: &mut PgConnection, resident: ResidentId) -> Result<ResidentId, Error> {
    let id: Uuid = sqlx::query_scalar("SELECT survivor($1)").bind(resident.uuid()).fetch_one(conn).await?;
    Ok(ResidentId::from_uuid(id))
}

/// Every id of the person, the given one among them, in order.
pub async fn one_person(conn: &mut PgConnection, resident: ResidentId) -> Result<Vec<ResidentId>, Error> {
    let ids: Vec<Uuid> =
        sqlx::query_scalar("SELECT unnest(one_person($1))").bind(resident.uuid()).fetch_all(conn).await?;
    Ok(ids.into_iter().map(ResidentId::from_uuid).collect())
}

/// Whether the two are one person.
pub async fn same(conn: &mut PgConnection, one: ResidentId, other: ResidentId) -> Result<bool, Error> {
    if one == other {
        return Ok(true);
    }
    Ok(sqlx::query_scalar("SELECT $2 = ANY ((SELECT one_person($1))::uuid[])")
        .bind(one.uuid())
        .bind(other.uuid())
        .fetch_one(conn)
        .await?)
}

/// The entry of a merge.
pub fn audited(entry: Entry, resident: ResidentId) -> Entry {
    entry.resident(resident).row(TABLE, resident)
}

/// The entry of its end.
pub fn audited_end(entry: Entry, resident: ResidentId) -> Entry {
    entry.resident(resident).removed(TABLE, resident)
}

/// What an event of identity's says about who is one person; none where it says nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Merged(Alias),
    Unmerged(ResidentId),
}

impl Change {
    pub fn read(event: &Event) -> Result<Option<Self>, Failure> {
        let resident = || event.subject.parse().map_err(Failure::refused);
        match event.kind.as_str() {
            MERGED => {
                let survivor = event.data["survivor_resident_id"].as_str().unwrap_or_default();
                let survivor = survivor.parse().map_err(Failure::refused)?;
                Ok(Some(Self::Merged(Alias { resident: resident()?, survivor, since: event.occurred_at })))
            }
            UNMERGED => Ok(Some(Self::Unmerged(resident()?))),
            _ => Ok(None),
        }
    }

    /// Keeps it, in the transaction that moves the cursor.
    pub async fn take_in(self, event: &Event, inbox: Inbox, actions: &Actions) -> Result<Advanced, Failure> {
        let mut tx = inbox.begin(Scope::Region(event.region)).await?;
        let entry = |action| Entry::by_service(actions.service, action);
        match self {
            Self::Merged(alias) => {
                if insert(&mut tx, alias).await? {
                    audit::record(&mut tx, audited(entry(actions.merge), alias.resident)).await?;
                }
            }
            Self::Unmerged(resident) => {
                if remove(&mut tx, resident).await? {
                    audit::record(&mut tx, audited_end(entry(actions.unmerge), resident)).await?;
                }
            }
        }
        Ok(inbox.commit(tx).await?)
    }
}

/// How a service's audit names what it takes in.
#[derive(Debug, Clone, Copy)]
pub struct Actions {
    pub service: &'static str,
    /// `service.alias.merge`
    pub merge: &'static str,
    /// `service.alias.unmerge`
    pub unmerge: &'static str,
}

/// Follows identity's events for nothing but merges.
#[derive(Debug, Clone, Copy)]
pub struct Merges(pub Actions);

impl Handler for Merges {
    const KINDS: &'static [&'static str] = &[MERGED, UNMERGED];

    async fn handle(&self, event: &Event, inbox: Inbox) -> Result<Advanced, Failure> {
        match Change::read(event)? {
            Some(change) => change.take_in(event, inbox, &self.0).await,
            None => Ok(inbox.skip()),
        }
    }
}
