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
/// Lets rows gather, so that a busy database sees fewer and larger batches.
const GATHER: Duration = Duration::from_millis(10);
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
}

/// Seals until told to stop. Every replica runs it; the one that has the lease works, the others stand by.
pub async fn run(db: Database, shutdown: CancellationToken) {
    let owner = Uuid::now_v7();
    // Dropping the loop in the middle of a pass only rolls that pass back.
    let _ = shutdown.run_until_cancelled(stand_by(&db, owner)).await;
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
    let mut signed_at = None;
    loop {
        if is_waiting(db).await? {
            pass(db, lease).await?;
            renewed_at = Instant::now();
            sleep(GATHER).await;
        } else {
            if renewed_at.elapsed() >= RENEW_INTERVAL {
                lease.renew(db).await?;
                renewed_at = Instant::now();
            }
            // Running out is the usual case: another replica wrote, or nobody did.
            let _ = timeout(LOOK_INTERVAL, db.signals.unsealed.notified()).await;
        }
        sign_if_due(db, lease, &mut signed_at).await;
    }
}

/// Signs what was sealed, when it is time. What cannot be signed or anchored holds up neither chain nor events: it is tried again.
async fn sign_if_due(db: &Database, lease: &Lease, signed_at: &mut Option<Instant>) {
    let Some(notary) = &db.signals.notary else { return };
    let is_due = signed_at.is_none_or(|at| at.elapsed() >= notary.interval);
    match sign(db, lease, is_due).await {
        Ok(signed) if signed || is_due => *signed_at = Some(Instant::now()),
        Ok(_) => {}
        Err(error) => {
            tracing::error!(%error, "the audit could not be signed");
            *signed_at = Some(Instant::now());
        }
    }
}

async fn sign(db: &Database, lease: &Lease, is_due: bool) -> Result<bool, Error> {
    let Some(notary) = &db.signals.notary else { return Ok(false) };
    let mut tx = begin(db, lease).await?;
    let signed = notary.sign(&mut tx, is_due).await?;
    tx.finish().await?;
    Ok(signed)
}

async fn is_waiting(db: &Database) -> Result<bool, Error> {
    let mut tx = db.begin(Scope::Worker).await?;
    let waiting = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM events WHERE position IS NULL) OR EXISTS (SELECT FROM audit_entries WHERE position IS NULL)",
    )
    .fetch_one(&mut *tx)
    .await?;
    tx.finish().await?;
    Ok(waiting)
}

/// Seals one batch, if `lease` is still ours. In two transactions: an entry that cannot be chained holds up the chain, where it is
/// found, and not the events that others wait for.
async fn pass(db: &Database, lease: &Lease) -> Result<Sealed, Error> {
    let mut tx = begin(db, lease).await?;
    let events = number_events(&mut tx).await?;
    tx.finish().await?;
    db.signals.sealed.send_replace(());

    let mut tx = begin(db, lease).await?;
    let audit_entries = audit::seal(&mut tx, BATCH_MAX).await?;
    tx.finish().await?;
    Ok(Sealed { events, audit_entries })
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
            None if is_waiting(db).await? => sleep(GATHER).await,
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
        let sealed = pass(db, lease).await?;
        if sealed.is_empty() {
            break;
        }
        total.events += sealed.events;
        total.audit_entries += sealed.audit_entries;
    }
    while sign(db, lease, true).await? {}
    Ok(total)
}
