//! `SuspensionService`: who books online no more for a while, and what looks like scalping.

use chassis::{Context, Permitted, error::invalid};
use postgres::{Call, paging::PageRequest};
use prost::Message as _;
use proto::{
    anjia::{
        common::v1 as common,
        scheduling::v1::{self as wire, suspension_service_server::SuspensionService},
    },
    convert::{self, FieldError, to_timestamp},
};
use serde::{Serialize, de::DeserializeOwned};
use tonic::{Request, Response, Status};
use types::caller::Role;

use super::unreadable;
use crate::{
    app::Scheduling,
    domain::{
        absence::{Ground, Standing, Suspension},
        suspicion::{Kind, Suspicion},
    },
};

const APPEAL: &str = "anjia.scheduling.v1.SuspensionService/AppealSuspension";
const LIFT: &str = "anjia.scheduling.v1.SuspensionService/LiftSuspension";
const DISMISS: &str = "anjia.scheduling.v1.SuspensionService/DismissAppeal";
const REASON_LENGTH_MAX: usize = 200;

pub(super) struct Suspensions(pub(super) Scheduling);

#[tonic::async_trait]
impl SuspensionService for Suspensions {
    async fn list_suspensions(
        &self,
        request: Request<wire::ListSuspensionsRequest>,
    ) -> Result<Response<wire::ListSuspensionsResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let resident = convert::optional_id("resident_id", &message.resident_id).map_err(invalid)?;
        if resident.is_none() && !ctx.caller.has(&Role::Operator) {
            return Err(invalid(FieldError::new(
                "resident_id",
                "is required but for an officer who looks for appeals",
            )));
        }
        let query = wire::ListSuspensionsRequest { page: None, ..message.clone() }.encode_to_vec();
        let page = page(message.page, &query).map_err(invalid)?;
        let listed = self.0.suspensions(&ctx, resident, &page).await?;
        Ok(Response::new(wire::ListSuspensionsResponse {
            suspensions: listed.items.iter().map(to_suspension).collect(),
            next_page_token: listed.next_page_token,
        }))
    }

    async fn appeal_suspension(
        &self,
        request: Request<wire::AppealSuspensionRequest>,
    ) -> Result<Response<wire::AppealSuspensionResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call =
            Call::new(&ctx.caller, APPEAL, &message, |value| to_appealed(value).encode_to_vec()).map_err(invalid)?;
        let id = convert::id("suspension_id", &message.suspension_id).map_err(invalid)?;
        let resident = convert::id("resident_id", &message.resident_id).map_err(invalid)?;
        let ground = ground("ground", message.ground).map_err(invalid)?;
        let reply = self.0.appeal(&ctx, &call, (id, resident), ground).await?;
        Ok(Response::new(reply.into_message(|value| to_appealed(&value)).map_err(unreadable)?))
    }

    async fn lift_suspension(
        &self,
        request: Request<wire::LiftSuspensionRequest>,
    ) -> Result<Response<wire::LiftSuspensionResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call = Call::new(&ctx.caller, LIFT, &message, |value| to_lifted(value).encode_to_vec()).map_err(invalid)?;
        let id = convert::id("suspension_id", &message.suspension_id).map_err(invalid)?;
        let reason = convert::text("reason", &message.reason, REASON_LENGTH_MAX).map_err(invalid)?;
        let reply = self.0.lift(&ctx, &call, id, reason).await?;
        Ok(Response::new(reply.into_message(|value| to_lifted(&value)).map_err(unreadable)?))
    }

    async fn dismiss_appeal(
        &self,
        request: Request<wire::DismissAppealRequest>,
    ) -> Result<Response<wire::DismissAppealResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call =
            Call::new(&ctx.caller, DISMISS, &message, |value| to_upheld(value).encode_to_vec()).map_err(invalid)?;
        let id = convert::id("suspension_id", &message.suspension_id).map_err(invalid)?;
        let reason = convert::text("reason", &message.reason, REASON_LENGTH_MAX).map_err(invalid)?;
        let reply = self.0.dismiss_appeal(&ctx, &call, id, reason).await?;
        Ok(Response::new(reply.into_message(|value| to_upheld(&value)).map_err(unreadable)?))
    }

    async fn list_suspicions(
        &self,
        request: Request<wire::ListSuspicionsRequest>,
    ) -> Result<Response<wire::ListSuspicionsResponse>, Status> {
        let ctx = Context::of(&request)?;
        let page = page(request.into_inner().page, b"suspicions").map_err(invalid)?;
        let listed = self.0.suspicions(&ctx, &page).await?;
        Ok(Response::new(wire::ListSuspicionsResponse {
            suspicions: listed.items.into_iter().map(to_suspicion).collect(),
            next_page_token: listed.next_page_token,
        }))
    }
}

