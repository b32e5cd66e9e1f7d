//! Keeps a place for a while. All limits are checked here; confirming fails only for expiry.

use chassis::{Context, Permitted};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use postgres::{Begun, Call, Reply, Scope, Transaction};
use types::{
    care::CareKind,
    clock::local_date,
    expected::ExpectedLine,
    ids::{AppointmentId, DelegationId, JourneyId, ReferralId, ResidentId, SlotId},
};

use super::{
    Scheduling,
    act_for::Ground,
    records::{By, Change, appointment_changed, id_chosen},
};
use crate::{
    domain::{
        appointment::{Appointment, Channel, State},
        error::SchedulingError,
        limits, mandate,
        pool::{Booker, FamilyDoctorContract, Pool},
    },
    peers::identity::Patient,
    store::{appointments, chosen_ids, patients, places, slots},
};

/// A hold is at most this long.
const HOLD_MAX: TimeDelta = TimeDelta::hours(1);

/// The place somebody asks for.
#[derive(Debug, Clone)]
pub struct Hold {
    /// None has one chosen.
    pub appointment: Option<AppointmentId>,
    pub resident: ResidentId,
    pub slot: SlotId,
    pub kind: CareKind,
    pub pool: Pool,
    pub channel: Channel,
    /// None for the platform's default.
    pub until: Option<DateTime<Utc>>,
    pub referral: Option<ReferralId>,
    /// None begins one.
    pub journey: Option<JourneyId>,
    pub expected_lines: Vec<ExpectedLine>,
}

/// What identity said about a hold.
pub(super) struct Vouched {
    ground: Ground,
    patient: Patient,
}

impl Scheduling {
    pub async fn hold(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Appointment>>,
        wish: Hold,
    ) -> Result<Reply<Permitted<Appointment>>, SchedulingError> {
        if let Some(reply) = self.db.replay(call).await? {
            return Ok(reply);
        }
        let vouched = self.vouch(ctx, &wish, None).await?;
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let now = self.clock.now();
        let held = self.place(&mut tx, ctx, wish, &vouched, now).await?;
        appointments::insert(&mut tx, &held).await?;
        appointment_changed(&mut tx, By::Caller(ctx), Change::Held, &held, now).await?;
        let held = ctx.permit(held)?;
        Ok(call.commit(tx, held).await?)
    }

    /// Asks identity whether this may be, and frees holds of the resident that have run out, which would stand in the way.
    pub(super) async fn vouch(
        &self,
        ctx: &Context,
        wish: &Hold,
        named: Option<DelegationId>,
    ) -> Result<Vouched, SchedulingError> {
        mandate::check_referral(&ctx.caller, wish.referral)?;
        let ground = self.may_book_for(ctx, wish.resident, named).await?;
        let now = self.clock.now();
        let on = self.day_of_cover(ctx, wish, now).await?;
        let patient = self.identity.patient(ctx, wish.resident, on).await?;
        self.free_lapsed_of_resident(Scope::of(&ctx.caller), wish.resident, now).await?;
        Ok(Vouched { ground, patient })
    }

    /// Family doctors are asked for as they will be on the day of the place; everything else as it is now.
    async fn day_of_cover(&self, ctx: &Context, wish: &Hold, now: DateTime<Utc>) -> Result<NaiveDate, SchedulingError> {
        if wish.pool != Pool::FamilyDoctor {
            return Ok(local_date(now));
        }
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let bookable = slots::bookable(&mut tx, wish.slot, wish.pool).await?;
        tx.commit().await?;
        Ok(local_date(bookable.slot.starts_at))
    }

