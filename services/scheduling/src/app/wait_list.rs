//! Joins and leaves the line for a place, and tells where in it somebody stands.

use chassis::{Context, Guarded, Permitted};
use chrono::{DateTime, Utc};
use postgres::{
    Begun, Call, Reply, Scope, Transaction,
    audit::{self, Entry as Recorded},
};
use types::{
    care::CareKind,
    clock::local_date,
    ids::{DepartmentId, OrganisationId, ResidentId, WaitListEntryId},
};

use super::Scheduling;
use crate::{
    domain::{
        emergency,
        error::SchedulingError,
        wait_list::{self, Entry, LINES_MAX, State},
    },
    store::{patients, wait_list as entries},
};

/// What somebody wants to wait for.
#[derive(Debug, Clone, Copy)]
pub struct Join {
    pub resident: ResidentId,
    pub organisation: OrganisationId,
    pub department: Option<DepartmentId>,
    pub kind: CareKind,
    pub from: Option<DateTime<Utc>>,
    pub until: DateTime<Utc>,
}

/// Whose waiting is asked about.
struct Whose(ResidentId);

impl Guarded for Entry {
    const NOT_FOUND: &'static str = "WAIT_LIST_ENTRY_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        Some(self.resident)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![]
    }
}

impl Guarded for Whose {
    const NOT_FOUND: &'static str = Entry::NOT_FOUND;

    fn resident(&self) -> Option<ResidentId> {
        Some(self.0)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![]
    }
}

impl Scheduling {
    pub async fn join(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Entry>>,
        wish: Join,
    ) -> Result<Reply<Permitted<Entry>>, SchedulingError> {
        if let Some(reply) = self.db.replay(call).await? {
            return Ok(reply);
        }
        ctx.permit(Whose(wish.resident))?;
        // An offer is a booking.
        emergency::check(&ctx.caller, wish.kind)?;
        let ground = self.may_book_for(ctx, wish.resident, None).await?;
        ground.check_reach(wish.kind, wish.organisation)?;
        let now = self.clock.now();
        let span = wait_list::span(wish.from, wish.until, now)?;
        self.identity.provider(ctx, wish.organisation).await?;
        if !ctx.caller.is(wish.resident) {
            self.identity.patient(ctx, wish.resident, local_date(now)).await?;
        }

        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        patients::lock(&mut tx, wish.resident).await?;
        let over = entries::lapse(&mut tx, wish.resident, now).await?;
        if !over.is_empty() {
            let entry = Recorded::new(&ctx.caller, "scheduling.wait_list.lapse").resident(wish.resident);
            audit::record(&mut tx, over.iter().fold(entry, |entry, id| entry.row("wait_list_entries", id))).await?;
        }
        if entries::lines(&mut tx, wish.resident, now).await? >= LINES_MAX {
            return Err(SchedulingError::WaitListLimit);
        }
        let entry = Entry {
            id: WaitListEntryId::generate(),
            resident: wish.resident,
            organisation: wish.organisation,
            department: wish.department,
            kind: wish.kind,
            span,
            joined_by: ctx.caller.acting().clone(),
            delegation: ground.delegation,
            uses_max: ground.uses_max(),
            joined_at: now,
            state: State::Waiting,
            before: 0,
        };
        entries::insert(&mut tx, &entry).await?;
        let entry = entries::find(&mut tx, entry.id).await?;
        record(&mut tx, ctx, "scheduling.wait_list.join", &entry).await?;
        let entry = ctx.permit(entry)?;
        Ok(call.commit(tx, entry).await?)
    }

    pub async fn leave(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Entry>>,
        id: WaitListEntryId,
    ) -> Result<Reply<Permitted<Entry>>, SchedulingError> {
        if let Some(reply) = self.db.replay(call).await? {
            return Ok(reply);
        }
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let entry = ctx.permit(entries::find(&mut tx, id).await?)?;
        tx.commit().await?;
        self.may_book_for(ctx, entry.resident, None).await?;

        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        // In the order in which everybody locks: whoever offers a place to a person has the person.
        patients::lock(&mut tx, entry.resident).await?;
        let before = entries::lock(&mut tx, id).await?;
        let left = match before.state {
            State::Waiting => {
                entries::update(&mut tx, id, State::Left).await?;
                Entry { state: State::Left, ..before }
            }
            State::Offered(_) | State::Left | State::Lapsed => before,
        };
        record(&mut tx, ctx, "scheduling.wait_list.leave", &left).await?;
        let left = ctx.permit(left)?;
        Ok(call.commit(tx, left).await?)
    }

    pub async fn waiting(&self, ctx: &Context, resident: ResidentId) -> Result<Vec<Permitted<Entry>>, SchedulingError> {
        ctx.permit(Whose(resident))?;
        self.check_view(ctx).await?;
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let found = entries::of_resident(&mut tx, resident).await?;
        for entry in &found {
            record(&mut tx, ctx, "scheduling.wait_list.list", entry).await?;
        }
        tx.commit().await?;
        Ok(ctx.permit_all(found)?)
    }
}

async fn record(
    tx: &mut Transaction,
    ctx: &Context,
    action: &'static str,
    entry: &Entry,
) -> Result<(), SchedulingError> {
    let recorded = Recorded::new(&ctx.caller, action).resident(entry.resident).row("wait_list_entries", entry.id);
    Ok(audit::record(tx, recorded).await?)
}
