use chassis::channel::Channel;
use chassis::error::reason;
use chassis::{Context, Credentials, feed};
use postgres::consumer::Source;
use proto::anjia::scheduling::v1 as wire;
use proto::anjia::scheduling::v1::appointment_service_client::AppointmentServiceClient;
use proto::anjia::scheduling::v1::event_service_client::EventServiceClient;
use proto::anjia::scheduling::v1::visit_service_client::VisitServiceClient;
use proto::convert::{self, FieldError};
use types::clock::local_date;
use types::expected::ExpectedLine;
use types::ids::{AppointmentId, VisitId};
use types::region::RegionCode;

use super::{broken, translate};

use crate::domain::appointment::Appointment;
use crate::domain::error::AdjudicationError;
use crate::domain::visit::Visit;

const PEER: &str = "scheduling";

/// Scheduling: the visits that claims cite, and the appointments that ask for a price.
#[derive(Clone)]
pub struct Scheduling {
    visits: VisitServiceClient<Channel>,
    appointments: AppointmentServiceClient<Channel>,
    events: EventServiceClient<Channel>,
    credentials: Credentials,
}

impl Scheduling {
    pub fn new(channel: Channel, credentials: Credentials) -> Self {
        Self {
            visits: VisitServiceClient::new(channel.clone()),
            appointments: AppointmentServiceClient::new(channel.clone()),
            events: EventServiceClient::new(channel),
            credentials,
        }
    }

    /// The visit a claim cites, seen as the caller may see it.
    pub async fn visit(&self, ctx: &Context, id: VisitId) -> Result<Visit, AdjudicationError> {
        let request = wire::GetVisitRequest { visit_id: id.to_string() };
        let answer = self.visits.clone().get_visit(ctx.request(request)).await.map_err(|status| {
            if reason(&status).as_deref() == Some("VISIT_NOT_FOUND") {
                return AdjudicationError::VisitNotFound(id);
            }
            translate(PEER, &status)
        })?;
        visit(answer.into_inner().visit.as_ref()).map_err(broken(PEER))
    }

    /// An appointment that is to be quoted, with what is expected to be billed; none where it was erased with its person. In the service's own
    /// name and the region of the event that it follows.
    pub async fn appointment(
        &self,
        region: RegionCode,
        id: AppointmentId,
    ) -> Result<Option<(Appointment, Vec<ExpectedLine>)>, AdjudicationError> {
        let own = self.credentials.own_in(region).await.map_err(|status| translate(PEER, &status))?;
        let request = wire::GetAppointmentRequest { appointment_id: id.to_string() };
        let answer = match self.appointments.clone().get_appointment(own.request(request)).await {
            Err(status) if reason(&status).as_deref() == Some("APPOINTMENT_NOT_FOUND") => return Ok(None),
            answer => answer.map_err(|status| translate(PEER, &status))?,
        };
        appointment(answer.into_inner().appointment.as_ref()).map(Some).map_err(broken(PEER))
    }

    /// What happened there, pulled in adjudication's own name by the consumer of this name.
    pub fn events(&self, consumer: &'static str) -> impl Source + use<> {
        let client = self.events.clone();
        feed::source(consumer, self.credentials.clone(), move |asked| {
            let mut client = client.clone();
            async move {
                let request = asked.map(|cursor| wire::PullEventsRequest { cursor: Some(cursor) });
                Ok(client.pull_events(request).await?.into_inner().batch)
            }
        })
    }
}

fn visit(answer: Option<&wire::Visit>) -> Result<Visit, FieldError> {
    let answer = convert::required("visit", answer)?;
    let ended_at = convert::optional_timestamp("ended_at", answer.ended_at.as_ref())?;
    Ok(Visit {
        id: convert::id("visit_id", &answer.visit_id)?,
        resident: convert::id("resident_id", &answer.resident_id)?,
        provider: convert::id("provider_organisation_id", &answer.provider_organisation_id)?,
        tier: convert::tier("tier", answer.tier)?,
        kind: convert::care_kind("kind", answer.kind)?,
        from: local_date(convert::timestamp("opened_at", answer.opened_at.as_ref())?),
        until: ended_at.map(local_date),
        identity_proven: matches!(
            answer.identity_proof(),
            wire::IdentityProof::IdCard | wire::IdentityProof::ElectronicCredential
        ),
        is_seen: answer.state() != wire::VisitState::LeftUnseen,
        referral: convert::optional_id("referral_id", &answer.referral_id)?,
        journey: convert::id("journey_id", &answer.journey_id)?,
    })
}

fn appointment(answer: Option<&wire::Appointment>) -> Result<(Appointment, Vec<ExpectedLine>), FieldError> {
    let answer = convert::required("appointment", answer)?;
    let slot = convert::required("slot", answer.slot.as_ref())?;
    let appointment = Appointment {
        id: convert::id("appointment_id", &answer.appointment_id)?,
        resident: convert::id("resident_id", &answer.resident_id)?,
        provider: convert::id("provider_organisation_id", &answer.provider_organisation_id)?,
        kind: convert::care_kind("kind", answer.kind)?,
        on: local_date(convert::timestamp("slot.starts_at", slot.starts_at.as_ref())?),
        referral: convert::optional_id("referral_id", &answer.referral_id)?,
        journey: convert::optional_id("journey_id", &answer.journey_id)?,
        is_firm: matches!(answer.state(), wire::AppointmentState::Confirmed | wire::AppointmentState::Kept),
    };
    Ok((appointment, convert::told_lines("expected_lines", &answer.expected_lines)?))
}

chassis::watched! {
    /// Scheduling's audit, looked at in adjudication's own name.
    SchedulingAudit, scheduling by adjudication
}
