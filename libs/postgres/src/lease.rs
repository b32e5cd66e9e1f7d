//! Named row leases: one owner at a time for a piece of background work, by the clock of the database.
//!
//! A lease alone keeps nobody from writing late. [`Lease::hold`] checks the fence in the transaction of the work and locks the
//! lease's row until its end, so that a successor waits.

use std::time::Duration;

use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Database, Error, Scope};

/// A lease that was held when last looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    name: String,
    owner: Uuid,
    fence: i64,
    duration: Duration,
}

/// Takes the lease if it is free, has expired, or is `owner`'s own: a loop that lost track of its lease after an error need not
/// wait for itself. `owner` is one id per running loop.
pub async fn acquire(db: &Database, name: &str, owner: Uuid, duration: Duration) -> Result<Option<Lease>, Error> {
    let mut tx = db.begin(Scope::Worker).await?;
    let fence: Option<i64> = sqlx::query_scalar(
        "INSERT INTO leases AS held (name, owner, fence, expires_at) \
         VALUES ($1, $2, 1, clock_timestamp() + $3 * interval '1 millisecond') \
         ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, fence = held.fence + 1, expires_at = excluded.expires_at \
         WHERE held.expires_at <= clock_timestamp() OR held.owner = excluded.owner \
         RETURNING fence",
    )
    .bind(name)
    .bind(owner)
    .bind(milliseconds(duration))
    .fetch_optional(&mut *tx)
    .await?;
    tx.finish().await?;
    Ok(fence.map(|fence| Lease { name: name.to_owned(), owner, fence, duration }))
}

impl Lease {
    /// Rises whenever the lease is taken. Rows written under the lease may keep it.
    pub const fn fence(&self) -> i64 {
        self.fence
    }

    /// Prolongs the lease within the caller's transaction and keeps others from taking it until that ends. Refuses with
    /// [`Error::LeaseLost`] if somebody else has taken it.
    pub async fn hold(&self, conn: &mut PgConnection) -> Result<(), Error> {
        let held = sqlx::query(
            "UPDATE leases SET expires_at = clock_timestamp() + $4 * interval '1 millisecond' \
             WHERE name = $1 AND owner = $2 AND fence = $3",
        )
        .bind(&self.name)
        .bind(self.owner)
        .bind(self.fence)
        .bind(milliseconds(self.duration))
        .execute(conn)
        .await?;
        if held.rows_affected() == 0 { Err(Error::LeaseLost { name: self.name.clone() }) } else { Ok(()) }
    }

    /// Prolongs the lease in a transaction of its own.
    pub async fn renew(&self, db: &Database) -> Result<(), Error> {
        let mut tx = db.begin(Scope::Worker).await?;
        self.hold(&mut tx).await?;
        tx.finish().await
    }

    /// Gives the lease up, so that a successor need not wait for it to expire.
    pub async fn release(self, db: &Database) -> Result<(), Error> {
        let mut tx = db.begin(Scope::Worker).await?;
        sqlx::query("UPDATE leases SET expires_at = clock_timestamp() WHERE name = $1 AND owner = $2 AND fence = $3")
            .bind(&self.name)
            .bind(self.owner)
            .bind(self.fence)
            .execute(&mut *tx)
            .await?;
        tx.finish().await
    }
}

/// Gives up whatever a loop holds that was stopped without its [`Lease`] at hand.
pub(crate) async fn release_all(db: &Database, owner: Uuid) -> Result<(), Error> {
    let mut tx = db.begin(Scope::Worker).await?;
    sqlx::query("UPDATE leases SET expires_at = clock_timestamp() WHERE owner = $1")
        .bind(owner)
        .execute(&mut *tx)
        .await?;
    tx.finish().await
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
