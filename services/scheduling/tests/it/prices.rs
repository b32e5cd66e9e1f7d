//! What care is expected to cost, learned from what adjudication tells of quotes.

use std::net::SocketAddr;
use std::time::Duration;

use chrono::TimeDelta;
use prost_types::value::Kind;
use proto::anjia::adjudication::v1 as adjudication;
use proto::anjia::common::v1::{CareKind, Event, EventBatch, ExpectedLine};
use proto::anjia::scheduling::v1::{HoldSlotRequest, Pool, SearchSlotsRequest, Session, Slot, SlotOffer};
use testkit::{TestCaller, callers};
use tokio::net::TcpListener;
use tonic::{Request, Response, Status};
use types::ids::{EventId, QuoteId};

use crate::town::{HOME, Town, hold, now, pause, session};

/// An appointment, and whose it is.
#[derive(Clone)]
struct Booked {
    id: String,
    resident: String,
}

/// A quote: for what, its total, and what the resident pays of it.
type Quote = (Booked, &'static str, Option<&'static str>);

/// Adjudication as far as scheduling knows it: quotes made for appointments.
struct Feed(Vec<Quote>);

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
        let quotes = (1..).zip(&self.0).filter(|(position, _)| *position > cursor.after_position);
        let events: Vec<Event> = quotes.map(|(position, quote)| event(position, quote)).collect();
        let head_position = i64::try_from(self.0.len()).unwrap();
        let batch = EventBatch { events, head_position, position: head_position };
        Ok(Response::new(adjudication::PullEventsResponse { batch: Some(batch) }))
    }
}

fn event(position: i64, (appointment, total, own_share): &Quote) -> Event {
    let text = |text: &str| Kind::StringValue(text.to_owned());
    let fields = [
        ("appointment_id", text(&appointment.id)),
        ("resident_id", text(&appointment.resident)),
        ("provider_organisation_id", text(&callers::CLINIC.to_string())),
        ("total", text(total)),
        ("own_share", own_share.map_or(Kind::NullValue(0), text)),
    ];
    let field = |(key, kind): (&str, Kind)| (key.to_owned(), prost_types::Value { kind: Some(kind) });
    Event {
        id: EventId::generate().to_string(),
        source: "anjia/adjudication".to_owned(),
        r#type: "anjia.adjudication.quote.made.v1".to_owned(),
        subject: QuoteId::generate().to_string(),
        time: Some(proto::convert::to_timestamp(now())),
        position,
        region_code: callers::REGION.to_owned(),
        data: Some(prost_types::Struct { fields: fields.into_iter().map(field).collect() }),
        ..Default::default()
    }
}

async fn search(town: &Town) -> Vec<SlotOffer> {
    let request = SearchSlotsRequest { near: Some(HOME), kind: CareKind::Outpatient.into(), ..Default::default() };
    town.sessions().search_slots(town.resident.request(request).await).await.unwrap().into_inner().offers
}

fn lines(item_code: &str, yuan: &str) -> Vec<ExpectedLine> {
    let [item_code, quantity, unit_price] = [item_code, "1", yuan].map(str::to_owned);
    vec![ExpectedLine { item_code, quantity, unit_price }]
}

/// Adjudication begins to answer at the port only when the appointments are there.
async fn town() -> (Town, SocketAddr) {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let town = Town::with(&[
        ("ADJUDICATION_URL", &format!("http://{port}")),
        ("BOOKINGS_PER_WEEK_MAX", "20"),
        ("BOOKINGS_PER_DAY_AND_DEPARTMENT_MAX", "20"),
    ])
    .await;
    (town, port)
}

/// Slots of the clinic whose session says a fee.
async fn slots(town: &Town, count: i32) -> Vec<Slot> {
    let session = session(callers::CLINIC, now() + TimeDelta::hours(2), count, &[(Pool::Public, 5)]);
    let with_fee = Session { expected_lines: lines("110200001", "25.00"), ..session };
    town.publish(&town.clinic, vec![with_fee]).await.unwrap()
}

