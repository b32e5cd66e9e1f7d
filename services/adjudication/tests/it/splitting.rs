//! Rules that see more of a claim than its lines.
//!
//! A stay in parts would be paid more than the whole: the second deductible is half, whatever the first stay bore. So nobody claims a visit
//! in parts, and two stays near one another are asked about before the provider is paid.

use proto::anjia::adjudication::v1::{self as wire, FindingState as State};
use proto::anjia::common::v1::CareKind;
use serde_json::json;
use testkit::{reason, request_id};
use tonic::Code;
use types::ids::{BillId, JourneyId};

use crate::bad_claims::path;
use crate::days::{claim_on, last_year, noon, paid};
use crate::inspection::document;
use crate::world::{COVERED, World, claim};

impl World {
    async fn with_these_rules(named: serde_json::Value) -> Self {
        let mut rules = document();
        rules["rules"] = named;
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
    let split = json!({"kind": "SPLIT_ADMISSION", "source": ["demo"], "gap_days": 15, "planned": ["Z51"]});
    let world = World::with_these_rules(json!({ "N25-049": split })).await;
    let (visit, first) = world.stayed((3, 8), "0.01").await;
    assert_eq!(paid(&first), ("0.00".to_owned(), "0.01".to_owned()));

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
    assert_eq!(paid(&second), ("591.49".to_owned(), "708.50".to_owned()));
    let reviewer = world.reviewer("reviewer").await;
    let findings = world.findings(&reviewer, State::Open).await;
    let asked: Vec<_> = findings.iter().map(|finding| (&finding.rule, &finding.settlement_id)).collect();
    assert_eq!(asked, [(&"N25-049".to_owned(), &second.settlement_id)]);

    let (_, third) = world.stayed((6, 1), "1000.00").await;
    let findings = world.findings(&reviewer, State::Open).await;
    assert!(findings.iter().all(|finding| finding.settlement_id != third.settlement_id), "two months later");
}

#[tokio::test]
async fn ad_08_a_procedure_that_the_case_record_states_is_asked_about_and_none_that_it_does_not() {
    // Of the other sex, whichever the patient's is.
    let points = ["FEMALE", "MALE"].map(|sex| json!({"procedures": ["68.4"], "sex": sex}));
    let world = World::with_these_rules(json!({
        "N25-038": {"kind": "PROCEDURE_CODE", "source": ["demo"], "known": ["68.4"]},
        "N25-039": {"kind": "SEX", "source": ["demo"], "points": points},
        "N25-040": {"kind": "INDICATION", "source": ["demo"], "points": [{"procedures": ["68.4"], "any_of": ["I10"]}]},
    }))
    .await;
    let reviewer = world.reviewer("reviewer").await;
    let mut asked = vec![];
    for codes in [&[][..], &["68.4100"], &["99.9900"]] {
        let visit = world.visit("clinic", world.resident, CareKind::Outpatient, JourneyId::generate()).await;
        let record = wire::CaseRecord {
            procedure_codes: codes.iter().map(|code| (*code).to_owned()).collect(),
            ..Default::default()
        };
        let request = wire::DivideClaimRequest { case_record: Some(record), ..claim(&visit, COVERED, "10.00") };
        let request = world.caller("clinic").request(request).await;
        let divided = world.adjudication().divide_claim(request).await.expect("divided").into_inner();
        let settlement = divided.settlement.unwrap_or_default();
        world.confirm(&settlement.settlement_id, &BillId::generate().to_string()).await.expect("confirmed");
        let findings = world.findings(&reviewer, State::Open).await;
        let of_claim = findings.iter().filter(|finding| finding.settlement_id == settlement.settlement_id);
        asked.push(of_claim.map(|finding| finding.rule.clone()).collect::<Vec<_>>());
    }
    assert_eq!(asked, [vec![], vec!["N25-039".to_owned()], vec!["N25-038".to_owned()]]);
}
