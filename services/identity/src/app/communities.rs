//! Communities: recorded by an operator, read by everybody, their residents listed by those who look after them.

use chassis::{Context, Guarded, Permitted};
use chrono::{Datelike as _, NaiveDate};
use postgres::audit::{self, Entry};
use postgres::paging::{Page, PageRequest};
use postgres::{Begun, Call, Reply, Scope};
use types::clock::local_date;
use types::ids::{OrganisationId, ResidentId};
use uuid::Uuid;

use super::App;
use super::person::persons;
use crate::domain::IdentityError;
use crate::domain::community::{Community, CommunityCode};
use crate::domain::resident::{Person, Resident, ShownResident};
use crate::domain::vulnerability::{ELDERLY_AGE, Kind, elderly_from};
use crate::store::{communities, identifiers, organisations, residents};

/// A community to record.
#[derive(Debug, Clone)]
pub struct NewCommunity {
    pub code: CommunityCode,
    pub name: String,
    pub street: String,
    pub grid_cells: Vec<String>,
    pub organisations: Vec<OrganisationId>,
}

/// Which residents of a community.
#[derive(Debug, Clone)]
pub struct Neighbours {
    pub community: CommunityCode,
    pub grid_cell: Option<String>,
    pub flag: Option<Kind>,
}

/// A resident as those who look after their community see them.
#[derive(Debug, Clone)]
pub struct Neighbour {
    pub resident: ShownResident,
    served_by: Vec<OrganisationId>,
}

impl Guarded for Neighbour {
    const NOT_FOUND: &'static str = "RESIDENT_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        Some(self.resident.id)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        self.served_by.clone()
    }
}

impl App {
    /// Writes a community whole.
    pub async fn put_community(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Community>>,
        new: NewCommunity,
    ) -> Result<Reply<Permitted<Community>>, IdentityError> {
        let community = ctx.permit(Community {
            code: new.code,
            region: ctx.caller.region,
            name: new.name,
            street: new.street,
            grid_cells: new.grid_cells,
            organisations: new.organisations,
            recorded_at: self.now(),
        })?;
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        for organisation in &community.organisations {
            if !organisations::exists(&mut tx, *organisation).await? {
                return Err(IdentityError::OrganisationNotFound);
            }
        }
        if !communities::put(&mut tx, &community).await? {
            return Err(IdentityError::CommunityExists);
        }
        let entry = Entry::new(&ctx.caller, "identity.community.put");
        audit::record(&mut tx, communities::audited(entry, &community)).await?;
        Ok(call.commit(tx, community).await?)
    }

    pub async fn get_community(
        &self,
        ctx: &Context,
        code: &CommunityCode,
    ) -> Result<Permitted<Community>, IdentityError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let found = communities::get(&mut tx, code).await?.ok_or(IdentityError::CommunityNotFound)?;
        tx.commit().await?;
        Ok(ctx.permit(found)?)
    }

    /// Of the caller's region, by code.
    pub async fn list_communities(
        &self,
        ctx: &Context,
        prefix: &str,
        request: &PageRequest<String>,
    ) -> Result<Page<Permitted<Community>>, IdentityError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let rows = communities::list(&mut tx, prefix, request.after().map(String::as_str), request.limit()).await?;
        tx.commit().await?;
        let page = request.page(rows, |last| last.code.to_string())?;
        Ok(Page { items: ctx.permit_all(page.items)?, next_page_token: page.next_page_token })
    }

    /// Residents of a community, for whoever looks after it.
    pub async fn list_residents(
        &self,
        ctx: &Context,
        wanted: &Neighbours,
        request: &PageRequest<Uuid>,
    ) -> Result<Page<Permitted<Neighbour>>, IdentityError> {
        let today = local_date(self.now());
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let community = communities::get(&mut tx, &wanted.community).await?.ok_or(IdentityError::CommunityNotFound)?;
        let community = ctx.permit(community)?;
        let filter = residents::Filter {
            community: community.code.as_str(),
            grid_cell: wanted.grid_cell.as_deref(),
            flag: wanted.flag.filter(|kind| *kind != Kind::Elderly).map(Kind::as_str),
            birth_year_until: (wanted.flag == Some(Kind::Elderly)).then(|| today.year() - ELDERLY_AGE),
            today,
        };
        let rows = residents::list(&mut tx, &self.vault, &filter, request.after().copied(), request.limit()).await?;
        let page = request.page(rows, |last| last.id.uuid())?;
        let is_wanted = |resident: &Resident| wanted.flag != Some(Kind::Elderly) || is_elderly(resident, today);
        let listed: Vec<Resident> = page.items.into_iter().filter(is_wanted).collect();
        let ids: Vec<ResidentId> = listed.iter().map(|resident| resident.id).collect();
        let documents = identifiers::of(&mut tx, &self.vault, &ids).await?;
        for resident in &listed {
            let entry = Entry::new(&ctx.caller, "identity.resident.list");
            audit::record(&mut tx, residents::audited(entry, resident)).await?;
        }
        tx.commit().await?;
        let neighbour = |person: &Person| {
            let resident = person.shown_to(&ctx.caller);
            Ok(ctx.permit(Neighbour { resident, served_by: community.organisations.clone() })?)
        };
        let items: Result<_, IdentityError> = persons(listed, documents).iter().map(neighbour).collect();
        Ok(Page { items: items?, next_page_token: page.next_page_token })
    }
}

fn is_elderly(resident: &Resident, today: NaiveDate) -> bool {
    elderly_from(*resident.birth_date.expose()) <= today
}
