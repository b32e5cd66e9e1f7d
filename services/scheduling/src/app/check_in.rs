//! Checks a patient in: an appointment is kept, or a walk-in, an emergency or an inpatient stay begins. What is over when it is reported ends
//! with it, as if that had been said right after.

use std::collections::BTreeSet;

use chassis::{Context, Permitted};
use chrono::{DateTime, Utc};
use postgres::{Begun, Call, Reply, Scope, Transaction, aliases};
use types::{
    caller::Party,
    care::CareKind,
    clock::local_date,
    identifier::Identifier,
    ids::{AppointmentId, DelegationId, JourneyId, OrganisationId, ReferralId, ResidentId, SessionId, VisitId},
    tier::Tier,
};

use super::{
    Scheduling,
    act_for::check_reach,
    join_queue::{Place, Said},
    records::{By, Change, appointment_changed, visit_changed},
};
use crate::{
    domain::{
        appointment::Appointment,
        error::SchedulingError,
        mandate::check_referral,
        queue::Class,
        visit::{
            Ended, IdentityProof, Present, Visit, check_admission, check_born, check_not_early, check_order,
            check_past, check_recent, to_prove,
        },
    },
    peers::identity::Action,
    store::{appointments, exclusion, sessions, visits},
};

#[derive(Debug, Clone)]
pub struct CheckIn {
    /// None has one chosen.
    pub visit: Option<VisitId>,
    pub subject: Subject,
    pub present: PresentClaim,
    pub identity_proof: IdentityProof,
    /// The credential that the desk has read.
    pub credential: Option<Identifier>,
    pub occurred_at: DateTime<Utc>,
    pub referral: Option<ReferralId>,
    pub journey: Option<JourneyId>,
    /// Whose queue a walk-in joins; none for the provider's own.
    pub session: Option<SessionId>,
    /// Why they go before others, as the desk sees it.
    pub seen: Vec<Class>,
    /// Of what was over when it was reported.
    pub ended: Option<Ended>,
}

/// What is begun.
#[derive(Debug, Clone)]
pub enum Subject {
    /// An appointment. The rest may be said once more, and must then agree.
    Appointment {
        id: AppointmentId,
        resident: Option<ResidentId>,
        kind: Option<CareKind>,
        organisation: Option<OrganisationId>,
    },
    WalkIn {
        resident: ResidentId,
        kind: CareKind,
        organisation: OrganisationId,
    },
}

/// Who came, as the desk says. A delegate who checks in with their own token need not be named.
#[derive(Debug, Clone)]
pub enum PresentClaim {
    Patient,
    Delegate { delegate: Option<Party>, delegation: Option<DelegationId> },
}

impl Scheduling {
    pub async fn check_in(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Visit>>,
        wish: CheckIn,
    ) -> Result<Reply<Permitted<Visit>>, SchedulingError> {
        if let Some(reply) = self.db.replay(call).await? {
            return Ok(reply);
        }
        let now = self.clock.now();
        check_past("occurred_at", wish.occurred_at, now)?;
        check_recent(wish.occurred_at, now)?;
        if let Some(ended) = wish.ended {
            check_past("end.occurred_at", ended.at, now)?;
            check_order("end.occurred_at", wish.occurred_at, ended.at)?;
        }
        match wish.subject.clone() {
            Subject::Appointment { id, resident, kind, organisation } => {
                let appointment = self.permitted(ctx, id).await?;
                self.agree_whose(ctx, resident, appointment.resident).await?;
                agree("kind", kind, &appointment.kind)?;
                agree("provider_organisation_id", organisation, &appointment.organisation)?;
                self.keep(ctx, call, wish, &appointment).await
            }
            Subject::WalkIn { resident, kind, organisation } => {
                check_referral(&ctx.caller, wish.referral)?;
                self.walk_in(ctx, call, wish, (resident, kind, organisation)).await
            }
        }
    }

    async fn keep(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Visit>>,
        wish: CheckIn,
        appointment: &Appointment,
    ) -> Result<Reply<Permitted<Visit>>, SchedulingError> {
        check_not_early(wish.occurred_at, appointment.slot.starts_at)?;
        to_prove(wish.identity_proof, wish.credential.as_ref())?;
        check_admission(appointment.kind, wish.identity_proof)?;
        self.prove(ctx, appointment.resident, &wish).await?;
        let present = self
            .present(ctx, &wish.present, appointment.resident, (appointment.kind, appointment.organisation))
            .await?;
        let said = Said { kind: appointment.kind, referral: appointment.referral, seen: &wish.seen };
        let class = self.class_of(ctx, appointment.resident, said).await?;

        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let id = wish.visit.unwrap_or_else(VisitId::generate);
        let kept = appointments::lock(&mut tx, appointment.id).await?.keep(id)?;
        let tier = sessions::find(&mut tx, kept.slot.session).await?.tier;
        let visit = Visit {
            id,
            resident: kept.resident,
            organisation: kept.organisation,
            region: ctx.caller.region,
            tier,
            kind: kept.kind,
            appointment: Some(kept.id),
            referral: kept.referral,
            journey: kept.journey,
            present,
            identity_proof: wish.identity_proof,
            checked_in_by: ctx.caller.acting().clone(),
            opened_at: wish.occurred_at,
            ended: wish.ended,
        };
        appointments::update(&mut tx, &kept).await?;
        appointment_changed(&mut tx, By::Caller(ctx), Change::Kept, &kept, self.clock.now()).await?;
        let place = Place { session: Some(kept.slot.session), due_at: Some(kept.slot.starts_at), class };
        self.open(tx, ctx, call, visit, place).await
    }

