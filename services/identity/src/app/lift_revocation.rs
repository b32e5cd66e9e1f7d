use chassis::{Context, Permitted};
use postgres::audit::{self, Entry};
use postgres::{Begun, Call, Reply};
use uuid::Uuid;

use super::App;
use crate::domain::IdentityError;
use crate::domain::revocation::{Lifted, Revocation};
use crate::store::revocations;

impl App {
    /// Ends a lasting revocation; again changes nothing and answers the same.
    pub async fn lift_revocation(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Revocation>>,
        id: Uuid,
    ) -> Result<Reply<Permitted<Revocation>>, IdentityError> {
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let mut revocation = revocations::get(&mut tx, id)
            .await?
            .filter(|revocation| revocation.lasting)
            .ok_or(IdentityError::RevocationNotFound)?;
        if revocation.lifted.is_none() {
            let lifted = Lifted { by: ctx.caller.acting().clone(), at: self.now() };
            revocations::lift(&mut tx, id, &lifted).await?;
            revocation.lifted = Some(lifted);
            let entry = Entry::new(&ctx.caller, "identity.token.lift_revocation");
            audit::record(&mut tx, revocations::audited(entry, &revocation)).await?;
        }
        Ok(call.commit(tx, ctx.permit(revocation)?).await?)
    }
}
