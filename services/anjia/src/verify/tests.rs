//! A checker is only trusted once it has caught a seeded bug: every one here has.

mod seeds;
mod world;

use std::collections::BTreeSet;

use super::check::{Invariant, Look};
use super::{checks, report};

use self::seeds::of_events;
use self::world::World;

/// No number of a person: its place does not exist.
const NATIONAL_ID_SEED: &str = "INSERT INTO events (id, kind, subject, data) \
     VALUES (md5('e')::uuid, 'note', 'note', jsonb_build_object('note', 'see ' || $1 || '.'))";

#[tokio::test]
async fn every_checker_has_caught_a_seeded_bug() {
    let mut world = World::new().await;
    world.lay_open().await;
    let mut caught = BTreeSet::new();
    let mut seeds = seeds::all();
    let of_events: Vec<_> = checks().filter_map(of_events).flatten().collect();
    seeds.extend(of_events.iter().map(|(check, seed)| (*check, seed.0, seed.1.as_str(), seed.2)));

    for (name, seed_in, sql, finds) in seeds {
        let check = checks().find(|check| check.name == name).unwrap_or_else(|| panic!("nothing is called {name:?}"));
        world.begin().await;
        let before = check.violations(&mut world.databases).await.unwrap().unwrap();
        assert_eq!(before, [], "{name} finds something in an empty mesh");
        for (service, sql) in split(seed_in, sql) {
            world.run(service, sql).await;
        }
        let found = check.violations(&mut world.databases).await.unwrap().unwrap();
        let told: Vec<String> = found.iter().map(|violation| format!("{} {}", violation.id, violation.what)).collect();
        assert!(told.iter().any(|line| line.contains(finds)), "{name}: {finds:?} is not in {told:?}\nseeded by {sql}");
        world.roll_back().await;
        caught.insert(name);
    }

    // Of plaintext one bug is seeded below, with a number that only Rust can make.
    let untrusted: Vec<_> = checks().map(|check| check.name).filter(|name| !caught.contains(name)).collect();
    assert_eq!(untrusted, Vec::<&str>::new(), "checkers that have caught nothing yet");
}

/// `service: sql | other: sql` where a bug spans two databases.
fn split<'a>(service: &'a str, sql: &'a str) -> Vec<(&'a str, &'a str)> {
    service.split('|').zip(sql.split(" || ---- || ")).collect()
}

#[tokio::test]
async fn i10_an_identification_number_is_found_and_not_repeated() {
    let mut world = World::new().await;
    world.lay_open().await;
    let number = testkit::national_id(chrono::NaiveDate::from_ymd_opt(1954, 3, 1).unwrap());
    let wrong_digit = if number.expose().ends_with('1') { '2' } else { '1' };
    let other = format!("{}{wrong_digit}", &number.expose()[..17]);
    let longer = format!("9{}", number.expose());

    for (seeded, expected) in [(number.expose(), 1), (other.as_str(), 0), (longer.as_str(), 0)] {
        let connection = world.databases.get("referral").unwrap();
        sqlx::query("DELETE FROM events").execute(&mut *connection).await.unwrap();
        sqlx::query(NATIONAL_ID_SEED).bind(seeded).execute(connection).await.unwrap();
        let found = super::isolation::plaintext(&mut world.databases).await.unwrap();
        assert_eq!(found.len(), expected, "{found:?}");
        assert!(!format!("{found:?}").contains(number.expose()), "{found:?}");
    }
}

