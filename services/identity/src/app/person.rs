//! What the use cases about persons share: reading a whole person, keeping their history, noticing that two may be one.

use chassis::Context;
use postgres::audit::{self, Entry};
use postgres::events::{self, NewEvent};
use postgres::{Scope, Transaction};
use serde_json::json;
use types::caller::Role;
use types::ids::{ChangeId, DuplicateId, OrganisationId, ResidentId};

use super::App;
use crate::domain::IdentityError;
use crate::domain::change::Change;
use crate::domain::duplicate::{CANDIDATES_MAX, Pair};
use crate::domain::identifier::Document;
use crate::domain::resident::{Neighbourhood, Person, Replaced, Resident};
use crate::store::{changes, communities, duplicates, identifiers, residents};

impl App {
    /// A resident with their documents.
    pub(super) async fn person(&self, tx: &mut Transaction, id: ResidentId) -> Result<Person, IdentityError> {
        let resident = residents::get(tx, &self.vault, id).await?.ok_or(IdentityError::ResidentNotFound)?;
        let documents = identifiers::of(tx, &self.vault, &[id]).await?;
        Ok(Person { resident, documents })
    }

    /// The same, while nobody else changes what belongs to them.
    pub(super) async fn locked_person(&self, tx: &mut Transaction, id: ResidentId) -> Result<Person, IdentityError> {
        if !residents::lock(tx, id).await? {
            return Err(IdentityError::ResidentNotFound);
        }
        self.person(tx, id).await
    }

    /// The community's own name, if the resident lives in one of the list; with a cell that it has.
    pub(super) async fn community_name(
        &self,
        tx: &mut Transaction,
        place: &Neighbourhood,
    ) -> Result<String, IdentityError> {
        let found = communities::get(tx, &place.community).await?.ok_or(IdentityError::CommunityNotFound)?;
        match &place.cell {
            Some(cell) if !found.grid_cells.contains(cell) => Err(IdentityError::CommunityNotFound),
            _ => Ok(found.name),
        }
    }

    /// Writes a changed resident with its history, and tells of it. `entry` is the audit entry of the use case.
    pub(super) async fn change(
        &self,
        tx: &mut Transaction,
        ctx: &Context,
        resident: &Resident,
        replaced: Vec<Replaced>,
        evidence: &str,
    ) -> Result<Vec<Change>, IdentityError> {
        if replaced.is_empty() {
            return Ok(Vec::new());
        }
        if !residents::update(tx, &self.vault, resident).await? {
            return Err(IdentityError::StaleRevision);
        }
        let now = self.now();
        let fields: Vec<&str> = replaced.iter().map(|replaced| replaced.field).collect();
        let data = json!({ "resident_id": resident.id, "revision": resident.revision, "fields": fields });
        let event = NewEvent::new("anjia.identity.resident.updated.v1", resident.id, data, now);
        events::append(tx, event.traceparent(ctx.traceparent())).await?;
        let mut history = Vec::with_capacity(replaced.len());
        for replaced in replaced {
            let change = Change::by(&ctx.caller, ChangeId::generate(), resident, replaced, evidence, now);
            changes::insert(tx, &self.vault, &change).await?;
            history.push(change);
        }
        self.notice_duplicates(tx, ctx, resident).await?;
        Ok(history)
    }

    /// Lists whoever may be the same person for a desk to look at.
    pub(super) async fn notice_duplicates(
        &self,
        tx: &mut Transaction,
        ctx: &Context,
        resident: &Resident,
    ) -> Result<(), IdentityError> {
        for candidate in residents::candidates(tx, &self.vault, resident, CANDIDATES_MAX).await? {
            let pair = Pair {
                id: DuplicateId::generate(),
                region: resident.region,
                resident: resident.id,
                other: ResidentId::from_uuid(candidate.id),
                same_name_and_birth_date: candidate.same_name_and_birth_date,
                same_mobile: candidate.same_mobile,
                found_at: self.now(),
                settled: None,
            };
            if duplicates::insert(tx, &pair).await? {
                let entry = Entry::new(&ctx.caller, "identity.duplicate.notice");
                audit::record(tx, duplicates::audited(entry, &pair)).await?;
            }
        }
        Ok(())
    }

    /// Keeps on record that a document was shown that belongs to somebody else: the refused transaction itself leaves nothing.
    pub(super) async fn record_collision(&self, ctx: &Context, holder: ResidentId) -> Result<(), IdentityError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let entry = Entry::new(&ctx.caller, "identity.identifier.collide").resident(holder);
        audit::record(&mut tx, entry).await?;
        Ok(tx.commit().await?)
    }
}

/// Residents with the documents that are theirs.
pub(super) fn persons(residents: Vec<Resident>, mut documents: Vec<Document>) -> Vec<Person> {
    let person = |resident: Resident| {
        let documents = documents.extract_if(.., |document| document.resident == resident.id).collect();
        Person { resident, documents }
    };
    residents.into_iter().map(person).collect()
}

/// Whether the caller decides about a pair registered by these organisations: an operator about any.
pub(super) fn decides(ctx: &Context, registrars: &[Option<OrganisationId>]) -> bool {
    ctx.caller.has(&Role::Operator)
        || (ctx.caller.organisation.is_some() && registrars.contains(&ctx.caller.organisation))
}
