//! What keeps a person from being erased here, and what law orders kept.

use payment::app::{OPEN, PERSONAL};
use postgres::aliases::{self, Alias};
use postgres::erasure::{self, State};
use postgres::retention::{self, Applied};
use postgres::{Scope, Transaction};
use testkit::TestDb;
use types::clock::{Clock as _, SystemClock};
use types::ids::ResidentId;
use types::region::RegionCode;
use uuid::Uuid;

const REGION: Scope = Scope::Region(RegionCode::BEIJING);

async fn bill(tx: &mut Transaction, resident: ResidentId, state: &str) -> String {
    let id = Uuid::now_v7();
    for statement in [
        "INSERT INTO bill_ids (bill_id, region, resident_id) SELECT $1, '110000', $2 WHERE $3 <> ''",
        "INSERT INTO bills (id, region, resident_id, payee_id, state, total, settlement_id, opened_at, expires_at, captured_at, \
             receipt_id, version) \
         VALUES ($1, '110000', $2, $1, $3, 0, $1, '2026-02-01', '2026-03-01', \
             CASE WHEN $3 = 'SETTLED' THEN timestamptz '2026-02-03' END, CASE WHEN $3 = 'SETTLED' THEN $1 END, 1)",
    ] {
        sqlx::query(statement).bind(id).bind(resident.uuid()).bind(state).execute(&mut **tx).await.expect("a bill");
    }
    id.to_string()
}

async fn line(tx: &mut Transaction, resident: ResidentId, used: i32, valid: &str) -> String {
    let id = Uuid::now_v7();
    sqlx::query(
        "INSERT INTO credit_lines (id, region, bank_id, resident_id, agreement_sha256, limit_amount, used, valid_until, state, granted_at) \
         VALUES ($1, '110000', $1, $2, repeat('ab', 32), 1000, $3, now() + $4::interval, 'ACTIVE', now())",
    )
    .bind(id)
    .bind(resident.uuid())
    .bind(used)
    .bind(valid)
    .execute(&mut **tx)
    .await
    .expect("a line");
    id.to_string()
}

#[tokio::test]
async fn id_08_an_open_bill_or_drawn_credit_keeps_a_person_from_being_erased() {
    let test = TestDb::new(&payment::MIGRATOR).await;
    let resident = ResidentId::generate();
    let mut tx = test.database().begin(REGION).await.expect("begun");
    let mut expected = vec![];
    for state in ["AUTHORISED", "CAPTURING"] {
        expected.push(("BILL".to_owned(), bill(&mut tx, resident, state).await));
    }
    bill(&mut tx, resident, "SETTLED").await;
    bill(&mut tx, resident, "CANCELLED").await;
    expected.push(("CREDIT".to_owned(), line(&mut tx, resident, 12, "1 day").await));
    line(&mut tx, resident, 0, "1 day").await;
    line(&mut tx, resident, 12, "-1 day").await;
    bill(&mut tx, ResidentId::generate(), "AUTHORISED").await;
    let open = erasure::open(&mut tx, OPEN, resident, 100).await.expect("it is looked for");
    assert_eq!(open, expected, "nothing that has ended, and nobody else's");
    let survivor = ResidentId::generate();
    aliases::insert(&mut tx, Alias { resident, survivor, since: SystemClock.now() }).await.expect("merged");
    let by_the_other = erasure::open(&mut tx, OPEN, survivor, 100).await.expect("it is looked for");
    assert_eq!(by_the_other, expected, "they are the person's");
}

#[tokio::test]
async fn id_08_who_is_owed_something_is_not_erased_before_they_have_it() {
    let test = TestDb::new(&payment::MIGRATOR).await;
    let resident = ResidentId::generate();
    let mut tx = test.database().begin(REGION).await.expect("begun");
    for statement in [
        "INSERT INTO accounts (id, region, kind, holder) VALUES ($1, '110000', 'RESIDENT_REFUNDABLE', $1::text), \
         (gen_random_uuid(), '110000', 'DESK_COLLECTED', $1::text)",
        "INSERT INTO transfers (id, region, purpose, number, bill_id, posted_at) VALUES ($1, '110000', 'BILL_CORRECTED', 1, $1, now())",
        "INSERT INTO entries (transfer_id, line, region, account_id, amount) \
         SELECT $1, row_number() OVER (), '110000', id, CASE kind WHEN 'DESK_COLLECTED' THEN 5 ELSE -5 END FROM accounts",
    ] {
        sqlx::query(statement).bind(resident.uuid()).execute(&mut *tx).await.expect(statement);
    }
    let open = erasure::open(&mut tx, OPEN, resident, 100).await.expect("it is looked for");
    assert_eq!(open, [("REFUND".to_owned(), resident.to_string())]);
    assert_eq!(erasure::open(&mut tx, OPEN, ResidentId::generate(), 100).await.expect("it is looked for"), []);
}

#[tokio::test]
async fn id_08_accounts_are_kept_thirty_years_from_the_end_of_their_year_and_then_appraised_by_people() {
    let test = TestDb::new(&payment::MIGRATOR).await;
    postgres::migrate(&test.urls().owner, &payment::MIGRATOR, PERSONAL).await.expect("declared");
    let resident = ResidentId::generate();
    let mut tx = test.database().begin(REGION).await.expect("begun");
    bill(&mut tx, resident, "SETTLED").await;
    let request = Uuid::now_v7();
    erasure::set(&mut tx, "payment", &[resident], request, State::Closed).await.expect("recorded");
    tx.commit().await.expect("committed");
    let mut tx = test.database().begin(REGION).await.expect("begun");
    erasure::set(&mut tx, "payment", &[resident], request, State::Erased).await.expect("recorded");
    erasure::erase(&mut tx, "payment", PERSONAL, &[resident]).await.expect("erased");
    let kept = erasure::kept(&mut tx, PERSONAL, resident).await.expect("counted");
    tx.commit().await.expect("committed");
    let accounts = kept.iter().find(|kept| kept.rule == "accounting").expect("vouchers are kept");
    assert_eq!(accounts.rows, 2, "the bill and its number");
    // The first day of 2027 in Beijing, and thirty years.
    assert_eq!(accounts.until, "2056-12-31T16:00:00Z".parse().ok());
    let left = (accounts.until.expect("its year has ended") - SystemClock.now()).num_days();
    let after = async |days: i64| {
        testkit::pass_days(&mut test.owner().await, days).await;
        retention::apply(test.database(), "payment", PERSONAL).await.expect("applied")
    };
    assert_eq!(after(left - 1).await, Applied::default());
    assert_eq!(after(left + 2).await, Applied { removed: 0, awaiting: 1 }, "the bill; its number goes with it");
    let left: i64 =
        sqlx::query_scalar("SELECT count(*) FROM bills").fetch_one(&mut test.owner().await).await.expect("counted");
    assert_eq!(left, 1);
}
