use chassis::{Context, Credentials, channel::Channel, error::reason, feed};
use chrono::{DateTime, TimeDelta, Utc};
use postgres::consumer::Source;
use proto::{
    anjia::{
        common::v1::PageRequest,
        scheduling::v1::{
            self as wire, appointment_service_client::AppointmentServiceClient,
            event_service_client::EventServiceClient, session_service_client::SessionServiceClient,
            visit_service_client::VisitServiceClient,
        },
    },
    convert::{self, FieldError},
};
use types::{
    care::CareKind,
    ids::{JourneyId, OrganisationId, ResidentId, VisitId},
    place::Place,
};
use uuid::Uuid;

use super::{PAGE_SIZE, PAGES_MAX, Setback, broken, setback, translate, unreadable};
use crate::domain::{
    ReferralError,
    acceptance::{Answer, Call, HeldPlace, Plan, Whereabouts, request_id},
    journey::{Milestone, Resource},
    target::FreePlace,
};

const PEER: &str = "scheduling";
/// How far ahead a place is looked for.
const AHEAD: TimeDelta = TimeDelta::days(30);
/// A referral may lead across the city.
const RADIUS_M: i32 = 100_000;

/// Scheduling: places, appointments, and what becomes of them.
#[derive(Clone)]
pub struct Scheduling {
    appointments: AppointmentServiceClient<Channel>,
    sessions: SessionServiceClient<Channel>,
    visits: VisitServiceClient<Channel>,
    events: EventServiceClient<Channel>,
    credentials: Credentials,
}

impl Scheduling {
    pub const HOLD: &str = "anjia.scheduling.v1.AppointmentService/HoldSlot";
    pub const CONFIRM: &str = "anjia.scheduling.v1.AppointmentService/ConfirmAppointment";
    pub const CANCEL: &str = "anjia.scheduling.v1.AppointmentService/CancelAppointment";
    pub const GET: &str = "anjia.scheduling.v1.AppointmentService/GetAppointment";

    pub fn new(channel: Channel, credentials: Credentials) -> Self {
        Self {
            appointments: AppointmentServiceClient::new(channel.clone()),
            sessions: SessionServiceClient::new(channel.clone()),
            visits: VisitServiceClient::new(channel.clone()),
            events: EventServiceClient::new(channel),
            credentials,
        }
    }

    /// Keeps the place until after the saga's deadline. What is expected to be billed is not told: the saga prices it itself.
    pub async fn hold(&self, ctx: &Context, plan: &Plan) -> Result<Answer, Setback> {
        let request = wire::HoldSlotRequest {
            request_id: request_id(plan.saga, Call::Hold).to_string(),
            appointment_id: plan.appointment.to_string(),
            resident_id: plan.resident.to_string(),
            slot_id: plan.slot.to_string(),
            kind: convert::to_care_kind(plan.kind),
            pool: wire::Pool::Referral.into(),
            channel: wire::Channel::Referral.into(),
            hold_until: Some(convert::to_timestamp(plan.hold_until)),
            referral_id: plan.referral.to_string(),
            journey_id: plan.journey.to_string(),
            expected_lines: Vec::new(),
            device: String::new(),
        };
        let answer =
            self.appointments.clone().hold_slot(ctx.request(request)).await.map_err(|status| setback(&status))?;
        held(answer.into_inner().appointment.as_ref()).map_err(unreadable)
    }

    pub async fn confirm(&self, ctx: &Context, plan: &Plan) -> Result<Answer, Setback> {
        let request = wire::ConfirmAppointmentRequest {
            request_id: request_id(plan.saga, Call::Confirm).to_string(),
            appointment_id: plan.appointment.to_string(),
        };
        let answer = self.appointments.clone().confirm_appointment(ctx.request(request)).await;
        answer.map(|_| Answer::Confirmed).map_err(|status| setback(&status))
    }

    /// What became of the place.
    pub async fn inspect(&self, ctx: &Context, plan: &Plan) -> Result<Answer, Setback> {
        let request = wire::GetAppointmentRequest { appointment_id: plan.appointment.to_string() };
        let answer =
            self.appointments.clone().get_appointment(ctx.request(request)).await.map_err(|status| setback(&status))?;
        whereabouts(answer.into_inner().appointment.as_ref()).map(Answer::Found).map_err(unreadable)
    }

    /// Gives the place up, also one that scheduling has not heard of yet.
    pub async fn cancel(&self, ctx: &Context, plan: &Plan) -> Result<Answer, Setback> {
        let request = wire::CancelAppointmentRequest {
            request_id: request_id(plan.saga, Call::CancelAppointment).to_string(),
            appointment_id: plan.appointment.to_string(),
            reason: "the acceptance of the referral was undone".to_owned(),
            resident_id: plan.resident.to_string(),
        };
        let answer = self.appointments.clone().cancel_appointment(ctx.request(request)).await;
        answer.map(|_| Answer::Undone).map_err(|status| setback(&status))
    }

