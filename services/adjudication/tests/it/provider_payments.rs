//! What providers may expect to be paid, through the public API.

use proto::anjia::adjudication::v1 as wire;
use proto::anjia::adjudication::v1::provider_payment_service_client::ProviderPaymentServiceClient;
use proto::anjia::common::v1::{CareKind, Tier};
use serde_json::{Value, json};
use testkit::{callers, reason, request_id};
use tonic::{Code, Status};
use types::ids::{BillId, JourneyId};
use types::money::{Money, Ratio};

use crate::world::{COVERED, World, claim};

const DEMONSTRATION: &str = include_str!("../../payment-terms/demonstration-city.json");

/// The demonstration's terms, of the region and scheme in which claims are made here.
fn terms(edit: impl FnOnce(&mut Value)) -> String {
    let mut document: Value = serde_json::from_str(DEMONSTRATION).expect("JSON");
    document["region"] = json!("110000");
    document["scheme"] = json!("EMPLOYEE");
    edit(&mut document);
    document.to_string()
}

impl World {
    fn payments(&self) -> ProviderPaymentServiceClient<chassis::channel::Channel> {
        ProviderPaymentServiceClient::new(self.mesh.channel("adjudication"))
    }

    async fn propose_terms(&self, document: String) -> Result<wire::PaymentTerms, Status> {
        let message = wire::ProposePaymentTermsRequest {
            request_id: request_id(),
            document_json: document,
            ..Default::default()
        };
        let request = self.caller("insurer-proposer").request(message).await;
        Ok(self.payments().propose_payment_terms(request).await?.into_inner().terms.unwrap_or_default())
    }

    async fn release_terms(&self, officer: &str, terms_id: &str) -> Result<wire::PaymentTerms, Status> {
        let message = wire::ReleasePaymentTermsRequest { request_id: request_id(), terms_id: terms_id.to_owned() };
        let request = self.caller(officer).request(message).await;
        Ok(self.payments().release_payment_terms(request).await?.into_inner().terms.unwrap_or_default())
    }

    async fn payment(&self, client: &str, settlement_id: &str) -> Result<wire::ProviderPayment, Status> {
        let message = wire::GetProviderPaymentRequest { settlement_id: settlement_id.to_owned() };
        let request = self.caller(client).request(message).await;
        Ok(self.payments().get_provider_payment(request).await?.into_inner().payment.unwrap_or_default())
    }

    /// A stay of the hospital, and the settlement of its claim.
    async fn stay(&self, record: Option<wire::CaseRecord>) -> wire::Settlement {
        let visit = self.visit("hospital", self.resident, CareKind::Inpatient, JourneyId::generate()).await;
        let mut message = claim(&visit, COVERED, "14000.00");
        "I63.900".clone_into(&mut message.diagnoses[0].icd10_code);
        message.case_record = record;
        let request = self.caller("hospital").request(message).await;
        let divided = self.adjudication().divide_claim(request).await.expect("divided").into_inner();
        divided.settlement.unwrap_or_default()
    }
}

fn yuan(money: Option<&proto::google::r#type::Money>) -> String {
    proto::convert::money("amount", money).expect("an amount").to_string()
}

