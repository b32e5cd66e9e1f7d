//! Scalpers: a thousand identities book for fifty patients, giving places up and taking others. A place is a named patient's, so whose
//! account asks does not matter.

use scheduling::{
    domain::{
        appointment::{Appointment, Cancellation, CancelledBy},
        error::SchedulingError,
        limits::{self, Asked, Rules},
    },
    store::{
        appointments,
        bookings::{Verdict, Wish},
        places,
    },
};
use testkit::TestDb;
use types::{
    caller::Party,
    ids::{AppointmentId, DelegationId, PractitionerId, ResidentId},
};

use super::{clinic::Clinic, give};

const IDENTITIES: usize = 1_000;
const PATIENTS: usize = 50;
/// Of one morning in one department: as many as the patients and as many honest people could have.
const PLACES: usize = 2 * PATIENTS;
const COOLING_OFF: &str = "after giving up such places again and again";

/// An account, the patient it books for, and that patient's delegation to it.
struct Identity {
    party: Party,
    patient: ResidentId,
    delegation: DelegationId,
}

#[tokio::test]
async fn sc_08_a_thousand_identities_that_cycle_places_for_fifty_patients_gain_at_most_one_place_each() {
    let test = TestDb::new(&scheduling::MIGRATOR).await;
    let clinic = Clinic::of_one_morning(&test, PLACES / 4).await;
    let patients: Vec<ResidentId> = (0..PATIENTS).map(|_| ResidentId::generate()).collect();
    let identities: Vec<Identity> = (0..IDENTITIES)
        .map(|number| Identity {
            party: Party::Practitioner(PractitionerId::generate()),
            patient: patients[number % PATIENTS],
            delegation: DelegationId::generate(),
        })
        .collect();

    let (mut standing, mut cooling_off) = (vec![], 0);
    for (round, identities) in identities.chunks(PATIENTS).enumerate() {
        // Each patient has at most one place by whichever identity, and none more for whichever slot is tried beside it.
        for slot in 0..clinic.rooms().len() {
            let (taken, refused) = try_all(&test, &clinic, identities, (round + slot) % clinic.rooms().len()).await;
            cooling_off += refused.iter().filter(|period| **period == COOLING_OFF).count();
            standing.extend(taken);
            assert!(standing.len() <= PATIENTS, "{} places in round {round}", standing.len());
            assert!(most_of_one_patient(&test).await <= 1, "round {round}");
        }
        let given_up = i32::try_from(round).unwrap();
        assert_eq!(standing.len(), if given_up < Rules::PUBLISHED.given_up { PATIENTS } else { 0 }, "round {round}");
        for appointment in standing.drain(..) {
            give_up(&test, &clinic, appointment).await;
        }
    }
    assert!(cooling_off >= PATIENTS, "nobody had to cool off");

    // What was given up is there for whoever comes honestly.
    let mut honest = 0;
    for room in 0..clinic.rooms().len() {
        let people: Vec<Identity> = (0..PLACES / 4).map(|_| in_their_own_name()).collect();
        honest += try_all(&test, &clinic, &people, room).await.0.len();
    }
    assert_eq!(honest, PLACES);
    assert_eq!(clinic.violations(&test).await, Vec::<String>::new());
}

fn in_their_own_name() -> Identity {
    let patient = ResidentId::generate();
    Identity { party: Party::Resident(patient), patient, delegation: DelegationId::generate() }
}

/// Everybody tries one slot: the places they got, and the limits by which the others were refused.
async fn try_all(
    test: &TestDb,
    clinic: &Clinic,
    identities: &[Identity],
    room: usize,
) -> (Vec<AppointmentId>, Vec<&'static str>) {
    let asked: Vec<Appointment> = identities
        .iter()
        .map(|identity| Appointment {
            booked_by: identity.party.clone(),
            delegation: (identity.party != Party::Resident(identity.patient)).then_some(identity.delegation),
            ..clinic.held(identity.patient, &clinic.rooms()[room])
        })
        .collect();
    let bounds: Vec<_> = asked.iter().map(bounds).collect();
    let wishes: Vec<Wish<'_>> = asked
        .iter()
        .zip(&bounds)
        .map(|(appointment, bounds)| Wish {
            appointment,
            is_id_chosen: false,
            is_moved: false,
            heeds_suspension: appointment.heeds_suspension(&Rules::PUBLISHED.absence),
            uses_max: None,
            bounds,
        })
        .collect();
    let mut tx = test.database().begin_together(clinic.region()).await.unwrap();
    let verdicts = give(&mut tx, &wishes).await;
    tx.commit().await.unwrap();

    let (mut taken, mut refused) = (vec![], vec![]);
    for (appointment, verdict) in asked.iter().zip(verdicts) {
        match verdict {
            Verdict::Given => taken.push(appointment.id),
            Verdict::Refused(SchedulingError::BookingLimit { period }) => refused.push(period),
            Verdict::Refused(SchedulingError::PatientConflict | SchedulingError::SlotTaken { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    (taken, refused)
}

fn bounds(appointment: &Appointment) -> Vec<limits::Bound> {
    let asked = Asked {
        pool: appointment.pool,
        kind: appointment.kind,
        starts_at: appointment.slot.starts_at,
        is_for_other: appointment.delegation.is_some(),
        is_device_known: appointment.device.is_some(),
        now: appointment.held_at,
    };
    limits::bounds(&Rules::PUBLISHED, asked)
}

/// As the patient's side does.
async fn give_up(test: &TestDb, clinic: &Clinic, id: AppointmentId) {
    let mut tx = test.database().begin_together(clinic.region()).await.unwrap();
    let held = appointments::lock(&mut tx, id).await.unwrap();
    let (slot, pool, at) = (held.slot.id, held.pool, held.held_at);
    let cancelled = held.cancel(Cancellation { at, by: CancelledBy::Patient, reason: String::new() }).unwrap();
    appointments::update(&mut tx, &cancelled).await.unwrap();
    places::give_back(&mut tx, slot, pool, 1).await.unwrap();
    tx.commit().await.unwrap();
}

/// The most places that stand for one patient.
async fn most_of_one_patient(test: &TestDb) -> i64 {
    let counted = "SELECT coalesce(max(places), 0) FROM (SELECT count(*) AS places FROM appointments \
                   WHERE state IN ('HELD', 'CONFIRMED') GROUP BY resident_id) AS standing";
    sqlx::query_scalar(counted).fetch_one(&mut test.owner().await).await.unwrap()
}
