//! Audit before payment: what is withheld from the provider, never from the patient, and by whom it is decided.

use chassis::channel::Channel;
use proto::anjia::adjudication::v1::inspection_service_client::InspectionServiceClient;
use proto::anjia::adjudication::v1::{self as wire, FindingDecision as Decision, FindingState as State};
use proto::anjia::common::v1::CareKind;
use proto::convert::{to_date, to_money};
use serde_json::{Value, json};
use testkit::{TestCaller, callers, reason, request_id};
use tonic::{Code, Status};
use types::ids::{BillId, JourneyId};
use uuid::Uuid;

use crate::world::{COVERED, World, money, shares, today};

/// One rule a claim of more than 100 yuan breaks, one that a second visit does.
pub(crate) fn document() -> Value {
    let mut document: Value =
        serde_json::from_str(include_str!("../../rules/demonstration-city.json")).expect("the example reads");
    document["region"] = json!("110000");
    document["rules"] = json!({
        "N25-014": {"kind": "UNIT_PRICE", "source": ["demo"], "points": [{"items": [COVERED], "max_unit_price": "100"}]},
        "N25-050": {"kind": "VISITS", "source": ["demo"], "kinds": ["OUTPATIENT"], "items": [], "most": 1, "window_days": 30},
        "N25-056": {"kind": "SHARE", "source": ["demo"], "items": ["T-COV*"], "most": "0.45"},
        "N25-063": {"kind": "READMISSION_RATE", "source": ["demo"], "window_days": 31, "most": "0.10"},
        "N25-081": {"kind": "SEX", "source": ["demo"], "points": [{"items": ["T-NEITHER"], "sex": "FEMALE"}]},
    });
    document
}

impl World {
    pub(crate) fn inspection(&self) -> InspectionServiceClient<Channel> {
        InspectionServiceClient::new(self.mesh.channel("adjudication"))
    }

    pub(crate) async fn reviewer(&self, name: &str) -> TestCaller {
        let party = Uuid::now_v7();
        self.mesh.register(callers::Client::practitioner(name, party, callers::INSURER, &["insurer_reviewer"])).await
    }

    /// The desk that bills for the hospital.
    async fn hospital_desk(&self) -> TestCaller {
        let desk = callers::Client::practitioner("hospital-desk", Uuid::now_v7(), callers::HOSPITAL, &["clinic_clerk"]);
        self.mesh.register(desk).await
    }

    pub(crate) async fn propose_rules(&self, document: &Value) -> Result<wire::RuleBook, Status> {
        let message = wire::ProposeRuleBookRequest {
            request_id: request_id(),
            rule_book_id: String::new(),
            document_json: document.to_string(),
        };
        let request = self.caller("insurer-proposer").request(message).await;
        Ok(self.inspection().propose_rule_book(request).await?.into_inner().rule_book.unwrap_or_default())
    }

    pub(crate) async fn release_rules(&self, officer: &str, id: &str) -> Result<wire::RuleBook, Status> {
        let message = wire::ReleaseRuleBookRequest { request_id: request_id(), rule_book_id: id.to_owned() };
        let request = self.caller(officer).request(message).await;
        Ok(self.inspection().release_rule_book(request).await?.into_inner().rule_book.unwrap_or_default())
    }

    pub(crate) async fn with_rules() -> Self {
        let world = Self::new().await;
        let book = world.propose_rules(&document()).await.expect("the document is complete");
        world.release_rules("insurer-releaser", &book.rule_book_id).await.expect("another officer releases it");
        world
    }

    /// Divides and confirms a visit of one line.
    pub(crate) async fn settle(&self, amount: &str) -> wire::Settlement {
        let visit = self.visit("clinic", self.resident, CareKind::Outpatient, JourneyId::generate()).await;
        let divided = self.divide("clinic", &visit, COVERED, amount).await.expect("divided");
        let settlement = divided.settlement.unwrap_or_default();
        self.confirm(&settlement.settlement_id, &BillId::generate().to_string()).await.expect("confirmed")
    }

