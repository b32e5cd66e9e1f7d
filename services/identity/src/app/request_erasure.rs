use chassis::{Context, Permitted};
use chrono::{DateTime, Utc};
use postgres::audit::{self, Entry};
use postgres::events::{self, NewEvent};
use postgres::{Begun, Call, Reply, Transaction, aliases};
use proto::convert::FieldError;
use serde_json::json;
use types::caller::Role;
use types::ids::{ErasureId, ResidentId};

use super::App;
use crate::domain::IdentityError;
use crate::domain::erasure::Erasure;
use crate::store::{erasures, residents};

impl App {
    /// By the person, their guardian, or an operator who cites their written request. Whichever id it names, it is for the person: the
    /// survivor, with every id merged into it. Until it is taken back or carried out these do not change.
    pub async fn request_erasure(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Erasure>>,
        resident: ResidentId,
        evidence: String,
    ) -> Result<Reply<Permitted<Erasure>>, IdentityError> {
        let now = self.now();
        let (id, by) = (ErasureId::generate(), ctx.caller.acting().clone());
        let erasure = Erasure::request(id, ctx.caller.region, resident, by, evidence, now);
        let erasure = ctx.permit(erasure)?;
        if erasure.evidence.is_empty() && ctx.caller.has(&Role::Operator) {
            return Err(FieldError::new("evidence", "an operator cites the person's written request").into());
        }
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        self.check_may_erase(&mut tx, ctx).await?;
        let survivor = lock_survivor(&mut tx, resident).await?;
        if let Some(known) = erasures::of(&mut tx, resident).await? {
            return Err(IdentityError::ErasureRequested(known));
        }
        let erasure = ctx.permit(Erasure { resident: survivor, ..erasure.into_inner() })?;
        erasures::insert(&mut tx, &erasure).await?;
        tell(&mut tx, ctx, "anjia.identity.resident.erasure_requested.v1", &erasure, now).await?;
        let entry = Entry::new(&ctx.caller, "identity.erasure.request");
        audit::record(&mut tx, erasures::audited(entry, &erasure)).await?;
        Ok(call.commit(tx, erasure).await?)
    }

    /// Whoever acts for the person must be their guardian: nobody else is asked to end everything.
    pub(super) async fn check_may_erase(&self, tx: &mut Transaction, ctx: &Context) -> Result<(), IdentityError> {
        if ctx.caller.actor.is_none() || self.is_guardian(tx, ctx).await? {
            Ok(())
        } else {
            Err(IdentityError::ErasureNotDelegable)
        }
    }
}

/// The id by which the person goes, locked: whoever merged them at this moment has done so before.
async fn lock_survivor(tx: &mut Transaction, resident: ResidentId) -> Result<ResidentId, IdentityError> {
    let mut locked = resident;
    loop {
        if !residents::lock(tx, locked).await? {
            return Err(IdentityError::ResidentNotFound);
        }
        let survivor = aliases::survivor(tx, resident).await?;
        if survivor == locked {
            return Ok(survivor);
        }
        locked = survivor;
    }
}

/// Tells of a request, by the person it is about: services take in what concerns one person in order.
pub(super) async fn tell(
    tx: &mut Transaction,
    ctx: &Context,
    kind: &'static str,
    erasure: &Erasure,
    at: DateTime<Utc>,
) -> Result<(), IdentityError> {
    let data = json!({
        "resident_id": erasure.resident,
        "resident_ids": aliases::one_person(tx, erasure.resident).await?,
        "erasure_id": erasure.id,
        "state": erasures::word(erasure.state),
    });
    events::append(tx, NewEvent::new(kind, erasure.resident, data, at).traceparent(ctx.traceparent())).await?;
    Ok(())
}
