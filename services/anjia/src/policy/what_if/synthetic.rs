//! A synthetic population: the same for a seed on every machine, so that every shard makes its own households and no others. Whole numbers
//! only. What is drawn from which table, and after whom, is described in `WHAT_IF.md`.

use adjudication::domain::circumstances::{Circumstances, Group};
use adjudication::domain::input::{Accumulators, Input, Person};
use adjudication::domain::line::{Class, Line};
use adjudication::domain::localized::Localized;
use chrono::{Datelike as _, Days, NaiveDate};
use rust_decimal::Decimal;
use types::care::CareKind;
use types::money::{Money, Ratio};
use types::scheme::Scheme;
use types::tier::Tier;

use super::axis::Income;
use super::draw::Draw;
use super::fen::Fen;
use super::judge::Care;
use super::replay::{Household, Replay};

/// Persons to a household, per mille (census of 2020, rounded).
const HOUSEHOLD_SIZES: [(u64, u64); 6] = [(254, 1), (297, 2), (210, 3), (132, 4), (62, 5), (45, 6)];
/// Ages from and to, per mille (census of 2020, rounded).
const AGES: [(u64, (u32, u32)); 6] =
    [(180, (0, 14)), (407, (15, 44)), (226, (45, 59)), (104, (60, 69)), (57, (70, 79)), (26, (80, 96))];
/// Yuan a year and head in the five income groups (statistics office, 2023).
const INCOMES: [(Income, i128); 5] = [
    (Income::Low, 9_215),
    (Income::LowerMiddle, 20_442),
    (Income::Middle, 32_195),
    (Income::UpperMiddle, 50_220),
    (Income::High, 95_055),
];
/// How much more or less than others of their age people need, in tenths; the mean is 1.
const NEEDS: [(u64, u64); 4] = [(500, 4), (300, 10), (150, 20), (50, 40)];
/// What a claim costs beside the mean of its kind, in parts of 127: few are dear; the mean is 1.
const COSTS: [u64; 20] = [15, 20, 25, 30, 36, 42, 48, 55, 62, 70, 80, 90, 102, 116, 134, 158, 190, 240, 330, 700];
const COSTS_MEAN: u64 = 127;
/// Where people go, per mille, and the mean cost there in yuan (statistical bulletin on health, 2023, rounded).
const OUTPATIENT: [(u64, (Tier, u64)); 3] =
    [(520, (Tier::Community, 140)), (190, (Tier::District, 260)), (290, (Tier::Tertiary, 380))];
const INPATIENT: [(u64, (Tier, u64)); 3] =
    [(150, (Tier::Community, 2_900)), (370, (Tier::District, 6_700)), (480, (Tier::Tertiary, 13_000))];
/// Classes of lines, per mille; of class B, the share that is paid first.
const CLASSES: [(u64, (char, i64)); 6] =
    [(560, ('A', 0)), (100, ('B', 5)), (150, ('B', 10)), (80, ('B', 20)), (40, ('B', 30)), (70, ('C', 0))];

/// Households on the minimum allowance (低保), of those with low income: 2.9 % of all.
const MINIMUM_ALLOWANCE_PER_MILLE: u64 = 145;
const FAMILY_DOCTOR_PER_MILLE: u64 = 350;
const OUTPATIENT_REFERRED_PER_MILLE: u64 = 200;
const INPATIENT_REFERRED_PER_MILLE: u64 = 350;
const VISITS_MAX: u64 = 60;
/// Of a common year, counted from 0.
const LAST_DAY: u64 = 364;
const RETIRED_FROM_AGE: u32 = 60;
const ADULT_FROM_AGE: u32 = 18;

/// What is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Population {
    pub(crate) persons: u64,
    pub(crate) seed: u64,
    pub(crate) lines: u32,
    pub(crate) year: i32,
    pub(crate) scheme: Scheme,
}

impl Population {
    /// How many households it has, and how many persons belong to the last.
    pub(super) fn households(&self) -> (u64, u64) {
        let (mut households, mut left) = (0, self.persons);
        while left > 0 {
            let size = self.draw(households).pick(&HOUSEHOLD_SIZES);
            households += 1;
            if size >= left {
                return (households, left);
            }
            left -= size;
        }
        (0, 0)
    }

    fn draw(&self, household: u64) -> Draw {
        Draw::of(self.seed, household)
    }
}

/// Makes households one after the other, in the same memory.
pub(crate) struct Maker {
    population: Population,
    care: Care,
    days: Vec<(u64, bool)>,
    journey: u64,
}

impl Maker {
    pub(crate) fn new(population: Population) -> Self {
        let line = Line {
            code: "SYNTHETIC".to_owned(),
            name: Localized::new("", ""),
            quantity: Decimal::ONE,
            unit_price: Decimal::ZERO,
            amount: Money::ZERO,
            class: Class::A,
            price_limit: None,
        };
        let lines = (0..population.lines).map(|_| line.clone()).collect();
        let input = Input {
            person: Person { retired: false, age: 0 },
            tier: Tier::Community,
            kind: CareKind::Outpatient,
            from: NaiveDate::MIN,
            to: NaiveDate::MIN,
            total: Money::ZERO,
            lines,
            unknown_items: vec![],
            before: Accumulators::default(),
            chain: None,
            referred: false,
            family_doctor: false,
            circumstances: Circumstances::default(),
        };
        let care = Care { birth_date: NaiveDate::MIN, journey: None, input };
        Self { population, care, days: vec![], journey: 0 }
    }

