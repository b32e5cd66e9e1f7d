//! Gives a place up. The cancel of an id that is not known is remembered, so that a late hold finds itself cancelled.

use chassis::{Context, Guarded, Permitted};
use postgres::{Begun, Call, Reply};
use types::{
    caller::{Party, Role},
    ids::{AppointmentId, OrganisationId, ResidentId, SlotId},
};

use super::{
    Scheduling,
    records::{By, Change, appointment_changed},
};
use crate::{
    domain::{
        appointment::{Appointment, Cancellation, CancelledBy},
        error::SchedulingError,
        mandate::check_arranged,
    },
    store::{appointments, chosen_ids},
};

/// Who speaks for a provider. A community worker who belongs to one does not.
const PROVIDER_STAFF: [Role; 4] = [Role::ClinicClerk, Role::FamilyDoctor, Role::Clinician, Role::ReferralDesk];

#[derive(Debug, Clone)]
pub struct Cancel {
    pub appointment: AppointmentId,
    pub reason: String,
    /// Whose it would be, should the cancel come before the hold.
    pub resident: Option<ResidentId>,
}

/// The appointment as it is now; none if its hold has not come yet.
pub type Cancelled = Option<Permitted<Appointment>>;

/// An id that has no hold yet.
struct Unheld(ResidentId);

impl Guarded for Unheld {
    const NOT_FOUND: &'static str = Appointment::NOT_FOUND;

    fn resident(&self) -> Option<ResidentId> {
        Some(self.0)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![]
    }
}

impl Scheduling {
    pub async fn cancel(
        &self,
        ctx: &Context,
        call: &Call<Cancelled>,
        wish: Cancel,
    ) -> Result<Reply<Cancelled>, SchedulingError> {
        if let Some(reply) = self.db.replay(call).await? {
            return Ok(reply);
        }
        match self.permitted(ctx, wish.appointment).await {
            Ok(appointment) => self.cancel_known(ctx, call, wish, &appointment).await,
            Err(SchedulingError::AppointmentNotFound) => self.cancel_ahead(ctx, call, wish).await,
            Err(refusal) => Err(refusal),
        }
    }

    async fn cancel_known(
        &self,
        ctx: &Context,
        call: &Call<Cancelled>,
        wish: Cancel,
        appointment: &Appointment,
    ) -> Result<Reply<Cancelled>, SchedulingError> {
        check_arranged(&ctx.caller, appointment)?;
        let by = cancelled_by(ctx, appointment);
        if by == CancelledBy::Patient {
            let ground = self.may_book_for(ctx, appointment.resident, None).await?;
            ground.check_reach(appointment.kind, appointment.organisation)?;
        }
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let before = appointments::lock(&mut tx, wish.appointment).await?;
        let now = self.clock.now();
        let after = before.clone().cancel(Cancellation { at: now, by, reason: wish.reason })?;
        if after.state != before.state {
            appointments::update(&mut tx, &after).await?;
            appointment_changed(&mut tx, By::Caller(ctx), Change::Cancelled, &after, now).await?;
            if before.state.takes_place() {
                self.passing.give_back(&mut tx, &after, now).await?;
            }
        }
        let after = ctx.permit(after)?;
        let (slots, pool): (Vec<SlotId>, _) = (after.slots().collect(), after.pool);
        let reply = call.commit(tx, Some(after)).await?;
        for slot in slots {
            self.full.forget(ctx.caller.region, slot, pool).await;
        }
        Ok(reply)
    }

    async fn cancel_ahead(
        &self,
        ctx: &Context,
        call: &Call<Cancelled>,
        wish: Cancel,
    ) -> Result<Reply<Cancelled>, SchedulingError> {
        let resident = wish.resident.or(ctx.caller.resident()).ok_or(SchedulingError::AppointmentNotFound)?;
        ctx.permit(Unheld(resident))?;
        self.may_book_for(ctx, resident, None).await?;

        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        if chosen_ids::remember_cancel(&mut tx, wish.appointment, resident, self.clock.now()).await? {
            let entry = postgres::audit::Entry::new(&ctx.caller, "scheduling.appointment.cancel_ahead")
                .resident(resident)
                .row("chosen_appointment_ids", wish.appointment);
            postgres::audit::record(&mut tx, entry).await?;
            return Ok(call.commit(tx, None).await?);
        }
        // The hold came in between: it is there now. This transaction ends first, so that the key is free again.
        tx.rollback().await?;
        let appointment = self.permitted(ctx, wish.appointment).await?;
        self.cancel_known(ctx, call, wish, &appointment).await
    }
}

/// The resident's own act or a delegate's; the provider's; or that of a service that undoes.
fn cancelled_by(ctx: &Context, appointment: &Appointment) -> CancelledBy {
    let caller = &ctx.caller;
    let is_residents = caller.is(appointment.resident);
    let is_staff = PROVIDER_STAFF.iter().any(|role| caller.has(role));
    match caller.acting() {
        Party::Service(_) => CancelledBy::Operator,
        _ if is_staff && !is_residents => CancelledBy::Provider,
        // Anybody else needs the resident's word for it.
        _ => CancelledBy::Patient,
    }
}
