//! What keeps a person from being erased here.

use adjudication::app::{OPEN, PERSONAL};
use postgres::aliases::{self, Alias};
use postgres::{Scope, Transaction, erasure};
use testkit::TestDb;
use types::clock::{Clock as _, SystemClock};
use types::ids::ResidentId;
use types::region::RegionCode;
use uuid::Uuid;

async fn settlement(tx: &mut Transaction, resident: ResidentId, state: &str, lapses: &str) -> String {
    let id = Uuid::now_v7();
    for statement in [
        "INSERT INTO settlements (id, region, claim_id, claim_version, resident_id, provider_organisation_id, state, outcome, total, \
             fully_own, first_self_pay, in_scope, deductible, pooled_fund, pooled_own, large_amount_fund, large_amount_own, beyond_cover, \
             basis, adjudication, drift, journey_id, tier, divided_at, lapses_at, confirmed_at) \
         VALUES ($1, '110000', $1, 1, $2, $1, $3, 'NOT_ENROLLED', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '{}', '{}', '{}', $1, 'COMMUNITY', now(), \
             now() + $4::interval, CASE WHEN $3 = 'CONFIRMED' THEN timestamptz '2026-02-03' END)",
        "INSERT INTO claims (id, region, version, visit_id, resident_id, provider_organisation_id, tier, kind, from_date, until_date, total, \
             journey_id, settlement_id, received_at, diagnoses_sealed, key_version) \
         SELECT $1, '110000', 1, $1, $2, $1, 'COMMUNITY', 'OUTPATIENT', '2026-02-02', '2026-02-02', 0, $1, $1, \
             timestamptz '2026-02-03', '\\x00', 1 WHERE $3 <> $4",
    ] {
        let insert = sqlx::query(statement).bind(id).bind(resident.uuid()).bind(state).bind(lapses);
        insert.execute(&mut **tx).await.expect("a settlement");
    }
    id.to_string()
}

#[tokio::test]
async fn id_08_a_division_that_may_still_be_confirmed_keeps_a_person_from_being_erased() {
    let test = TestDb::new(&adjudication::MIGRATOR).await;
    let resident = ResidentId::generate();
    let mut tx = test.database().begin(Scope::Region(RegionCode::BEIJING)).await.expect("begun");
    let open = settlement(&mut tx, resident, "DIVIDED", "1 hour").await;
    settlement(&mut tx, resident, "DIVIDED", "-1 hour").await;
    settlement(&mut tx, resident, "CONFIRMED", "1 hour").await;
    let found = erasure::open(&mut tx, OPEN, resident, 100).await.expect("it is looked for");
    assert_eq!(found, [("SETTLEMENT".to_owned(), open)]);
    let survivor = ResidentId::generate();
    aliases::insert(&mut tx, Alias { resident, survivor, since: SystemClock.now() }).await.expect("merged");
    let by_the_other = erasure::open(&mut tx, OPEN, survivor, 100).await.expect("it is looked for");
    assert_eq!(by_the_other, found, "it is the person's");
    let kept = erasure::kept(&mut tx, PERSONAL, resident).await.expect("counted");
    assert_eq!((kept[0].rule.as_str(), kept[0].rows), ("insurance", 6), "claims and settlements");
    assert!(kept[0].until.is_some());
}
