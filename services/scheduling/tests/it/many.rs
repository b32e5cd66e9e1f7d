//! Many at once: what the guard in the database decides is what a model says, and nothing else ever stands.

mod clinic;
mod cycling;
mod model;
mod seeded;

use chrono::TimeDelta;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use scheduling::{
    domain::{
        appointment::{Appointment, Cancellation, CancelledBy, State},
        displace::{self, Room},
        error::SchedulingError,
        limits::{self, Asked, Bound},
        moving::Place,
        session::{Slot, VisitTerms},
    },
    store::{
        appointments,
        bookings::{self, Prepared, Verdict, Wish},
        chosen_ids, places, rooms,
    },
};
use sqlx::PgConnection;
use testkit::TestDb;
use types::ids::AppointmentId;

use clinic::{Clinic, RULES};
use model::{Judged, Model};

const CASES: usize = 10_000;
const BATCH_MAX: usize = 24;

/// What was decided, in the words of the model.
fn said(verdict: &Verdict) -> Judged {
    use SchedulingError as E;
    match verdict {
        Verdict::Given => Judged::Given,
        Verdict::Again => Judged::Again,
        Verdict::Refused(E::SlotTaken { .. }) => Judged::SlotTaken,
        Verdict::Refused(E::PatientConflict) => Judged::PatientConflict,
        Verdict::Refused(E::JourneyOfAnother) => Judged::JourneyOfAnother,
        Verdict::Refused(E::BookingLimit { period }) => Judged::Limit(period),
        Verdict::Refused(E::NoDelegation) => Judged::NoDelegation,
        Verdict::Refused(E::DelegationUsedUp) => Judged::UsedUp,
        Verdict::Refused(E::AppointmentCancelled) => Judged::Cancelled,
        Verdict::Refused(E::Suspended) => Judged::Suspended,
        Verdict::Refused(E::AppointmentExists) => Judged::Exists,
        Verdict::Refused(other) => panic!("nothing else is decided here: {other:?}"),
    }
}

/// One wish as it is drawn.
struct Drawn {
    appointment: Appointment,
    is_id_chosen: bool,
    uses_max: Option<u32>,
    bounds: Vec<Bound>,
}

impl Drawn {
    fn new(clinic: &Clinic, rng: &mut StdRng, model: &Model) -> Self {
        let (appointment, uses_max) = clinic.draw(rng);
        let bounds = limits::bounds(
            &RULES,
            Asked {
                pool: appointment.pool,
                kind: appointment.kind,
                starts_at: appointment.slot.starts_at,
                is_for_other: appointment.delegation.is_some(),
                is_device_known: appointment.device.is_some(),
                now: appointment.held_at,
            },
        );
        let known: Vec<AppointmentId> = model.known_ids().collect();
        let is_id_chosen = rng.random_ratio(1, 4);
        let cancelled = model.cancelled_ahead(appointment.resident);
        let repeated = match (is_id_chosen && rng.random_ratio(1, 3), rng.random_ratio(1, 2)) {
            (false, _) => None,
            (true, true) if !cancelled.is_empty() => cancelled.choose(rng),
            (true, _) => known.choose(rng),
        };
        let id = repeated.copied().unwrap_or(appointment.id);
        // Most begin an episode of care; of the others about as many go on with their own as name another person's.
        let is_own = rng.random_ratio(1, 2);
        let episodes = model.episodes(appointment.resident, is_own);
        let gone_on = if rng.random_ratio(1, 6) { episodes.choose(rng).copied() } else { None };
        let journey = gone_on.unwrap_or(appointment.journey);
        Self { appointment: Appointment { id, journey, ..appointment }, is_id_chosen, uses_max, bounds }
    }

    fn wish(&self) -> Wish<'_> {
        let Self { appointment, is_id_chosen, uses_max, bounds } = self;
        Wish {
            appointment,
            is_id_chosen: *is_id_chosen,
            is_moved: false,
            heeds_suspension: appointment.heeds_suspension(&RULES.absence),
            uses_max: *uses_max,
            bounds,
        }
    }
}

