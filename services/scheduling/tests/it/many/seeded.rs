//! Who wrote past the guard is found by the checker, whichever way, and by the name of what is wrong.

use std::collections::BTreeSet;

use rand::{SeedableRng as _, rngs::StdRng};
use sqlx::Connection as _;
use testkit::TestDb;

use super::{Drawn, clinic::Clinic, give};

struct Bug {
    what: &'static str,
    sql: &'static str,
    /// What the checker calls it.
    violation: &'static str,
}

const BUGS: [Bug; 18] = [
    Bug {
        what: "a place is taken and not counted",
        sql: "UPDATE slot_pools SET taken = taken - 1 WHERE taken > 0",
        violation: "places taken are not the appointments in them",
    },
    Bug {
        what: "a place is counted and not taken",
        sql: "UPDATE slot_pools SET taken = taken + 1 WHERE taken < places",
        violation: "places taken are not the appointments in them",
    },
    Bug {
        what: "a place is set aside and not counted",
        sql: "UPDATE slot_pools SET set_aside = 1 WHERE taken > 0 AND pool = 'PUBLIC'",
        violation: "places taken are not the appointments in them",
    },
    Bug {
        what: "more is given than there is",
        sql: "ALTER TABLE slot_pools DROP CONSTRAINT slot_pools_taken_check; UPDATE slot_pools SET taken = places + 1",
        violation: "more is given than there are places",
    },
    Bug {
        what: "one person is in two places at one time",
        sql: "ALTER TABLE appointments DROP CONSTRAINT appointments_patient_conflict; \
              UPDATE appointments SET resident_id = (SELECT min(resident_id::text) FROM appointments)::uuid, \
                  starts_at = (SELECT min(starts_at) FROM appointments), ends_at = (SELECT max(ends_at) FROM appointments)",
        violation: "a patient is booked twice at one time",
    },
    Bug {
        what: "somebody is booked twice by two ids",
        sql: "ALTER TABLE appointments DROP CONSTRAINT appointments_patient_conflict; \
              UPDATE appointments SET starts_at = (SELECT min(starts_at) FROM appointments), ends_at = (SELECT max(ends_at) FROM appointments), \
                  state = 'HELD'; \
              DELETE FROM resident_aliases; \
              INSERT INTO resident_aliases (resident_id, region, survivor_id, since) \
              SELECT one.resident_id, one.region, other.resident_id, now() - interval '1 day' FROM (SELECT min(resident_id::text)::uuid AS resident_id, \
                  min(region) AS region FROM appointments) AS one, (SELECT max(resident_id::text)::uuid AS resident_id FROM appointments) AS other",
        violation: "a patient is booked twice at one time",
    },
    Bug {
        what: "one doctor is in two places at one time",
        sql: "ALTER TABLE sessions DROP CONSTRAINT sessions_doctor_conflict; \
              UPDATE sessions SET practitioner_id = '01930000-0000-7000-8000-0000000000aa', \
                  starts_at = (SELECT min(starts_at) FROM sessions), ends_at = (SELECT max(ends_at) FROM sessions)",
        violation: "a doctor has two sessions at one time",
    },
    Bug {
        what: "a hold outlives its end",
        sql: "UPDATE appointments SET hold_expires_at = now() - interval '6 seconds' WHERE state = 'HELD'",
        violation: "a hold outlived its end by more than 5 s",
    },
    Bug {
        what: "a hold that had run out is confirmed",
        sql: "ALTER TABLE appointments DROP CONSTRAINT appointments_confirmed_in_time; \
              UPDATE appointments SET state = 'CONFIRMED', confirmed_at = hold_expires_at",
        violation: "confirmed without a hold in force",
    },
    Bug {
        what: "somebody came and there is no visit",
        sql: "UPDATE appointments SET state = 'KEPT', confirmed_at = held_at, visit_id = gen_random_uuid()",
        violation: "kept without its visit",
    },
    Bug {
        what: "somebody came and the appointment does not know",
        sql: "INSERT INTO visits (id, region, resident_id, organisation_id, tier, kind, appointment_id, journey_id, present, identity_proof, \
                  checked_in_by, opened_at, state) \
              SELECT gen_random_uuid(), region, resident_id, organisation_id, 'COMMUNITY', kind, id, journey_id, 'SELF', 'NONE', 'client:test', \
                  now(), 'OPEN' FROM appointments LIMIT 1",
        violation: "a visit keeps an appointment that does not know it",
    },
    Bug {
        what: "a place comes out of nowhere",
        sql: "UPDATE slot_pools SET places = places + 1",
        violation: "places of a pool are not those published and moved",
    },
    Bug {
        what: "a place goes to a pool that is not there",
        sql: "INSERT INTO pool_moves (id, region, slot_id, from_pool, to_pool, places, reason, moved_by, moved_at) \
              SELECT gen_random_uuid(), region, slot_id, 'PUBLIC', 'FAMILY_DOCTOR', 1, 'RELEASED', 'client:test', now() FROM slot_pools LIMIT 1",
        violation: "places were moved to or from a pool that is not there",
    },
    Bug {
        what: "a slot is withdrawn and its places are not",
        sql: "UPDATE slots SET withdrawn_at = now()",
        violation: "a slot that was withdrawn has a free place",
    },
    Bug {
        what: "a slot is withdrawn and somebody is left in it",
        sql: "UPDATE slots SET withdrawn_at = now()",
        violation: "somebody has a place in a slot that was withdrawn",
    },
    Bug {
        what: "who was displaced is never asked",
        sql: "UPDATE appointments SET state = 'DISPLACED', confirmed_at = held_at, displaced_until = now() - interval '31 seconds'",
        violation: "a displaced appointment outlived its deadline by more than 30 s",
    },
    Bug {
        what: "two persons book in one journey",
        sql: "UPDATE appointments SET journey_id = (SELECT min(journey_id::text) FROM appointments)::uuid",
        violation: "a journey is of two persons",
    },
    Bug {
        what: "somebody is seen in another's journey",
        sql: "UPDATE visits SET resident_id = gen_random_uuid(), journey_id = (SELECT journey_id FROM appointments LIMIT 1)",
        violation: "a journey is of two persons",
    },
];

/// Each bug by itself, on what stands after a batch of wishes.
#[tokio::test]
async fn sc_04_the_checker_of_bookings_finds_seeded_bugs_and_says_what_is_wrong() {
    let test = TestDb::new(&scheduling::MIGRATOR).await;
    let clinic = Clinic::open(&test).await;
    let (mut rng, model) = (StdRng::seed_from_u64(1), clinic.model());
    let drawn: Vec<Drawn> = (0..24).map(|_| Drawn::new(&clinic, &mut rng, &model)).collect();
    let mut tx = test.database().begin_together(clinic.region()).await.unwrap();
    give(&mut tx, &drawn.iter().map(Drawn::wish).collect::<Vec<_>>()).await;
    tx.commit().await.unwrap();
    assert_eq!(clinic.violations(&test).await, Vec::<String>::new());

    let mut owner = test.owner().await;
    for Bug { what, sql, violation } in BUGS {
        let mut bugged = owner.begin().await.unwrap();
        sqlx::raw_sql(sql).execute(&mut *bugged).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        let found: Vec<String> =
            sqlx::query_scalar("SELECT violation FROM booking_violations").fetch_all(&mut *bugged).await.unwrap();
        bugged.rollback().await.unwrap();
        let found: BTreeSet<String> = found.into_iter().collect();
        assert!(found.contains(violation), "{what}: {found:?}");
    }
    assert_eq!(clinic.violations(&test).await, Vec::<String>::new(), "each was undone");
}
