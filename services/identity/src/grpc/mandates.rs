use chassis::tls::Peer;
use chassis::{Context, Permitted, error};
use chrono::{DateTime, Utc};
use postgres::Call;
use prost::Message;
use proto::anjia::identity::v1 as wire;
use proto::anjia::identity::v1::mandate_service_server::MandateService;
use proto::convert::{self, FieldError};
use tonic::{Request, Response, Status};
use types::ids::MandateId;
use types::mandate::Credit;

use super::{Grpc, answer};
use crate::app::NewMandate;
use crate::domain::mandate::{Mandate, State};

const VALID_DAYS_MAX: u16 = 180;

#[tonic::async_trait]
impl MandateService for Grpc {
    async fn record_mandate(
        &self,
        request: Request<wire::RecordMandateRequest>,
    ) -> Result<Response<wire::RecordMandateResponse>, Status> {
        let ctx = Context::of(&request)?;
        let peer = Peer::of(&request).cloned();
        let message = request.into_inner();
        let method = "anjia.identity.v1.MandateService/RecordMandate";
        let call =
            Call::new(&ctx.caller, method, &message, |row| recorded(row).encode_to_vec()).map_err(error::invalid)?;
        let new = new_mandate(&message).map_err(error::invalid)?;
        let recorder = peer.as_ref().and_then(Peer::service);
        let reply = self.0.record_mandate(&ctx, &call, new, recorder).await?;
        answer(reply, |row| recorded(&row))
    }

    async fn get_mandate(
        &self,
        request: Request<wire::GetMandateRequest>,
    ) -> Result<Response<wire::GetMandateResponse>, Status> {
        let ctx = Context::of(&request)?;
        let id = convert::id("mandate_id", &request.get_ref().mandate_id).map_err(error::invalid)?;
        let (mandate, now) = self.0.get_mandate(&ctx, id).await?;
        Ok(Response::new(wire::GetMandateResponse { mandate: Some(to_mandate(&mandate, now)) }))
    }

    async fn revoke_mandate(
        &self,
        request: Request<wire::RevokeMandateRequest>,
    ) -> Result<Response<wire::RevokeMandateResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.MandateService/RevokeMandate";
        let call =
            Call::new(&ctx.caller, method, &message, |row| revoked(row).encode_to_vec()).map_err(error::invalid)?;
        let id = convert::id("mandate_id", &message.mandate_id).map_err(error::invalid)?;
        let reply = self.0.revoke_mandate(&ctx, &call, id).await?;
        answer(reply, |row| revoked(&row))
    }
}

fn new_mandate(message: &wire::RecordMandateRequest) -> Result<NewMandate, FieldError> {
    let days = u16::try_from(message.valid_days).ok().filter(|days| (1..=VALID_DAYS_MAX).contains(days));
    Ok(NewMandate {
        id: convert::optional_id("mandate_id", &message.mandate_id)?.unwrap_or_else(MandateId::generate),
        resident: convert::id("resident_id", &message.resident_id)?,
        work: message.work.parse().map_err(|_| FieldError::new("work", "must be `referral:<id>`"))?,
        credit: message.credit.as_ref().map(credit).transpose().map_err(|wrong| wrong.within("credit"))?,
        valid_days: days.ok_or_else(|| FieldError::new("valid_days", format!("must be 1 to {VALID_DAYS_MAX}")))?,
    })
}

fn credit(message: &wire::MandatedCredit) -> Result<Credit, FieldError> {
    let own_share_max = convert::money("own_share_max", message.own_share_max.as_ref())?;
    if own_share_max.is_negative() {
        return Err(FieldError::new("own_share_max", "must not be negative"));
    }
    Ok(Credit { line: convert::id("credit_line_id", &message.credit_line_id)?, own_share_max })
}

/// As it stood when it was given.
fn recorded(mandate: &Permitted<Mandate>) -> wire::RecordMandateResponse {
    wire::RecordMandateResponse { mandate: Some(to_mandate(mandate, mandate.given_at)) }
}

/// Ended, whatever the time.
fn revoked(mandate: &Permitted<Mandate>) -> wire::RevokeMandateResponse {
    wire::RevokeMandateResponse { mandate: Some(to_mandate(mandate, mandate.given_at)) }
}

fn to_mandate(mandate: &Permitted<Mandate>, now: DateTime<Utc>) -> wire::Mandate {
    let state = match mandate.state(now) {
        State::Active => wire::MandateState::Active,
        State::Expired => wire::MandateState::Expired,
        State::Revoked => wire::MandateState::Revoked,
        State::Done => wire::MandateState::Done,
    };
    wire::Mandate {
        mandate_id: mandate.id.to_string(),
        resident_id: mandate.resident.to_string(),
        given_by: mandate.given_by.to_string(),
        delegation_id: mandate.delegation.map(|id| id.to_string()).unwrap_or_default(),
        service: mandate.service().to_owned(),
        work: mandate.work.to_string(),
        credit: mandate.credit.map(|credit| wire::MandatedCredit {
            credit_line_id: credit.line.to_string(),
            own_share_max: Some(convert::to_money(credit.own_share_max)),
        }),
        given_at: Some(convert::to_timestamp(mandate.given_at)),
        until: Some(convert::to_timestamp(mandate.until)),
        state: state.into(),
        ended_at: mandate.ended.map(|(_, at)| convert::to_timestamp(at)),
    }
}
