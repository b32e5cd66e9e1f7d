//! `QueueService`: queues on the day.

use std::pin::Pin;

use chassis::{Context, Permitted, error::invalid};
use postgres::Call;
use prost::Message as _;
use proto::{
    anjia::common::v1::Localized,
    anjia::scheduling::v1::{self as wire, queue_service_server::QueueService},
    convert::{self, FieldError, to_timestamp},
};
use tokio_stream::{Stream, StreamExt as _, wrappers::ReceiverStream};
use tonic::{Request, Response, Status};

use super::unreadable;
use crate::{
    app::{MoveQueue, Moved, Scheduling},
    domain::queue::{Class, Standing, State},
};

const CALL_NEXT: &str = "anjia.scheduling.v1.QueueService/CallNext";
const RECALL: &str = "anjia.scheduling.v1.QueueService/Recall";
const PASS: &str = "anjia.scheduling.v1.QueueService/Pass";
const MOVE: &str = "anjia.scheduling.v1.QueueService/MoveQueue";
const ROOM_LENGTH_MAX: usize = 40;
const PRIORITIES_MAX: usize = 4;

pub(super) struct Queue(pub(super) Scheduling);

#[tonic::async_trait]
impl QueueService for Queue {
    async fn get_queue_position(
        &self,
        request: Request<wire::GetQueuePositionRequest>,
    ) -> Result<Response<wire::GetQueuePositionResponse>, Status> {
        let ctx = Context::of(&request)?;
        let visit = convert::id("visit_id", &request.get_ref().visit_id).map_err(invalid)?;
        let standing = self.0.queue_position(&ctx, visit).await?;
        Ok(Response::new(wire::GetQueuePositionResponse { ticket: Some(to_ticket(&standing)) }))
    }

    type WatchQueueStream = Pin<Box<dyn Stream<Item = Result<wire::WatchQueueResponse, Status>> + Send>>;

    async fn watch_queue(
        &self,
        request: Request<wire::WatchQueueRequest>,
    ) -> Result<Response<Self::WatchQueueStream>, Status> {
        let ctx = Context::of(&request)?;
        let visit = convert::id("visit_id", &request.get_ref().visit_id).map_err(invalid)?;
        let told = ReceiverStream::new(self.0.watch_queue(&ctx, visit).await?).map(|told| {
            told.map(|standing| wire::WatchQueueResponse { ticket: Some(to_ticket(&standing)) }).map_err(Status::from)
        });
        Ok(Response::new(Box::pin(told)))
    }

    async fn list_queue(
        &self,
        request: Request<wire::ListQueueRequest>,
    ) -> Result<Response<wire::ListQueueResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.get_ref();
        let session = convert::optional_id("session_id", &message.session_id).map_err(invalid)?;
        let organisation =
            convert::id("provider_organisation_id", &message.provider_organisation_id).map_err(invalid)?;
        let tickets = self.0.queue(&ctx, organisation, session).await?;
        Ok(Response::new(wire::ListQueueResponse { tickets: tickets.iter().map(to_ticket).collect() }))
    }

    async fn call_next(
        &self,
        request: Request<wire::CallNextRequest>,
    ) -> Result<Response<wire::CallNextResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call =
            Call::new(&ctx.caller, CALL_NEXT, &message, |value| to_next(value).encode_to_vec()).map_err(invalid)?;
        let session = convert::optional_id("session_id", &message.session_id).map_err(invalid)?;
        let organisation =
            convert::id("provider_organisation_id", &message.provider_organisation_id).map_err(invalid)?;
        let reply = self.0.call_next(&ctx, &call, organisation, session).await?;
        Ok(Response::new(reply.into_message(|value| to_next(&value)).map_err(unreadable)?))
    }

    async fn recall(&self, request: Request<wire::RecallRequest>) -> Result<Response<wire::RecallResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call =
            Call::new(&ctx.caller, RECALL, &message, |value| to_recalled(value).encode_to_vec()).map_err(invalid)?;
        let visit = convert::id("visit_id", &message.visit_id).map_err(invalid)?;
        let reply = self.0.recall(&ctx, &call, visit).await?;
        Ok(Response::new(reply.into_message(|value| to_recalled(&value)).map_err(unreadable)?))
    }

    async fn pass(&self, request: Request<wire::PassRequest>) -> Result<Response<wire::PassResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call = Call::new(&ctx.caller, PASS, &message, |value| to_passed(value).encode_to_vec()).map_err(invalid)?;
        let visit = convert::id("visit_id", &message.visit_id).map_err(invalid)?;
        let reply = self.0.pass(&ctx, &call, visit).await?;
        Ok(Response::new(reply.into_message(|value| to_passed(&value)).map_err(unreadable)?))
    }

    async fn move_queue(
        &self,
        request: Request<wire::MoveQueueRequest>,
    ) -> Result<Response<wire::MoveQueueResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call = Call::new(&ctx.caller, MOVE, &message, |value| to_moved(*value).encode_to_vec()).map_err(invalid)?;
        let reply = self.0.move_queue(&ctx, &call, moving(&message).map_err(invalid)?).await?;
        Ok(Response::new(reply.into_message(to_moved).map_err(unreadable)?))
    }
}

