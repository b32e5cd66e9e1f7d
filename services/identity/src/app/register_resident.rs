use chassis::{Context, Permitted};
use postgres::audit::{self, Entry};
use postgres::events::{self, NewEvent};
use postgres::{Begun, Call, Reply};
use proto::convert::FieldError;
use serde_json::json;
use types::ids::ResidentId;
use types::national_id::NationalId;
use types::redacted::Redacted;
use types::region::RegionCode;

use super::App;
use crate::domain::IdentityError;
use crate::domain::resident::{Resident, ShownResident, State};
use crate::store::residents;

/// A person to register.
#[derive(Debug, Clone)]
pub struct NewResident {
    pub id: ResidentId,
    pub national_id: NationalId,
    pub name: Redacted<String>,
    pub mobile: Option<Redacted<String>>,
    pub region: RegionCode,
    pub community: String,
}

impl App {
    /// Registers a person once, however many ask at the same moment.
    pub async fn register_resident(
        &self,
        ctx: &Context,
        call: &Call<Permitted<ShownResident>>,
        new: NewResident,
    ) -> Result<Reply<Permitted<ShownResident>>, IdentityError> {
        if new.region != ctx.caller.region {
            return Err(FieldError::new("region_code", "must be the caller's region").into());
        }
        let resident = Resident {
            id: new.id,
            region: new.region,
            name: new.name,
            national_id: new.national_id,
            mobile: new.mobile,
            community: new.community,
            state: State::Registered,
            registrar: ctx.caller.organisation,
            registered_at: self.now(),
        };
        resident.check_born()?;
        let shown = ctx.permit(resident.shown_to(&ctx.caller))?;

        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        if !residents::insert(&mut tx, &self.vault, &resident).await? {
            let known = residents::find(&mut tx, &self.vault, &resident.national_id).await?;
            let visible = known.and_then(|known| ctx.permit(known.shown_to(&ctx.caller)).ok());
            return Err(IdentityError::ResidentExists(visible.map(|known| known.id)));
        }
        let data = json!({ "resident_id": resident.id });
        let event = NewEvent::new("anjia.identity.resident.registered.v1", resident.id, data, resident.registered_at);
        events::append(&mut tx, event.traceparent(ctx.traceparent())).await?;
        let entry = Entry::new(&ctx.caller, "identity.resident.register");
        audit::record(&mut tx, residents::audited(entry, &resident)).await?;
        Ok(call.commit(tx, shown).await?)
    }
}
