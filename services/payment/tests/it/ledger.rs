//! What the database itself refuses, whatever a program asks of it.

use postgres::{Database, Error, Scope, Transaction};
use testkit::TestDb;
use types::ids::{AccountId, BillId, TransferId};
use types::region::RegionCode;

const REGION: Scope = Scope::Region(RegionCode::BEIJING);

async fn account(tx: &mut Transaction, kind: &str) -> AccountId {
    let id = AccountId::generate();
    sqlx::query("INSERT INTO accounts (id, region, kind, holder) VALUES ($1, '110000', $2, $3)")
        .bind(id.uuid())
        .bind(kind)
        .bind(id.to_string())
        .execute(&mut **tx)
        .await
        .expect("an account");
    id
}

async fn leg(tx: &mut Transaction, transfer: TransferId, line: i16, account: AccountId, fen: i64) -> Result<(), Error> {
    sqlx::query("INSERT INTO entries (transfer_id, line, region, account_id, amount) VALUES ($1, $2, '110000', $3, $4::bigint * 0.01)")
        .bind(transfer.uuid())
        .bind(line)
        .bind(account.uuid())
        .bind(fen)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

async fn transfer(tx: &mut Transaction) -> TransferId {
    let id = TransferId::generate();
    sqlx::query("INSERT INTO transfers (id, region, purpose, bill_id, posted_at) VALUES ($1, '110000', 'BILL_CAPTURED', $2, now())")
        .bind(id.uuid())
        .bind(BillId::generate().uuid())
        .execute(&mut **tx)
        .await
        .expect("a transfer");
    id
}

/// Commits a transfer of these legs on accounts of their own.
async fn posted(db: &Database, legs: &[i64]) -> Result<TransferId, Error> {
    let mut tx = db.begin(REGION).await?;
    let id = transfer(&mut tx).await;
    for (line, fen) in (1..).zip(legs) {
        let account = account(&mut tx, "ARREARS").await;
        leg(&mut tx, id, line, account, *fen).await?;
    }
    tx.commit().await?;
    Ok(id)
}

#[tokio::test]
async fn py_04_the_database_refuses_what_does_not_balance() {
    let db = TestDb::new(&payment::MIGRATOR).await;
    let db = db.database();
    for (legs, constraint) in [
        (&[1200, -1199][..], "entries_sum_to_zero"),
        (&[1200], "entries_at_least_two"),
        (&[], "entries_at_least_two"),
        (&[1200, -1200, 0], "entries_amount_check"),
    ] {
        let refused = posted(db, legs).await.expect_err("not balanced");
        assert_eq!(refused.constraint(), Some(constraint), "{legs:?}");
    }
    posted(db, &[1200, -700, -500]).await.expect("balanced");
}

#[tokio::test]
async fn py_04_a_posted_transfer_takes_no_more_legs() {
    let db = TestDb::new(&payment::MIGRATOR).await;
    let id = posted(db.database(), &[100, -100]).await.expect("balanced");
    let mut tx = db.database().begin(REGION).await.expect("a transaction");
    let account = account(&mut tx, "ARREARS").await;
    let refused = leg(&mut tx, id, 3, account, 100).await.expect_err("posted");
    assert_eq!(refused.constraint(), Some("entries_with_their_transfer"));
}

#[tokio::test]
async fn py_04_nothing_in_the_ledger_is_ever_changed_or_removed() {
    let db = TestDb::new(&payment::MIGRATOR).await;
    posted(db.database(), &[100, -100]).await.expect("balanced");
    let mut owner = db.owner().await;
    for (statement, by_service) in [
        ("UPDATE entries SET amount = amount * 2", true),
        ("DELETE FROM entries", true),
        ("TRUNCATE entries", true),
        ("UPDATE transfers SET purpose = 'PROVIDER_SETTLED'", true),
        ("DELETE FROM transfers", true),
        ("UPDATE accounts SET holder = 'x'", true),
        ("DELETE FROM entries WHERE false", false),
    ] {
        if by_service {
            let mut tx = db.database().begin(REGION).await.expect("a transaction");
            let refused = sqlx::query(statement).execute(&mut *tx).await.expect_err("append-only");
            let code = refused.as_database_error().and_then(|error| error.code().map(String::from));
            assert_eq!(code.as_deref(), Some("42501"), "{statement}: not granted");
        }
        let refused = sqlx::query(statement).execute(&mut owner).await.expect_err("append-only");
        assert!(refused.to_string().contains("append-only"), "{statement}: {refused}");
    }
}

#[tokio::test]
async fn py_04_a_bill_is_charged_once_for_each_purpose() {
    let db = TestDb::new(&payment::MIGRATOR).await;
    let bill = BillId::generate();
    let mut tx = db.database().begin(REGION).await.expect("a transaction");
    for attempt in 0..2 {
        let inserted = sqlx::query(
            "INSERT INTO transfers (id, region, purpose, bill_id, posted_at) VALUES ($1, '110000', 'BILL_CAPTURED', $2, now())",
        )
        .bind(TransferId::generate().uuid())
        .bind(bill.uuid())
        .execute(&mut *tx)
        .await
        .map_err(Error::from);
        let constraint = inserted.as_ref().err().and_then(Error::constraint);
        assert_eq!(constraint, (attempt == 1).then_some("transfers_bill_purpose_key"));
    }
}

#[tokio::test]
async fn py_02_the_database_refuses_an_overdraft_and_a_balance_below_its_floor() {
    let db = TestDb::new(&payment::MIGRATOR).await;
    let mut owner = db.owner().await;
    sqlx::query(
        "INSERT INTO credit_lines (id, region, bank_id, resident_id, agreement_sha256, limit_amount, used, held, valid_until, state, granted_at) \
         VALUES (gen_random_uuid(), '110000', gen_random_uuid(), gen_random_uuid(), repeat('a', 64), 100, 60, 30, now(), 'ACTIVE', now())",
    )
    .execute(&mut owner)
    .await
    .expect("a line");
    for (change, constraint) in [
        ("UPDATE credit_lines SET held = 40.01", Some("credit_lines_never_overdrawn")),
        ("UPDATE credit_lines SET used = 70.01", Some("credit_lines_never_overdrawn")),
        ("UPDATE credit_lines SET held = -0.01", Some("credit_lines_held_floor")),
        ("UPDATE credit_lines SET used = -0.01", Some("credit_lines_used_floor")),
        ("UPDATE credit_lines SET held = 40", None),
        ("UPDATE credit_lines SET limit_amount = 50", None),
        ("UPDATE credit_lines SET used = used + 40, held = 0", None),
        ("UPDATE credit_lines SET held = 0.01", Some("credit_lines_never_overdrawn")),
    ] {
        let changed = sqlx::query(change).execute(&mut owner).await.map_err(Error::from);
        assert_eq!(changed.as_ref().err().and_then(Error::constraint), constraint, "{change}");
    }
}

#[tokio::test]
async fn pl_05_the_service_sees_its_own_region_only_and_the_worker_no_person() {
    let db = TestDb::new(&payment::MIGRATOR).await;
    posted(db.database(), &[100, -100]).await.expect("balanced");
    let mut tx = db.database().begin(Scope::Region(RegionCode::DEMONSTRATION)).await.expect("a transaction");
    for table in ["accounts", "transfers", "entries", "account_balances"] {
        let rows: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}")))
            .fetch_one(&mut *tx)
            .await
            .expect("readable");
        assert_eq!(rows, 0, "{table}");
    }
    for hidden in ["SELECT resident_id FROM bills", "SELECT id FROM credit_lines", "SELECT id FROM receipts"] {
        let mut worker = db.database().begin(Scope::Worker).await.expect("a transaction");
        sqlx::query(hidden).execute(&mut *worker).await.expect_err("not granted");
    }
}

