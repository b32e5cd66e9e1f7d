//! In which order locks are taken.

use futures_util::future::join_all;
use proto::anjia::common::v1::CareKind;
use sqlx::Connection as _;
use types::ids::{BillId, SettlementId};

use crate::days::{claim_on, last_year, noon};
use crate::world::{COVERED, World};

#[tokio::test]
async fn ad_02_a_confirmation_waits_for_the_years_totals_without_holding_the_settlement() {
    let world = World::new().await;
    world.settled(world.resident, 3, "10.00").await;
    let visit = world.visit_at("clinic", world.resident, CareKind::Outpatient, noon(4, 10)).await;
    let request = world.caller("clinic").request(claim_on(&visit, COVERED, "10.00", last_year(4, 10))).await;
    let divided = world.adjudication().divide_claim(request).await.expect("divided").into_inner();
    let id = divided.settlement.unwrap_or_default().settlement_id;

    // Somebody judges the year anew: holds the totals, and will want the settlement.
    let mut other = world.mesh.owner("adjudication").await;
    let mut tx = other.begin().await.expect("begun");
    sqlx::query("SELECT FROM accumulators FOR UPDATE").execute(&mut *tx).await.expect("locked");
    let bill = BillId::generate().to_string();
    let confirming = world.confirm(&id, &bill);
    let waiting = "pg_locks held JOIN pg_stat_activity waiting USING (pid) WHERE NOT held.granted AND waiting.datname = current_database()";
    let meanwhile = async {
        world.heard(waiting).await;
        let id = id.parse::<SettlementId>().expect("an id").uuid();
        let taken =
            sqlx::query("SELECT FROM settlements WHERE id = $1 FOR UPDATE NOWAIT").bind(id).execute(&mut *tx).await;
        taken.expect("nobody holds it who waits for the totals");
        tx.commit().await.expect("the totals are free");
    };
    let (confirmed, ()) = tokio::join!(confirming, meanwhile);
    confirmed.expect("confirmed");
    assert_eq!(world.year().await.3, 2);
}

#[tokio::test]
async fn ad_02_corrections_of_two_years_at_once_do_not_stop_one_another() {
    let world = World::new().await;
    let mut settled = vec![];
    for year in [-2, -1] {
        for (month, day) in [(1, 10), (1, 12)] {
            let on = day_of(year, month, day);
            let at = on.and_hms_opt(4, 0, 0).expect("an hour").and_utc();
            let visit = world.visit_at("clinic", world.resident, CareKind::Outpatient, at).await;
            let request = world.caller("clinic").request(claim_on(&visit, COVERED, "500.00", on)).await;
            let divided = world.adjudication().divide_claim(request).await.expect("divided").into_inner();
            let divided = divided.settlement.unwrap_or_default();
            let bill = BillId::generate().to_string();
            settled.push((world.confirm(&divided.settlement_id, &bill).await.expect("confirmed"), on));
        }
    }
    // Each asks for its year and all later ones to be judged anew, beside the others' corrections.
    let corrections = settled.iter().map(|(settlement, on)| world.correct(settlement, "300.00", *on));
    for corrected in join_all(corrections).await {
        corrected.expect("corrected");
    }
    world.judged().await;
    assert!(!world.mesh.log("adjudication").contains("deadlock"), "{}", world.mesh.log("adjudication"));
    let same = "(SELECT WHERE (SELECT sum(in_scope) FROM accumulators) = 1200) AS summed";
    assert_eq!(world.count(same).await, 1);
}

/// So many years before this one.
pub(crate) fn day_of(year: i32, month: u32, day: u32) -> chrono::NaiveDate {
    let this = chrono::Datelike::year(&crate::world::today());
    chrono::NaiveDate::from_ymd_opt(this + year, month, day).expect("a day")
}
