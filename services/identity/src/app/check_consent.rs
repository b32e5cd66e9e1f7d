use chassis::{Context, Guarded, Permitted};
use postgres::Scope;
use postgres::audit::{self, Entry};
use types::ids::{OrganisationId, ResidentId};

use super::App;
use crate::domain::IdentityError;
use crate::domain::consent::{Consent, Purpose};
use crate::store::consents;

/// Whether an organisation may see a resident's data.
#[derive(Debug, Clone)]
pub struct ConsentQuestion {
    pub resident: ResidentId,
    pub recipient: OrganisationId,
    pub purpose: Purpose,
}

impl Guarded for ConsentQuestion {
    fn resident(&self) -> Option<ResidentId> {
        Some(self.resident)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![self.recipient]
    }
}

impl App {
    /// Answers only when it may.
    pub async fn check_consent(
        &self,
        ctx: &Context,
        question: ConsentQuestion,
    ) -> Result<Permitted<Consent>, IdentityError> {
        // Before the row is looked at: who may not ask learns nothing.
        let question = ctx.permit(question)?;
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let found =
            consents::in_force(&mut tx, question.resident, question.recipient, question.purpose, self.now()).await?;
        let consent = ctx.permit(found.ok_or(IdentityError::NoConsent)?)?;
        let entry = Entry::new(&ctx.caller, "identity.consent.check");
        audit::record(&mut tx, consents::audited(entry, &consent)).await?;
        tx.commit().await?;
        Ok(consent)
    }
}
