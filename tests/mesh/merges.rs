//! One person registered twice: merged, every service counts by both ids; taken apart again, each has what they had.

use std::time::Duration;

use devstack::callers::{Client, REGION};
use mesh_tests::{City, Patient, assert_invariants, in_minutes, requests};
use proto::anjia::adjudication::v1::adjudication_service_client::AdjudicationServiceClient;
use proto::anjia::adjudication::v1::{ListClaimsRequest, Settlement};
use proto::anjia::common::v1::{Credential, IdentifierKind, Scheme};
use proto::anjia::identity::v1::enrolment_service_client::EnrolmentServiceClient;
use proto::anjia::identity::v1::merge_service_client::MergeServiceClient;
use proto::anjia::identity::v1::privacy_service_client::PrivacyServiceClient;
use proto::anjia::identity::v1::resident_service_client::ResidentServiceClient;
use proto::anjia::identity::v1::{
    AddIdentifierRequest, CoverLayer, EnrolResidentRequest, Enrolment, Erasure, ErasureState, GetErasureRequest,
    GetResidentRequest, Merge, MergeResidentsRequest, ProposeMergeRequest, ProposeUnmergeRequest, ProvisionalKind,
    RegisterResidentRequest, RequestErasureRequest, Sex, UnmergeResidentsRequest,
};
use proto::anjia::payment::v1::authorise_bill_request::Basis;
use proto::anjia::payment::v1::{AuthoriseBillRequest, BillState, GetBillRequest, ListBillsRequest};
use proto::anjia::scheduling::v1::appointment_service_client::AppointmentServiceClient;
use proto::anjia::scheduling::v1::visit_service_client::VisitServiceClient;
use proto::anjia::scheduling::v1::{CheckInRequest, EndVisitRequest, ListAppointmentsRequest, VisitOutcome};
use proto::google::r#type::Date;
use testkit::{id_card, reason, request_id};
use types::ids::{CreditLineId, ResidentId};
use types::money::Money;

/// Events are taken in some moments after what they tell of.
const TRIES: u32 = 150;
/// Beijing: deductible of the retired for a year's outpatient care.
const DEDUCTIBLE_YUAN: i64 = 1_300;
const BILLED_YUAN: i64 = 1_000;

/// Somebody, and what a desk reads of them.
struct Somebody {
    patient: Patient,
    credential: Credential,
}

#[tokio::test]
async fn id_01_bookings_and_deductible_count_over_both_ids_until_the_merge_is_undone() {
    let city = City::start().await;
    let (old, person) = (without_number(&city).await, uninsured(&city).await);
    let settlement = visit(&city, &old).await;
    assert_eq!(deductible(&settlement), yuan(BILLED_YUAN));
    bill_at_the_desk(&city, &settlement).await;
    let slots = city.clinic_hours(5).await;
    city.hold(&old.patient, &slots[0].slot_id).await.expect("she books by the old id");

    let merge = merge(&city, &old, &person).await;
    let person = again(&city, person).await;
    let overlapping = until(async || city.hold(&person.patient, &slots[0].slot_id).await.err()).await;
    assert_eq!(reason(&overlapping), "PATIENT_CONFLICT");
    // Cover is what the old id had, and the deductible goes on where it left it.
    let rest = yuan(DEDUCTIBLE_YUAN - BILLED_YUAN);
    let goes_on = async |of: &Somebody| Some(visit(&city, of).await).filter(|divided| deductible(divided) == rest);
    let further = until(async || goes_on(&person).await).await;
    bill_at_the_desk(&city, &further).await;
    // Her appointment by the old id, her bills by both.
    until(async || Some(listed(&city, &person).await).filter(|counts| *counts == (1, 2))).await;
    let claims = claims(&city, &person).await;
    assert!([&settlement, &further].iter().all(|of| claims.contains(&of.claim_id)), "{claims:?}");

    undo(&city, &merge).await;
    let (old, person) = (again(&city, old).await, again(&city, person).await);
    until(async || city.hold(&person.patient, &slots[0].slot_id).await.ok()).await;
    // What the other id has borne is no longer hers.
    until(async || goes_on(&old).await).await;
    until(async || Some(listed(&city, &old).await).filter(|counts| *counts == (1, 1))).await;
    assert_invariants(&city.mesh).await;
}

