use std::collections::BTreeSet;

use chassis::{Context, Guarded, Permitted};
use postgres::Scope;
use postgres::audit::{self, Entry};
use types::clock::local_date;
use types::ids::{OrganisationId, ResidentId};

use super::App;
use crate::domain::IdentityError;
use crate::domain::consent::{self, Consent, DataKind, Purpose, RecipientClass};
use crate::store::{consents, organisations};

/// Whether an organisation may see a resident's data.
#[derive(Debug, Clone)]
pub struct ConsentQuestion {
    pub resident: ResidentId,
    pub recipient: OrganisationId,
    pub purpose: Purpose,
    /// All of them must be allowed.
    pub kinds: BTreeSet<DataKind>,
}

impl Guarded for ConsentQuestion {
    fn resident(&self) -> Option<ResidentId> {
        Some(self.resident)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![self.recipient]
    }
}

/// The consent that allows it, shown to whom it is allowed: also where it names a class and no organisation.
#[derive(Debug, Clone)]
pub struct Allowing {
    pub consent: Consent,
    recipient: OrganisationId,
}

impl Guarded for Allowing {
    fn resident(&self) -> Option<ResidentId> {
        Some(self.consent.resident)
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
    ) -> Result<Permitted<Allowing>, IdentityError> {
        // Before the row is looked at: who may not ask learns nothing.
        let question = ctx.permit(question)?;
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let classes = match organisations::get(&mut tx, question.recipient, local_date(self.now())).await? {
            Some(recipient) => RecipientClass::of(&recipient),
            None => vec![],
        };
        let recipient = (question.recipient, classes.as_slice());
        let in_force = consents::in_force(&mut tx, question.resident, recipient, question.purpose, self.now()).await?;
        let covering = consent::covering(in_force, &question.kinds).ok_or(IdentityError::NoConsent)?;
        let entry = Entry::new(&ctx.caller, "identity.consent.check");
        audit::record(&mut tx, covering.iter().fold(entry, consents::audited)).await?;
        tx.commit().await?;
        let consent = covering.into_iter().min_by_key(|consent| consent.until).ok_or(IdentityError::NoConsent)?;
        Ok(ctx.permit(Allowing { consent, recipient: question.recipient })?)
    }
}
