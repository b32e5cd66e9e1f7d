use chrono::TimeDelta;
use proto::anjia::{
    common::v1::PageRequest,
    scheduling::v1::{ListAppointmentsRequest, ListAppointmentsResponse},
};
use proto::convert::to_timestamp;
use testkit::{TestCaller, callers, reason};
use tonic::{Code, Status};
use types::ids::{AppointmentId, VisitId};

use crate::town::{Town, field, now};

async fn list(
    town: &Town,
    caller: &TestCaller,
    request: ListAppointmentsRequest,
) -> Result<ListAppointmentsResponse, Status> {
    Ok(town.appointments().list_appointments(caller.request(request).await).await?.into_inner())
}

fn of_resident(page_size: i32, page_token: &str) -> ListAppointmentsRequest {
    ListAppointmentsRequest {
        resident_id: callers::RESIDENT.to_string(),
        page: Some(PageRequest { page_size, page_token: page_token.to_owned() }),
        ..Default::default()
    }
}

fn of_clinic() -> ListAppointmentsRequest {
    ListAppointmentsRequest { provider_organisation_id: callers::CLINIC.to_string(), ..Default::default() }
}

#[tokio::test]
async fn sc_04_appointments_are_listed_newest_first_page_by_page() {
    let town = Town::new().await;
    let mut newest_first = Vec::new();
    for day in 1..=3 {
        let slot = town.clinic_slots(now() + TimeDelta::days(day), 1, 5).await.remove(0);
        newest_first.insert(0, town.hold(&slot).await.unwrap());
    }
    let first = list(&town, &town.resident, of_resident(2, "")).await.unwrap();
    assert_eq!(first.appointments, newest_first[..2]);
    let second = list(&town, &town.resident, of_resident(2, &first.next_page_token)).await.unwrap();
    assert_eq!((second.appointments.as_slice(), second.next_page_token.as_str()), (&newest_first[2..], ""));

    assert_eq!(list(&town, &town.clinic, of_clinic()).await.unwrap().appointments, newest_first);
    let days = |from, until| ListAppointmentsRequest {
        from: Some(to_timestamp(now() + TimeDelta::days(from))),
        until: Some(to_timestamp(now() + TimeDelta::days(until))),
        ..of_clinic()
    };
    assert_eq!(list(&town, &town.clinic, days(1, 2)).await.unwrap().appointments, newest_first[1..2]);
    let other_query = ListAppointmentsRequest { page: of_resident(2, &first.next_page_token).page, ..of_clinic() };
    let refusal = list(&town, &town.clinic, other_query).await.unwrap_err();
    assert_eq!((refusal.code(), field(&refusal)), (Code::InvalidArgument, "page.page_token".to_owned()));
    let both = ListAppointmentsRequest { resident_id: callers::RESIDENT.to_string(), ..of_clinic() };
    for request in [both, ListAppointmentsRequest::default()] {
        assert_eq!(field(&list(&town, &town.clinic, request).await.unwrap_err()), "resident_id");
    }
}

#[tokio::test]
async fn id_07_only_the_resident_and_the_provider_see_an_appointment() {
    let town = Town::new().await;
    let slot = town.clinic_slots(now() + TimeDelta::hours(2), 1, 5).await.remove(0);
    let booked = town.booked(&slot).await;
    let (stranger, _) = town.newcomer("stranger").await;
    for caller in [&town.resident, &town.acting, &town.clinic, &town.mesh.caller("adjudication")] {
        assert_eq!(town.get(caller, &booked.appointment_id).await.unwrap(), booked);
    }
    for caller in [&stranger, &town.hospital] {
        let refusal = town.get(caller, &booked.appointment_id).await.unwrap_err();
        assert_eq!((refusal.code(), reason(&refusal)), (Code::PermissionDenied, "OUTSIDE_SCOPE".to_owned()));
        let refusal = list(&town, caller, of_resident(0, "")).await.unwrap_err();
        assert_eq!((refusal.code(), reason(&refusal)), (Code::PermissionDenied, "OUTSIDE_SCOPE".to_owned()));
        let refusal = list(&town, caller, of_clinic()).await.unwrap_err();
        assert_eq!((refusal.code(), reason(&refusal)), (Code::PermissionDenied, "OUTSIDE_SCOPE".to_owned()));
    }
    // A bank does not even learn that it exists.
    let refusal = town.get(&town.mesh.caller("bank"), &booked.appointment_id).await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal)), (Code::NotFound, "APPOINTMENT_NOT_FOUND".to_owned()));
    let refusal = town.get(&town.resident, &AppointmentId::generate().to_string()).await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal)), (Code::NotFound, "APPOINTMENT_NOT_FOUND".to_owned()));
    let get = proto::anjia::scheduling::v1::GetVisitRequest { visit_id: VisitId::generate().to_string() };
    let refusal = town.visits().get_visit(town.clinic.request(get).await).await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal)), (Code::NotFound, "VISIT_NOT_FOUND".to_owned()));
}

#[tokio::test]
async fn pl_05_another_region_sees_nothing() {
    let town = Town::new().await;
    let slot = town.clinic_slots(now() + TimeDelta::hours(2), 1, 5).await.remove(0);
    let booked = town.booked(&slot).await;
    let elsewhere = callers::Client { region: "120000".to_owned(), ..town.clinic.client().clone() };
    let elsewhere = callers::Client { client_id: "elsewhere".to_owned(), ..elsewhere };
    let elsewhere = town.mesh.register(elsewhere).await;
    let refusal = town.get(&elsewhere, &booked.appointment_id).await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal)), (Code::NotFound, "APPOINTMENT_NOT_FOUND".to_owned()));
    assert!(list(&town, &elsewhere, of_clinic()).await.unwrap().appointments.is_empty());
    let near = proto::anjia::scheduling::v1::SearchSlotsRequest {
        near: Some(crate::town::HOME),
        kind: proto::anjia::common::v1::CareKind::Outpatient.into(),
        ..Default::default()
    };
    let found = town.sessions().search_slots(elsewhere.request(near.clone()).await).await.unwrap().into_inner();
    assert!(found.offers.is_empty());
    let found = town.sessions().search_slots(town.clinic.request(near).await).await.unwrap().into_inner();
    assert_eq!(found.offers.len(), 1);
}
