use chassis::{Context, Permitted};
use postgres::Scope;
use postgres::audit::{self, Entry};
use types::clock::local_date;
use types::ids::ResidentId;

use super::App;
use crate::domain::IdentityError;
use crate::domain::delegation::Action;
use crate::domain::resident::ShownResident;
use crate::store::{care_relations, identifiers, residents};

impl App {
    /// For the person, who acts for them with VIEW, who registered them, and who cares for them at this moment.
    pub async fn get_resident(&self, ctx: &Context, id: ResidentId) -> Result<Permitted<ShownResident>, IdentityError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let person = self.person(&mut tx, id).await?;
        let today = local_date(self.now());
        let carer = care_relations::carer(&mut tx, id, ctx.caller.organisation, today).await?;
        let shown = ctx.permit(ShownResident { carer, ..person.shown_to(&ctx.caller) })?;
        if ctx.caller.acted_for().is_some() && ctx.caller.is(id) {
            self.check_may(&mut tx, ctx, id, Action::View).await?;
        }
        let entry = residents::audited(Entry::new(&ctx.caller, "identity.resident.read"), &person.resident);
        let entry = person.documents.iter().fold(entry, identifiers::audited);
        audit::record(&mut tx, entry).await?;
        tx.commit().await?;
        Ok(shown)
    }
}
