//! Certificates of everybody change while the mesh works.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use devstack::SERVICES;
use devstack::callers::CLINIC;
use mesh_tests::{City, Patient, expected};
use proto::anjia::adjudication::v1::QuoteCareRequest;
use proto::anjia::adjudication::v1::adjudication_service_client::AdjudicationServiceClient;
use proto::anjia::common::v1::CareKind;
use proto::convert::to_date;
use testkit::request_id;
use tonic::Status;
use types::clock::local_date;

const ROTATIONS: usize = 3;
/// Files are looked at every second.
const TAKEN_UP: Duration = Duration::from_millis(1_500);

/// A call that makes others: adjudication asks identity about the provider and the cover.
pub(crate) async fn quote(city: &City, patient: &Patient) -> Result<(), Status> {
    let message = QuoteCareRequest {
        request_id: request_id(),
        resident_id: patient.id.to_string(),
        provider_organisation_id: CLINIC.to_string(),
        kind: CareKind::Outpatient.into(),
        on: Some(to_date(local_date(mesh_tests::now()))),
        lines: expected("120.00"),
        ..QuoteCareRequest::default()
    };
    let request = patient.caller.request(message).await;
    AdjudicationServiceClient::new(city.channel("adjudication")).quote_care(request).await.map(drop)
}

#[tokio::test]
async fn f20_certificates_rotate_under_load_and_no_call_fails() {
    let city = Arc::new(City::start().await);
    let patients = city.patients(4).await;
    let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let load: Vec<_> = patients
        .into_iter()
        .map(|patient| {
            let (city, stop, answered) = (Arc::clone(&city), Arc::clone(&stop), Arc::clone(&answered));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    quote(&city, &patient).await.expect("no call fails");
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();

    for _ in 0..ROTATIONS {
        let so_far = answered.load(Ordering::Relaxed);
        let rotated = city.mesh.fleet().keys().certificates().rotate().expect("rotated");
        assert!(SERVICES.iter().all(|service| rotated.iter().any(|name| name == service)), "{rotated:?}");
        tokio::time::sleep(TAKEN_UP).await;
        assert!(answered.load(Ordering::Relaxed) > so_far, "the load stands still");
    }
    // Who comes now has a certificate of after the last rotation, and meets services that have theirs.
    let newcomer = city.patient().await;
    quote(&city, &newcomer).await.expect("quoted");
    stop.store(true, Ordering::Relaxed);
    for calls in load {
        calls.await.expect("no call failed");
    }
    for service in SERVICES {
        let log = std::fs::read_to_string(city.mesh.fleet().log(service)).expect("a log");
        assert!(log.matches("certificates taken up").count() >= ROTATIONS, "{service}");
    }
}
