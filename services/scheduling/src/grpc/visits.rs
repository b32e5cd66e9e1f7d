//! `VisitService`: patients at the desk and on the ward.

use chassis::{Context, Permitted, error::invalid};
use postgres::Call;
use prost::Message as _;
use proto::{
    anjia::common::v1::Credential,
    anjia::scheduling::v1::{self as wire, visit_service_server::VisitService},
    convert::{self, FieldError},
};
use tonic::{Request, Response, Status};
use types::{caller::Party, identifier::Identifier};

use super::{
    convert::{identity_proof, outcome, said, to_visit},
    queue::priorities,
    unreadable,
};
use crate::{
    app::{CheckIn, EndVisit, PresentClaim, Scheduling, Subject},
    domain::visit::{Ended, Visit},
};

const CHECK_IN: &str = "anjia.scheduling.v1.VisitService/CheckIn";
const END: &str = "anjia.scheduling.v1.VisitService/EndVisit";
const REASON_LENGTH_MAX: usize = 200;

pub(super) struct Visits(pub(super) Scheduling);

#[tonic::async_trait]
impl VisitService for Visits {
    async fn check_in(
        &self,
        request: Request<wire::CheckInRequest>,
    ) -> Result<Response<wire::CheckInResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call =
            Call::new(&ctx.caller, CHECK_IN, &message, |visit| to_opened(visit).encode_to_vec()).map_err(invalid)?;
        let reply = self.0.check_in(&ctx, &call, check_in(&message).map_err(invalid)?).await?;
        Ok(Response::new(reply.into_message(|visit| to_opened(&visit)).map_err(unreadable)?))
    }

    async fn end_visit(
        &self,
        request: Request<wire::EndVisitRequest>,
    ) -> Result<Response<wire::EndVisitResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call = Call::new(&ctx.caller, END, &message, |visit| to_ended(visit).encode_to_vec()).map_err(invalid)?;
        let reply = self.0.end_visit(&ctx, &call, end_visit(&message).map_err(invalid)?).await?;
        Ok(Response::new(reply.into_message(|visit| to_ended(&visit)).map_err(unreadable)?))
    }

    async fn get_visit(
        &self,
        request: Request<wire::GetVisitRequest>,
    ) -> Result<Response<wire::GetVisitResponse>, Status> {
        let ctx = Context::of(&request)?;
        let id = convert::id("visit_id", &request.get_ref().visit_id).map_err(invalid)?;
        let visit = self.0.visit(&ctx, id).await?;
        Ok(Response::new(wire::GetVisitResponse { visit: Some(to_visit(&visit)) }))
    }
}

fn to_opened(visit: &Permitted<Visit>) -> wire::CheckInResponse {
    wire::CheckInResponse { visit: Some(to_visit(visit)) }
}

fn to_ended(visit: &Permitted<Visit>) -> wire::EndVisitResponse {
    wire::EndVisitResponse { visit: Some(to_visit(visit)) }
}

fn check_in(message: &wire::CheckInRequest) -> Result<CheckIn, FieldError> {
    Ok(CheckIn {
        visit: convert::optional_id("visit_id", &message.visit_id)?,
        subject: subject(message)?,
        present: present(message)?,
        identity_proof: said("identity_proof", identity_proof("identity_proof", message.identity_proof)?)?,
        occurred_at: convert::timestamp("occurred_at", message.occurred_at.as_ref())?,
        referral: convert::optional_id("referral_id", &message.referral_id)?,
        journey: convert::optional_id("journey_id", &message.journey_id)?,
        session: convert::optional_id("session_id", &message.session_id)?,
        credential: message.credential.as_ref().map(credential).transpose()?,
        seen: priorities("priorities", &message.priorities)?,
        ended: message.end.as_ref().map(ended).transpose()?,
    })
}

fn ended(end: &wire::VisitEnd) -> Result<Ended, FieldError> {
    Ok(Ended {
        at: convert::timestamp("end.occurred_at", end.occurred_at.as_ref())?,
        outcome: said("end.outcome", outcome("end.outcome", end.outcome)?)?,
    })
}

/// Whose it is, identity says; whether it can be anybody's shows from its form.
fn credential(shown: &Credential) -> Result<Identifier, FieldError> {
    let kind = convert::identifier_kind("credential.kind", shown.kind)?;
    Identifier::parse(kind, &shown.number, &shown.country_code)
        .map_err(|wrong| FieldError::new("credential", wrong.to_string()))
}

fn subject(message: &wire::CheckInRequest) -> Result<Subject, FieldError> {
    let organisation = &message.provider_organisation_id;
    match convert::optional_id("appointment_id", &message.appointment_id)? {
        Some(id) => Ok(Subject::Appointment {
            id,
            resident: convert::optional_id("resident_id", &message.resident_id)?,
            kind: convert::optional_care_kind("kind", message.kind)?,
            organisation: convert::optional_id("provider_organisation_id", organisation)?,
        }),
        None => Ok(Subject::WalkIn {
            resident: convert::id("resident_id", &message.resident_id)?,
            kind: convert::care_kind("kind", message.kind)?,
            organisation: convert::id("provider_organisation_id", organisation)?,
        }),
    }
}

fn present(message: &wire::CheckInRequest) -> Result<PresentClaim, FieldError> {
    // Read in any case: a malformed field is named, also where it would not be used.
    let delegation = convert::optional_id("delegation_id", &message.delegation_id)?;
    match wire::Present::try_from(message.present) {
        Ok(wire::Present::Self_) => Ok(PresentClaim::Patient),
        Ok(wire::Present::Delegate) => {
            Ok(PresentClaim::Delegate { delegate: delegate(&message.delegate)?, delegation })
        }
        Ok(wire::Present::Unspecified) => Err(FieldError::new("present", "is required")),
        Err(_) => Err(FieldError::new("present", "is not a value of this enumeration")),
    }
}

fn delegate(party: &str) -> Result<Option<Party>, FieldError> {
    if party.is_empty() {
        return Ok(None);
    }
    let wrong = |_| FieldError::new("delegate", "must be a party, such as resident:<id>");
    party.parse().map(Some).map_err(wrong)
}

fn end_visit(message: &wire::EndVisitRequest) -> Result<EndVisit, FieldError> {
    Ok(EndVisit {
        visit: convert::id("visit_id", &message.visit_id)?,
        ended: Ended {
            at: convert::timestamp("occurred_at", message.occurred_at.as_ref())?,
            outcome: said("outcome", outcome("outcome", message.outcome)?)?,
        },
        reason: convert::optional_text("reason", &message.reason, REASON_LENGTH_MAX)?,
    })
}