#[tokio::test]
async fn i8_and_i9_a_sealed_chain_is_whole_until_it_is_touched() {
    let mut world = World::new().await;
    // One to each audited table, of the migrations.
    let lists = report(&mut world.databases).await.unwrap().audit["payment"].entries;
    assert!(lists > 0);
    world.seal_three("payment").await;
    let whole = report(&mut world.databases).await.unwrap();
    let chain = &whole.audit["payment"];
    assert_eq!((chain.ok, chain.entries, chain.events), (true, lists + 3, 3), "{whole}");
    assert_eq!(whole.invariants[&Invariant::I9].violations, 0, "{whole}");

    for (touch, invariant, finds) in [
        ("UPDATE audit_entries SET action = 'payment.bill.forget' WHERE position = 2", Invariant::I9, "audit/2"),
        ("DELETE FROM audit_entries WHERE position = 3", Invariant::I9, "audit/3"),
        ("DELETE FROM events WHERE position = 2", Invariant::I8, "events/2"),
        ("DELETE FROM events WHERE position = 3", Invariant::I8, "events/3"),
    ] {
        world.begin().await;
        world.run("payment", touch).await;
        let touched = report(&mut world.databases).await.unwrap();
        assert!(!touched.ok);
        assert!(touched.to_string().contains(finds), "{touch}\n{touched}");
        assert!(
            touched.invariants[&invariant].violations > whole.invariants[&invariant].violations,
            "{touch}\n{touched}"
        );
        world.roll_back().await;
    }
}

#[tokio::test]
async fn i8_an_event_is_excused_where_its_change_is_as_old_as_those_removed() {
    let mut world = World::new().await;
    world.lay_open().await;
    for (name, action, days_ago, is_excused) in [
        ("a confirmation is told of once", "scheduling.appointment.confirm", 3, true),
        ("a confirmation is told of once", "scheduling.appointment.confirm", 1, false),
        ("a confirmation is told of once", "scheduling.appointment.hold", 3, false),
        ("a confirmation is told of once", "scheduling.appointment.get", 3, false),
        ("a hold is told of once", "scheduling.appointment.get", 3, true),
        ("a hold is told of once", "scheduling.appointment.hold", 1, false),
    ] {
        let check = checks().find(|check| check.name == name).unwrap();
        let not_told = format!(
            "UPDATE chain_heads SET removed_until = now() - interval '2 days' WHERE chain = 'events'; \
             INSERT INTO appointments (id, confirmed_at) VALUES (md5('x')::uuid, now()); \
             INSERT INTO audit_entries (action, rows, occurred_at) VALUES ('{action}', \
                 jsonb_build_array(jsonb_build_object('table', 'appointments', 'id', md5('x')::uuid)), \
                 now() - interval '{days_ago} days')"
        );
        world.begin().await;
        world.run("scheduling", &not_told).await;
        let found = check.violations(&mut world.databases).await.unwrap().unwrap();
        assert_eq!(found.is_empty(), is_excused, "{name}, {action} {days_ago} days ago: {found:?}");
        world.roll_back().await;
    }
}

#[tokio::test]
async fn the_report_says_the_same_to_people_and_programs() {
    let mut world = World::new().await;
    let clean = report(&mut world.databases).await.unwrap();
    assert!(clean.ok, "{clean}");
    let json = serde_json::to_value(&clean).unwrap();
    assert_eq!(json["invariants"].as_object().unwrap().len(), 10);
    assert_eq!(json["invariants"]["I2"]["name"], "Single charge");
    assert_eq!(json["invariants"]["I2"]["violations"], 0);
    assert_eq!(json["ledger"]["sum"], "0.00");

    world.lay_open().await;
    world.run("payment", "INSERT INTO credit_lines (id, used, held) VALUES (md5('line')::uuid, 5, 0)").await;
    let broken = report(&mut world.databases).await.unwrap();
    let json = serde_json::to_value(&broken).unwrap();
    assert_eq!(json["ok"], false);
    assert_eq!(json["invariants"]["I4"]["violations"], 1);
    assert_eq!(json["invariants"]["I4"]["broken"][0]["found"][0]["service"], "payment");
    let text = broken.to_string();
    assert!(text.contains("I4   Derived equals source    1 VIOLATION"), "{text}");
    assert!(text.contains("used 5"), "{text}");
}

#[test]
fn every_checker_has_a_name_of_its_own() {
    let names: Vec<_> = checks().map(|check| check.name).collect();
    let distinct: BTreeSet<_> = names.iter().collect();
    assert_eq!(names.len(), distinct.len(), "{names:?}");
    assert!(checks().any(|check| matches!(check.look, Look::Plaintext)));
}
