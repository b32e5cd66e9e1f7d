use chassis::{Context, Permitted};
use postgres::{Begun, Call, Reply};
use types::ids::ReferralId;

use super::{App, Sight, record::RETURN, sight::TargetSide};
use crate::{
    domain::{ReferralError, referral::Returned},
    store::referrals,
};

impl App {
    /// Sends a referral back to the referrer with a reason.
    pub async fn return_to_referrer(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Sight>>,
        id: ReferralId,
        version: i64,
        returned: Returned,
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
        let sent_back = referral.send_back(version, returned)?;
        let now = self.clock.now();
        referrals::update(&mut tx, &sent_back, now).await?;
        RETURN.record(&mut tx, RETURN.by(&ctx.caller), &sent_back, now).await?;
        let sight = ctx.permit(Sight::bare(sent_back))?;
        Ok(call.commit(tx, sight).await?)
    }
}
