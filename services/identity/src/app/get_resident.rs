use chassis::{Context, Permitted};
use postgres::Scope;
use postgres::audit::{self, Entry};
use types::ids::ResidentId;

use super::App;
use crate::domain::IdentityError;
use crate::domain::resident::ShownResident;
use crate::store::{identifiers, residents};

impl App {
    pub async fn get_resident(&self, ctx: &Context, id: ResidentId) -> Result<Permitted<ShownResident>, IdentityError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let person = self.person(&mut tx, id).await?;
        let shown = ctx.permit(person.shown_to(&ctx.caller))?;
        let entry = residents::audited(Entry::new(&ctx.caller, "identity.resident.read"), &person.resident);
        let entry = person.documents.iter().fold(entry, identifiers::audited);
        audit::record(&mut tx, entry).await?;
        tx.commit().await?;
        Ok(shown)
    }
}