#[tokio::test]
async fn ad_07_a_provider_is_told_what_it_may_expect_and_why() {
    let tables = concat!(env!("CARGO_MANIFEST_DIR"), "/../../libs/drg/tables");
    let world = World::founded(&[("DRG_TABLES_FOLDER", tables)]).await.insured().await;
    let proposed = world.propose_terms(terms(|_| ())).await.expect("complete, and every group has its weight");
    let same = world.release_terms("insurer-proposer", &proposed.terms_id).await.expect_err("four eyes");
    assert_eq!((same.code(), reason(&same).as_str()), (Code::PermissionDenied, "SAME_PERSON"));
    let before = world.stay(None).await;
    let nothing = world.payment("hospital", &before.settlement_id).await.expect_err("no terms were in force");
    assert_eq!((nothing.code(), reason(&nothing).as_str()), (Code::NotFound, "PROVIDER_PAYMENT_NOT_FOUND"));
    world.release_terms("insurer-releaser", &proposed.terms_id).await.expect("another officer");

    // Grouped here: a stroke without complication, 0.98 × 10,000.00 × 1.05.
    let settled = world.stay(None).await;
    let own = yuan(settled.division.as_ref().and_then(|division| division.person_total.as_ref()));
    let payment = world.payment("hospital", &settled.settlement_id).await.expect("told");
    assert_eq!((payment.method(), payment.decided), (wire::PaymentMethod::Drg, true));
    assert_eq!((payment.group_code.as_str(), payment.tables_version.as_str()), ("BR15", "small"));
    assert_eq!((yuan(payment.gross.as_ref()), yuan(payment.own_share.as_ref())), ("10290.00".to_owned(), own));
    let rules: Vec<&str> = payment.explanation.iter().map(|step| step.rule.as_str()).collect();
    assert_eq!(rules, ["GROUP", "GROUP", "GROUP", "DRG_STANDARD", "OWN_SHARE", "RESULT"]);
    assert!(payment.explanation[3].text.as_ref().is_some_and(|text| text.zh.contains("权重0.98")));

    assert_eq!(payment.settlement_state(), wire::SettlementState::Divided);

    // The hospital's own group goes before; an upcoded one is paid more, and both are kept with what said so.
    let record = wire::CaseRecord { drg_code: "BR11".to_owned(), ..Default::default() };
    let upcoded = world.stay(Some(record)).await;
    let upcoded = world.payment("hospital", &upcoded.settlement_id).await.expect("told");
    assert_eq!((upcoded.group_code.as_str(), upcoded.group_of_claim), ("BR11", true));
    assert_eq!(yuan(upcoded.gross.as_ref()), "19425.00");
    let record = wire::CaseRecord { drg_code: "QQ99".to_owned(), ..Default::default() };
    let undecided = world.stay(Some(record)).await;
    let undecided = world.payment("hospital", &undecided.settlement_id).await.expect("told");
    assert!(!undecided.decided && undecided.fund.is_none());
    let last = undecided.explanation.last().and_then(|step| step.text.as_ref()).expect("why");
    assert!(last.en.contains("methods[0].pay.drg.weights.QQ99"), "{}", last.en);

    // Between provider and fund.
    let foreign = world.payment("clinic", &settled.settlement_id).await.expect_err("another's");
    assert_eq!((foreign.code(), reason(&foreign).as_str()), (Code::PermissionDenied, "OUTSIDE_SCOPE"));
    assert_eq!(world.payment("insurer-proposer", &settled.settlement_id).await.expect("the fund"), payment);
    let payments_of = |provider: uuid::Uuid| wire::ListProviderPaymentsRequest {
        provider_organisation_id: provider.to_string(),
        ..Default::default()
    };
    let request = world.caller("hospital").request(payments_of(callers::HOSPITAL)).await;
    let listed = world.payments().list_provider_payments(request).await.expect("its own").into_inner().payments;
    assert_eq!(listed.len(), 3);
    assert_eq!(listed[2], payment);
    let request = world.caller("hospital").request(payments_of(callers::CLINIC)).await;
    let foreign = world.payments().list_provider_payments(request).await.expect_err("another's");
    assert_eq!(reason(&foreign).as_str(), "OUTSIDE_SCOPE");

    // What the record says of the person lies sealed.
    let mut owner = world.mesh.owner("adjudication").await;
    let sealed: Vec<Vec<u8>> =
        sqlx::query_scalar("SELECT detail_sealed FROM provider_payments").fetch_all(&mut owner).await.expect("rows");
    assert!(sealed.iter().all(|detail| !detail.windows(4).any(|bytes| bytes == b"BR15")));
}

#[tokio::test]
async fn ad_07_a_corrected_claim_is_expected_anew_with_what_the_hospital_stated_of_the_case() {
    let tables = concat!(env!("CARGO_MANIFEST_DIR"), "/../../libs/drg/tables");
    let world = World::founded(&[("DRG_TABLES_FOLDER", tables)]).await.insured().await;
    let proposed = world.propose_terms(terms(|_| ())).await.expect("complete");
    world.release_terms("insurer-releaser", &proposed.terms_id).await.expect("another officer");
    let record = wire::CaseRecord { drg_code: "BR11".to_owned(), ..Default::default() };
    let settled = world.stay(Some(record)).await;
    world.confirm(&settled.settlement_id, &BillId::generate().to_string()).await.expect("confirmed");

    let mut billed = claim("", COVERED, "12000.00");
    "I63.900".clone_into(&mut billed.diagnoses[0].icd10_code);
    let message = wire::CorrectClaimRequest {
        request_id: request_id(),
        claim_id: settled.claim_id.clone(),
        reason: wire::ChangeReason::BilledWrong.into(),
        diagnoses: billed.diagnoses,
        lines: billed.lines,
        total: billed.total,
    };
    let request = world.caller("hospital").request(message).await;
    let corrected = world.adjudication().correct_claim(request).await.expect("in force").into_inner();
    let corrected = corrected.settlement.unwrap_or_default();
    let own = yuan(corrected.division.as_ref().and_then(|division| division.person_total.as_ref()));
    let anew = world.payment("hospital", &corrected.settlement_id).await.expect("expected anew");
    assert_eq!((anew.group_code.as_str(), anew.group_of_claim, anew.decided), ("BR11", true, true));
    assert_eq!((yuan(anew.own_share.as_ref()), anew.settlement_state()), (own, wire::SettlementState::Confirmed));
    let former = world.payment("hospital", &settled.settlement_id).await.expect("it stays");
    assert_eq!(former.settlement_state(), wire::SettlementState::Corrected);
    assert_ne!(former.own_share, anew.own_share);
}