    /// Takes a place within all limits and answers the hold on it, not yet written.
    pub(super) async fn place(
        &self,
        tx: &mut Transaction,
        ctx: &Context,
        wish: Hold,
        vouched: &Vouched,
        now: DateTime<Utc>,
    ) -> Result<Appointment, SchedulingError> {
        let hold_expires_at = self.hold_end(wish.until, now)?;
        let bookable = slots::bookable(tx, wish.slot, wish.pool).await?;
        check_slot(&bookable, &wish, now)?;
        vouched.ground.check_reach(wish.kind, bookable.organisation)?;
        wish.pool.admit(booker(ctx, &wish, vouched, &bookable, now))?;

        patients::lock(tx, wish.resident).await?;
        vouched.ground.check_uses(tx).await?;
        let id = match wish.appointment {
            Some(id) => {
                chosen_ids::claim(tx, id, wish.resident, now).await?;
                id_chosen(tx, ctx, id, wish.resident).await?;
                id
            }
            None => AppointmentId::generate(),
        };
        check_limits(tx, &bookable, &wish).await?;
        self.take(tx, &bookable, &wish, now).await?;
        Ok(Appointment {
            id,
            resident: wish.resident,
            slot: bookable.slot,
            organisation: bookable.organisation,
            department: bookable.department,
            practitioner: bookable.practitioner,
            kind: wish.kind,
            pool: wish.pool,
            channel: wish.channel,
            booked_by: ctx.caller.acting().clone(),
            delegation: vouched.ground.delegation,
            referral: wish.referral,
            journey: wish.journey.unwrap_or_else(JourneyId::generate),
            expected_lines: wish.expected_lines,
            quote: None,
            revision: 1,
            held_at: now,
            hold_expires_at,
            confirmed_at: None,
            state: State::Held,
        })
    }

    fn hold_end(&self, until: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Result<DateTime<Utc>, SchedulingError> {
        match until {
            None => Ok(now + self.hold_duration),
            Some(until) if until > now && until <= now + HOLD_MAX => Ok(until),
            Some(_) => Err(SchedulingError::field("hold_until", "must be in the future, at most an hour ahead")),
        }
    }

    /// Takes a place; where none is free, holds that have run out give theirs up first.
    async fn take(
        &self,
        tx: &mut Transaction,
        bookable: &slots::Bookable,
        wish: &Hold,
        now: DateTime<Utc>,
    ) -> Result<(), SchedulingError> {
        if places::take(tx, wish.slot, wish.pool).await? {
            return Ok(());
        }
        let freed = self.free_lapsed_in_slot(tx, wish.slot, wish.pool, now).await?;
        if freed > 0 && places::take(tx, wish.slot, wish.pool).await? {
            return Ok(());
        }
        let wanted = places::Wanted {
            slot: wish.slot,
            organisation: bookable.organisation,
            department: bookable.department,
            kind: wish.kind,
            pool: wish.pool,
            starts_at: bookable.slot.starts_at,
        };
        Err(SchedulingError::SlotTaken { alternatives: places::alternatives(tx, wanted, now).await? })
    }
}

fn check_slot(bookable: &slots::Bookable, wish: &Hold, now: DateTime<Utc>) -> Result<(), SchedulingError> {
    if bookable.slot.starts_at <= now {
        return Err(SchedulingError::SlotPast);
    }
    if !bookable.kinds.contains(&wish.kind) {
        return Err(SchedulingError::field("kind", "must be one of the session's"));
    }
    if bookable.has_pool { Ok(()) } else { Err(SchedulingError::PoolNotOpen) }
}

async fn check_limits(tx: &mut Transaction, bookable: &slots::Bookable, wish: &Hold) -> Result<(), SchedulingError> {
    let slot = bookable.slot;
    if appointments::overlaps(tx, wish.resident, (slot.starts_at, slot.ends_at)).await? {
        return Err(SchedulingError::PatientConflict);
    }
    let day = limits::day_of(slot.starts_at);
    let week = limits::week_of(slot.starts_at);
    let booked = appointments::booked(tx, wish.resident, bookable.organisation, bookable.department, day, week).await?;
    limits::check(wish.pool, booked)
}

fn booker<'a>(
    ctx: &'a Context,
    wish: &Hold,
    vouched: &Vouched,
    bookable: &slots::Bookable,
    now: DateTime<Utc>,
) -> Booker<'a> {
    let day = local_date(bookable.slot.starts_at);
    let opens = |contract: &FamilyDoctorContract| contract.opens(bookable.organisation, bookable.practitioner, day);
    Booker {
        roles: &ctx.caller.roles,
        is_delegate: vouched.ground.delegation.is_some(),
        channel: wish.channel,
        age_years: local_date(now).years_since(vouched.patient.birth_date).unwrap_or_default(),
        is_contracted: vouched.patient.contract.as_ref().is_some_and(opens),
    }
}
