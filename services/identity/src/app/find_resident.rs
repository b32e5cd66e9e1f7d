use chassis::{Context, Permitted};
use postgres::Scope;
use postgres::audit::{self, Entry};
use types::national_id::NationalId;
use types::redacted::Redacted;

use super::App;
use crate::domain::IdentityError;
use crate::domain::resident::ShownResident;
use crate::store::residents;

impl App {
    /// By the whole number and, if one is given, the whole name.
    pub async fn find_resident(
        &self,
        ctx: &Context,
        national_id: &NationalId,
        name: Option<&Redacted<String>>,
    ) -> Result<Permitted<ShownResident>, IdentityError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let resident = residents::find(&mut tx, &self.vault, national_id)
            .await?
            .filter(|resident| name.is_none_or(|name| *name == resident.name))
            .ok_or(IdentityError::ResidentNotFound)?;
        let shown = ctx.permit(resident.shown_to(&ctx.caller))?;
        let entry = Entry::new(&ctx.caller, "identity.resident.find");
        audit::record(&mut tx, residents::audited(entry, &resident)).await?;
        tx.commit().await?;
        Ok(shown)
    }
}
