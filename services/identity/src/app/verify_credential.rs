use chassis::{Context, Guarded, Permitted};
use postgres::Scope;
use postgres::audit::{self, Entry};
use types::clock::local_date;
use types::identifier::Identifier;
use types::ids::{OrganisationId, ResidentId};

use super::App;
use crate::domain::IdentityError;
use crate::store::identifiers;

/// Whether somebody's credential is the one it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verification {
    pub resident: ResidentId,
    pub matches: bool,
}

impl Guarded for Verification {
    const NOT_FOUND: &'static str = "RESIDENT_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        Some(self.resident)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![]
    }
}

impl App {
    /// Compares what is shown with what the resident has. The answer is on record either way, and says not whose it is instead.
    pub async fn verify_credential(
        &self,
        ctx: &Context,
        resident: ResidentId,
        shown: &Identifier,
    ) -> Result<Permitted<Verification>, IdentityError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let person = self.person(&mut tx, resident).await?;
        let today = local_date(self.now());
        let is_it = |document: &&_| is_shown(document, shown) && document.validity.covers(today);
        let found = person.documents.iter().find(is_it);
        let answer = ctx.permit(Verification { resident: person.resident.id, matches: found.is_some() })?;
        let action = if answer.matches { "identity.credential.match" } else { "identity.credential.mismatch" };
        let entry = Entry::new(&ctx.caller, action).resident(person.resident.id);
        audit::record(&mut tx, found.into_iter().fold(entry, identifiers::audited)).await?;
        tx.commit().await?;
        Ok(answer)
    }
}

fn is_shown(document: &crate::domain::identifier::Document, shown: &Identifier) -> bool {
    document.holds() && document.identifier == *shown
}