#[tokio::test]
async fn id_08_a_person_merged_of_two_is_erased_in_every_service_under_both_ids_and_what_is_open_by_the_old_one_keeps_her()
 {
    let city = City::start().await;
    let (old, person) = (without_number(&city).await, uninsured(&city).await);
    let settlement = visit(&city, &old).await;
    merge(&city, &old, &person).await;
    let erasure_id = ask_to_erase(&city, &old).await;
    // It is the person's, by whichever id.
    until(async || {
        let erasure = erasure(&city, &erasure_id).await;
        let mut open = erasure.standings.into_iter().flat_map(|standing| standing.open);
        open.any(|open| open.id == settlement.settlement_id).then_some(())
    })
    .await;

    bill_at_the_desk(&city, &settlement).await;
    let done =
        async || Some(erasure(&city, &erasure_id).await).filter(|found| found.state() == ErasureState::Completed);
    for _ in 0..12 {
        if done().await.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    let erasure = until(done).await;
    assert_eq!(erasure.resident_id, person.patient.id.to_string());
    for service in ["identity", "scheduling", "referral", "adjudication", "payment"] {
        let url = &city.mesh.fleet().database(service).expect("it is there").owner;
        let mut owner = <sqlx::PgConnection as sqlx::Connection>::connect(url).await.expect("its owner connects");
        let erased: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM erasures WHERE state = 'ERASED' AND resident_id = ANY (ARRAY[$1::uuid, $2::uuid])",
        )
        .bind(old.patient.id.uuid())
        .bind(person.patient.id.uuid())
        .fetch_one(&mut owner)
        .await
        .expect("it is counted");
        assert_eq!(erased, 2, "{service}");
    }
    for id in [old.patient.id, person.patient.id] {
        let request = city.caller("worker").request(GetResidentRequest { resident_id: id.to_string() }).await;
        let refused = ResidentServiceClient::new(city.channel("identity")).get_resident(request).await;
        assert_eq!(reason(&refused.expect_err("it is only kept")), "RESIDENT_ERASED");
    }
    assert_invariants(&city.mesh).await;
}

async fn ask_to_erase(city: &City, of: &Somebody) -> String {
    let message = RequestErasureRequest {
        request_id: request_id(),
        resident_id: of.patient.id.to_string(),
        evidence: "file 17".to_owned(),
    };
    let request = city.caller("operator").request(message).await;
    let asked = PrivacyServiceClient::new(city.channel("identity")).request_erasure(request).await.expect("asked for");
    asked.into_inner().erasure.expect("a request").erasure_id
}

async fn erasure(city: &City, erasure_id: &str) -> Erasure {
    let message = GetErasureRequest { erasure_id: erasure_id.to_owned() };
    let request = city.caller("operator").request(message).await;
    let found = PrivacyServiceClient::new(city.channel("identity")).get_erasure(request).await.expect("it stands");
    found.into_inner().erasure.expect("a request")
}

fn yuan(amount: i64) -> Money {
    Money::from_fen(amount * 100)
}

fn deductible(settlement: &Settlement) -> Money {
    let division = settlement.division.as_ref().expect("a settlement is divided");
    proto::convert::money("deductible", division.deductible.as_ref()).expect("an amount")
}

/// Registered without a number, by a passport, and insured.
async fn without_number(city: &City) -> Somebody {
    let credential = Credential {
        kind: IdentifierKind::Passport.into(),
        number: "E12345678".to_owned(),
        country_code: "CHN".to_owned(),
    };
    let patient = registered(city, |registration| RegisterResidentRequest {
        national_id: String::new(),
        birth_date: Some(Date { year: 1954, month: 3, day: 1 }),
        sex: Sex::Female.into(),
        provisional: ProvisionalKind::Unknown.into(),
        ..registration
    })
    .await;
    let document = AddIdentifierRequest {
        request_id: request_id(),
        resident_id: patient.id.to_string(),
        credential: Some(credential.clone()),
        evidence: "desk".to_owned(),
        ..AddIdentifierRequest::default()
    };
    let request = city.caller("worker").request(document).await;
    ResidentServiceClient::new(city.channel("identity")).add_identifier(request).await.expect("a passport");
    let enrolment = Enrolment {
        resident_id: patient.id.to_string(),
        scheme: Scheme::Employee.into(),
        insured_region_code: REGION.to_owned(),
        layer: CoverLayer::Basic.into(),
        from: Some(Date { year: 2014, month: 3, day: 1 }),
        retired: true,
        ..Enrolment::default()
    };
    let message = EnrolResidentRequest { request_id: request_id(), enrolment: Some(enrolment) };
    let request = city.caller("insurer-proposer").request(message).await;
    EnrolmentServiceClient::new(city.channel("identity")).enrol_resident(request).await.expect("an enrolment");
    Somebody { patient, credential }
}

/// Registered with a number, and not insured.
async fn uninsured(city: &City) -> Somebody {
    let patient = registered(city, |registration| registration).await;
    Somebody { credential: id_card(&patient.national_id), patient }
}

async fn registered(city: &City, as_said: impl FnOnce(RegisterResidentRequest) -> RegisterResidentRequest) -> Patient {
    let id = ResidentId::generate();
    let client = Client::resident(&format!("patient-{}", id.uuid().simple()), id.uuid());
    let caller = testkit::register_in(&city.mesh, vec![client]).await.remove(0);
    let national_id = testkit::national_id("1954-03-01".parse().expect("a day"));
    let registration = RegisterResidentRequest { resident_id: id.to_string(), ..requests::resident(&national_id) };
    let request = city.caller("worker").request(as_said(registration)).await;
    ResidentServiceClient::new(city.channel("identity")).register_resident(request).await.expect("registered");
    Patient { id, national_id, caller, credit_line: CreditLineId::generate() }
}

