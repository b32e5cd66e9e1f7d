//! The sealer gives committed events gapless positions and chains committed audit entries: after the commit, so that no writer
//! waits for another, and by one loop per database, so that the order is one.

use std::time::Duration;

use sqlx::PgConnection;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    Database, Error, Scope, Transaction, audit,
    lease::{self, Lease},
};

const LEASE: &str = "sealer";
const LEASE_DURATION: Duration = Duration::from_secs(3);
/// While nothing is to be sealed the lease is prolonged this often.
const RENEW_INTERVAL: Duration = Duration::from_secs(1);
/// How soon rows written by another replica are noticed.
const LOOK_INTERVAL: Duration = Duration::from_millis(400);
/// Lets rows gather, so that a busy database sees fewer and larger batches: two milliseconds for each that the last batch had, so that
/// above some 500 rows a second a batch is worth its transaction, and a quiet database is not kept waiting.
const GATHER_MIN: Duration = Duration::from_millis(10);
const GATHER_ROW: Duration = Duration::from_millis(2);
const GATHER_MAX: Duration = Duration::from_millis(250);
const BATCH_MAX: i64 = 1000;

/// What one pass has sealed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sealed {
    pub events: u64,
    pub audit_entries: u64,
}

impl Sealed {
    const fn is_empty(self) -> bool {
        self.events == 0 && self.audit_entries == 0
    }

    /// How long to wait for more; not at all after a batch that was full.
    fn gather(self) -> Duration {
        let rows = u32::try_from(self.events.max(self.audit_entries)).unwrap_or(u32::MAX);
        if i64::from(rows) >= BATCH_MAX {
            return Duration::ZERO;
        }
        GATHER_ROW.saturating_mul(rows).clamp(GATHER_MIN, GATHER_MAX)
    }
}

/// What is committed and not sealed.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
struct Waiting {
    events: bool,
    audit_entries: bool,
}

impl Waiting {
    const fn is_anything(self) -> bool {
        self.events || self.audit_entries
    }
}

/// Seals until told to stop. Every replica runs it; the one that has the lease works, the others stand by.
pub async fn run(db: Database, shutdown: CancellationToken) {
    let owner = Uuid::now_v7();
    // Dropping the loop in the middle of a pass only rolls that pass back.
    let _ = shutdown.run_until_cancelled(Box::pin(stand_by(&db, owner))).await;
    if let Err(error) = lease::release_all(&db, owner).await {
        tracing::debug!(%error, "the sealer's lease is left to expire");
    }
}

async fn stand_by(db: &Database, owner: Uuid) {
    loop {
        match lease::acquire(db, LEASE, owner, LEASE_DURATION).await {
            Ok(Some(lease)) => {
                tracing::info!(fence = lease.fence(), "sealing");
                if let Err(error) = work(db, &lease).await {
                    tracing::warn!(%error, "sealing was interrupted");
                }
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "the sealer's lease could not be asked for"),
        }
        sleep(RENEW_INTERVAL).await;
    }
}

async fn work(db: &Database, lease: &Lease) -> Result<(), Error> {
    let mut renewed_at = Instant::now();
    let mut signing = Signing::default();
    loop {
        let waiting = waiting(db).await?;
        if waiting.is_anything() {
            let sealed = pass(db, lease, waiting).await?;
            signing.unsigned += sealed.audit_entries;
            renewed_at = Instant::now();
            sleep(sealed.gather()).await;
        } else {
            if renewed_at.elapsed() >= RENEW_INTERVAL {
                lease.renew(db).await?;
                renewed_at = Instant::now();
            }
            // Running out is the usual case: another replica wrote, or nobody did.
            let _ = timeout(LOOK_INTERVAL, db.signals.unsealed.notified()).await;
        }
        signing.sign_if_due(db, lease).await;
    }
}

/// What this holder of the lease has left to sign.
#[derive(Debug, Default)]
struct Signing {
    /// None before the first time, and while a long backlog is caught up with.
    signed_at: Option<Instant>,
    /// Entries sealed since.
    unsigned: u64,
}

