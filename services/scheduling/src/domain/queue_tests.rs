use std::collections::BTreeSet;

use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};

use super::*;

const RULES: Rules = Rules::USUAL;
const CLASSES: [Class; 8] = [
    Class::Emergency,
    Class::Elderly80,
    Class::Disabled,
    Class::Pregnant,
    Class::Elderly65,
    Class::Referral,
    Class::Returning,
    Class::Ordinary,
];

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::minutes(minutes)
}

fn desk() -> Party {
    Party::Client("desk".to_owned())
}

/// Comes at a minute to a line; `due` is the minute of their slot.
fn comes(line: &mut Vec<Ticket>, class: Class, due: Option<i64>, joined: i64) -> VisitId {
    let (due_at, joined_at) = (due.map(at), at(joined));
    let visit = VisitId::generate();
    let organisation = OrganisationId::generate();
    line.push(Ticket {
        visit,
        number: i64::try_from(line.len()).unwrap(),
        resident: ResidentId::generate(),
        organisation,
        line: LineId::of(organisation, None),
        class,
        due_at,
        joined_at,
        turn_at: RULES.turn(due_at, joined_at, class, line),
        calls: 0,
        passes: 0,
        state: State::Waiting,
    });
    visit
}

/// Whoever is next goes in at a minute, and whoever was inside comes out.
fn call(line: &mut [Ticket], minute: i64) -> Option<VisitId> {
    for ticket in line.iter_mut() {
        if let State::Called(_) = ticket.state {
            *ticket = ticket.clone().end(true, at(minute));
        }
    }
    let next = order(line, RULES).first()?.visit;
    let ticket = line.iter_mut().find(|ticket| ticket.visit == next)?;
    *ticket = ticket.clone().call(desk(), at(minute));
    Some(next)
}

fn visits(line: &[Ticket]) -> Vec<VisitId> {
    order(line, RULES).into_iter().map(|ticket| ticket.visit).collect()
}

#[test]
fn sc_11_the_first_reason_that_applies_is_the_class() {
    let aged = |years| Known { age_years: Some(years), ..Known::default() };
    assert_eq!(Class::of(&Known::default()), Class::Ordinary);
    assert_eq!(
        [64, 65, 79, 80].map(|years| Class::of(&aged(years))),
        [Class::Ordinary, Class::Elderly65, Class::Elderly65, Class::Elderly80]
    );
    assert_eq!(Class::of(&Known { seen: vec![Class::Returning, Class::Pregnant], ..aged(66) }), Class::Pregnant);
    assert_eq!(Class::of(&Known { is_referred: true, is_disabled: true, ..Known::default() }), Class::Disabled);
    assert_eq!(Class::of(&Known { is_emergency: true, ..aged(90) }), Class::Emergency);
    assert_eq!(CLASSES.into_iter().filter(|class| class.is_seen()).count(), 4);
}

#[test]
fn sc_11_slots_go_before_arrival_and_classes_before_both() {
    let mut line = vec![];
    let later = comes(&mut line, Class::Ordinary, Some(60), 0);
    let walk_in = comes(&mut line, Class::Ordinary, None, 20);
    let earlier = comes(&mut line, Class::Ordinary, Some(10), 24);
    let old = comes(&mut line, Class::Elderly80, None, 30);
    let emergency = comes(&mut line, Class::Emergency, None, 31);
    assert_eq!(visits(&line), [emergency, old, earlier, walk_in, later]);
}

#[test]
fn sc_11_who_comes_late_waits_behind_those_who_were_there_and_not_behind_those_who_come_after() {
    let mut line = vec![];
    let on_time = comes(&mut line, Class::Ordinary, Some(60), 40);
    let in_grace = comes(&mut line, Class::Ordinary, Some(30), 45);
    let late = comes(&mut line, Class::Ordinary, Some(20), 46);
    let after = comes(&mut line, Class::Ordinary, Some(90), 47);
    assert_eq!(visits(&line), [in_grace, on_time, late, after]);
    let by_arrival = Rules { late: Late::ByArrival, ..RULES };
    assert_eq!(by_arrival.turn(Some(at(20)), at(46), Class::Ordinary, &line), at(46));
}

#[test]
fn sc_11_who_was_called_and_did_not_come_waits_behind_three_and_has_left_the_third_time() {
    let mut line = vec![];
    let all: Vec<VisitId> = (0..6).map(|minute| comes(&mut line, Class::Ordinary, None, minute)).collect();
    let pass = |line: &mut Vec<Ticket>, visit| {
        let index = line.iter().position(|ticket| ticket.visit == visit).unwrap();
        let passed = line[index].clone().pass(line, RULES, at(10)).unwrap();
        line[index] = passed.clone();
        passed
    };
    let waiting = line[0].clone();
    assert!(matches!(waiting.clone().pass(&line, RULES, at(10)), Err(SchedulingError::TicketNotCalled)));
    assert!(matches!(waiting.recall(), Err(SchedulingError::TicketNotCalled)));
    assert_eq!(call(&mut line, 10), Some(all[0]));
    assert_eq!(line[0].clone().recall().unwrap().calls, 2);
    assert_eq!(pass(&mut line, all[0]).state, State::Waiting);
    assert_eq!(visits(&line), [all[1], all[2], all[3], all[0], all[4], all[5]]);
    for _ in 0..4 {
        call(&mut line, 11);
    }
    assert_eq!(pass(&mut line, all[0]).state, State::Waiting);
    assert_eq!(visits(&line), [all[4], all[5], all[0]]);
    for _ in 0..3 {
        call(&mut line, 12);
    }
    assert!(matches!(pass(&mut line, all[0]).state, State::Left(Some(_), _)));
    assert!(visits(&line).is_empty());
}

