//! Erasure and retention among many rows: by index, page by page, and by nobody but the functions that decide.

use postgres::{
    audit::{self, Against},
    erasure::{self, State},
    personal::PersonalTable,
    retention::{self, Applied},
    sealer,
};
use sqlx::AssertSqlSafe;
use types::ids::ResidentId;
use uuid::Uuid;

use crate::harness::{BEIJING, ELSEWHERE, MIGRATOR, TestDb, closed};

/// A person's last page decides when all of theirs may go; a page that another follows goes after it.
const DIARIES: &[PersonalTable] = &[PersonalTable {
    unreferred: "NOT EXISTS (SELECT FROM diaries later WHERE later.follows = t.id)",
    ..PersonalTable::new("diaries", &[], ["日记", "diaries"], "booking")
        .over("(SELECT max(d.written_at) FROM diaries d WHERE d.resident_id = t.resident_id)")
        .dated("t.written_at")
}];
const CHRONICLES: &[PersonalTable] = &[PersonalTable { rule: "accounting", ..DIARIES[0] }];

/// As many rows as a person has pages, of as many persons, the last of each written so many days ago.
async fn fill(test: &TestDb, persons: i32, pages: i32, days_ago: i32) {
    // A region has keys from its first transaction on.
    test.db.begin(BEIJING).await.unwrap().commit().await.unwrap();
    sqlx::query(
        "INSERT INTO diaries (id, region, resident_id, written_at) \
         SELECT gen_random_uuid(), '110000', md5($3 || '/' || person)::uuid, now() - make_interval(days => $3 + page) \
         FROM generate_series(1, $1) AS person, generate_series(0, $2 - 1) AS page",
    )
    .bind(persons)
    .bind(pages)
    .bind(days_ago)
    .execute(&mut test.insider().await)
    .await
    .unwrap();
}

/// Sessions beside the one that asks.
const SESSIONS: &str =
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";

