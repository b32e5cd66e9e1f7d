use std::collections::BTreeSet;

use chassis::{Context, Permitted};
use chrono::{DateTime, Utc};
use postgres::audit::{self, Entry};
use postgres::events::{self, NewEvent};
use postgres::{Begun, Call, Reply, Transaction};
use proto::convert::FieldError;
use serde_json::json;
use types::caller::Party;
use types::ids::{DelegationId, ResidentId};

use super::App;
use crate::domain::IdentityError;
use crate::domain::delegation::{Action, Basis, Delegation};
use crate::store::{delegations, residents};

/// A delegation to grant.
#[derive(Debug, Clone)]
pub struct NewDelegation {
    pub id: DelegationId,
    pub resident: ResidentId,
    pub delegate: Party,
    pub basis: Basis,
    pub actions: BTreeSet<Action>,
    pub until: DateTime<Utc>,
    pub evidence: String,
}

impl App {
    /// A resident, or a ward's guardian, lets somebody act; an operator who has seen the papers records a guardian.
    pub async fn grant_delegation(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Delegation>>,
        new: NewDelegation,
    ) -> Result<Reply<Permitted<Delegation>>, IdentityError> {
        let caller = &ctx.caller;
        let witness = match (new.basis, caller.resident()) {
            (Basis::Guardian, Some(_)) => {
                return Err(FieldError::new("basis", "a guardian is recorded by an operator who saw the papers").into());
            }
            (Basis::Guardian, None) => caller.organisation,
            (Basis::Granted, _) => None,
        };
        let delegation = ctx.permit(Delegation {
            id: new.id,
            region: caller.region,
            resident: new.resident,
            delegate: new.delegate,
            basis: new.basis,
            actions: new.actions,
            until: new.until,
            evidence: new.evidence,
            witness,
            granted_at: self.now(),
            revoked_at: None,
        })?;

        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        delegation.check_grant()?;
        if !residents::exists(&mut tx, delegation.resident).await? {
            return Err(IdentityError::ResidentNotFound);
        }
        if let Some(guardianship) = self.own_or_guardians(&mut tx, ctx).await? {
            guardianship.check_passes_on(&delegation)?;
        }
        if !delegations::insert(&mut tx, &delegation).await? {
            return Err(IdentityError::DelegationExists);
        }
        let data = json!({ "resident_id": delegation.resident, "delegate": delegation.delegate });
        let event = NewEvent::new("anjia.identity.delegation.granted.v1", delegation.id, data, delegation.granted_at);
        events::append(&mut tx, event.traceparent(ctx.traceparent())).await?;
        let entry = Entry::new(caller, "identity.delegation.grant");
        audit::record(&mut tx, delegations::audited(entry, &delegation)).await?;
        Ok(call.commit(tx, delegation).await?)
    }

    /// A delegate cannot delegate further, nor take others' delegations away, unless they are the guardian: on what they then act.
    pub(super) async fn own_or_guardians(
        &self,
        tx: &mut Transaction,
        ctx: &Context,
    ) -> Result<Option<Delegation>, IdentityError> {
        let caller = &ctx.caller;
        let (Some(resident), Some(actor)) = (caller.resident(), &caller.actor) else {
            return Ok(None);
        };
        let rests_on = match caller.delegation {
            Some(id) => delegations::get(tx, id).await?,
            None => None,
        };
        let rests_on = rests_on.ok_or(IdentityError::NoDelegation)?;
        rests_on.check_delegate(resident, actor, self.now())?;
        match rests_on.basis {
            Basis::Guardian => Ok(Some(rests_on)),
            Basis::Granted => Err(IdentityError::ActionNotDelegated),
        }
    }
}