#[tokio::test]
async fn ad_07_terms_that_are_incomplete_or_by_tables_that_are_not_there_are_refused() {
    let world = World::without_policy().await;
    let missing = world.propose_terms(terms(|document| {
        document["methods"][0]["pay"]["drg"]["low_outlier"]["multiple"] = Value::Null;
    }));
    let missing = missing.await.expect_err("a number is missing");
    assert_eq!((missing.code(), reason(&missing).as_str()), (Code::InvalidArgument, "TERMS_INCOMPLETE"));
    assert!(missing.message().contains("methods[0].pay.drg.low_outlier.multiple"), "{}", missing.message());
    let unloaded = world.propose_terms(terms(|_| ())).await.expect_err("no tables are loaded");
    assert_eq!((unloaded.code(), reason(&unloaded).as_str()), (Code::FailedPrecondition, "TABLES_NOT_LOADED"));
    let elsewhere = world.propose_terms(DEMONSTRATION.to_owned()).await.expect_err("not the caller's region");
    assert_eq!(reason(&elsewhere).as_str(), "FOREIGN_REGION");

    // Groups that come with claims need no tables.
    let free = |from: &str| {
        terms(|document| {
            document["methods"][0]["pay"]["drg"]["grouper"] = json!("none");
            document["effective"]["from"] = json!(from);
        })
    };
    let first = world.propose_terms(free("2023-01-01")).await.expect("complete");
    let twice = world.propose_terms(free("2023-01-01")).await.expect_err("the same document");
    assert_eq!((twice.code(), reason(&twice).as_str()), (Code::AlreadyExists, "TERMS_EXIST"));
    world.release_terms("insurer-releaser", &first.terms_id).await.expect("released");
    let again = world.release_terms("insurer-releaser", &first.terms_id).await.expect_err("released once");
    assert_eq!(reason(&again).as_str(), "TERMS_NOT_PROPOSED");
    let earlier = world.propose_terms(free("2022-01-01")).await.expect("complete");
    let overlap =
        world.release_terms("insurer-releaser", &earlier.terms_id).await.expect_err("a later one is in force");
    assert_eq!(reason(&overlap).as_str(), "TERMS_OVERLAP");
    let later = world.propose_terms(free("2099-01-01")).await.expect("complete");
    world.release_terms("insurer-releaser", &later.terms_id).await.expect("it takes over");

    // 0.6 × 420.00 × (100 × 0.8 + 30 × 1.7 × 1.3), and the months add up to it.
    let heads = |age, condition: &[&str], count| wire::Heads {
        age_years: age,
        condition_codes: condition.iter().map(|code| (*code).to_owned()).collect(),
        count,
    };
    let asked = wire::ExpectCapitationRequest {
        terms_id: first.terms_id.clone(),
        kind: CareKind::Outpatient.into(),
        tier: Tier::Community.into(),
        heads: vec![heads(30, &[], 100), heads(70, &["HYPERTENSION"], 30)],
    };
    let request = world.caller("clinic").request(asked.clone()).await;
    let due = world.payments().expect_capitation(request).await.expect("paid by heads").into_inner();
    assert_eq!((yuan(due.year.as_ref()).as_str(), due.months.len()), ("36867.60", 12));
    assert_eq!(yuan(due.months.last()), "3072.30");
    let gout = wire::ExpectCapitationRequest { heads: vec![heads(70, &["GOUT"], 1)], ..asked.clone() };
    let refused = world.payments().expect_capitation(world.caller("clinic").request(gout).await).await;
    assert_eq!(reason(&refused.expect_err("no factor")).as_str(), "NUMBER_NOT_STATED");
    let stays = wire::ExpectCapitationRequest { kind: CareKind::Inpatient.into(), ..asked };
    let refused = world.payments().expect_capitation(world.caller("clinic").request(stays).await).await;
    assert_eq!(reason(&refused.expect_err("by days")).as_str(), "NOT_CAPITATED");

    let request = world.caller("insurer-proposer").request(wire::ListPaymentTermsRequest::default()).await;
    let listed = world.payments().list_payment_terms(request).await.expect("a list").into_inner().terms;
    let mut states: Vec<_> = listed.iter().map(wire::PaymentTerms::state).collect();
    states.sort();
    assert_eq!(states, [wire::PolicyState::Proposed, wire::PolicyState::Released, wire::PolicyState::Superseded]);
}

