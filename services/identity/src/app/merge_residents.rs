//! The second signature: two registrations become one person, or two again. Not a row of theirs is touched.

use chassis::auth::Revoked;
use chassis::{Context, Permitted};
use postgres::aliases::{self, Alias};
use postgres::audit::{self, Entry};
use postgres::events::{self, NewEvent};
use postgres::{Begun, Call, Reply, Transaction};
use serde_json::json;
use types::caller::Party;
use types::clock::local_date;
use types::ids::ResidentId;

use super::propose_merge::{check_not_erasing, check_unmerged, record_for_both};
use super::{App, MergeStep, coverage_changed};
use crate::domain::IdentityError;
use crate::domain::merge::{Merge, Side, check_one};
use crate::domain::signature::Signature;
use crate::store::{enrolments, family_doctor_contracts, guardianships, households, merges, residents};

impl App {
    /// Merges what somebody else proposed.
    pub async fn merge_residents(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Merge>>,
        step: MergeStep,
    ) -> Result<Reply<Permitted<Merge>>, IdentityError> {
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let merge = self.locked_merge(&mut tx, &step).await?;
        let merge = merge.merge(Signature::of(&ctx.caller, step.evidence, self.now()))?;
        check_unmerged(&mut tx, &[merge.resident, merge.survivor]).await?;
        self.check_one(&mut tx, &merge).await?;

        let alias = Alias { resident: merge.resident, survivor: merge.survivor, since: self.now() };
        if !merges::update(&mut tx, &merge).await? || !aliases::insert(&mut tx, alias).await? {
            return Err(IdentityError::StaleRevision);
        }
        let entry = aliases::audited(Entry::new(&ctx.caller, "identity.merge.alias"), merge.resident);
        audit::record(&mut tx, entry).await?;
        self.finish(tx, ctx, call, ("identity.merge.merge", aliases::MERGED), merge).await
    }

    /// Takes apart what somebody else proposed to take apart: the alias goes, and with it all that the merge did.
    pub async fn unmerge_residents(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Merge>>,
        step: MergeStep,
    ) -> Result<Reply<Permitted<Merge>>, IdentityError> {
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let merge = self.locked_merge(&mut tx, &step).await?;
        let merge = merge.unmerge(Signature::of(&ctx.caller, step.evidence, self.now()))?;
        if !merges::update(&mut tx, &merge).await? || !aliases::remove(&mut tx, merge.resident).await? {
            return Err(IdentityError::StaleRevision);
        }
        let entry = aliases::audited_end(Entry::new(&ctx.caller, "identity.merge.end_alias"), merge.resident);
        audit::record(&mut tx, entry).await?;
        self.finish(tx, ctx, call, ("identity.merge.undo", aliases::UNMERGED), merge).await
    }

    /// Records what was done for both, tells of it and commits.
    async fn finish(
        &self,
        mut tx: Transaction,
        ctx: &Context,
        call: &Call<Permitted<Merge>>,
        (action, kind): (&'static str, &'static str),
        merge: Merge,
    ) -> Result<Reply<Permitted<Merge>>, IdentityError> {
        record_for_both(&mut tx, ctx, action, &merge).await?;
        self.tell(&mut tx, ctx, kind, &merge).await?;
        let reply = call.commit(tx, ctx.permit(merge)?).await?;
        self.revocations_due.notify_one();
        Ok(reply)
    }

    /// As it is while nobody else changes what belongs to either of the two. Under both locks no two merges make a ring.
    async fn locked_merge(&self, tx: &mut Transaction, step: &MergeStep) -> Result<Merge, IdentityError> {
        let found = merges::get(tx, step.id).await?.ok_or(IdentityError::MergeNotFound)?;
        if !residents::lock_all(tx, &[found.resident, found.survivor]).await? {
            return Err(IdentityError::ResidentNotFound);
        }
        let merge = merges::get(tx, step.id).await?.ok_or(IdentityError::MergeNotFound)?;
        merge.check_revision(step.revision)?;
        check_not_erasing(tx, &merge).await?;
        Ok(merge)
    }

    /// Refuses where a question about one person would have two answers.
    async fn check_one(&self, tx: &mut Transaction, merge: &Merge) -> Result<(), IdentityError> {
        let today = local_date(self.now());
        check_one(&self.side(tx, merge.resident).await?, &self.side(tx, merge.survivor).await?, today)?;
        let (one, other) = (merge.resident, merge.survivor);
        if family_doctor_contracts::overlap(tx, one, other, today).await? {
            return Err(IdentityError::MergeContractsOverlap);
        }
        if households::belongs_from(tx, one, today).await? && households::belongs_from(tx, other, today).await? {
            return Err(IdentityError::MergeHouseholdsOverlap);
        }
        for (ward, guardian) in [(one, other), (other, one)] {
            if guardianships::in_force(tx, ward, guardian, today).await?.is_some() {
                return Err(IdentityError::MergeOfRelatives);
            }
        }
        Ok(())
    }

    async fn side(&self, tx: &mut Transaction, resident: ResidentId) -> Result<Side, IdentityError> {
        let person = self.person(tx, resident).await?;
        Ok(Side { person, enrolments: enrolments::of_resident(tx, resident, None).await? })
    }

    /// Others count by one id or by two from here on, and cover is another where the one given up was insured. Tokens that say otherwise
    /// are taken back: the next ones name every id of the person, and no more.
    async fn tell(
        &self,
        tx: &mut Transaction,
        ctx: &Context,
        kind: &'static str,
        merge: &Merge,
    ) -> Result<(), IdentityError> {
        let data = json!({
            "resident_id": merge.resident,
            "survivor_resident_id": merge.survivor,
            "merge_id": merge.id,
        });
        let now = self.now();
        let event = NewEvent::new(kind, merge.resident, data, now);
        events::append(tx, event.traceparent(ctx.traceparent())).await?;
        for resident in [merge.resident, merge.survivor] {
            let of = Revoked::Party(Party::Resident(resident));
            self.take_tokens_back(tx, ctx, of, false, "the registrations of a person changed".to_owned()).await?;
        }
        let enrolments = enrolments::of_resident(tx, merge.resident, None).await?;
        if let Some(from) = enrolments.iter().map(|enrolment| enrolment.terms.from).min() {
            for resident in [merge.resident, merge.survivor] {
                coverage_changed::tell(tx, ctx, resident, from, now).await?;
            }
        }
        Ok(())
    }
}
