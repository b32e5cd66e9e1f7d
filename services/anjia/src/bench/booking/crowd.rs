//! Those who book, and sessions that only they know of: a day for each turn, far enough apart that nobody's limits are long lists.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use chassis::Context;
use chassis::channel::Channel;
use chrono::{Days, NaiveDate, TimeDelta};
use devstack::Mesh;
use devstack::callers::{self, Client};
use proto::anjia::common::v1::CareKind;
use proto::anjia::scheduling::v1::appointment_service_client::AppointmentServiceClient;
use proto::anjia::scheduling::v1::session_service_client::SessionServiceClient;
use proto::anjia::scheduling::v1::{
    BookItem, BookRequest, Pool, PoolShare, PublishSessionsRequest, Session, Slot, book_result,
};
use proto::convert::to_timestamp;
use rust_decimal::Decimal;
use tokio::task::JoinSet;
use types::clock::start_of_local_day;
use types::ids::ResidentId;

use crate::bench::town::{Town, context, refused, request_id};

/// As many calls may be in flight, each of somebody else.
const PEOPLE: usize = 256;
/// Of each person in a turn.
const BOOKINGS: usize = 10;
/// Of a turn in which everybody goes somewhere else.
pub(super) const SPREAD: usize = 192;
/// As many as a slot can have.
const PLACES: i32 = 500;
const SLOT_MINUTES: i64 = 5;
/// Further than limits look back or ahead: nobody has more bookings about a day than limits let anybody have.
const DAYS_APART: u64 = 101;

pub(super) struct Crowd {
    scheduling: Channel,
    clinic: Context,
    people: Vec<(String, ResidentId)>,
    credentials: Vec<chassis::Credentials>,
    next_day: NaiveDate,
}

/// One of the crowd, at this moment.
#[derive(Clone)]
pub(super) struct Person {
    pub(super) id: ResidentId,
    pub(super) context: Context,
}

impl Crowd {
    pub(super) async fn gather(mesh: &Mesh, town: &Town) -> Result<Self> {
        let people: Vec<(String, ResidentId)> =
            (0..PEOPLE).map(|number| (format!("crowd-{number}"), ResidentId::generate())).collect();
        let clients = people.iter().map(|(client, id)| Client::resident(client, id.uuid()));
        mesh.fleet().register(clients.collect()).await?;
        let credentials = people.iter().map(|(client, _)| mesh.fleet().credentials(client));
        Ok(Self {
            scheduling: town.scheduling.clone(),
            clinic: context(mesh, "clinic").await?,
            credentials: credentials.collect::<Result<_>>()?,
            people,
            next_day: town.today + Days::new(1),
        })
    }

    /// Everybody, with tokens that last for a turn.
    pub(super) async fn people(&self) -> Result<Vec<Person>> {
        let mut people = vec![];
        for ((_, id), credentials) in self.people.iter().zip(&self.credentials) {
            let context = credentials.own().await.map_err(refused("ExchangeToken"))?;
            people.push(Person { id: *id, context });
        }
        Ok(people)
    }

    /// Bookings a second where those that are in flight want different slots.
    pub(super) async fn book_everywhere(&mut self, channel: &Channel, in_flight: usize) -> Result<Decimal> {
        let slots = self.publish(SPREAD, PLACES).await?;
        let turns = (0..BOOKINGS)
            .flat_map(|round| (0..PEOPLE).map(move |person| (person, (person + round * (SPREAD / BOOKINGS)) % SPREAD)));
        self.book(channel, in_flight, &slots, turns.collect()).await
    }

    /// Bookings a second where all want the slots of one session, one after the other.
    pub(super) async fn book_one_session(&mut self, channel: &Channel, in_flight: usize) -> Result<Decimal> {
        let slots = self.publish(BOOKINGS, PLACES).await?;
        let turns = (0..BOOKINGS).flat_map(|slot| (0..PEOPLE).map(move |person| (person, slot)));
        self.book(channel, in_flight, &slots, turns.collect()).await
    }

    /// Slots for somebody else to book.
    pub(super) async fn publish_everywhere(&mut self) -> Result<Vec<Slot>> {
        self.publish(SPREAD, PLACES).await
    }

    /// A session of one day.
    pub(super) async fn publish(&mut self, slots: usize, places: i32) -> Result<Vec<Slot>> {
        let starts_at = start_of_local_day(self.next_day) + TimeDelta::hours(7);
        self.next_day = self.next_day + Days::new(DAYS_APART);
        let session = Session {
            provider_organisation_id: callers::CLINIC.to_string(),
            kinds: vec![CareKind::Outpatient.into()],
            starts_at: Some(to_timestamp(starts_at)),
            ends_at: Some(to_timestamp(starts_at + TimeDelta::minutes(SLOT_MINUTES * i64::try_from(slots)?))),
            slot_length_minutes: i32::try_from(SLOT_MINUTES)?,
            pools: vec![PoolShare { pool: Pool::Public.into(), places }],
            ..Session::default()
        };
        let request = self.clinic.request(PublishSessionsRequest { request_id: request_id(), sessions: vec![session] });
        let mut client = SessionServiceClient::new(self.scheduling.clone());
        let answer = client.publish_sessions(request).await.map_err(refused("PublishSessions"))?;
        Ok(answer.into_inner().slots)
    }

    /// In this order, so many at a time; each has to come through.
    async fn book(
        &self,
        channel: &Channel,
        in_flight: usize,
        slots: &[Slot],
        turns: Vec<(usize, usize)>,
    ) -> Result<Decimal> {
        let people = Arc::new(self.people().await?);
        let slots: Arc<Vec<String>> = Arc::new(slots.iter().map(|slot| slot.slot_id.clone()).collect());
        let (turns, next) = (Arc::new(turns), Arc::new(AtomicUsize::new(0)));
        let begun_at = Instant::now();
        let mut running = JoinSet::new();
        for _ in 0..in_flight {
            let (people, slots, turns) = (Arc::clone(&people), Arc::clone(&slots), Arc::clone(&turns));
            let (next, client) = (Arc::clone(&next), AppointmentServiceClient::new(channel.clone()));
            running.spawn(async move {
                while let Some((person, slot)) = turns.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let person = people.get(*person).context("nobody")?;
                    book(client.clone(), person, slots.get(*slot).context("no slot")?).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(outcome) = running.join_next().await {
            outcome??;
        }
        let millis = Decimal::from(begun_at.elapsed().as_millis().max(1));
        Ok((Decimal::from(turns.len() * 1000) / millis).round_dp(1))
    }
}

/// A firm place in one call.
async fn book(mut client: AppointmentServiceClient<Channel>, person: &Person, slot: &str) -> Result<()> {
    let answer = client.book(person.context.request(wish(person, slot))).await.map_err(refused("Book"))?;
    match answer.into_inner().results.into_iter().next().and_then(|result| result.result) {
        Some(book_result::Result::Appointment(_)) => Ok(()),
        Some(book_result::Result::Refusal(refusal)) => bail!("Book: {} {}", refusal.code, refusal.message),
        None => bail!("Book: no result"),
    }
}

pub(super) fn wish(person: &Person, slot: &str) -> BookRequest {
    BookRequest {
        items: vec![BookItem {
            request_id: request_id(),
            resident_id: person.id.to_string(),
            slot_id: slot.to_owned(),
            kind: CareKind::Outpatient.into(),
            ..BookItem::default()
        }],
    }
}
