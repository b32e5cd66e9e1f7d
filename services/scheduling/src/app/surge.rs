//! Opens sessions in many clinics at once, sends those with the symptoms there, and closes again (SC-12).

use chassis::{Context, Guarded, Permitted};
use chrono::{DateTime, Utc};
use futures_util::future::try_join_all;
use postgres::{Begun, Call, Reply, Scope, Transaction, audit};
use types::{
    care::CareKind,
    ids::{OrganisationId, ResidentId, SessionId, SlotId, SurgeId},
};

use super::{Scheduling, records::By};
use crate::{
    domain::{
        error::SchedulingError,
        pool::Pool,
        session::{PoolShare, Session, SessionTerms, Slot, Span},
        surge::{Surge, divert, opening},
    },
    peers::identity::Provider,
    store::{
        sessions::{self, Origin},
        slots,
        surges::{self, Closing},
    },
};

/// So many providers are looked up at a time.
const ASKED_AT_ONCE: usize = 16;
const SLOTS_TOLD_MAX: i64 = 20;

/// A surge as it is to be.
#[derive(Debug, Clone)]
pub struct Opening {
    pub name: String,
    pub kind: CareKind,
    pub symptoms: Vec<String>,
    pub organisations: Vec<OrganisationId>,
    pub span: (DateTime<Utc>, DateTime<Utc>),
    pub slot_length_minutes: u16,
    pub places: u16,
}

impl Guarded for Surge {
    const NOT_FOUND: &'static str = "SURGE_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        None
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![]
    }
}

impl Scheduling {
    pub async fn open_surge(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Surge>>,
        wish: Opening,
    ) -> Result<Reply<Permitted<Surge>>, SchedulingError> {
        if let Some(reply) = self.db.replay(call).await? {
            return Ok(reply);
        }
        let now = self.clock.now();
        let times = opening(wish.span, wish.slot_length_minutes, now)?;
        let mut providers = Vec::with_capacity(wish.organisations.len());
        for some in wish.organisations.chunks(ASKED_AT_ONCE) {
            providers.extend(try_join_all(some.iter().map(|id| self.identity.provider(ctx, *id))).await?);
        }

        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let surge = Surge {
            id: SurgeId::generate(),
            name: wish.name.clone(),
            kind: wish.kind,
            symptoms: wish.symptoms.clone(),
            opened_at: now,
            closed_at: None,
            clinics: vec![],
        };
        surges::insert(&mut tx, &surge, ctx.caller.acting()).await?;
        let entry = audit::Entry::new(&ctx.caller, "scheduling.surge.open").row("surges", surge.id);
        audit::record(&mut tx, entry).await?;
        for (organisation, provider) in wish.organisations.iter().zip(&providers) {
            let session = session(&wish, *organisation, provider, &times);
            let made = open_clinic(&mut tx, ctx, surge.id, &session, &times, now).await?;
            self.passing.pass_on_new(&mut tx, &session, &made, now).await?;
        }
        let surge = ctx.permit(surges::find(&mut tx, surge.id, now).await?)?;
        Ok(call.commit(tx, surge).await?)
    }

    /// Nothing new is booked there from now on. What becomes of those who are booked is the calendar's loop's affair, session by session.
    pub async fn close_surge(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Surge>>,
        (id, closing): (SurgeId, Closing),
    ) -> Result<Reply<Permitted<Surge>>, SchedulingError> {
        if let Some(reply) = self.db.replay(call).await? {
            return Ok(reply);
        }
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let now = self.clock.now();
        surges::find(&mut tx, id, now).await?.check_clinics(&closing.organisations)?;
        let closed = surges::close(&mut tx, id, &closing, now).await?;
        let entry = audit::Entry::new(&ctx.caller, "scheduling.surge.close");
        let entry = closed.iter().fold(entry, |entry, session| entry.row("sessions", session));
        let entry = if surges::end(&mut tx, id, now).await? { entry.row("surges", id) } else { entry };
        audit::record(&mut tx, entry).await?;
        let surge = ctx.permit(surges::find(&mut tx, id, now).await?)?;
        Ok(call.commit(tx, surge).await?)
    }

    pub async fn surge(&self, ctx: &Context, id: SurgeId) -> Result<Permitted<Surge>, SchedulingError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let surge = surges::find(&mut tx, id, self.clock.now()).await?;
        tx.commit().await?;
        Ok(ctx.permit(surge)?)
    }

    /// The surge that takes a symptom, and where there are places; none where it goes the ordinary way.
    pub async fn divert(
        &self,
        ctx: &Context,
        symptom: &str,
    ) -> Result<Option<(Permitted<Surge>, Vec<Slot>)>, SchedulingError> {
        let now = self.clock.now();
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let open = surges::open(&mut tx).await?;
        let Some(id) = divert(&open, symptom).map(|surge| surge.id) else {
            tx.commit().await?;
            return Ok(None);
        };
        let surge = surges::find(&mut tx, id, now).await?;
        let slots = surges::free(&mut tx, id, now, SLOTS_TOLD_MAX).await?;
        tx.commit().await?;
        Ok(Some((ctx.permit(surge)?, slots)))
    }
}

fn session(wish: &Opening, organisation: OrganisationId, provider: &Provider, times: &[Span]) -> Session {
    Session {
        id: SessionId::generate(),
        organisation,
        tier: provider.tier,
        place: provider.place,
        department: None,
        practitioner: None,
        kinds: vec![wish.kind],
        starts_at: times.first().map_or(wish.span.0, |first| first.0),
        ends_at: wish.span.1,
        slot_length_minutes: wish.slot_length_minutes,
        pools: vec![PoolShare { pool: Pool::Public, places: wish.places }],
        capabilities: wish.symptoms.clone(),
        terms: SessionTerms::default(),
    }
}

async fn open_clinic(
    tx: &mut Transaction,
    ctx: &Context,
    surge: SurgeId,
    session: &Session,
    times: &[Span],
    now: DateTime<Utc>,
) -> Result<Vec<Slot>, SchedulingError> {
    let slot = |(starts_at, ends_at): &Span| Slot {
        id: SlotId::generate(),
        session: session.id,
        starts_at: *starts_at,
        ends_at: *ends_at,
    };
    let made: Vec<Slot> = times.iter().map(slot).collect();
    sessions::insert(tx, session, Origin::Surge(surge), ctx.caller.acting(), now).await?;
    // A surge says nothing of when its places are given up.
    slots::insert_all(tx, &made, &session.pools, |_| None).await?;
    let entry = By::Caller(ctx).entry("scheduling.surge.open_clinic").row("sessions", session.id);
    audit::record(tx, slots::audited(entry, &made, &session.pools)).await?;
    Ok(made)
}
