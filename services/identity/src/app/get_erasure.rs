use chassis::{Context, Permitted};
use postgres::Scope;
use postgres::audit::{self, Entry};
use types::ids::ErasureId;

use super::App;
use crate::domain::IdentityError;
use crate::domain::erasure::Erasure;
use crate::store::erasures;

impl App {
    /// For the person or their guardian, and for an operator: afterwards, too, it names nobody.
    pub async fn get_erasure(&self, ctx: &Context, id: ErasureId) -> Result<Permitted<Erasure>, IdentityError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let found = erasures::get(&mut tx, id).await?.ok_or(IdentityError::ErasureNotFound)?;
        let found = ctx.permit(found)?;
        self.check_may_erase(&mut tx, ctx).await?;
        let entry = Entry::new(&ctx.caller, "identity.erasure.read").of_keeping();
        audit::record(&mut tx, erasures::audited(entry, &found)).await?;
        tx.commit().await?;
        Ok(found)
    }
}
