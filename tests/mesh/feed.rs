//! The feed of events as the city platform follows it (PL-04): nothing is skipped, nothing is doubled, nothing is told to whom it does
//! not concern, and nothing is removed before everybody has passed it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use devstack::SERVICES;
use devstack::callers::{Client, PLATFORM};
use mesh_tests::{City, Patient, assert_invariants};
use proto::anjia::common::v1::{Event, EventBatch, EventCursor};
use proto::anjia::scheduling::v1::PullEventsRequest;
use proto::anjia::scheduling::v1::event_service_client::EventServiceClient;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use testkit::{TestCaller, reason};
use tonic::{Code, Status};
use tonic_types::StatusExt;

const SOON: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(200);
const WAIT_MS: i32 = 5_000;

/// What happened in scheduling after a position.
async fn pull(city: &City, caller: &TestCaller, after_position: i64, wait_ms: i32) -> Result<EventBatch, Status> {
    let cursor = EventCursor { after_position, max_events: 500, wait_ms, ..Default::default() };
    let request = caller.request(PullEventsRequest { cursor: Some(cursor) }).await;
    let answer = EventServiceClient::new(city.channel("scheduling")).pull_events(request).await?;
    Ok(answer.into_inner().batch.expect("it answers a batch"))
}

/// Everything up to the end, dealt with and confirmed; and where that is.
async fn follow(city: &City, caller: &TestCaller, mut after: i64) -> (Vec<Event>, i64) {
    let mut events = vec![];
    loop {
        let batch = pull(city, caller, after, 0).await.expect("a batch");
        if batch.position == after {
            return (events, batch.position);
        }
        after = batch.position;
        events.extend(batch.events);
    }
}

fn ids(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.id.as_str()).collect()
}

async fn admin(city: &City, service: &str) -> PgConnection {
    city.mesh.cluster().admin(service).await.expect("an insider with the database")
}

/// Waits until a question to a database of numbers has this answer.
async fn until(city: &City, service: &str, sql: &str, expected: i64) {
    let began_at = Instant::now();
    let mut connection = admin(city, service).await;
    loop {
        let found: Option<i64> =
            sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut connection).await.expect("a number");
        if found == Some(expected) {
            return;
        }
        assert!(began_at.elapsed() < SOON, "{sql}: {found:?}, not {expected}");
        tokio::time::sleep(POLL).await;
    }
}

async fn hold(city: &City, patient: &Patient, slot_id: &str) -> String {
    city.hold(patient, slot_id).await.expect("a place is held").appointment_id
}

#[tokio::test]
async fn pl_04_what_commits_last_is_told_last_and_a_killed_service_neither_loses_nor_doubles_anything() {
    let mut city = City::start().await;
    let app = city.caller("app").clone();
    let (patients, slots) = (city.patients(3).await, city.clinic_hours(3).await);
    let (mut told, after) = follow(&city, &app, 0).await;

    // One change is written first and committed last.
    let url = city.mesh.fleet().database("scheduling").expect("a service of the mesh").service.clone();
    let mut writer = PgConnection::connect(&url).await.expect("as the service");
    let mut late = writer.begin().await.expect("a transaction");
    let write = "SELECT set_config('anjia.region', '110000', true); \
        INSERT INTO events (id, region, kind, subject, data, occurred_at) \
        VALUES (gen_random_uuid(), '110000', 'anjia.scheduling.drill.held.v1', 'late', '{}', now())";
    sqlx::raw_sql(write).execute(&mut *late).await.expect("an event is written");

    let first = hold(&city, &patients[0], &slots[0].slot_id).await;
    let batch = pull(&city, &app, after, WAIT_MS).await.expect("a batch");
    assert_eq!(batch.events.iter().map(|event| event.subject.as_str()).collect::<Vec<_>>(), [first]);
    let second = hold(&city, &patients[1], &slots[1].slot_id).await;
    let next = pull(&city, &app, batch.position, WAIT_MS).await.expect("a batch");
    assert_eq!(next.events.iter().map(|event| event.subject.as_str()).collect::<Vec<_>>(), [second]);
    told.extend(batch.events);

    late.commit().await.expect("the late one commits");
    // What was sent and not confirmed dies with the service, and is told again.
    city.kill("scheduling");
    city.start_again("scheduling").await;
    let third = hold(&city, &patients[2], &slots[2].slot_id).await;
    let since = batch.position;
    let is_whole = "SELECT count(*) FROM events WHERE position > ";
    until(&city, "scheduling", &format!("{is_whole}{since}"), 3).await;
    let (again, end) = follow(&city, &app, since).await;
    assert_eq!(again[0], next.events[0], "the same event by the same id at the same position");
    let subjects: Vec<&str> = again[1..].iter().map(|event| event.subject.as_str()).collect();
    assert_eq!(subjects, ["late", &third]);
    told.extend(again);

    // Nothing is missing, nothing is there twice, and a replay is the same once more.
    let positions: Vec<i64> = told.iter().map(|event| event.position).collect();
    assert!(positions.iter().copied().eq(1..=end), "{positions:?} of {end}");
    assert_eq!(ids(&told).into_iter().collect::<BTreeSet<_>>().len(), told.len());
    let (replayed, _) = follow(&city, &app, 0).await;
    assert_eq!(replayed, told);
    for event in told {
        assert_eq!((event.specversion.as_str(), event.datacontenttype.as_str()), ("1.0", "application/json"));
        assert_eq!(event.source, "anjia/scheduling");
    }
}