    pub(crate) async fn findings(&self, caller: &TestCaller, state: State) -> Vec<wire::Finding> {
        let message = wire::ListFindingsRequest { state: state.into(), ..Default::default() };
        let page = self.inspection().list_findings(caller.request(message).await).await;
        page.expect("a work list").into_inner().findings
    }

    pub(crate) async fn decide(
        &self,
        caller: &TestCaller,
        id: &str,
        decision: Decision,
        cut: Option<&str>,
    ) -> Result<wire::Finding, Status> {
        let message = wire::DecideFindingRequest {
            request_id: request_id(),
            finding_id: id.to_owned(),
            decision: decision.into(),
            cut: cut.map(|cut| to_money(money(cut))),
            note: "核对收费明细".to_owned(),
        };
        let answer = self.inspection().decide_finding(caller.request(message).await).await?;
        Ok(answer.into_inner().finding.unwrap_or_default())
    }

    pub(crate) async fn appeal(&self, caller: &TestCaller, id: &str) -> Result<wire::Finding, Status> {
        let message = wire::AppealFindingRequest {
            request_id: request_id(),
            finding_id: id.to_owned(),
            note: "单价有据".to_owned(),
        };
        let answer = self.inspection().appeal_finding(caller.request(message).await).await?;
        Ok(answer.into_inner().finding.unwrap_or_default())
    }

    async fn answer(&self, caller: &TestCaller, id: &str) -> Result<wire::Finding, Status> {
        let message = wire::AnswerFindingRequest {
            request_id: request_id(),
            finding_id: id.to_owned(),
            note: "见附件".to_owned(),
        };
        let answer = self.inspection().answer_finding(caller.request(message).await).await?;
        Ok(answer.into_inner().finding.unwrap_or_default())
    }
}

const RAISED: &str = "events WHERE kind = 'anjia.adjudication.finding.raised.v1'";
const DECIDED: &str = "events WHERE kind = 'anjia.adjudication.finding.decided.v1'";

fn refusal(refused: &Status) -> (Code, String) {
    (refused.code(), reason(refused))
}

#[tokio::test]
async fn ad_08_a_finding_withholds_the_providers_payment_and_leaves_the_patients_settlement_alone() {
    let plain = World::new().await;
    let expected = shares(&plain.settle("1500.00").await);
    let world = World::with_rules().await;
    let reviewer = world.reviewer("reviewer").await;

    let visit = world.visit("clinic", world.resident, CareKind::Outpatient, JourneyId::generate()).await;
    let divided = world.divide("clinic", &visit, COVERED, "1500.00").await.expect("nothing refuses it");
    let settlement = divided.settlement.unwrap_or_default();
    assert_eq!(shares(&settlement), expected, "to the fen what it is without rules");
    let noted = world.findings(&reviewer, State::Noted).await;
    assert_eq!((noted.len(), noted[0].withheld.clone()), (1, Some(to_money(money("0")))), "nothing is paid yet");
    assert!(world.findings(&reviewer, State::Open).await.is_empty());

    let confirmed = world.confirm(&settlement.settlement_id, &BillId::generate().to_string()).await.expect("confirmed");
    assert_eq!(shares(&confirmed), expected);
    let open = world.findings(&reviewer, State::Open).await;
    assert_eq!(open.len(), 1);
    let finding = &open[0];
    assert_eq!((finding.rule.as_str(), finding.national_code.as_str()), ("N25-014", "GZ10000102001000"));
    assert_eq!((finding.line, finding.withheld.clone()), (1, Some(to_money(money("1400.00")))));
    let evidence: Value = serde_json::from_str(&finding.evidence_json).expect("facts");
    assert_eq!(evidence[1], json!({"fact": "LIMIT", "what": "unit_price", "value": "100"}));

    let mut owner = world.mesh.owner("adjudication").await;
    let told: Vec<Value> =
        sqlx::query_scalar("SELECT data FROM events WHERE kind = 'anjia.adjudication.finding.raised.v1'")
            .fetch_all(&mut owner)
            .await
            .expect("events");
    assert_eq!(told.len(), 1);
    assert_eq!((&told[0]["withheld"], &told[0]["state"]), (&json!("1400.00"), &json!("OPEN")));
}