fn page<K: Serialize + DeserializeOwned>(
    page: Option<common::PageRequest>,
    query: &[u8],
) -> Result<PageRequest<K>, FieldError> {
    let paging = page.unwrap_or_default();
    PageRequest::parse(paging.page_size, &paging.page_token, query).map_err(|error| error.within("page"))
}

fn ground(field: &str, value: i32) -> Result<Ground, FieldError> {
    match wire::AppealGround::try_from(value) {
        Ok(wire::AppealGround::Unspecified) => Err(FieldError::new(field, "is required")),
        Ok(wire::AppealGround::Came) => Ok(Ground::Came),
        Ok(wire::AppealGround::Prevented) => Ok(Ground::Prevented),
        Ok(wire::AppealGround::Provider) => Ok(Ground::Provider),
        Ok(wire::AppealGround::NotBooked) => Ok(Ground::NotBooked),
        Err(_) => Err(FieldError::new(field, "is not a value of this enumeration")),
    }
}

fn to_appealed(suspension: &Permitted<Suspension>) -> wire::AppealSuspensionResponse {
    wire::AppealSuspensionResponse { suspension: Some(to_suspension(suspension)) }
}

fn to_lifted(suspension: &Permitted<Suspension>) -> wire::LiftSuspensionResponse {
    wire::LiftSuspensionResponse { suspension: Some(to_suspension(suspension)) }
}

fn to_upheld(suspension: &Permitted<Suspension>) -> wire::DismissAppealResponse {
    wire::DismissAppealResponse { suspension: Some(to_suspension(suspension)) }
}

fn to_suspension(suspension: &Permitted<Suspension>) -> wire::Suspension {
    let state = match suspension.standing {
        Standing::Standing => wire::SuspensionState::Standing,
        Standing::Appealed => wire::SuspensionState::Appealed,
        Standing::Upheld => wire::SuspensionState::Upheld,
        Standing::Lifted => wire::SuspensionState::Lifted,
    };
    let ground = match suspension.appeal.map(|appeal| appeal.ground) {
        None => wire::AppealGround::Unspecified,
        Some(Ground::Came) => wire::AppealGround::Came,
        Some(Ground::Prevented) => wire::AppealGround::Prevented,
        Some(Ground::Provider) => wire::AppealGround::Provider,
        Some(Ground::NotBooked) => wire::AppealGround::NotBooked,
    };
    let decision = suspension.decision.as_ref();
    wire::Suspension {
        suspension_id: suspension.id.to_string(),
        resident_id: suspension.resident.to_string(),
        since: Some(to_timestamp(suspension.since)),
        until: Some(to_timestamp(suspension.until)),
        appointment_ids: suspension.missed.iter().map(ToString::to_string).collect(),
        state: state.into(),
        ground: ground.into(),
        appealed_at: suspension.appeal.map(|appeal| to_timestamp(appeal.at)),
        decided_at: decision.map(|decision| to_timestamp(decision.at)),
        decision_reason: decision.map(|decision| decision.reason.clone()).unwrap_or_default(),
    }
}

fn to_suspicion(suspicion: Suspicion) -> wire::Suspicion {
    let kind = match suspicion.kind {
        Kind::Booker => wire::SuspicionKind::Booker,
        Kind::Device => wire::SuspicionKind::Device,
    };
    wire::Suspicion {
        suspicion_id: suspicion.id.to_string(),
        kind: kind.into(),
        who: suspicion.who,
        day: Some(convert::to_date(suspicion.day)),
        persons: suspicion.persons,
        given_up: suspicion.given_up,
        appointment_ids: suspicion.evidence.iter().map(ToString::to_string).collect(),
        noticed_at: Some(to_timestamp(suspicion.noticed_at)),
    }
}
