//! `AppointmentService`: booking.

use chassis::{Context, Permitted, error::invalid};
use postgres::{Call, paging::PageRequest};
use prost::Message as _;
use proto::{
    anjia::scheduling::v1::{self as wire, appointment_service_server::AppointmentService, book_result},
    convert::{self, FieldError},
};
use tonic::{Request, Response, Status};

use super::{
    convert::{channel, device, pool, slots, to_appointment},
    status::to_rpc,
    unreadable,
};
use crate::{
    app::{Booking, Cancel, Cancelled, Hold, Reschedule, Scheduling, Whose},
    domain::{
        appointment::{Appointment, Channel, Filter},
        pool::Pool,
    },
};

const HOLD: &str = "anjia.scheduling.v1.AppointmentService/HoldSlot";
const CONFIRM: &str = "anjia.scheduling.v1.AppointmentService/ConfirmAppointment";
const BOOK: &str = "anjia.scheduling.v1.AppointmentService/Book";
const CANCEL: &str = "anjia.scheduling.v1.AppointmentService/CancelAppointment";
const RESCHEDULE: &str = "anjia.scheduling.v1.AppointmentService/RescheduleAppointment";
const NO_SHOW: &str = "anjia.scheduling.v1.AppointmentService/MarkNoShow";
const ITEMS_MAX: usize = 50;
const REASON_LENGTH_MAX: usize = 200;

pub(super) struct Appointments(pub(super) Scheduling);

#[tonic::async_trait]
impl AppointmentService for Appointments {
    async fn hold_slot(
        &self,
        request: Request<wire::HoldSlotRequest>,
    ) -> Result<Response<wire::HoldSlotResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call = Call::new(&ctx.caller, HOLD, &message, |held| to_held(held).encode_to_vec()).map_err(invalid)?;
        let reply = self.0.hold(&ctx, &call, hold(&message).map_err(invalid)?).await?;
        Ok(Response::new(reply.into_message(|held| to_held(&held)).map_err(unreadable)?))
    }

    async fn confirm_appointment(
        &self,
        request: Request<wire::ConfirmAppointmentRequest>,
    ) -> Result<Response<wire::ConfirmAppointmentResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call =
            Call::new(&ctx.caller, CONFIRM, &message, |value| to_confirmed(value).encode_to_vec()).map_err(invalid)?;
        let id = convert::id("appointment_id", &message.appointment_id).map_err(invalid)?;
        let reply = self.0.confirm(&ctx, &call, id).await?;
        Ok(Response::new(reply.into_message(|value| to_confirmed(&value)).map_err(unreadable)?))
    }

    async fn book(&self, request: Request<wire::BookRequest>) -> Result<Response<wire::BookResponse>, Status> {
        let ctx = Context::of(&request)?;
        let items = request.into_inner().items;
        if !(1..=ITEMS_MAX).contains(&items.len()) {
            return Err(invalid(FieldError::new("items", format!("must be 1 to {ITEMS_MAX}"))));
        }
        // One after the other: two items for one resident meet each other's limits in the order of the request.
        let mut results = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let result = match self.book_one(&ctx, index, item).await {
                Ok(appointment) => book_result::Result::Appointment(appointment),
                Err(refusal) => book_result::Result::Refusal(to_rpc(&refusal)),
            };
            results.push(wire::BookResult { result: Some(result) });
        }
        Ok(Response::new(wire::BookResponse { results }))
    }

    async fn cancel_appointment(
        &self,
        request: Request<wire::CancelAppointmentRequest>,
    ) -> Result<Response<wire::CancelAppointmentResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call =
            Call::new(&ctx.caller, CANCEL, &message, |value| to_cancelled(value).encode_to_vec()).map_err(invalid)?;
        let reply = self.0.cancel(&ctx, &call, cancel(&message).map_err(invalid)?).await?;
        Ok(Response::new(reply.into_message(|value| to_cancelled(&value)).map_err(unreadable)?))
    }

    async fn reschedule_appointment(
        &self,
        request: Request<wire::RescheduleAppointmentRequest>,
    ) -> Result<Response<wire::RescheduleAppointmentResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call =
            Call::new(&ctx.caller, RESCHEDULE, &message, |value| to_moved(value).encode_to_vec()).map_err(invalid)?;
        let reply = self.0.reschedule(&ctx, &call, reschedule(&message).map_err(invalid)?).await?;
        Ok(Response::new(reply.into_message(|value| to_moved(&value)).map_err(unreadable)?))
    }

    async fn mark_no_show(
        &self,
        request: Request<wire::MarkNoShowRequest>,
    ) -> Result<Response<wire::MarkNoShowResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call =
            Call::new(&ctx.caller, NO_SHOW, &message, |value| to_missed(value).encode_to_vec()).map_err(invalid)?;
        let id = convert::id("appointment_id", &message.appointment_id).map_err(invalid)?;
        let reply = self.0.mark_no_show(&ctx, &call, id).await?;
        Ok(Response::new(reply.into_message(|value| to_missed(&value)).map_err(unreadable)?))
    }

    async fn get_appointment(
        &self,
        request: Request<wire::GetAppointmentRequest>,
    ) -> Result<Response<wire::GetAppointmentResponse>, Status> {
        let ctx = Context::of(&request)?;
        let id = convert::id("appointment_id", &request.get_ref().appointment_id).map_err(invalid)?;
        let appointment = self.0.appointment(&ctx, id).await?;
        Ok(Response::new(wire::GetAppointmentResponse { appointment: Some(to_appointment(&appointment)) }))
    }

    async fn list_appointments(
        &self,
        request: Request<wire::ListAppointmentsRequest>,
    ) -> Result<Response<wire::ListAppointmentsResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let (whose, filter) = filter(&message).map_err(invalid)?;
        let paging = message.page.clone().unwrap_or_default();
        let query = wire::ListAppointmentsRequest { page: None, ..message }.encode_to_vec();
        let page = PageRequest::parse(paging.page_size, &paging.page_token, &query)
            .map_err(|error| invalid(error.within("page")))?;
        let listed = self.0.appointments(&ctx, whose, filter, &page).await?;
        Ok(Response::new(wire::ListAppointmentsResponse {
            appointments: listed.items.iter().map(to_appointment).collect(),
            next_page_token: listed.next_page_token,
        }))
    }
}