#[tokio::test]
async fn ad_08_reviewers_ask_cut_and_hear_appeals_and_precision_is_theirs() {
    let world = World::with_rules().await;
    let (ann, bo) = (world.reviewer("reviewer-ann").await, world.reviewer("reviewer-bo").await);
    let clinic = world.caller("clinic");
    world.settle("1500.00").await;
    world.settle("50.00").await;
    let open = world.findings(&ann, State::Open).await;
    let of = |rule: &str| open.iter().find(|finding| finding.rule == rule).expect(rule).finding_id.clone();
    let (price, visits) = (of("N25-014"), of("N25-050"));

    world.decide(&ann, &price, Decision::Ask, None).await.expect("asked");
    let early = world.appeal(&clinic, &price).await.expect_err("nothing was cut");
    assert_eq!(refusal(&early), (Code::FailedPrecondition, "FINDING_NOT_DECIDABLE".to_owned()));
    let foreign = world.answer(&world.hospital_desk().await, &price).await.expect_err("another's claim");
    assert_eq!(refusal(&foreign), (Code::PermissionDenied, "OUTSIDE_SCOPE".to_owned()));
    assert_eq!(world.answer(&clinic, &price).await.expect("answered").state(), State::Open);

    let greedy =
        world.decide(&ann, &price, Decision::Cut, Some("1400.01")).await.expect_err("more than is in question");
    assert_eq!(refusal(&greedy), (Code::InvalidArgument, "CUT_TOO_LARGE".to_owned()));
    let cut = world.decide(&ann, &price, Decision::Cut, Some("1000.00")).await.expect("cut");
    assert_eq!((cut.state(), cut.withheld), (State::Cut, Some(to_money(money("1000.00")))));
    world.appeal(&clinic, &price).await.expect("appealed");
    let same = world.decide(&ann, &price, Decision::Accept, None).await.expect_err("who cut decides no appeal");
    assert_eq!(refusal(&same), (Code::PermissionDenied, "SAME_PERSON".to_owned()));
    let upheld = world.decide(&bo, &price, Decision::Cut, Some("800.00")).await.expect("upheld");
    assert_eq!((upheld.state(), upheld.withheld), (State::Upheld, Some(to_money(money("800.00")))));
    let cleared = world.decide(&bo, &visits, Decision::Accept, None).await.expect("accepted");
    assert_eq!((cleared.state(), cleared.withheld), (State::Cleared, Some(to_money(money("0")))));
    let again = world.decide(&bo, &visits, Decision::Ask, None).await.expect_err("decided");
    assert_eq!(refusal(&again), (Code::FailedPrecondition, "FINDING_NOT_DECIDABLE".to_owned()));

    let period = wire::GetRulePrecisionRequest { from: Some(to_date(today())), until: Some(to_date(today())) };
    let answer = world.inspection().get_rule_precision(ann.request(period).await).await.expect("figures").into_inner();
    let figures: Vec<_> = answer
        .rules
        .iter()
        .map(|rule| (rule.rule.as_str(), rule.raised, rule.decided, rule.precision.as_str()))
        .collect();
    assert_eq!(figures, [("N25-014", 1, 1, "1"), ("N25-050", 1, 1, "0")]);
    assert_eq!(answer.rules[0].cut, Some(to_money(money("800.00"))));

    let mut owner = world.mesh.owner("adjudication").await;
    let steps: Vec<String> = sqlx::query_scalar("SELECT action FROM finding_steps ORDER BY done_at, id")
        .fetch_all(&mut owner)
        .await
        .expect("steps");
    assert_eq!(steps, ["ASK", "ANSWER", "CUT", "APPEAL", "CUT", "ACCEPT"]);
    let clear: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM finding_steps WHERE position(convert_to('核对', 'UTF8') in note_sealed) > 0",
    )
    .fetch_one(&mut owner)
    .await
    .expect("a count");
    assert_eq!(clear, 0, "notes are sealed");
}

