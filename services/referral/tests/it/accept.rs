use proto::anjia::{
    common::v1::CareKind,
    identity::v1::{DelegatedAction, DelegationLimits, RevokeDelegationRequest},
    payment::v1::{BillState, GetBillRequest, ListBillsRequest, bill_service_client::BillServiceClient},
    referral::v1::{ReferralState, ReturnReferralRequest, Returned},
    scheduling::v1::{AppointmentState, GetAppointmentRequest, ListAppointmentsRequest},
};
use testkit::{
    callers::{CLINIC, HOSPITAL, RESIDENT},
    reason, request_id,
};
use tonic::Code;
use types::ids::{ReferralId, SlotId};

use crate::world::{World, acceptance, credit, desk, priced, referral, yuan};

/// Nothing of the resident's is held or reserved.
async fn assert_nothing_left(world: &World) {
    let resident = world.caller("resident");
    let list = ListAppointmentsRequest { resident_id: RESIDENT.to_string(), ..ListAppointmentsRequest::default() };
    let appointments = world.appointments().list_appointments(resident.request(list).await).await.unwrap().into_inner();
    let is_held = |state| matches!(state, AppointmentState::Held | AppointmentState::Confirmed);
    assert!(!appointments.appointments.iter().any(|appointment| is_held(appointment.state())));
    let list = ListBillsRequest { resident_id: RESIDENT.to_string(), ..ListBillsRequest::default() };
    let mut bills = BillServiceClient::new(world.mesh.channel("payment"));
    let bills = bills.list_bills(resident.request(list).await).await.unwrap().into_inner().bills;
    assert!(bills.iter().all(|bill| bill.state() == BillState::Cancelled));
}

#[tokio::test]
async fn rf_04_an_acceptance_arranges_place_price_and_credit() {
    let world = World::start().await;
    world.catalogue().await;
    world.consent(HOSPITAL).await;
    let slots = world.ward().await;
    let line = world.credit_line(yuan(10_000)).await;
    let (doctor, _) = world.delegate(&[DelegatedAction::Refer, DelegatedAction::Pay]).await;
    let submitted = world.submit(&doctor, referral(credit(line, yuan(2_000)))).await.unwrap();

    let message = priced(&submitted, &slots[0], "1500.00");
    let first = world.accept(message.clone()).await.unwrap();
    assert_eq!(first.state(), ReferralState::Accepting);
    let booked = world.left(ReferralState::Accepting, &submitted.referral_id).await;
    assert_eq!((booked.state(), booked.last_refusal.as_str()), (ReferralState::Booked, ""));
    assert_eq!(world.accept(message).await.unwrap(), first, "a repetition is answered like the first call");

    let resident = world.caller("resident");
    let get = GetAppointmentRequest { appointment_id: booked.appointment_id.clone() };
    let appointment = world.appointments().get_appointment(resident.request(get).await).await.unwrap().into_inner();
    let appointment = appointment.appointment.unwrap();
    assert_eq!(appointment.state(), AppointmentState::Confirmed);
    assert_eq!((appointment.referral_id, appointment.journey_id), (booked.referral_id, booked.journey_id));
    let mut bills = BillServiceClient::new(world.mesh.channel("payment"));
    let get = GetBillRequest { bill_id: booked.bill_id };
    let bill = bills.get_bill(resident.request(get).await).await.unwrap().into_inner().bill.unwrap();
    assert_eq!((bill.state(), bill.quote_id), (BillState::Authorised, booked.quote_id));
    assert_eq!(bill.total, Some(proto::convert::to_money(yuan(1_500))));
}

#[tokio::test]
async fn rf_04_a_taken_slot_gives_the_turn_back_to_the_hospital() {
    let world = World::start().await;
    let slots = world.ward().await;
    let first = world.submitted().await;
    assert_eq!(world.decided(acceptance(&first, &slots[0])).await.state(), ReferralState::Booked);

    let second = world.submit(&world.caller("resident"), referral(desk())).await.unwrap();
    let undone = world.decided(acceptance(&second, &slots[0])).await;
    assert_eq!(undone.state(), ReferralState::Submitted);
    assert!(matches!(undone.last_refusal.as_str(), "SLOT_TAKEN" | "PATIENT_CONFLICT"), "{}", undone.last_refusal);
    assert_eq!((undone.version, undone.owner_organisation_id.as_str()), (3, HOSPITAL.to_string().as_str()));

    let again = world.decided(acceptance(&undone, &slots[2])).await;
    assert_eq!((again.state(), again.last_refusal.as_str()), (ReferralState::Booked, ""));
}

#[tokio::test]
async fn rf_04_a_dearer_quote_than_mandated_is_undone() {
    let world = World::start().await;
    world.catalogue().await;
    world.consent(HOSPITAL).await;
    let slots = world.ward().await;
    let line = world.credit_line(yuan(10_000)).await;
    let submitted = world.submit(&world.caller("resident"), referral(credit(line, yuan(1_000)))).await.unwrap();
    let undone = world.decided(priced(&submitted, &slots[0], "1000.01")).await;
    assert_eq!(undone.state(), ReferralState::InformationRequested);
    assert_eq!(undone.last_refusal, "OWN_SHARE_ABOVE_MANDATE");
    assert_eq!(undone.owner_organisation_id, CLINIC.to_string());
    assert_nothing_left(&world).await;
    let refused = world.accept(acceptance(&undone, &slots[0])).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "REFERRAL_NOT_SUBMITTED"));
}

