//! Claims judged a second by one core: with their full explanation in both languages, and as what-if replays them, each claim under two
//! policies. In this process; beside a bare loop that multiplies, rounds and adds as many lines and knows no rule.

use std::hint::black_box;
use std::time::{Duration, Instant};

use adjudication::domain::circumstances::Circumstances;
use adjudication::domain::engine;
use adjudication::domain::input::{Accumulators, Input, Person};
use adjudication::domain::line::{Class, Line};
use adjudication::domain::localized::Localized;
use adjudication::domain::policy::Policy;
use anyhow::{Context as _, Result, ensure};
use chrono::NaiveDate;
use rust_decimal::Decimal;
use types::care::CareKind;
use types::money::{Money, Ratio};
use types::tier::Tier;

use super::figure::{Figure, Goal};
use super::progress;
use crate::policy::what_if;

const POLICY: &str = include_str!("../../../adjudication/policies/beijing-employee.json");
/// The best of so many turns counts: whatever else the machine does only takes away.
const TURNS: usize = 5;
const TURN: Duration = Duration::from_millis(800);
/// Between two looks at the clock.
const CLAIMS: u32 = 200;

const LINES: u32 = 20;
const MANY_LINES: u32 = 200;
const GOAL: i64 = 60_000;
const GOAL_MANY: i64 = 8_000;
const GOAL_WHAT_IF: i64 = 100_000;

/// Nine tenths of twice as much.
fn goal_of_two_cores() -> Goal {
    Goal::RatioAtLeast(Decimal::new(9, 1))
}

pub(super) fn measure() -> Result<Vec<Figure>> {
    let policy = Policy::read(POLICY)?;
    let mut figures = vec![];
    for (lines, goal) in [(LINES, GOAL), (MANY_LINES, GOAL_MANY)] {
        progress(&format!("judging claims of {lines} lines"));
        let input = stay(lines)?;
        let answer = engine::adjudicate(&policy, &input)?;
        ensure!(answer.steps.len() > input.lines.len() && answer.shares.fund().is_positive(), "nothing was explained");
        let ours = best(|| {
            black_box(engine::adjudicate(&policy, black_box(&input))).ok();
        })?;
        figures.push(Figure {
            bench: format!("engine {lines} lines"),
            ours,
            reference: Some(bare(&input)?),
            unit: "claims/s",
            goal: Some(Goal::AtLeast(Decimal::from(goal))),
        });
    }
    progress("replaying under two policies");
    let bare = bare(&stay(LINES)?)?;
    let (mut one, mut two) = (Decimal::ZERO, Decimal::ZERO);
    for _ in 0..TURNS {
        one = one.max(what_if::rate(LINES, 1)?);
        two = two.max(what_if::rate(LINES, 2)?);
    }
    let figure = |bench: &str, ours, reference, goal| Figure {
        bench: bench.to_owned(),
        ours,
        reference: Some(reference),
        unit: "claims/s",
        goal: Some(goal),
    };
    figures.push(figure("what-if", one, bare, Goal::AtLeast(Decimal::from(GOAL_WHAT_IF))));
    figures.push(figure("what-if 2 cores", two, one * Decimal::TWO, goal_of_two_cores()));
    Ok(figures)
}

/// A retired person's stay that goes through every band, the ceiling and the large-amount fund.
fn stay(lines: u32) -> Result<Input> {
    let day = |day| NaiveDate::from_ymd_opt(2026, 3, day).context("a day");
    let class = |number: u32| match number % 5 {
        0..=2 => Class::A,
        3 => Class::B { first_self_pay: Ratio::from_decimal(Decimal::new(1, 1)).unwrap_or(Ratio::ZERO) },
        _ => Class::C,
    };
    let unit_price = Decimal::new(20_000_000, 4) / Decimal::from(lines) * Decimal::from(50);
    let unit_price = unit_price.round_dp(2);
    let line = |number: u32| Line {
        code: format!("XJ01DDT090A0010{number:05}"),
        name: Localized::new("注射用头孢曲松钠", "Ceftriaxone sodium for injection"),
        quantity: Decimal::from(3),
        unit_price,
        amount: Money::round_half_up(unit_price * Decimal::from(3)),
        class: class(number),
        price_limit: None,
    };
    let lines: Vec<Line> = (0..lines).map(line).collect();
    Ok(Input {
        person: Person { retired: true, age: 72 },
        tier: Tier::Tertiary,
        kind: CareKind::Inpatient,
        from: day(2)?,
        to: day(12)?,
        total: lines.iter().map(|line| line.amount).sum(),
        lines,
        unknown_items: vec![],
        before: Accumulators::default(),
        chain: None,
        referred: true,
        family_doctor: false,
        circumstances: Circumstances::default(),
    })
}

/// As many lines multiplied, rounded to the fen, shared by a ratio and added up: what no engine on decimals can do without.
fn bare(input: &Input) -> Result<Decimal> {
    let ratio = Decimal::new(15, 2);
    best(|| {
        let mut sums = [Decimal::ZERO; 2];
        for line in black_box(&input.lines) {
            let amount = (line.quantity * line.unit_price).round_dp(2);
            let first = (amount * ratio).round_dp(2);
            sums[0] += first;
            sums[1] += amount - first;
        }
        black_box(sums);
    })
}

/// How often a second, in the best of some turns.
fn best(work: impl Fn()) -> Result<Decimal> {
    let mut most = Decimal::ZERO;
    for _ in 0..TURNS {
        let began_at = Instant::now();
        let mut times = 0_u64;
        while began_at.elapsed() < TURN {
            for _ in 0..CLAIMS {
                work();
            }
            times += u64::from(CLAIMS);
        }
        most = most.max(a_second(times, began_at.elapsed())?);
    }
    Ok(most)
}

fn a_second(times: u64, elapsed: Duration) -> Result<Decimal> {
    let micros = Decimal::from(elapsed.as_micros().max(1));
    Ok((Decimal::from(times) * Decimal::from(1_000_000)).checked_div(micros).context("no time passed")?.round())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ad_10_what_is_measured_goes_through_every_layer() {
        let policy = Policy::read(POLICY).unwrap();
        for lines in [LINES, MANY_LINES] {
            let answer = engine::adjudicate(&policy, &stay(lines).unwrap()).unwrap();
            let shares = answer.shares;
            let layers = [
                shares.fully_own,
                shares.first_self_pay,
                shares.deductible,
                shares.pooled_fund,
                shares.large_amount_fund,
            ];
            assert!(layers.iter().all(|layer| layer.is_positive()), "{shares:?}");
            assert!(answer.steps.iter().all(|step| !step.text.zh.is_empty() && !step.text.en.is_empty()));
        }
    }
}
