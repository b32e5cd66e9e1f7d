use chassis::{Context, Permitted};
use chrono::{DateTime, Utc};
use postgres::audit::{self, Entry};
use postgres::{Begun, Call, Reply, Transaction};
use types::ids::MandateId;
use types::mandate::Work;

use super::App;
use crate::domain::IdentityError;
use crate::domain::mandate::{End, Mandate};
use crate::store::mandates;

impl App {
    /// Takes a mandate back: from the next exchange on nothing is done under it. Again changes nothing and answers the same.
    pub async fn revoke_mandate(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Mandate>>,
        id: MandateId,
    ) -> Result<Reply<Permitted<Mandate>>, IdentityError> {
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let found = mandates::get(&mut tx, id).await?.ok_or(IdentityError::MandateNotFound)?;
        let found = ctx.permit(found)?;
        if found.given_by != *ctx.caller.acting() {
            self.own_or_guardians(&mut tx, ctx).await?;
        }
        let now = self.now();
        let is_first = mandates::end(&mut tx, id, End::Revoked, now).await?;
        // Read anew where it had ended: whoever was first may have come between.
        let ended = mandates::get(&mut tx, id).await?.ok_or(IdentityError::MandateNotFound)?;
        let ended = ctx.permit(ended)?;
        if is_first {
            let entry = Entry::new(&ctx.caller, "identity.mandate.revoke");
            audit::record(&mut tx, mandates::audited(entry, &ended)).await?;
        }
        Ok(call.commit(tx, ended).await?)
    }
}

/// Ends what was mandated for work that has ended.
pub(super) async fn work_ended(tx: &mut Transaction, work: Work, at: DateTime<Utc>) -> Result<(), postgres::Error> {
    for mandate in mandates::end_work(tx, work, at).await? {
        let entry = Entry::by_service("identity", "identity.mandate.end");
        audit::record(tx, mandates::audited(entry, &mandate)).await?;
    }
    Ok(())
}
