use chrono::TimeDelta;
use proto::anjia::scheduling::v1::{AppointmentState, ConfirmAppointmentRequest};
use testkit::{reason, request_id};
use tonic::Code;
use types::ids::AppointmentId;

use crate::town::{Town, now};

#[tokio::test]
async fn sc_04_a_held_place_is_confirmed_once() {
    let town = Town::new().await;
    let slot = town.clinic_slots(now() + TimeDelta::hours(2), 1, 5).await.remove(0);
    let held = town.hold(&slot).await.unwrap();
    let request = ConfirmAppointmentRequest { request_id: request_id(), appointment_id: held.appointment_id.clone() };
    let confirm = async |request: ConfirmAppointmentRequest| {
        town.appointments().confirm_appointment(town.resident.request(request).await).await
    };
    let first = confirm(request.clone()).await.unwrap().into_inner().appointment.unwrap();
    assert_eq!(first.state(), AppointmentState::Confirmed);
    assert!(first.confirmed_at.is_some() && first.hold_expires_at.is_none());
    assert_eq!(confirm(request.clone()).await.unwrap().into_inner().appointment.unwrap(), first);

    let again = ConfirmAppointmentRequest { request_id: request_id(), ..request.clone() };
    let refusal = confirm(again).await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal)), (Code::FailedPrecondition, "APPOINTMENT_NOT_HELD".to_owned()));
    let other = ConfirmAppointmentRequest { appointment_id: AppointmentId::generate().to_string(), ..request };
    assert_eq!(reason(&confirm(other).await.unwrap_err()), "REQUEST_ID_REUSED");
    assert_eq!(town.taken(&slot).await, 1);
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_04_what_is_unknown_is_not_confirmed() {
    let town = Town::new().await;
    let refusal = town.confirm(&town.resident, &AppointmentId::generate().to_string()).await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal)), (Code::NotFound, "APPOINTMENT_NOT_FOUND".to_owned()));
}

#[tokio::test]
async fn id_04_a_revoked_delegation_confirms_nothing_more() {
    use proto::anjia::identity::v1::{RevokeDelegationRequest, delegation_service_client::DelegationServiceClient};
    let town = Town::new().await;
    let slot = town.clinic_slots(now() + TimeDelta::hours(2), 1, 5).await.remove(0);
    let held = town.hold_as(&town.acting, crate::town::hold(&slot)).await.unwrap();
    assert_eq!(held.booked_by, town.worker.party());
    // A token obtained before the revocation is still good: the delegation is what no longer is.
    let acting = town.acting.context().await.unwrap();
    let revoke = RevokeDelegationRequest { request_id: request_id(), delegation_id: town.delegation.clone() };
    DelegationServiceClient::new(town.mesh.channel("identity"))
        .revoke_delegation(town.resident.request(revoke).await)
        .await
        .unwrap();
    let confirm = ConfirmAppointmentRequest { request_id: request_id(), appointment_id: held.appointment_id };
    let refusal = town.appointments().confirm_appointment(acting.request(confirm)).await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal)), (Code::PermissionDenied, "NO_DELEGATION".to_owned()));
}
