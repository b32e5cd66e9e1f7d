use chassis::{Context, Permitted};
use postgres::audit::{self, Entry};
use postgres::{Begun, Call, Reply};
use types::ids::ErasureId;

use super::App;
use super::request_erasure::tell;
use crate::domain::IdentityError;
use crate::domain::erasure::Erasure;
use crate::store::erasures;

impl App {
    /// Takes a request back before it is carried out; again changes nothing and answers the same.
    pub async fn cancel_erasure(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Erasure>>,
        id: ErasureId,
    ) -> Result<Reply<Permitted<Erasure>>, IdentityError> {
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let found = erasures::lock(&mut tx, id).await?.ok_or(IdentityError::ErasureNotFound)?;
        let found = ctx.permit(found)?;
        self.check_may_erase(&mut tx, ctx).await?;
        let now = self.now();
        let cancelled = ctx.permit(found.into_inner().cancel(now)?)?;
        if erasures::update(&mut tx, &cancelled).await? {
            tell(&mut tx, ctx, "anjia.identity.resident.erasure_cancelled.v1", &cancelled, now).await?;
            let entry = Entry::new(&ctx.caller, "identity.erasure.cancel");
            audit::record(&mut tx, erasures::audited(entry, &cancelled)).await?;
        }
        Ok(call.commit(tx, cancelled).await?)
    }
}
