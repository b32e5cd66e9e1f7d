//! Books several places as one appointment, all or none.

use chassis::{Context, Permitted};
use chrono::{DateTime, Utc};
use postgres::{Begun, Call, Reply, Scope, Transaction, audit};
use types::ids::{AppointmentId, ResidentId, SlotId};

use super::{
    Hold, Scheduling,
    give::{Wished, chosen},
    hold::{Firmness, Vouched, booker, check_slot},
    records::{By, appointment_changed},
};
use crate::{
    domain::{
        appointment::Appointment, emergency, error::SchedulingError, mandate, pool::Pool, session::Slot,
        together::whole,
    },
    store::{
        bookings::{self, Prepared, Verdict, Wish},
        known::{self, Known, Wanted},
        slots::Bookable,
    },
};

/// Places that are to become one.
pub(super) struct Row {
    /// The first, with the times of all.
    pub(super) known: Known,
    pub(super) others: Vec<Bookable>,
}

impl Row {
    pub(super) fn more_slots(&self) -> Vec<SlotId> {
        self.others.iter().map(|other| other.slot.id).collect()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Bookable> {
        std::iter::once(&self.known.bookable).chain(&self.others)
    }
}

impl Scheduling {
    /// `more` are the places beside the one of the wish.
    pub async fn book_together(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Appointment>>,
        wish: Hold,
        more: Vec<SlotId>,
    ) -> Result<Reply<Permitted<Appointment>>, SchedulingError> {
        if let Some(reply) = self.db.replay(call).await? {
            return Ok(reply);
        }
        mandate::check_referral(&ctx.caller, wish.referral)?;
        emergency::check(&ctx.caller, wish.kind)?;
        let slots = [vec![wish.slot], more].concat();
        let row = self.row(ctx, &slots, wish.pool, wish.resident).await?;
        let vouched = self.vouch(ctx, &wish, None, Some(&row.known)).await?;
        check_row(ctx, &wish, &vouched, &row, self.clock.now())?;
        let wished = self.wished(ctx, call, wish, &vouched, &row.known.bookable, Firmness::Confirmed)?;
        let together = Appointment { more_slots: row.more_slots(), ..wished.appointment.into_inner() };
        let wished = Wished { appointment: ctx.permit(together)?, ..wished };

        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        give_alone(&mut tx, wished.wish()).await?;
        if let Some(entry) = chosen(&wished) {
            audit::record(&mut tx, entry).await?;
        }
        for change in wished.changes {
            appointment_changed(&mut tx, By::Caller(ctx), *change, &wished.appointment, wished.now).await?;
        }
        Ok(call.commit(tx, wished.appointment).await?)
    }

    /// What is known of places that are to become one: they must be in a row, or begin together.
    pub(super) async fn row(
        &self,
        ctx: &Context,
        slots: &[SlotId],
        pool: Pool,
        resident: ResidentId,
    ) -> Result<Row, SchedulingError> {
        let wanted: Vec<Wanted> = slots.iter().map(|slot| Wanted { slot: *slot, pool, resident }).collect();
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let known = known::known(&mut tx, &wanted, self.clock.now()).await?;
        tx.commit().await?;
        let known: Option<Vec<Known>> = known.into_iter().collect();
        let known = known.ok_or(SchedulingError::SlotNotFound)?;
        let slots: Vec<Slot> = known.iter().map(|known| known.bookable.slot).collect();
        let (starts_at, ends_at) = whole(&slots)?;

        let mut lapsed: Vec<AppointmentId> = known.iter().flat_map(|known| known.lapsed.iter().copied()).collect();
        lapsed.sort_unstable();
        lapsed.dedup();
        let is_release_due = known.iter().any(|known| known.is_release_due);
        let mut bookables = known.into_iter().map(|known| known.bookable);
        let first = bookables.next().ok_or(SchedulingError::SlotNotFound)?;
        let bookable = Bookable { slot: Slot { starts_at, ends_at, ..first.slot }, ..first };
        Ok(Row { known: Known { bookable, is_full: false, is_release_due, lapsed }, others: bookables.collect() })
    }
}

/// Each of them may be booked so.
pub(super) fn check_row(
    ctx: &Context,
    wish: &Hold,
    vouched: &Vouched,
    row: &Row,
    now: DateTime<Utc>,
) -> Result<(), SchedulingError> {
    for bookable in row.all() {
        check_slot(bookable, wish, now)?;
        vouched.ground.check_reach(wish.kind, bookable.organisation)?;
        wish.pool.admit(booker(ctx, wish, vouched, bookable, now))?;
    }
    Ok(())
}

/// One wish by itself, for all of its places.
pub(super) async fn give_alone(tx: &mut Transaction, wish: Wish<'_>) -> Result<(), SchedulingError> {
    match bookings::give(tx, &[&Prepared::of(&wish)?]).await?.pop() {
        Some(Verdict::Given) => Ok(()),
        Some(Verdict::Refused(refusal)) => Err(refusal),
        // Nobody is in the way of who comes alone.
        Some(Verdict::Again) | None => Err(SchedulingError::Lost),
    }
}
