//! What a region is told of care elsewhere, and when others are asked to judge anew.

use postgres::Scope;
use postgres::aliases::{self, Alias};
use postgres::audit::{self, Entry};
use proto::anjia::common::v1 as common;
use types::ids::{JourneyId, ResidentId};
use types::region::RegionCode;

use crate::chains::with_clinics;
use crate::days::{last_year, noon};
use crate::two_regions::Two;
use crate::world::BEIJING;

#[tokio::test]
async fn ad_06_pl_05_a_region_is_told_nothing_of_claims_of_whom_it_does_not_care_for() {
    let two = Two::with(&with_clinics("EMPLOYEE"), "990000").await;
    let world = &two.world;
    world.settled(world.resident, 3, "1300.00").await;
    let visit = two.ended_away(common::CareKind::Inpatient, 4, chrono::TimeDelta::days(5)).await;
    let (stay, _) = two.confirmed_away(&visit, 4, "2000.00").await;
    world.credit(world.resident, "80.00").await.expect("an employee");
    let db = world.mesh.connect("adjudication").await;
    let begun = async |region: &str| db.begin(Scope::Region(region.parse().expect("a region"))).await.expect("begun");
    let told = async |region: &str| {
        let mut tx = begun(region).await;
        let settled = adjudication::store::elsewhere::settled(&mut tx, world.resident, 2000).await.expect("read");
        let (rows, stays, is_late): (i64, i64, bool) = sqlx::query_as(
            "SELECT (SELECT count(*) FROM claims) + (SELECT count(*) FROM settlements), (SELECT count(*) FROM inpatient_stays($1, NULL)), \
             is_settled_after($1, 2000, 'EMPLOYEE', '2000-01-01')",
        )
        .bind(world.resident.uuid())
        .fetch_one(&mut *tx)
        .await
        .expect("counts");
        (settled.len(), rows, stays, is_late)
    };
    assert_eq!(told("110000").await, (1, 2, 1, true));
    assert_eq!(told("990000").await, (1, 2, 1, true));
    assert_eq!(told("310000").await, (0, 0, 0, false));

    // Who names person and journey is told of its stays, and of accounts what may pay; of rows nothing.
    let mut tx = begun("310000").await;
    let (of_journey, of_another, purses, rows): (i64, i64, Vec<String>, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM inpatient_stays($1, $2)), (SELECT count(*) FROM inpatient_stays($1, $1)), \
         ARRAY(SELECT free::text FROM purses($1, '2020-01-01', now())), \
         (SELECT count(*) FROM personal_accounts) + (SELECT count(*) FROM account_entries) + (SELECT count(*) FROM stays)",
    )
    .bind(world.resident.uuid())
    .bind(stay.journey_id.parse::<JourneyId>().expect("an id").uuid())
    .fetch_one(&mut *tx)
    .await
    .expect("it answers");
    assert_eq!((of_journey, of_another, purses, rows), (1, 0, vec!["80.00".to_owned()], 0));
    // Nor does it move what it has no claim on, or lock or see a row of the year.
    let (is_moved, locked, rows): (bool, i64, i64) = sqlx::query_as(
        "SELECT move_year($1, $2, 'EMPLOYEE', 'OUTPATIENT', 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), \
         (SELECT count(*) FROM lock_year($1, $2, 'EMPLOYEE')), (SELECT count(*) FROM accumulators)",
    )
    .bind(world.resident.uuid())
    .bind(chrono::Datelike::year(&last_year(1, 1)))
    .fetch_one(&mut *tx)
    .await
    .expect("it answers");
    assert_eq!((is_moved, locked, rows), (false, 0, 0));
}

#[tokio::test]
async fn ad_03_ad_06_who_was_merged_at_home_is_judged_as_one_person_away() {
    let mut two = Two::with(BEIJING, "990000").await;
    let (one, other) = (two.world.resident, ResidentId::generate());
    two.world.register(other).await;
    two.world.enrol(other).await;
    let (first, _) = two.settled_away(4, "1000.00").await;
    two.world.resident = other;
    let (second, _) = two.settled_away(5, "300.00").await;
    let db = two.world.mesh.connect("adjudication").await;
    let mut tx = db.begin(Scope::Region(RegionCode::BEIJING)).await.expect("begun");
    let merged = Alias { resident: other, survivor: one, since: noon(6, 1) };
    aliases::insert(&mut tx, merged).await.expect("merged");
    let entry = Entry::by_service("adjudication", "adjudication.alias.merge");
    audit::record(&mut tx, aliases::audited(entry, other)).await.expect("recorded");
    tx.commit().await.expect("committed");

    // A late claim by one id comes before the claims of both.
    two.world.resident = one;
    let (late, _) = two.settled_away(3, "500.00").await;
    two.world.judged().await;
    let late_claim = Some("LATE_CLAIM".to_owned());
    assert_eq!(two.in_force(&late.claim_id).await, ("500.00".to_owned(), late_claim.clone()));
    assert_eq!(two.in_force(&first.claim_id).await, ("800.00".to_owned(), late_claim.clone()));
    assert_eq!(two.in_force(&second.claim_id).await, ("0.00".to_owned(), late_claim));
    assert_eq!(two.world.year().await, two.world.year_by_settlements().await);
}

#[tokio::test]
async fn ad_03_ad_06_a_region_that_has_not_begun_is_asked_once() {
    let two = Two::with(BEIJING, "990000").await;
    let world = &two.world;
    let (first, first_bill) = world.settled(world.resident, 3, "1300.00").await;
    let (second, second_bill) = world.settled(world.resident, 5, "1300.00").await;
    two.settled_away(6, "2000.00").await;
    // It takes up nothing before tomorrow.
    let mut owner = world.mesh.owner("adjudication").await;
    let put_off = async |owner: &mut sqlx::PgConnection, cause: &str| {
        sqlx::query(
            "INSERT INTO readjudications (id, region, resident_id, from_year, cause, state, requested_at, deadline, next_attempt_at, asked_in) \
             VALUES (gen_random_uuid(), '990000', $1, 2000, $2, 'RUNNING', now(), now() + interval '2 days', now() + interval '1 day', '990000')",
        )
        .bind(world.resident.uuid())
        .bind(cause)
        .execute(owner)
        .await
        .expect("asked");
    };
    let asked = async || world.count("readjudications WHERE region = '990000'").await;
    put_off(&mut owner, "ENTITLEMENT").await;
    world.reverse(&second.settlement_id, &second_bill).await.expect("it is in force");
    assert_eq!(asked().await, 2, "for another cause");
    put_off(&mut owner, "REVERSAL").await;
    world.reverse(&first.settlement_id, &first_bill).await.expect("it is in force");
    assert_eq!(asked().await, 3, "it waits to be taken up");
}
