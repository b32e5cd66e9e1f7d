//! Changes or withdraws a session, and answers what became of everybody who had a place in it.

use std::collections::HashMap;

use chassis::{Context, Guarded, Permitted};
use chrono::{DateTime, Utc};
use postgres::{Begun, Call, Reply, Scope, Transaction, audit};
use types::{
    care::CareKind,
    ids::{OrganisationId, PractitionerId, ResidentId, SessionId, SlotId},
};

use super::{
    Scheduling, calendar,
    displace::{self, Changed, Outcome},
    records::By,
};
use crate::{
    domain::{
        appointment::Appointment,
        error::SchedulingError,
        notice,
        pool::Pool,
        session::{PoolShare, Session, Slot, Span, slot_times},
    },
    store::{exceptions, resources, sessions, slots},
};

/// A session as it is to be.
#[derive(Debug, Clone)]
pub struct SessionChange {
    pub session: SessionId,
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
    pub slot_length_minutes: u16,
    pub kinds: Vec<CareKind>,
    pub pools: Vec<PoolShare>,
    pub practitioner: Option<PractitionerId>,
    pub reason: String,
}

/// Everybody in the order of booking.
pub type Affected = Vec<(Permitted<Appointment>, Outcome)>;

#[derive(Debug, Clone)]
pub struct ChangedSession {
    pub session: Permitted<Session>,
    pub slots: Vec<Slot>,
    pub affected: Affected,
}

/// An appointment with a place in what a provider changes: theirs to know of, also where another provider has the first of its places.
struct WithPlace {
    appointment: Appointment,
    with: OrganisationId,
}

impl Guarded for WithPlace {
    const NOT_FOUND: &'static str = Appointment::NOT_FOUND;

    fn resident(&self) -> Option<ResidentId> {
        self.appointment.resident()
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![self.with, self.appointment.organisation]
    }
}

impl Scheduling {
    pub async fn withdraw_session(
        &self,
        ctx: &Context,
        call: &Call<Affected>,
        (id, reason): (SessionId, String),
    ) -> Result<Reply<Affected>, SchedulingError> {
        if let Some(reply) = self.db.replay(call).await? {
            return Ok(reply);
        }
        let with = self.permitted_session(ctx, id).await?.organisation;
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let now = self.clock.now();
        sessions::lock_open(&mut tx, id, now).await?;
        let gone: Vec<SlotId> = to_come(&mut tx, id, now).await?.into_iter().map(|slot| slot.id).collect();
        let kept = (self.calendar.kept_for, now);
        let outcomes = calendar::withdraw(&mut tx, By::Caller(ctx), (id, &gone), &reason, None, kept).await?;
        let affected = permit(ctx, with, outcomes)?;
        Ok(call.commit(tx, affected).await?)
    }

    pub async fn change_session(
        &self,
        ctx: &Context,
        call: &Call<ChangedSession>,
        wish: SessionChange,
    ) -> Result<Reply<ChangedSession>, SchedulingError> {
        if let Some(reply) = self.db.replay(call).await? {
            return Ok(reply);
        }
        let before = self.permitted_session(ctx, wish.session).await?;
        let times = slot_times(wish.starts_at, wish.ends_at, wish.slot_length_minutes)?;
        if wish.ends_at <= self.clock.now() {
            return Err(SchedulingError::field("ends_at", "must be in the future"));
        }
        self.check_employed(ctx, wish.practitioner, before.organisation).await?;
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let outcomes = self.change(&mut tx, ctx, &wish, times).await?;
        let changed = ChangedSession {
            session: ctx.permit(sessions::find(&mut tx, wish.session).await?)?,
            slots: slots::of_session(&mut tx, wish.session).await?,
            affected: permit(ctx, before.organisation, outcomes)?,
        };
        Ok(call.commit(tx, changed).await?)
    }

