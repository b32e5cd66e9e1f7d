use chassis::{Context, Permitted};
use chrono::NaiveDate;
use postgres::aliases;
use postgres::audit::{self, Entry};
use postgres::events::{self, NewEvent};
use postgres::{Begun, Call, Reply};
use proto::convert::FieldError;
use serde_json::json;
use types::clock::local_date;
use types::ids::{GuardianshipId, ResidentId};

use super::App;
use crate::domain::IdentityError;
use crate::domain::guardianship::{Guardianship, Kind, Relation};
use crate::store::{guardianships, residents};

/// A guardianship to register.
#[derive(Debug, Clone)]
pub struct NewGuardianship {
    pub id: GuardianshipId,
    pub ward: ResidentId,
    pub guardian: ResidentId,
    pub kind: Kind,
    pub relation: Relation,
    pub papers: String,
    pub from: NaiveDate,
    pub until: Option<NaiveDate>,
}

impl App {
    /// Registers a guardian on papers that the caller's organisation has seen. Not in force before somebody else confirms it.
    pub async fn register_guardianship(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Guardianship>>,
        new: NewGuardianship,
    ) -> Result<Reply<Permitted<Guardianship>>, IdentityError> {
        let wish = ctx.permit(Guardianship {
            id: new.id,
            region: ctx.caller.region,
            ward: new.ward,
            guardian: new.guardian,
            kind: new.kind,
            relation: new.relation,
            papers: new.papers,
            witness: ctx.caller.organisation,
            from: new.from,
            until: new.until,
            registered_by: ctx.caller.acting().clone(),
            registered_at: self.now(),
            confirmed: None,
            ended: None,
        })?;
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        // In order of id, so that two who would be each other's guardian do not wait for each other.
        if !residents::lock_all(&mut tx, &[wish.ward, wish.guardian]).await? {
            return Err(IdentityError::ResidentNotFound);
        }
        if aliases::same(&mut tx, wish.ward, wish.guardian).await? {
            return Err(FieldError::new("guardian_resident_id", "must be somebody else than the ward").into());
        }
        let ward = residents::get(&mut tx, &self.vault, wish.ward).await?.ok_or(IdentityError::ResidentNotFound)?;
        let guardian =
            residents::get(&mut tx, &self.vault, wish.guardian).await?.ok_or(IdentityError::ResidentNotFound)?;
        let guardianship = wish.into_inner().checked(*ward.birth_date.expose(), *guardian.birth_date.expose())?;
        let today = local_date(self.now()).max(guardianship.from);
        if guardianships::is_ward(&mut tx, guardianship.guardian, today).await? {
            return Err(IdentityError::GuardianNotCapable);
        }
        let known = guardianships::in_force(&mut tx, guardianship.ward, guardianship.guardian, today).await?;
        if known.is_some() || !guardianships::insert(&mut tx, &guardianship).await? {
            return Err(IdentityError::GuardianshipExists);
        }
        let guardianship = ctx.permit(guardianship)?;
        let data = json!({ "resident_id": guardianship.ward, "guardian_resident_id": guardianship.guardian });
        let kind = "anjia.identity.guardianship.proposed.v1";
        let event = NewEvent::new(kind, guardianship.id, data, guardianship.registered_at);
        events::append(&mut tx, event.traceparent(ctx.traceparent())).await?;
        let entry = Entry::new(&ctx.caller, "identity.guardianship.register");
        audit::record(&mut tx, guardianships::audited(entry, &guardianship)).await?;
        Ok(call.commit(tx, guardianship).await?)
    }
}
