//! What audit rules question is withheld from the provider, and from nobody else, until a reviewer decides.

use chassis::channel::Channel;
use proto::anjia::adjudication::v1::inspection_service_client::InspectionServiceClient;
use proto::anjia::adjudication::v1::{self as adjudication, FindingDecision as Decision, FindingState};
use proto::anjia::payment::v1::{self as pb, Payer};
use serde_json::{Value, json};
use testkit::{TestCaller, callers, request_id};
use uuid::Uuid;

use crate::corrected::number;
use crate::world::{ITEM, World, credit, money, shares};

const KINDS: [&str; 3] = ["PROVIDER_WITHHELD", "POOLED_FUND", "PROVIDER_PAID"];
const DECIDED: &str = "anjia.adjudication.finding.decided.v1";

impl World {
    /// One rule: nothing costs more than 100.
    async fn with_rules() -> Self {
        let world = Self::new().await;
        let mut document: Value =
            serde_json::from_str(include_str!("../../../adjudication/rules/demonstration-city.json")).expect("JSON");
        document["region"] = json!("110000");
        let points = json!([{"items": [ITEM], "max_unit_price": "100"}]);
        document["rules"] = json!({ "N25-014": {"kind": "UNIT_PRICE", "source": ["demo"], "points": points} });
        let message = adjudication::ProposeRuleBookRequest {
            request_id: request_id(),
            rule_book_id: String::new(),
            document_json: document.to_string(),
        };
        let request = world.caller("insurer-proposer").request(message).await;
        let proposed = world.inspection().propose_rule_book(request).await.expect("complete").into_inner();
        let rule_book_id = proposed.rule_book.unwrap_or_default().rule_book_id;
        let message = adjudication::ReleaseRuleBookRequest { request_id: request_id(), rule_book_id };
        let request = world.caller("insurer-releaser").request(message).await;
        world.inspection().release_rule_book(request).await.expect("another officer");
        world
    }

    fn inspection(&self) -> InspectionServiceClient<Channel> {
        InspectionServiceClient::new(self.mesh.channel("adjudication"))
    }

    async fn reviewer(&self, name: &str) -> TestCaller {
        let client = callers::Client::practitioner(name, Uuid::now_v7(), callers::INSURER, &["insurer_reviewer"]);
        self.mesh.register(client).await
    }

    async fn finding_of(&self, reviewer: &TestCaller, settlement: &adjudication::Settlement) -> adjudication::Finding {
        let message = adjudication::ListFindingsRequest { state: FindingState::Open.into(), ..Default::default() };
        let found = self.inspection().list_findings(reviewer.request(message).await).await.expect("a work list");
        let mut found = found.into_inner().findings.into_iter();
        found.find(|finding| finding.settlement_id == settlement.settlement_id).expect("it is questioned")
    }

    async fn decide(&self, reviewer: &TestCaller, finding_id: &str, decision: Decision, cut: Option<&str>) {
        let message = adjudication::DecideFindingRequest {
            request_id: request_id(),
            finding_id: finding_id.to_owned(),
            decision: decision.into(),
            cut: cut.map(money),
            note: "核对收费明细".to_owned(),
        };
        self.inspection().decide_finding(reviewer.request(message).await).await.expect("decided");
        self.taken_in().await;
    }

    async fn appeal(&self, finding_id: &str) {
        let message = adjudication::AppealFindingRequest {
            request_id: request_id(),
            finding_id: finding_id.to_owned(),
            note: "单价有据".to_owned(),
        };
        let request = self.caller("clinic").request(message).await;
        self.inspection().appeal_finding(request).await.expect("it was cut");
        self.taken_in().await;
    }

    /// Something that costs 150, of which the rule questions 50 and the fund pays 135; the deductible is borne before. What is on the
    /// accounts before it is not looked at.
    async fn questioned(&self) -> (adjudication::Settlement, pb::Bill, [String; 3]) {
        let settlement = self.settlement("1300.00").await;
        self.paid(&settlement, vec![]).await;
        self.taken_in().await;
        let before = self.standing().await;
        assert_eq!(before, ["0.00", "0.00", "0.00"].map(str::to_owned), "the funds pay nothing of it");
        let settlement = self.settlement("150.00").await;
        let bill = self.paid(&settlement, vec![]).await;
        self.taken_in().await;
        (settlement, bill, self.standing().await)
    }

    async fn standing(&self) -> [String; 3] {
        let balances = self.balances(&KINDS).await;
        balances.try_into().expect("three")
    }
}

fn standing(withheld: &str, fund: &str, paid: &str) -> [String; 3] {
    [withheld, fund, paid].map(str::to_owned)
}

#[tokio::test]
async fn ad_08_a_line_in_question_is_withheld_from_its_provider_and_paid_once_it_is_accepted() {
    let world = World::with_rules().await;
    let reviewer = world.reviewer("reviewer").await;
    let (settlement, bill, withheld) = world.questioned().await;
    assert_eq!(withheld, standing("-50.00", "135.00", "-85.00"));
    let expected = [(Payer::PooledFund, "135.00"), (Payer::Desk, "15.00")];
    let expected = expected.map(|(payer, amount)| (payer, amount.to_owned()));
    assert_eq!(shares(&bill), expected, "the patient's bill knows nothing of it");
    world.invariants_hold().await;

    let finding = world.finding_of(&reviewer, &settlement).await;
    world.decide(&reviewer, &finding.finding_id, Decision::Accept, None).await;
    assert_eq!(world.standing().await, standing("0.00", "135.00", "-135.00"));
    assert_eq!(shares(&world.bill(&bill.bill_id).await), expected);
    world.invariants_hold().await;
}

