//! What keeps a person from being erased here.

use postgres::aliases::{self, Alias};
use postgres::retention::{self, Applied};
use postgres::{Scope, Transaction, erasure};
use referral::app::{OPEN, PERSONAL};
use testkit::TestDb;
use types::clock::{Clock as _, SystemClock};
use types::{ids::ResidentId, region::RegionCode};
use uuid::Uuid;

async fn submitted(tx: &mut Transaction, resident: ResidentId, state: &str) -> String {
    let id = Uuid::now_v7();
    sqlx::query(
        "INSERT INTO referrals (id, region, resident_id, direction, kind, from_organisation_id, to_organisation_id, urgency, payment, \
             submitted_by, submitted_at, valid_until, journey_id, state, version, owner_id, deadline, changed_at, diagnoses_sealed, \
             clinical_summary_sealed, key_version) \
         VALUES ($1, '110000', $2, 'UP', 'VISIT', $1, $2, 'ROUTINE', 'DESK', 'resident:' || $2, '2026-01-01', '2026-06-01', $1, $3, 1, \
             CASE WHEN $3 = 'SUBMITTED' THEN $1 END, CASE WHEN $3 = 'SUBMITTED' THEN now() END, '2026-01-02', '\\x00', '\\x00', 1)",
    )
    .bind(id)
    .bind(resident.uuid())
    .bind(state)
    .execute(&mut **tx)
    .await
    .unwrap();
    id.to_string()
}

#[tokio::test]
async fn id_08_a_referral_that_has_not_ended_keeps_a_person_from_being_erased_and_an_ended_one_is_kept_thirty_years() {
    let test = TestDb::new(&referral::MIGRATOR).await;
    postgres::migrate(&test.urls().owner, &referral::MIGRATOR, PERSONAL).await.unwrap();
    let resident = ResidentId::generate();
    let mut tx = test.database().begin(Scope::Region(RegionCode::BEIJING)).await.unwrap();
    let open = submitted(&mut tx, resident, "SUBMITTED").await;
    submitted(&mut tx, resident, "LAPSED").await;
    let other = ResidentId::generate();
    submitted(&mut tx, other, "WITHDRAWN").await;
    let open = [("REFERRAL".to_owned(), open)];
    assert_eq!(erasure::open(&mut tx, OPEN, resident, 100).await.unwrap(), open);
    let survivor = ResidentId::generate();
    aliases::insert(&mut tx, Alias { resident, survivor, since: SystemClock.now() }).await.unwrap();
    assert_eq!(erasure::open(&mut tx, OPEN, survivor, 100).await.unwrap(), open, "it is the person's");
    let kept = erasure::kept(&mut tx, PERSONAL, other).await.unwrap();
    assert_eq!((kept[0].rule.as_str(), kept[0].until), ("inpatient_record", "2056-01-02T00:00:00Z".parse().ok()));
    tx.commit().await.unwrap();

    let left = (kept[0].until.unwrap() - SystemClock.now()).num_days();
    let after = async |days: i64| {
        testkit::pass_days(&mut test.owner().await, days).await;
        retention::apply(test.database(), "referral", PERSONAL).await.unwrap()
    };
    assert_eq!(after(left - 1).await, Applied::default());
    assert_eq!(after(left + 2).await.removed, 2, "what has not ended stays");
}
