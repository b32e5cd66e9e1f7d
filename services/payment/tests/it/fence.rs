//! Of two who hold the same capture, the one whose lease ended can write nothing.

use std::time::Duration;

use chrono::{TimeDelta, Timelike as _, Utc};
use payment::domain::capture::{Capture, State};
use payment::store::{captures, gauges::GAUGES};
use postgres::{Error, Scope, gauges};
use testkit::TestDb;
use types::caller::{Caller, Party};
use types::clock::{Clock as _, SystemClock};
use types::ids::{BillId, SagaId, SettlementId};
use types::region::RegionCode;

const REGION: Scope = Scope::Region(RegionCode::BEIJING);

fn capture(bill: BillId) -> Capture {
    let now: chrono::DateTime<Utc> = SystemClock.now().with_nanosecond(0).expect("a whole second");
    Capture {
        id: SagaId::generate(),
        region: RegionCode::BEIJING,
        bill,
        settlement: SettlementId::generate(),
        state: State::Confirming,
        attempts: 0,
        traceparent: None,
        journey: None,
        begun_at: now,
        deadline: now + TimeDelta::days(1),
        fence: 0,
    }
}

async fn intent(db: &TestDb) -> Capture {
    let capture = capture(BillId::generate());
    let mut tx = db.database().begin(REGION).await.expect("a transaction");
    for statement in [
        "INSERT INTO bill_ids (bill_id, region, resident_id) VALUES ($1, '110000', $1)",
        "INSERT INTO bills (id, region, resident_id, payee_id, state, total, settlement_id, opened_at, expires_at, version) \
         VALUES ($1, '110000', $1, $1, 'CAPTURING', 0, $1, now(), now(), 1)",
    ] {
        sqlx::query(statement).bind(capture.bill.uuid()).execute(&mut *tx).await.expect("a bill");
    }
    let caller = Caller {
        expires_at: capture.deadline,
        ..Caller::new(Party::Service("payment".to_owned()), RegionCode::BEIJING)
    };
    captures::insert(&mut tx, &capture, &caller).await.expect("the intent");
    assert_eq!(captures::mandate(&mut tx, capture.id).await.expect("who asked"), caller);
    tx.commit().await.expect("committed");
    capture
}

async fn take(db: &TestDb, lease: Duration) -> Vec<Capture> {
    let mut tx = db.database().begin(Scope::Worker).await.expect("a transaction");
    let taken = captures::take(&mut tx, lease, 10).await.expect("taken");
    tx.commit().await.expect("committed");
    taken
}

#[tokio::test]
async fn i6_a_capture_has_one_holder_and_a_late_one_is_fenced_off() {
    let db = TestDb::new(&payment::MIGRATOR).await;
    let intent = intent(&db).await;
    let slow = take(&db, Duration::from_millis(100)).await;
    assert_eq!(slow, [Capture { fence: 1, ..intent.clone() }]);
    assert_eq!(take(&db, Duration::from_mins(1)).await, [], "somebody holds it");
    tokio::time::sleep(Duration::from_millis(150)).await;
    let successor = take(&db, Duration::from_mins(1)).await;
    assert_eq!(successor, [Capture { fence: 2, ..intent }]);

    let now = SystemClock.now();
    let mut tx = db.database().begin(REGION).await.expect("a transaction");
    let late = captures::advance(&mut tx, &slow[0], State::Confirmed, None, now).await;
    assert!(matches!(late, Err(Error::LeaseLost { .. })));
    let late = captures::wait(&mut tx, &slow[0], Duration::ZERO, "LATE").await;
    assert!(matches!(late, Err(Error::LeaseLost { .. })));
    captures::advance(&mut tx, &successor[0], State::Confirmed, None, now).await.expect("its own");
    captures::wait(&mut tx, &successor[0], Duration::ZERO, "SETBACK").await.expect("its own");
    tx.commit().await.expect("committed");
    tokio::time::sleep(Duration::from_millis(10)).await;
    let next = take(&db, Duration::from_mins(1)).await;
    assert_eq!((next[0].state, next[0].attempts, next[0].fence), (State::Confirmed, 1, 3));
}

#[tokio::test]
async fn the_worker_takes_captures_and_can_do_nothing_else_with_them() {
    let db = TestDb::new(&payment::MIGRATOR).await;
    intent(&db).await;
    for statement in [
        "UPDATE captures SET state = 'CONFIRMED'",
        "UPDATE captures SET deadline = now()",
        "SELECT mandate FROM captures",
        "DELETE FROM captures",
    ] {
        let mut tx = db.database().begin(Scope::Worker).await.expect("a transaction");
        let refused = sqlx::query(statement).execute(&mut *tx).await.expect_err(statement);
        let code = refused.as_database_error().and_then(|error| error.code().map(std::borrow::Cow::into_owned));
        assert_eq!(code.as_deref(), Some("42501"), "{statement}: {refused}");
    }
}

#[tokio::test]
async fn pl_02_captures_under_way_and_orders_without_an_answer_are_counted_with_their_age() {
    let db = TestDb::new(&payment::MIGRATOR).await;
    let begun = [intent(&db).await, intent(&db).await];
    // Without the lines that they would be drawn on.
    let unanswered = "INSERT INTO bank_orders (id, region, bank_id, bill_id, credit_line_id, kind, state, amount, created_at) \
        VALUES ($1, '110000', $1, $1, $1, 'CAPTURE', $2, 1, now() - interval '100 seconds')";
    let mut owner = db.owner().await;
    let free = "ALTER TABLE bank_orders DROP CONSTRAINT bank_orders_credit_line_id_fkey";
    sqlx::raw_sql(free).execute(&mut owner).await.expect("no key");
    for (capture, state) in begun.iter().zip(["UNKNOWN", "FAILED"]) {
        let order = sqlx::query(unanswered).bind(capture.bill.uuid()).bind(state);
        order.execute(&mut owner).await.expect("an order");
    }
    let mut shown = std::collections::BTreeMap::new();
    for gauge in GAUGES {
        let rows = gauges::read(db.database(), gauge).await.expect(gauge.name);
        shown.extend(rows.into_iter().map(|(state, value)| (format!("{} {state}", gauge.name), format!("{value:.0}"))));
    }
    assert_eq!(shown["anjia.saga.count CONFIRMING"], "2", "{shown:?}");
    assert_eq!(shown["anjia.saga.count NEEDS_HUMAN"], "0", "{shown:?}");
    let age: u64 = shown["anjia.saga.oldest CONFIRMING"].parse().expect("seconds");
    assert!(age < 60, "{shown:?}");
    assert_eq!(shown["anjia.bank_order.count UNKNOWN"], "1", "{shown:?}");
    assert_eq!(shown["anjia.bank_order.count INTENT"], "0", "{shown:?}");
    assert_eq!(shown["anjia.bank_order.oldest INTENT"], "0", "{shown:?}");
    let age: u64 = shown["anjia.bank_order.oldest UNKNOWN"].parse().expect("seconds");
    assert!((100..160).contains(&age), "{shown:?}");
}
