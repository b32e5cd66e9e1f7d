//! A seeded scheduler drives the saga against the model participants over a network that loses, repeats, delays and reorders, with
//! drivers that die around every commit and are overtaken by others. A failing seed is printed and replays exactly.

use std::collections::VecDeque;

use super::{
    world::{DEADLINE_S, Thing, World, plan, price},
    *,
};

const SEEDS: u64 = 4_000;
const LIVES_MAX: u32 = 400;

/// What may go wrong with one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    DieBeforeCall,
    LoseRequest,
    LoseReply,
    /// Handled only some time later; the driver hears nothing.
    Delay,
    Repeat,
    DieAfterCall,
    /// Another driver takes over while the call is under way.
    Overtaken,
}

const FAULTS: [Fault; 8] = [
    Fault::None,
    Fault::DieBeforeCall,
    Fault::LoseRequest,
    Fault::LoseReply,
    Fault::Delay,
    Fault::Repeat,
    Fault::DieAfterCall,
    Fault::Overtaken,
];

/// `SplitMix64`.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }
}

/// Decides what goes wrong.
enum Adversary {
    Seeded(Random),
    /// The fault happens at the first so many calls of one step.
    Scripted {
        key: &'static str,
        fault: Fault,
        left: u32,
    },
}

impl Adversary {
    fn fault(&mut self, call: Call) -> Fault {
        match self {
            Self::Seeded(random) => {
                if random.one_in(3) {
                    FAULTS[usize::try_from(random.below(8)).unwrap()]
                } else {
                    Fault::None
                }
            }
            Self::Scripted { key, fault, left } if *key == call.key() && *left > 0 => {
                *left -= 1;
                *fault
            }
            Self::Scripted { .. } => Fault::None,
        }
    }

    fn seconds(&mut self) -> i64 {
        match self {
            Self::Seeded(random) => match random.below(6) {
                0 => i64::try_from(random.below(40)).unwrap(),
                _ => 1,
            },
            Self::Scripted { .. } => 1,
        }
    }
}

/// The database row, the participants and the wire.
struct Simulation {
    plan: Plan,
    world: World,
    adversary: Adversary,
    stored: State,
    fence: u32,
    conclusions: u32,
    in_flight: VecDeque<Call>,
}

impl Simulation {
    fn new(plan: Plan, world: World, adversary: Adversary) -> Self {
        let stored = State::Running(Step::Consent);
        Self { plan, world, adversary, stored, fence: 0, conclusions: 0, in_flight: VecDeque::new() }
    }

    fn seeded(seed: u64) -> Self {
        let mut random = Random(seed);
        let plan = plan(!random.one_in(4), !random.one_in(4));
        let mut world = World::new();
        world.consent = !random.one_in(12);
        world.slot_free = !random.one_in(12);
        world.credit_enough = !random.one_in(8);
        if random.one_in(12) {
            world.own_share = price() + Money::from_fen(1);
        }
        Self::new(plan, world, Adversary::Seeded(random))
    }

    /// Lives of drivers until the saga has ended; then whatever is still on the wire arrives.
    fn run(&mut self) {
        for _ in 0..LIVES_MAX {
            if self.stored.is_terminal() {
                break;
            }
            self.live(2);
            self.happen();
        }
        while let Some(late) = self.in_flight.pop_front() {
            self.world.handle(&self.plan, late);
        }
    }

    /// What others do meanwhile: time passes, late requests arrive, the patient gives a held place up.
    fn happen(&mut self) {
        let seconds = self.adversary.seconds();
        self.world.pass(seconds);
        let Adversary::Seeded(random) = &mut self.adversary else { return };
        if random.one_in(40) && self.world.appointment == Some(Thing::Held) {
            self.world.appointment = Some(Thing::Cancelled);
        }
        if random.one_in(2)
            && let Some(late) = self.in_flight.pop_front()
        {
            self.world.handle(&self.plan, late);
        }
    }

    /// One driver from taking the lease to its end, its death or its pause. `others` may overtake it.
    fn live(&mut self, others: u32) {
        self.fence += 1;
        let fence = self.fence;
        let event = if self.world.now_s >= DEADLINE_S { Event::DueLate } else { Event::Due };
        let mut state = self.stored;
        let mut event = Some(event);
        while let Some(now) = event.take() {
            let (next, effects) = step(&self.plan, state, now);
            if !self.store(fence, next, &effects) {
                return;
            }
            state = next;
            if let [Effect::Call(call)] = effects[..] {
                event = self.call(call, others);
            }
        }
    }

    /// Commits a state, unless a later driver owns the row.
    fn store(&mut self, fence: u32, state: State, effects: &[Effect]) -> bool {
        if fence != self.fence {
            return false;
        }
        self.stored = state;
        if effects.contains(&Effect::Conclude) {
            self.conclusions += 1;
        }
        true
    }

