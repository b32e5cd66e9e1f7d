//! Two claims of a person that go on at once: one of them carries what the audit rules ask.

use proto::anjia::adjudication::v1::{self as wire, FindingState as State};
use proto::anjia::common::v1::CareKind;
use sqlx::Connection as _;
use types::ids::BillId;

use crate::days::claim_on;
use crate::locks::day_of;
use crate::world::{COVERED, World};

impl World {
    /// Divides two visits, of the last day of a year and the first of the next, so that neither division sees the other.
    async fn divided_at_once(&self) -> [wire::Settlement; 2] {
        let mut claims = vec![];
        for on in [day_of(-2, 12, 31), day_of(-1, 1, 1)] {
            let at = on.and_hms_opt(4, 0, 0).expect("an hour").and_utc();
            let visit = self.visit_at("clinic", self.resident, CareKind::Outpatient, at).await;
            claims.push(claim_on(&visit, COVERED, "50.00", on));
        }
        // Known already: who is new is given a key, and one of the two would wait for that.
        self.account().await;
        // Both have looked for others of the person when they come to their audit entry; neither has committed.
        let mut other = self.mesh.owner("adjudication").await;
        let mut tx = other.begin().await.expect("begun");
        sqlx::query("LOCK TABLE audit_entries IN SHARE MODE").execute(&mut *tx).await.expect("locked");
        let [first, second] = [claims.remove(0), claims.remove(0)].map(async |claim| {
            let request = self.caller("clinic").request(claim).await;
            self.adjudication()
                .divide_claim(request)
                .await
                .expect("divided")
                .into_inner()
                .settlement
                .unwrap_or_default()
        });
        let meanwhile = async {
            let waiting = "(SELECT FROM pg_locks JOIN pg_stat_activity AS who USING (pid) WHERE NOT granted \
                           AND relation = 'audit_entries'::regclass AND who.datname = current_database() \
                           AND who.usename = 'adjudication' HAVING count(*) = 2) AS waiting";
            self.heard(waiting).await;
            tx.commit().await.expect("the audit goes on");
        };
        let (first, second, ()) = tokio::join!(first, second, meanwhile);
        [first, second]
    }
}

#[tokio::test]
async fn ad_08_of_two_claims_at_once_the_later_confirmation_carries_what_the_rules_ask() {
    let world = World::with_rules().await;
    let divided = world.divided_at_once().await;
    assert_eq!(world.count("findings").await, 0, "neither saw the other");
    // More visits than the rule allows in thirty days: asked of the second, and not of both.
    let confirmed = divided.each_ref().map(async |settlement| {
        world.confirm(&settlement.settlement_id, &BillId::generate().to_string()).await.expect("confirmed")
    });
    let [first, second] = confirmed;
    tokio::join!(first, second);
    let reviewer = world.reviewer("reviewer").await;
    let found = world.findings(&reviewer, State::Open).await;
    let rules: Vec<_> = found.iter().map(|finding| finding.rule.as_str()).collect();
    assert_eq!(rules, ["N25-050"]);
    assert!(divided.iter().any(|settlement| settlement.settlement_id == found[0].settlement_id));
}

#[tokio::test]
async fn ad_08_what_a_division_has_seen_is_not_asked_again_at_its_confirmation() {
    let world = World::with_rules().await;
    let [first, second] = [day_of(-2, 12, 31), day_of(-1, 1, 1)].map(async |on| {
        let at = on.and_hms_opt(4, 0, 0).expect("an hour").and_utc();
        let visit = world.visit_at("clinic", world.resident, CareKind::Outpatient, at).await;
        let request = world.caller("clinic").request(claim_on(&visit, COVERED, "50.00", on)).await;
        world.adjudication().divide_claim(request).await.expect("divided").into_inner().settlement.unwrap_or_default()
    });
    let (first, second) = (first.await, second.await);
    // Confirmed in the other order: the second has asked about the first, which asks nothing about the second.
    for settlement in [&second, &first] {
        world.confirm(&settlement.settlement_id, &BillId::generate().to_string()).await.expect("confirmed");
    }
    let reviewer = world.reviewer("reviewer").await;
    let found = world.findings(&reviewer, State::Open).await;
    assert_eq!(found.iter().map(|finding| &finding.settlement_id).collect::<Vec<_>>(), [&second.settlement_id]);
}
