use chassis::{Context, Permitted};
use postgres::Scope;
use postgres::audit::{self, Entry};
use types::ids::ResidentId;

use super::App;
use crate::domain::IdentityError;
use crate::domain::resident::ShownResident;
use crate::store::residents;

impl App {
    pub async fn get_resident(&self, ctx: &Context, id: ResidentId) -> Result<Permitted<ShownResident>, IdentityError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let resident = residents::get(&mut tx, &self.vault, id).await?.ok_or(IdentityError::ResidentNotFound)?;
        let shown = ctx.permit(resident.shown_to(&ctx.caller))?;
        let entry = Entry::new(&ctx.caller, "identity.resident.read");
        audit::record(&mut tx, residents::audited(entry, &resident)).await?;
        tx.commit().await?;
        Ok(shown)
    }
}