    /// What the driver learns of its call; nothing if it died.
    fn call(&mut self, call: Call, others: u32) -> Option<Event> {
        let seconds = self.adversary.seconds();
        self.world.pass(seconds);
        match self.adversary.fault(call) {
            Fault::None => Some(self.world.handle(&self.plan, call)),
            Fault::DieBeforeCall => None,
            Fault::LoseRequest => Some(Event::Lost),
            Fault::LoseReply => {
                self.world.handle(&self.plan, call);
                Some(Event::Lost)
            }
            Fault::Delay => {
                self.in_flight.push_back(call);
                Some(Event::Lost)
            }
            Fault::Repeat => {
                self.in_flight.push_back(call);
                Some(self.world.handle(&self.plan, call))
            }
            Fault::DieAfterCall => {
                self.world.handle(&self.plan, call);
                None
            }
            Fault::Overtaken => {
                let answer = self.world.handle(&self.plan, call);
                if others > 0 {
                    self.live(others - 1);
                }
                Some(answer)
            }
        }
    }

    /// I6.
    fn check(&self) {
        assert_eq!(self.conclusions, 1, "a saga ends exactly once, not in {:?}", self.stored);
        assert!(self.world.effects.values().all(|times| *times == 1), "{:?}", self.world.effects);
        let reserved = |thing| matches!(thing, Some(Thing::Held | Thing::Confirmed));
        match self.stored {
            State::Completed(arranged) => {
                assert_eq!(self.world.appointment, Some(Thing::Confirmed), "booked means a place");
                assert_eq!(self.world.bill == Some(Thing::Held), arranged.authorised, "and the reservation it claims");
                let on_credit = matches!(self.plan.mandate.payment, Payment::Credit { .. });
                assert_eq!(arranged.authorised, on_credit && !self.plan.lines.is_empty(), "as mandated and priced");
            }
            State::Compensated { .. } => {
                assert!(!reserved(self.world.appointment), "a place is left: {:?}", self.world);
                assert!(!reserved(self.world.bill), "a reservation is left: {:?}", self.world);
            }
            State::NeedsHuman { .. } | State::Running(_) | State::Compensating { .. } => {
                panic!("ended as {:?}", self.stored);
            }
        }
    }
}

#[test]
fn rf_04_a_saga_ends_once_all_done_or_all_undone_whatever_fails() {
    let (mut completed, mut compensated) = (0, 0);
    for seed in 0..SEEDS {
        let mut simulation = Simulation::seeded(seed);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            simulation.run();
            simulation.check();
            matches!(simulation.stored, State::Completed(_))
        }));
        match outcome {
            Ok(true) => completed += 1,
            Ok(false) => compensated += 1,
            Err(cause) => {
                eprintln!("seed {seed}");
                std::panic::resume_unwind(cause);
            }
        }
    }
    // The schedule must reach both ends often, or it shows nothing.
    assert!(completed > SEEDS / 5 && compensated > SEEDS / 5, "{completed} completed, {compensated} compensated");
}

#[test]
fn rf_04_every_step_survives_every_fault_around_its_commit() {
    for key in ["consent", "place", "price", "credit", "confirm"] {
        for fault in FAULTS {
            for left in [1, 2, 3] {
                let adversary = Adversary::Scripted { key, fault, left };
                let mut simulation = Simulation::new(plan(true, true), World::new(), adversary);
                simulation.run();
                simulation.check();
                assert!(matches!(simulation.stored, State::Completed(_)), "{key} {fault:?}");
            }
        }
    }
}

#[test]
fn rf_04_every_undoing_survives_every_fault_around_its_commit() {
    for key in ["place", "credit", "undo-credit", "undo-place"] {
        for fault in FAULTS {
            let mut world = World::new();
            world.credit_enough = false;
            let adversary = Adversary::Scripted { key, fault, left: 2 };
            let mut simulation = Simulation::new(plan(true, true), world, adversary);
            simulation.run();
            simulation.check();
            assert_eq!(
                simulation.stored,
                State::Compensated { refusal: Refusal::InsufficientCredit },
                "{key} {fault:?}"
            );
        }
    }
}

#[test]
fn rf_04_a_participant_that_never_answers_lets_the_saga_be_undone_after_its_deadline() {
    for key in ["consent", "place", "price", "credit"] {
        for fault in [Fault::LoseRequest, Fault::LoseReply, Fault::Delay] {
            let adversary = Adversary::Scripted { key, fault, left: u32::MAX };
            let mut simulation = Simulation::new(plan(true, true), World::new(), adversary);
            simulation.run();
            simulation.check();
            assert_eq!(simulation.stored, State::Compensated { refusal: Refusal::TimedOut }, "{key} {fault:?}");
        }
    }
}