#[tokio::test]
async fn ad_07_the_auxiliary_catalogue_and_a_bonus_or_malus_reach_what_the_provider_is_told() {
    let world = World::without_policy().await.insured().await;
    let proposed = terms(|document| {
        document["methods"][0]["pay"]["drg"]["grouper"] = json!("none");
        document["value_based"]["scores"] =
            json!({ callers::HOSPITAL.to_string(): "95", callers::CLINIC.to_string(): "59" });
    });
    let proposed = world.propose_terms(proposed).await.expect("complete");
    world.release_terms("insurer-releaser", &proposed.terms_id).await.expect("another officer");
    let seen = async |desk: &str, auxiliary: &[&str]| {
        let visit = world.visit(desk, world.resident, CareKind::Emergency, JourneyId::generate()).await;
        let mut message = claim(&visit, COVERED, "9800.00");
        message.case_record = Some(wire::CaseRecord {
            dip_code: "I63.9".to_owned(),
            auxiliary_codes: auxiliary.iter().map(|code| (*code).to_owned()).collect(),
            ..Default::default()
        });
        let request = world.caller(desk).request(message).await;
        let divided = world.adjudication().divide_claim(request).await.expect("divided").into_inner();
        let settlement = divided.settlement.unwrap_or_default();
        world.payment(desk, &settlement.settlement_id).await.expect("told")
    };
    let amount = |money: Option<&proto::google::r#type::Money>| -> Money {
        crate::days::text(money).parse().expect("an amount")
    };
    // 620 points × 1.15 × 12.5 at the hospital, whose score earns 3 % of what the fund pays.
    let good = seen("hospital", &["SEVERITY_3"]).await;
    assert_eq!((good.method(), good.group_code.as_str()), (wire::PaymentMethod::Dip, "I63.9"));
    assert_eq!(yuan(good.gross.as_ref()), "8912.50");
    let before = amount(good.gross.as_ref()) - amount(good.own_share.as_ref());
    let bonus = "0.03".parse::<Ratio>().expect("a ratio").of_half_up(before);
    assert_eq!((amount(good.adjustment.as_ref()), amount(good.fund.as_ref())), (bonus, before + bonus));
    assert!(bonus.is_positive());
    // At the clinic 9,800 is above twice the average of 4,200: 620 × (9,800 ÷ 4,200 − 2 + 1) × 0.8 × 12.5, less 5 %.
    let poor = seen("clinic", &[]).await;
    assert_eq!(yuan(poor.gross.as_ref()), "8266.67");
    let before = amount(poor.gross.as_ref()) - amount(poor.own_share.as_ref());
    let malus = -"0.05".parse::<Ratio>().expect("a ratio").of_half_up(before);
    assert_eq!((amount(poor.adjustment.as_ref()), amount(poor.fund.as_ref())), (malus, before + malus));
    // An entry that the catalogue does not have is guessed by nobody.
    let unknown = seen("hospital", &["SEVERITY_9"]).await;
    assert!(!unknown.decided && unknown.fund.is_none());
}

#[tokio::test]
async fn ad_07_a_record_is_grouped_without_being_remembered() {
    let tables = concat!(env!("CARGO_MANIFEST_DIR"), "/../../libs/drg/tables");
    let world = World::founded(&[("DRG_TABLES_FOLDER", tables)]).await.insured().await;
    let record = wire::GroupRecordRequest {
        tables_version: "small".to_owned(),
        icd10_codes: vec!["I63.900".to_owned(), "G40.900".to_owned(), "E11.900".to_owned()],
        record: Some(wire::CaseRecord { sex_code: 1, ..Default::default() }),
        age_years: 63,
        ..Default::default()
    };
    let request = world.caller("hospital").request(record.clone()).await;
    let group = world.payments().group_record(request).await.expect("grouped").into_inner().group.unwrap_or_default();
    assert_eq!((group.mdc_code.as_str(), group.adrg_code.as_str(), group.drg_code.as_str()), ("B", "BR1", "BR13"));
    assert!(group.steps.iter().any(|step| step.zh.contains("排除表4")), "{:#?}", group.steps);
    let nowhere = wire::GroupRecordRequest { icd10_codes: vec!["Z99.999".to_owned()], ..record.clone() };
    let request = world.caller("hospital").request(nowhere).await;
    let group = world.payments().group_record(request).await.expect("an answer").into_inner().group.unwrap_or_default();
    assert_eq!(group.drg_code, "0000");
    let other = wire::GroupRecordRequest { tables_version: "1.2".to_owned(), ..record };
    let request = world.caller("hospital").request(other).await;
    let refused = world.payments().group_record(request).await.expect_err("not loaded");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "TABLES_NOT_LOADED"));
}
