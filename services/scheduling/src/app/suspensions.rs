//! Suspensions of online booking: who sees them, who objects, and who decides.

use chassis::{Context, Guarded, Permitted};
use chrono::{DateTime, Utc};
use postgres::{
    Begun, Call, Reply, Scope, Transaction,
    audit::{self, Entry},
    events::{self, NewEvent},
    paging::{Page, PageRequest},
};
use types::ids::{OrganisationId, ResidentId, SuspensionId};

use super::{Scheduling, no_show::told};
use crate::{
    domain::{
        absence::{Decision, Ground, Suspension},
        error::SchedulingError,
    },
    store::suspensions::{self, ListKey},
};

/// Whose suspensions are asked about; nobody's in particular where an officer looks for appeals.
struct Whose(Option<ResidentId>);

impl Guarded for Whose {
    const NOT_FOUND: &'static str = Suspension::NOT_FOUND;

    fn resident(&self) -> Option<ResidentId> {
        self.0
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![]
    }
}

impl Guarded for Suspension {
    const NOT_FOUND: &'static str = "SUSPENSION_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        Some(self.resident)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![]
    }
}

/// What happens to a suspension.
#[derive(Clone, Copy)]
struct Change {
    event: &'static str,
    action: &'static str,
}

const APPEALED: Change =
    Change { event: "anjia.scheduling.suspension.appealed.v1", action: "scheduling.suspension.appeal" };
const LIFTED: Change = Change { event: "anjia.scheduling.suspension.lifted.v1", action: "scheduling.suspension.lift" };
const UPHELD: Change =
    Change { event: "anjia.scheduling.suspension.upheld.v1", action: "scheduling.suspension.uphold" };

impl Scheduling {
    pub async fn suspensions(
        &self,
        ctx: &Context,
        resident: Option<ResidentId>,
        page: &PageRequest<ListKey>,
    ) -> Result<Page<Permitted<Suspension>>, SchedulingError> {
        ctx.permit(Whose(resident))?;
        self.check_view(ctx).await?;
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let rows = suspensions::list(&mut tx, resident, page.after(), page.limit()).await?;
        let page = page
            .page(rows, |last| (last.since, last.id))
            .map_err(|error| SchedulingError::field("page", error.to_string()))?;
        for suspension in &page.items {
            audit::record(&mut tx, entry(ctx, "scheduling.suspension.list", suspension)).await?;
        }
        tx.commit().await?;
        Ok(Page { items: ctx.permit_all(page.items)?, next_page_token: page.next_page_token })
    }

    pub async fn appeal(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Suspension>>,
        (id, resident): (SuspensionId, ResidentId),
        ground: Ground,
    ) -> Result<Reply<Permitted<Suspension>>, SchedulingError> {
        if let Some(reply) = self.db.replay(call).await? {
            return Ok(reply);
        }
        ctx.permit(Whose(Some(resident)))?;
        self.may_book_for(ctx, resident, None).await?;
        let now = self.clock.now();
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let appealed = suspensions::lock(&mut tx, id).await?.appeal(ground, now)?;
        let appealed = ctx.permit(appealed)?;
        record(&mut tx, ctx, APPEALED, &appealed, now).await?;
        Ok(call.commit(tx, appealed).await?)
    }

    pub async fn lift(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Suspension>>,
        id: SuspensionId,
        reason: String,
    ) -> Result<Reply<Permitted<Suspension>>, SchedulingError> {
        let (decision, now) = self.decision(ctx, reason);
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let before = suspensions::lock(&mut tx, id).await?;
        let lifted = ctx.permit(before.clone().lift(decision))?;
        if *lifted != before {
            record(&mut tx, ctx, LIFTED, &lifted, now).await?;
        }
        Ok(call.commit(tx, lifted).await?)
    }

    pub async fn dismiss_appeal(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Suspension>>,
        id: SuspensionId,
        reason: String,
    ) -> Result<Reply<Permitted<Suspension>>, SchedulingError> {
        let (decision, now) = self.decision(ctx, reason);
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let upheld = ctx.permit(suspensions::lock(&mut tx, id).await?.uphold(decision)?)?;
        record(&mut tx, ctx, UPHELD, &upheld, now).await?;
        Ok(call.commit(tx, upheld).await?)
    }

    fn decision(&self, ctx: &Context, reason: String) -> (Decision, DateTime<Utc>) {
        let now = self.clock.now();
        (Decision { at: now, by: ctx.caller.acting().clone(), reason }, now)
    }
}

fn entry(ctx: &Context, action: &'static str, suspension: &Suspension) -> Entry {
    Entry::new(&ctx.caller, action).resident(suspension.resident).row("suspensions", suspension.id)
}

async fn record(
    tx: &mut Transaction,
    ctx: &Context,
    change: Change,
    suspension: &Suspension,
    now: DateTime<Utc>,
) -> Result<(), SchedulingError> {
    suspensions::update(tx, suspension).await?;
    let event = NewEvent::new(change.event, suspension.id, told(suspension), now).traceparent(ctx.traceparent());
    events::append(tx, event).await?;
    Ok(audit::record(tx, entry(ctx, change.action, suspension)).await?)
}
