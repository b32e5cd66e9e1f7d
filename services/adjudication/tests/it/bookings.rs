//! The price of a booking follows it, also where there is none.

use std::time::Duration;

use chrono::{DateTime, Days, TimeDelta, Utc};
use proto::anjia::adjudication::v1 as wire;
use proto::anjia::common::v1::{CareKind, ExpectedLine};
use proto::anjia::scheduling::v1 as scheduling;
use proto::anjia::scheduling::v1::appointment_service_client::AppointmentServiceClient;
use proto::anjia::scheduling::v1::session_service_client::SessionServiceClient;
use proto::convert::{self, to_timestamp};
use testkit::{TestCaller, callers, request_id};
use types::clock::{Clock as _, SystemClock, local_date};
use types::ids::ResidentId;

use crate::world::{COVERED, OWN, World};

fn line(item: &str, yuan: &str) -> ExpectedLine {
    ExpectedLine { item_code: item.to_owned(), quantity: "1".into(), unit_price: yuan.to_owned() }
}

impl World {
    /// A place of the clinic, so many days ahead, whose session has this fee.
    async fn place(&self, days: i64, fee: Vec<ExpectedLine>) -> scheduling::Slot {
        self.place_at(SystemClock.now() + TimeDelta::days(days), fee).await
    }

    async fn place_at(&self, starts_at: DateTime<Utc>, fee: Vec<ExpectedLine>) -> scheduling::Slot {
        let session = scheduling::Session {
            provider_organisation_id: callers::CLINIC.to_string(),
            kinds: vec![CareKind::Outpatient.into()],
            starts_at: Some(to_timestamp(starts_at)),
            ends_at: Some(to_timestamp(starts_at + TimeDelta::minutes(30))),
            slot_length_minutes: 30,
            pools: vec![scheduling::PoolShare { pool: scheduling::Pool::Public.into(), places: 1 }],
            expected_lines: fee,
            ..Default::default()
        };
        let message = scheduling::PublishSessionsRequest { request_id: request_id(), sessions: vec![session] };
        let request = self.caller("clinic").request(message).await;
        let mut sessions = SessionServiceClient::new(self.mesh.channel("scheduling"));
        sessions.publish_sessions(request).await.expect("published").into_inner().slots.remove(0)
    }

    /// A confirmed appointment that somebody books for themselves, with these items expected.
    async fn booked(
        &self,
        (by, resident): (&TestCaller, ResidentId),
        slot: &scheduling::Slot,
        items: &[&str],
    ) -> String {
        let item = scheduling::BookItem {
            request_id: request_id(),
            resident_id: resident.to_string(),
            slot_id: slot.slot_id.clone(),
            kind: CareKind::Outpatient.into(),
            channel: scheduling::Channel::App.into(),
            expected_lines: items.iter().map(|item| line(item, "40")).collect(),
            ..Default::default()
        };
        let request = by.request(scheduling::BookRequest { items: vec![item] }).await;
        let mut appointments = AppointmentServiceClient::new(self.mesh.channel("scheduling"));
        let mut answer = appointments.book(request).await.expect("answered").into_inner();
        match answer.results.remove(0).result.expect("a result") {
            scheduling::book_result::Result::Appointment(appointment) => appointment.appointment_id,
            scheduling::book_result::Result::Refusal(refusal) => panic!("{refusal:?}"),
        }
    }

    async fn moved(&self, by: &TestCaller, appointment_id: &str, to: &scheduling::Slot) {
        let message = scheduling::RescheduleAppointmentRequest {
            request_id: request_id(),
            appointment_id: appointment_id.to_owned(),
            slot_ids: vec![to.slot_id.clone()],
            ..Default::default()
        };
        let mut appointments = AppointmentServiceClient::new(self.mesh.channel("scheduling"));
        appointments.reschedule_appointment(by.request(message).await).await.expect("free");
    }

