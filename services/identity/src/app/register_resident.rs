use chassis::{Context, Permitted};
use postgres::audit::{self, Entry};
use postgres::events::{self, NewEvent};
use postgres::{Begun, Call, Reply, Transaction};
use proto::convert::FieldError;
use serde_json::json;
use types::identifier::Identifier;
use types::ids::{IdentifierId, ResidentId};
use types::redacted::Redacted;
use types::region::RegionCode;

use super::App;
use crate::domain::IdentityError;
use crate::domain::identifier::{Document, Validity};
use crate::domain::resident::{Neighbourhood, Person, Resident, Said, ShownResident};
use crate::store::{identifiers, residents};

/// A person to register.
#[derive(Debug, Clone)]
pub struct NewResident {
    pub id: ResidentId,
    pub identifier: Option<Identifier>,
    pub validity: Validity,
    pub said: Said,
    pub name: Redacted<String>,
    pub mobile: Option<Redacted<String>>,
    pub region: RegionCode,
    pub community: String,
    pub neighbourhood: Option<Neighbourhood>,
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
        let mut person = self.new_person(ctx, new)?;
        ctx.permit(person.shown_to(&ctx.caller))?;

        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        if let Some(place) = &person.resident.neighbourhood {
            person.resident.community = self.community_name(&mut tx, place).await?;
        }
        let resident = &person.resident;
        if let Some(mother) = resident.mother
            && !residents::exists(&mut tx, mother).await?
        {
            return Err(IdentityError::ResidentNotFound);
        }
        if !residents::insert(&mut tx, &self.vault, resident).await? {
            return Err(IdentityError::ResidentExists(None));
        }
        let mut entry = residents::audited(Entry::new(&ctx.caller, "identity.resident.register"), resident);
        for document in &person.documents {
            if !identifiers::insert(&mut tx, &self.vault, document).await? {
                return Err(self.collision(tx, ctx, document, resident).await?);
            }
            entry = identifiers::audited(entry, document);
        }
        self.notice_duplicates(&mut tx, ctx, resident).await?;
        let data = json!({ "resident_id": resident.id });
        let event = NewEvent::new("anjia.identity.resident.registered.v1", resident.id, data, resident.registered_at);
        events::append(&mut tx, event.traceparent(ctx.traceparent())).await?;
        audit::record(&mut tx, entry).await?;
        let shown = ctx.permit(person.shown_to(&ctx.caller))?;
        Ok(call.commit(tx, shown).await?)
    }

    fn new_person(&self, ctx: &Context, new: NewResident) -> Result<Person, IdentityError> {
        let nature = new.said.nature(new.identifier.as_ref())?;
        let resident = Resident {
            id: new.id,
            region: new.region,
            revision: 1,
            name: new.name,
            birth_date: nature.birth_date.into(),
            sex: nature.sex.into(),
            mobile: new.mobile,
            address: None,
            language: None,
            community: new.community,
            neighbourhood: new.neighbourhood,
            provisional: nature.provisional,
            mother: nature.mother,
            registrar: ctx.caller.organisation,
            registered_at: self.now(),
        };
        resident.check_born(resident.registered_at)?;
        let document = |identifier| Document::first(IdentifierId::generate(), identifier, new.validity, &resident);
        let documents = new.identifier.map(document).into_iter().collect();
        Ok(Person { resident, documents })
    }

    /// Why somebody's document cannot be registered again: it is theirs, or another's. Who it belongs to is told only to whoever may
    /// see them; that a number was shown under another name stays on record.
    async fn collision(
        &self,
        mut tx: Transaction,
        ctx: &Context,
        document: &Document,
        resident: &Resident,
    ) -> Result<IdentityError, IdentityError> {
        let Some(holder) = identifiers::holder(&mut tx, &self.vault, &document.identifier).await? else {
            return Ok(IdentityError::ResidentExists(None));
        };
        let known = self.person(&mut tx, holder).await?;
        tx.rollback().await?;
        if !known.resident.is_named(resident.name.expose()) {
            self.record_collision(ctx, holder).await?;
            return Ok(IdentityError::IdentifierOfAnother);
        }
        let visible = ctx.permit(known.shown_to(&ctx.caller)).ok();
        Ok(IdentityError::ResidentExists(visible.map(|known| known.id)))
    }
}