#[tokio::test]
async fn pl_04_a_consumer_hears_of_its_types_and_its_region_and_of_nothing_else() {
    let city = City::start().await;
    let platform = |name: &str| Client::new(name, format!("client:{name}"), Some(PLATFORM), &["platform"]);
    let clients = vec![
        platform("reminders").told_of(&["anjia.scheduling.appointment.held.v1", "anjia.referral."]),
        Client { region: "310000".to_owned(), ..platform("another-city").told_of(&["anjia."]) },
        platform("deaf"),
        platform("referrals-only").told_of(&["anjia.referral."]),
    ];
    let [reminders, another_city, deaf, referrals_only] =
        testkit::register_in(&city.mesh, clients).await.try_into().unwrap_or_else(|_| panic!("four callers"));
    let patient = city.patient().await;
    let slots = city.clinic_hours(1).await;
    let appointment = hold(&city, &patient, &slots[0].slot_id).await;
    city.visit(&patient).await;
    until(
        &city,
        "scheduling",
        "SELECT count(*) FROM events WHERE position IS NOT NULL AND kind LIKE '%visit.opened.v1'",
        1,
    )
    .await;

    let (heard, end) = follow(&city, &reminders, 0).await;
    let heard: Vec<(&str, &str)> = heard.iter().map(|event| (event.r#type.as_str(), event.subject.as_str())).collect();
    assert_eq!(heard, [("anjia.scheduling.appointment.held.v1", appointment.as_str())]);
    let (all, all_end) = follow(&city, city.caller("app"), 0).await;
    assert_eq!(end, all_end, "it is past the others, too");
    assert!(all.iter().any(|event| event.r#type.ends_with("visit.opened.v1")), "{all:?}");
    assert!(all.iter().all(|event| event.region_code == "110000"), "{all:?}");
    for elsewhere in [&another_city, &referrals_only] {
        assert_eq!(follow(&city, elsewhere, 0).await, (vec![], all_end));
    }
    let refused = pull(&city, &deaf, 0, 0).await.expect_err("registered for nothing");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::PermissionDenied, "EVENTS_NOT_IN_SCOPE"));
    let refused = pull(&city, city.caller("clinic"), 0, 0).await.expect_err("a clinic follows nobody");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::PermissionDenied, "METHOD_NOT_PERMITTED"));
    let refused = pull(&city, &reminders, all_end + 1, 0).await.expect_err("nothing was told up to there");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "POSITION_NOT_REACHED"));

    let consumers: BTreeMap<String, i64> =
        sqlx::query_as("SELECT consumer, position FROM event_cursors WHERE consumer LIKE 'client:%'")
            .fetch_all(&mut admin(&city, "scheduling").await)
            .await
            .expect("cursors")
            .into_iter()
            .collect();
    let expected =
        ["app", "another-city", "referrals-only", "reminders"].map(|name| (format!("client:{name}"), all_end));
    assert_eq!(consumers, BTreeMap::from(expected));
}

/// How far a service has taken in scheduling's events, by the names of its consumers.
async fn cursors(city: &City, service: &str, source: &str) -> BTreeMap<String, i64> {
    let rows: Vec<(String, i64)> =
        sqlx::query_as("SELECT source, position FROM cursors WHERE source = $1 OR source LIKE $1 || '/%'")
            .bind(source)
            .fetch_all(&mut admin(city, service).await)
            .await
            .expect("cursors");
    let named = |(name, position): (String, i64)| (format!("service:{service}{}", &name[source.len()..]), position);
    rows.into_iter().map(named).collect()
}

