use chassis::Context;
use postgres::audit::{self, Entry};
use postgres::events::{self, NewEvent};
use postgres::{Begun, Call, Reply};
use serde_json::json;
use types::clock::local_date;
use types::ids::PolicyId;

use super::App;
use crate::domain::error::AdjudicationError;
use crate::domain::release::PolicyVersion;
use crate::store::policies;

impl App {
    /// Puts a proposed policy into force. From its first day on it takes over from the one before.
    pub async fn release_policy(
        &self,
        ctx: &Context,
        call: &Call<PolicyVersion>,
        id: PolicyId,
    ) -> Result<Reply<PolicyVersion>, AdjudicationError> {
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let proposed = policies::find(&mut tx, id).await?.ok_or(AdjudicationError::PolicyNotFound(id))?;
        let siblings = policies::lock_siblings(&mut tx, proposed.policy.region, proposed.policy.scheme).await?;
        // Read again: it may have been released while its siblings were being locked.
        let proposed =
            siblings.iter().find(|sibling| sibling.id == id).cloned().ok_or(AdjudicationError::PolicyNotFound(id))?;
        let version = proposed.release(ctx.caller.acting().clone(), self.clock.now())?;
        let superseded = version.superseded(&siblings, local_date(self.clock.now()))?;

        if let Some(release) = version.released() {
            policies::release(&mut tx, id, release, &superseded).await?;
        }
        let released =
            NewEvent::new("anjia.adjudication.policy.released.v1", id, json!({"policy_id": id}), self.clock.now());
        events::append(&mut tx, released.traceparent(ctx.traceparent())).await?;
        let entry = Entry::new(&ctx.caller, "adjudication.policy.release").row("policies", id);
        let entry = superseded.iter().fold(entry, |entry, before| entry.row("policies", before));
        audit::record(&mut tx, entry).await?;
        Ok(call.commit(tx, version).await?)
    }
}