/// Gives them together.
pub(crate) async fn give(conn: &mut PgConnection, wishes: &[Wish<'_>]) -> Vec<Verdict> {
    let prepared: Vec<Prepared> = wishes.iter().map(|wish| Prepared::of(wish).unwrap()).collect();
    bookings::give(conn, &prepared.iter().collect::<Vec<_>>()).await.unwrap()
}

/// Ids within one batch differ: of repeated ones the second is drawn anew.
fn draw_batch(clinic: &Clinic, rng: &mut StdRng, model: &Model) -> Vec<Drawn> {
    let mut batch: Vec<Drawn> = vec![];
    let size = rng.random_range(1..=BATCH_MAX);
    while batch.len() < size {
        let drawn = Drawn::new(clinic, rng, model);
        if batch.iter().all(|other| other.appointment.id != drawn.appointment.id) {
            batch.push(drawn);
        }
    }
    batch
}

#[tokio::test]
async fn sc_04_ten_thousand_random_wishes_end_as_the_model_says() {
    let test = TestDb::new(&scheduling::MIGRATOR).await;
    let clinic = Clinic::open(&test).await;
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let (mut rng, mut model) = (StdRng::seed_from_u64(seed), clinic.model());
    let (mut cases, mut moved, mut accepted, mut displaced) = (0, [0, 0], [0, 0], 0);
    while cases < CASES {
        let batch = draw_batch(&clinic, &mut rng, &model);
        let expected: Vec<Judged> = model.batch(batch.iter().map(|it| (&it.appointment, it.is_id_chosen, it.uses_max)));
        cases += expected.iter().filter(|judged| **judged != Judged::Again).count();
        let wishes: Vec<Wish<'_>> = batch.iter().map(Drawn::wish).collect();
        let mut tx = test.database().begin_together(clinic.region()).await.unwrap();
        let verdicts = give(&mut tx, &wishes).await;
        tx.commit().await.unwrap();
        assert_eq!(verdicts.iter().map(said).collect::<Vec<_>>(), expected, "seed {seed}, after {cases}");

        // Places come back by every way there is.
        for _ in 0..rng.random_range(0..6) {
            give_up(&test, &clinic, &mut rng, &mut model).await;
        }
        for _ in 0..rng.random_range(0..4) {
            moved[usize::from(reschedule(&test, &clinic, &mut rng, &mut model, cases).await)] += 1;
        }
        for _ in 0..rng.random_range(0..2) {
            displaced += usize::from(displace(&test, &clinic, &mut rng, &mut model).await);
        }
        // Who cannot accept stays displaced, so that of one drawn a turn hardly any could.
        for _ in 0..3 {
            let Some(is_firm) = accept(&test, &clinic, &mut rng, &mut model, cases).await else { break };
            accepted[usize::from(is_firm)] += 1;
        }
        if rng.random_ratio(1, 40) {
            miss(&test, &clinic, &mut rng, &mut model).await;
        }
        if rng.random_ratio(1, 4) {
            cancel_ahead(&test, &clinic, &mut rng, &mut model).await;
        }
    }
    assert_eq!(clinic.taken(&test).await, model.taken(), "seed {seed}");
    assert_eq!(clinic.violations(&test).await, Vec::<String>::new(), "seed {seed}");
    // It has met everything there is.
    assert!(moved.iter().all(|times| *times > 20), "kept and moved: {moved:?}, seed {seed}");
    assert!(displaced > 20, "displaced: {displaced}, seed {seed}");
    assert!(accepted.iter().all(|times| *times > 5), "refused and firm again: {accepted:?}, seed {seed}");
    let rare: Vec<String> = model.seldom(5);
    assert_eq!(rare, Vec::<String>::new(), "seed {seed}");
}

async fn give_up(test: &TestDb, clinic: &Clinic, rng: &mut StdRng, model: &mut Model) {
    let active: Vec<AppointmentId> = model.active_ids().collect();
    let Some(id) = active.choose(rng).copied() else { return };
    let mut tx = test.database().begin_together(clinic.region()).await.unwrap();
    let held = appointments::lock(&mut tx, id).await.unwrap();
    let by = if rng.random_ratio(1, 2) { CancelledBy::Patient } else { CancelledBy::Provider };
    let at = held.held_at;
    let (slot, pool) = (held.slot.id, held.pool);
    let cancelled = held.cancel(Cancellation { at, by, reason: String::new() }).unwrap();
    appointments::update(&mut tx, &cancelled).await.unwrap();
    places::give_back(&mut tx, slot, pool, 1).await.unwrap();
    tx.commit().await.unwrap();
    model.give_up(id, by);
}

/// Whether somebody's appointment went to another place of the same provider; the place it had is given back before, and comes back with
/// everything else if it did not.
async fn reschedule(test: &TestDb, clinic: &Clinic, rng: &mut StdRng, model: &mut Model, cases: usize) -> bool {
    let active: Vec<AppointmentId> = model.active_ids().collect();
    let Some(id) = active.choose(rng).copied() else { return false };
    let mut tx = test.database().begin_together(clinic.region()).await.unwrap();
    let before = appointments::lock(&mut tx, id).await.unwrap();
    if before.state != State::Confirmed {
        return false;
    }
    let now = before.held_at;
    let Appointment { organisation, department, practitioner, pool, .. } = before;
    // Places are rare: half of them look for one that is free.
    let free: Vec<Slot> = clinic.slots(organisation).filter(|slot| model.is_free(slot.id, pool)).collect();
    let all: Vec<Slot> = clinic.slots(organisation).collect();
    let slot = *if free.is_empty() || rng.random_ratio(1, 2) { &all } else { &free }.choose(rng).unwrap();
    let place =
        Place { slot, more_slots: vec![], organisation, department, practitioner, pool, terms: VisitTerms::default() };
    let after = before.clone().move_to(place, i32::MAX, now).unwrap();
    if after == before {
        return false;
    }
    let expected = model.reschedule(&after);
    places::give_back(&mut tx, before.slot.id, before.pool, 1).await.unwrap();
    let asked = Asked {
        pool,
        kind: after.kind,
        starts_at: after.slot.starts_at,
        is_for_other: false,
        is_device_known: false,
        now,
    };
    let bounds = limits::of_move(limits::bounds(&RULES, asked));
    let wish = Wish {
        appointment: &after,
        is_id_chosen: false,
        is_moved: true,
        heeds_suspension: false,
        uses_max: None,
        bounds: &bounds,
    };
    let verdict = give(&mut tx, &[wish]).await.remove(0);
    assert_eq!(said(&verdict), expected, "moving, after {cases}");
    if expected == Judged::Given {
        tx.commit().await.unwrap();
    } else {
        tx.rollback().await.unwrap();
    }
    expected == Judged::Given
}

/// Whether the provider took somebody's firm place back and keeps another one for them, of the same pool.
async fn displace(test: &TestDb, clinic: &Clinic, rng: &mut StdRng, model: &mut Model) -> bool {
    let active: Vec<AppointmentId> = model.active_ids().collect();
    let Some(id) = active.choose(rng).copied() else { return false };
    let mut tx = test.database().begin_together(clinic.region()).await.unwrap();
    let before = appointments::lock(&mut tx, id).await.unwrap();
    let free = clinic.rooms().iter().filter(|room| {
        let is_elsewhere = room.organisation == before.organisation && room.slot.id != before.slot.id;
        is_elsewhere && model.is_free(room.slot.id, before.pool)
    });
    let free: Vec<&clinic::Room> = free.collect();
    let (State::Confirmed, Some(there)) = (&before.state, free.choose(rng)) else { return false };
    let Appointment { pool, organisation, department, practitioner, .. } = before;
    let room = Room {
        slot: there.slot,
        pool,
        free: 1,
        organisation,
        department,
        practitioner,
        kinds: vec![],
        capabilities: vec![],
        is_for_symptoms: false,
        terms: VisitTerms::default(),
    };
    places::give_back(&mut tx, before.slot.id, pool, 1).await.unwrap();
    rooms::take(&mut tx, room.slot.id, pool).await.unwrap();
    let until = displace::deadline(room.slot.starts_at, TimeDelta::days(1), clinic.now());
    let displaced = displace::moved(before, &room).displace(until).unwrap();
    appointments::update(&mut tx, &displaced).await.unwrap();
    appointments::relocate(&mut tx, &displaced).await.unwrap();
    tx.commit().await.unwrap();
    model.displace(&displaced);
    true
}

/// Whether somebody who was displaced got the other place firm; none where nobody is.
async fn accept(test: &TestDb, clinic: &Clinic, rng: &mut StdRng, model: &mut Model, cases: usize) -> Option<bool> {
    let displaced: Vec<AppointmentId> = model.displaced_ids().collect();
    let id = displaced.choose(rng).copied()?;
    let expected = model.accept(id);
    let mut tx = test.database().begin_together(clinic.region()).await.unwrap();
    let before = appointments::lock(&mut tx, id).await.unwrap();
    let after = before.confirm(clinic.now()).unwrap();
    let judged = if appointments::is_in_the_way(&mut tx, &after).await.unwrap() {
        Judged::PatientConflict
    } else {
        appointments::update(&mut tx, &after).await.unwrap();
        Judged::Given
    };
    assert_eq!(judged, expected, "accepting, after {cases}");
    if judged == Judged::Given {
        tx.commit().await.unwrap();
    } else {
        tx.rollback().await.unwrap();
    }
    Some(judged == Judged::Given)
}

async fn miss(test: &TestDb, clinic: &Clinic, rng: &mut StdRng, model: &mut Model) {
    let active: Vec<AppointmentId> = model.active_ids().collect();
    let Some(id) = active.choose(rng).copied() else { return };
    let mut tx = test.database().begin_together(clinic.region()).await.unwrap();
    let before = appointments::lock(&mut tx, id).await.unwrap();
    if before.state == State::Confirmed {
        appointments::update(&mut tx, &Appointment { state: State::NoShow, ..before }).await.unwrap();
        tx.commit().await.unwrap();
        model.miss(id);
    }
}

async fn cancel_ahead(test: &TestDb, clinic: &Clinic, rng: &mut StdRng, model: &mut Model) {
    let (resident, id) = (clinic.somebody(rng), AppointmentId::generate());
    let mut tx = test.database().begin_together(clinic.region()).await.unwrap();
    assert!(chosen_ids::remember_cancel(&mut tx, id, resident, clinic.now()).await.unwrap());
    tx.commit().await.unwrap();
    model.cancel_ahead(id, resident);
}

#[tokio::test]
async fn sc_12_a_clinic_that_closes_gives_no_place_by_any_way() {
    let test = TestDb::new(&scheduling::MIGRATOR).await;
    let clinic = Clinic::open(&test).await;
    let closing = "UPDATE sessions SET closing_at = now(), closing_reason = 'over', closing_honours = true";
    sqlx::query(closing).execute(&mut test.owner().await).await.unwrap();
    let (mut rng, model) = (StdRng::seed_from_u64(1), clinic.model());
    let drawn: Vec<Drawn> = (0..16).map(|_| Drawn::new(&clinic, &mut rng, &model)).collect();
    let mut tx = test.database().begin_together(clinic.region()).await.unwrap();
    let verdicts = give(&mut tx, &drawn.iter().map(Drawn::wish).collect::<Vec<_>>()).await;
    let said: Vec<Judged> = verdicts.iter().map(said).collect();
    assert!(said.contains(&Judged::SlotTaken) && !said.contains(&Judged::Given), "{said:?}");
}
