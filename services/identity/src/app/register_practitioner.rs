use std::collections::BTreeSet;

use chassis::{Context, Permitted};
use postgres::audit::{self, Entry};
use postgres::{Begun, Call, Reply};
use types::ids::{DepartmentId, OrganisationId, PractitionerId};
use uuid::Uuid;

use super::App;
use crate::domain::IdentityError;
use crate::domain::practitioner::Practitioner;
use crate::store::{departments, organisations, practitioners};

/// A practitioner to register.
#[derive(Debug, Clone)]
pub struct NewPractitioner {
    pub id: PractitionerId,
    pub organisation: OrganisationId,
    pub name: String,
    pub title: String,
    pub departments: BTreeSet<DepartmentId>,
}

impl App {
    pub async fn register_practitioner(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Practitioner>>,
        new: NewPractitioner,
    ) -> Result<Reply<Permitted<Practitioner>>, IdentityError> {
        let practitioner = ctx.permit(Practitioner {
            id: new.id,
            region: ctx.caller.region,
            organisation: new.organisation,
            name: new.name,
            title: new.title,
            departments: new.departments.into_iter().collect(),
            registered_at: self.now(),
        })?;

        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        if !organisations::exists(&mut tx, practitioner.organisation).await? {
            return Err(IdentityError::OrganisationNotFound);
        }
        let wanted: Vec<Uuid> = practitioner.departments.iter().map(|id| id.uuid()).collect();
        let found = departments::count(&mut tx, practitioner.organisation, &wanted).await?;
        if usize::try_from(found) != Ok(wanted.len()) {
            return Err(IdentityError::DepartmentNotFound);
        }
        if !practitioners::insert(&mut tx, &practitioner).await? {
            return Err(IdentityError::PractitionerExists);
        }
        let entry = Entry::new(&ctx.caller, "identity.practitioner.register");
        audit::record(&mut tx, practitioners::audited(entry, &practitioner)).await?;
        Ok(call.commit(tx, practitioner).await?)
    }
}
