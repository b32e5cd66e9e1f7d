//! What granting, proposing and confirming a delegation have in common.

use chassis::Context;
use postgres::Transaction;
use postgres::audit::Entry;
use postgres::events::{self, NewEvent};
use serde_json::json;
use types::caller::Party;
use types::clock::local_date;
use types::ids::{DelegationReceiptId, ResidentId};

use super::App;
use crate::domain::IdentityError;
use crate::domain::delegation::receipt::Receipt;
use crate::domain::delegation::{Basis, Delegation};
use crate::store::{clients, delegation_receipts, delegations, organisations, practitioners, residents};

pub(super) const PROPOSED: &str = "anjia.identity.delegation.proposed.v1";
pub(super) const GRANTED: &str = "anjia.identity.delegation.granted.v1";
pub(super) const REVOKED: &str = "anjia.identity.delegation.revoked.v1";

impl App {
    /// Everybody it names is known, and nobody ends up acting for themself through others. Keeps other delegations between the same
    /// two residents out until the end of the transaction, so that they do not make a ring unseen.
    pub(super) async fn check_parties(
        &self,
        tx: &mut Transaction,
        delegation: &Delegation,
    ) -> Result<(), IdentityError> {
        let delegate = match delegation.delegate {
            Party::Resident(id) => Some(id),
            Party::Practitioner(_) | Party::Client(_) | Party::Service(_) => None,
        };
        lock(tx, delegation.resident, delegate).await?;
        if delegate.is_none() && self.name(tx, &delegation.delegate).await?.is_none() {
            return Err(IdentityError::DelegateNotFound);
        }
        for organisation in &delegation.limits.organisations {
            if !organisations::exists(tx, *organisation).await? {
                return Err(IdentityError::OrganisationNotFound);
            }
        }
        if delegation.basis == Basis::Granted
            && let Some(delegate) = delegate
            && delegations::leads_to(tx, delegate, delegation.resident, self.now()).await?
        {
            return Err(IdentityError::DelegationRing);
        }
        Ok(())
    }

    /// Issues what the resident keeps, and names it in the entry that will prove it.
    pub(super) async fn issue_receipt(
        &self,
        tx: &mut Transaction,
        delegation: &Delegation,
        entry: Entry,
    ) -> Result<Entry, IdentityError> {
        let delegate = self.name(tx, &delegation.delegate).await?.ok_or(IdentityError::DelegateNotFound)?;
        let receipt = Receipt::issue(DelegationReceiptId::generate(), delegation, &delegate, self.now());
        delegation_receipts::insert(tx, delegation.region, &receipt).await?;
        Ok(delegation_receipts::audited(entry, &receipt))
    }

    /// As the resident knows a delegate: by the name of a practitioner, masked of another resident, of the organisation a client works
    /// for. None if there is nobody of that kind.
    async fn name(&self, tx: &mut Transaction, party: &Party) -> Result<Option<String>, IdentityError> {
        let by_itself = match party {
            Party::Resident(id) => {
                let resident = residents::get(tx, &self.vault, *id).await?;
                return Ok(resident.map(|resident| resident.masked_name()));
            }
            Party::Practitioner(id) => practitioners::get(tx, *id).await?.map(|practitioner| practitioner.name),
            Party::Client(_) | Party::Service(_) => None,
        };
        if by_itself.is_some() {
            return Ok(by_itself);
        }
        let Some(client) = clients::of_party(tx, party).await? else { return Ok(None) };
        let organisation = match client.organisation {
            Some(id) => organisations::get(tx, id, local_date(self.now())).await?,
            None => None,
        };
        Ok(Some(organisation.map_or(client.client_id, |organisation| organisation.name)))
    }
}

/// In the order of ids, as everybody locks them.
async fn lock(tx: &mut Transaction, resident: ResidentId, delegate: Option<ResidentId>) -> Result<(), IdentityError> {
    let mut both: Vec<ResidentId> = [resident].into_iter().chain(delegate).collect();
    both.sort();
    for id in both {
        if !residents::lock(tx, id).await? {
            let is_grantor = id == resident;
            return Err(if is_grantor { IdentityError::ResidentNotFound } else { IdentityError::DelegateNotFound });
        }
    }
    Ok(())
}

/// Tells of a delegation. For the resident to hear of: it names who may act.
pub(super) async fn tell(
    tx: &mut Transaction,
    ctx: &Context,
    kind: &'static str,
    delegation: &Delegation,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(), IdentityError> {
    let data = json!({ "resident_id": delegation.resident, "delegate": delegation.delegate });
    let event = NewEvent::new(kind, delegation.id, data, now);
    events::append(tx, event.traceparent(ctx.traceparent())).await?;
    Ok(())
}
