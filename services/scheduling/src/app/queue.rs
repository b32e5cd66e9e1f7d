//! Queues on the day: where somebody stands, and who is called next.

use std::sync::Arc;

use chassis::{Context, Guarded, Permitted};
use chrono::{DateTime, TimeDelta, Utc};
use postgres::{
    Begun, Call, Reply, Scope, Transaction,
    audit::{self, Entry},
    events::{self, NewEvent},
};
use serde_json::json;
use types::ids::{OrganisationId, ResidentId, SessionId, VisitId};

use super::{Scheduling, get::Whose};
use crate::{
    domain::{
        error::SchedulingError,
        queue::{Class, Line, LineId, Rules, Standing, State, Ticket, expected_wait, order, pace},
    },
    store::{queue_lines, queue_tickets},
};

/// Who checked in longer ago waits no more.
const DAY: TimeDelta = TimeDelta::hours(24);

pub(super) fn day_of(now: DateTime<Utc>) -> DateTime<Utc> {
    now - DAY
}

impl Guarded for Ticket {
    const NOT_FOUND: &'static str = "TICKET_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        Some(self.resident)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![self.organisation]
    }
}

impl Guarded for Standing {
    const NOT_FOUND: &'static str = Ticket::NOT_FOUND;

    fn resident(&self) -> Option<ResidentId> {
        self.ticket.resident()
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        self.ticket.organisations()
    }
}

/// Everybody in a line: inside, then waiting in their order, then those who are gone.
pub(super) type Everybody = Arc<Vec<Standing>>;

impl Scheduling {
    pub async fn queue_position(&self, ctx: &Context, visit: VisitId) -> Result<Permitted<Standing>, SchedulingError> {
        self.check_view(ctx).await?;
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let ticket = queue_tickets::find(&mut tx, visit).await?.ok_or(SchedulingError::TicketNotFound)?;
        let ticket = ctx.permit(ticket)?;
        let everybody = stand(&mut tx, ticket.line, self.queue_rules, self.clock.now()).await?;
        record(&mut tx, ctx, "scheduling.ticket.get", &ticket).await?;
        tx.commit().await?;
        let standing = everybody.into_iter().find(|standing| standing.ticket.visit == visit);
        Ok(ctx.permit(standing.ok_or(SchedulingError::TicketNotFound)?)?)
    }

    /// Who is inside, then who waits.
    pub async fn queue(
        &self,
        ctx: &Context,
        organisation: OrganisationId,
        session: Option<SessionId>,
    ) -> Result<Vec<Permitted<Standing>>, SchedulingError> {
        const LISTED_MAX: usize = 200;
        ctx.permit(Whose::Providers(organisation))?;
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let line = LineId::of(organisation, session);
        let everybody = stand(&mut tx, line, self.queue_rules, self.clock.now()).await?;
        let there = everybody.into_iter().filter(|standing| !standing.ticket.state.is_over()).take(LISTED_MAX);
        let there = ctx.permit_all(there.collect())?;
        for standing in &there {
            record(&mut tx, ctx, "scheduling.ticket.list", &standing.ticket).await?;
        }
        tx.commit().await?;
        Ok(there)
    }

    pub async fn call_next(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Standing>>,
        organisation: OrganisationId,
        session: Option<SessionId>,
    ) -> Result<Reply<Permitted<Standing>>, SchedulingError> {
        if let Some(reply) = self.db.replay(call).await? {
            return Ok(reply);
        }
        ctx.permit(Whose::Providers(organisation))?;
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let line = calling(&mut tx, LineId::of(organisation, session)).await?;
        let now = self.clock.now();
        let tickets = queue_tickets::of_line(&mut tx, line.id, day_of(now)).await?;
        let next =
            order(&tickets, self.queue_rules).first().map(|next| next.visit).ok_or(SchedulingError::NobodyWaiting)?;
        let by = ctx.caller.acting();
        let mut called = None;
        for ticket in tickets {
            let is_done = matches!(&ticket.state, State::Called(called) if called.by == *by);
            if ticket.visit == next {
                called = Some(ticket.call(by.clone(), now));
            } else if is_done {
                let seen = ticket.end(true, now);
                queue_tickets::update(&mut tx, &seen).await?;
                record(&mut tx, ctx, "scheduling.ticket.end", &seen).await?;
            }
        }
        let called = called.ok_or(SchedulingError::NobodyWaiting)?;
        let called = self.changed(&mut tx, ctx, Change::Called, called, line).await?;
        Ok(call.commit(tx, called).await?)
    }

    pub async fn recall(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Standing>>,
        visit: VisitId,
    ) -> Result<Reply<Permitted<Standing>>, SchedulingError> {
        self.change_ticket(ctx, call, visit, Change::Recalled).await
    }

    pub async fn pass(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Standing>>,
        visit: VisitId,
    ) -> Result<Reply<Permitted<Standing>>, SchedulingError> {
        self.change_ticket(ctx, call, visit, Change::Passed).await
    }

