use chassis::Context;
use postgres::audit::{self, Entry};
use postgres::{Begun, Call, Reply};
use sha2::{Digest as _, Sha256};
use types::ids::PolicyId;
use types::region::RegionCode;

use super::App;
use crate::domain::error::AdjudicationError;
use crate::domain::policy::Policy;
use crate::domain::release::{PolicyVersion, State};
use crate::store::policies;

/// A document to propose.
#[derive(Debug, Clone)]
pub struct ProposePolicy {
    pub id: PolicyId,
    pub document: String,
}

impl App {
    /// Proposes a document of the caller's own region, or a demonstration. Not in force until another officer releases it.
    pub async fn propose_policy(
        &self,
        ctx: &Context,
        call: &Call<PolicyVersion>,
        proposal: ProposePolicy,
    ) -> Result<Reply<PolicyVersion>, AdjudicationError> {
        if let Some(reply) = self.db.replay(call).await? {
            return Ok(reply);
        }
        let policy = Policy::read(&proposal.document)?;
        // A demonstration may be of no real region, where it judges nobody: elsewhere it would take over from what is in force.
        let is_nowhere = policy.demonstration && policy.region == RegionCode::DEMONSTRATION;
        if policy.region != ctx.caller.region && !is_nowhere {
            return Err(AdjudicationError::ForeignRegion(policy.region.to_string()));
        }
        let version = PolicyVersion {
            id: proposal.id,
            digest: hex::encode(Sha256::digest(proposal.document.as_bytes())),
            policy,
            document: proposal.document,
            proposed_by: ctx.caller.acting().clone(),
            proposed_at: self.clock.now(),
            state: State::Proposed,
        };

        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        policies::insert(&mut tx, &version).await.map_err(|error| match error.constraint() {
            Some("policies_pkey" | "policies_same_document") => AdjudicationError::PolicyExists,
            _ => error.into(),
        })?;
        let entry = Entry::new(&ctx.caller, "adjudication.policy.propose").row("policies", version.id);
        audit::record(&mut tx, entry).await?;
        Ok(call.commit(tx, version).await?)
    }
}
