//! Makes a held place firm, or the place that is kept for somebody displaced.

use chassis::{Context, Permitted};
use postgres::{Begun, Call, Reply, Scope, Transaction};
use types::ids::AppointmentId;

use super::{
    Scheduling,
    records::{By, Change, appointment_changed},
};
use crate::{
    domain::{
        appointment::{Appointment, State},
        error::SchedulingError,
        mandate::check_arranged,
    },
    store::{appointments, patients},
};

impl Scheduling {
    pub async fn confirm(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Appointment>>,
        id: AppointmentId,
    ) -> Result<Reply<Permitted<Appointment>>, SchedulingError> {
        if let Some(reply) = self.db.replay(call).await? {
            return Ok(reply);
        }
        let appointment = self.permitted(ctx, id).await?;
        check_arranged(&ctx.caller, &appointment)?;
        let ground = self.may_book_for(ctx, appointment.resident, None).await?;
        ground.check_reach(appointment.kind, appointment.organisation)?;

        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        // In the order in which everybody locks: persons, appointments.
        if is_displaced(&appointment) {
            patients::lock(&mut tx, appointment.resident).await?;
        }
        let held = appointments::lock(&mut tx, id).await?;
        let now = self.clock.now();
        let was_displaced = is_displaced(&held);
        let confirmed = held.confirm(now)?;
        if was_displaced {
            check_free(&mut tx, &confirmed).await?;
        }
        // One that was displaced was confirmed before, and is in another place now.
        let change = if was_displaced { Change::Rescheduled } else { Change::Confirmed };
        appointments::update(&mut tx, &confirmed).await?;
        appointment_changed(&mut tx, By::Caller(ctx), change, &confirmed, now).await?;
        let confirmed = ctx.permit(confirmed)?;
        Ok(call.commit(tx, confirmed).await?)
    }

    /// The appointment as it stands, if the caller may have to do with it: before identity is asked about anybody.
    pub(super) async fn permitted(
        &self,
        ctx: &Context,
        id: AppointmentId,
    ) -> Result<Permitted<Appointment>, SchedulingError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let appointment = appointments::find(&mut tx, id).await?;
        tx.commit().await?;
        Ok(ctx.permit(appointment)?)
    }
}

const fn is_displaced(appointment: &Appointment) -> bool {
    matches!(appointment.state, State::Displaced(_))
}

/// Since it was displaced it stood in no other's way: refused if the person, by any id of theirs, has booked something else for that time.
async fn check_free(tx: &mut Transaction, displaced: &Appointment) -> Result<(), SchedulingError> {
    // It was displaced a moment ago, and the person is not locked yet: to wait for them now would be to wait in a circle.
    if !patients::try_lock(tx, displaced.resident).await? {
        return Err(SchedulingError::Lost);
    }
    if appointments::is_in_the_way(tx, displaced).await? { Err(SchedulingError::PatientConflict) } else { Ok(()) }
}
