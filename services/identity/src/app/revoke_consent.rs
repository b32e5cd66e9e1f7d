use chassis::{Context, Permitted};
use chrono::{DateTime, Utc};
use postgres::audit::{self, Entry};
use postgres::{Begun, Call, Reply, Transaction};
use types::ids::ConsentId;

use super::App;
use super::grant_consent::tell;
use crate::domain::IdentityError;
use crate::domain::consent::Consent;
use crate::store::consents;

impl App {
    /// Takes a consent back: from the next check on it allows nothing. Again changes nothing and answers the same.
    pub async fn revoke_consent(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Consent>>,
        id: ConsentId,
    ) -> Result<Reply<Permitted<Consent>>, IdentityError> {
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let found = consents::get(&mut tx, id).await?.ok_or(IdentityError::ConsentNotFound)?;
        let found = ctx.permit(found)?;
        self.check_may_refer(&mut tx, ctx, &found).await?;
        let now = self.now();
        if !consents::revoke(&mut tx, id, now).await? {
            // Read anew: whoever was first may have come between.
            let revoked = consents::get(&mut tx, id).await?.ok_or(IdentityError::ConsentNotFound)?;
            let revoked = ctx.permit(revoked)?;
            return Ok(call.commit(tx, revoked).await?);
        }
        let revoked = ctx.permit(found.into_inner().revoke(now))?;
        tell_revoked(&mut tx, ctx, &revoked, now).await?;
        Ok(call.commit(tx, revoked).await?)
    }
}

/// Tells of a consent that was just taken back, and records it.
pub(super) async fn tell_revoked(
    tx: &mut Transaction,
    ctx: &Context,
    revoked: &Consent,
    now: DateTime<Utc>,
) -> Result<(), IdentityError> {
    tell(tx, ctx, "anjia.identity.consent.revoked.v1", revoked, now).await?;
    let entry = Entry::new(&ctx.caller, "identity.consent.revoke");
    audit::record(tx, consents::audited(entry, revoked)).await?;
    Ok(())
}
