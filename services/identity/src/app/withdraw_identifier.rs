use chassis::{Context, Permitted};
use postgres::audit::{self, Entry};
use postgres::events::{self, NewEvent};
use postgres::{Begun, Call, Reply};
use serde_json::json;
use types::ids::IdentifierId;

use super::App;
use crate::domain::IdentityError;
use crate::domain::identifier::Withdrawal;
use crate::domain::resident::ShownResident;
use crate::store::identifiers;

impl App {
    /// Takes a document back; again changes nothing and answers the same.
    pub async fn withdraw_identifier(
        &self,
        ctx: &Context,
        call: &Call<Permitted<ShownResident>>,
        id: IdentifierId,
        reason: String,
    ) -> Result<Reply<Permitted<ShownResident>>, IdentityError> {
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let found = identifiers::get(&mut tx, &self.vault, id).await?.ok_or(IdentityError::IdentifierNotFound)?;
        let person = self.locked_person(&mut tx, found.resident).await?;
        ctx.permit(person.shown_to(&ctx.caller))?;
        let withdrawal = Withdrawal { at: self.now(), reason };
        if identifiers::withdraw(&mut tx, id, &withdrawal).await? {
            let document = found.withdraw(withdrawal);
            let data = json!({ "resident_id": document.resident, "fields": ["identifiers"] });
            let event = NewEvent::new("anjia.identity.resident.updated.v1", document.resident, data, self.now());
            events::append(&mut tx, event.traceparent(ctx.traceparent())).await?;
            let entry = Entry::new(&ctx.caller, "identity.identifier.withdraw");
            audit::record(&mut tx, identifiers::audited(entry, &document)).await?;
        }
        let shown = ctx.permit(self.person(&mut tx, person.resident.id).await?.shown_to(&ctx.caller))?;
        Ok(call.commit(tx, shown).await?)
    }
}
