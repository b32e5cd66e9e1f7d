//! Keeps a place for a while. All limits are checked here; confirming fails only for expiry.

use chassis::{Context, Permitted, telemetry};
use chrono::{DateTime, TimeDelta, Utc};
use postgres::{Call, Reply, Scope};
use types::{
    care::CareKind,
    clock::local_date,
    expected::ExpectedLine,
    ids::{AppointmentId, DelegationId, JourneyId, ReferralId, ResidentId, SlotId},
};

use super::{
    Scheduling,
    act_for::Ground,
    give::Wished,
    look::{Asked, Seen},
    records::Change,
};
use crate::{
    domain::{
        appointment::{Appointment, Channel, State},
        emergency,
        error::SchedulingError,
        limits, mandate,
        pool::{Booker, FamilyDoctorContract, Pool},
    },
    peers::identity::Patient,
    store::{
        known::{Known, Wanted},
        slots::Bookable,
    },
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
    /// What the app calls its device.
    pub device: Option<String>,
}

/// Whether a place is only kept, or firm at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Firmness {
    Held,
    Confirmed,
}

/// What identity said about a hold.
pub(super) struct Vouched {
    pub(super) ground: Ground,
    /// Asked for only where it decides something.
    patient: Option<Patient>,
}

impl Scheduling {
    pub async fn hold(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Appointment>>,
        wish: Hold,
    ) -> Result<Reply<Permitted<Appointment>>, SchedulingError> {
        self.ask_for(ctx, call, wish, None, Firmness::Held).await
    }

    /// From what is known of the slot, by who vouches for the wish, to the place: given with those that others ask for meanwhile.
    pub(super) async fn ask_for(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Appointment>>,
        wish: Hold,
        named: Option<DelegationId>,
        firmness: Firmness,
    ) -> Result<Reply<Permitted<Appointment>>, SchedulingError> {
        let (slot, resident) = (wish.slot, wish.resident);
        let given = self.ask(ctx, call, wish, named, firmness).await;
        if let Err(SchedulingError::SlotTaken { .. }) = given {
            self.refusals.note(ctx.caller.region, slot, resident);
        }
        given
    }

    async fn ask(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Appointment>>,
        wish: Hold,
        named: Option<DelegationId>,
        firmness: Firmness,
    ) -> Result<Reply<Permitted<Appointment>>, SchedulingError> {
        // Who has to hear this is not told of full slots, nor counted among those who wanted one; what was answered before is answered again.
        let by_staff = emergency::check(&ctx.caller, wish.kind);
        if by_staff.is_ok()
            && let Some(refusal) = self.known_full(ctx, &wish, call.request_id()).await
        {
            return Err(refusal);
        }
        let known = match self.looking.ask(wish.asked(call)).await?? {
            Seen::Answered(reply) => return Ok(*reply),
            Seen::Open(known) => known.map(|known| *known),
        };
        by_staff?;
        mandate::check_referral(&ctx.caller, wish.referral)?;
        let now = self.clock.now();
        if let Some(known) =
            known.as_ref().filter(|known| known.is_full && check_slot(&known.bookable, &wish, now).is_ok())
        {
            return Err(self.too_late(ctx, &wish, &known.bookable).await?);
        }
        let vouched = self.vouch(ctx, &wish, named, known.as_ref()).await?;
        let bookable = known.ok_or(SchedulingError::SlotNotFound)?.bookable;
        let full_wish = wish.clone();
        let wished = self.wished(ctx, call, wish, &vouched, &bookable, firmness)?;
        match self.giving.ask(wished.ready()?).await? {
            Err(SchedulingError::SlotTaken { .. }) => Err(self.too_late(ctx, &full_wish, &bookable).await?),
            given => given,
        }
    }

    /// Asks identity whether this may be, and frees holds that have run out and stand in the way. What is due to fall back does.
    pub(super) async fn vouch(
        &self,
        ctx: &Context,
        wish: &Hold,
        named: Option<DelegationId>,
        known: Option<&Known>,
    ) -> Result<Vouched, SchedulingError> {
        let ground = self.may_book_for(ctx, wish.resident, named).await?;
        let now = self.clock.now();
        // Whoever holds the resident's own token was registered when identity issued it.
        let is_patient_asked = wish.pool.asks_for_patient() || !ctx.caller.is(wish.resident);
        let patient = match (is_patient_asked, wish.pool, known) {
            (false, ..) => None,
            // Family doctors are asked for as they will be on the day of the place; everything else as it is now.
            (true, Pool::FamilyDoctor, None) => return Err(SchedulingError::SlotNotFound),
            (true, Pool::FamilyDoctor, Some(known)) => Some(local_date(known.bookable.slot.starts_at)),
            (true, ..) => Some(local_date(now)),
        };
        let patient = match patient {
            Some(on) => Some(self.identity.patient(ctx, wish.resident, on).await?),
            None => None,
        };
        if let Some(lapsed) = known.map(|known| &known.lapsed).filter(|lapsed| !lapsed.is_empty()) {
            self.free(Scope::of(&ctx.caller), lapsed, now).await?;
        }
        // Nobody sees a late release: what should have fallen back does so before anything is given.
        if known.is_some_and(|known| known.is_release_due) {
            self.calendar.release(Scope::of(&ctx.caller), wish.slot).await?;
        }
        Ok(Vouched { ground, patient })
    }

