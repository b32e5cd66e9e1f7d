//! What tracing costs a booking, as shipped: places held and confirmed while one trace in ten goes to a collector, beside the same
//! without a collector, when traces only have ids. In pairs, the services between two turns started anew; the collector takes its share of this machine, too.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use devstack::Mesh;
use proto::anjia::scheduling::v1::appointment_service_client::AppointmentServiceClient;
use rust_decimal::Decimal;
use tokio::task::JoinSet;

use super::booking::book_slot;
use super::figure::{Figure, Goal};
use super::progress;
use super::town::{RESIDENTS, Resident, Town};
use crate::trace::Receiver;

const PAIRS: usize = 5;
/// Of each resident in a turn, one after the other: all of them at once are 64 calls in flight.
const BOOKINGS: usize = 9;
/// Before each turn, so that neither pays for connections, keys and plans.
const WARM_UP: usize = 1;
/// What a booking goes through.
const SERVICES: [&str; 2] = ["identity", "scheduling"];
/// Until a service that was started anew books again.
const PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(100);

/// Nine tenths of the bookings without.
fn goal() -> Goal {
    Goal::RatioAtLeast(Decimal::new(9, 1))
}

pub(super) async fn measure(town: &Town, mesh: &mut Mesh) -> Result<Figure> {
    progress("booking with and without tracing");
    let collector = Receiver::start().await?;
    let mut days = Days { first_free: 0 };
    let mut pairs = vec![];
    for number in 0..PAIRS {
        let is_traced_first = number % 2 == 0;
        let (mut with, mut without) = (Decimal::ZERO, Decimal::ZERO);
        for is_traced in [is_traced_first, !is_traced_first] {
            start_anew(mesh, is_traced.then(|| collector.endpoint().to_owned())).await?;
            first_booking(town, days.take(1)).await?;
            turn(town, days.take(WARM_UP)).await?;
            *(if is_traced { &mut with } else { &mut without }) = turn(town, days.take(BOOKINGS)).await?;
        }
        pairs.push((with, without));
    }
    anyhow::ensure!(!collector.traces().is_empty(), "no trace arrived: nothing was measured");
    start_anew(mesh, None).await?;
    let (with, without) = median(pairs).context("no pair was measured")?;
    Ok(Figure {
        bench: "tracing".to_owned(),
        ours: with,
        reference: Some(without),
        unit: "bookings/s",
        goal: Some(goal()),
    })
}

/// The pair whose ratio has as many below as above.
fn median(mut pairs: Vec<(Decimal, Decimal)>) -> Option<(Decimal, Decimal)> {
    pairs.sort_by_key(|(with, without)| with.checked_div(*without));
    pairs.get(pairs.len() / 2).copied()
}

async fn start_anew(mesh: &mut Mesh, collector: Option<String>) -> Result<()> {
    let fleet = mesh.fleet_mut();
    fleet.send_traces_to(collector);
    for service in SERVICES {
        fleet.stop(service).await?;
        fleet.start(service).await?;
    }
    Ok(())
}

/// Days nobody has booked on.
struct Days {
    first_free: usize,
}

impl Days {
    fn take(&mut self, count: usize) -> std::ops::Range<usize> {
        let first = self.first_free;
        self.first_free += count;
        first..self.first_free
    }
}

/// Somebody tries until a booking comes through: connections are made anew, keys and revocations learned.
async fn first_booking(town: &Town, days: std::ops::Range<usize>) -> Result<()> {
    let resident = town.residents.first().context("nobody lives here")?.clone();
    let began_at = Instant::now();
    loop {
        match books(town, resident.clone(), days.clone()).await {
            Ok(()) => return Ok(()),
            Err(error) if began_at.elapsed() > PATIENCE => return Err(error.context("nobody can book")),
            Err(_) => tokio::time::sleep(POLL).await,
        }
    }
}

/// Everybody books on each of these days; answers how many bookings a second that were.
async fn turn(town: &Town, days: std::ops::Range<usize>) -> Result<Decimal> {
    let began_at = Instant::now();
    let mut running = JoinSet::new();
    for resident in &town.residents {
        running.spawn(books(town, resident.clone(), days.clone()));
    }
    while let Some(booked) = running.join_next().await {
        booked??;
    }
    let bookings = Decimal::from(RESIDENTS * days.len() * 1000);
    Ok((bookings / Decimal::from(began_at.elapsed().as_millis().max(1))).round_dp(1))
}

fn books(
    town: &Town,
    resident: Resident,
    days: std::ops::Range<usize>,
) -> impl Future<Output = Result<()>> + Send + use<> {
    let mut client = AppointmentServiceClient::new(town.scheduling.clone());
    async move {
        for slot in resident.slots.get(days).context("there are too few days")? {
            book_slot(&mut client, &resident, slot).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pair_in_the_middle_is_told_whatever_the_machine_did_meanwhile() {
        let pairs = [(90, 100), (20, 40), (99, 100), (300, 310), (10, 50)];
        let pairs = pairs.map(|(with, without)| (Decimal::from(with), Decimal::from(without)));
        assert_eq!(median(pairs.to_vec()), Some((Decimal::from(90), Decimal::from(100))));
    }

    #[test]
    fn all_turns_find_days_enough() {
        let mut days = Days { first_free: 0 };
        for _ in 0..2 * PAIRS {
            days.take(1 + WARM_UP + BOOKINGS);
        }
        assert!(days.first_free <= 120, "{}", days.first_free);
    }
}