#[tokio::test]
async fn rf_04_insufficient_credit_is_undone() {
    let world = World::start().await;
    world.catalogue().await;
    world.consent(HOSPITAL).await;
    let slots = world.ward().await;
    let line = world.credit_line(yuan(500)).await;
    let submitted = world.submit(&world.caller("resident"), referral(credit(line, yuan(2_000)))).await.unwrap();
    let undone = world.decided(priced(&submitted, &slots[0], "1500.00")).await;
    assert_eq!(undone.state(), ReferralState::InformationRequested);
    assert_eq!(undone.last_refusal, "INSUFFICIENT_CREDIT");
    assert_nothing_left(&world).await;
}

#[tokio::test]
async fn rf_04_a_revoked_delegation_stops_the_acceptance() {
    let world = World::start().await;
    world.consent(HOSPITAL).await;
    let slots = world.ward().await;
    let (doctor, delegation) = world.delegate(&[DelegatedAction::Refer]).await;
    let submitted = world.submit(&doctor, referral(desk())).await.unwrap();
    let revoke = RevokeDelegationRequest { request_id: request_id(), delegation_id: delegation.to_string() };
    world.delegations().revoke_delegation(world.caller("resident").request(revoke).await).await.unwrap();
    let undone = world.decided(acceptance(&submitted, &slots[0])).await;
    assert_eq!(undone.state(), ReferralState::InformationRequested);
    assert_eq!(undone.last_refusal, "NO_DELEGATION");
    assert_nothing_left(&world).await;
}

#[tokio::test]
async fn id_04_an_acceptance_reaches_no_further_than_the_delegation_it_rests_on() {
    let world = World::start().await;
    world.consent(HOSPITAL).await;
    let slots = world.ward().await;
    let accepted = async |limits: DelegationLimits, slot: &str| {
        let (doctor, _) = world.delegate_within(&[DelegatedAction::Refer], Some(limits)).await;
        let submitted = world.submit(&doctor, referral(desk())).await.unwrap();
        (world.decided(acceptance(&submitted, slot)).await, doctor)
    };
    // The hospital offers a bed; she delegated outpatient care.
    let outpatient = DelegationLimits { care_kinds: vec![CareKind::Outpatient.into()], ..Default::default() };
    let (undone, _) = accepted(outpatient, &slots[0]).await;
    assert_eq!(undone.state(), ReferralState::InformationRequested);
    assert_eq!(undone.last_refusal, "SERVICE_KIND_NOT_DELEGATED");
    assert_nothing_left(&world).await;

    let once = DelegationLimits { uses_max: 1, ..Default::default() };
    let (booked, doctor) = accepted(once, &slots[0]).await;
    assert_eq!((booked.state(), booked.last_refusal.as_str()), (ReferralState::Booked, ""));
    let second = world.submit(&doctor, referral(desk())).await.unwrap();
    let undone = world.decided(acceptance(&second, &slots[2])).await;
    assert_eq!(undone.state(), ReferralState::InformationRequested);
    assert_eq!(undone.last_refusal, "DELEGATION_USED_UP");
}

#[tokio::test]
async fn rf_04_an_acceptance_goes_on_after_its_service_was_killed() {
    let mut world = World::start().await;
    let slots = world.ward().await;
    let submitted = world.submitted().await;
    world.mesh.kill("scheduling");
    world.accept(acceptance(&submitted, &slots[0])).await.unwrap();
    world.mesh.kill("referral");
    world.mesh.start_again("scheduling").await;
    world.mesh.start_again("referral").await;
    assert_eq!(world.left(ReferralState::Accepting, &submitted.referral_id).await.state(), ReferralState::Booked);
}

#[tokio::test]
async fn rf_03_only_the_target_decides_once_and_on_the_version_it_saw() {
    let world = World::start().await;
    let slots = world.ward().await;
    let submitted = world.submitted().await;
    let refused = async |version, id: &str, reason_text: &str| {
        let returned =
            Returned { reason: reason_text.to_owned(), advice: "请先门诊".to_owned(), ..Returned::default() };
        let message = ReturnReferralRequest {
            request_id: request_id(),
            referral_id: id.to_owned(),
            version,
            returned: Some(returned),
        };
        world.referrals().return_referral(world.caller("hospital").request(message).await).await
    };
    let stale = refused(7, &submitted.referral_id, "NO_CAPACITY").await.unwrap_err();
    assert_eq!((stale.code(), reason(&stale).as_str()), (Code::Aborted, "STALE_VERSION"));
    let unknown = refused(1, &ReferralId::generate().to_string(), "NO_CAPACITY").await.unwrap_err();
    assert_eq!((unknown.code(), reason(&unknown).as_str()), (Code::NotFound, "REFERRAL_NOT_FOUND"));
    let foreign = world.caller("clinic").request(acceptance(&submitted, &slots[0])).await;
    let foreign = world.referrals().accept_referral(foreign).await.unwrap_err();
    assert_eq!((foreign.code(), reason(&foreign).as_str()), (Code::PermissionDenied, "OUTSIDE_SCOPE"));

    let returned = refused(1, &submitted.referral_id, "NO_CAPACITY").await.unwrap().into_inner().referral.unwrap();
    assert_eq!((returned.state(), returned.owner_organisation_id.as_str()), (ReferralState::Returned, ""));
    let decided = world.accept(acceptance(&returned, &SlotId::generate().to_string())).await.unwrap_err();
    assert_eq!((decided.code(), reason(&decided).as_str()), (Code::FailedPrecondition, "ALREADY_DECIDED"));
}
