use chassis::{Context, Permitted};
use postgres::audit::{self, Entry};
use postgres::{Begun, Call, Reply};
use types::caller::Party;
use types::ids::{MandateId, ResidentId};
use types::mandate::{Credit, Work};

use super::App;
use crate::domain::IdentityError;
use crate::domain::mandate::Mandate;
use crate::store::{mandates, residents};

/// A mandate to record.
#[derive(Debug, Clone)]
pub struct NewMandate {
    pub id: MandateId,
    pub resident: ResidentId,
    pub work: Work,
    pub credit: Option<Credit>,
    pub valid_days: u16,
}

impl App {
    /// Records what the resident, or a delegate who may, lets a service go on doing. `recorder` is the service of ours over whose
    /// connection this came.
    pub async fn record_mandate(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Mandate>>,
        new: NewMandate,
        recorder: Option<&str>,
    ) -> Result<Reply<Permitted<Mandate>>, IdentityError> {
        let caller = &ctx.caller;
        let now = self.now();
        let mandate = ctx.permit(Mandate {
            id: new.id,
            region: caller.region,
            resident: new.resident,
            given_by: caller.acting().clone(),
            delegation: caller.delegation,
            work: new.work,
            credit: new.credit,
            given_at: now,
            until: Mandate::ends(now, new.valid_days),
            ended: None,
        })?;
        // Only people give mandates, and a service records its own: whoever goes on under one cannot make another.
        let is_a_persons = !matches!(mandate.given_by, Party::Service(_));
        if !is_a_persons || recorder != Some(mandate.service()) {
            return Err(IdentityError::MandateNotPermitted);
        }

        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        for action in mandate.actions() {
            self.check_may(&mut tx, ctx, mandate.resident, action).await?;
        }
        if !residents::exists(&mut tx, mandate.resident).await? {
            return Err(IdentityError::ResidentNotFound);
        }
        if !mandates::insert(&mut tx, &mandate).await? {
            return Err(IdentityError::MandateExists);
        }
        let entry = Entry::new(caller, "identity.mandate.record");
        audit::record(&mut tx, mandates::audited(entry, &mandate)).await?;
        Ok(call.commit(tx, mandate).await?)
    }
}