impl Appointments {
    async fn book_one(&self, ctx: &Context, index: usize, item: &wire::BookItem) -> Result<wire::Appointment, Status> {
        let wrong = |error: FieldError| invalid(error.within(&format!("items[{index}]")));
        let call = Call::new(&ctx.caller, BOOK, item, |value| to_appointment(value).encode_to_vec()).map_err(wrong)?;
        let reply = self.0.book(ctx, &call, booking(item).map_err(wrong)?).await?;
        reply.into_message(|value| to_appointment(&value)).map_err(unreadable)
    }
}

fn to_held(held: &Permitted<Appointment>) -> wire::HoldSlotResponse {
    wire::HoldSlotResponse { appointment: Some(to_appointment(held)) }
}

fn to_confirmed(confirmed: &Permitted<Appointment>) -> wire::ConfirmAppointmentResponse {
    wire::ConfirmAppointmentResponse { appointment: Some(to_appointment(confirmed)) }
}

fn to_cancelled(cancelled: &Cancelled) -> wire::CancelAppointmentResponse {
    wire::CancelAppointmentResponse { appointment: cancelled.as_ref().map(to_appointment) }
}

fn to_moved(moved: &Permitted<Appointment>) -> wire::RescheduleAppointmentResponse {
    wire::RescheduleAppointmentResponse { appointment: Some(to_appointment(moved)) }
}

fn to_missed(missed: &Permitted<Appointment>) -> wire::MarkNoShowResponse {
    wire::MarkNoShowResponse { appointment: Some(to_appointment(missed)) }
}

fn reschedule(message: &wire::RescheduleAppointmentRequest) -> Result<Reschedule, FieldError> {
    let (slot, more_slots) = slots("slot_ids", &message.slot_ids)?;
    Ok(Reschedule {
        appointment: convert::id("appointment_id", &message.appointment_id)?,
        slot,
        more_slots,
        pool: pool("pool", message.pool)?,
    })
}

fn hold(message: &wire::HoldSlotRequest) -> Result<Hold, FieldError> {
    Ok(Hold {
        appointment: convert::optional_id("appointment_id", &message.appointment_id)?,
        resident: convert::id("resident_id", &message.resident_id)?,
        slot: convert::id("slot_id", &message.slot_id)?,
        kind: convert::care_kind("kind", message.kind)?,
        pool: pool("pool", message.pool)?.unwrap_or(Pool::Public),
        channel: channel("channel", message.channel)?.unwrap_or(Channel::App),
        until: convert::optional_timestamp("hold_until", message.hold_until.as_ref())?,
        referral: convert::optional_id("referral_id", &message.referral_id)?,
        journey: convert::optional_id("journey_id", &message.journey_id)?,
        expected_lines: convert::expected_lines("expected_lines", &message.expected_lines)?,
        device: device("device", &message.device)?,
    })
}

fn booking(item: &wire::BookItem) -> Result<Booking, FieldError> {
    let wish = Hold {
        appointment: convert::optional_id("appointment_id", &item.appointment_id)?,
        resident: convert::id("resident_id", &item.resident_id)?,
        slot: convert::id("slot_id", &item.slot_id)?,
        kind: convert::care_kind("kind", item.kind)?,
        pool: pool("pool", item.pool)?.unwrap_or(Pool::Public),
        channel: channel("channel", item.channel)?.unwrap_or(Channel::App),
        until: None,
        referral: convert::optional_id("referral_id", &item.referral_id)?,
        journey: convert::optional_id("journey_id", &item.journey_id)?,
        expected_lines: convert::expected_lines("expected_lines", &item.expected_lines)?,
        device: device("device", &item.device)?,
    };
    Ok(Booking { wish, delegation: convert::optional_id("delegation_id", &item.delegation_id)? })
}

fn cancel(message: &wire::CancelAppointmentRequest) -> Result<Cancel, FieldError> {
    Ok(Cancel {
        appointment: convert::id("appointment_id", &message.appointment_id)?,
        reason: convert::optional_text("reason", &message.reason, REASON_LENGTH_MAX)?,
        resident: convert::optional_id("resident_id", &message.resident_id)?,
    })
}

fn filter(message: &wire::ListAppointmentsRequest) -> Result<(Whose, Filter), FieldError> {
    let resident = convert::optional_id("resident_id", &message.resident_id)?;
    let organisation = convert::optional_id("provider_organisation_id", &message.provider_organisation_id)?;
    let whose = match (resident, organisation) {
        (Some(resident), None) => Whose::Residents(resident),
        (None, Some(organisation)) => Whose::Providers(organisation),
        _ => {
            return Err(FieldError::new("resident_id", "exactly one of this and provider_organisation_id is required"));
        }
    };
    let from = convert::optional_timestamp("from", message.from.as_ref())?;
    let until = convert::optional_timestamp("until", message.until.as_ref())?;
    Ok((whose, Filter { resident, organisation, from, until }))
}