#[tokio::test]
async fn ad_08_what_is_cut_goes_back_to_the_fund_and_an_appeal_makes_it_wait_again() {
    let world = World::with_rules().await;
    let (ann, bo) = (world.reviewer("reviewer-ann").await, world.reviewer("reviewer-bo").await);
    let (settlement, bill, _) = world.questioned().await;
    let finding = world.finding_of(&ann, &settlement).await.finding_id;
    world.decide(&ann, &finding, Decision::Cut, Some("40.00")).await;
    assert_eq!(world.standing().await, standing("0.00", "95.00", "-95.00"));
    world.invariants_hold().await;
    world.appeal(&finding).await;
    assert_eq!(world.standing().await, standing("-40.00", "135.00", "-95.00"));
    world.decide(&bo, &finding, Decision::Cut, Some("30.00")).await;
    assert_eq!(world.standing().await, standing("0.00", "105.00", "-105.00"));
    assert_eq!(shares(&world.bill(&bill.bill_id).await), shares(&bill), "the patient's bill knows nothing of it");
    world.invariants_hold().await;
}

#[tokio::test]
async fn ad_08_never_more_is_withheld_than_the_fund_pays() {
    let world = World::with_rules().await;
    let line = world.line("60000.00").await;
    // 1,300 by her; the fund pays 900 of the 1,000 above, and the rule questions 2,200.
    let settlement = world.settlement("2300.00").await;
    world.paid(&settlement, vec![credit(&line, "1400.00")]).await;
    world.taken_in().await;
    assert_eq!(world.standing().await, standing("-900.00", "900.00", "-1400.00"));
    world.invariants_hold().await;
}

#[tokio::test]
async fn ad_08_a_corrected_claim_is_questioned_anew_and_what_is_no_longer_asked_is_paid() {
    let world = World::with_rules().await;
    let (settlement, bill, _) = world.questioned().await;
    // 120 is still too much: the former question is over, a new one is there. The fund pays 108.
    let corrected = world.correct(&settlement, "120.00").await;
    world.followed(&bill.bill_id, 1).await;
    world.taken_in().await;
    assert_eq!(world.standing().await, standing("-20.00", "108.00", "-88.00"));
    world.invariants_hold().await;
    // 100 is not. The fund pays 90.
    world.correct(&corrected, "100.00").await;
    world.followed(&bill.bill_id, 2).await;
    world.taken_in().await;
    assert_eq!(world.standing().await, standing("0.00", "90.00", "-90.00"));
    let mut owner = world.mesh.owner("payment").await;
    assert_eq!(number(&mut owner, "SELECT count(*) FROM withholdings WHERE state = 'RELEASED'").await, 2);
    world.invariants_hold().await;
}

#[tokio::test]
async fn i8_what_is_told_of_a_finding_again_or_late_has_no_effect() {
    let mut world = World::with_rules().await;
    let reviewer = world.reviewer("reviewer").await;
    let (settlement, bill, withheld) = world.questioned().await;
    let finding = world.finding_of(&reviewer, &settlement).await.finding_id;
    let mut owner = world.mesh.owner("adjudication").await;
    let mut tell = async |state: &str, withheld: &str| {
        let data = json!({
            "bill_id": bill.bill_id, "settlement_id": settlement.settlement_id, "line": 1, "state": state, "withheld": withheld,
        });
        sqlx::query(
            "INSERT INTO events (id, region, kind, subject, data, occurred_at) \
             VALUES (gen_random_uuid(), '110000', $1, $2, $3, now())",
        )
        .bind(DECIDED)
        .bind(&finding)
        .bind(data)
        .execute(&mut owner)
        .await
        .expect("told");
    };
    for _ in 0..3 {
        tell("OPEN", "50.00").await;
    }
    world.taken_in().await;
    assert_eq!(world.standing().await, withheld);
    let mut payment = world.mesh.owner("payment").await;
    let posted = "SELECT count(*) FROM transfers WHERE purpose = 'PROVIDER_WITHHELD' AND number > 0";
    assert_eq!(number(&mut payment, posted).await, 1, "nothing changed, nothing was posted");

    // Taken in a second time from an earlier position, as after a restore: what came later stands.
    tell("CLEARED", "0.00").await;
    world.taken_in().await;
    assert_eq!(world.standing().await, standing("0.00", "135.00", "-135.00"));
    world.mesh.kill("payment");
    let back = sqlx::query("UPDATE cursors SET position = 0 WHERE source = 'adjudication'").execute(&mut payment).await;
    back.expect("the cursor");
    world.mesh.start_again("payment").await;
    world.taken_in().await;
    assert_eq!(world.standing().await, standing("0.00", "135.00", "-135.00"));
    assert_eq!(number(&mut payment, posted).await, 2);
    world.invariants_hold().await;

    // A word that nobody knows is put aside; it releases nothing.
    tell("DOUBTED", "50.00").await;
    world.taken_in().await;
    assert_eq!(number(&mut payment, "SELECT count(*) FROM parked_events WHERE source = 'adjudication'").await, 1);
    assert_eq!(world.standing().await, standing("0.00", "135.00", "-135.00"));
}