    /// The quote that the appointment gets when adjudication has heard of it, as the resident reads it; another one than `besides`.
    async fn quote_of(&self, by: &TestCaller, appointment_id: &str, besides: &str) -> wire::Quote {
        let mut appointments = AppointmentServiceClient::new(self.mesh.channel("scheduling"));
        let waited = async {
            loop {
                let message = scheduling::GetAppointmentRequest { appointment_id: appointment_id.to_owned() };
                let request = by.request(message).await;
                let found = appointments.get_appointment(request).await.expect("her own").into_inner().appointment;
                let quote_id = found.unwrap_or_default().quote_id;
                if !quote_id.is_empty() && quote_id != besides {
                    return quote_id;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let quote_id = tokio::time::timeout(Duration::from_mins(1), waited).await.expect("a quote follows");
        let request = by.request(wire::GetQuoteRequest { quote_id }).await;
        self.adjudication().get_quote(request).await.expect("her own").into_inner().quote.unwrap_or_default()
    }
}

#[tokio::test]
async fn sc_06_a_booking_that_states_what_no_catalogue_knows_has_no_price_but_its_cover_and_holds_nothing_up() {
    let world = World::new().await;
    let resident = world.caller("resident");
    let slot = world.place(1, vec![line(COVERED, "25")]).await;
    let unknown = world.booked((&resident, world.resident), &slot, &[COVERED, "T-UNKNOWN"]).await;
    let quote = world.quote_of(&resident, &unknown, "").await;
    assert_eq!((quote.outcome(), quote.division.clone()), (wire::QuoteOutcome::Priced, None));
    assert_eq!(rules(&quote), ["UNKNOWN_ITEMS", "COVERED", "RESULT"]);
    let named = quote.explanation[0].text.clone().expect("said");
    for text in [&named.zh, &named.en] {
        assert!(text.contains("T-UNKNOWN") && !text.contains(COVERED), "{text}");
    }
    assert_eq!(world.count("parked_events").await, 0);
}

#[tokio::test]
async fn sc_06_a_fee_that_no_catalogue_knows_is_named_beside_the_cover_there_is_or_why_there_is_none() {
    let world = World::new().await;
    let fee = || vec![line("T-NEW", "25"), line(COVERED, "40"), line("T-OTHER", "5"), line("T-NEW", "1")];
    let resident = world.caller("resident");
    let stranger = ResidentId::generate();
    world.register(stranger).await;
    let by = world.resident_caller("stranger", stranger).await;
    let cases = [
        ((&resident, world.resident), wire::QuoteOutcome::Priced, "COVERED"),
        ((&by, stranger), wire::QuoteOutcome::NotEnrolled, "NOT_ENROLLED"),
    ];
    for ((by, id), outcome, cover) in cases {
        let slot = world.place(1, fee()).await;
        let appointment_id = world.booked((by, id), &slot, &[]).await;
        let quote = world.quote_of(by, &appointment_id, "").await;
        assert_eq!((quote.outcome(), quote.division.clone()), (outcome, None));
        assert_eq!(rules(&quote), ["UNKNOWN_ITEMS", cover, "RESULT"]);
        assert_eq!(quote.policy_id.is_empty(), cover != "COVERED");
        let named = quote.explanation[0].text.clone().expect("said");
        assert!(named.zh.contains("没有“T-NEW”、“T-OTHER”，"), "{named:?}");
        assert!(named.en.contains("does not know “T-NEW”, “T-OTHER”:"), "{named:?}");
    }
}

#[tokio::test]
async fn sc_06_a_fee_that_no_catalogue_knows_is_named_also_where_no_policy_is_in_force() {
    let world = World::without_policy().await;
    let resident = world.caller("resident");
    let slot = world.place(1, vec![line("T-NEW", "25")]).await;
    let appointment_id = world.booked((&resident, world.resident), &slot, &[]).await;
    let quote = world.quote_of(&resident, &appointment_id, "").await;
    assert_eq!((quote.outcome(), quote.division.clone()), (wire::QuoteOutcome::NoPolicy, None));
    assert_eq!(rules(&quote), ["UNKNOWN_ITEMS", "NO_POLICY", "RESULT"]);
    assert_eq!(world.count("parked_events").await, 0);
}

#[tokio::test]
async fn sc_06_cover_told_beside_no_items_and_beside_unknown_ones_rests_on_inputs_of_their_own() {
    let world = World::new().await;
    let resident = world.caller("resident");
    let day = local_date(SystemClock.now()) + Days::new(2);
    let at = |hour| day.and_hms_opt(hour, 0, 0).expect("an hour").and_utc();
    let bare = world.place_at(at(2), vec![]).await;
    let unknown = world.place_at(at(4), vec![line("T-NEW", "25")]).await;
    let appointment_id = world.booked((&resident, world.resident), &bare, &[]).await;
    let first = world.quote_of(&resident, &appointment_id, "").await;
    world.moved(&resident, &appointment_id, &unknown).await;
    let second = world.quote_of(&resident, &appointment_id, &first.quote_id).await;
    assert_eq!((&first.on, &first.policy_digest), (&second.on, &second.policy_digest));
    assert_eq!((rules(&first)[0], rules(&second)[0]), ("NO_ITEMS", "UNKNOWN_ITEMS"));

    // What `anjia verify` asks: one input under one policy has one price.
    let two_prices = sqlx::query_scalar(
        "SELECT count(*) FROM (SELECT basis FROM quotes WHERE basis->'lines' <> '[]' OR policy_digest IS NOT NULL \
         GROUP BY basis, policy_digest, outcome HAVING count(DISTINCT price) > 1) twice",
    );
    let two_prices: i64 = two_prices.fetch_one(&mut world.mesh.owner("adjudication").await).await.expect("counted");
    assert_eq!(two_prices, 0);
}

/// The rules of the explanation; every sentence stands in both languages.
fn rules(quote: &wire::Quote) -> Vec<&str> {
    let says = |step: &wire::ExplanationStep| {
        step.text.as_ref().is_some_and(|text| !text.zh.is_empty() && !text.en.is_empty())
    };
    assert!(quote.explanation.iter().all(says), "{quote:?}");
    quote.explanation.iter().map(|step| step.rule.as_str()).collect()
}

fn total_and_own(quote: &wire::Quote) -> (String, String) {
    let division = quote.division.as_ref().expect("a division");
    let text = |money| convert::money("money", money).expect("an amount").to_string();
    (text(division.total.as_ref()), text(division.person_total.as_ref()))
}

#[tokio::test]
async fn sc_06_a_plain_booking_is_quoted_by_its_sessions_fee_and_again_where_it_is_moved() {
    let world = World::new().await;
    let resident = world.caller("resident");
    let from = world.place(1, vec![line(OWN, "25")]).await;
    let to = world.place(2, vec![line(OWN, "60"), line(COVERED, "40")]).await;
    let appointment_id = world.booked((&resident, world.resident), &from, &[]).await;
    let quote = world.quote_of(&resident, &appointment_id, "").await;
    assert_eq!((quote.outcome(), quote.appointment_id.as_str()), (wire::QuoteOutcome::Priced, appointment_id.as_str()));
    assert_eq!(total_and_own(&quote), ("25.00".to_owned(), "25.00".to_owned()));

    world.moved(&resident, &appointment_id, &to).await;
    let moved = world.quote_of(&resident, &appointment_id, &quote.quote_id).await;
    assert_eq!(total_and_own(&moved).0, "100.00");
    assert_ne!(moved.on, quote.on);
}

#[tokio::test]
async fn sc_06_where_nothing_is_known_of_the_bill_the_quote_says_what_cover_there_is() {
    let world = World::new().await;
    let resident = world.caller("resident");
    let slot = world.place(1, vec![]).await;
    let appointment_id = world.booked((&resident, world.resident), &slot, &[]).await;
    let quote = world.quote_of(&resident, &appointment_id, "").await;
    assert_eq!((quote.outcome(), quote.division.clone()), (wire::QuoteOutcome::Priced, None));
    assert_eq!(rules(&quote), ["NO_ITEMS", "COVERED", "RESULT"]);
    let policy = quote.explanation[1].text.clone().expect("said");
    assert!(policy.zh.contains("北京") && policy.en.contains("Beijing"), "{policy:?}");
    assert!(!quote.policy_id.is_empty());

    let stranger = ResidentId::generate();
    world.register(stranger).await;
    let by = world.resident_caller("stranger", stranger).await;
    let slot = world.place(1, vec![]).await;
    let appointment_id = world.booked((&by, stranger), &slot, &[]).await;
    let quote = world.quote_of(&by, &appointment_id, "").await;
    assert_eq!((quote.outcome(), quote.division.clone()), (wire::QuoteOutcome::NotEnrolled, None));
    assert_eq!(rules(&quote), ["NO_ITEMS", "NOT_ENROLLED", "RESULT"]);
    let priced = world.place(2, vec![line(COVERED, "25")]).await;
    let appointment_id = world.booked((&by, stranger), &priced, &[]).await;
    let quote = world.quote_of(&by, &appointment_id, "").await;
    assert_eq!(quote.outcome(), wire::QuoteOutcome::NotEnrolled);
    assert_eq!(total_and_own(&quote), ("25.00".to_owned(), "25.00".to_owned()));
}

#[tokio::test]
async fn sc_06_who_is_insured_without_a_policy_in_force_is_told_so() {
    let world = World::without_policy().await;
    let resident = world.caller("resident");
    let slot = world.place(1, vec![]).await;
    let appointment_id = world.booked((&resident, world.resident), &slot, &[]).await;
    let quote = world.quote_of(&resident, &appointment_id, "").await;
    assert_eq!((quote.outcome(), quote.division.clone()), (wire::QuoteOutcome::NoPolicy, None));
    assert_eq!(rules(&quote), ["NO_ITEMS", "NO_POLICY", "RESULT"]);
    assert_eq!(world.count("parked_events").await, 0);
}
