use chassis::{Context, Permitted};
use postgres::audit::{self, Entry};
use postgres::{Begun, Call, Reply, Transaction};
use proto::convert::FieldError;
use types::clock::local_date;
use types::ids::OrganisationId;

use super::App;
use crate::domain::IdentityError;
use crate::domain::organisation::{Change, Department, Organisation};
use crate::store::{departments, organisations};

/// A change of an organisation.
#[derive(Debug, Clone)]
pub struct OrganisationUpdate {
    pub id: OrganisationId,
    /// The revision it is based on.
    pub revision: i32,
    pub change: Change,
}

impl App {
    pub async fn update_organisation(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Organisation>>,
        update: OrganisationUpdate,
    ) -> Result<Reply<Permitted<Organisation>>, IdentityError> {
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        organisations::lock(&mut tx, update.id).await?;
        let before = organisations::get(&mut tx, update.id, local_date(self.now())).await?;
        let before = ctx.permit(before.ok_or(IdentityError::OrganisationNotFound)?)?;
        if before.revision != update.revision {
            return Err(IdentityError::StaleRevision);
        }
        let named = update.change.departments.clone().unwrap_or_default();
        let known = before.departments.len();
        let after = ctx.permit(before.into_inner().changed(update.change))?;
        after.check()?;
        organisations::update(&mut tx, &after).await?;
        write_departments(&mut tx, &after, known, &named).await?;
        let entry = Entry::new(&ctx.caller, "identity.organisation.update");
        audit::record(&mut tx, organisations::audited(entry, &after)).await?;
        Ok(call.commit(tx, after).await?)
    }
}

/// Changes those that were known, and adds the others behind them.
async fn write_departments(
    tx: &mut Transaction,
    organisation: &Organisation,
    known: usize,
    named: &[Department],
) -> Result<(), IdentityError> {
    for department in organisation.departments.iter().take(known).filter(|department| named.contains(department)) {
        departments::update(tx, organisation.id, department).await?;
    }
    for (place, department) in (0_i32..).zip(&organisation.departments).skip(known) {
        if !departments::insert(tx, organisation.id, place, department).await? {
            let at = named.iter().position(|other| other.id == department.id).unwrap_or_default();
            let field = format!("organisation.departments[{at}].department_id");
            return Err(FieldError::new(field, "is the id of another department").into());
        }
    }
    Ok(())
}
