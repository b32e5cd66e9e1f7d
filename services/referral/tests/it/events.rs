use proto::anjia::{
    referral::v1::{CloseReferralRequest, ReferralState},
    scheduling::v1::{
        CancelAppointmentRequest, CheckInRequest, IdentityProof, Present, visit_service_client::VisitServiceClient,
    },
};
use proto::convert::to_timestamp;
use testkit::{reason, request_id};
use tonic::Code;

use crate::world::{World, acceptance, now};

async fn booked(world: &World) -> proto::anjia::referral::v1::Referral {
    let slots = world.ward().await;
    let submitted = world.submitted().await;
    world.decided(acceptance(&submitted, &slots[0])).await
}

async fn cancel(world: &World, client_id: &str, appointment_id: &str) {
    let message = CancelAppointmentRequest {
        request_id: request_id(),
        appointment_id: appointment_id.to_owned(),
        reason: "改期".to_owned(),
        resident_id: String::new(),
    };
    world.appointments().cancel_appointment(world.caller(client_id).request(message).await).await.unwrap();
}

#[tokio::test]
async fn rf_04_a_place_given_up_by_the_patient_withdraws_the_referral() {
    let world = World::start().await;
    let booked = booked(&world).await;
    cancel(&world, "resident", &booked.appointment_id).await;
    let withdrawn = world.left(ReferralState::Booked, &booked.referral_id).await;
    assert_eq!(withdrawn.state(), ReferralState::Withdrawn);
    assert!(withdrawn.deadline.is_none());
}

#[tokio::test]
async fn rf_04_a_place_given_up_by_the_provider_is_its_turn_again() {
    let world = World::start().await;
    let booked = booked(&world).await;
    cancel(&world, "hospital", &booked.appointment_id).await;
    let reopened = world.left(ReferralState::Booked, &booked.referral_id).await;
    assert_eq!(reopened.state(), ReferralState::Submitted);
    assert!(reopened.deadline.unwrap().seconds > now().timestamp() + 47 * 3600);
}

#[tokio::test]
async fn rf_01_a_referral_is_attended_and_closed() {
    let world = World::start().await;
    let booked = booked(&world).await;
    let close = async |version| {
        let message =
            CloseReferralRequest { request_id: request_id(), referral_id: booked.referral_id.clone(), version };
        world.referrals().close_referral(world.caller("hospital").request(message).await).await
    };
    let early = close(booked.version).await.unwrap_err();
    assert_eq!((early.code(), reason(&early).as_str()), (Code::FailedPrecondition, "REFERRAL_NOT_ATTENDED"));

    let message = CheckInRequest {
        request_id: request_id(),
        appointment_id: booked.appointment_id.clone(),
        present: Present::Self_.into(),
        identity_proof: IdentityProof::None.into(),
        occurred_at: Some(to_timestamp(now())),
        ..CheckInRequest::default()
    };
    let mut visits = VisitServiceClient::new(world.mesh.channel("scheduling"));
    let visit = visits.check_in(world.caller("hospital").request(message).await).await.unwrap().into_inner().visit;
    let attended = world.left(ReferralState::Booked, &booked.referral_id).await;
    assert_eq!((attended.state(), &attended.visit_id), (ReferralState::Attended, &visit.unwrap().visit_id));
    let stale = close(1).await.unwrap_err();
    assert_eq!(reason(&stale), "STALE_VERSION");
    let closed = close(attended.version).await.unwrap().into_inner().referral.unwrap();
    assert_eq!(closed.state(), ReferralState::Closed);
}
