use chassis::{Context, Permitted};
use postgres::audit::{self, Entry};
use postgres::{Begun, Call, Reply};
use types::ids::ResidentId;

use super::{App, person};
use crate::domain::IdentityError;
use crate::domain::resident::{Correction, Person, ShownResident};
use crate::store::{changes, residents};

/// A correction of the revision that was read.
#[derive(Debug, Clone)]
pub struct Update {
    pub resident: ResidentId,
    pub revision: i32,
    pub correction: Correction,
    pub evidence: String,
}

impl App {
    /// Corrects a resident. What is so already is no change.
    pub async fn update_resident(
        &self,
        ctx: &Context,
        call: &Call<Permitted<ShownResident>>,
        update: Update,
    ) -> Result<Reply<Permitted<ShownResident>>, IdentityError> {
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let Person { resident, documents } = self.locked_person(&mut tx, update.resident).await?;
        let caller = &ctx.caller;
        let is_desk = person::decides(ctx, &[resident.registrar]);
        if !is_desk && caller.actor.is_some() {
            // Whoever acts for a resident does not redirect their notices.
            return Err(IdentityError::ActionNotDelegated);
        }
        ctx.permit(Person { resident: resident.clone(), documents: vec![] }.shown_to(caller))?;
        update.correction.check_by(is_desk, &update.evidence)?;
        if resident.revision != update.revision {
            return Err(IdentityError::StaleRevision);
        }

        let mut correction = update.correction;
        if let Some(Some(place)) = &correction.neighbourhood {
            correction.community = Some(self.community_name(&mut tx, place).await?);
        }
        let (resident, replaced) = resident.corrected(correction);
        let history = self.change(&mut tx, ctx, &resident, replaced, &update.evidence).await?;
        let entry = residents::audited(Entry::new(caller, "identity.resident.update"), &resident);
        audit::record(&mut tx, history.iter().fold(entry, changes::audited)).await?;
        let shown = ctx.permit(Person { resident, documents }.shown_to(caller))?;
        Ok(call.commit(tx, shown).await?)
    }
}
