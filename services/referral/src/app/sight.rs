//! Who sees a referral, and who sees its clinical text: asked at identity at that moment, so that a consent taken back is none from the
//! next call on.

use std::collections::{BTreeMap, BTreeSet};

use chassis::{Context, Guarded, Permitted};
use postgres::{Scope, audit::Entry};
use types::{
    caller::Role,
    ids::{BreakGlassId, OrganisationId, ResidentId},
};

use super::{App, record::record};
use crate::{
    domain::{
        ReferralError,
        care::{DataKind, data_kinds},
        mandate::Action,
        referral::Referral,
    },
    store::glass_reads,
};

/// A referral as one caller may see it.
#[derive(Debug, Clone)]
pub struct Sight {
    pub referral: Referral,
    /// Whether diagnoses, summary and advice are shown: to the resident themself, to the provider that wrote them, to the one that has
    /// the resident's consent, and where the records were opened in an emergency.
    pub clinical: bool,
    /// Under which opening they are.
    pub glass: Option<Glass>,
}

/// Records opened in an emergency.
#[derive(Debug, Clone, Copy)]
pub struct Glass {
    pub id: BreakGlassId,
    pub organisation: OrganisationId,
}

impl Sight {
    /// For whoever wrote it.
    pub fn whole(referral: Referral) -> Self {
        Self { referral, clinical: true, glass: None }
    }

    /// Without its clinical text: what a decision is answered with. Who decides has read it, and consent is asked when it is read.
    pub fn bare(referral: Referral) -> Self {
        Self { referral, clinical: false, glass: None }
    }
}

impl Guarded for Sight {
    const NOT_FOUND: &'static str = "REFERRAL_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        Some(self.referral.resident)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![self.referral.from, self.referral.to]
    }

    fn carers(&self) -> Vec<OrganisationId> {
        self.glass.iter().map(|glass| glass.organisation).collect()
    }
}

/// The target's side of a referral: only the target decides.
#[derive(Debug)]
pub(super) struct TargetSide {
    resident: ResidentId,
    to: OrganisationId,
}

impl TargetSide {
    pub(super) const fn of(referral: &Referral) -> Self {
        Self { resident: referral.resident, to: referral.to }
    }
}

impl Guarded for TargetSide {
    const NOT_FOUND: &'static str = "REFERRAL_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        Some(self.resident)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![self.to]
    }
}

/// Whatever is asked about one resident or one organisation: a list, a journey, a proposal.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct About {
    pub(super) resident: Option<ResidentId>,
    pub(super) organisation: Option<OrganisationId>,
    /// To whom the resident's records were opened in an emergency.
    pub(super) opened_to: Option<OrganisationId>,
}

impl Guarded for About {
    fn resident(&self) -> Option<ResidentId> {
        self.resident
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        self.organisation.into_iter().collect()
    }

    fn carers(&self) -> Vec<OrganisationId> {
        self.opened_to.into_iter().collect()
    }
}

/// What identity answered about one page: each question is asked once.
#[derive(Default)]
struct Answers {
    consents: BTreeMap<(ResidentId, BTreeSet<DataKind>), bool>,
    glasses: BTreeMap<ResidentId, Option<Glass>>,
}

impl App {
    /// A person who acts for a resident sees the resident's records only where the delegation says VIEW, asked at identity at that
    /// moment. Passes whoever comes in their own name; whether a row is theirs to see is another question.
    pub async fn check_view(&self, ctx: &Context) -> Result<(), ReferralError> {
        let Some(resident) = ctx.caller.acted_for() else { return Ok(()) };
        let delegation = ctx.caller.delegation.ok_or(ReferralError::NoDelegation)?;
        self.identity.check_delegation(ctx, (delegation, resident), Action::View, None).await
    }

    /// What the caller sees of referrals at this moment. Calls identity, so never within a transaction.
    pub(super) async fn sights(&self, ctx: &Context, referrals: Vec<Referral>) -> Result<Vec<Sight>, ReferralError> {
        let mut answers = Answers::default();
        let mut sights = Vec::with_capacity(referrals.len());
        for referral in referrals {
            sights.push(self.sight(ctx, referral, &mut answers).await?);
        }
        Ok(sights)
    }

    async fn sight(&self, ctx: &Context, referral: Referral, answers: &mut Answers) -> Result<Sight, ReferralError> {
        let caller = &ctx.caller;
        let is_resident = caller.actor.is_none() && caller.is(referral.resident);
        if is_resident || caller.organisation == Some(referral.from) {
            return Ok(Sight::whole(referral));
        }
        if caller.organisation == Some(referral.to) && self.has_consent(ctx, &referral, answers).await? {
            return Ok(Sight::whole(referral));
        }
        let known = answers.glasses.get(&referral.resident).copied();
        let glass = match known {
            Some(glass) => glass,
            None => self.glass(ctx, referral.resident).await?,
        };
        answers.glasses.insert(referral.resident, glass);
        Ok(Sight { referral, clinical: glass.is_some(), glass })
    }

    async fn has_consent(
        &self,
        ctx: &Context,
        referral: &Referral,
        answers: &mut Answers,
    ) -> Result<bool, ReferralError> {
        let kinds = data_kinds(&referral.diagnoses);
        let question = (referral.resident, kinds);
        if let Some(answer) = answers.consents.get(&question) {
            return Ok(*answer);
        }
        let has_consent = match self.identity.check_consent(ctx, referral.resident, referral.to, &question.1).await {
            Ok(()) => true,
            Err(ReferralError::NoConsent) => false,
            Err(refusal) => return Err(refusal),
        };
        answers.consents.insert(question, has_consent);
        Ok(has_consent)
    }

    /// The opening under which a clinician may read a person's records without consent. Nobody else has one.
    pub(super) async fn glass(&self, ctx: &Context, resident: ResidentId) -> Result<Option<Glass>, ReferralError> {
        let caller = &ctx.caller;
        let is_clinician = caller.has(&Role::Clinician) || caller.has(&Role::FamilyDoctor);
        match caller.organisation {
            Some(organisation) if is_clinician && caller.resident().is_none() => {
                let id = self.identity.open_glass(ctx, resident, organisation).await?;
                Ok(id.map(|id| Glass { id, organisation }))
            }
            _ => Ok(None),
        }
    }

    /// Shows what may be shown, all or nothing, and records that it was, under which opening if under one.
    pub(super) async fn seen(
        &self,
        ctx: &Context,
        sights: Vec<Sight>,
        action: &'static str,
    ) -> Result<Vec<Permitted<Sight>>, ReferralError> {
        let sights = ctx.permit_all(sights)?;
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        for sight in &sights {
            let mut entry = Entry::new(&ctx.caller, action);
            if let Some(glass) = sight.glass {
                let region = tx.region()?;
                glass_reads::insert(&mut tx, region, glass.id, sight.referral.id).await?;
                entry = glass_reads::audited(entry, glass.id, sight.referral.id);
            }
            record(&mut tx, entry, &sight.referral).await?;
        }
        tx.commit().await?;
        Ok(sights)
    }
}
