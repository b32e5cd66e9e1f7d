use std::collections::BTreeSet;

use chassis::{Context, Permitted, error};
use postgres::Call;
use prost::Message;
use proto::anjia::identity::v1 as wire;
use proto::anjia::identity::v1::delegation_service_server::DelegationService;
use proto::convert::{self, FieldError};
use tonic::{Request, Response, Status};
use types::caller::Party;
use types::ids::DelegationId;

use super::convert::{optional_action, optional_basis, said, to_delegation, to_receipt};
use super::{Grpc, answer, page};
use crate::app::{DelegationQuestion, NewDelegation};
use crate::domain::delegation::{Action, Basis, Delegation, Desk};

#[tonic::async_trait]
impl DelegationService for Grpc {
    async fn grant_delegation(
        &self,
        request: Request<wire::GrantDelegationRequest>,
    ) -> Result<Response<wire::GrantDelegationResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.DelegationService/GrantDelegation";
        let call =
            Call::new(&ctx.caller, method, &message, |row| granted(row).encode_to_vec()).map_err(error::invalid)?;
        let new = new_delegation(&message).map_err(error::invalid)?;
        let reply = self.0.grant_delegation(&ctx, &call, new).await?;
        answer(reply, |row| granted(&row))
    }

    async fn propose_delegation(
        &self,
        request: Request<wire::ProposeDelegationRequest>,
    ) -> Result<Response<wire::ProposeDelegationResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.DelegationService/ProposeDelegation";
        let call =
            Call::new(&ctx.caller, method, &message, |row| proposed(row).encode_to_vec()).map_err(error::invalid)?;
        let new = new_proposal(&message).map_err(error::invalid)?;
        let reply = self.0.propose_delegation(&ctx, &call, new).await?;
        answer(reply, |row| proposed(&row))
    }

    async fn confirm_delegation(
        &self,
        request: Request<wire::ConfirmDelegationRequest>,
    ) -> Result<Response<wire::ConfirmDelegationResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.DelegationService/ConfirmDelegation";
        let call =
            Call::new(&ctx.caller, method, &message, |row| confirmed(row).encode_to_vec()).map_err(error::invalid)?;
        let id = convert::id("delegation_id", &message.delegation_id).map_err(error::invalid)?;
        let reply = self.0.confirm_delegation(&ctx, &call, id).await?;
        answer(reply, |row| confirmed(&row))
    }

    async fn list_delegations(
        &self,
        request: Request<wire::ListDelegationsRequest>,
    ) -> Result<Response<wire::ListDelegationsResponse>, Status> {
        let ctx = Context::of(&request)?;
        let mut message = request.into_inner();
        let page = page(message.page.take(), &message)?;
        let resident = convert::id("resident_id", &message.resident_id).map_err(error::invalid)?;
        let (found, now) = self.0.list_delegations(&ctx, resident, &page).await?;
        let found = found.map(|row| to_delegation(&row, now));
        Ok(Response::new(wire::ListDelegationsResponse {
            delegations: found.items,
            next_page_token: found.next_page_token,
        }))
    }

    async fn get_delegation_receipt(
        &self,
        request: Request<wire::GetDelegationReceiptRequest>,
    ) -> Result<Response<wire::GetDelegationReceiptResponse>, Status> {
        let ctx = Context::of(&request)?;
        let id = convert::id("delegation_id", &request.get_ref().delegation_id).map_err(error::invalid)?;
        let receipt = self.0.delegation_receipt(&ctx, id).await?;
        Ok(Response::new(wire::GetDelegationReceiptResponse { receipt: Some(to_receipt(&receipt)) }))
    }

    async fn get_delegation(
        &self,
        request: Request<wire::GetDelegationRequest>,
    ) -> Result<Response<wire::GetDelegationResponse>, Status> {
        let ctx = Context::of(&request)?;
        let id = convert::id("delegation_id", &request.get_ref().delegation_id).map_err(error::invalid)?;
        let (delegation, now) = self.0.get_delegation(&ctx, id).await?;
        Ok(Response::new(wire::GetDelegationResponse { delegation: Some(to_delegation(&delegation, now)) }))
    }

    async fn check_delegation(
        &self,
        request: Request<wire::CheckDelegationRequest>,
    ) -> Result<Response<wire::CheckDelegationResponse>, Status> {
        let ctx = Context::of(&request)?;
        let question = question(request.get_ref()).map_err(error::invalid)?;
        let delegation = self.0.check_delegation(&ctx, question).await?;
        // It is in force: that is what was asked.
        let now = delegation.from;
        Ok(Response::new(wire::CheckDelegationResponse { delegation: Some(to_delegation(&delegation, now)) }))
    }

    async fn revoke_delegation(
        &self,
        request: Request<wire::RevokeDelegationRequest>,
    ) -> Result<Response<wire::RevokeDelegationResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.DelegationService/RevokeDelegation";
        let call =
            Call::new(&ctx.caller, method, &message, |row| revoked(row).encode_to_vec()).map_err(error::invalid)?;
        let id = convert::id("delegation_id", &message.delegation_id).map_err(error::invalid)?;
        let reply = self.0.revoke_delegation(&ctx, &call, id).await?;
        answer(reply, |row| revoked(&row))
    }
}

