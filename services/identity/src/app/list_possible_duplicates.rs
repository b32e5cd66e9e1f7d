use std::collections::BTreeSet;

use chassis::{Context, Permitted};
use postgres::Scope;
use postgres::audit::{self, Entry};
use postgres::paging::{Page, PageRequest};
use types::caller::Role;
use types::ids::ResidentId;
use uuid::Uuid;

use super::App;
use super::person::persons;
use crate::domain::IdentityError;
use crate::domain::duplicate::Pair;
use crate::domain::resident::ShownResident;
use crate::store::{duplicates, identifiers, residents};

/// A pair as it is shown.
#[derive(Debug, Clone)]
pub struct ShownPair {
    pub pair: Pair,
    pub resident: Permitted<ShownResident>,
    pub other: Permitted<ShownResident>,
}

impl App {
    /// Pairs about whom nobody has decided, newest first: an operator's whole region, a desk's own.
    pub async fn list_possible_duplicates(
        &self,
        ctx: &Context,
        resident: Option<ResidentId>,
        request: &PageRequest<Uuid>,
    ) -> Result<Page<ShownPair>, IdentityError> {
        let caller = &ctx.caller;
        let is_operator = caller.has(&Role::Operator);
        if !is_operator && caller.organisation.is_none() {
            return Ok(Page { items: vec![], next_page_token: String::new() });
        }
        let registrar = caller.organisation.filter(|_| !is_operator);
        // Who acts for a resident asks about that resident.
        let acted_for = caller.acted_for();
        if acted_for.is_some() && resident.is_some() && resident != acted_for {
            return Ok(Page { items: vec![], next_page_token: String::new() });
        }
        let resident = acted_for.or(resident);
        let mut tx = self.db.begin(Scope::of(caller)).await?;
        let rows = duplicates::open(&mut tx, resident, registrar, request.after().copied(), request.limit()).await?;
        let page = request.page(rows, |last| last.id.uuid())?;
        let ids: BTreeSet<ResidentId> = page.items.iter().flat_map(|pair| [pair.resident, pair.other]).collect();
        let ids: Vec<ResidentId> = ids.into_iter().collect();
        let residents = residents::get_many(&mut tx, &self.vault, &ids).await?;
        let documents = identifiers::of(&mut tx, &self.vault, &ids).await?;
        for resident in &residents {
            let entry = Entry::new(caller, "identity.duplicate.list");
            audit::record(&mut tx, residents::audited(entry, resident)).await?;
        }
        tx.commit().await?;
        let people = persons(residents, documents);

        let shown = |id: ResidentId| {
            let found = people.iter().find(|person| person.resident.id == id).ok_or(IdentityError::ResidentNotFound)?;
            Ok::<_, IdentityError>(ctx.permit(found.shown_to(caller))?)
        };
        let items = page
            .items
            .into_iter()
            .map(|pair| Ok(ShownPair { resident: shown(pair.resident)?, other: shown(pair.other)?, pair }));
        Ok(Page { items: items.collect::<Result<_, IdentityError>>()?, next_page_token: page.next_page_token })
    }
}