    async fn walk_in(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Visit>>,
        wish: CheckIn,
        (resident, kind, organisation): (ResidentId, CareKind, OrganisationId),
    ) -> Result<Reply<Permitted<Visit>>, SchedulingError> {
        let mut visit = Visit {
            id: wish.visit.unwrap_or_else(VisitId::generate),
            resident,
            organisation,
            region: ctx.caller.region,
            tier: Tier::Community,
            kind,
            appointment: None,
            referral: wish.referral,
            journey: wish.journey.unwrap_or_else(JourneyId::generate),
            present: Present::Patient,
            identity_proof: wish.identity_proof,
            checked_in_by: ctx.caller.acting().clone(),
            opened_at: wish.occurred_at,
            ended: wish.ended,
        };
        ctx.permit(visit.clone())?;
        to_prove(wish.identity_proof, wish.credential.as_ref())?;
        check_admission(kind, wish.identity_proof)?;
        visit.tier = self.identity.provider(ctx, organisation).await?.tier;
        let patient = self.identity.patient(ctx, resident, local_date(self.clock.now())).await?;
        check_born(wish.occurred_at, patient.birth_date)?;
        self.prove(ctx, resident, &wish).await?;
        visit.present = self.present(ctx, &wish.present, resident, (kind, organisation)).await?;

        let class = self.class(Some(&patient), &Said { kind, referral: visit.referral, seen: &wish.seen });
        let place = Place { session: wish.session, due_at: None, class };
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        exclusion::lock(&mut tx, &BTreeSet::from([exclusion::journey(visit.journey)])).await?;
        if visits::is_journey_of_another(&mut tx, visit.journey, resident).await? {
            return Err(SchedulingError::JourneyOfAnother);
        }
        self.open(tx, ctx, call, visit, place).await
    }

    async fn open(
        &self,
        mut tx: Transaction,
        ctx: &Context,
        call: &Call<Permitted<Visit>>,
        visit: Visit,
        place: Place,
    ) -> Result<Reply<Permitted<Visit>>, SchedulingError> {
        // Written once, with its end where that is said: a stay is judged by how long it was.
        visits::insert(&mut tx, &visit).await?;
        self.join_queue(&mut tx, ctx, &visit, place).await?;
        let opened = Visit { ended: None, ..visit.clone() };
        let kind = "anjia.scheduling.visit.opened.v1";
        visit_changed(&mut tx, ctx, kind, "scheduling.visit.check_in", &opened, self.clock.now()).await?;
        if let Some(ended) = visit.ended {
            self.tell_end(&mut tx, ctx, &visit, ended).await?;
        }
        let visit = ctx.permit(visit)?;
        Ok(call.commit(tx, visit).await?)
    }

    /// ID-10: the credential is the patient's, also where a delegate brought it. Identity says so, on the record, and not the desk.
    async fn prove(&self, ctx: &Context, patient: ResidentId, wish: &CheckIn) -> Result<(), SchedulingError> {
        let Some(credential) = to_prove(wish.identity_proof, wish.credential.as_ref())? else { return Ok(()) };
        let is_theirs = self.identity.is_credential_of(ctx, patient, credential).await?;
        if is_theirs { Ok(()) } else { Err(SchedulingError::IdentityMismatch) }
    }

    /// Who is named once more must be the patient, by whichever id of theirs.
    async fn agree_whose(
        &self,
        ctx: &Context,
        said: Option<ResidentId>,
        patient: ResidentId,
    ) -> Result<(), SchedulingError> {
        let Some(said) = said.filter(|said| *said != patient) else { return Ok(()) };
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let is_patient = aliases::same(&mut tx, said, patient).await?;
        tx.commit().await?;
        agree("resident_id", Some(is_patient), &true)
    }

    /// A delegate may stand in for the patient if the patient's delegation says ATTEND.
    async fn present(
        &self,
        ctx: &Context,
        claim: &PresentClaim,
        patient: ResidentId,
        (kind, organisation): (CareKind, OrganisationId),
    ) -> Result<Present, SchedulingError> {
        let PresentClaim::Delegate { delegate, delegation } = claim else { return Ok(Present::Patient) };
        let is_acting = ctx.caller.is(patient) && ctx.caller.actor.is_some();
        let delegate = delegate.clone().or_else(|| ctx.caller.actor.clone().filter(|_| is_acting));
        let delegation = delegation.or(ctx.caller.delegation.filter(|_| is_acting));
        let (Some(delegate), Some(delegation)) = (delegate, delegation) else {
            return Err(SchedulingError::NoDelegation);
        };
        let limits = self.identity.check_delegate(ctx, delegation, patient, &delegate, Action::Attend).await?;
        check_reach(&limits, kind, organisation)?;
        Ok(Present::Delegate { delegate, delegation })
    }
}

/// What is said once more must be what is known.
fn agree<T: PartialEq>(field: &str, said: Option<T>, known: &T) -> Result<(), SchedulingError> {
    if said.is_none_or(|said| said == *known) {
        Ok(())
    } else {
        Err(SchedulingError::field(field, "must be the appointment's, or left out"))
    }
}