#[test]
fn sc_11_the_wait_follows_from_how_long_others_took() {
    let usual = TimeDelta::minutes(10);
    let mut line = vec![];
    for minute in 0..6 {
        comes(&mut line, Class::Ordinary, None, minute);
    }
    assert_eq!(pace(&line, usual), usual);
    // Not begun yet: the first waits until it does.
    assert_eq!(expected_wait(&line, 2, usual, at(30), at(20)), TimeDelta::minutes(30));
    for minute in [30, 34, 50] {
        call(&mut line, minute);
    }
    // Two were seen, in 4 and 16 minutes; the third has been inside for 6.
    let pace = pace(&line, usual);
    assert_eq!(pace, TimeDelta::minutes(16));
    assert_eq!(expected_wait(&line, 0, pace, at(30), at(56)), TimeDelta::minutes(10));
    assert_eq!(expected_wait(&line, 2, pace, at(30), at(56)), TimeDelta::minutes(42));
    // Somebody who takes longer than usual does not make a wait negative.
    assert_eq!(expected_wait(&line, 1, pace, at(30), at(300)), TimeDelta::minutes(16));
}

#[test]
fn sc_11_a_place_in_the_queue_is_explained_in_both_languages() {
    let mut line = vec![];
    comes(&mut line, Class::Elderly80, Some(20), 0);
    let standing = |ticket: &Ticket, before| Standing {
        ticket: ticket.clone(),
        before,
        urgent: 1,
        wait: TimeDelta::zero(),
        room: "3诊室".to_owned(),
        practitioner: None,
    };
    let (zh, en) = standing(&line[0], Some(2)).explanation();
    assert!(zh.contains("80岁") && zh.contains("还有2人") && en.contains("80 or older") && en.contains("2 before you"));
    let called = line[0].clone().call(desk(), at(1));
    assert!(standing(&called, None).explanation().0.contains("3诊室"));
    let told: BTreeSet<String> = [called.clone(), called.clone().end(true, at(2)), called.end(false, at(2))]
        .iter()
        .map(|ticket| standing(ticket, None).explanation().1)
        .collect();
    assert_eq!(told.len(), 3);
}

#[test]
fn sc_11_who_was_seen_without_having_been_called_was_seen() {
    let mut line = vec![];
    comes(&mut line, Class::Ordinary, None, 0);
    let waiting = line.remove(0);
    assert_eq!(waiting.clone().end(true, at(9)).state, State::Served(None, at(9)));
    let left = waiting.end(false, at(9));
    assert_eq!(left.state, State::Left(None, at(9)));
    assert_eq!(left.clone().end(true, at(10)), left);
}

/// A day at random: people of all classes come, early, on time and late, and are called one after the other.
fn day(random: &mut StdRng) -> Vec<(Ticket, Vec<Ticket>)> {
    let mut line = vec![];
    let mut calls = vec![];
    for minute in 0..240 {
        for _ in 0..random.random_range(0..3) {
            let class = *CLASSES.choose(random).unwrap();
            let due = random.random_bool(0.6).then(|| minute + random.random_range(-60..60));
            comes(&mut line, class, due, minute);
        }
        if random.random_bool(0.8) {
            let before = line.clone();
            if let Some(called) = call(&mut line, minute) {
                let called = line.iter().find(|ticket| ticket.visit == called).unwrap().clone();
                calls.push((called, before));
            }
        }
    }
    calls
}

fn waits(ticket: &Ticket) -> bool {
    ticket.state == State::Waiting
}

#[test]
fn sc_11_nobody_is_overtaken_by_their_own_class_and_by_others_only_so_often() {
    for seed in 0..200 {
        let mut random = StdRng::seed_from_u64(seed);
        let calls = day(&mut random);
        assert!(calls.len() > 100);
        for (called, line) in &calls {
            let overtaken_peer =
                line.iter().find(|it| waits(it) && it.class == called.class && it.turn() < called.turn());
            assert_eq!(overtaken_peer, None, "seed {seed}");
            let is_emergency_left = line.iter().any(|it| waits(it) && it.class == Class::Emergency);
            assert_eq!(called.class == Class::Emergency, is_emergency_left, "seed {seed}");
        }
        let everybody = calls.iter().flat_map(|(_, line)| line.iter().map(|ticket| ticket.visit));
        for visit in everybody.collect::<BTreeSet<_>>() {
            let overtakes = calls.iter().filter(|(called, line)| {
                let is_passed = |it: &Ticket| it.visit == visit && waits(it) && it.turn() < called.turn();
                called.class != Class::Emergency && line.iter().any(is_passed)
            });
            let times = overtakes.count();
            assert!(times <= RULES.overtaken_max, "seed {seed}: overtaken {times} times");
        }
    }
}

#[test]
fn sc_11_the_order_that_is_shown_is_the_order_in_which_they_are_called() {
    for seed in 0..50 {
        let mut random = StdRng::seed_from_u64(seed);
        let mut line = vec![];
        for minute in 0..30 {
            comes(&mut line, *CLASSES.choose(&mut random).unwrap(), None, minute);
        }
        for minute in 30..35 {
            call(&mut line, minute);
        }
        let shown = visits(&line);
        let called: Vec<VisitId> = (35..100).map_while(|minute| call(&mut line, minute)).collect();
        assert_eq!(called, shown, "seed {seed}");
    }
}