    /// The hold as it will stand, and what has to be true for that; nothing of it is written yet.
    pub(super) fn wished(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Appointment>>,
        wish: Hold,
        vouched: &Vouched,
        bookable: &Bookable,
        firmness: Firmness,
    ) -> Result<Wished, SchedulingError> {
        let now = self.clock.now();
        let hold_expires_at = self.hold_end(wish.until, now)?;
        check_slot(bookable, &wish, now)?;
        vouched.ground.check_reach(wish.kind, bookable.organisation)?;
        wish.pool.admit(booker(ctx, &wish, vouched, bookable, now))?;
        let bounds = limits::bounds(
            &self.passing.rules,
            limits::Asked {
                pool: wish.pool,
                kind: wish.kind,
                starts_at: bookable.slot.starts_at,
                is_for_other: vouched.ground.delegation.is_some(),
                is_device_known: wish.device.is_some(),
                now,
            },
        );
        let device = wish.device.as_deref().map(|device| self.device_hash(device)).transpose()?;
        let is_id_chosen = wish.appointment.is_some();
        let held = Appointment {
            id: wish.appointment.unwrap_or_else(AppointmentId::generate),
            resident: wish.resident,
            slot: bookable.slot,
            more_slots: vec![],
            organisation: bookable.organisation,
            department: bookable.department,
            practitioner: bookable.practitioner,
            kind: wish.kind,
            pool: wish.pool,
            channel: wish.channel,
            booked_by: ctx.caller.acting().clone(),
            device,
            delegation: vouched.ground.delegation,
            referral: wish.referral,
            journey: wish.journey.unwrap_or_else(JourneyId::generate),
            stated_lines: wish.expected_lines,
            terms: bookable.terms.clone(),
            quote: None,
            revision: 1,
            held_at: now,
            hold_expires_at,
            confirmed_at: None,
            state: State::Held,
        };
        telemetry::journey(held.journey);
        let (appointment, changes): (Appointment, &'static [Change]) = match firmness {
            Firmness::Held => (held, &[Change::Held]),
            Firmness::Confirmed => (held.confirm(now)?, &[Change::Held, Change::Confirmed]),
        };
        let heeds_suspension = appointment.heeds_suspension(&self.passing.rules.absence);
        Ok(Wished {
            call: call.clone(),
            appointment: ctx.permit(appointment)?,
            is_id_chosen,
            uses_max: vouched.ground.uses_max(),
            heeds_suspension,
            bounds,
            changes,
            caller: ctx.caller.clone(),
            traceparent: ctx.traceparent(),
            now,
        })
    }

    /// Devices are told apart by a keyed hash, so that what an app calls one is not kept.
    fn device_hash(&self, device: &str) -> Result<String, SchedulingError> {
        let hash = self.db.vault().blind_index("appointments.device", device)?;
        Ok(hash.first_chunk().map(|half| format!("{:032x}", u128::from_be_bytes(*half))).unwrap_or_default())
    }

    fn hold_end(&self, until: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Result<DateTime<Utc>, SchedulingError> {
        match until {
            None => Ok(now + self.hold_duration),
            Some(until) if until > now && until <= now + HOLD_MAX => Ok(until),
            Some(_) => Err(SchedulingError::field("hold_until", "must be in the future, at most an hour ahead")),
        }
    }
}

impl Hold {
    fn asked(&self, call: &Call<Permitted<Appointment>>) -> Asked {
        let Self { slot, pool, resident, .. } = *self;
        Asked { call: call.clone(), wanted: Wanted { slot, pool, resident } }
    }
}

pub(super) fn check_slot(bookable: &Bookable, wish: &Hold, now: DateTime<Utc>) -> Result<(), SchedulingError> {
    if bookable.slot.starts_at <= now {
        return Err(SchedulingError::SlotPast);
    }
    if !bookable.kinds.contains(&wish.kind) {
        return Err(SchedulingError::field("kind", "must be one of the session's"));
    }
    if bookable.has_pool { Ok(()) } else { Err(SchedulingError::PoolNotOpen) }
}

pub(super) fn booker<'a>(
    ctx: &'a Context,
    wish: &Hold,
    vouched: &Vouched,
    bookable: &Bookable,
    now: DateTime<Utc>,
) -> Booker<'a> {
    let day = local_date(bookable.slot.starts_at);
    let opens = |contract: &FamilyDoctorContract| contract.opens(bookable.organisation, bookable.practitioner, day);
    let patient = vouched.patient.as_ref();
    Booker {
        roles: &ctx.caller.roles,
        is_delegate: vouched.ground.delegation.is_some(),
        channel: wish.channel,
        age_years: patient.and_then(|patient| local_date(now).years_since(patient.birth_date)).unwrap_or_default(),
        is_contracted: patient.and_then(|patient| patient.contract.as_ref()).is_some_and(opens),
    }
}
