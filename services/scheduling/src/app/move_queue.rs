//! A doctor has moved, or another takes over: a line goes to another room or doctor, or is called with that of another session.

use chassis::Context;
use chrono::{DateTime, Utc};
use postgres::{
    Begun, Call, Reply, Transaction,
    audit::{self, Entry},
    events::{self, NewEvent},
};
use serde_json::json;
use types::ids::{OrganisationId, PractitionerId, SessionId};

use super::{
    Scheduling,
    get::Whose,
    join_queue::{open_line, practitioner_of},
    queue::stand,
};
use crate::{
    domain::{
        error::SchedulingError,
        queue::{Line, LineId},
    },
    store::queue_lines,
};

#[derive(Debug, Clone)]
pub struct MoveQueue {
    pub organisation: OrganisationId,
    pub session: Option<SessionId>,
    /// With whose line it is called from now on; none: by itself.
    pub to: Option<SessionId>,
    pub room: String,
    /// None for the session's doctor.
    pub practitioner: Option<PractitionerId>,
}

/// How many wait in the line that was moved.
#[derive(Debug, Clone, Copy)]
pub struct Moved {
    pub waiting: usize,
}

impl Scheduling {
    pub async fn move_queue(
        &self,
        ctx: &Context,
        call: &Call<Moved>,
        wish: MoveQueue,
    ) -> Result<Reply<Moved>, SchedulingError> {
        if let Some(reply) = self.db.replay(call).await? {
            return Ok(reply);
        }
        ctx.permit(Whose::Providers(wish.organisation))?;
        if wish.to.is_some() && wish.to == wish.session {
            return Err(SchedulingError::field("to_session_id", "must be another session"));
        }
        if let Some(practitioner) = wish.practitioner
            && self.identity.employer(ctx, practitioner).await? != wish.organisation
        {
            return Err(SchedulingError::PractitionerNotFound);
        }

        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let own_doctor = match wish.session {
            Some(session) => practitioner_of(&mut tx, wish.organisation, session).await?,
            None => None,
        };
        let (id, _) = open_line(&mut tx, wish.organisation, wish.session).await?;
        let line = queue_lines::lock(&mut tx, id).await?;
        let (leading, mut changed) = match wish.to {
            Some(to) => {
                let (leading, changed) = regroup(&mut tx, wish.organisation, id, to).await?;
                (Some(leading), changed)
            }
            None => (None, vec![]),
        };
        let line =
            Line { practitioner: wish.practitioner.or(own_doctor), room: wish.room, called_with: leading, ..line };
        changed.push(line.clone());
        let now = self.clock.now();
        record(&mut tx, ctx, &changed, &line, now).await?;
        let everybody = stand(&mut tx, id, self.queue_rules, now).await?;
        // Of a line that is called with another its own.
        let waits = everybody.iter().filter(|it| it.before.is_some() && (leading.is_none() || it.ticket.line == id));
        let waiting = waits.count();
        Ok(call.commit(tx, Moved { waiting }).await?)
    }
}

/// Which line leads from now on where one is called with that of another session, and what else changes with it.
async fn regroup(
    tx: &mut Transaction,
    organisation: OrganisationId,
    id: LineId,
    to: SessionId,
) -> Result<(LineId, Vec<Line>), SchedulingError> {
    let (to, _) = open_line(tx, organisation, Some(to)).await?;
    let target = queue_lines::lock(tx, to).await?;
    // Whoever was called with this one leads it now, or is led with it.
    let leading = target.called_with.filter(|with| *with != id).unwrap_or(to);
    let following = queue_lines::following(tx, id).await?.into_iter();
    let mut changed: Vec<Line> =
        following.map(|other| Line { called_with: Some(leading).filter(|lead| *lead != other.id), ..other }).collect();
    // Also one that was opened only now.
    if changed.iter().all(|other| other.id != to) {
        changed.push(target);
    }
    Ok((leading, changed))
}

/// Writes, tells and records.
async fn record(
    tx: &mut Transaction,
    ctx: &Context,
    changed: &[Line],
    moved: &Line,
    now: DateTime<Utc>,
) -> Result<(), SchedulingError> {
    let mut entry = Entry::new(&ctx.caller, "scheduling.queue.move");
    for line in changed {
        queue_lines::update(tx, line).await?;
        entry = entry.row("queue_lines", line.id.0);
    }
    let data = json!({
        "provider_organisation_id": moved.organisation,
        "called_with": moved.called_with.map(|with| with.0.to_string()).unwrap_or_default(),
        "room": moved.room,
        "practitioner_id": moved.practitioner.map(|id| id.to_string()).unwrap_or_default(),
    });
    let event = NewEvent::new("anjia.scheduling.queue.moved.v1", moved.id.0, data, now);
    events::append(tx, event.traceparent(ctx.traceparent())).await?;
    Ok(audit::record(tx, entry).await?)
}