#[tokio::test]
async fn ad_08_a_provider_sees_its_own_findings_and_decides_none() {
    let world = World::with_rules().await;
    world.settle("1500.00").await;
    let clinic = world.caller("clinic");
    let own = world.findings(&clinic, State::Unspecified).await;
    assert_eq!(own.len(), 1);
    let hospital = world.hospital_desk().await;
    assert!(world.findings(&hospital, State::Unspecified).await.is_empty());
    let theirs =
        wire::ListFindingsRequest { provider_organisation_id: callers::CLINIC.to_string(), ..Default::default() };
    let request = hospital.request(theirs).await;
    let refused = world.inspection().list_findings(request).await.expect_err("another's");
    assert_eq!(refusal(&refused), (Code::PermissionDenied, "OUTSIDE_SCOPE".to_owned()));
    let refused =
        world.decide(&clinic, &own[0].finding_id, Decision::Accept, None).await.expect_err("not its to decide");
    assert_eq!(refusal(&refused), (Code::PermissionDenied, "METHOD_NOT_PERMITTED".to_owned()));
}

#[tokio::test]
async fn ad_08_rules_take_two_officers_and_say_how_each_of_them_stands() {
    let world = World::new().await;
    let asked = async || {
        let request = world.caller("insurer-proposer").request(wire::GetRulesRequest {}).await;
        world.inspection().get_rules(request).await.expect("the rules").into_inner()
    };
    let before = asked().await;
    assert_eq!((before.rules.len(), before.rule_book), (91, None));
    assert!(before.rules.iter().all(|rule| rule.standing() != wire::RuleStanding::Checked));

    let mut incomplete = document();
    incomplete["rules"]["N25-050"].as_object_mut().expect("a rule").remove("most");
    let refused = world.propose_rules(&incomplete).await.expect_err("no threshold is assumed");
    assert_eq!(refusal(&refused), (Code::InvalidArgument, "RULE_BOOK_INCOMPLETE".to_owned()));
    let mut foreign = document();
    foreign["region"] = json!("310000");
    let refused = world.propose_rules(&foreign).await.expect_err("another region's");
    assert_eq!(refusal(&refused), (Code::PermissionDenied, "FOREIGN_REGION".to_owned()));

    let book = world.propose_rules(&document()).await.expect("complete");
    let twice = world.propose_rules(&document()).await.expect_err("the same");
    assert_eq!(refusal(&twice), (Code::AlreadyExists, "RULE_BOOK_EXISTS".to_owned()));
    let same = world.release_rules("insurer-proposer", &book.rule_book_id).await.expect_err("four eyes");
    assert_eq!(refusal(&same), (Code::PermissionDenied, "SAME_PERSON".to_owned()));
    world.release_rules("insurer-releaser", &book.rule_book_id).await.expect("released");
    let again = world.release_rules("insurer-releaser", &book.rule_book_id).await.expect_err("once");
    assert_eq!(refusal(&again), (Code::FailedPrecondition, "RULE_BOOK_NOT_PROPOSED".to_owned()));
    let mut other = document();
    other["id"] = json!("another");
    let other = world.propose_rules(&other).await.expect("complete");
    let same_day = world.release_rules("insurer-releaser", &other.rule_book_id).await.expect_err("the same first day");
    assert_eq!(refusal(&same_day), (Code::FailedPrecondition, "RULE_BOOK_OVERLAPS".to_owned()));

    let after = asked().await;
    let checked: Vec<&str> = after
        .rules
        .iter()
        .filter(|rule| rule.standing() == wire::RuleStanding::Checked)
        .map(|rule| rule.rule.as_str())
        .collect();
    assert_eq!(checked, ["N25-014", "N25-050", "N25-056", "N25-063", "N25-081"]);
    assert_eq!(after.rule_book.map(|book| book.digest), Some(book.digest));
}

