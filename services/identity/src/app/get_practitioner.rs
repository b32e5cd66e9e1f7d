use chassis::{Context, Permitted};
use postgres::Scope;
use types::ids::PractitionerId;

use super::App;
use crate::domain::IdentityError;
use crate::domain::practitioner::Practitioner;
use crate::store::practitioners;

impl App {
    /// Not audited: it is the name on the door.
    pub async fn get_practitioner(
        &self,
        ctx: &Context,
        id: PractitionerId,
    ) -> Result<Permitted<Practitioner>, IdentityError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let practitioner = practitioners::get(&mut tx, id).await?.ok_or(IdentityError::PractitionerNotFound)?;
        tx.commit().await?;
        Ok(ctx.permit(practitioner)?)
    }
}
