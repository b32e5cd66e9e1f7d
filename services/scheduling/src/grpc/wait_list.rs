//! `WaitListService`: lines for places.

use chassis::{Context, Permitted, error::invalid};
use postgres::Call;
use prost::Message as _;
use proto::{
    anjia::common::v1::Localized,
    anjia::scheduling::v1::{self as wire, WaitListState, wait_list_service_server::WaitListService},
    convert::{self, FieldError, to_timestamp},
};
use tonic::{Request, Response, Status};

use super::unreadable;
use crate::{
    app::{Join, Scheduling},
    domain::wait_list::{Entry, State},
};

const JOIN: &str = "anjia.scheduling.v1.WaitListService/JoinWaitList";
const LEAVE: &str = "anjia.scheduling.v1.WaitListService/LeaveWaitList";

pub(super) struct WaitList(pub(super) Scheduling);

#[tonic::async_trait]
impl WaitListService for WaitList {
    async fn join_wait_list(
        &self,
        request: Request<wire::JoinWaitListRequest>,
    ) -> Result<Response<wire::JoinWaitListResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call = Call::new(&ctx.caller, JOIN, &message, |entry| to_joined(entry).encode_to_vec()).map_err(invalid)?;
        let reply = self.0.join(&ctx, &call, join(&message).map_err(invalid)?).await?;
        Ok(Response::new(reply.into_message(|entry| to_joined(&entry)).map_err(unreadable)?))
    }

    async fn leave_wait_list(
        &self,
        request: Request<wire::LeaveWaitListRequest>,
    ) -> Result<Response<wire::LeaveWaitListResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call = Call::new(&ctx.caller, LEAVE, &message, |entry| to_left(entry).encode_to_vec()).map_err(invalid)?;
        let id = convert::id("entry_id", &message.entry_id).map_err(invalid)?;
        let reply = self.0.leave(&ctx, &call, id).await?;
        Ok(Response::new(reply.into_message(|entry| to_left(&entry)).map_err(unreadable)?))
    }

    async fn list_waiting(
        &self,
        request: Request<wire::ListWaitingRequest>,
    ) -> Result<Response<wire::ListWaitingResponse>, Status> {
        let ctx = Context::of(&request)?;
        let resident = convert::id("resident_id", &request.get_ref().resident_id).map_err(invalid)?;
        let entries = self.0.waiting(&ctx, resident).await?;
        Ok(Response::new(wire::ListWaitingResponse { entries: entries.iter().map(to_entry).collect() }))
    }
}

fn join(message: &wire::JoinWaitListRequest) -> Result<Join, FieldError> {
    Ok(Join {
        resident: convert::id("resident_id", &message.resident_id)?,
        organisation: convert::id("provider_organisation_id", &message.provider_organisation_id)?,
        department: convert::optional_id("department_id", &message.department_id)?,
        kind: convert::care_kind("kind", message.kind)?,
        from: convert::optional_timestamp("from", message.from.as_ref())?,
        until: convert::timestamp("until", message.until.as_ref())?,
    })
}

fn to_joined(entry: &Permitted<Entry>) -> wire::JoinWaitListResponse {
    wire::JoinWaitListResponse { entry: Some(to_entry(entry)) }
}

fn to_left(entry: &Permitted<Entry>) -> wire::LeaveWaitListResponse {
    wire::LeaveWaitListResponse { entry: Some(to_entry(entry)) }
}

fn to_entry(entry: &Permitted<Entry>) -> wire::WaitListEntry {
    let (state, appointment) = match entry.state {
        State::Waiting => (WaitListState::Waiting, None),
        State::Offered(appointment) => (WaitListState::Offered, Some(appointment)),
        State::Left => (WaitListState::Left, None),
        State::Lapsed => (WaitListState::Lapsed, None),
    };
    let explanation = entry.explanation();
    wire::WaitListEntry {
        entry_id: entry.id.to_string(),
        resident_id: entry.resident.to_string(),
        provider_organisation_id: entry.organisation.to_string(),
        department_id: entry.department.map(|id| id.to_string()).unwrap_or_default(),
        kind: convert::to_care_kind(entry.kind),
        from: Some(to_timestamp(entry.span.0)),
        until: Some(to_timestamp(entry.span.1)),
        joined_at: Some(to_timestamp(entry.joined_at)),
        state: state.into(),
        position: entry.position().map_or(0, |position| i32::try_from(position).unwrap_or(i32::MAX)),
        explanation: Some(Localized { zh: explanation.zh, en: explanation.en }),
        appointment_id: appointment.map(|id| id.to_string()).unwrap_or_default(),
    }
}
