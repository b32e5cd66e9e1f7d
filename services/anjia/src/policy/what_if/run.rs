//! Replays a synthetic population on all cores.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use adjudication::domain::policy::Policy;
use anyhow::{Result, anyhow};
use chrono::Datelike as _;
use rust_decimal::Decimal;

use super::fen::Pair;
use super::progress::Progress;
use super::replay::Replay;
use super::shard::{Shard, household_hash};
use super::synthetic::{Maker, Population};
use super::tally::Tally;

const DEMONSTRATION: &str = include_str!("../../../../adjudication/policies/demonstration-city.json");
const MEASURED_PERSONS: u64 = 15_000;
/// Households that a thread takes at once.
const TAKEN: u64 = 256;

/// The tally of this shard's households. Which thread takes which makes no difference: sums are of whole numbers.
pub(crate) fn synthetic(
    population: Population,
    policies: Pair<&Policy>,
    shard: Shard,
    threads: usize,
    progress: &Progress,
) -> Result<Tally> {
    let (households, last) = population.households();
    progress.expect_households(households);
    let next = AtomicU64::new(0);
    let tallies = thread::scope(|scope| {
        let worker = || {
            let (mut maker, mut replay) = (Maker::new(population), Replay::new(policies));
            loop {
                let first = next.fetch_add(TAKEN, Ordering::Relaxed);
                if first >= households {
                    return replay.tally;
                }
                let taken = first..households.min(first + TAKEN);
                let count = taken.end - taken.start;
                let own = taken.filter(|number| shard == Shard::WHOLE || shard.holds(household_hash(&id(*number))));
                let claims = own
                    .map(|number| {
                        let persons_max = if number + 1 == households { last } else { u64::MAX };
                        maker.household(number, persons_max, &mut replay)
                    })
                    .sum();
                progress.claims_done(claims);
                progress.households_done(count);
            }
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().map(thread::ScopedJoinHandle::join).collect::<Vec<_>>()
    });
    let mut whole = Tally::default();
    for tally in tallies {
        whole += tally.map_err(|_| anyhow!("a thread that replays claims died"))?;
    }
    Ok(whole)
}

/// Claims a second on so many threads, from drawing them to the tally: a small population under two policies of the demonstration city.
pub(super) fn rate(lines: u32, threads: usize) -> Result<Decimal> {
    let read = |document: &str| Policy::read(document);
    let against = read(DEMONSTRATION)?;
    let proposed = read(&DEMONSTRATION.replace(r#""COMMUNITY": "0.85""#, r#""COMMUNITY": "0.90""#))?;
    let year = against.effective_from.year();
    let threads_count = u64::try_from(threads)?;
    let population =
        Population { persons: MEASURED_PERSONS * threads_count, seed: 1, lines, year, scheme: against.scheme };
    let began_at = Instant::now();
    let policies = Pair::new(&against, &proposed);
    let tally = synthetic(population, policies, Shard::WHOLE, threads, &Progress::default())?;
    let micros = Decimal::from(began_at.elapsed().as_micros().max(1));
    Ok((Decimal::from(tally.effect.claims) * Decimal::from(1_000_000) / micros).round())
}

fn id(household: u64) -> String {
    format!("h{household}")
}
