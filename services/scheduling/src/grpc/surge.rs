//! `SurgeService`: sessions in many clinics at once.

use chassis::{Context, Permitted, error::invalid};
use postgres::Call;
use prost::Message as _;
use proto::{
    anjia::scheduling::v1::{self as wire, surge_service_server::SurgeService},
    convert::{self, FieldError, to_timestamp},
};
use tonic::{Request, Response, Status};
use types::ids::OrganisationId;

use super::{convert::to_slot, sessions::slot_length, unreadable};
use crate::{
    app::{Closing, Opening, Scheduling},
    domain::surge::{Became, Clinic, Surge},
};

const OPEN: &str = "anjia.scheduling.v1.SurgeService/OpenSurge";
const CLOSE: &str = "anjia.scheduling.v1.SurgeService/CloseSurge";
const CLINICS_MAX: usize = 100;
const PLACES_MAX: i32 = 500;
const REASON_LENGTH_MAX: usize = 200;
const SYMPTOMS_MAX: usize = 50;

pub(super) struct Surges(pub(super) Scheduling);

#[tonic::async_trait]
impl SurgeService for Surges {
    async fn open_surge(
        &self,
        request: Request<wire::OpenSurgeRequest>,
    ) -> Result<Response<wire::OpenSurgeResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call = Call::new(&ctx.caller, OPEN, &message, |value| to_opened(value).encode_to_vec()).map_err(invalid)?;
        let reply = self.0.open_surge(&ctx, &call, opening(&message).map_err(invalid)?).await?;
        Ok(Response::new(reply.into_message(|value| to_opened(&value)).map_err(unreadable)?))
    }

    async fn close_surge(
        &self,
        request: Request<wire::CloseSurgeRequest>,
    ) -> Result<Response<wire::CloseSurgeResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call =
            Call::new(&ctx.caller, CLOSE, &message, |value| to_closed(value).encode_to_vec()).map_err(invalid)?;
        let id = convert::id("surge_id", &message.surge_id).map_err(invalid)?;
        let reply = self.0.close_surge(&ctx, &call, (id, closing(&message).map_err(invalid)?)).await?;
        Ok(Response::new(reply.into_message(|value| to_closed(&value)).map_err(unreadable)?))
    }

    async fn get_surge(
        &self,
        request: Request<wire::GetSurgeRequest>,
    ) -> Result<Response<wire::GetSurgeResponse>, Status> {
        let ctx = Context::of(&request)?;
        let id = convert::id("surge_id", &request.get_ref().surge_id).map_err(invalid)?;
        let surge = self.0.surge(&ctx, id).await?;
        Ok(Response::new(wire::GetSurgeResponse { surge: Some(to_surge(&surge)) }))
    }

    async fn divert(&self, request: Request<wire::DivertRequest>) -> Result<Response<wire::DivertResponse>, Status> {
        let ctx = Context::of(&request)?;
        let symptom = convert::icd10_prefix("symptom", &request.get_ref().symptom).map_err(invalid)?;
        let answer = match self.0.divert(&ctx, &symptom).await? {
            None => wire::DivertResponse::default(),
            Some((surge, slots)) => {
                wire::DivertResponse { surge: Some(to_surge(&surge)), slots: slots.into_iter().map(to_slot).collect() }
            }
        };
        Ok(Response::new(answer))
    }
}

fn opening(message: &wire::OpenSurgeRequest) -> Result<Opening, FieldError> {
    let organisations = organisations(&message.provider_organisation_ids)?;
    if !(1..=CLINICS_MAX).contains(&organisations.len()) {
        return Err(FieldError::new("provider_organisation_ids", format!("must be 1 to {CLINICS_MAX}")));
    }
    let places = u16::try_from(message.places).ok().filter(|_| (1..=PLACES_MAX).contains(&message.places));
    Ok(Opening {
        name: name(&message.name)?,
        kind: convert::care_kind("kind", message.kind)?,
        symptoms: symptoms(&message.symptoms)?,
        organisations,
        span: (
            convert::timestamp("starts_at", message.starts_at.as_ref())?,
            convert::timestamp("ends_at", message.ends_at.as_ref())?,
        ),
        slot_length_minutes: slot_length(message.slot_length_minutes)?,
        places: places.ok_or_else(|| FieldError::new("places", format!("must be 1 to {PLACES_MAX}")))?,
    })
}