/// Logged in again: tokens from before are taken back.
async fn again(city: &City, somebody: Somebody) -> Somebody {
    let id = somebody.patient.id.uuid();
    let client = Client::resident(&format!("patient-{}", ResidentId::generate().uuid().simple()), id);
    let caller = testkit::register_in(&city.mesh, vec![client]).await.remove(0);
    Somebody { patient: Patient { caller, ..somebody.patient }, ..somebody }
}

/// A walk-in a while ago, over by now, and the clinic's claim for it.
async fn visit(city: &City, somebody: &Somebody) -> Settlement {
    let mut visits = VisitServiceClient::new(city.channel("scheduling"));
    let arrival =
        CheckInRequest { credential: Some(somebody.credential.clone()), ..requests::walk_in(&somebody.patient) };
    let request = city.caller("clinic").request(arrival).await;
    let visit = visits.check_in(request).await.expect("checked in").into_inner().visit.expect("a visit");
    let end = EndVisitRequest {
        request_id: request_id(),
        visit_id: visit.visit_id.clone(),
        outcome: VisitOutcome::Completed.into(),
        occurred_at: Some(in_minutes(-5)),
        reason: String::new(),
    };
    visits.end_visit(city.caller("clinic").request(end).await).await.expect("the visit ends");
    city.settlement(&visit, &format!("{BILLED_YUAN}.00")).await
}

/// She pays at the desk, and so confirms the settlement.
async fn bill_at_the_desk(city: &City, settlement: &Settlement) {
    let clinic = city.caller("clinic");
    let message = AuthoriseBillRequest {
        request_id: request_id(),
        basis: Some(Basis::SettlementId(settlement.settlement_id.clone())),
        ..AuthoriseBillRequest::default()
    };
    let bill = city.bills().authorise_bill(clinic.request(message).await).await.expect("a bill").into_inner().bill;
    let bill = city.capture(&bill.expect("a bill")).await.expect("it is captured");
    until(async || {
        let request = clinic.request(GetBillRequest { bill_id: bill.bill_id.clone() }).await;
        let bill = city.bills().get_bill(request).await.expect("the bill").into_inner().bill.expect("a bill");
        matches!(bill.state(), BillState::Captured | BillState::Settled).then_some(())
    })
    .await;
}

async fn merge(city: &City, old: &Somebody, person: &Somebody) -> Merge {
    let mut merges = MergeServiceClient::new(city.channel("identity"));
    let message = ProposeMergeRequest {
        request_id: request_id(),
        merge_id: String::new(),
        resident_id: old.patient.id.to_string(),
        survivor_resident_id: person.patient.id.to_string(),
        reason: "registered twice".to_owned(),
        evidence: "passport and card".to_owned(),
    };
    let request = city.caller("worker").request(message).await;
    let proposed = merges.propose_merge(request).await.expect("proposed").into_inner().merge.expect("a merge");
    let message = MergeResidentsRequest {
        request_id: request_id(),
        merge_id: proposed.merge_id,
        revision: proposed.revision,
        evidence: "both files".to_owned(),
    };
    let request = city.caller("operator").request(message).await;
    merges.merge_residents(request).await.expect("merged").into_inner().merge.expect("a merge")
}

async fn undo(city: &City, merge: &Merge) {
    let mut merges = MergeServiceClient::new(city.channel("identity"));
    let message = ProposeUnmergeRequest {
        request_id: request_id(),
        merge_id: merge.merge_id.clone(),
        revision: merge.revision,
        evidence: "twins".to_owned(),
    };
    let request = city.caller("worker").request(message).await;
    let doubted = merges.propose_unmerge(request).await.expect("proposed").into_inner().merge.expect("a merge");
    let message = UnmergeResidentsRequest {
        request_id: request_id(),
        merge_id: doubted.merge_id,
        revision: doubted.revision,
        evidence: "two certificates".to_owned(),
    };
    merges.unmerge_residents(city.caller("operator").request(message).await).await.expect("undone");
}

/// How many appointments and bills are listed for somebody, under their own token.
async fn listed(city: &City, of: &Somebody) -> (usize, usize) {
    let resident_id = of.patient.id.to_string();
    let message = ListAppointmentsRequest { resident_id: resident_id.clone(), ..ListAppointmentsRequest::default() };
    let request = of.patient.caller.request(message).await;
    let answer = AppointmentServiceClient::new(city.channel("scheduling")).list_appointments(request).await;
    let appointments = answer.expect("a list").into_inner().appointments.len();
    let message = ListBillsRequest { resident_id, ..ListBillsRequest::default() };
    let request = of.patient.caller.request(message).await;
    let bills = city.bills().list_bills(request).await.expect("a list").into_inner().bills.len();
    (appointments, bills)
}

async fn claims(city: &City, of: &Somebody) -> Vec<String> {
    let message = ListClaimsRequest { resident_id: of.patient.id.to_string(), ..ListClaimsRequest::default() };
    let request = of.patient.caller.request(message).await;
    let answer = AdjudicationServiceClient::new(city.channel("adjudication")).list_claims(request).await;
    answer.expect("a list").into_inner().claims.into_iter().map(|claim| claim.claim_id).collect()
}

async fn until<T>(mut asked: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..TRIES {
        if let Some(answer) = asked().await {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it did not come about within fifteen seconds");
}
