use chassis::{Context, Permitted};
use chrono::NaiveDate;
use postgres::audit::{self, Entry};
use postgres::{Begun, Call, Reply};
use proto::convert::FieldError;
use types::credit_code::CreditCode;
use types::ids::OrganisationId;
use types::region::RegionCode;
use types::tier::Tier;

use super::App;
use super::designate_provider::said_on_registration;
use crate::domain::IdentityError;
use crate::domain::organisation::{Campus, Department, Kind, Organisation};
use crate::store::{departments, designations, organisations};
use types::place::Place;

/// An organisation to register.
#[derive(Debug, Clone)]
pub struct NewOrganisation {
    pub id: OrganisationId,
    pub kind: Kind,
    pub name: String,
    pub credit_code: CreditCode,
    pub tier: Option<Tier>,
    pub region_code: RegionCode,
    pub place: Option<Place>,
    /// First and last day as a provider that is designated for everything.
    pub designated: Option<(NaiveDate, Option<NaiveDate>)>,
    pub departments: Vec<Department>,
    pub campuses: Vec<Campus>,
}

impl App {
    pub async fn register_organisation(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Organisation>>,
        new: NewOrganisation,
    ) -> Result<Reply<Permitted<Organisation>>, IdentityError> {
        let organisation = Organisation {
            id: new.id,
            region: ctx.caller.region,
            kind: new.kind,
            name: new.name,
            credit_code: new.credit_code,
            tier: new.tier,
            region_code: new.region_code,
            place: new.place,
            alliance: String::new(),
            designations: vec![],
            departments: new.departments,
            campuses: new.campuses,
            revision: 1,
            registered_at: self.now(),
        };
        let designations = new.designated.map(|(from, until)| said_on_registration(&organisation, from, until));
        let organisation =
            ctx.permit(Organisation { designations: designations.unwrap_or_default(), ..organisation })?;
        organisation.check()?;

        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        if !organisations::insert(&mut tx, &organisation).await? {
            return Err(IdentityError::OrganisationExists);
        }
        for (place, department) in (0_i32..).zip(&organisation.departments) {
            if !departments::insert(&mut tx, organisation.id, place, department).await? {
                let field = format!("organisation.departments[{place}].department_id");
                return Err(FieldError::new(field, "is the id of another department").into());
            }
        }
        for designation in &organisation.designations {
            designations::insert(&mut tx, designation).await?;
        }
        let entry = Entry::new(&ctx.caller, "identity.organisation.register");
        let entry = organisations::audited(entry, &organisation);
        let entry = organisation.designations.iter().fold(entry, designations::audited);
        audit::record(&mut tx, entry).await?;
        Ok(call.commit(tx, organisation).await?)
    }
}
