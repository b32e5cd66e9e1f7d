use chassis::{Context, Guarded, Permitted};
use postgres::Scope;
use postgres::audit::{self, Entry};
use types::caller::{Caller, Party};
use types::care::CareKind;
use types::ids::{DelegationId, OrganisationId, ResidentId};

use super::App;
use crate::domain::IdentityError;
use crate::domain::delegation::{Action, Delegation};
use crate::store::delegations;

/// The services that ask about delegates other than the one who acts: referral checks its mandates; scheduling a list that
/// somebody books in their own name, and who came to a desk in a patient's stead.
const ASK_ABOUT_OTHERS: [&str; 2] = ["referral", "scheduling"];

/// Whether somebody may do something for a resident.
#[derive(Debug, Clone)]
pub struct DelegationQuestion {
    pub delegation: DelegationId,
    pub resident: ResidentId,
    /// Nobody named: whoever acts in this call.
    pub delegate: Option<Party>,
    pub action: Action,
    /// For which care and with whom, where that is known.
    pub care_kind: Option<CareKind>,
    pub organisation: Option<OrganisationId>,
}

impl Guarded for DelegationQuestion {
    fn resident(&self) -> Option<ResidentId> {
        Some(self.resident)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![]
    }
}

impl App {
    /// Answers only when the delegation allows it.
    pub async fn check_delegation(
        &self,
        ctx: &Context,
        question: DelegationQuestion,
    ) -> Result<Permitted<Delegation>, IdentityError> {
        // Before the row is looked at: who may not ask learns nothing.
        let question = ctx.permit(question)?;
        let delegate = delegate(&ctx.caller, question.delegate.as_ref())?;

        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let delegation = delegations::get(&mut tx, question.delegation).await?.ok_or(IdentityError::NoDelegation)?;
        delegation.check_action(question.resident, delegate, question.action, self.now())?;
        delegation.check_reach(question.care_kind, question.organisation)?;
        let delegation = ctx.permit(delegation)?;
        let entry = Entry::new(&ctx.caller, "identity.delegation.check");
        audit::record(&mut tx, delegations::audited(entry, &delegation)).await?;
        tx.commit().await?;
        Ok(delegation)
    }
}

fn delegate<'a>(caller: &'a Caller, named: Option<&'a Party>) -> Result<&'a Party, IdentityError> {
    match named {
        None => Ok(caller.acting()),
        Some(named)
            if named == caller.acting() || caller.service().is_some_and(|name| ASK_ABOUT_OTHERS.contains(&name)) =>
        {
            Ok(named)
        }
        Some(_) => Err(IdentityError::NotTheDelegate),
    }
}