    async fn change(
        &self,
        tx: &mut Transaction,
        ctx: &Context,
        wish: &SessionChange,
        times: Vec<Span>,
    ) -> Result<Vec<(Appointment, Outcome)>, SchedulingError> {
        let (now, by) = (self.clock.now(), By::Caller(ctx));
        sessions::lock_open(tx, wish.session, now).await?;
        let before = sessions::find(tx, wish.session).await?;
        let standing = to_come(tx, wish.session, now).await?;
        let (stay, go): (Vec<Slot>, Vec<Slot>) =
            standing.iter().copied().partition(|slot| times.contains(&(slot.starts_at, slot.ends_at)));
        let gone: Vec<SlotId> = go.iter().map(|slot| slot.id).collect();
        // A new slot may begin when one that goes does.
        let promised = slots::withdraw(tx, &gone, now).await?;
        let made: Vec<Slot> = times
            .into_iter()
            .filter(|span| span.0 > now && !stay.iter().any(|slot| (slot.starts_at, slot.ends_at) == *span))
            .map(|(starts_at, ends_at)| Slot { id: SlotId::generate(), session: wish.session, starts_at, ends_at })
            .collect();
        let looked_at = notice::looked_at([(before.terms.cancel_notice, (wish.starts_at, wish.ends_at))]);
        let closed = exceptions::closed(tx, looked_at).await?;
        // Whoever keeps their time keeps what they were promised, whatever holiday was declared since.
        let cancel_until = |starts_at: DateTime<Utc>| {
            let reckoned = || before.terms.cancel_until(starts_at, &closed);
            promised.get(&starts_at).copied().unwrap_or_else(reckoned)
        };
        slots::insert_all(tx, &made, &wish.pools, cancel_until).await?;
        self.write(tx, by, (&before, wish), &made).await?;

        let places: HashMap<(SlotId, Pool), i32> = stay
            .iter()
            .flat_map(|slot| wish.pools.iter().map(|share| ((slot.id, share.pool), i32::from(share.places))))
            .collect();
        let changed = Changed {
            organisation: before.organisation,
            department: before.department,
            surge: None,
            needs: &before.capabilities,
            slots: &standing.iter().map(|slot| slot.id).collect::<Vec<_>>(),
            places: &places,
            withdrawn: &gone,
            honours: false,
            reason: &wish.reason,
            kept_for: self.calendar.kept_for,
        };
        let outcomes = displace::rearrange(tx, by, &changed, now).await?;
        // What is free then is for those who wait, and not for whoever polls.
        let there: Vec<SlotId> = stay.iter().chain(&made).map(|slot| slot.id).collect();
        self.passing.pass_on_free(tx, &there, now).await?;
        Ok(outcomes)
    }

    async fn write(
        &self,
        tx: &mut Transaction,
        by: By<'_>,
        (before, wish): (&Session, &SessionChange),
        made: &[Slot],
    ) -> Result<(), SchedulingError> {
        let after = Session {
            practitioner: wish.practitioner,
            kinds: wish.kinds.clone(),
            starts_at: wish.starts_at,
            ends_at: wish.ends_at,
            slot_length_minutes: wish.slot_length_minutes,
            ..before.clone()
        };
        sessions::update(tx, &after, None).await?;
        resources::follow(tx, &after, None).await?;
        let entry = by.entry("scheduling.session.change").row("sessions", after.id);
        let had = resources::of_session(tx, after.id).await?;
        let entry =
            had.iter().fold(entry, |entry, resource| entry.row("session_resources", audit::id(&[&after.id, resource])));
        Ok(audit::record(tx, slots::audited(entry, made, &wish.pools)).await?)
    }

    async fn permitted_session(&self, ctx: &Context, id: SessionId) -> Result<Permitted<Session>, SchedulingError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let session = sessions::find(&mut tx, id).await?;
        tx.commit().await?;
        Ok(ctx.permit(session)?)
    }
}

async fn to_come(tx: &mut Transaction, id: SessionId, now: DateTime<Utc>) -> Result<Vec<Slot>, SchedulingError> {
    let standing = slots::of_session(tx, id).await?;
    Ok(standing.into_iter().filter(|slot| slot.starts_at > now).collect())
}

fn permit(
    ctx: &Context,
    with: OrganisationId,
    outcomes: Vec<(Appointment, Outcome)>,
) -> Result<Affected, SchedulingError> {
    let permitted = |(appointment, outcome)| {
        let seen = ctx.permit(WithPlace { appointment, with })?;
        Ok((seen.part(|seen| seen.appointment), outcome))
    };
    outcomes.into_iter().map(permitted).collect()
}
