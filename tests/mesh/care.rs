//! A curious clerk: a valid login at the clinic that registered the patient is not enough; somebody must be in its care.

use std::time::Duration;

use devstack::callers::{CLINIC, Client, HOSPITAL};
use mesh_tests::{City, Patient, in_minutes, requests};
use proto::anjia::identity::v1::resident_service_client::ResidentServiceClient;
use proto::anjia::identity::v1::{GetResidentRequest, Resident};
use proto::anjia::referral::v1::{ReturnReferralRequest, Returned};
use proto::anjia::scheduling::v1::visit_service_client::VisitServiceClient;
use proto::anjia::scheduling::v1::{EndVisitRequest, VisitOutcome};
use testkit::{TestCaller, reason, request_id};
use tonic::Status;
use uuid::Uuid;

/// Events are taken in some moments after what they tell of.
const TRIES: u32 = 150;

#[tokio::test]
async fn id_07_a_visit_opens_a_patient_to_the_clinic_and_its_end_closes_her() {
    let city = City::start().await;
    let patient = city.patient().await;
    let clerk = Client::practitioner("clerk", Uuid::now_v7(), CLINIC, &["clinic_clerk"]);
    let clerk = testkit::register_in(&city.mesh, vec![clerk]).await.remove(0);
    let refused = get(&city, &clerk, &patient).await.expect_err("nobody at the clinic cares for her");
    assert_eq!(reason(&refused), "OUTSIDE_SCOPE");

    let mut visits = VisitServiceClient::new(city.channel("scheduling"));
    let request = city.caller("clinic").request(requests::walk_in(&patient)).await;
    let visit = visits.check_in(request).await.expect("she is checked in").into_inner().visit.expect("a visit");
    let shown = until(async || get(&city, &clerk, &patient).await.ok()).await;
    // A desk sees who stands before it, not where she lives.
    assert!(shown.display_name.ends_with("**") && shown.community.is_empty(), "{shown:?}");

    let end = EndVisitRequest {
        request_id: request_id(),
        visit_id: visit.visit_id,
        outcome: VisitOutcome::Completed.into(),
        occurred_at: Some(in_minutes(-5)),
        reason: String::new(),
    };
    visits.end_visit(city.caller("clinic").request(end).await).await.expect("the visit ends");
    let refused = until(async || get(&city, &clerk, &patient).await.err()).await;
    assert_eq!(reason(&refused), "OUTSIDE_SCOPE");
}

#[tokio::test]
async fn id_07_a_referral_opens_a_patient_to_the_other_side_and_its_return_closes_her() {
    let city = City::start().await;
    let patient = city.patient().await;
    let doctor = Client::practitioner("doctor-there", Uuid::now_v7(), HOSPITAL, &["clinician"]);
    let doctor = testkit::register_in(&city.mesh, vec![doctor]).await.remove(0);
    let refused = get(&city, &doctor, &patient).await.expect_err("nobody sent her to the hospital");
    assert_eq!(reason(&refused), "OUTSIDE_SCOPE");

    let referral = city.submit_referral(&patient).await;
    until(async || get(&city, &doctor, &patient).await.ok()).await;

    let back = ReturnReferralRequest {
        request_id: request_id(),
        referral_id: referral.referral_id.clone(),
        version: referral.version,
        returned: Some(Returned { reason: "NO_CAPACITY".to_owned(), ..Returned::default() }),
    };
    city.referrals().return_referral(city.caller("hospital").request(back).await).await.expect("it is returned");
    let refused = until(async || get(&city, &doctor, &patient).await.err()).await;
    assert_eq!(reason(&refused), "OUTSIDE_SCOPE");
}

async fn get(city: &City, caller: &TestCaller, patient: &Patient) -> Result<Resident, Status> {
    let message = GetResidentRequest { resident_id: patient.id.to_string() };
    let request = caller.request(message).await;
    let answer = ResidentServiceClient::new(city.channel("identity")).get_resident(request).await?.into_inner();
    Ok(answer.resident.expect("it answers the resident"))
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
