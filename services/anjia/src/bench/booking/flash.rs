//! A flash crowd: everybody at once wants the few places of one slot, at moments that were fixed beforehand and wait for no answer; and
//! somebody looks for care meanwhile.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use chassis::channel::Channel;
use proto::anjia::common::v1::{CareKind, Place};
use proto::anjia::scheduling::v1::appointment_service_client::AppointmentServiceClient;
use proto::anjia::scheduling::v1::session_service_client::SessionServiceClient;
use proto::anjia::scheduling::v1::{SearchSlotsRequest, book_result};
use rust_decimal::Decimal;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tonic::Code;

use super::crowd::{Crowd, Person, wish};
use crate::bench::figure::{Figure, Goal};
use crate::bench::town::refused;

const ATTEMPTS: u32 = 20_000;
const PLACES: i32 = 100;
const WITHIN: Duration = Duration::from_secs(5);
const LOSER_GOAL_MS: i64 = 250;
/// As often while nobody else asks for anything, and during the crowd.
const SEARCHES: u32 = 250;

/// What became of an attempt, and how long after its moment.
enum Outcome {
    Booked,
    Lost(Duration),
    /// Told to come again later: the service protects itself.
    Shed(Duration),
}

pub(super) async fn measure(crowd: &mut Crowd, channel: &Channel) -> Result<[Figure; 4]> {
    let slot = crowd.publish(1, PLACES).await?.into_iter().next().context("no slot")?.slot_id;
    let people = crowd.people().await?;
    let first = people.first().context("nobody")?.clone();
    let calm = searches(channel.clone(), first.clone()).await?;

    let searching = tokio::spawn(searches(channel.clone(), first));
    let outcomes = rush(channel, &people, &slot).await?;
    let during = searching.await??;

    let (mut booked, mut lost, mut shed) = (0, vec![], 0);
    for outcome in outcomes {
        match outcome {
            Outcome::Booked => booked += 1,
            Outcome::Lost(after) => lost.push(after),
            Outcome::Shed(after) => {
                shed += 1;
                lost.push(after);
            }
        }
    }
    let figure =
        |bench: &str, ours, reference, unit, goal| Figure { bench: bench.to_owned(), ours, reference, unit, goal };
    let places = Decimal::from(PLACES);
    ensure!(booked <= PLACES, "{booked} were given of {PLACES} places");
    Ok([
        figure("crowd-booked", Decimal::from(booked), Some(places), "places", Some(Goal::AtLeast(places))),
        figure("crowd-lost", p99_ms(lost)?, None, "ms p99", Some(Goal::AtMost(Decimal::from(LOSER_GOAL_MS)))),
        figure("crowd-shed", Decimal::from(shed), None, "attempts", None),
        figure("crowd-search", p99_ms(during)?, Some(p99_ms(calm)?), "ms p99", Some(Goal::RatioAtMost(Decimal::TWO))),
    ])
}

async fn rush(channel: &Channel, people: &[Person], slot: &str) -> Result<Vec<Outcome>> {
    let begins_at = Instant::now() + Duration::from_millis(50);
    let mut running = JoinSet::new();
    for (number, person) in (0..ATTEMPTS).zip(people.iter().cycle()) {
        let at = begins_at + WITHIN * number / ATTEMPTS;
        let (person, slot) = (person.clone(), slot.to_owned());
        let client = AppointmentServiceClient::new(channel.clone());
        sleep_until(at).await;
        running.spawn(async move { attempt(client, &person, &slot, at).await });
    }
    let mut outcomes = vec![];
    while let Some(outcome) = running.join_next().await {
        outcomes.push(outcome??);
    }
    Ok(outcomes)
}

async fn attempt(
    mut client: AppointmentServiceClient<Channel>,
    person: &Person,
    slot: &str,
    at: Instant,
) -> Result<Outcome> {
    let answer = client.book(person.context.request(wish(person, slot))).await;
    let after = at.elapsed();
    let result = match answer {
        Ok(answer) => answer.into_inner().results.into_iter().next().and_then(|result| result.result),
        Err(status) if status.code() == Code::ResourceExhausted => return Ok(Outcome::Shed(after)),
        Err(status) => return Err(refused("Book")(status)),
    };
    match result {
        Some(book_result::Result::Appointment(_)) => Ok(Outcome::Booked),
        // Gone, or one's own already.
        Some(book_result::Result::Refusal(refusal))
            if [Code::FailedPrecondition, Code::ResourceExhausted].map(i32::from).contains(&refusal.code) =>
        {
            Ok(Outcome::Lost(after))
        }
        Some(book_result::Result::Refusal(refusal)) => bail!("Book: {} {}", refusal.code, refusal.message),
        None => bail!("Book: no result"),
    }
}

/// How long searches take that come evenly for as long as the crowd does.
async fn searches(channel: Channel, person: Person) -> Result<Vec<Duration>> {
    let begins_at = Instant::now() + Duration::from_millis(50);
    let mut running = JoinSet::new();
    for number in 0..SEARCHES {
        let at = begins_at + WITHIN * number / SEARCHES;
        let (person, mut client) = (person.clone(), SessionServiceClient::new(channel.clone()));
        sleep_until(at).await;
        running.spawn(async move {
            let search = SearchSlotsRequest {
                near: Some(Place { latitude: 39.93, longitude: 116.35 }),
                radius_m: 5_000,
                kind: CareKind::Outpatient.into(),
                ..SearchSlotsRequest::default()
            };
            match client.search_slots(person.context.request(search)).await {
                Ok(_) => Ok(at.elapsed()),
                Err(status) if status.code() == Code::ResourceExhausted => Ok(at.elapsed()),
                Err(status) => Err(refused("SearchSlots")(status)),
            }
        });
    }
    let mut took = vec![];
    while let Some(search) = running.join_next().await {
        took.push(search??);
    }
    Ok(took)
}

fn p99_ms(mut took: Vec<Duration>) -> Result<Decimal> {
    took.sort_unstable();
    let place = took.len() * 99 / 100;
    let micros = took.get(place.min(took.len().saturating_sub(1))).context("nothing was measured")?.as_micros();
    Ok(Decimal::new(i64::try_from(micros)?, 3).round_dp(1))
}
