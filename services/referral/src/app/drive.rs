use std::time::Duration;

use chassis::telemetry;
use postgres::{
    Error, Scope, Transaction,
    audit::{self, Entry},
};
use uuid::Uuid;

use super::{
    App,
    record::{BOOK, GET_STUCK, UNDO},
};
use crate::{
    domain::{
        ReferralError,
        acceptance::{Arranged, Effect, Event, Plan, State, step},
        referral::{Booking, Referral},
    },
    store::{
        referrals,
        sagas::{self, Claim, Loaded},
    },
};

const PAUSE_FIRST: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// Pauses after which somebody should look why.
const TRIES_BEFORE_ALARM: u32 = 12;

impl App {
    /// Takes over acceptances that nobody drives: new ones, those whose pause is over, those whose driver died.
    pub async fn claim_acceptances(&self, driver: Uuid, max: i64) -> Result<Vec<Claim>, ReferralError> {
        let mut tx = self.db.begin(Scope::Worker).await?;
        let claims = sagas::claim(&mut tx, driver, self.limits.lease, max).await?;
        tx.commit().await?;
        Ok(claims)
    }

    /// Drives an acceptance until it ends, must pause, or another driver has taken it. The calls continue the trace of whoever
    /// accepted.
    pub async fn drive_acceptance(&self, claim: Claim) -> Result<(), ReferralError> {
        let mut tx = self.db.begin(Scope::Region(claim.region)).await?;
        let referral = referrals::find(&mut tx, claim.referral).await?.ok_or(ReferralError::ReferralNotFound)?;
        let loaded = sagas::load(&mut tx, claim, &referral).await?;
        tx.commit().await?;
        let Some(loaded) = loaded else { return Ok(()) };
        let age = (self.clock.now() - loaded.started_at).to_std().unwrap_or_default();
        let span = telemetry::resume("acceptance", loaded.traceparent.as_deref(), age);
        let journey = loaded.plan.journey;
        Box::pin(telemetry::within(span, Some(journey), self.advance(claim, loaded))).await
    }

    async fn advance(&self, claim: Claim, loaded: Loaded) -> Result<(), ReferralError> {
        let Loaded { plan, mut state, tries, .. } = loaded;
        let mut event = Event::Due;
        loop {
            let (next, effects) = self.move_on(&plan, state, event);
            match effects.first() {
                Some(Effect::Call(call)) => {
                    // The step is committed before its call, so that after a crash the row says what may have happened.
                    if next != state && !self.store(claim, &plan, next).await? {
                        return Ok(());
                    }
                    state = next;
                    event = self.perform(&plan, *call).await;
                }
                Some(Effect::RetryLater) => {
                    let paused = Paused { state: next, has_moved: next != state, tries };
                    return self.pause(claim, &plan, paused).await;
                }
                Some(Effect::Conclude) => return self.conclude(claim, &plan, next).await,
                None => return Ok(()),
            }
        }
    }

    /// One move; a saga that is late turns back before its next call if it still can.
    fn move_on(&self, plan: &Plan, state: State, event: Event) -> (State, Vec<Effect>) {
        let (next, effects) = step(plan, state, event);
        let calls = matches!(effects[..], [Effect::Call(_)]);
        if calls && self.clock.now() >= plan.deadline { step(plan, next, Event::DueLate) } else { (next, effects) }
    }

    async fn store(&self, claim: Claim, plan: &Plan, state: State) -> Result<bool, ReferralError> {
        let mut tx = self.db.begin(Scope::Region(claim.region)).await?;
        let is_ours = sagas::save(&mut tx, claim, state, self.limits.lease).await?;
        if is_ours {
            record_step(&mut tx, plan).await?;
        }
        tx.commit().await?;
        Ok(is_ours)
    }

    async fn pause(
        &self,
        claim: Claim,
        plan: &Plan,
        Paused { state, has_moved, tries }: Paused,
    ) -> Result<(), ReferralError> {
        if tries == TRIES_BEFORE_ALARM {
            tracing::error!(saga = %claim.saga, referral = %claim.referral, tries, "an acceptance makes no progress");
        }
        let pause = PAUSE_FIRST.saturating_mul(1_u32 << tries.min(10)).min(PAUSE_MAX);
        let mut tx = self.db.begin(Scope::Region(claim.region)).await?;
        let is_ours = sagas::pause(&mut tx, claim, state, pause).await?;
        if is_ours && has_moved {
            record_step(&mut tx, plan).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Ends the saga and tells the referral, in one transaction.
    async fn conclude(&self, claim: Claim, plan: &Plan, state: State) -> Result<(), ReferralError> {
        let now = self.clock.now();
        let mut tx = self.db.begin(Scope::Region(claim.region)).await?;
        let accepting = referrals::lock(&mut tx, claim.referral).await?.ok_or(ReferralError::ReferralNotFound)?;
        if accepting.state.saga() != Some(claim.saga) || !sagas::end(&mut tx, claim, state, now).await? {
            return Ok(());
        }
        let (referral, change): (Referral, _) = match state {
            State::Completed(arranged) => (accepting.booked(booking(plan, arranged), arranged.place.until)?, BOOK),
            State::Compensated { refusal } => (accepting.acceptance_undone(refusal, now)?, UNDO),
            State::NeedsHuman { refusal } => {
                tracing::error!(saga = %claim.saga, referral = %claim.referral, reason = refusal.as_str(), "an acceptance is stuck");
                (accepting.acceptance_stuck(refusal, now)?, GET_STUCK)
            }
            State::Running(_) | State::Compensating { .. } => {
                return Err(Error::row_invalid("sagas", "state", claim.saga).into());
            }
        };
        referrals::update(&mut tx, &referral, now).await?;
        change.record(&mut tx, sagas::audited(change.by_itself(), claim.saga), &referral, now).await?;
        tx.commit().await?;
        tracing::info!(saga = %claim.saga, state = referral.state.name().as_str(), "an acceptance has ended");
        Ok(())
    }
}

/// A saga whose call is made again later.
#[derive(Clone, Copy)]
struct Paused {
    state: State,
    /// It says something else than what is stored.
    has_moved: bool,
    tries: u32,
}

async fn record_step(tx: &mut Transaction, plan: &Plan) -> Result<(), Error> {
    let entry = Entry::by_service("referral", "referral.acceptance.step").resident(plan.resident);
    audit::record(tx, sagas::audited(entry, plan.saga)).await
}

fn booking(plan: &Plan, arranged: Arranged) -> Booking {
    Booking {
        appointment: plan.appointment,
        bill: arranged.authorised.then_some(plan.bill),
        quote: arranged.quoted.then_some(plan.quote),
    }
}
