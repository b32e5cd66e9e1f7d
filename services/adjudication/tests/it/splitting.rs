//! A stay in parts would be paid more than the whole: the second deductible is half, whatever the first stay bore. So nobody claims a visit
//! in parts, and two stays near one another are asked about before the provider is paid.

use proto::anjia::adjudication::v1::{self as wire, FindingState as State};
use proto::anjia::common::v1::CareKind;
use serde_json::json;
use testkit::{reason, request_id};
use tonic::Code;
use types::ids::BillId;

use crate::bad_claims::path;
use crate::days::{claim_on, last_year, noon};
use crate::inspection::document;
use crate::world::{COVERED, World, shares};

impl World {
    async fn with_split_admissions() -> Self {
        let mut rules = document();
        rules["rules"] = json!({
            "N25-049": {"kind": "SPLIT_ADMISSION", "source": ["demo"], "gap_days": 15, "planned": ["Z51"]},
        });
        let world = Self::new().await;
        let book = world.propose_rules(&rules).await.expect("the document is complete");
        world.release_rules("insurer-releaser", &book.rule_book_id).await.expect("another officer releases it");
        world
    }

    /// A stay of five days from then, billed whole.
    async fn stayed(&self, (month, day): (u32, u32), amount: &str) -> (String, wire::Settlement) {
        let visit = self.visit_at("hospital", self.resident, CareKind::Inpatient, noon(month, day)).await;
        let request = claim_on(&visit, COVERED, amount, last_year(month, day));
        let request = self.caller("hospital").request(request).await;
        let divided = self.adjudication().divide_claim(request).await.expect("divided").into_inner();
        let settlement = divided.settlement.unwrap_or_default();
        let bill = BillId::generate().to_string();
        (visit, self.confirm(&settlement.settlement_id, &bill).await.expect("confirmed"))
    }
}

#[tokio::test]
async fn ad_02_ad_08_a_stay_is_claimed_once_and_two_near_ones_are_asked_about() {
    let world = World::with_split_admissions().await;
    let (visit, first) = world.stayed((3, 8), "0.01").await;
    assert_eq!(shares(&first), ("0.00".to_owned(), "0.01".to_owned()));

    let rest = claim_on(&visit, COVERED, "1299.99", last_year(3, 9));
    for claim_id in [String::new(), first.claim_id.clone()] {
        let request = wire::DivideClaimRequest { request_id: request_id(), claim_id, ..rest.clone() };
        let request = world.caller("hospital").request(request).await;
        let refused = world.adjudication().divide_claim(request).await.expect_err("the rest of the same stay");
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::AlreadyExists, "CLAIM_EXISTS"));
        assert_eq!(path(&refused), "visit_id");
    }

    // 649.99 above half a deductible, where a single stay would be paid nothing: the person is, and the provider waits.
    let (_, second) = world.stayed((3, 20), "1299.99").await;
    assert_eq!(shares(&second), ("591.49".to_owned(), "708.50".to_owned()));
    let reviewer = world.reviewer("reviewer").await;
    let findings = world.findings(&reviewer, State::Open).await;
    let asked: Vec<_> = findings.iter().map(|finding| (&finding.rule, &finding.settlement_id)).collect();
    assert_eq!(asked, [(&"N25-049".to_owned(), &second.settlement_id)]);

    let (_, third) = world.stayed((6, 1), "1000.00").await;
    let findings = world.findings(&reviewer, State::Open).await;
    assert!(findings.iter().all(|finding| finding.settlement_id != third.settlement_id), "two months later");
}
