//! The same request again answers the same and changes nothing; another body under its key is refused. One write of each service.

use std::fmt::Debug;

use mesh_tests::{City, requests};
use proto::Idempotent;
use proto::anjia::adjudication::v1::DivideClaimRequest;
use proto::anjia::adjudication::v1::adjudication_service_client::AdjudicationServiceClient;
use proto::anjia::identity::v1::RegisterResidentRequest;
use proto::anjia::identity::v1::resident_service_client::ResidentServiceClient;
use proto::anjia::payment::v1::GrantCreditLineRequest;
use proto::anjia::payment::v1::bank_service_client::BankServiceClient;
use proto::anjia::referral::v1::SubmitReferralRequest;
use proto::anjia::scheduling::v1::HoldSlotRequest;
use proto::anjia::scheduling::v1::appointment_service_client::AppointmentServiceClient;
use testkit::{TestCaller, reason};
use tonic::{Code, Request, Response, Status};

type Answer<T> = Result<Response<T>, Status>;

#[tokio::test]
async fn sc_14_a_write_sent_again_answers_the_same_and_happens_once() {
    let city = City::start().await;
    let patients = city.patients(2).await;
    let slots = city.clinic_hours(4).await;
    let patient = &patients[0];

    let new = testkit::national_id(chrono::NaiveDate::from_ymd_opt(1960, 5, 1).expect("a day"));
    let resident = requests::resident(&new);
    let other = RegisterResidentRequest { community: "德胜街道".to_owned(), ..resident.clone() };
    let call = async |request| ResidentServiceClient::new(city.channel("identity")).register_resident(request).await;
    happens_once(city.caller("worker"), call, resident, other).await;

    let hold = requests::hold(patient, &slots[0].slot_id);
    let other = HoldSlotRequest { request_id: hold.request_id.clone(), ..requests::hold(patient, &slots[1].slot_id) };
    let call = async |request| AppointmentServiceClient::new(city.channel("scheduling")).hold_slot(request).await;
    happens_once(&patient.caller, call, hold, other).await;

    let visit = city.visit(patient).await;
    let referral = requests::referral(patient, &visit);
    let other = SubmitReferralRequest { clinical_summary: "另一段".to_owned(), ..referral.clone() };
    let call = async |request| city.referrals().submit_referral(request).await;
    happens_once(&patient.caller, call, referral, other).await;

    let claim = requests::claim(&visit.visit_id, "240.00");
    let other =
        DivideClaimRequest { request_id: claim.request_id.clone(), ..requests::claim(&visit.visit_id, "241.00") };
    let call = async |request| AdjudicationServiceClient::new(city.channel("adjudication")).divide_claim(request).await;
    happens_once(city.caller("clinic"), call, claim, other).await;

    let line = requests::credit_line(&patients[1].national_id);
    let other = GrantCreditLineRequest { limit: mesh_tests::money("1.00"), ..line.clone() };
    let call = async |request| BankServiceClient::new(city.channel("payment")).grant_credit_line(request).await;
    happens_once(city.caller("bank"), call, line, other).await;

    mesh_tests::assert_invariants(&city.mesh).await;
}

/// `other` differs from `message`; it is sent under the same key.
async fn happens_once<M, T>(caller: &TestCaller, call: impl AsyncFn(Request<M>) -> Answer<T>, message: M, other: M)
where
    M: Idempotent + Clone,
    T: PartialEq + Debug,
{
    assert_eq!(message.request_id(), other.request_id());
    let first = call(caller.request(message.clone()).await).await.expect("the first is done").into_inner();
    let second = call(caller.request(message).await).await.expect("the second is answered").into_inner();
    assert_eq!(first, second);

    let refused = call(caller.request(other).await).await.expect_err("another body");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::InvalidArgument, "REQUEST_ID_REUSED"));
}
