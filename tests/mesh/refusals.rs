//! The refusals people meet: each has its own stable reason, and leaves everything as it was.

use mesh_tests::{City, Patient, in_minutes, requests};
use proto::anjia::adjudication::v1::ProposePolicyRequest;
use proto::anjia::adjudication::v1::adjudication_service_client::AdjudicationServiceClient;
use proto::anjia::adjudication::v1::policy_service_client::PolicyServiceClient;
use proto::anjia::common::v1::CareKind;
use proto::anjia::identity::v1::delegation_service_client::DelegationServiceClient;
use proto::anjia::identity::v1::resident_service_client::ResidentServiceClient;
use proto::anjia::identity::v1::{DelegatedAction, DelegationBasis, GrantDelegationRequest, RegisterResidentRequest};
use proto::anjia::scheduling::v1::appointment_service_client::AppointmentServiceClient;
use proto::anjia::scheduling::v1::book_result::Result as Booked;
use proto::anjia::scheduling::v1::{BookItem, BookRequest};
use testkit::{reason, request_id};
use tonic::{Code, Status};
use tonic_types::StatusExt;
use types::ids::{DelegationId, VisitId};

const POLICY: &str = include_str!("../../services/adjudication/policies/beijing-employee.json");

#[tokio::test]
async fn every_refusal_has_its_reason_and_changes_nothing() {
    let city = City::start().await;
    let patients = city.patients(2).await;
    let slots = city.clinic_hours(1).await;
    let taken = &slots[0].slot_id;
    city.hold(&patients[0], taken).await.expect("the first holds the only place");
    let visit = city.visit(&patients[0]).await;
    // Outpatient cover stops at 20,000.00, so most of it is her own: more than her line of 60,000.00.
    let settlement = city.settlement(&visit, "90000.00").await;
    let delegation = view_only(&city, &patients[0]).await;
    let before = city.snapshot().await;

    id_01_a_wrong_check_digit(&city).await;
    id_04_an_act_without_delegation(&city, &patients[0], &slots[1].slot_id).await;
    id_04_an_act_beyond_the_delegation(&city, &patients[0], delegation, &slots[1].slot_id).await;
    sc_04_a_taken_slot(&city, &patients[1], taken).await;
    ad_03_a_claim_without_a_visit(&city).await;
    ad_01_a_policy_with_a_number_missing(&city).await;
    let overdraw = city.authorise(&patients[0], &settlement).await.expect_err("beyond the line");
    assert_refused(&overdraw, Code::FailedPrecondition, "INSUFFICIENT_CREDIT");
    assert_eq!(metadata(&overdraw, "remaining"), "60000.00");

    assert_eq!(city.snapshot().await, before, "a refusal changed something");
}

async fn id_01_a_wrong_check_digit(city: &City) {
    let number = testkit::national_id(chrono::NaiveDate::from_ymd_opt(1960, 5, 1).expect("a day"));
    let (body, check) = number.expose().split_at(17);
    let wrong = format!("{body}{}", if check == "1" { "2" } else { "1" });
    let message = RegisterResidentRequest { national_id: wrong, ..requests::resident(&number) };
    let request = city.caller("worker").request(message).await;
    let refused = ResidentServiceClient::new(city.channel("identity")).register_resident(request).await;
    assert_refused(&refused.expect_err("no such number"), Code::InvalidArgument, "INVALID_NATIONAL_ID");
}

async fn id_04_an_act_without_delegation(city: &City, patient: &Patient, slot_id: &str) {
    let nobodys = DelegationId::generate();
    let token = city.caller("worker").acting_for(patient.id, nobodys).context().await;
    assert_refused(&token.expect_err("no token"), Code::PermissionDenied, "NO_DELEGATION");
    assert_eq!(booking_refused(city, patient, nobodys, slot_id).await, "NO_DELEGATION");
}

async fn id_04_an_act_beyond_the_delegation(city: &City, patient: &Patient, delegation: DelegationId, slot_id: &str) {
    assert_eq!(booking_refused(city, patient, delegation, slot_id).await, "ACTION_NOT_DELEGATED");
}