    /// The next free place in a provider's referral pool.
    pub async fn next_place(
        &self,
        ctx: &Context,
        near: Place,
        provider: OrganisationId,
        kind: CareKind,
        now: DateTime<Utc>,
    ) -> Result<Option<FreePlace>, ReferralError> {
        let request = wire::SearchSlotsRequest {
            near: Some(convert::to_place(near)),
            radius_m: RADIUS_M,
            kind: convert::to_care_kind(kind),
            provider_organisation_id: provider.to_string(),
            pool: wire::Pool::Referral.into(),
            from: Some(convert::to_timestamp(now)),
            until: Some(convert::to_timestamp(now + AHEAD)),
            limit: 1,
            ..wire::SearchSlotsRequest::default()
        };
        let answer = self
            .sessions
            .clone()
            .search_slots(ctx.request(request))
            .await
            .map_err(|status| translate(PEER, &status))?;
        let offers = answer.into_inner().offers;
        offers.first().map(free_place).transpose().map_err(broken(PEER))
    }

    /// A resident's appointments of one journey.
    pub async fn milestones(
        &self,
        ctx: &Context,
        resident: ResidentId,
        journey: JourneyId,
    ) -> Result<Vec<Milestone>, ReferralError> {
        let journey = journey.to_string();
        let mut found = Vec::new();
        let mut page_token = String::new();
        for _ in 0..PAGES_MAX {
            let request = wire::ListAppointmentsRequest {
                resident_id: resident.to_string(),
                page: Some(PageRequest { page_size: PAGE_SIZE, page_token }),
                ..wire::ListAppointmentsRequest::default()
            };
            let answer = self
                .appointments
                .clone()
                .list_appointments(ctx.request(request))
                .await
                .map_err(|status| translate(PEER, &status))?
                .into_inner();
            let of_journey = answer.appointments.iter().filter(|appointment| appointment.journey_id == journey);
            for appointment in of_journey {
                found.push(milestone(appointment).map_err(broken(PEER))?);
            }
            page_token = answer.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        Ok(found)
    }

    /// Whose visit it is and where, as far as the caller may see it.
    pub async fn visit(
        &self,
        ctx: &Context,
        id: VisitId,
    ) -> Result<Option<(ResidentId, OrganisationId)>, ReferralError> {
        let request = wire::GetVisitRequest { visit_id: id.to_string() };
        let answer = match self.visits.clone().get_visit(ctx.request(request)).await {
            Ok(answer) => answer.into_inner().visit.unwrap_or_default(),
            Err(status) if reason(&status).as_deref() == Some("VISIT_NOT_FOUND") => return Ok(None),
            Err(status) => return Err(translate(PEER, &status)),
        };
        let resident = convert::id("resident_id", &answer.resident_id).map_err(broken(PEER))?;
        let provider = convert::id("provider_organisation_id", &answer.provider_organisation_id);
        Ok(Some((resident, provider.map_err(broken(PEER))?)))
    }

    /// What happened there, pulled in referral's own name.
    pub fn events(&self) -> impl Source + use<> {
        let client = self.events.clone();
        feed::source(PEER, self.credentials.clone(), move |asked| {
            let mut client = client.clone();
            async move {
                let request = asked.map(|cursor| wire::PullEventsRequest { cursor: Some(cursor) });
                Ok(client.pull_events(request).await?.into_inner().batch)
            }
        })
    }
}

fn held(answer: Option<&wire::Appointment>) -> Result<Answer, FieldError> {
    let appointment = convert::required("appointment", answer)?;
    let slot = convert::required("appointment.slot", appointment.slot.as_ref())?;
    Ok(Answer::Held {
        place: HeldPlace {
            from: convert::timestamp("appointment.slot.starts_at", slot.starts_at.as_ref())?,
            until: convert::timestamp("appointment.slot.ends_at", slot.ends_at.as_ref())?,
        },
        provider: convert::id("appointment.provider_organisation_id", &appointment.provider_organisation_id)?,
    })
}

fn whereabouts(answer: Option<&wire::Appointment>) -> Result<Whereabouts, FieldError> {
    match convert::required("appointment", answer)?.state() {
        wire::AppointmentState::Held => Ok(Whereabouts::Held),
        // Who is displaced was confirmed, and is told of what becomes of it by an event.
        wire::AppointmentState::Confirmed
        | wire::AppointmentState::Kept
        | wire::AppointmentState::NoShow
        | wire::AppointmentState::Displaced => Ok(Whereabouts::Confirmed),
        wire::AppointmentState::Expired => Ok(Whereabouts::Expired),
        wire::AppointmentState::Cancelled => Ok(Whereabouts::Cancelled),
        wire::AppointmentState::Unspecified => Err(FieldError::new("appointment.state", "is required")),
    }
}

fn free_place(offer: &wire::SlotOffer) -> Result<FreePlace, FieldError> {
    let slot = convert::required("slot", offer.slot.as_ref())?;
    Ok(FreePlace {
        slot: convert::id("slot.slot_id", &slot.slot_id)?,
        starts_at: convert::timestamp("slot.starts_at", slot.starts_at.as_ref())?,
    })
}

fn milestone(appointment: &wire::Appointment) -> Result<Milestone, FieldError> {
    let name = appointment.state().as_str_name();
    Ok(Milestone {
        at: convert::timestamp("held_at", appointment.held_at.as_ref())?,
        resource: Resource::Appointment,
        id: convert::id::<Uuid>("appointment_id", &appointment.appointment_id)?,
        state: name.trim_start_matches("APPOINTMENT_STATE_").to_owned(),
        organisation: convert::optional_id("provider_organisation_id", &appointment.provider_organisation_id)?,
    })
}
