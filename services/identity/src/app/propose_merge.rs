//! Two registrations may be one person's: proposed here, and proposed to be undone. Nothing is in force before somebody else signs.

use chassis::{Context, Guarded, Permitted};
use postgres::audit::{self, Entry};
use postgres::paging::{Page, PageRequest};
use postgres::{Begun, Call, Reply, Scope, Transaction};
use proto::convert::FieldError;
use types::caller::Role;
use types::ids::{MergeId, OrganisationId, ResidentId};
use uuid::Uuid;

use super::{App, person};
use crate::domain::IdentityError;
use crate::domain::merge::Merge;
use crate::domain::signature::Signature;
use crate::store::{erasures, merges, residents};

/// Two who are one.
#[derive(Debug, Clone)]
pub struct NewMerge {
    pub id: MergeId,
    pub resident: ResidentId,
    pub survivor: ResidentId,
    pub reason: String,
    pub evidence: String,
}

/// The next step of a merge, from the revision that was read.
#[derive(Debug, Clone)]
pub struct MergeStep {
    pub id: MergeId,
    pub revision: i32,
    pub evidence: String,
}

impl Guarded for Merge {
    const NOT_FOUND: &'static str = "MERGE_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        Some(self.resident)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        self.proposed.organisation.into_iter().collect()
    }
}

impl App {
    /// Proposes that two are one: an operator any two, a desk those of whom it registered one.
    pub async fn propose_merge(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Merge>>,
        new: NewMerge,
    ) -> Result<Reply<Permitted<Merge>>, IdentityError> {
        if new.resident == new.survivor {
            return Err(FieldError::new("survivor_resident_id", "must be another than resident_id").into());
        }
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let two = residents::get_many(&mut tx, &self.vault, &[new.resident, new.survivor]).await?;
        let registrars: Vec<_> = two.iter().map(|resident| resident.registrar).collect();
        if two.len() < 2 || !person::decides(ctx, &registrars) {
            // Nobody is merged with a number that was a person's once: refused as such.
            for id in [new.resident, new.survivor] {
                residents::exists(&mut tx, id).await?;
            }
            return Err(IdentityError::ResidentNotFound);
        }
        check_unmerged(&mut tx, &[new.resident, new.survivor]).await?;
        let merge = ctx.permit(Merge {
            id: new.id,
            region: ctx.caller.region,
            resident: new.resident,
            survivor: new.survivor,
            reason: new.reason,
            revision: 1,
            proposed: Signature::of(&ctx.caller, new.evidence, self.now()),
            merged: None,
            unmerge_proposed: None,
            unmerged: None,
        })?;
        check_not_erasing(&mut tx, &merge).await?;
        if !merges::insert(&mut tx, &merge).await? {
            return Err(IdentityError::MergeExists);
        }
        record_for_both(&mut tx, ctx, "identity.merge.propose", &merge).await?;
        Ok(call.commit(tx, merge).await?)
    }

    /// Proposes that the two are two after all.
    pub async fn propose_unmerge(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Merge>>,
        step: MergeStep,
    ) -> Result<Reply<Permitted<Merge>>, IdentityError> {
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let found = merges::get(&mut tx, step.id).await?.ok_or(IdentityError::MergeNotFound)?;
        let two = residents::get_many(&mut tx, &self.vault, &[found.resident, found.survivor]).await?;
        let registrars: Vec<_> = two.iter().map(|resident| resident.registrar).collect();
        let is_anothers = ctx.caller.acted_for().is_some_and(|of| ![found.resident, found.survivor].contains(&of));
        if is_anothers || !person::decides(ctx, &registrars) {
            return Err(IdentityError::MergeNotFound);
        }
        found.check_revision(step.revision)?;
        check_not_erasing(&mut tx, &found).await?;
        let merge = found.propose_unmerge(Signature::of(&ctx.caller, step.evidence, self.now()))?;
        if !merges::update(&mut tx, &merge).await? {
            return Err(IdentityError::StaleRevision);
        }
        record_for_both(&mut tx, ctx, "identity.merge.propose_undo", &merge).await?;
        let merge = ctx.permit(merge)?;
        Ok(call.commit(tx, merge).await?)
    }

    pub async fn get_merge(&self, ctx: &Context, id: MergeId) -> Result<Permitted<Merge>, IdentityError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let merge = ctx.permit(merges::get(&mut tx, id).await?.ok_or(IdentityError::MergeNotFound)?)?;
        record_for_both(&mut tx, ctx, "identity.merge.read", &merge).await?;
        tx.commit().await?;
        Ok(merge)
    }

    /// Newest first: an operator's whole region, a desk's own proposals.
    pub async fn list_merges(
        &self,
        ctx: &Context,
        resident: Option<ResidentId>,
        request: &PageRequest<Uuid>,
    ) -> Result<Page<Permitted<Merge>>, IdentityError> {
        let is_operator = ctx.caller.has(&Role::Operator);
        if !is_operator && ctx.caller.organisation.is_none() {
            return Ok(Page { items: vec![], next_page_token: String::new() });
        }
        let proposer = ctx.caller.organisation.filter(|_| !is_operator);
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let rows = merges::list(&mut tx, resident, proposer, request.after().copied(), request.limit()).await?;
        let page = request.page(rows, |last| last.id.uuid())?;
        let items = ctx.permit_all(page.items)?;
        for merge in &items {
            record_for_both(&mut tx, ctx, "identity.merge.list", merge).await?;
        }
        tx.commit().await?;
        Ok(Page { items, next_page_token: page.next_page_token })
    }
}

/// Refuses where one of them goes by another id: whoever proposes should see whom they mean.
pub(super) async fn check_unmerged(tx: &mut Transaction, residents: &[ResidentId]) -> Result<(), IdentityError> {
    for id in residents {
        if postgres::aliases::survivor(tx, *id).await? != *id {
            return Err(IdentityError::ResidentMerged);
        }
    }
    Ok(())
}

/// Refuses while one of the two is to be erased: an erasure is of the ids that were one person's when it was requested.
pub(super) async fn check_not_erasing(tx: &mut Transaction, merge: &Merge) -> Result<(), IdentityError> {
    for id in [merge.resident, merge.survivor] {
        if erasures::of(tx, id).await?.is_some() {
            return Err(IdentityError::MergeDuringErasure);
        }
    }
    Ok(())
}

/// It stands in the log of either: once undone, each has their own again.
pub(super) async fn record_for_both(
    tx: &mut Transaction,
    ctx: &Context,
    action: &'static str,
    merge: &Merge,
) -> Result<(), IdentityError> {
    for resident in [merge.resident, merge.survivor] {
        let entry = Entry::new(&ctx.caller, action).resident(resident);
        audit::record(tx, merges::audited(entry, merge)).await?;
    }
    Ok(())
}