async fn sc_04_a_taken_slot(city: &City, patient: &Patient, slot_id: &str) {
    let refused = city.hold(patient, slot_id).await.expect_err("the only place is held");
    assert_refused(&refused, Code::FailedPrecondition, "SLOT_TAKEN");
    assert!(!metadata(&refused, "alternatives").is_empty());
}

async fn ad_03_a_claim_without_a_visit(city: &City) {
    let message = requests::claim(&VisitId::generate().to_string(), "240.00");
    let request = city.caller("clinic").request(message).await;
    let refused = AdjudicationServiceClient::new(city.channel("adjudication")).divide_claim(request).await;
    assert_refused(&refused.expect_err("nobody came"), Code::NotFound, "VISIT_NOT_FOUND");
}

async fn ad_01_a_policy_with_a_number_missing(city: &City) {
    let mut document: serde_json::Value = serde_json::from_str(POLICY).expect("JSON");
    let per_year = document["outpatient"]["deductible"]["per_year"].as_object_mut().expect("by status");
    per_year.remove("retired").expect("it was there");
    let message = ProposePolicyRequest {
        request_id: request_id(),
        policy_id: String::new(),
        document_json: document.to_string(),
    };
    let request = city.caller("insurer-proposer").request(message).await;
    let refused = PolicyServiceClient::new(city.channel("adjudication")).propose_policy(request).await;
    let refused = refused.expect_err("a number is missing");
    assert_refused(&refused, Code::InvalidArgument, "POLICY_INCOMPLETE");
    assert!(metadata(&refused, "path").starts_with("outpatient.deductible.per_year"), "{refused:?}");
}

/// A delegation that lets the worker look, not book.
async fn view_only(city: &City, patient: &Patient) -> DelegationId {
    let delegation = DelegationId::generate();
    let message = GrantDelegationRequest {
        request_id: request_id(),
        delegation_id: delegation.to_string(),
        resident_id: patient.id.to_string(),
        delegate: city.caller("worker").party().to_owned(),
        basis: DelegationBasis::Granted.into(),
        actions: vec![DelegatedAction::View.into()],
        until: Some(in_minutes(60)),
        evidence: "SELF".to_owned(),
        ..GrantDelegationRequest::default()
    };
    let request = patient.caller.request(message).await;
    let mut delegations = DelegationServiceClient::new(city.channel("identity"));
    delegations.grant_delegation(request).await.expect("a delegation is granted");
    delegation
}

/// The worker books for a patient, and is refused: why.
async fn booking_refused(city: &City, patient: &Patient, delegation: DelegationId, slot_id: &str) -> String {
    let item = BookItem {
        request_id: request_id(),
        resident_id: patient.id.to_string(),
        delegation_id: delegation.to_string(),
        slot_id: slot_id.to_owned(),
        kind: CareKind::Outpatient.into(),
        ..BookItem::default()
    };
    let request = city.caller("worker").request(BookRequest { items: vec![item] }).await;
    let mut appointments = AppointmentServiceClient::new(city.channel("scheduling"));
    let answer = appointments.book(request).await.expect("each item has its own result").into_inner();
    match answer.results.into_iter().next().and_then(|result| result.result) {
        Some(Booked::Refusal(refusal)) => reason(&status(&refusal)),
        other => panic!("booked: {other:?}"),
    }
}

/// A refusal within an answer, as a refusal of a call.
fn status(refusal: &proto::google::rpc::Status) -> Status {
    use prost::Message;
    let details = refusal.encode_to_vec();
    Status::with_details(Code::from_i32(refusal.code), refusal.message.clone(), details.into())
}

#[track_caller]
fn assert_refused(status: &Status, code: Code, expected: &str) {
    assert_eq!((status.code(), reason(status).as_str()), (code, expected), "{status:?}");
}

fn metadata(status: &Status, key: &str) -> String {
    let info = status.get_details_error_info().expect("a refusal has a reason");
    info.metadata.get(key).cloned().unwrap_or_default()
}
