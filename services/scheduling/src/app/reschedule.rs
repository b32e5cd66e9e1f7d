//! Moves an appointment: the place it had is given up in the transaction in which the new one becomes firm, and kept if there is none.

use chassis::{Context, Permitted};
use postgres::{Begun, Call, Reply};
use types::ids::{AppointmentId, SlotId};

use super::{
    Hold, Scheduling,
    pass_on::take_back,
    records::{By, Change, appointment_changed},
    together::{Row, check_row, give_alone},
};
use crate::{
    domain::{
        appointment::Appointment, error::SchedulingError, limits, mandate::check_arranged, moving::Place, pool::Pool,
    },
    store::{appointments, bookings::Wish, patients, places},
};

#[derive(Debug, Clone)]
pub struct Reschedule {
    pub appointment: AppointmentId,
    pub slot: SlotId,
    /// Further ones.
    pub more_slots: Vec<SlotId>,
    /// None for the one it has.
    pub pool: Option<Pool>,
}

impl Scheduling {
    pub async fn reschedule(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Appointment>>,
        wish: Reschedule,
    ) -> Result<Reply<Permitted<Appointment>>, SchedulingError> {
        if let Some(reply) = self.db.replay(call).await? {
            return Ok(reply);
        }
        let appointment = self.permitted(ctx, wish.appointment).await?;
        check_arranged(&ctx.caller, &appointment)?;
        let pool = wish.pool.unwrap_or(appointment.pool);
        let slots = [vec![wish.slot], wish.more_slots].concat();
        let row = self.row(ctx, &slots, pool, appointment.resident).await?;
        let as_booked = as_booked(&appointment, wish.slot, pool);
        let vouched = self.vouch(ctx, &as_booked, None, Some(&row.known)).await?;
        let now = self.clock.now();
        check_row(ctx, &as_booked, &vouched, &row, now)?;

        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        // In the order in which everybody locks: persons, appointments, places.
        patients::lock(&mut tx, appointment.resident).await?;
        let before = appointments::lock(&mut tx, appointment.id).await?;
        let after = before.clone().move_to(place(&row, pool), self.passing.rules.moves, now)?;
        if after == before {
            let after = ctx.permit(after)?;
            return Ok(call.commit(tx, after).await?);
        }
        let had_place = before.state.takes_place();
        if had_place {
            let had = before.slots().map(|slot| (slot, before.pool));
            let both: Vec<(SlotId, Pool)> = had.chain(after.slots().map(|slot| (slot, after.pool))).collect();
            places::lock(&mut tx, &both).await?;
            take_back(&mut tx, &before).await?;
        }
        let bounds = limits::of_move(limits::bounds(
            &self.passing.rules,
            limits::Asked {
                pool,
                kind: after.kind,
                starts_at: after.slot.starts_at,
                is_for_other: false,
                is_device_known: false,
                now,
            },
        ));
        let moved = Wish {
            appointment: &after,
            is_id_chosen: false,
            is_moved: true,
            heeds_suspension: false,
            uses_max: vouched.ground.uses_max(),
            bounds: &bounds,
        };
        give_alone(&mut tx, moved).await?;
        appointment_changed(&mut tx, By::Caller(ctx), Change::Rescheduled, &after, now).await?;
        if had_place {
            self.passing.pass_on_all(&mut tx, &before, now).await?;
        }
        let after = ctx.permit(after)?;
        let reply = call.commit(tx, after).await?;
        for slot in before.slots() {
            self.full.forget(ctx.caller.region, slot, before.pool).await;
        }
        Ok(reply)
    }
}

/// The wish it would have been, had it been booked there at first.
fn as_booked(appointment: &Appointment, slot: SlotId, pool: Pool) -> Hold {
    Hold {
        appointment: Some(appointment.id),
        resident: appointment.resident,
        slot,
        kind: appointment.kind,
        pool,
        channel: appointment.channel,
        until: None,
        referral: appointment.referral,
        journey: Some(appointment.journey),
        expected_lines: vec![],
        device: None,
    }
}

fn place(row: &Row, pool: Pool) -> Place {
    let first = &row.known.bookable;
    Place {
        slot: first.slot,
        more_slots: row.more_slots(),
        organisation: first.organisation,
        department: first.department,
        practitioner: first.practitioner,
        pool,
        terms: first.terms.clone(),
    }
}
