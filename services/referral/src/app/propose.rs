use chassis::{Context, Guarded};
use proto::convert::FieldError;
use types::{
    care::CareKind,
    ids::{OrganisationId, ResidentId},
};

use super::App;
use crate::{
    domain::{
        ReferralError,
        direction::Direction,
        target::{Target, rank},
    },
    peers::Provider,
};

/// Whom a target is sought for.
#[derive(Debug, Clone)]
pub struct Asked {
    pub resident: ResidentId,
    pub from: OrganisationId,
    pub direction: Direction,
    pub icd10_code: String,
    pub kind: CareKind,
    pub targets_max: usize,
}

impl Guarded for Asked {
    fn resident(&self) -> Option<ResidentId> {
        Some(self.resident)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![self.from]
    }
}

/// What was found.
#[derive(Debug)]
pub struct Proposal {
    /// Best first.
    pub targets: Vec<Target>,
    pub icd10_code: String,
    pub needs_capability: bool,
}

impl App {
    /// Providers that lie in the direction and can treat the diagnosis, lowest suitable tier first, then distance, each with its next
    /// free place.
    pub async fn propose(&self, ctx: &Context, asked: Asked) -> Result<Proposal, ReferralError> {
        let asked = ctx.permit(asked)?;
        let from = self.identity.provider(ctx, asked.from).await?;
        let near =
            from.place.ok_or_else(|| FieldError::new("from_organisation_id", "is a provider without a place"))?;
        let needs_capability = asked.direction.needs_capability();
        let capability = needs_capability.then_some(asked.icd10_code.as_str());
        let providers = self.identity.providers(ctx, capability).await?;
        let is_candidate =
            |provider: &Provider| provider.id != from.id && asked.direction.leads(from.tier, provider.tier);
        let candidates = providers.into_iter().filter(is_candidate).filter_map(|provider| {
            let distance_m = near.distance_m(provider.place?);
            Some(Target { organisation: provider.id, name: provider.name, tier: provider.tier, distance_m, next: None })
        });
        let mut targets = rank(candidates.collect());
        targets.truncate(asked.targets_max);
        let now = self.clock.now();
        for target in &mut targets {
            target.next = self.scheduling.next_place(ctx, near, target.organisation, asked.kind, now).await?;
        }
        Ok(Proposal { targets, icd10_code: asked.icd10_code.clone(), needs_capability })
    }
}