    /// Replays a household, of which at most so many persons are insured here; answers how many claims it had.
    pub(crate) fn household(&mut self, number: u64, persons_max: u64, replay: &mut Replay<'_>) -> u64 {
        let mut draw = self.population.draw(number);
        let persons = draw.pick(&HOUSEHOLD_SIZES).min(persons_max);
        let (group, income) = INCOMES[draw.index(INCOMES.len())];
        let yearly = income * i128::from(persons) * i128::from(75 + draw.below(51));
        replay.begin_household(Household { group, income: Some(Fen(yearly)) });
        let groups = &mut self.care.input.circumstances.groups;
        groups.clear();
        if group == Income::Low && draw.is_per_mille(MINIMUM_ALLOWANCE_PER_MILLE) {
            groups.insert(Group::LowIncome);
        }
        let mut claims = 0;
        for person in 0..persons {
            replay.begin_person();
            claims += self.person(&mut draw, person == 0, replay);
            replay.end_person();
        }
        replay.end_household();
        claims
    }

    fn person(&mut self, draw: &mut Draw, is_first: bool, replay: &mut Replay<'_>) -> u64 {
        let is_employee = self.population.scheme == Scheme::Employee;
        let age = age(draw, is_first || is_employee);
        self.care.birth_date = birth_date(self.population.year, age, draw);
        self.care.input.person.retired = is_employee && age >= RETIRED_FROM_AGE;
        let has_family_doctor = draw.is_per_mille(FAMILY_DOCTOR_PER_MILLE);
        let need = draw.pick(&NEEDS);
        let (visits, stays_per_mille) = expected(age);
        let visits = ((visits * need + draw.below(10)) / 10).min(VISITS_MAX);
        let stays = (stays_per_mille * need / 10 + draw.below(1000)) / 1000;

        let mut days = std::mem::take(&mut self.days);
        days.clear();
        days.extend((0..visits).map(|_| (draw.below(LAST_DAY + 1), false)));
        days.extend((0..stays).map(|_| (draw.below(LAST_DAY + 1), true)));
        days.sort_unstable();
        self.journey = 0;
        for (day, is_stay) in &days {
            self.claim(draw, *day, *is_stay, has_family_doctor);
            replay.claim(&mut self.care);
        }
        self.days = days;
        visits + stays
    }

    fn claim(&mut self, draw: &mut Draw, day: u64, is_stay: bool, has_family_doctor: bool) {
        let first = NaiveDate::from_ymd_opt(self.population.year, 1, 1).unwrap_or_default();
        let input = &mut self.care.input;
        // In the order in which settlement goes through a year: by the first day.
        input.from = first + Days::new(day);
        let (tier, cost) = if is_stay {
            input.kind = CareKind::Inpatient;
            input.to = first + Days::new((day + 3 + draw.below(12)).min(LAST_DAY));
            input.referred = draw.is_per_mille(INPATIENT_REFERRED_PER_MILLE);
            // A stay by referral goes on with the chain of the stay before it.
            self.journey += u64::from(!input.referred);
            draw.pick(&INPATIENT)
        } else {
            input.kind = CareKind::Outpatient;
            input.to = input.from;
            input.referred = draw.is_per_mille(OUTPATIENT_REFERRED_PER_MILLE);
            draw.pick(&OUTPATIENT)
        };
        self.care.journey = is_stay.then_some(self.journey);
        input.tier = tier;
        input.family_doctor = has_family_doctor && tier == Tier::Community;
        let fen = cost * 100 * COSTS[draw.index(COSTS.len())] / COSTS_MEAN;
        let fen_per_line = fen / u64::from(self.population.lines.max(1));
        let mut total = 0;
        for line in &mut input.lines {
            let quantity = i64::try_from(1 + draw.below(3)).unwrap_or(1);
            let amount = i64::try_from(fen_per_line * (10 + draw.below(181)) / 100).unwrap_or_default();
            let unit_price = (amount / quantity).max(1);
            line.quantity = Decimal::from(quantity);
            line.unit_price = Decimal::new(unit_price, 2);
            line.amount = Money::from_fen(unit_price * quantity);
            line.class = class(draw);
            total += unit_price * quantity;
        }
        input.total = Money::from_fen(total);
    }
}

fn class(draw: &mut Draw) -> Class {
    match draw.pick(&CLASSES) {
        ('A', _) => Class::A,
        ('B', percent) => {
            Class::B { first_self_pay: Ratio::from_decimal(Decimal::new(percent, 2)).unwrap_or(Ratio::ZERO) }
        }
        _ => Class::C,
    }
}

fn age(draw: &mut Draw, is_adult: bool) -> u32 {
    loop {
        let (from, to) = draw.pick(&AGES);
        let span = u64::from(to - from + 1);
        let age = from + u32::try_from(draw.below(span)).unwrap_or_default();
        if !is_adult || age >= ADULT_FROM_AGE {
            return age;
        }
    }
}

fn birth_date(year: i32, age: u32, draw: &mut Draw) -> NaiveDate {
    let born = year - i32::try_from(age).unwrap_or_default();
    let month = 1 + u32::try_from(draw.below(12)).unwrap_or_default();
    let day = 1 + u32::try_from(draw.below(28)).unwrap_or_default();
    // Born in the course of that year, so on the first days of the year still a year younger; nobody is born after their claims.
    NaiveDate::from_ymd_opt(if age == 0 { born - 1 } else { born }, month, day).unwrap_or_default()
}

/// Outpatient claims, and stays per mille, that people of an age have in a year.
const fn expected(age: u32) -> (u64, u64) {
    match age {
        0..=14 => (6, 120),
        15..=44 => (4, 110),
        45..=59 => (6, 190),
        60..=69 => (10, 380),
        70..=79 => (13, 600),
        _ => (12, 700),
    }
}

/// The year of a population that a policy is tried on: the one it comes into force in.
pub(super) fn year_of(first_day: NaiveDate) -> i32 {
    first_day.year()
}
