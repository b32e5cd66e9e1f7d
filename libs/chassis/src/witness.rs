//! Witnessing another service's audit: a loop that pulls its checkpoints, holds each against the one before, keeps and cosigns it.
//!
//! Services witness each other in a ring that follows the direction of calls. A checkpoint that does not follow is refused for good:
//! logged as an error, kept as evidence, told as an event, shown by `GetWitnessed` and by `anjia audit verify`. It takes no service
//! out of service.

use std::future::Future;

use postgres::{
    Database, Error,
    audit::{Doubt, Refused, Witness, merkle::Hash},
};
use proto::anjia::common::v1 as wire;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};
use types::region::RegionCode;

use crate::error::reason;

/// A service whose audit is witnessed, called in the witness's own name.
pub trait Watched: Send + Sync + 'static {
    /// The service.
    const SERVICE: &'static str;
    /// The event of a checkpoint that was refused: `anjia.<witness>.witness.refused.v1`.
    const REFUSED: &'static str;

    /// `AuditService.GetCheckpoint`.
    fn checkpoint(&self) -> impl Future<Output = Result<Option<wire::Checkpoint>, Status>> + Send;

    /// `AuditService.ProveConsistency`.
    fn consistency(&self, old: i64, new: i64) -> impl Future<Output = Result<Option<wire::TreeProof>, Status>> + Send;
}

/// `watched!(PaymentAudit, payment by referral)`: the audit of a package as [`Watched`], which is called as the witness. Every package
/// declares an `AuditService` of its own; the macro writes what differs by its name alone.
#[macro_export]
macro_rules! watched {
    ($(#[$doc:meta])* $audit:ident, $peer:ident by $witness:ident) => {
        $(#[$doc])*
        pub struct $audit<O> {
            client: ::proto::anjia::$peer::v1::audit_service_client::AuditServiceClient<$crate::channel::Channel>,
            own: O,
        }

        const _: () = {
            use ::proto::anjia::$peer::v1 as wire;
            use ::proto::anjia::common::v1::{Checkpoint, TreeProof};
            use ::tonic::Status;
            use $crate::{auth::Own, channel::Channel, witness::Watched};

            impl<O: Own> $audit<O> {
                pub fn new(channel: Channel, own: O) -> Self {
                    Self { client: wire::audit_service_client::AuditServiceClient::new(channel), own }
                }
            }

            impl<O: Own + 'static> Watched for $audit<O> {
                const SERVICE: &'static str = stringify!($peer);
                const REFUSED: &'static str = concat!("anjia.", stringify!($witness), ".witness.refused.v1");

                async fn checkpoint(&self) -> Result<Option<Checkpoint>, Status> {
                    let request = self.own.own().await?.request(wire::GetCheckpointRequest {});
                    Ok(self.client.clone().get_checkpoint(request).await?.into_inner().checkpoint)
                }

                async fn consistency(&self, old_size: i64, new_size: i64) -> Result<Option<TreeProof>, Status> {
                    let request = self.own.own().await?.request(wire::ProveConsistencyRequest { old_size, new_size });
                    Ok(self.client.clone().prove_consistency(request).await?.into_inner().proof)
                }
            }
        };
    };
}

/// Why a look came to nothing.
#[derive(Debug, thiserror::Error)]
enum Setback {
    #[error("{0}")]
    Storage(#[from] Error),
    #[error("{:?} {}", .0.code(), .0.message())]
    Peer(Status),
}

/// Looks until told to stop. Every replica may: what one has kept the others find kept. What is kept is recorded in `home`.
pub async fn run<W: Watched>(db: Database, home: RegionCode, watched: W, stop: CancellationToken) {
    let witness = match db.witness(W::SERVICE) {
        Ok(Some(witness)) => witness,
        Ok(None) => {
            tracing::warn!(audit = W::SERVICE, "is not witnessed: a key is not configured");
            return stop.cancelled().await;
        }
        Err(error) => {
            tracing::error!(audit = W::SERVICE, %error, "cannot be witnessed");
            return stop.cancelled().await;
        }
    };
    let looking = async {
        loop {
            match look(&db, home, &watched, &witness).await {
                Ok(()) => {}
                Err(Setback::Peer(status)) => {
                    tracing::debug!(audit = W::SERVICE, code = ?status.code(), "the audit to witness is not shown");
                }
                Err(Setback::Storage(error)) => {
                    tracing::error!(audit = W::SERVICE, %error, "the audit could not be witnessed");
                }
            }
            sleep(witness.interval).await;
        }
    };
    // What was not committed is looked at again.
    let _ = stop.run_until_cancelled(looking).await;
}

async fn look<W: Watched>(db: &Database, home: RegionCode, watched: &W, witness: &Witness) -> Result<(), Setback> {
    let seen = witness.seen(db, home).await?;
    let (is_recent, seen) = seen.map_or((false, None), |seen| (seen.is_recent, Some(seen.checkpoint)));
    let seen_size = seen.as_ref().map_or(0, |seen| seen.size);
    let refuse = async |doubt: Doubt, note: &str| -> Result<(), Setback> {
        if witness.refuse(db, home, Refused { doubt, seen_size, note }, W::REFUSED).await? {
            tracing::error!(audit = W::SERVICE, %doubt, seen_size, "an audit was rewritten, or an old one brought back");
        }
        Ok(())
    };

    let note = match watched.checkpoint().await {
        Ok(checkpoint) => checkpoint.unwrap_or_default().note,
        Err(status) if reason(&status).as_deref() == Some("CHECKPOINT_NOT_FOUND") => {
            return if seen.is_some() { refuse(Doubt::Smaller, "").await } else { Ok(()) };
        }
        Err(status) => return Err(Setback::Peer(status)),
    };
    let told = match witness.open(&note) {
        Ok(told) => told,
        Err(doubt) => return refuse(doubt, &note).await,
    };
    // A single entry is what witnessing leaves behind itself. In a ring that would never come to rest.
    let is_own_trace = is_recent && told.size == seen_size + 1;
    if is_own_trace {
        return Ok(());
    }
    let proof = if seen.is_some() && told.size > seen_size {
        match watched.consistency(signed(seen_size), signed(told.size)).await {
            Ok(proof) => hashes(proof),
            Err(status) if status.code() == Code::FailedPrecondition => return refuse(Doubt::Unproven, &note).await,
            Err(status) => return Err(Setback::Peer(status)),
        }
    } else {
        vec![]
    };
    match Witness::judge(seen.as_ref(), &told, &proof) {
        Ok(()) if told.size > seen_size => Ok(witness.keep(db, home, &told, &note).await?),
        Ok(()) => Ok(()),
        Err(doubt) => refuse(doubt, &note).await,
    }
}

/// A hash that is none makes a proof that proves nothing.
fn hashes(proof: Option<wire::TreeProof>) -> Vec<Hash> {
    let hash = |bytes: Vec<u8>| bytes.try_into().unwrap_or_default();
    proof.unwrap_or_default().hashes.into_iter().map(hash).collect()
}

fn signed(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
