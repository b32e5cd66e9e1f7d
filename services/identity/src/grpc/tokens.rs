use chassis::error;
use chassis::tls::Peer;
use proto::anjia::identity::v1 as wire;
use proto::anjia::identity::v1::token_service_server::TokenService;
use proto::convert::{self, FieldError};
use tonic::{Request, Response, Status};
use types::redacted::Redacted;

use super::{Grpc, published_keys};
use crate::domain::token::{Capacity, Continuation};

const ASSERTION_LENGTH_MAX: usize = 4096;
const METHODS_MAX: usize = 32;

#[tonic::async_trait]
impl TokenService for Grpc {
    async fn exchange_token(
        &self,
        request: Request<wire::ExchangeTokenRequest>,
    ) -> Result<Response<wire::ExchangeTokenResponse>, Status> {
        let peer = Peer::of(&request).cloned();
        let message = request.into_inner();
        let assertion = convert::text("client_assertion", &message.client_assertion, ASSERTION_LENGTH_MAX)
            .map(Redacted::new)
            .map_err(error::invalid)?;
        let capacity = capacity(message.capacity).map_err(error::invalid)?;
        let issued = self.0.exchange_token(&assertion, &capacity, peer.as_ref()).await?;
        Ok(Response::new(wire::ExchangeTokenResponse {
            access_token: issued.access_token.into_inner(),
            expires_at: Some(convert::to_timestamp(issued.expires_at)),
        }))
    }

    async fn get_keys(&self, _: Request<wire::GetKeysRequest>) -> Result<Response<wire::GetKeysResponse>, Status> {
        Ok(Response::new(wire::GetKeysResponse { keys: published_keys(&self.0) }))
    }
}

fn capacity(message: Option<wire::exchange_token_request::Capacity>) -> Result<Capacity, FieldError> {
    use wire::exchange_token_request::Capacity as Wire;
    match message {
        None => Ok(Capacity::Own),
        Some(Wire::ActingFor(acting)) => Ok(Capacity::ActingFor {
            resident: convert::id("acting_for.resident_id", &acting.resident_id)?,
            delegation: convert::id("acting_for.delegation_id", &acting.delegation_id)?,
        }),
        Some(Wire::Continuation(continuation)) => {
            continuation_of(continuation).map(Capacity::Continuation).map_err(|wrong| wrong.within("continuation"))
        }
    }
}

fn continuation_of(message: wire::Continuation) -> Result<Continuation, FieldError> {
    if message.methods.is_empty() || message.methods.len() > METHODS_MAX {
        return Err(FieldError::new("methods", format!("must be 1 to {METHODS_MAX}")));
    }
    Ok(Continuation {
        resident: convert::id("resident_id", &message.resident_id)?,
        delegation: convert::optional_id("delegation_id", &message.delegation_id)?,
        methods: message.methods,
        evidence: convert::text("evidence", &message.evidence, 200)?,
    })
}