    async fn change_ticket(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Standing>>,
        visit: VisitId,
        change: Change,
    ) -> Result<Reply<Permitted<Standing>>, SchedulingError> {
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let ticket = queue_tickets::find(&mut tx, visit).await?.ok_or(SchedulingError::TicketNotFound)?;
        let line = calling(&mut tx, ctx.permit(ticket)?.line).await?;
        let now = self.clock.now();
        let tickets = queue_tickets::of_line(&mut tx, line.id, day_of(now)).await?;
        let ticket = queue_tickets::lock(&mut tx, visit).await?.ok_or(SchedulingError::TicketNotFound)?;
        let ticket = match change {
            Change::Called | Change::Recalled => ticket.recall()?,
            Change::Passed => ticket.pass(&tickets, self.queue_rules, now)?,
        };
        let changed = self.changed(&mut tx, ctx, change, ticket, line).await?;
        Ok(call.commit(tx, changed).await?)
    }

    /// Writes, tells and records what happened to somebody.
    async fn changed(
        &self,
        tx: &mut Transaction,
        ctx: &Context,
        change: Change,
        ticket: Ticket,
        line: Line,
    ) -> Result<Permitted<Standing>, SchedulingError> {
        queue_tickets::update(tx, &ticket).await?;
        let data = json!({
            "resident_id": ticket.resident,
            "provider_organisation_id": ticket.organisation,
            "line_id": line.id.0,
            "room": line.room,
        });
        let event = NewEvent::new(change.event(), ticket.visit, data, self.clock.now());
        events::append(tx, event.traceparent(ctx.traceparent())).await?;
        record(tx, ctx, change.action(), &ticket).await?;
        let everybody = stand(tx, line.id, self.queue_rules, self.clock.now()).await?;
        let standing = everybody.into_iter().find(|standing| standing.ticket.visit == ticket.visit);
        Ok(ctx.permit(standing.unwrap_or_else(|| alone(ticket, &line)))?)
    }
}

/// What happens to somebody in a queue.
#[derive(Debug, Clone, Copy)]
enum Change {
    Called,
    Recalled,
    Passed,
}

impl Change {
    const fn event(self) -> &'static str {
        match self {
            Self::Called | Self::Recalled => "anjia.scheduling.ticket.called.v1",
            Self::Passed => "anjia.scheduling.ticket.passed.v1",
        }
    }

    const fn action(self) -> &'static str {
        match self {
            Self::Called => "scheduling.ticket.call",
            Self::Recalled => "scheduling.ticket.recall",
            Self::Passed => "scheduling.ticket.pass",
        }
    }
}

/// The line that is called for this one, kept from others until the end of the transaction.
async fn calling(tx: &mut Transaction, id: LineId) -> Result<Line, SchedulingError> {
    let leading = queue_lines::leading(tx, id).await?.id;
    let line = queue_lines::lock(tx, leading).await?;
    match line.called_with {
        None => Ok(line),
        // It was moved meanwhile.
        Some(moved_to) => queue_lines::lock(tx, moved_to).await,
    }
}

/// Everybody in the line that is called for this one, where they stand.
pub(super) async fn stand(
    tx: &mut Transaction,
    id: LineId,
    rules: Rules,
    now: DateTime<Utc>,
) -> Result<Vec<Standing>, SchedulingError> {
    let line = queue_lines::leading(tx, id).await?;
    let tickets = queue_tickets::of_line(tx, line.id, day_of(now)).await?;
    let plan = queue_lines::plan(tx, line.id).await?;
    let pace = pace(&tickets, plan.usual);
    let called = tickets.iter().filter(|ticket| matches!(ticket.state, State::Called(_)));
    let mut everybody: Vec<Standing> = called.map(|ticket| alone(ticket.clone(), &line)).collect();
    let mut before_of: Vec<Class> = vec![];
    for (before, ticket) in order(&tickets, rules).into_iter().enumerate() {
        everybody.push(Standing {
            before: Some(before),
            urgent: before_of.iter().filter(|class| **class < ticket.class).count(),
            wait: expected_wait(&tickets, before, pace, plan.begins_at.unwrap_or(now), now),
            ..alone(ticket.clone(), &line)
        });
        before_of.push(ticket.class);
    }
    everybody.extend(tickets.iter().filter(|ticket| ticket.state.is_over()).map(|ticket| alone(ticket.clone(), &line)));
    Ok(everybody)
}

/// Nobody is before somebody who does not wait.
fn alone(ticket: Ticket, line: &Line) -> Standing {
    let (room, practitioner) = (line.room.clone(), line.practitioner);
    Standing { ticket, before: None, urgent: 0, wait: TimeDelta::zero(), room, practitioner }
}

pub(super) async fn record(
    tx: &mut Transaction,
    ctx: &Context,
    action: &'static str,
    ticket: &Ticket,
) -> Result<(), SchedulingError> {
    let entry = Entry::new(&ctx.caller, action).resident(ticket.resident).row("queue_tickets", ticket.visit);
    Ok(audit::record(tx, entry).await?)
}
