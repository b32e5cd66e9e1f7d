//! The price of a booking follows it, also where there is none.

use std::time::Duration;

use chrono::TimeDelta;
use proto::anjia::adjudication::v1 as wire;
use proto::anjia::common::v1::{CareKind, ExpectedLine};
use proto::anjia::scheduling::v1 as scheduling;
use proto::anjia::scheduling::v1::appointment_service_client::AppointmentServiceClient;
use proto::anjia::scheduling::v1::session_service_client::SessionServiceClient;
use proto::convert::to_timestamp;
use testkit::{callers, request_id};
use types::clock::{Clock as _, SystemClock};

use crate::world::{COVERED, World};

impl World {
    /// A confirmed appointment at the clinic tomorrow, with these items expected.
    async fn booked(&self, items: &[&str]) -> String {
        let starts_at = SystemClock.now() + TimeDelta::days(1);
        let session = scheduling::Session {
            provider_organisation_id: callers::CLINIC.to_string(),
            kinds: vec![CareKind::Outpatient.into()],
            starts_at: Some(to_timestamp(starts_at)),
            ends_at: Some(to_timestamp(starts_at + TimeDelta::minutes(30))),
            slot_length_minutes: 30,
            pools: vec![scheduling::PoolShare { pool: scheduling::Pool::Public.into(), places: 1 }],
            ..Default::default()
        };
        let message = scheduling::PublishSessionsRequest { request_id: request_id(), sessions: vec![session] };
        let request = self.caller("clinic").request(message).await;
        let mut sessions = SessionServiceClient::new(self.mesh.channel("scheduling"));
        let slots = sessions.publish_sessions(request).await.expect("published").into_inner().slots;
        let line =
            |item: &&str| ExpectedLine { item_code: (*item).to_owned(), quantity: "1".into(), unit_price: "40".into() };
        let item = scheduling::BookItem {
            request_id: request_id(),
            resident_id: self.resident.to_string(),
            slot_id: slots[0].slot_id.clone(),
            kind: CareKind::Outpatient.into(),
            channel: scheduling::Channel::App.into(),
            expected_lines: items.iter().map(line).collect(),
            ..Default::default()
        };
        let request = self.caller("resident").request(scheduling::BookRequest { items: vec![item] }).await;
        let mut appointments = AppointmentServiceClient::new(self.mesh.channel("scheduling"));
        let mut answer = appointments.book(request).await.expect("answered").into_inner();
        match answer.results.remove(0).result.expect("a result") {
            scheduling::book_result::Result::Appointment(appointment) => appointment.appointment_id,
            scheduling::book_result::Result::Refusal(refusal) => panic!("{refusal:?}"),
        }
    }

    /// The quote that the appointment gets when adjudication has heard of it.
    async fn quote_of(&self, appointment_id: &str) -> wire::Quote {
        let mut appointments = AppointmentServiceClient::new(self.mesh.channel("scheduling"));
        let waited = async {
            loop {
                let message = scheduling::GetAppointmentRequest { appointment_id: appointment_id.to_owned() };
                let request = self.caller("resident").request(message).await;
                let found = appointments.get_appointment(request).await.expect("her own").into_inner().appointment;
                let quote_id = found.unwrap_or_default().quote_id;
                if !quote_id.is_empty() {
                    return quote_id;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let quote_id = tokio::time::timeout(Duration::from_mins(1), waited).await.expect("a quote follows");
        let request = self.caller("resident").request(wire::GetQuoteRequest { quote_id }).await;
        self.adjudication().get_quote(request).await.expect("her own").into_inner().quote.unwrap_or_default()
    }
}

#[tokio::test]
async fn sc_06_a_booking_that_expects_what_no_catalogue_knows_stands_without_a_price_and_holds_nothing_up() {
    let world = World::new().await;
    let unknown = world.booked(&[COVERED, "T-UNKNOWN"]).await;
    let quote = world.quote_of(&unknown).await;
    assert_eq!((quote.outcome(), quote.division), (wire::QuoteOutcome::NoPolicy, None));
    assert_eq!(world.count("parked_events").await, 0);
}
