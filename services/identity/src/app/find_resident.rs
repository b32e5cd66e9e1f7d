use chassis::{Context, Permitted};
use postgres::Scope;
use postgres::audit::{self, Entry};
use types::identifier::Identifier;
use types::redacted::Redacted;

use super::App;
use crate::domain::IdentityError;
use crate::domain::resident::ShownResident;
use crate::store::{identifiers, residents};

impl App {
    /// By a whole number and, if one is given, the whole name.
    pub async fn find_resident(
        &self,
        ctx: &Context,
        identifier: &Identifier,
        name: Option<&Redacted<String>>,
    ) -> Result<Permitted<ShownResident>, IdentityError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let holder = identifiers::holder(&mut tx, &self.vault, identifier).await?;
        let person = self.person(&mut tx, holder.ok_or(IdentityError::ResidentNotFound)?).await?;
        if name.is_some_and(|name| *name != person.resident.name) {
            return Err(IdentityError::ResidentNotFound);
        }
        let shown = ctx.permit(person.shown_to(&ctx.caller))?;
        let entry = residents::audited(Entry::new(&ctx.caller, "identity.resident.find"), &person.resident);
        let entry = person.documents.iter().fold(entry, identifiers::audited);
        audit::record(&mut tx, entry).await?;
        tx.commit().await?;
        Ok(shown)
    }
}
