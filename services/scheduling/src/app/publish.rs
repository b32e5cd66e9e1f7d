//! Publishes sessions and cuts them into slots, all or none.

use chassis::{Context, Guarded, Permitted};
use chrono::{DateTime, Utc};
use postgres::{Begun, Call, Reply, Transaction, audit};
use types::{
    care::CareKind,
    ids::{DepartmentId, OrganisationId, PractitionerId, ResidentId, SessionId, SlotId},
};

use super::Scheduling;
use crate::{
    domain::{
        error::SchedulingError,
        notice,
        session::{PoolShare, Session, SessionTerms, Slot, slot_times},
    },
    peers::identity::Provider,
    store::{
        exceptions,
        sessions::{self, Origin},
        slots,
    },
};

/// A session as its provider describes it.
#[derive(Debug, Clone)]
pub struct Draft {
    /// None has one chosen.
    pub id: Option<SessionId>,
    pub organisation: OrganisationId,
    pub department: Option<DepartmentId>,
    pub practitioner: Option<PractitionerId>,
    pub kinds: Vec<CareKind>,
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
    pub slot_length_minutes: u16,
    pub pools: Vec<PoolShare>,
    /// Empty takes the department's.
    pub capabilities: Vec<String>,
    pub terms: SessionTerms,
}

#[derive(Debug, Clone)]
pub struct Published {
    pub sessions: Vec<Permitted<Session>>,
    pub slots: Vec<Slot>,
}

impl Guarded for Session {
    const NOT_FOUND: &'static str = "SESSION_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        None
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![self.organisation]
    }
}

impl Guarded for Draft {
    const NOT_FOUND: &'static str = Session::NOT_FOUND;

    fn resident(&self) -> Option<ResidentId> {
        None
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![self.organisation]
    }
}

impl Scheduling {
    pub async fn publish(
        &self,
        ctx: &Context,
        call: &Call<Published>,
        drafts: Vec<Draft>,
    ) -> Result<Reply<Published>, SchedulingError> {
        if let Some(reply) = self.db.replay(call).await? {
            return Ok(reply);
        }
        let drafts = ctx.permit_all(drafts)?;
        let now = self.clock.now();
        let mut planned = Vec::with_capacity(drafts.len());
        for (index, draft) in drafts.into_iter().enumerate() {
            let times = slot_times(draft.starts_at, draft.ends_at, draft.slot_length_minutes)
                .and_then(|times| if draft.ends_at > now { Ok(times) } else { Err(past()) })
                .map_err(|refusal| within(index, refusal))?;
            let session = self.complete(ctx, draft.into_inner()).await?;
            let slots = times.into_iter().map(|(starts_at, ends_at)| Slot {
                id: SlotId::generate(),
                session: session.id,
                starts_at,
                ends_at,
            });
            planned.push((slots.collect::<Vec<Slot>>(), session));
        }

        let looked_at = notice::looked_at(
            planned.iter().map(|(_, session)| (session.terms.cancel_notice, (session.starts_at, session.ends_at))),
        );
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let closed = exceptions::closed(&mut tx, looked_at).await?;
        let mut published = Published { sessions: Vec::with_capacity(planned.len()), slots: Vec::new() };
        for (slots, session) in planned {
            sessions::insert(&mut tx, &session, Origin::Published, ctx.caller.acting(), now).await?;
            let cancel_until = |starts_at| session.terms.cancel_until(starts_at, &closed);
            slots::insert_all(&mut tx, &slots, &session.pools, cancel_until).await?;
            record(&mut tx, ctx, &session, &slots).await?;
            self.passing.pass_on_new(&mut tx, &session, &slots, now).await?;
            published.slots.extend(slots);
            published.sessions.push(ctx.permit(session)?);
        }
        published.slots.sort_by_key(|slot| (slot.starts_at, slot.id));
        Ok(call.commit(tx, published).await?)
    }

    /// Fills in what identity knows: tier, place, and the department's capabilities.
    async fn complete(&self, ctx: &Context, draft: Draft) -> Result<Session, SchedulingError> {
        let provider = self.identity.provider(ctx, draft.organisation).await?;
        self.check_employed(ctx, draft.practitioner, draft.organisation).await?;
        let capabilities = known_capabilities(&provider, draft.department, &draft.capabilities)?;
        Ok(Session {
            id: draft.id.unwrap_or_else(SessionId::generate),
            organisation: draft.organisation,
            tier: provider.tier,
            place: provider.place,
            department: draft.department,
            practitioner: draft.practitioner,
            kinds: draft.kinds,
            starts_at: draft.starts_at,
            ends_at: draft.ends_at,
            slot_length_minutes: draft.slot_length_minutes,
            pools: draft.pools,
            capabilities,
            terms: draft.terms,
        })
    }
}

/// What a session of a department is fit for: as said, or else as the department.
pub(super) fn known_capabilities(
    provider: &Provider,
    department: Option<DepartmentId>,
    said: &[String],
) -> Result<Vec<String>, SchedulingError> {
    let Some(id) = department else { return Ok(said.to_vec()) };
    let department = provider.departments.iter().find(|department| department.id == id);
    let department = department.ok_or(SchedulingError::DepartmentNotFound)?;
    Ok(if said.is_empty() { department.capabilities.clone() } else { said.to_vec() })
}

async fn record(tx: &mut Transaction, ctx: &Context, session: &Session, slots: &[Slot]) -> Result<(), SchedulingError> {
    let entry = audit::Entry::new(&ctx.caller, "scheduling.session.publish").row("sessions", session.id);
    Ok(audit::record(tx, slots::audited(entry, slots, &session.pools)).await?)
}

fn past() -> SchedulingError {
    SchedulingError::field("ends_at", "must be in the future")
}

fn within(index: usize, refusal: SchedulingError) -> SchedulingError {
    match refusal {
        SchedulingError::Field { field, description } => {
            SchedulingError::Field { field: format!("sessions[{index}].{field}"), description }
        }
        other => other,
    }
}