#[tokio::test]
async fn pl_04_every_consumer_of_our_own_is_known_to_its_source_and_never_ahead_of_what_it_took_in() {
    let city = City::start().await;
    let patient = city.patient().await;
    city.visit(&patient).await;
    let mut known = 0;
    for source in SERVICES {
        for service in SERVICES.into_iter().filter(|service| *service != source) {
            for consumer in cursors(&city, service, source).await.into_keys() {
                let is_known = format!("SELECT count(*) FROM event_cursors WHERE consumer = '{consumer}'");
                until(&city, source, &is_known, 1).await;
                let confirmed: i64 = sqlx::query_scalar("SELECT position FROM event_cursors WHERE consumer = $1")
                    .bind(&consumer)
                    .fetch_one(&mut admin(&city, source).await)
                    .await
                    .expect("a position");
                let taken_in = cursors(&city, service, source).await[&consumer];
                assert!(confirmed <= taken_in, "{consumer} of {source}: {confirmed} is confirmed, {taken_in} taken in");
                known += 1;
            }
        }
    }
    assert!(known >= 12, "only {known}");
}

#[tokio::test]
async fn pl_04_events_are_kept_until_the_slowest_has_passed_them_and_what_was_removed_is_refused() {
    let mut city = City::start().await;
    let app = city.caller("app").clone();
    let (patients, slots) = (city.patients(2).await, city.clinic_hours(2).await);
    hold(&city, &patients[0], &slots[0].slot_id).await;
    until(&city, "scheduling", "SELECT count(*) FROM events WHERE position IS NULL", 0).await;
    let (_, early) = follow(&city, &app, 0).await;
    // Everybody has passed the first; then payment is away.
    let known =
        "SELECT count(*) FROM event_cursors WHERE consumer ~ '^service:(identity|referral|adjudication|payment)$'";
    until(&city, "scheduling", known, 4).await;
    until(&city, "scheduling", &format!("SELECT count(*) FROM event_cursors WHERE position < {early}"), 0).await;
    city.kill("payment");
    hold(&city, &patients[1], &slots[1].slot_id).await;
    until(&city, "scheduling", "SELECT position FROM chain_heads WHERE chain = 'events'", early + 1).await;
    let (_, end) = follow(&city, &app, early).await;
    assert_eq!(end, early + 1);

    // As if all that were long ago.
    let age = "UPDATE events SET occurred_at = occurred_at - interval '1 year'";
    sqlx::query(age).execute(&mut admin(&city, "scheduling").await).await.expect("an insider may");
    look_again(&mut city).await;
    let removed = "SELECT removed_position FROM chain_heads WHERE chain = 'events'";
    until(&city, "scheduling", removed, early).await;
    let (kept, _) = follow(&city, &app, early).await;
    assert_eq!(kept.iter().map(|event| event.position).collect::<Vec<_>>(), [end], "payment has yet to hear of it");
    let refused = pull(&city, &app, 0, 0).await.expect_err("they were removed");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "POSITION_NO_LONGER_KEPT"));
    let metadata = refused.get_details_error_info().expect("an ErrorInfo").metadata;
    assert_eq!(metadata["lowest_position"], end.to_string());

    // Back again it hears of what it missed, and then that may go, too.
    city.start_again("payment").await;
    let passed = format!("SELECT count(*) FROM event_cursors WHERE position < {end}");
    until(&city, "scheduling", &passed, 0).await;
    look_again(&mut city).await;
    until(&city, "scheduling", removed, end).await;
    assert_eq!(cursors(&city, "payment", "scheduling").await.into_values().collect::<Vec<_>>(), [end]);
    assert_eq!(follow(&city, &app, end).await, (vec![], end));
    // The audit, which nobody makes older, says that it was today.
    let today = "UPDATE chain_heads SET removed_until = now() WHERE chain = 'events'";
    sqlx::query(today).execute(&mut admin(&city, "scheduling").await).await.expect("an insider may");
    assert_invariants(&city.mesh).await;
}

/// What is kept long enough is looked for when a service starts, and every hour; by one replica, which gives that up when it leaves.
async fn look_again(city: &mut City) {
    city.mesh.fleet_mut().stop("scheduling").await.expect("it leaves");
    city.start_again("scheduling").await;
}
