//! Who acts for another stands beside them in every service: audit, and ledger.

use mesh_tests::{City, in_minutes, requests};
use proto::anjia::identity::v1::DelegatedAction::{Book, Pay, Refer, View};
use proto::anjia::identity::v1::delegation_service_client::DelegationServiceClient;
use proto::anjia::identity::v1::{DelegationBasis, GrantDelegationRequest};
use proto::anjia::payment::v1::{BillState, CaptureBillRequest};
use proto::anjia::scheduling::v1::appointment_service_client::AppointmentServiceClient;
use sqlx::{Connection as _, PgConnection};
use testkit::request_id;
use types::ids::DelegationId;

/// The database of a service as its owner, who sees every region.
async fn owner(city: &City, service: &str) -> PgConnection {
    let url = &city.mesh.fleet().database(service).expect("a service of the mesh").owner;
    PgConnection::connect(url).await.expect("its owner connects")
}

/// Actor, subject, delegation.
type People = (Option<String>, Option<String>, Option<uuid::Uuid>);

#[tokio::test]
async fn id_04_both_people_stand_in_the_audit_of_every_service_and_in_the_ledger() {
    let city = City::start().await;
    let patient = city.patient().await;
    let slots = city.clinic_hours(2).await;
    let worker = city.caller("worker");
    let delegation = DelegationId::generate();
    let message = GrantDelegationRequest {
        request_id: request_id(),
        delegation_id: delegation.to_string(),
        resident_id: patient.id.to_string(),
        delegate: worker.party().to_owned(),
        basis: DelegationBasis::Granted.into(),
        actions: [Book, Pay, Refer, View].map(i32::from).to_vec(),
        until: Some(in_minutes(60)),
        ..GrantDelegationRequest::default()
    };
    let request = patient.caller.request(message).await;
    DelegationServiceClient::new(city.channel("identity")).grant_delegation(request).await.expect("granted");
    let acting = worker.acting_for(patient.id, delegation);

    let wish = acting.request(requests::hold(&patient, &slots[0].slot_id)).await;
    let held =
        AppointmentServiceClient::new(city.channel("scheduling")).hold_slot(wish).await.expect("held").into_inner();
    let held = held.appointment.expect("it answers the appointment");
    assert_eq!(held.booked_by, worker.party());

    let visit = city.visit(&patient).await;
    let settlement = city.settlement(&visit, "240.00").await;
    let authorise = acting.request(requests::on_credit(&patient, &settlement)).await;
    let bill = city.bills().authorise_bill(authorise).await.expect("authorised").into_inner().bill.expect("a bill");
    let capture = CaptureBillRequest { request_id: request_id(), bill_id: bill.bill_id.clone() };
    city.bills().capture_bill(acting.request(capture).await).await.expect("capturing");
    let since = std::time::Instant::now();
    while !matches!(
        city.bill(&patient, &bill.bill_id).await.expect("her bill").state(),
        BillState::Captured | BillState::Settled
    ) {
        assert!(since.elapsed().as_secs() < 20, "the bill was not captured");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }

    let refer = acting.request(requests::referral(&patient, &visit)).await;
    city.referrals().submit_referral(refer).await.expect("the delegate refers her");

    let both: People =
        (Some(worker.party().to_owned()), Some(format!("resident:{}", patient.id)), Some(delegation.uuid()));
    let acts = [
        ("identity", "identity.token.issue_acting"),
        ("scheduling", "scheduling.appointment.hold"),
        ("adjudication", "adjudication.settlement.read"),
        ("payment", "payment.bill.authorise"),
        ("payment", "payment.bill.capture"),
        ("identity", "identity.mandate.record"),
        ("referral", "referral.referral.submit"),
    ];
    for (service, action) in acts {
        let entries: Vec<People> = sqlx::query_as(
            "SELECT actor, subject, delegation_id FROM audit_entries WHERE action = $1 AND delegation_id = $2",
        )
        .bind(action)
        .bind(delegation.uuid())
        .fetch_all(&mut owner(&city, service).await)
        .await
        .expect("the audit is there");
        assert!(!entries.is_empty() && entries.iter().all(|entry| *entry == both), "{action}: {entries:?}");
    }
    let transfers: Vec<People> = sqlx::query_as(
        "SELECT ordered_by, on_behalf_of, delegation_id FROM transfers WHERE bill_id = $1::uuid AND order_id IS NULL",
    )
    .bind(&bill.bill_id)
    .fetch_all(&mut owner(&city, "payment").await)
    .await
    .expect("the ledger is there");
    assert_eq!(transfers, vec![both; 2]);
    mesh_tests::assert_invariants(&city.mesh).await;
}