/// How often the tables were read from end to end so far, once so many sessions are left: what one did is counted when it ends.
async fn whole_reads(test: &TestDb, sessions: i64) -> i64 {
    while test.count(SESSIONS).await > sessions {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    test.count("SELECT sum(seq_scan)::bigint FROM pg_stat_user_tables WHERE relname IN ('diaries', 'erasures')").await
}

#[tokio::test]
async fn id_08_among_twenty_thousand_rows_retention_and_erasure_go_by_index_alone() {
    let test = TestDb::new().await;
    postgres::migrate(test.owner_url(), &MIGRATOR, DIARIES).await.unwrap();
    // Old pages of persons who go on writing stay in the way of those of others, whose time is over.
    fill(&test, 100, 200, 1000).await;
    fill(&test, 6, 100, 3 * 366).await;
    let sessions = test.count(SESSIONS).await;
    let mut owner = test.insider().await;
    let watched = "INSERT INTO erasures (region, resident_id, erasure_id, state, due_at) \
        SELECT '110000', gen_random_uuid(), gen_random_uuid(), 'WATCHED', now() + make_interval(days => least(n - 3, 1)) FROM generate_series(1, 20000) AS n; \
        ANALYZE diaries; ANALYZE erasures";
    sqlx::raw_sql(watched).execute(&mut owner).await.unwrap();
    assert_eq!(retention::without_index(&mut owner).await.unwrap(), Vec::<String>::new());
    // Nothing is switched off here: a plan as it is made.
    let page: String = sqlx::query_scalar("SELECT retention_page(list) FROM personal_tables AS list")
        .fetch_one(&mut owner)
        .await
        .unwrap();
    let prepare = format!("PREPARE page (text, timestamptz, text, integer, timestamptz) AS {page}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(prepare)).execute(&mut owner).await.unwrap();
    let explained = sqlx::raw_sql("EXPLAIN EXECUTE page ('110000', '-infinity', '', 200, now())");
    let plan: Vec<String> =
        explained.fetch_all(&mut owner).await.unwrap().iter().map(|line| sqlx::Row::get(line, 0)).collect();
    let plan = plan.join("\n");
    assert!(plan.contains("diaries_dated") && !plan.contains("Seq Scan"), "{plan}");

    sqlx::Connection::close(owner).await.unwrap();
    let before = whole_reads(&test, sessions).await;
    let db = test.replica().await;
    let applied = retention::apply(&db, "notes", DIARIES).await.unwrap();
    assert_eq!(applied, Applied { removed: 600, awaiting: 0 });
    let (one, other) = (erasure::take_due(&db, 2).await.unwrap(), erasure::take_due(&db, 10).await.unwrap());
    assert_eq!((one.len(), other.len()), (2, 1), "each is taken once");
    assert!(other.iter().all(|taken| !one.contains(taken)));
    let mut tx = db.begin(BEIJING).await.unwrap();
    let resident: Uuid = sqlx::query_scalar("SELECT md5('1000/7')::uuid").fetch_one(&mut *tx).await.unwrap();
    let resident = ResidentId::from_uuid(resident);
    drop(tx);
    let id = closed(&db, BEIJING, &[resident]).await;
    let mut tx = db.begin(BEIJING).await.unwrap();
    erasure::set(&mut tx, "notes", &[resident], id, State::Erased).await.unwrap();
    erasure::erase(&mut tx, "notes", DIARIES, &[resident]).await.unwrap();
    tx.commit().await.unwrap();
    db.close().await;
    assert_eq!(whole_reads(&test, sessions).await, before);
    assert_eq!(test.count("SELECT count(*) FROM diaries").await, 19_800);
}

#[tokio::test]
async fn id_08_a_round_goes_on_where_the_one_before_ended() {
    let test = TestDb::new().await;
    postgres::migrate(test.owner_url(), &MIGRATOR, DIARIES).await.unwrap();
    fill(&test, 1, 450, 1000).await;
    let mut looked_at = vec![];
    for _ in 0..4 {
        let mut tx = test.db.begin(BEIJING).await.unwrap();
        let page: (i64, Vec<String>) =
            sqlx::query_as("SELECT looked_at, removed FROM forget_overdue('diaries', 'booking', 200)")
                .fetch_one(&mut *tx)
                .await
                .unwrap();
        tx.commit().await.unwrap();
        assert_eq!(page.1, Vec::<String>::new(), "the person's last page is young");
        looked_at.push(page.0);
    }
    // Three years are 1095 or 1096 days.
    assert!(looked_at[0] == 200 && (150..=160).contains(&looked_at[1]), "{looked_at:?}");
    assert_eq!(looked_at[2..], looked_at[..2], "then from the oldest again");
    let most = "SELECT count_overdue('diaries', 'booking', 100)";
    let mut tx = test.db.begin(BEIJING).await.unwrap();
    assert_eq!(sqlx::query_scalar::<_, i64>(most).fetch_one(&mut *tx).await.unwrap(), 0);
    drop(tx);
    postgres::migrate(test.owner_url(), &MIGRATOR, CHRONICLES).await.unwrap();
    testkit::pass_days(&mut test.insider().await, 40 * 366).await;
    assert_eq!(retention::apply(&test.db, "notes", CHRONICLES).await.unwrap(), Applied { removed: 0, awaiting: 450 });
}

#[tokio::test]
async fn id_08_a_service_removes_rows_about_persons_by_their_erasure_and_at_their_time_alone() {
    let test = TestDb::new().await;
    postgres::migrate(test.owner_url(), &MIGRATOR, DIARIES).await.unwrap();
    fill(&test, 2, 1, 10).await;
    let mut tx = test.db.begin(BEIJING).await.unwrap();
    let ids: Vec<Uuid> = sqlx::query_scalar("SELECT resident_id FROM diaries").fetch_all(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    let (person, other) = (ResidentId::from_uuid(ids[0]), ids[1]);
    let [here, elsewhere] = [closed(&test.db, BEIJING, &[person]).await, closed(&test.db, ELSEWHERE, &[person]).await];
    for (sql, whose) in [
        ("DELETE FROM diaries WHERE resident_id = $1", ids[0]),
        ("SELECT forget_rows('diaries', 'booking', $1)", ids[0]),
        ("SELECT forget_rows('personal_tables', 'booking', $1)", ids[0]),
        ("SELECT forget_rows('diaries', 'booking', $1)", other),
    ] {
        let mut tx = test.db.begin(BEIJING).await.unwrap();
        if whose == other {
            erasure::set(&mut tx, "notes", &[person], here, State::Erased).await.unwrap();
        }
        let refused = sqlx::query(sql).bind(whose).execute(&mut *tx).await.expect_err(sql);
        let code = refused.into_database_error().and_then(|error| error.code().map(std::borrow::Cow::into_owned));
        assert_eq!(code.as_deref(), Some("42501"), "{sql}");
    }
    // Nor by saying that it is another time, or another region.
    assert_eq!(retention::apply(&test.db, "notes", DIARIES).await.unwrap(), Applied::default());
    let mut tx = test.db.begin(ELSEWHERE).await.unwrap();
    erasure::set(&mut tx, "notes", &[person], elsewhere, State::Erased).await.unwrap();
    erasure::erase(&mut tx, "notes", DIARIES, &[person]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(test.count("SELECT count(*) FROM diaries").await, 2);
    let mut tx = test.db.begin(BEIJING).await.unwrap();
    erasure::set(&mut tx, "notes", &[person], here, State::Erased).await.unwrap();
    erasure::erase(&mut tx, "notes", DIARIES, &[person]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(test.count("SELECT count(*) FROM diaries").await, 1);

    // What may be forgotten is written down by the owner, and an edit of it found.
    sealer::seal_all(&test.db).await.unwrap();
    let mut owner = test.insider().await;
    sqlx::raw_sql("UPDATE personal_tables SET whose = 'true'").execute(&mut owner).await.unwrap();
    let verified = audit::verify(&mut owner, Against::default()).await.unwrap();
    let places: Vec<String> = verified.findings.iter().map(|finding| finding.place.to_string()).collect();
    assert!(places.contains(&"personal_tables/diaries/booking".to_owned()), "{places:?}");
    postgres::migrate(test.owner_url(), &MIGRATOR, DIARIES).await.unwrap();
    sealer::seal_all(&test.db).await.unwrap();
    let mended = audit::verify(&mut owner, Against::default()).await.unwrap();
    assert!(mended.findings.iter().all(|finding| !finding.place.to_string().starts_with("personal_tables")));
}

#[tokio::test]
async fn id_08_a_service_says_that_somebody_was_erased_after_an_earlier_transaction_closed_it_and_not_otherwise() {
    const OF_NOBODY: &str = "INSERT INTO erasures (region, resident_id, erasure_id, state) \
        VALUES ('110000', '00000000-0000-0000-0000-000000000009', gen_random_uuid(), 'ERASED')";
    const CLOSE: &str = "UPDATE erasures SET state = 'CLOSED' WHERE state = 'WATCHED'";
    const ERASE: &str =
        "UPDATE erasures SET state = 'ERASED' WHERE resident_id = '00000000-0000-0000-0000-000000000001'";
    let test = TestDb::new().await;
    let [watched, shut, gone] = [1, 2, 3].map(|number| ResidentId::from_uuid(Uuid::from_u128(number)));
    let mut tx = test.db.begin(BEIJING).await.unwrap();
    erasure::set(&mut tx, "notes", &[watched], Uuid::now_v7(), State::Watched).await.unwrap();
    tx.commit().await.unwrap();
    closed(&test.db, BEIJING, &[shut]).await;
    let id = closed(&test.db, BEIJING, &[gone]).await;
    let mut tx = test.db.begin(BEIJING).await.unwrap();
    erasure::set(&mut tx, "notes", &[gone], id, State::Erased).await.unwrap();
    tx.commit().await.unwrap();

    for cheat in [
        OF_NOBODY.to_owned(),
        format!(
            "CREATE TEMPORARY TABLE erasures AS SELECT * FROM erasures; \
            INSERT INTO erasures SELECT '110000', '00000000-0000-0000-0000-000000000009'; {}",
            OF_NOBODY.replace("INTO ", "INTO public.")
        ),
        format!("{OF_NOBODY} ON CONFLICT DO NOTHING"),
        ERASE.to_owned(),
        format!("{CLOSE}; {ERASE}"),
        format!("SAVEPOINT closed; {CLOSE}; RELEASE closed; {ERASE}"),
        format!("{}; {ERASE}", CLOSE.replace("'CLOSED'", "'CLOSED', closed_in = '1'")),
        ERASE.replace("'ERASED'", "'ERASED', closed_in = '1'"),
        "UPDATE erasures SET state = 'ERASED', erasure_id = gen_random_uuid() WHERE state = 'CLOSED'".to_owned(),
        "UPDATE erasures SET resident_id = gen_random_uuid() WHERE state = 'CLOSED'".to_owned(),
        "UPDATE erasures SET resident_id = gen_random_uuid() WHERE state = 'ERASED'".to_owned(),
        "UPDATE erasures SET state = 'WATCHED' WHERE state = 'ERASED'".to_owned(),
        "UPDATE erasures SET erasure_id = gen_random_uuid() WHERE state = 'ERASED'".to_owned(),
    ] {
        let mut tx = test.db.begin(BEIJING).await.unwrap();
        let refused = sqlx::raw_sql(AssertSqlSafe(cheat.clone())).execute(&mut *tx).await.expect_err(&cheat);
        let code = refused.into_database_error().and_then(|error| error.code().map(std::borrow::Cow::into_owned));
        assert_eq!(code.as_deref(), Some("42501"), "{cheat}");
    }
}

#[tokio::test]
async fn id_08_a_table_without_an_index_on_its_date_is_found_whatever_other_index_there_is() {
    let test = TestDb::new().await;
    postgres::migrate(test.owner_url(), &MIGRATOR, DIARIES).await.unwrap();
    let mut owner = test.insider().await;
    assert_eq!(retention::without_index(&mut owner).await.unwrap(), Vec::<String>::new());
    for other in ["diaries_dated ON diaries (region)", "diaries_written ON diaries (region, written_at)"] {
        let instead = format!("DROP INDEX diaries_dated; CREATE INDEX {other}");
        sqlx::raw_sql(AssertSqlSafe(instead)).execute(&mut owner).await.unwrap();
        let found = retention::without_index(&mut owner).await.unwrap();
        assert!(found.len() == 1 && found[0].starts_with("diaries by booking: "), "{other}: {found:?}");
    }
}
