use chassis::{Context, Permitted};
use postgres::{Begun, Call, Reply};
use types::ids::ReferralId;

use super::{App, Sight, record::CLOSE, sight::TargetSide};
use crate::{domain::ReferralError, store::referrals};

impl App {
    /// Closes a referral whose patient came and whose care is done.
    pub async fn close(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Sight>>,
        id: ReferralId,
        version: i64,
    ) -> Result<Reply<Permitted<Sight>>, ReferralError> {
        if let Some(reply) = self.db.replay(call).await? {
            return Ok(reply);
        }
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let referral = referrals::lock(&mut tx, id).await?.ok_or(ReferralError::ReferralNotFound)?;
        ctx.permit(TargetSide::of(&referral))?;
        let closed = referral.close(version)?;
        let now = self.clock.now();
        referrals::update(&mut tx, &closed, now).await?;
        CLOSE.record(&mut tx, CLOSE.by(&ctx.caller), &closed, now).await?;
        let sight = ctx.permit(Sight::bare(closed))?;
        Ok(call.commit(tx, sight).await?)
    }
}