fn to_next(standing: &Permitted<Standing>) -> wire::CallNextResponse {
    wire::CallNextResponse { ticket: Some(to_ticket(standing)) }
}

fn to_recalled(standing: &Permitted<Standing>) -> wire::RecallResponse {
    wire::RecallResponse { ticket: Some(to_ticket(standing)) }
}

fn to_passed(standing: &Permitted<Standing>) -> wire::PassResponse {
    wire::PassResponse { ticket: Some(to_ticket(standing)) }
}

fn to_moved(moved: Moved) -> wire::MoveQueueResponse {
    wire::MoveQueueResponse { waiting_count: i32::try_from(moved.waiting).unwrap_or(i32::MAX) }
}

fn moving(message: &wire::MoveQueueRequest) -> Result<MoveQueue, FieldError> {
    Ok(MoveQueue {
        organisation: convert::id("provider_organisation_id", &message.provider_organisation_id)?,
        session: convert::optional_id("session_id", &message.session_id)?,
        to: convert::optional_id("to_session_id", &message.to_session_id)?,
        room: convert::optional_text("room", &message.room, ROOM_LENGTH_MAX)?,
        practitioner: convert::optional_id("practitioner_id", &message.practitioner_id)?,
    })
}

/// What a desk sees of somebody who checks in.
pub(super) fn priorities(field: &str, said: &[i32]) -> Result<Vec<Class>, FieldError> {
    if said.len() > PRIORITIES_MAX {
        return Err(FieldError::new(field, format!("must be up to {PRIORITIES_MAX}")));
    }
    let class = |(index, value): (usize, &i32)| {
        let wrong = |text: &str| FieldError::new(format!("{field}[{index}]"), text);
        let class = class(*value).ok_or_else(|| wrong("is not a value of this enumeration"))?;
        if class.is_seen() { Ok(class) } else { Err(wrong("follows from what is known, and is not said")) }
    };
    said.iter().enumerate().map(class).collect()
}

fn class(value: i32) -> Option<Class> {
    Some(match wire::QueueClass::try_from(value).ok()? {
        wire::QueueClass::Unspecified => return None,
        wire::QueueClass::Emergency => Class::Emergency,
        wire::QueueClass::Elderly80 => Class::Elderly80,
        wire::QueueClass::Disabled => Class::Disabled,
        wire::QueueClass::Pregnant => Class::Pregnant,
        wire::QueueClass::Elderly65 => Class::Elderly65,
        wire::QueueClass::Referral => Class::Referral,
        wire::QueueClass::Returning => Class::Returning,
        wire::QueueClass::Ordinary => Class::Ordinary,
    })
}

const fn to_class(class: Class) -> wire::QueueClass {
    match class {
        Class::Emergency => wire::QueueClass::Emergency,
        Class::Elderly80 => wire::QueueClass::Elderly80,
        Class::Disabled => wire::QueueClass::Disabled,
        Class::Pregnant => wire::QueueClass::Pregnant,
        Class::Elderly65 => wire::QueueClass::Elderly65,
        Class::Referral => wire::QueueClass::Referral,
        Class::Returning => wire::QueueClass::Returning,
        Class::Ordinary => wire::QueueClass::Ordinary,
    }
}

fn to_ticket(standing: &Permitted<Standing>) -> wire::QueueTicket {
    let ticket = &standing.ticket;
    let state = match ticket.state {
        State::Waiting => wire::TicketState::Waiting,
        State::Called(_) => wire::TicketState::Called,
        State::Served(..) => wire::TicketState::Served,
        State::Left(..) => wire::TicketState::Left,
    };
    let (zh, en) = standing.explanation();
    wire::QueueTicket {
        visit_id: ticket.visit.to_string(),
        resident_id: ticket.resident.to_string(),
        provider_organisation_id: ticket.organisation.to_string(),
        line_id: ticket.line.0.to_string(),
        queue_class: to_class(ticket.class).into(),
        state: state.into(),
        joined_at: Some(to_timestamp(ticket.joined_at)),
        due_at: ticket.due_at.map(to_timestamp),
        turn_at: Some(to_timestamp(ticket.turn_at)),
        position: standing.before.map_or(0, |before| i32::try_from(before.saturating_add(1)).unwrap_or(i32::MAX)),
        expected_wait_s: i32::try_from(standing.wait.num_seconds()).unwrap_or(i32::MAX),
        explanation: Some(Localized { zh, en }),
        room: standing.room.clone(),
        practitioner_id: standing.practitioner.map(|id| id.to_string()).unwrap_or_default(),
        calls: ticket.calls,
        called_at: ticket.state.called().map(|called| to_timestamp(called.at)),
    }
}
