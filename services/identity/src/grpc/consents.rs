use chassis::{Context, Permitted, error};
use postgres::Call;
use prost::Message;
use proto::anjia::identity::v1 as wire;
use proto::anjia::identity::v1::consent_service_server::ConsentService;
use proto::convert::{self, FieldError};
use tonic::{Request, Response, Status};
use types::ids::ConsentId;

use super::convert::{optional_purpose, said, to_consent};
use super::{Grpc, answer};
use crate::app::{ConsentQuestion, NewConsent};
use crate::domain::consent::{Consent, Purpose};

#[tonic::async_trait]
impl ConsentService for Grpc {
    async fn grant_consent(
        &self,
        request: Request<wire::GrantConsentRequest>,
    ) -> Result<Response<wire::GrantConsentResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.ConsentService/GrantConsent";
        let call =
            Call::new(&ctx.caller, method, &message, |row| granted(row).encode_to_vec()).map_err(error::invalid)?;
        let new = new_consent(&message).map_err(error::invalid)?;
        let reply = self.0.grant_consent(&ctx, &call, new).await?;
        answer(reply, |row| granted(&row))
    }

    async fn get_consent(
        &self,
        request: Request<wire::GetConsentRequest>,
    ) -> Result<Response<wire::GetConsentResponse>, Status> {
        let ctx = Context::of(&request)?;
        let id = convert::id("consent_id", &request.get_ref().consent_id).map_err(error::invalid)?;
        let consent = self.0.get_consent(&ctx, id).await?;
        Ok(Response::new(wire::GetConsentResponse { consent: Some(to_consent(&consent)) }))
    }

    async fn check_consent(
        &self,
        request: Request<wire::CheckConsentRequest>,
    ) -> Result<Response<wire::CheckConsentResponse>, Status> {
        let ctx = Context::of(&request)?;
        let question = question(request.get_ref()).map_err(error::invalid)?;
        let consent = self.0.check_consent(&ctx, question).await?;
        Ok(Response::new(wire::CheckConsentResponse { consent: Some(to_consent(&consent)) }))
    }
}

fn granted(consent: &Permitted<Consent>) -> wire::GrantConsentResponse {
    wire::GrantConsentResponse { consent: Some(to_consent(consent)) }
}

fn new_consent(message: &wire::GrantConsentRequest) -> Result<NewConsent, FieldError> {
    Ok(NewConsent {
        id: convert::optional_id("consent_id", &message.consent_id)?.unwrap_or_else(ConsentId::generate),
        resident: convert::id("resident_id", &message.resident_id)?,
        recipient: convert::id("recipient_organisation_id", &message.recipient_organisation_id)?,
        purpose: purpose(message.purpose)?,
        until: convert::timestamp("until", message.until.as_ref())?,
    })
}

fn question(message: &wire::CheckConsentRequest) -> Result<ConsentQuestion, FieldError> {
    Ok(ConsentQuestion {
        resident: convert::id("resident_id", &message.resident_id)?,
        recipient: convert::id("recipient_organisation_id", &message.recipient_organisation_id)?,
        purpose: purpose(message.purpose)?,
    })
}

fn purpose(value: i32) -> Result<Purpose, FieldError> {
    said("purpose", optional_purpose("purpose", value)?)
}