#[tokio::test]
async fn i3_i4_the_checker_names_what_somebody_with_the_database_has_done() {
    let db = TestDb::new(&payment::MIGRATOR).await;
    let mut owner = db.owner().await;
    let clean: Vec<String> =
        sqlx::query_scalar("SELECT violation FROM payment_violations").fetch_all(&mut owner).await.expect("the view");
    assert!(clean.is_empty(), "{clean:?}");
    for statement in [
        "ALTER TABLE entries DISABLE TRIGGER USER",
        "ALTER TABLE transfers DISABLE TRIGGER USER",
        "INSERT INTO accounts (id, region, kind, holder) VALUES ('01930000-0000-7000-8000-000000000001', '110000', 'ARREARS', 'x')",
        "INSERT INTO transfers (id, region, purpose, bill_id, posted_at) \
         VALUES ('01930000-0000-7000-8000-000000000002', '110000', 'BILL_CAPTURED', gen_random_uuid(), now())",
        "INSERT INTO entries (transfer_id, line, region, account_id, amount) VALUES \
         ('01930000-0000-7000-8000-000000000002', 1, '110000', '01930000-0000-7000-8000-000000000001', -5)",
        "INSERT INTO credit_lines (id, region, bank_id, resident_id, agreement_sha256, limit_amount, used, held, valid_until, state, granted_at) \
         VALUES (gen_random_uuid(), '110000', gen_random_uuid(), gen_random_uuid(), repeat('a', 64), 100, 1, 1, now(), 'ACTIVE', now())",
    ] {
        sqlx::query(statement).execute(&mut owner).await.expect("the owner can do anything");
    }
    let mut found: Vec<String> =
        sqlx::query_scalar("SELECT violation FROM payment_violations").fetch_all(&mut owner).await.expect("the view");
    found.sort();
    assert_eq!(
        found,
        [
            "ACCOUNT_BELOW_FLOOR",
            "CREDIT_HELD_DIFFERS",
            "CREDIT_USED_DIFFERS",
            "LEDGER_UNBALANCED",
            "TRANSFER_UNBALANCED",
            "TRANSFER_WITHOUT_BILL",
        ]
    );
}

#[tokio::test]
async fn py_04_a_temporary_table_does_not_stand_in_for_the_ledger() {
    let db = TestDb::new(&payment::MIGRATOR).await;
    // The service may not make temporary tables at all; the check does not rest on that.
    let mut owner = db.owner().await;
    let refused = sqlx::raw_sql(
        "CREATE TEMPORARY TABLE entries (transfer_id uuid, amount numeric); \
         INSERT INTO pg_temp.entries SELECT '01930000-0000-7000-8000-000000000001'::uuid, unnest(ARRAY[1, -1]); \
         INSERT INTO transfers (id, region, purpose, bill_id, posted_at) \
         VALUES ('01930000-0000-7000-8000-000000000001', '110000', 'BILL_CAPTURED', gen_random_uuid(), now())",
    )
    .execute(&mut owner)
    .await
    .expect_err("a transfer without legs");
    let constraint = refused.as_database_error().and_then(|error| error.constraint());
    assert_eq!(constraint, Some("entries_at_least_two"), "{refused}");
}