fn symptoms(prefixes: &[String]) -> Result<Vec<String>, FieldError> {
    if prefixes.len() > SYMPTOMS_MAX {
        return Err(FieldError::new("symptoms", format!("must be at most {SYMPTOMS_MAX}")));
    }
    let prefix = |(index, prefix): (usize, &String)| convert::icd10_prefix(&format!("symptoms[{index}]"), prefix);
    prefixes.iter().enumerate().map(prefix).collect()
}

fn name(text: &str) -> Result<String, FieldError> {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_name = (2..=40).contains(&text.len())
        && text.bytes().all(|byte| is_letter(byte) || byte == b'-')
        && text.bytes().next().is_some_and(is_letter);
    let refused = || FieldError::new("name", "must be 2 to 40 small letters, digits and hyphens");
    if is_name { Ok(text.to_owned()) } else { Err(refused()) }
}

fn closing(message: &wire::CloseSurgeRequest) -> Result<Closing, FieldError> {
    Ok(Closing {
        organisations: organisations(&message.provider_organisation_ids)?,
        honours: message.honour_booked,
        reason: convert::text("reason", &message.reason, REASON_LENGTH_MAX)?,
    })
}

/// In the order in which they are named.
fn organisations(ids: &[String]) -> Result<Vec<OrganisationId>, FieldError> {
    if ids.len() > CLINICS_MAX {
        return Err(FieldError::new("provider_organisation_ids", format!("must be at most {CLINICS_MAX}")));
    }
    let mut organisations = Vec::with_capacity(ids.len());
    for (index, id) in ids.iter().enumerate() {
        let field = format!("provider_organisation_ids[{index}]");
        let organisation = convert::id(&field, id)?;
        if organisations.contains(&organisation) {
            return Err(FieldError::new(field, "is named twice"));
        }
        organisations.push(organisation);
    }
    Ok(organisations)
}

fn to_surge(surge: &Permitted<Surge>) -> wire::Surge {
    let count = |count: i64| i32::try_from(count).unwrap_or(i32::MAX);
    let clinic = |clinic: &Clinic| wire::SurgeClinic {
        provider_organisation_id: clinic.organisation.to_string(),
        session_id: clinic.session.to_string(),
        places: count(clinic.places),
        taken: count(clinic.taken),
        is_open: clinic.is_open,
        became: clinic.became.map(to_became),
    };
    wire::Surge {
        surge_id: surge.id.to_string(),
        name: surge.name.clone(),
        kind: convert::to_care_kind(surge.kind),
        symptoms: surge.symptoms.clone(),
        opened_at: Some(to_timestamp(surge.opened_at)),
        closed_at: surge.closed_at.map(to_timestamp),
        clinics: surge.clinics.iter().map(clinic).collect(),
    }
}

fn to_became(became: Became) -> wire::SurgeBookings {
    wire::SurgeBookings {
        kept: became.kept,
        moved: became.moved,
        displaced: became.displaced,
        displaced_until: became.displaced_until.map(to_timestamp),
    }
}

fn to_opened(surge: &Permitted<Surge>) -> wire::OpenSurgeResponse {
    wire::OpenSurgeResponse { surge: Some(to_surge(surge)) }
}

fn to_closed(surge: &Permitted<Surge>) -> wire::CloseSurgeResponse {
    wire::CloseSurgeResponse { surge: Some(to_surge(surge)) }
}
