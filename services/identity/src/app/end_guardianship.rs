use chassis::{Context, Permitted};
use postgres::audit::{self, Entry};
use postgres::events::{self, NewEvent};
use postgres::{Begun, Call, Reply, Transaction};
use serde_json::json;
use types::ids::GuardianshipId;

use super::App;
use crate::domain::IdentityError;
use crate::domain::guardianship::{Ended, Guardianship};
use crate::store::{delegations, guardianships, residents};

impl App {
    /// Ends a guardianship, and revokes every delegation that rests on it; again changes nothing and answers the same.
    pub async fn end_guardianship(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Guardianship>>,
        id: GuardianshipId,
        reason: String,
    ) -> Result<Reply<Permitted<Guardianship>>, IdentityError> {
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let found = guardianships::get(&mut tx, id).await?.ok_or(IdentityError::GuardianshipNotFound)?;
        let found = ctx.permit(found)?;
        // Nothing is granted on it while it ends, nor ended twice.
        residents::lock(&mut tx, found.ward).await?;
        let ended = Ended { at: self.now(), reason };
        if !guardianships::end(&mut tx, id, &ended).await? {
            let known = guardianships::get(&mut tx, id).await?.ok_or(IdentityError::GuardianshipNotFound)?;
            let known = ctx.permit(known)?;
            return Ok(call.commit(tx, known).await?);
        }
        let guardianship = ctx.permit(found.into_inner().end(ended))?;
        self.follow_end_of(&mut tx, ctx, &guardianship).await?;
        Ok(call.commit(tx, guardianship).await?)
    }

    /// Revokes what rests on a guardianship that was just ended, tells of it and records it.
    pub(super) async fn follow_end_of(
        &self,
        tx: &mut Transaction,
        ctx: &Context,
        guardianship: &Guardianship,
    ) -> Result<(), IdentityError> {
        let now = self.now();
        for id in guardianships::delegations(tx, guardianship.id).await? {
            if let Some(delegation) = delegations::get(tx, id).await? {
                self.take_back(tx, ctx, delegation, now).await?;
            }
        }
        let data = json!({ "resident_id": guardianship.ward, "guardian_resident_id": guardianship.guardian });
        let event = NewEvent::new("anjia.identity.guardianship.ended.v1", guardianship.id, data, now);
        events::append(tx, event.traceparent(ctx.traceparent())).await?;
        let entry = Entry::new(&ctx.caller, "identity.guardianship.end");
        audit::record(tx, guardianships::audited(entry, guardianship)).await?;
        Ok(())
    }
}
