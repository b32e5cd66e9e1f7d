use chassis::Context;
use postgres::audit::{self, Entry};
use postgres::{Begun, Call, Reply};
use types::ids::DuplicateId;

use super::{App, person};
use crate::domain::IdentityError;
use crate::domain::duplicate::{Pair, Settled};
use crate::store::{duplicates, residents};

impl App {
    /// Says that a pair is two persons; again changes nothing.
    pub async fn dismiss_duplicate(
        &self,
        ctx: &Context,
        call: &Call<DuplicateId>,
        id: DuplicateId,
        evidence: String,
    ) -> Result<Reply<DuplicateId>, IdentityError> {
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let pair = duplicates::get(&mut tx, id).await?.ok_or(IdentityError::DuplicateNotFound)?;
        let two = residents::get_many(&mut tx, &self.vault, &[pair.resident, pair.other]).await?;
        let registrars: Vec<_> = two.iter().map(|resident| resident.registrar).collect();
        let is_anothers = ctx.caller.acted_for().is_some_and(|of| ![pair.resident, pair.other].contains(&of));
        if is_anothers || !person::decides(ctx, &registrars) {
            return Err(IdentityError::DuplicateNotFound);
        }
        let settled = Settled { at: self.now(), by: ctx.caller.acting().clone(), evidence };
        if duplicates::settle(&mut tx, id, &settled).await? {
            let pair = Pair { settled: Some(settled), ..pair };
            let entry = Entry::new(&ctx.caller, "identity.duplicate.dismiss");
            audit::record(&mut tx, duplicates::audited(entry, &pair)).await?;
        }
        Ok(call.commit(tx, id).await?)
    }
}
