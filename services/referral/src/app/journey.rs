use chassis::{Context, Guarded, Permitted};
use postgres::{Scope, audit::Entry};
use types::ids::{JourneyId, OrganisationId, ResidentId};

use super::{App, record::record, sight::About};
use crate::{
    domain::{ReferralError, journey::Journey},
    store::referrals,
};

/// A journey as one caller may see it.
#[derive(Debug, Clone)]
pub struct JourneySight {
    pub journey: Journey,
    /// The caller's side of each referral, which decides on its clinical text.
    pub referrals: Vec<super::Sight>,
}

impl Guarded for JourneySight {
    const NOT_FOUND: &'static str = "JOURNEY_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        Some(self.journey.resident)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        Vec::new()
    }
}

impl App {
    /// One episode of care, gathered from all services that the caller may ask about the resident.
    pub async fn journey(
        &self,
        ctx: &Context,
        id: JourneyId,
        resident: ResidentId,
    ) -> Result<Permitted<JourneySight>, ReferralError> {
        ctx.permit(About { resident: Some(resident), ..About::default() })?;
        self.check_view(ctx).await?;
        let mut milestones = self.scheduling.milestones(ctx, resident, id).await?;
        let (settlements, amounts) = self.adjudication.milestones(ctx, resident, id).await?;
        milestones.extend(settlements);
        milestones.extend(self.payment.milestones(ctx, resident, id).await?);

        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let referrals = referrals::of_journey(&mut tx, id, resident).await?;
        for referral in &referrals {
            record(&mut tx, Entry::new(&ctx.caller, "referral.journey.read"), referral).await?;
        }
        tx.commit().await?;
        let journey = Journey::assemble(id, resident, referrals, milestones, &amounts);
        if journey.is_empty() {
            return Err(ReferralError::JourneyNotFound);
        }
        let referrals = self.sights(ctx, journey.referrals.clone()).await?;
        Ok(ctx.permit(JourneySight { journey, referrals })?)
    }
}