/// Somebody's appointment in that slot, for what is stated.
async fn booked(
    town: &Town,
    (caller, resident): &(TestCaller, String),
    slot: &Slot,
    expected_lines: Vec<ExpectedLine>,
) -> Booked {
    let wish = HoldSlotRequest { resident_id: resident.clone(), expected_lines, ..hold(slot) };
    let held = town.hold_as(caller, wish).await.unwrap();
    let id = town.confirm(caller, &held.appointment_id).await.unwrap().appointment_id;
    Booked { id, resident: resident.clone() }
}

/// Has scheduling take in what adjudication tells.
async fn take_in(town: &Town, port: SocketAddr, quotes: Vec<Quote>) {
    let told = i64::try_from(quotes.len()).unwrap();
    let server = adjudication::event_service_server::EventServiceServer::new(Feed(quotes));
    let serving = tokio::spawn(tonic::transport::Server::builder().add_service(server).serve(port));
    let mut owner = town.mesh.owner("scheduling").await;
    for round in 0.. {
        let position: Option<i64> = sqlx::query_scalar("SELECT position FROM cursors WHERE source = 'adjudication'")
            .fetch_optional(&mut owner)
            .await
            .unwrap();
        if position == Some(told) {
            break;
        }
        assert!(round < 100, "the quotes were not taken in:\n{}", town.mesh.log("scheduling"));
        pause(100).await;
    }
    serving.abort();
}

#[tokio::test]
async fn sc_03_the_expected_price_is_the_median_of_what_was_quoted_for_such_care() {
    let (town, port) = town().await;
    let mut appointments = vec![];
    let slots = slots(&town, 9).await;
    let first = town.newcomer("somebody").await;
    for (number, slot) in slots.iter().enumerate() {
        // The last two are the first one's, too.
        let other = town.newcomer(&format!("somebody-{number}")).await;
        let somebody = if (1..7).contains(&number) { &other } else { &first };
        appointments.push(booked(&town, somebody, slot, lines("A1", "100.00")).await);
    }
    let quote = |number: usize, total, own_share| (appointments[number].clone(), total, own_share);
    let quotes = vec![
        quote(0, "100.00", Some("10.00")),
        quote(1, "900.00", Some("90.00")),
        quote(2, "300.50", Some("20.00")),
        quote(3, "200.00", Some("30.00")),
        // Who asks again and again for one appointment makes nobody else's price.
        quote(3, "9000.00", Some("9000.00")),
        quote(3, "9000.00", Some("9000.00")),
        // Nor does one person with several appointments.
        quote(7, "9000.00", Some("9000.00")),
        quote(8, "9000.00", Some("9000.00")),
        // Where there is no price, nothing is learned.
        quote(4, "8000.00", None),
        // One that verified cover alone says nothing about prices.
        quote(6, "0.00", Some("0.00")),
        quote(5, "800.00", Some("50.00")),
    ];
    take_in(&town, port, quotes).await;
    let offers = search(&town).await;
    let price = offers[0].expected_price.clone().unwrap();
    let fen = |money: Option<proto::google::r#type::Money>| {
        let money = money.unwrap();
        (money.units, money.nanos)
    };
    assert_eq!((fen(price.total), fen(price.own_share)), ((300, 500_000_000), (30, 0)));
    assert_eq!((price.quotes, price.is_departments), (5, false));
}

#[tokio::test]
async fn sc_06_a_quote_of_the_fee_on_the_ticket_teaches_nothing_about_prices() {
    let (town, port) = town().await;
    let mut quotes = vec![];
    for (number, slot) in slots(&town, 9).await.iter().enumerate() {
        // One too few state what to expect.
        let stated = if number < 4 { lines("A1", "100.00") } else { vec![] };
        let somebody = town.newcomer(&format!("somebody-{number}")).await;
        quotes.push((booked(&town, &somebody, slot, stated).await, "25.00", Some("5.00")));
    }
    take_in(&town, port, quotes).await;
    assert_eq!(search(&town).await[0].expected_price, None);
}
