use std::collections::BTreeSet;

use chassis::{Context, Permitted};
use chrono::NaiveDate;
use postgres::audit::{self, Entry};
use postgres::events::{self, NewEvent};
use postgres::{Begun, Call, Reply, Transaction};
use serde_json::json;
use types::ids::{ContractId, OrganisationId, PractitionerId, ResidentId};
use types::tier::Tier;

use super::{App, coverage_changed};
use crate::domain::IdentityError;
use crate::domain::delegation::Action;
use crate::domain::family_doctor::Contract;
use crate::store::{family_doctor_contracts, organisations, practitioners, residents};

/// A contract to sign.
#[derive(Debug, Clone)]
pub struct NewContract {
    pub id: ContractId,
    pub resident: ResidentId,
    pub organisation: OrganisationId,
    pub team: BTreeSet<PractitionerId>,
    pub package_code: String,
    pub from: NaiveDate,
    pub until: NaiveDate,
}

impl App {
    /// By the resident, or a delegate who may book.
    pub async fn sign_family_doctor_contract(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Contract>>,
        new: NewContract,
    ) -> Result<Reply<Permitted<Contract>>, IdentityError> {
        let contract = ctx.permit(Contract {
            id: new.id,
            region: ctx.caller.region,
            resident: new.resident,
            organisation: new.organisation,
            team: new.team,
            package: self.service_packages.find(&new.package_code)?.clone(),
            from: new.from,
            until: new.until,
            renews: None,
            signed_at: self.now(),
            ended: None,
        })?;

        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        contract.check()?;
        self.check_may(&mut tx, ctx, contract.resident, Action::Book).await?;
        check_team(&mut tx, &contract).await?;
        sign(&mut tx, ctx, &contract).await?;
        Ok(call.commit(tx, contract).await?)
    }
}

/// Writes a contract, tells of it and records it, unless the resident has another on some of its days.
pub(super) async fn sign(tx: &mut Transaction, ctx: &Context, contract: &Contract) -> Result<(), IdentityError> {
    if !residents::lock(tx, contract.resident).await? {
        return Err(IdentityError::ResidentNotFound);
    }
    if family_doctor_contracts::overlaps(tx, contract).await? {
        return Err(IdentityError::ContractOverlaps);
    }
    if !family_doctor_contracts::insert(tx, contract).await? {
        return Err(IdentityError::ContractExists);
    }
    let data = json!({
        "resident_id": contract.resident,
        "organisation_id": contract.organisation,
        "practitioner_ids": contract.team,
        "from": contract.from,
        "until": contract.until,
    });
    let event = NewEvent::new("anjia.identity.contract.signed.v1", contract.id, data, contract.signed_at);
    events::append(tx, event.traceparent(ctx.traceparent())).await?;
    coverage_changed::tell(tx, ctx, contract.resident, contract.from, contract.signed_at).await?;
    let entry = Entry::new(&ctx.caller, "identity.contract.sign");
    audit::record(tx, family_doctor_contracts::audited(entry, contract)).await?;
    Ok(())
}

/// The team works for a community provider.
async fn check_team(tx: &mut Transaction, contract: &Contract) -> Result<(), IdentityError> {
    let provider = organisations::get(tx, contract.organisation, contract.from)
        .await?
        .ok_or(IdentityError::OrganisationNotFound)?;
    if provider.tier != Some(Tier::Community) {
        return Err(IdentityError::NotACommunityProvider);
    }
    for id in &contract.team {
        let practitioner = practitioners::get(tx, *id).await?;
        if practitioner.is_none_or(|practitioner| practitioner.organisation != contract.organisation) {
            return Err(IdentityError::PractitionerNotFound);
        }
    }
    Ok(())
}
