//! What every change leaves behind in its transaction: an event for others, an entry in the audit.

use chassis::{Context, Guarded, telemetry};
use chrono::{DateTime, Utc};
use postgres::{
    Transaction,
    audit::{self, Entry},
    events::{self, NewEvent},
};
use serde_json::{Value, json};
use types::{
    caller::Caller,
    ids::{OrganisationId, ResidentId},
};

use crate::domain::{
    appointment::{Appointment, State},
    error::SchedulingError,
    visit::Visit,
};

/// Who did it.
#[derive(Clone, Copy)]
pub(super) enum By<'a> {
    Caller(&'a Context),
    /// Scheduling itself, such as when a hold runs out.
    Service,
}

/// What happened to an appointment.
#[derive(Clone, Copy)]
pub(super) enum Change {
    Held,
    Confirmed,
    Cancelled,
    Expired,
    /// It is firm in another place.
    Rescheduled,
    /// The provider took its place back, and keeps another one for it.
    Displaced,
    /// The patient did not come.
    NoShow,
    /// It stands; the delegation it was booked under does not any more.
    DelegationRevoked,
    /// Told by the event of its visit.
    Kept,
    /// Told by adjudication.
    Quoted,
}

impl By<'_> {
    pub(super) fn entry(self, action: &'static str) -> Entry {
        match self {
            Self::Caller(ctx) => Entry::new(&ctx.caller, action),
            Self::Service => Entry::by_service("scheduling", action),
        }
    }

    pub(super) fn traceparent(self) -> Option<String> {
        match self {
            Self::Caller(ctx) => ctx.traceparent(),
            Self::Service => None,
        }
    }
}

impl Change {
    const fn event(self) -> Option<&'static str> {
        match self {
            Self::Held => Some("anjia.scheduling.appointment.held.v1"),
            Self::Confirmed => Some("anjia.scheduling.appointment.confirmed.v1"),
            Self::Cancelled => Some("anjia.scheduling.appointment.cancelled.v1"),
            Self::Expired => Some("anjia.scheduling.appointment.expired.v1"),
            Self::Rescheduled => Some("anjia.scheduling.appointment.rescheduled.v1"),
            Self::Displaced => Some("anjia.scheduling.appointment.displaced.v1"),
            Self::NoShow => Some("anjia.scheduling.appointment.no_show.v1"),
            Self::DelegationRevoked => Some("anjia.scheduling.appointment.delegation_revoked.v1"),
            Self::Kept | Self::Quoted => None,
        }
    }

    const fn action(self) -> &'static str {
        match self {
            Self::Held => "scheduling.appointment.hold",
            Self::Confirmed => "scheduling.appointment.confirm",
            Self::Cancelled => "scheduling.appointment.cancel",
            Self::Expired => "scheduling.appointment.expire",
            Self::Rescheduled => "scheduling.appointment.reschedule",
            Self::Displaced => "scheduling.appointment.displace",
            Self::NoShow => "scheduling.appointment.no_show",
            Self::DelegationRevoked => "scheduling.appointment.delegation_revoked",
            Self::Kept => "scheduling.appointment.keep",
            Self::Quoted => "scheduling.appointment.quote",
        }
    }
}

pub(super) async fn appointment_changed(
    tx: &mut Transaction,
    by: By<'_>,
    change: Change,
    appointment: &Appointment,
    now: DateTime<Utc>,
) -> Result<(), SchedulingError> {
    if let By::Caller(_) = by {
        telemetry::journey(appointment.journey);
    }
    if let Some(event) = event(change, appointment, now) {
        events::append(tx, event.traceparent(by.traceparent())).await?;
    }
    audit::record(tx, appointment_row(by.entry(change.action()), appointment)).await?;
    Ok(())
}

/// What a change that a caller made leaves behind, for whoever writes many at once.
pub(super) fn told(
    caller: &Caller,
    change: Change,
    appointment: &Appointment,
    now: DateTime<Utc>,
) -> (Option<NewEvent>, Entry) {
    (event(change, appointment, now), appointment_row(Entry::new(caller, change.action()), appointment))
}

fn event(change: Change, appointment: &Appointment, now: DateTime<Utc>) -> Option<NewEvent> {
    let mut data = appointment_data(appointment);
    if matches!(change, Change::Rescheduled | Change::Displaced) {
        data["slot_id"] = json!(appointment.slot.id);
        data["starts_at"] = json!(appointment.slot.starts_at);
    }
    if let State::Displaced(until) = appointment.state {
        data["until"] = json!(until);
    }
    change.event().map(|kind| NewEvent::new(kind, appointment.id, data, now))
}

pub(super) async fn appointment_read(
    tx: &mut Transaction,
    ctx: &Context,
    action: &'static str,
    appointment: &Appointment,
) -> Result<(), SchedulingError> {
    Ok(audit::record(tx, appointment_row(Entry::new(&ctx.caller, action), appointment)).await?)
}

/// `kind` is the event that tells of it.
pub(super) async fn visit_changed(
    tx: &mut Transaction,
    ctx: &Context,
    kind: &'static str,
    action: &'static str,
    visit: &Visit,
    now: DateTime<Utc>,
) -> Result<(), SchedulingError> {
    telemetry::journey(visit.journey);
    let event = NewEvent::new(kind, visit.id, visit_data(visit), now).traceparent(ctx.traceparent());
    events::append(tx, event).await?;
    visit_read(tx, ctx, action, visit).await
}

pub(super) async fn visit_read(
    tx: &mut Transaction,
    ctx: &Context,
    action: &'static str,
    visit: &Visit,
) -> Result<(), SchedulingError> {
    let entry = Entry::new(&ctx.caller, action).resident(visit.resident).row("visits", visit.id);
    Ok(audit::record(tx, entry).await?)
}

fn appointment_row(entry: Entry, appointment: &Appointment) -> Entry {
    entry.resident(appointment.resident).row("appointments", appointment.id)
}

/// The keys are part of the contract: see `event_service.proto`. What there is none of is empty, as in messages.
fn appointment_data(appointment: &Appointment) -> Value {
    let mut data = json!({
        "resident_id": appointment.resident,
        "provider_organisation_id": appointment.organisation,
        "referral_id": appointment.referral.map(|id| id.to_string()).unwrap_or_default(),
        "journey_id": appointment.journey,
        "booked_by": appointment.booked_by,
        "delegation_id": appointment.delegation.map(|id| id.to_string()).unwrap_or_default(),
    });
    if appointment.revision > 1 {
        data["revision"] = json!(appointment.revision);
    }
    if let State::Cancelled(cancellation) = &appointment.state {
        data["by"] = json!(cancellation.by.as_str());
    }
    data
}

fn visit_data(visit: &Visit) -> Value {
    json!({
        "resident_id": visit.resident,
        "kind": visit.kind.as_str(),
        "opened_at": visit.opened_at,
        "provider_organisation_id": visit.organisation,
        "appointment_id": visit.appointment.map(|id| id.to_string()).unwrap_or_default(),
        "referral_id": visit.referral.map(|id| id.to_string()).unwrap_or_default(),
        "outcome": visit.ended.map(|ended| ended.outcome.as_str()).unwrap_or_default(),
    })
}

impl Guarded for Appointment {
    const NOT_FOUND: &'static str = "APPOINTMENT_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        Some(self.resident)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![self.organisation]
    }
}

impl Guarded for Visit {
    const NOT_FOUND: &'static str = "VISIT_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        Some(self.resident)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![self.organisation]
    }
}
