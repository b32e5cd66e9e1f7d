//! Whoever checks in joins a queue; whose visit ends leaves it.

use chassis::Context;
use chrono::{DateTime, Utc};
use postgres::{
    Transaction,
    audit::{self, Entry},
};
use types::{
    care::CareKind,
    clock::local_date,
    ids::{OrganisationId, PractitionerId, ReferralId, ResidentId, SessionId},
};

use super::{Scheduling, queue::day_of};
use crate::{
    domain::{
        error::SchedulingError,
        queue::{Class, Known, Line, LineId, State, Ticket},
        visit::{Ended, Visit},
    },
    peers::identity::Patient,
    store::{queue_lines, queue_tickets},
};

/// Which queue, and why before others.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) session: Option<SessionId>,
    /// Start of the slot.
    pub(super) due_at: Option<DateTime<Utc>>,
    pub(super) class: Class,
}

/// What is said of somebody who checks in.
#[derive(Debug, Clone)]
pub(super) struct Said<'a> {
    pub(super) kind: CareKind,
    pub(super) referral: Option<ReferralId>,
    /// By the desk.
    pub(super) seen: &'a [Class],
}

/// A stay begins with a bed, not with a queue.
const fn queues(kind: CareKind) -> bool {
    !matches!(kind, CareKind::Inpatient)
}

impl Scheduling {
    /// The class of somebody who keeps an appointment. A check-in does not wait for identity where nothing but the order of a queue depends on it.
    pub(super) async fn class_of(
        &self,
        ctx: &Context,
        resident: ResidentId,
        said: Said<'_>,
    ) -> Result<Class, SchedulingError> {
        if !queues(said.kind) {
            return Ok(Class::Ordinary);
        }
        match self.identity.patient(ctx, resident, local_date(self.clock.now())).await {
            Ok(patient) => Ok(self.class(Some(&patient), &said)),
            Err(SchedulingError::PeerUnavailable { .. } | SchedulingError::ResidentNotFound) => {
                Ok(self.class(None, &said))
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn class(&self, patient: Option<&Patient>, said: &Said<'_>) -> Class {
        let today = local_date(self.clock.now());
        Class::of(&Known {
            is_emergency: said.kind == CareKind::Emergency,
            age_years: patient.and_then(|patient| today.years_since(patient.birth_date)),
            is_disabled: patient.is_some_and(|patient| patient.is_disabled),
            is_referred: said.referral.is_some(),
            seen: said.seen.to_vec(),
        })
    }

    /// In the transaction of the check-in. Whose visit is over joins for the record alone, and is before nobody.
    pub(super) async fn join_queue(
        &self,
        tx: &mut Transaction,
        ctx: &Context,
        visit: &Visit,
        place: Place,
    ) -> Result<(), SchedulingError> {
        if !queues(visit.kind) {
            return Ok(());
        }
        let (line, is_new) = open_line(tx, visit.organisation, place.session).await?;
        let others = if visit.ended.is_some() {
            vec![]
        } else {
            let leading = queue_lines::leading(tx, line).await?;
            queue_tickets::of_line(tx, leading.id, day_of(self.clock.now())).await?
        };
        let joined_at = visit.opened_at;
        let ticket = Ticket {
            visit: visit.id,
            number: 0,
            resident: visit.resident,
            organisation: visit.organisation,
            line,
            class: place.class,
            due_at: place.due_at,
            joined_at,
            turn_at: self.queue_rules.turn(place.due_at, joined_at, place.class, &others),
            calls: 0,
            passes: 0,
            state: State::Waiting,
        };
        let ticket = match visit.ended {
            Some(ended) => ticket.end(ended.is_seen(), ended.at),
            None => ticket,
        };
        queue_tickets::insert(tx, &ticket).await?;
        let entry = Entry::new(&ctx.caller, "scheduling.ticket.join").resident(visit.resident);
        let entry = entry.row("queue_tickets", visit.id);
        let entry = if is_new { entry.row("queue_lines", line.0) } else { entry };
        Ok(audit::record(tx, entry).await?)
    }

    /// In the transaction that ends the visit.
    pub(super) async fn leave_queue(
        &self,
        tx: &mut Transaction,
        ctx: &Context,
        visit: &Visit,
        ended: Ended,
    ) -> Result<(), SchedulingError> {
        let Some(ticket) = queue_tickets::lock(tx, visit.id).await?.filter(|ticket| !ticket.state.is_over()) else {
            return Ok(());
        };
        let ticket = ticket.end(ended.is_seen(), ended.at);
        queue_tickets::update(tx, &ticket).await?;
        let entry = Entry::new(&ctx.caller, "scheduling.ticket.end").resident(visit.resident);
        Ok(audit::record(tx, entry.row("queue_tickets", visit.id)).await?)
    }
}

/// The line of a provider's session, or its own; and whether nobody had joined it before.
pub(super) async fn open_line(
    tx: &mut Transaction,
    organisation: OrganisationId,
    session: Option<SessionId>,
) -> Result<(LineId, bool), SchedulingError> {
    let practitioner = match session {
        Some(session) => practitioner_of(tx, organisation, session).await?,
        None => None,
    };
    let id = LineId::of(organisation, session);
    let line = Line { id, organisation, practitioner, room: String::new(), called_with: None };
    Ok((id, queue_lines::open(tx, &line).await?))
}

/// Who works in a session of this provider.
pub(super) async fn practitioner_of(
    tx: &mut Transaction,
    organisation: OrganisationId,
    session: SessionId,
) -> Result<Option<PractitionerId>, SchedulingError> {
    let (owner, practitioner) = queue_lines::of_session(tx, session).await?;
    if owner == organisation { Ok(practitioner) } else { Err(SchedulingError::SessionNotFound) }
}
