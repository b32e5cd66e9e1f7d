use chassis::{Context, Permitted};
use postgres::audit::{self, Entry};
use postgres::events::{self, NewEvent};
use postgres::{Begun, Call, Reply, aliases};
use serde_json::json;
use types::clock::local_date;
use types::ids::GuardianshipId;

use super::App;
use crate::domain::IdentityError;
use crate::domain::guardianship::Guardianship;
use crate::domain::signature::Signature;
use crate::store::{guardianships, residents};

impl App {
    /// Puts a guardianship into force that somebody else has registered.
    pub async fn confirm_guardianship(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Guardianship>>,
        id: GuardianshipId,
        evidence: String,
    ) -> Result<Reply<Permitted<Guardianship>>, IdentityError> {
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let found = guardianships::get(&mut tx, id).await?.ok_or(IdentityError::GuardianshipNotFound)?;
        let found = ctx.permit(found)?;
        // Neither of the two comes into another's care meanwhile, and nobody else confirms or ends it.
        if !residents::lock_all(&mut tx, &[found.ward, found.guardian]).await? {
            return Err(IdentityError::ResidentNotFound);
        }
        // They may have been found to be one person since.
        if aliases::same(&mut tx, found.ward, found.guardian).await? {
            return Err(IdentityError::GuardianNotCapable);
        }
        let found = guardianships::get(&mut tx, id).await?.ok_or(IdentityError::GuardianshipNotFound)?;
        let signature = Signature::of(&ctx.caller, evidence, self.now());
        let guardianship = found.confirm(signature)?;

        let today = local_date(self.now()).max(guardianship.from);
        if guardianships::is_ward(&mut tx, guardianship.guardian, today).await? {
            return Err(IdentityError::GuardianNotCapable);
        }
        if guardianships::in_force(&mut tx, guardianship.ward, guardianship.guardian, today).await?.is_some() {
            return Err(IdentityError::GuardianshipExists);
        }
        guardianships::confirm(&mut tx, &guardianship).await?;
        let data = json!({ "resident_id": guardianship.ward, "guardian_resident_id": guardianship.guardian });
        let event = NewEvent::new("anjia.identity.guardianship.registered.v1", guardianship.id, data, self.now());
        events::append(&mut tx, event.traceparent(ctx.traceparent())).await?;
        let entry = Entry::new(&ctx.caller, "identity.guardianship.confirm");
        audit::record(&mut tx, guardianships::audited(entry, &guardianship)).await?;
        let guardianship = ctx.permit(guardianship)?;
        Ok(call.commit(tx, guardianship).await?)
    }
}
