//! `JointService`: several places as one.

use chassis::{Context, Permitted, error::invalid};
use chrono::{DateTime, TimeDelta, Utc};
use postgres::Call;
use prost::Message as _;
use proto::{
    anjia::scheduling::v1::{self as wire, joint_service_server::JointService},
    convert::{self, FieldError, to_timestamp},
};
use tonic::{Request, Response, Status};
use types::ids::SlotId;

use super::{
    convert::{channel, device, pool, slots, to_appointment, to_slot},
    sessions::{limit, span},
    unreadable,
};
use crate::{
    app::{Hold, Scheduling, Search},
    domain::{
        appointment::{Appointment, Channel},
        pool::Pool,
        together::{Offer, PARTIES_MAX, Party, Query, Run, SLOTS_MAX},
    },
};

const BOOK: &str = "anjia.scheduling.v1.JointService/BookTogether";
const DURATION_MINUTES_MAX: i32 = 480;

pub(super) struct Joint {
    pub(super) scheduling: Scheduling,
    pub(super) search: Search,
}

#[tonic::async_trait]
impl JointService for Joint {
    async fn search_together(
        &self,
        request: Request<wire::SearchTogetherRequest>,
    ) -> Result<Response<wire::SearchTogetherResponse>, Status> {
        let ctx = Context::of(&request)?;
        let query = query(request.get_ref(), self.scheduling.now()).map_err(invalid)?;
        let offers = self.search.find_together(ctx.caller.region, &query).await?;
        Ok(Response::new(wire::SearchTogetherResponse { offers: offers.iter().map(to_offer).collect() }))
    }

    async fn book_together(
        &self,
        request: Request<wire::BookTogetherRequest>,
    ) -> Result<Response<wire::BookTogetherResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call = Call::new(&ctx.caller, BOOK, &message, |value| to_booked(value).encode_to_vec()).map_err(invalid)?;
        let (wish, more) = booking(&message).map_err(invalid)?;
        let reply = self.scheduling.book_together(&ctx, &call, wish, more).await?;
        Ok(Response::new(reply.into_message(|value| to_booked(&value)).map_err(unreadable)?))
    }
}

fn query(message: &wire::SearchTogetherRequest, now: DateTime<Utc>) -> Result<Query, FieldError> {
    if !(1..=PARTIES_MAX).contains(&message.parties.len()) {
        return Err(FieldError::new("parties", format!("must be 1 to {PARTIES_MAX}")));
    }
    let parties = message.parties.iter().enumerate();
    let parties = parties.map(|(index, one)| party(one).map_err(|error| error.within(&format!("parties[{index}]"))));
    let consecutive = match usize::try_from(message.consecutive_places) {
        Ok(0) => 1,
        Ok(count) if count <= SLOTS_MAX => count,
        _ => return Err(FieldError::new("consecutive_places", format!("must be 1 to {SLOTS_MAX}"))),
    };
    if !(0..=DURATION_MINUTES_MAX).contains(&message.duration_minutes) {
        return Err(FieldError::new("duration_minutes", format!("must be 0 to {DURATION_MINUTES_MAX}")));
    }
    let (from, until) = span(message.from.as_ref(), message.until.as_ref(), now)?;
    Ok(Query {
        parties: parties.collect::<Result<_, _>>()?,
        kind: convert::care_kind("kind", message.kind)?,
        pool: pool("pool", message.pool)?.unwrap_or(Pool::Public),
        consecutive,
        lasts: TimeDelta::minutes(message.duration_minutes.into()),
        from,
        until,
        limit: limit(message.limit)?,
    })
}

fn party(message: &wire::JointParty) -> Result<Party, FieldError> {
    Ok(Party {
        organisation: convert::id("provider_organisation_id", &message.provider_organisation_id)?,
        department: convert::optional_id("department_id", &message.department_id)?,
        practitioner: convert::optional_id("practitioner_id", &message.practitioner_id)?,
    })
}

fn booking(message: &wire::BookTogetherRequest) -> Result<(Hold, Vec<SlotId>), FieldError> {
    // Ids are read before places are counted: a malformed one is named.
    let resident = convert::id("resident_id", &message.resident_id)?;
    let appointment = convert::optional_id("appointment_id", &message.appointment_id)?;
    let journey = convert::optional_id("journey_id", &message.journey_id)?;
    let (slot, more) = slots("slot_ids", &message.slot_ids)?;
    if more.is_empty() {
        return Err(FieldError::new("slot_ids", "must be at least two; one place is held and confirmed, or booked"));
    }
    let wish = Hold {
        appointment,
        resident,
        slot,
        kind: convert::care_kind("kind", message.kind)?,
        pool: pool("pool", message.pool)?.unwrap_or(Pool::Public),
        channel: channel("channel", message.channel)?.unwrap_or(Channel::App),
        until: None,
        referral: None,
        journey,
        expected_lines: convert::expected_lines("expected_lines", &message.expected_lines)?,
        device: device("device", &message.device)?,
    };
    Ok((wish, more))
}

fn to_booked(booked: &Permitted<Appointment>) -> wire::BookTogetherResponse {
    wire::BookTogetherResponse { appointment: Some(to_appointment(booked)) }
}

fn to_offer(offer: &Offer) -> wire::JointOffer {
    let (starts_at, ends_at) = offer.span;
    wire::JointOffer {
        starts_at: Some(to_timestamp(starts_at)),
        ends_at: Some(to_timestamp(ends_at)),
        free_places: i32::try_from(offer.free_places).unwrap_or(i32::MAX),
        runs: offer.runs.iter().map(to_run).collect(),
    }
}

fn to_run(run: &Run) -> wire::JointRun {
    wire::JointRun {
        party: i32::try_from(run.party).unwrap_or(i32::MAX),
        slots: run.slots.iter().copied().map(to_slot).collect(),
        department_id: run.department.map(|id| id.to_string()).unwrap_or_default(),
        practitioner_id: run.practitioner.map(|id| id.to_string()).unwrap_or_default(),
        free_places: i32::try_from(run.free_places).unwrap_or(i32::MAX),
    }
}