impl Signing {
    /// Signs what was sealed, when it is time or much. What cannot be signed or anchored holds up neither chain nor events: it is
    /// tried again.
    async fn sign_if_due(&mut self, db: &Database, lease: &Lease) {
        let Some(notary) = &db.signals.notary else { return };
        let is_due = self.signed_at.is_none_or(|at| at.elapsed() >= notary.interval);
        if !is_due && self.unsigned < audit::CHECKPOINT_ENTRIES_MAX {
            return;
        }
        let more = sign(db, lease).await.unwrap_or_else(|error| {
            tracing::error!(%error, "the audit could not be signed");
            false
        });
        *self = Self { signed_at: (!more).then(Instant::now), unsigned: 0 };
    }
}

/// One step; true if it left more.
async fn sign(db: &Database, lease: &Lease) -> Result<bool, Error> {
    let Some(notary) = &db.signals.notary else { return Ok(false) };
    let mut tx = begin(db, lease).await?;
    let more = notary.sign(&mut tx).await?;
    tx.finish().await?;
    Ok(more)
}

async fn waiting(db: &Database) -> Result<Waiting, Error> {
    let mut tx = db.begin(Scope::Worker).await?;
    let waiting = sqlx::query_as(
        "SELECT EXISTS (SELECT FROM events WHERE position IS NULL) AS events, \
         EXISTS (SELECT FROM audit_entries WHERE position IS NULL) AS audit_entries",
    )
    .fetch_one(&mut *tx)
    .await?;
    tx.finish().await?;
    Ok(waiting)
}

/// Seals one batch of what is waiting, if `lease` is still ours. In two transactions: an entry that cannot be chained holds up the chain,
/// where it is found, and not the events that others wait for.
async fn pass(db: &Database, lease: &Lease, waiting: Waiting) -> Result<Sealed, Error> {
    let mut sealed = Sealed::default();
    if waiting.events {
        let mut tx = begin(db, lease).await?;
        sealed.events = number_events(&mut tx).await?;
        tx.finish().await?;
        db.signals.sealed.send_replace(());
    }
    if waiting.audit_entries {
        let mut tx = begin(db, lease).await?;
        sealed.audit_entries = audit::seal(&mut tx, BATCH_MAX).await?;
        tx.finish().await?;
    }
    Ok(sealed)
}

async fn begin(db: &Database, lease: &Lease) -> Result<Transaction, Error> {
    let mut tx = db.begin(Scope::Worker).await?;
    lease.hold(&mut tx).await?;
    Ok(tx)
}

async fn number_events(conn: &mut PgConnection) -> Result<u64, Error> {
    let sealed = sqlx::query(
        "WITH batch AS ( \
             SELECT id, row_number() OVER (ORDER BY sequence) AS number \
             FROM (SELECT id, sequence FROM events WHERE position IS NULL ORDER BY sequence LIMIT $1) unsealed \
         ), head AS ( \
             SELECT position FROM chain_heads WHERE chain = 'events' \
         ) \
         UPDATE events SET position = head.position + batch.number FROM batch, head WHERE events.id = batch.id",
    )
    .bind(BATCH_MAX)
    .execute(&mut *conn)
    .await?
    .rows_affected();
    if sealed > 0 {
        sqlx::query("UPDATE chain_heads SET position = position + $1 WHERE chain = 'events'")
            .bind(i64::try_from(sealed).unwrap_or(i64::MAX))
            .execute(conn)
            .await?;
    }
    Ok(sealed)
}

/// Seals and signs all that is committed now, waiting for the lease if a loop holds it: for checkers and tests that cannot wait a second.
pub async fn seal_all(db: &Database) -> Result<Sealed, Error> {
    let lease = loop {
        match lease::acquire(db, LEASE, Uuid::now_v7(), LEASE_DURATION).await? {
            Some(lease) => break lease,
            None if waiting(db).await?.is_anything() => sleep(GATHER_MIN).await,
            // The loop that holds it has done the work.
            None => return Ok(Sealed::default()),
        }
    };
    let sealed = seal_with(db, &lease).await;
    lease.release(db).await?;
    sealed
}

async fn seal_with(db: &Database, lease: &Lease) -> Result<Sealed, Error> {
    let mut total = Sealed::default();
    loop {
        let sealed = pass(db, lease, waiting(db).await?).await?;
        if sealed.is_empty() {
            break;
        }
        total.events += sealed.events;
        total.audit_entries += sealed.audit_entries;
    }
    while sign(db, lease).await? {}
    Ok(total)
}
