//! Follows identity: which keys stand and what was revoked, as it changes.
//!
//! How late: identity answers at once, an interrupted poll is begun anew after [`PAUSE`], and one that a dead connection swallowed
//! after [`ANSWER_MAX`]. So a revocation is known here within two seconds while identity can be reached. While it cannot, nobody gets
//! a new token either, and the old ones lapse within five minutes.

use std::sync::Arc;
use std::time::Duration;

use proto::anjia::identity::v1 as wire;
use proto::anjia::identity::v1::token_service_client::TokenServiceClient;
use proto::convert::{self, FieldError};
use tonic::{Code, Status};
use types::clock::Clock;

use super::credentials::Credentials;
use super::keys::{KeySet, Keys};
use super::revocations::{Revocation, Revocations, Revoked};
use crate::channel::Channel;
use crate::error;

/// How long a poll waits for news.
const WAIT_MS: i32 = 1_000;
/// A poll that takes longer is given up.
const ANSWER_MAX: Duration = Duration::from_millis(1_500);
/// Before the next poll, after one that failed.
const PAUSE: Duration = Duration::from_millis(250);

/// Never ends by itself.
pub(super) async fn run(
    client: TokenServiceClient<Channel>,
    credentials: Credentials,
    keys: Keys,
    revocations: Arc<Revocations>,
    clock: Arc<dyn Clock>,
) {
    let mut follower = Follower { client, credentials, keys, revocations, clock };
    let mut is_behind = false;
    loop {
        match follower.poll().await {
            Ok(()) if is_behind => {
                tracing::info!("revocations are followed again");
                is_behind = false;
            }
            Ok(()) => {}
            Err(status) => {
                if !is_behind {
                    tracing::warn!(code = ?status.code(), reason = error::reason(&status), "revocations are not followed now");
                    is_behind = true;
                }
                if status.code() == Code::Unauthenticated {
                    // Taken back, or signed with a key that was removed.
                    follower.credentials.forget_own().await;
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

struct Follower {
    client: TokenServiceClient<Channel>,
    credentials: Credentials,
    keys: Keys,
    revocations: Arc<Revocations>,
    clock: Arc<dyn Clock>,
}

impl Follower {
    async fn poll(&mut self) -> Result<(), Status> {
        let known = *self.revocations.known().borrow();
        let (mut revision, mut learnt) = (known.unwrap_or_default(), vec![]);
        // Who knows nothing yet has callers waiting, and so has who knows half.
        let mut wait_ms = if known.is_some() { WAIT_MS } else { 0 };
        loop {
            let question = wire::PullRevocationsRequest { after_revision: revision, key_ids: self.keys.ids(), wait_ms };
            let own = self.credentials.own().await?.with_call_limit(ANSWER_MAX);
            let answer = self.client.pull_revocations(own.request(question)).await?.into_inner();
            let set = KeySet::new(&answer.keys).map_err(|cause| error::internal(&cause))?;
            let told = answer.revocations.into_iter().filter_map(|told| from_wire(told).transpose());
            let told: Result<Vec<Revocation>, FieldError> = told.collect();
            learnt.append(&mut told.map_err(|cause| error::internal(&cause))?);
            self.keys.replace(set);
            // An answer that leads nowhere ends it, too.
            if !answer.more || answer.revision <= revision {
                // All of it at once: from the first that is learnt on this verifier answers for it knows all.
                self.revocations.learn(learnt, answer.revision, self.clock.now());
                return Ok(());
            }
            (revision, wait_ms) = (answer.revision, 0);
        }
    }
}

/// `None` for a kind of target that this version does not know.
fn from_wire(told: wire::Revocation) -> Result<Option<Revocation>, FieldError> {
    use wire::revocation::Target;
    let of = match told.target {
        None => return Ok(None),
        Some(Target::TokenId(id)) => Revoked::Token(id),
        Some(Target::Party(party)) => Revoked::Party(convert::id("party", &party)?),
        Some(Target::ClientId(id)) => Revoked::Client(id),
    };
    let revoked_at = convert::timestamp("revoked_at", told.revoked_at.as_ref())?;
    Ok(Some(Revocation { id: told.revocation_id, revision: told.revision, of, revoked_at }))
}
