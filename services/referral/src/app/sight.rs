//! Who sees a referral, and who sees its clinical text.

use chassis::{Context, Guarded};
use types::{
    caller::Caller,
    ids::{OrganisationId, ResidentId},
};

use super::App;
use crate::domain::{ReferralError, mandate::Action, referral::Referral};

/// A referral as one caller may see it.
#[derive(Debug, Clone)]
pub struct Sight {
    pub referral: Referral,
    /// Whether diagnoses, summary and advice are shown: to the two providers and the resident themself.
    pub clinical: bool,
}

impl Sight {
    pub fn new(referral: Referral, caller: &Caller) -> Self {
        let is_resident = caller.actor.is_none() && caller.resident() == Some(referral.resident);
        let is_provider = caller.organisation.is_some_and(|id| id == referral.from || id == referral.to);
        Self { referral, clinical: is_resident || is_provider }
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
#[derive(Debug, Clone, Copy)]
pub(super) struct About {
    pub(super) resident: Option<ResidentId>,
    pub(super) organisation: Option<OrganisationId>,
}

impl Guarded for About {
    fn resident(&self) -> Option<ResidentId> {
        self.resident
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        self.organisation.into_iter().collect()
    }
}

impl App {
    /// A person who acts for a resident sees the resident's records only where the delegation says VIEW, asked at identity at that
    /// moment. Passes whoever comes in their own name; whether a row is theirs to see is another question.
    pub async fn check_view(&self, ctx: &Context) -> Result<(), ReferralError> {
        let Some(resident) = ctx.caller.acted_for() else { return Ok(()) };
        let delegation = ctx.caller.delegation.ok_or(ReferralError::NoDelegation)?;
        self.identity.check_delegation(ctx, delegation, resident, Action::View).await
    }
}
