use chassis::{Context, Permitted};
use postgres::audit::{self, Entry};
use postgres::{Begun, Call, Reply};
use types::ids::BreakGlassId;

use super::App;
use super::open_break_glass::tell;
use crate::domain::IdentityError;
use crate::domain::break_glass::{BreakGlass, Review, Verdict};
use crate::store::break_glasses;

impl App {
    /// An auditor says whether there was cause. Once.
    pub async fn review_break_glass(
        &self,
        ctx: &Context,
        call: &Call<Permitted<BreakGlass>>,
        id: BreakGlassId,
        verdict: Verdict,
    ) -> Result<Reply<Permitted<BreakGlass>>, IdentityError> {
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let opened = break_glasses::lock(&mut tx, &self.vault, id).await?.ok_or(IdentityError::BreakGlassNotFound)?;
        let opened = ctx.permit(opened)?.into_inner();
        let now = self.now();
        let reviewed = opened.review(Review { verdict, by: ctx.caller.acting().clone(), at: now })?;
        break_glasses::review(&mut tx, &reviewed).await?;
        tell(&mut tx, ctx, "anjia.identity.break_glass.reviewed.v1", &reviewed, now).await?;
        let entry = Entry::new(&ctx.caller, "identity.break_glass.review");
        audit::record(&mut tx, break_glasses::audited(entry, &reviewed)).await?;
        Ok(call.commit(tx, ctx.permit(reviewed)?).await?)
    }
}