#[tokio::test]
async fn ad_08_a_corrected_claim_is_inspected_anew_and_what_was_decided_about_the_same_stands() {
    let world = World::with_rules().await;
    let reviewer = world.reviewer("reviewer").await;
    let settled = world.settle("1500.00").await;
    let finding = world.findings(&reviewer, State::Open).await.remove(0);
    world.decide(&reviewer, &finding.finding_id, Decision::Cut, Some("1000.00")).await.expect("cut");

    // The same is asked of the next version: it stays cut, and nobody is told anything.
    let same = world.correct(&settled, "1500.00", today()).await.expect("in force").settlement.unwrap_or_default();
    let cut = world.findings(&reviewer, State::Unspecified).await;
    assert_eq!(cut.len(), 1);
    assert_eq!((cut[0].finding_id.as_str(), cut[0].state()), (finding.finding_id.as_str(), State::Cut));
    assert_eq!((cut[0].settlement_id.as_str(), cut[0].claim_version), (same.settlement_id.as_str(), 2));
    assert_eq!((world.count(RAISED).await, world.count(DECIDED).await), (1, 1));

    // Another amount is another question.
    let less = world.correct(&settled, "500.00", today()).await.expect("in force").settlement.unwrap_or_default();
    let open = world.findings(&reviewer, State::Open).await;
    assert_eq!((open.len(), open[0].settlement_id.as_str()), (1, less.settlement_id.as_str()));
    assert_eq!(open[0].withheld, Some(to_money(money("400.00"))));
    let over = world.findings(&reviewer, State::Superseded).await;
    assert_eq!((over.len(), over[0].finding_id.as_str()), (1, finding.finding_id.as_str()));
    assert_eq!(over[0].withheld, Some(to_money(money("0"))));
    let again = world.decide(&reviewer, &finding.finding_id, Decision::Accept, None).await.expect_err("it is over");
    assert_eq!(refusal(&again), (Code::FailedPrecondition, "FINDING_NOT_DECIDABLE".to_owned()));

    // And of what costs no more than it may, nothing is asked.
    world.correct(&settled, "90.00", today()).await.expect("in force");
    assert_eq!(world.findings(&reviewer, State::Open).await, []);
    assert_eq!((world.count(RAISED).await, world.count(DECIDED).await), (2, 3));
    let last =
        "SELECT data FROM events WHERE kind = 'anjia.adjudication.finding.decided.v1' ORDER BY sequence DESC LIMIT 1";
    let mut owner = world.mesh.owner("adjudication").await;
    let told: Value = sqlx::query_scalar(last).fetch_one(&mut owner).await.expect("told");
    assert_eq!((&told["state"], &told["withheld"], &told["line"]), (&json!("SUPERSEDED"), &json!("0.00"), &json!(1)));
    assert_eq!(told["bill_id"], json!(settled.bill_id));
}

#[tokio::test]
async fn ad_08_of_what_is_taken_back_nothing_is_asked_and_care_that_is_judged_anew_keeps_its_findings() {
    let world = World::with_rules().await;
    let reviewer = world.reviewer("reviewer").await;
    let first = world.settle("1500.00").await;
    let second = world.settle("300.00").await;
    let open = world.findings(&reviewer, State::Open).await;
    let of = |settlement: &wire::Settlement, rule: &str| {
        let mut found = open.iter();
        let found = found.find(|it| it.settlement_id == settlement.settlement_id && it.rule == rule);
        found.expect(rule).finding_id.clone()
    };
    let (taken_back, price, visits) = (of(&first, "N25-014"), of(&second, "N25-014"), of(&second, "N25-050"));
    assert_eq!(open.len(), 3);

    world.reverse(&first.settlement_id, &first.bill_id).await.expect("in force");
    let corrected = world.told("anjia.adjudication.settlement.corrected.v1", 1).await.remove(0).subject;
    // The price is still too high; of one visit no rule says that it is one too many.
    let open = world.findings(&reviewer, State::Open).await;
    assert_eq!(open.len(), 1);
    assert_eq!((open[0].finding_id.as_str(), open[0].settlement_id.as_str()), (price.as_str(), corrected.as_str()));
    let mut over: Vec<_> =
        world.findings(&reviewer, State::Superseded).await.into_iter().map(|it| it.finding_id).collect();
    over.sort();
    let mut expected = vec![taken_back, visits];
    expected.sort();
    assert_eq!(over, expected);
}
