use proto::anjia::{
    referral::v1::{CloseReferralRequest, Referral, ReferralState},
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
        identity_proof: IdentityProof::IdCard.into(),
        credential: Some(testkit::id_card(&world.national_id)),
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

/// Puts a booked referral back to where its acceptance stands at `step`, driven by somebody for an hour.
async fn put_back(owner: &mut sqlx::PgConnection, booked: &Referral, state: &str, step: &str, refusal: Option<&str>) {
    let sql = "WITH accepting AS (UPDATE referrals SET state = 'ACCEPTING', appointment_id = NULL, \
                   saga_id = (SELECT id FROM sagas WHERE referral_id = $1::uuid) WHERE id = $1::uuid) \
               UPDATE sagas SET state = $2, step = $3, refusal = $4, ended_at = NULL, lease_owner = id, \
                   lease_until = now() + interval '1 hour' WHERE referral_id = $1::uuid";
    let query = sqlx::query(sql).bind(&booked.referral_id).bind(state).bind(step).bind(refusal);
    query.execute(owner).await.expect("put back");
}

#[tokio::test]
async fn rf_04_an_event_that_meets_the_end_of_its_acceptance_is_not_lost() {
    let world = World::start().await;
    let booked = booked(&world).await;
    let mut owner = world.mesh.owner("referral").await;
    put_back(&mut owner, &booked, "RUNNING", "CONFIRM", None).await;

    // The acceptance ends just while the event looks for it.
    let mut ending = sqlx::Connection::begin(&mut owner).await.unwrap();
    sqlx::query("LOCK TABLE sagas IN ACCESS EXCLUSIVE MODE").execute(&mut *ending).await.unwrap();
    cancel(&world, "resident", &booked.appointment_id).await;
    // Whoever only reads it; the loop that drives sagas would write.
    let looks = "SELECT EXISTS (SELECT FROM pg_locks \
                 WHERE relation = 'sagas'::regclass AND mode = 'AccessShareLock' AND NOT granted)";
    until(async || sqlx::query_scalar(looks).fetch_one(&mut *ending).await.unwrap()).await;
    let ends = "WITH booked AS (UPDATE referrals SET state = 'BOOKED', saga_id = NULL, appointment_id = $2::uuid WHERE id = $1::uuid) \
                UPDATE sagas SET state = 'COMPLETED', step = NULL, ended_at = now(), lease_owner = NULL, lease_until = NULL \
                WHERE referral_id = $1::uuid";
    let query = sqlx::query(ends).bind(&booked.referral_id).bind(&booked.appointment_id);
    query.execute(&mut *ending).await.unwrap();
    ending.commit().await.unwrap();

    let withdrawn = world.left(ReferralState::Booked, &booked.referral_id).await;
    assert_eq!(withdrawn.state(), ReferralState::Withdrawn);
}

#[tokio::test]
async fn rf_04_an_acceptance_that_cannot_be_undone_yet_holds_up_no_events() {
    let world = World::start().await;
    let booked = booked(&world).await;
    let (mut owner, mut scheduling) = (world.mesh.owner("referral").await, world.mesh.owner("scheduling").await);
    put_back(&mut owner, &booked, "COMPENSATING", "UNDO_CREDIT", Some("HOLD_EXPIRED")).await;
    cancel(&world, "resident", &booked.appointment_id).await;
    let told = "SELECT max(position) FROM events WHERE kind = 'anjia.scheduling.appointment.cancelled.v1'";
    until(async || {
        let told: Option<i64> = sqlx::query_scalar(told).fetch_one(&mut scheduling).await.unwrap();
        let taken_in = "SELECT position FROM cursors WHERE source = 'scheduling'";
        let taken_in: i64 = sqlx::query_scalar(taken_in).fetch_one(&mut owner).await.unwrap();
        told.is_some_and(|told| taken_in >= told)
    })
    .await;
}

async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    let since = std::time::Instant::now();
    while !is_so().await {
        assert!(since.elapsed() < std::time::Duration::from_secs(20), "it never comes");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