/// As it stood when it was granted: in force, or not begun.
fn granted(delegation: &Permitted<Delegation>) -> wire::GrantDelegationResponse {
    let now = delegation.granted_at;
    wire::GrantDelegationResponse { delegation: Some(to_delegation(delegation, now)) }
}

/// Waits for the resident from the moment it was proposed.
fn proposed(delegation: &Permitted<Delegation>) -> wire::ProposeDelegationResponse {
    let now = delegation.granted_at;
    wire::ProposeDelegationResponse { delegation: Some(to_delegation(delegation, now)) }
}

/// In force, or not begun: not over, or it could not have been confirmed.
fn confirmed(delegation: &Permitted<Delegation>) -> wire::ConfirmDelegationResponse {
    let now = delegation.granted_at;
    wire::ConfirmDelegationResponse { delegation: Some(to_delegation(delegation, now)) }
}

/// Revoked, whatever the time.
fn revoked(delegation: &Permitted<Delegation>) -> wire::RevokeDelegationResponse {
    let now = delegation.granted_at;
    wire::RevokeDelegationResponse { delegation: Some(to_delegation(delegation, now)) }
}

fn new_delegation(message: &wire::GrantDelegationRequest) -> Result<NewDelegation, FieldError> {
    Ok(NewDelegation {
        id: convert::optional_id("delegation_id", &message.delegation_id)?.unwrap_or_else(DelegationId::generate),
        resident: convert::id("resident_id", &message.resident_id)?,
        delegate: party("delegate", &message.delegate)?,
        basis: said("basis", optional_basis("basis", message.basis)?)?,
        actions: actions(&message.actions)?,
        limits: convert::limits("limits", message.limits.as_ref())?,
        from: convert::optional_timestamp("from", message.from.as_ref())?,
        until: convert::timestamp("until", message.until.as_ref())?,
        evidence: convert::optional_text("evidence", &message.evidence, 200)?,
        desk: message.desk.as_ref().map(|signing| desk(signing).map_err(|wrong| wrong.within("desk"))).transpose()?,
    })
}

fn new_proposal(message: &wire::ProposeDelegationRequest) -> Result<NewDelegation, FieldError> {
    Ok(NewDelegation {
        id: convert::optional_id("delegation_id", &message.delegation_id)?.unwrap_or_else(DelegationId::generate),
        resident: convert::id("resident_id", &message.resident_id)?,
        delegate: party("delegate", &message.delegate)?,
        basis: Basis::Granted,
        actions: actions(&message.actions)?,
        limits: convert::limits("limits", message.limits.as_ref())?,
        from: convert::optional_timestamp("from", message.from.as_ref())?,
        until: convert::timestamp("until", message.until.as_ref())?,
        evidence: String::new(),
        desk: None,
    })
}

fn desk(message: &wire::DeskSigning) -> Result<Desk, FieldError> {
    Ok(Desk {
        national_id: message
            .national_id
            .parse()
            .map_err(|_| FieldError::new("national_id", "must be the number of an identity card (GB 11643)"))?,
        witness: convert::id("witness_practitioner_id", &message.witness_practitioner_id)?,
    })
}

fn actions(values: &[i32]) -> Result<BTreeSet<Action>, FieldError> {
    values.iter().enumerate().map(|(i, value)| action(&format!("actions[{i}]"), *value)).collect()
}

fn question(message: &wire::CheckDelegationRequest) -> Result<DelegationQuestion, FieldError> {
    let delegate = Some(message.delegate.as_str()).filter(|delegate| !delegate.is_empty());
    Ok(DelegationQuestion {
        delegation: convert::id("delegation_id", &message.delegation_id)?,
        resident: convert::id("resident_id", &message.resident_id)?,
        delegate: delegate.map(|delegate| party("delegate", delegate)).transpose()?,
        action: action("action", message.action)?,
        care_kind: convert::optional_care_kind("care_kind", message.care_kind)?,
        organisation: convert::optional_id("organisation_id", &message.organisation_id)?,
    })
}

fn action(field: &str, value: i32) -> Result<Action, FieldError> {
    said(field, optional_action(field, value)?)
}

fn party(field: &str, value: &str) -> Result<Party, FieldError> {
    if value.is_empty() {
        return Err(FieldError::new(field, "is required"));
    }
    value.parse().map_err(|_| FieldError::new(field, "must be a party, such as practitioner:<id>"))
}
