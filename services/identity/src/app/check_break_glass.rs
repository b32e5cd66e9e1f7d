use chassis::{Context, Guarded, Permitted};
use postgres::Scope;
use postgres::audit::{self, Entry};
use types::ids::{OrganisationId, ResidentId};

use super::App;
use crate::domain::IdentityError;
use crate::domain::break_glass::BreakGlass;
use crate::store::break_glasses;

/// Whether a person's records are open to an organisation.
#[derive(Debug, Clone, Copy)]
pub struct BreakGlassQuestion {
    pub resident: ResidentId,
    pub organisation: OrganisationId,
}

impl Guarded for BreakGlassQuestion {
    fn resident(&self) -> Option<ResidentId> {
        Some(self.resident)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![self.organisation]
    }
}

impl App {
    /// Answers only where they are.
    pub async fn check_break_glass(
        &self,
        ctx: &Context,
        question: BreakGlassQuestion,
    ) -> Result<Permitted<BreakGlass>, IdentityError> {
        // Before the row is looked at: who may not ask learns nothing.
        let question = ctx.permit(question)?;
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let open =
            break_glasses::open(&mut tx, &self.vault, question.resident, question.organisation, self.now()).await?;
        let open = ctx.permit(open.ok_or(IdentityError::BreakGlassNotOpen)?)?;
        let entry = Entry::new(&ctx.caller, "identity.break_glass.check");
        audit::record(&mut tx, break_glasses::audited(entry, &open)).await?;
        tx.commit().await?;
        Ok(open)
    }
}
