use std::time::Duration;

use chrono::TimeDelta;
use prost_types::value::Kind;
use proto::anjia::{
    adjudication::v1 as adjudication,
    common::v1::{CareKind, Event, EventBatch, EventCursor, ExpectedLine},
    scheduling::v1::{
        CancelAppointmentRequest, HoldSlotRequest, PullEventsRequest, event_service_client::EventServiceClient,
    },
};
use testkit::{callers, reason, request_id};
use tokio::net::TcpListener;
use tonic::{Code, Request, Response, Status};
use types::ids::{AppointmentId, EventId, QuoteId, ResidentId};
use uuid::Uuid;

use crate::town::{Town, hold, now, pause};

pub(crate) async fn pull(town: &Town, caller: &str, after_position: i64) -> Result<Vec<Event>, Status> {
    let cursor = EventCursor { after_position, max_events: 100, wait_ms: 5_000, ..Default::default() };
    let request = town.mesh.caller(caller).request(PullEventsRequest { cursor: Some(cursor) }).await;
    let answer = EventServiceClient::new(town.mesh.channel("scheduling")).pull_events(request).await?;
    Ok(answer.into_inner().batch.unwrap().events)
}

fn text(event: &Event, key: &str) -> String {
    match &event.data.as_ref().unwrap().fields[key].kind {
        Some(Kind::StringValue(text)) => text.clone(),
        other => panic!("{key}: {other:?}"),
    }
}

#[tokio::test]
async fn pl_04_every_change_is_told_once_in_order() {
    let town = Town::new().await;
    let slot = town.clinic_slots(now() + TimeDelta::hours(2), 1, 5).await.remove(0);
    let booked = town.booked(&slot).await;
    let cancel = CancelAppointmentRequest {
        request_id: request_id(),
        appointment_id: booked.appointment_id.clone(),
        ..Default::default()
    };
    town.appointments().cancel_appointment(town.acting.request(cancel).await).await.unwrap();

    let mut events = Vec::new();
    while events.len() < 3 {
        let after = events.last().map_or(0, |event: &Event| event.position);
        events.extend(pull(&town, "payment", after).await.unwrap());
    }
    let kinds: Vec<&str> = events.iter().map(|event| event.r#type.as_str()).collect();
    let kind = ["held", "confirmed", "cancelled"].map(|past| format!("anjia.scheduling.appointment.{past}.v1"));
    assert_eq!(kinds, kind);
    for (event, position) in events.iter().zip(1..) {
        assert_eq!((event.position, event.source.as_str()), (position, "anjia/scheduling"));
        assert_eq!((&event.subject, event.region_code.as_str()), (&booked.appointment_id, callers::REGION));
        assert_eq!(text(event, "resident_id"), callers::RESIDENT.to_string());
        assert_eq!(text(event, "provider_organisation_id"), callers::CLINIC.to_string());
        assert_eq!(text(event, "journey_id"), booked.journey_id);
        assert_eq!(text(event, "booked_by"), town.resident.party());
        assert_eq!(text(event, "referral_id"), "");
    }
    assert_eq!(text(&events[2], "by"), "PATIENT");
    let refusal = pull(&town, "clinic", 0).await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal)), (Code::PermissionDenied, "METHOD_NOT_PERMITTED".to_owned()));
}

/// Adjudication as far as scheduling knows it: a feed of quotes made for one appointment.
struct Feed {
    appointment_id: String,
    /// Each with the person and the provider it prices.
    quotes: Vec<(QuoteId, Uuid, Uuid)>,
}

#[tonic::async_trait]
impl adjudication::event_service_server::EventService for Feed {
    async fn pull_events(
        &self,
        request: Request<adjudication::PullEventsRequest>,
    ) -> Result<Response<adjudication::PullEventsResponse>, Status> {
        let cursor = request.into_inner().cursor.unwrap();
        if cursor.after_position > 0 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let events: Vec<Event> = (1..)
            .zip(&self.quotes)
            .filter(|(position, _)| *position > cursor.after_position)
            .map(|made| self.quote_made(made))
            .collect();
        let head_position = i64::try_from(self.quotes.len()).unwrap();
        let batch = EventBatch { events, head_position, position: head_position };
        Ok(Response::new(adjudication::PullEventsResponse { batch: Some(batch) }))
    }
}

impl Feed {
    fn quote_made(&self, (position, (quote, resident, provider)): (i64, &(QuoteId, Uuid, Uuid))) -> Event {
        let text = |text: String| prost_types::Value { kind: Some(Kind::StringValue(text)) };
        let fields = [
            ("appointment_id", self.appointment_id.clone()),
            ("resident_id", resident.to_string()),
            ("provider_organisation_id", provider.to_string()),
        ];
        let fields = fields.into_iter().map(|(key, value)| (key.to_owned(), text(value))).collect();
        Event {
            id: EventId::generate().to_string(),
            source: "anjia/adjudication".to_owned(),
            r#type: "anjia.adjudication.quote.made.v1".to_owned(),
            subject: quote.to_string(),
            time: Some(proto::convert::to_timestamp(now())),
            position,
            region_code: callers::REGION.to_owned(),
            data: Some(prost_types::Struct { fields }),
            ..Default::default()
        }
    }
}

#[tokio::test]
async fn sc_06_the_quote_follows_the_booking_and_nobody_elses_does() {
    // Adjudication begins to answer only when the appointment is there.
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let town = Town::with(&[("ADJUDICATION_URL", &format!("http://{port}"))]).await;
    let slot = town.clinic_slots(now() + TimeDelta::hours(2), 1, 5).await.remove(0);
    let appointment_id = AppointmentId::generate().to_string();
    let quote_id = QuoteId::generate();
    let line = ExpectedLine { item_code: "A1".to_owned(), quantity: "1".to_owned(), unit_price: "240.00".to_owned() };
    let wish = HoldSlotRequest {
        appointment_id: appointment_id.clone(),
        kind: CareKind::Outpatient.into(),
        expected_lines: vec![line.clone()],
        ..hold(&slot)
    };
    let held = town.hold_as(&town.resident, wish).await.unwrap();
    assert_eq!((held.expected_lines, held.quote_id.as_str()), (vec![line], ""));

    // Whoever asks for a price may name any appointment: one of another person or provider changes nothing, whenever it comes.
    let of_another_person = (QuoteId::generate(), ResidentId::generate().uuid(), callers::CLINIC);
    let of_another_provider = (QuoteId::generate(), callers::RESIDENT, callers::HOSPITAL);
    let own = (quote_id, callers::RESIDENT, callers::CLINIC);
    let quotes = vec![of_another_person, own, of_another_person, of_another_provider];
    let feed = Feed { appointment_id: appointment_id.clone(), quotes };
    let server = adjudication::event_service_server::EventServiceServer::new(feed);
    let serving = tokio::spawn(tonic::transport::Server::builder().add_service(server).serve(port));
    let mut owner = town.mesh.owner("scheduling").await;
    for _ in 0..100 {
        let position: Option<i64> = sqlx::query_scalar("SELECT position FROM cursors WHERE source = 'adjudication'")
            .fetch_optional(&mut owner)
            .await
            .unwrap();
        if position == Some(4) {
            serving.abort();
            let told = town.get(&town.resident, &appointment_id).await.unwrap().quote_id;
            assert_eq!(told, quote_id.to_string());
            return;
        }
        pause(100).await;
    }
    panic!("the quotes were not taken in:\n{}", town.mesh.log("scheduling"));
}
