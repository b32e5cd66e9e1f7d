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

use super::convert::{optional_action, optional_basis, said, to_delegation};
use super::{Grpc, answer};
use crate::app::{DelegationQuestion, NewDelegation};
use crate::domain::delegation::{Action, Delegation};

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
        let now = delegation.granted_at;
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

/// In force from the moment it was granted.
fn granted(delegation: &Permitted<Delegation>) -> wire::GrantDelegationResponse {
    let now = delegation.granted_at;
    wire::GrantDelegationResponse { delegation: Some(to_delegation(delegation, now)) }
}

/// Revoked, whatever the time.
fn revoked(delegation: &Permitted<Delegation>) -> wire::RevokeDelegationResponse {
    let now = delegation.granted_at;
    wire::RevokeDelegationResponse { delegation: Some(to_delegation(delegation, now)) }
}

fn new_delegation(message: &wire::GrantDelegationRequest) -> Result<NewDelegation, FieldError> {
    let actions = message.actions.iter().enumerate().map(|(i, value)| action(&format!("actions[{i}]"), *value));
    Ok(NewDelegation {
        id: convert::optional_id("delegation_id", &message.delegation_id)?.unwrap_or_else(DelegationId::generate),
        resident: convert::id("resident_id", &message.resident_id)?,
        delegate: party("delegate", &message.delegate)?,
        basis: said("basis", optional_basis("basis", message.basis)?)?,
        actions: actions.collect::<Result<BTreeSet<_>, _>>()?,
        until: convert::timestamp("until", message.until.as_ref())?,
        evidence: convert::optional_text("evidence", &message.evidence, 200)?,
    })
}

fn question(message: &wire::CheckDelegationRequest) -> Result<DelegationQuestion, FieldError> {
    let delegate = Some(message.delegate.as_str()).filter(|delegate| !delegate.is_empty());
    Ok(DelegationQuestion {
        delegation: convert::id("delegation_id", &message.delegation_id)?,
        resident: convert::id("resident_id", &message.resident_id)?,
        delegate: delegate.map(|delegate| party("delegate", delegate)).transpose()?,
        action: action("action", message.action)?,
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
