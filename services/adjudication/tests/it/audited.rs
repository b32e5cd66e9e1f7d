//! Every table is digested by the audit, or left out for a reason that is written down.

use std::sync::Arc;

use postgres::audit::{self, Against};
use postgres::vault::{FileKeys, Vault};
use proto::anjia::adjudication::v1 as wire;
use proto::anjia::common::v1::CareKind;
use testkit::TestDb;
use types::ids::BillId;

use crate::days::{claim_on, last_year, noon};
use crate::world::{BEIJING, COVERED, World};

#[tokio::test]
async fn id_09_every_table_is_audited_or_left_out_for_a_reason() {
    let test = TestDb::new(&adjudication::MIGRATOR).await;
    let left_out = audit::undigested().unwrap();
    let undecided = audit::undecided(&mut test.owner().await, "adjudication", &left_out).await.unwrap();
    assert_eq!(undecided, Vec::<String>::new(), "CALL audited(…) in a migration, or say why not in undigested.toml");

    // A table that somebody adds is found until it is decided about.
    let mut owner = test.owner().await;
    sqlx::raw_sql("CREATE TABLE left_lying (id uuid PRIMARY KEY)").execute(&mut owner).await.unwrap();
    assert_eq!(audit::undecided(&mut owner, "adjudication", &left_out).await.unwrap(), ["left_lying"]);
}

impl World {
    /// What a verifier with the keys finds, once everything is chained.
    pub(crate) async fn found_by_a_verifier(&self) -> Vec<String> {
        let keys = self.mesh.fleet().keys();
        let vault = Vault::new(Arc::new(FileKeys::load(&keys.secret("wrapping").expect("a key")).expect("it reads")));
        let mut owner = self.mesh.owner("adjudication").await;
        let waits = "SELECT EXISTS (SELECT FROM audit_entries WHERE position IS NULL)";
        while sqlx::query_scalar::<_, bool>(waits).fetch_one(&mut owner).await.expect("the owner may read it") {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let opener = audit::unlock(&mut owner, &vault).await.expect("the owner may read it");
        let verified = audit::verify(&mut owner, Against { opener: Some(&*opener), ..Against::default() })
            .await
            .expect("the owner may read it");
        assert!(verified.rows > 0 && verified.unopened == 0, "{verified:#?}");
        verified.findings.iter().map(|finding| format!("{}: {}", finding.place, finding.what)).collect()
    }
}

#[tokio::test]
async fn id_09_ad_01_a_policy_that_was_superseded_is_as_its_last_entry_says() {
    let world = World::new().await;
    let later = BEIJING.replacen(r#""from": "2023-01-01""#, r#""from": "2099-01-01""#, 1);
    let later = world.propose(&later).await.expect("a later document");
    world.release("insurer-releaser", &later.policy_id).await.expect("it takes over");
    assert_eq!(world.count("policies WHERE state = 'SUPERSEDED'").await, 1);
    assert_eq!(world.found_by_a_verifier().await, Vec::<String>::new());
}

#[tokio::test]
async fn id_09_ad_03_a_division_that_lapsed_is_as_its_last_entry_says() {
    let world = World::new().await;
    let visits = [noon(3, 10), noon(4, 10)];
    let mut divided = Vec::new();
    for (visit, month) in visits.into_iter().zip([3, 4]) {
        let visit = world.visit_at("clinic", world.resident, CareKind::Outpatient, visit).await;
        let request = claim_on(&visit, COVERED, "100.00", last_year(month, 10));
        let request = world.caller("clinic").request(request).await;
        divided.push((visit, world.adjudication().divide_claim(request).await.expect("divided").into_inner()));
    }
    let id = |at: usize| divided[at].1.settlement.clone().unwrap_or_default().settlement_id;
    world.confirm(&id(0), &BillId::generate().to_string()).await.expect("confirmed");

    // The other is stale by now, and is divided anew.
    let again = wire::DivideClaimRequest {
        claim_id: divided[1].1.claim.clone().unwrap_or_default().claim_id,
        ..claim_on(&divided[1].0, COVERED, "100.00", last_year(4, 10))
    };
    let again = world.adjudication().divide_claim(world.caller("clinic").request(again).await).await;
    let again = again.expect("divided anew").into_inner().settlement.unwrap_or_default();
    assert_eq!(world.count("settlements WHERE state = 'LAPSED'").await, 1);
    world.confirm(&again.settlement_id, &BillId::generate().to_string()).await.expect("confirmed");
    assert_eq!(world.found_by_a_verifier().await, Vec::<String>::new());
}

#[tokio::test]
async fn id_09_ad_03_what_was_taken_back_corrected_and_judged_anew_is_as_its_last_entry_says() {
    let world = World::with_rules().await;
    let (first, bill) = world.settled(world.resident, 3, "1300.00").await;
    let (second, _) = world.settled(world.resident, 4, "2000.00").await;
    world.reverse(&first.settlement_id, &bill).await.expect("it is in force");
    world.told("anjia.adjudication.settlement.corrected.v1", 1).await;
    world.correct(&second, "1500.00", last_year(4, 10)).await.expect("in force");
    world.judged().await;
    assert_eq!(world.count("settlements WHERE state = 'CORRECTED'").await, 2);
    assert_eq!(world.found_by_a_verifier().await, Vec::<String>::new());
}
