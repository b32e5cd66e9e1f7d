//! The patient did not come: the provider says so, or nobody has said anything for three days. Who does not come again and again books
//! online no more for a while.

use chassis::{Context, Permitted};
use chrono::{DateTime, Utc};
use postgres::{
    Begun, Call, Reply, Scope, Transaction, audit,
    events::{self, NewEvent},
};
use serde_json::{Value, json};
use types::{ids::AppointmentId, region::RegionCode};

use super::{
    Scheduling,
    records::{By, Change, appointment_changed},
};
use crate::{
    domain::{
        absence::{self, Suspension, UNANSWERED_FOR},
        appointment::{Appointment, State},
        error::SchedulingError,
    },
    store::{appointments, patients, suspensions},
};

/// Looked at in one round at most.
const BATCH_MAX: i64 = 100;

impl Scheduling {
    pub async fn mark_no_show(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Appointment>>,
        id: AppointmentId,
    ) -> Result<Reply<Permitted<Appointment>>, SchedulingError> {
        if let Some(reply) = self.db.replay(call).await? {
            return Ok(reply);
        }
        let appointment = self.permitted(ctx, id).await?;
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let missed = self.miss(&mut tx, By::Caller(ctx), &appointment, self.clock.now()).await?;
        let missed = ctx.permit(missed)?;
        Ok(call.commit(tx, missed).await?)
    }

    /// Calls missed what ended three days ago and of which nobody has said whether the patient came; true if there may be more.
    pub async fn miss_unanswered(&self) -> Result<bool, SchedulingError> {
        let now = self.clock.now();
        let mut tx = self.db.begin(Scope::Worker).await?;
        let due = appointments::unanswered(&mut tx, now - UNANSWERED_FOR, BATCH_MAX).await?;
        tx.commit().await?;
        let mut missed = 0;
        for (id, region) in &due {
            match self.miss_one(*region, *id, now).await {
                Ok(()) => missed += 1,
                Err(SchedulingError::Storage(cause)) if cause.is_unavailable() => return Err(cause.into()),
                Err(error) => tracing::error!(appointment_id = %id, %error, "an appointment cannot be called missed"),
            }
        }
        let is_full = i64::try_from(due.len()).unwrap_or(i64::MAX) >= BATCH_MAX;
        Ok(is_full && missed > 0)
    }

    async fn miss_one(&self, region: RegionCode, id: AppointmentId, now: DateTime<Utc>) -> Result<(), SchedulingError> {
        let mut tx = self.db.begin(Scope::Region(region)).await?;
        let appointment = appointments::find(&mut tx, id).await?;
        // Somebody may have said a word meanwhile.
        if appointment.state == State::Confirmed {
            self.miss(&mut tx, By::Service, &appointment, now).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// The resident's lock comes first: what suspends them is counted one at a time, and a booking under way is before it or after.
    async fn miss(
        &self,
        tx: &mut Transaction,
        by: By<'_>,
        appointment: &Appointment,
        now: DateTime<Utc>,
    ) -> Result<Appointment, SchedulingError> {
        patients::lock(tx, appointment.resident).await?;
        let before = appointments::lock(tx, appointment.id).await?;
        let after = before.clone().miss(&self.passing.rules.absence, now)?;
        if after.state != before.state {
            appointments::update(tx, &after).await?;
            appointment_changed(tx, by, Change::NoShow, &after, now).await?;
            if absence::is_suspendable(&after) {
                self.suspend_if_due(tx, by, &after, now).await?;
            }
        }
        Ok(after)
    }

    async fn suspend_if_due(
        &self,
        tx: &mut Transaction,
        by: By<'_>,
        after: &Appointment,
        now: DateTime<Utc>,
    ) -> Result<(), SchedulingError> {
        let rules = &self.passing.rules.absence;
        let missed = appointments::missed(tx, after.resident, absence::counted_since(rules, now)).await?;
        let Some((until, evidence)) = absence::due(rules, &missed, now) else { return Ok(()) };
        let suspension = Suspension::begin(after.resident, until, evidence, now);
        suspensions::insert(tx, &suspension).await?;
        let event = NewEvent::new("anjia.scheduling.suspension.begun.v1", suspension.id, told(&suspension), now);
        events::append(tx, event.traceparent(by.traceparent())).await?;
        let entry = by.entry("scheduling.suspension.begin").resident(after.resident);
        Ok(audit::record(tx, entry.row("suspensions", suspension.id)).await?)
    }
}

/// What an event says of a suspension.
pub(super) fn told(suspension: &Suspension) -> Value {
    json!({ "resident_id": suspension.resident, "until": suspension.until })
}
