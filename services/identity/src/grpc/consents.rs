use std::collections::BTreeSet;

use chassis::{Context, Permitted, error};
use postgres::Call;
use prost::Message;
use proto::anjia::identity::v1 as wire;
use proto::anjia::identity::v1::consent_service_server::ConsentService;
use proto::convert::{self, FieldError};
use tonic::{Request, Response, Status};
use types::ids::ConsentId;

use super::convert::{optional_data_kind, optional_purpose, optional_recipient_class, said, to_consent};
use super::{Grpc, answer, page};
use crate::app::{ConsentQuestion, NewConsent};
use crate::domain::consent::{Consent, DataKind, Purpose, Recipient};

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

    async fn revoke_consent(
        &self,
        request: Request<wire::RevokeConsentRequest>,
    ) -> Result<Response<wire::RevokeConsentResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.ConsentService/RevokeConsent";
        let call =
            Call::new(&ctx.caller, method, &message, |row| revoked(row).encode_to_vec()).map_err(error::invalid)?;
        let id = convert::id("consent_id", &message.consent_id).map_err(error::invalid)?;
        let reply = self.0.revoke_consent(&ctx, &call, id).await?;
        answer(reply, |row| revoked(&row))
    }

    async fn get_consent(
        &self,
        request: Request<wire::GetConsentRequest>,
    ) -> Result<Response<wire::GetConsentResponse>, Status> {
        let ctx = Context::of(&request)?;
        let id = convert::id("consent_id", &request.get_ref().consent_id).map_err(error::invalid)?;
        let (consent, now) = self.0.get_consent(&ctx, id).await?;
        Ok(Response::new(wire::GetConsentResponse { consent: Some(to_consent(&consent, now)) }))
    }

    async fn list_consents(
        &self,
        request: Request<wire::ListConsentsRequest>,
    ) -> Result<Response<wire::ListConsentsResponse>, Status> {
        let ctx = Context::of(&request)?;
        let mut message = request.into_inner();
        let page = page(message.page.take(), &message)?;
        let resident = convert::id("resident_id", &message.resident_id).map_err(error::invalid)?;
        let (found, now) = self.0.list_consents(&ctx, resident, &page).await?;
        let found = found.map(|row| to_consent(&row, now));
        Ok(Response::new(wire::ListConsentsResponse { consents: found.items, next_page_token: found.next_page_token }))
    }

    async fn check_consent(
        &self,
        request: Request<wire::CheckConsentRequest>,
    ) -> Result<Response<wire::CheckConsentResponse>, Status> {
        let ctx = Context::of(&request)?;
        let question = question(request.get_ref()).map_err(error::invalid)?;
        let allowing = self.0.check_consent(&ctx, question).await?;
        // It is in force: that is what was asked.
        let now = allowing.consent.from;
        Ok(Response::new(wire::CheckConsentResponse { consent: Some(to_consent(&allowing.consent, now)) }))
    }
}

/// As it stood when it was granted: in force, or not begun.
fn granted(consent: &Permitted<Consent>) -> wire::GrantConsentResponse {
    wire::GrantConsentResponse { consent: Some(to_consent(consent, consent.granted_at)) }
}

/// Revoked, whatever the time.
fn revoked(consent: &Permitted<Consent>) -> wire::RevokeConsentResponse {
    wire::RevokeConsentResponse { consent: Some(to_consent(consent, consent.granted_at)) }
}

fn new_consent(message: &wire::GrantConsentRequest) -> Result<NewConsent, FieldError> {
    let ordinary = || DataKind::ORDINARY.into_iter().collect();
    Ok(NewConsent {
        id: convert::optional_id("consent_id", &message.consent_id)?.unwrap_or_else(ConsentId::generate),
        resident: convert::id("resident_id", &message.resident_id)?,
        recipient: recipient(message)?,
        purpose: purpose(message.purpose)?,
        kinds: kinds(&message.kinds)?.unwrap_or_else(ordinary),
        from: convert::optional_timestamp("from", message.from.as_ref())?,
        until: convert::timestamp("until", message.until.as_ref())?,
    })
}

/// One organisation or one class of them: never nobody.
fn recipient(message: &wire::GrantConsentRequest) -> Result<Recipient, FieldError> {
    let field = "recipient_organisation_id";
    let organisation = convert::optional_id(field, &message.recipient_organisation_id)?;
    match (organisation, optional_recipient_class("recipient_class", message.recipient_class)?) {
        (Some(id), None) => Ok(Recipient::Organisation(id)),
        (None, Some(class)) => Ok(Recipient::Class(class)),
        (None, None) => Err(FieldError::new(field, "is required, or a class of organisations")),
        (Some(_), Some(_)) => {
            Err(FieldError::new("recipient_class", "must be left out where an organisation is named"))
        }
    }
}

/// None where no kind is named.
fn kinds(values: &[i32]) -> Result<Option<BTreeSet<DataKind>>, FieldError> {
    let kinds: BTreeSet<DataKind> = values
        .iter()
        .enumerate()
        .map(|(i, value)| {
            let field = format!("kinds[{i}]");
            said(&field, optional_data_kind(&field, *value)?)
        })
        .collect::<Result<_, _>>()?;
    Ok((!kinds.is_empty()).then_some(kinds))
}

fn question(message: &wire::CheckConsentRequest) -> Result<ConsentQuestion, FieldError> {
    Ok(ConsentQuestion {
        resident: convert::id("resident_id", &message.resident_id)?,
        recipient: convert::id("recipient_organisation_id", &message.recipient_organisation_id)?,
        purpose: purpose(message.purpose)?,
        kinds: kinds(&message.kinds)?.unwrap_or_else(|| BTreeSet::from([DataKind::Summary])),
    })
}

fn purpose(value: i32) -> Result<Purpose, FieldError> {
    said("purpose", optional_purpose("purpose", value)?)
}
