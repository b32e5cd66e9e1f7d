//! Identity: whom a bank means, and whether somebody may pay for a resident.

use chassis::channel::Channel;
use chassis::{Context, error};
use proto::anjia::identity::v1::delegation_service_client::DelegationServiceClient;
use proto::anjia::identity::v1::resident_service_client::ResidentServiceClient;
use proto::anjia::identity::v1::{
    CheckDelegationRequest, DelegatedAction, Delegation, FindResidentRequest, GetDelegationRequest,
};
use proto::convert;
use tonic::Status;
use types::delegation::Limits;
use types::ids::{DelegationId, ResidentId};
use types::national_id::NationalId;

use super::{broken, translate};
use crate::domain::error::PaymentError;

const PEER: &str = "identity";

#[derive(Debug, Clone)]
pub struct Identity {
    residents: ResidentServiceClient<Channel>,
    delegations: DelegationServiceClient<Channel>,
}

impl Identity {
    pub fn new(channel: Channel) -> Self {
        Self {
            residents: ResidentServiceClient::new(channel.clone()),
            delegations: DelegationServiceClient::new(channel),
        }
    }

    /// The resident of this number and name. Asked in our own name: a bank may not look people up.
    pub async fn find_resident(
        &self,
        own: &Context,
        national_id: &NationalId,
        name: &str,
    ) -> Result<ResidentId, PaymentError> {
        let request = FindResidentRequest {
            national_id: national_id.expose().to_owned(),
            name: name.to_owned(),
            ..FindResidentRequest::default()
        };
        let answer =
            self.residents.clone().find_resident(own.request(request)).await.map_err(|status| match error::reason(
                &status,
            )
            .as_deref()
            {
                Some("RESIDENT_NOT_FOUND") => PaymentError::ResidentNotFound,
                Some("INVALID_NATIONAL_ID") => PaymentError::InvalidNationalId,
                _ => translate(PEER, &status),
            })?;
        let found = answer.into_inner().resident.ok_or_else(|| broken(PEER, "no resident"))?;
        convert::id("resident_id", &found.resident_id).map_err(|error| broken(PEER, error.to_string()))
    }

    /// Whether the caller may, at this moment, commit this resident's money, and within which limits.
    pub async fn check_pay(
        &self,
        ctx: &Context,
        delegation: DelegationId,
        resident: ResidentId,
    ) -> Result<Limits, PaymentError> {
        self.check(ctx, delegation, resident, DelegatedAction::Pay).await
    }

    /// The limits of a delegation that a mandate rests on. Asked in our own name: who acts under the mandate is a service.
    pub async fn limits(&self, own: &Context, delegation: DelegationId) -> Result<Limits, PaymentError> {
        let request = GetDelegationRequest { delegation_id: delegation.to_string() };
        let answer =
            self.delegations.clone().get_delegation(own.request(request)).await.map_err(|status| refused(&status))?;
        limits_of(answer.into_inner().delegation)
    }

    /// Whether the caller may, at this moment, see this resident's bills.
    pub async fn check_view(
        &self,
        ctx: &Context,
        delegation: DelegationId,
        resident: ResidentId,
    ) -> Result<(), PaymentError> {
        self.check(ctx, delegation, resident, DelegatedAction::View).await.map(drop)
    }

    async fn check(
        &self,
        ctx: &Context,
        delegation: DelegationId,
        resident: ResidentId,
        action: DelegatedAction,
    ) -> Result<Limits, PaymentError> {
        let request = CheckDelegationRequest {
            delegation_id: delegation.to_string(),
            resident_id: resident.to_string(),
            action: action.into(),
            ..CheckDelegationRequest::default()
        };
        let answer =
            self.delegations.clone().check_delegation(ctx.request(request)).await.map_err(|status| refused(&status))?;
        limits_of(answer.into_inner().delegation)
    }
}

fn limits_of(delegation: Option<Delegation>) -> Result<Limits, PaymentError> {
    let delegation = delegation.ok_or_else(|| broken(PEER, "no delegation"))?;
    convert::limits("limits", delegation.limits.as_ref()).map_err(|error| broken(PEER, error.to_string()))
}

/// What identity's refusals about delegations mean here.
fn refused(status: &Status) -> PaymentError {
    match error::reason(status).as_deref() {
        Some("NO_DELEGATION" | "DELEGATION_NOT_FOUND" | "DELEGATION_NOT_BEGUN") => PaymentError::NoDelegation,
        Some("DELEGATION_EXPIRED") => PaymentError::DelegationExpired,
        Some("ACTION_NOT_DELEGATED") => PaymentError::ActionNotDelegated,
        _ => translate(PEER, status),
    }
}
