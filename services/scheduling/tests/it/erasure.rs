//! What keeps a person from being erased here, and what goes when its time is over.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use postgres::retention::{self, Applied};
use proto::anjia::common::v1::CareKind;
use proto::anjia::identity::v1::privacy_service_client::PrivacyServiceClient;
use proto::anjia::identity::v1::{ErasureStanding, ErasureWord, GetErasureRequest, RequestErasureRequest};
use proto::anjia::scheduling::v1::{
    CancelAppointmentRequest, CheckInRequest, EndVisitRequest, IdentityProof, Present, VisitOutcome,
};
use proto::convert::to_timestamp;
use scheduling::app::PERSONAL;
use testkit::{callers, request_id};

use crate::town::{Town, now};

const WITHIN: Duration = Duration::from_secs(40);

impl Town {
    async fn ask_to_erase(&self) -> String {
        let message = RequestErasureRequest {
            request_id: request_id(),
            resident_id: callers::RESIDENT.to_string(),
            evidence: "file 17".to_owned(),
        };
        let request = self.mesh.caller("operator").request(message).await;
        let mut privacy = PrivacyServiceClient::new(self.mesh.channel("identity"));
        privacy.request_erasure(request).await.unwrap().into_inner().erasure.unwrap().erasure_id
    }

    /// Until scheduling has said this word to identity.
    async fn says(&self, erasure_id: &str, word: ErasureWord) -> ErasureStanding {
        let begun = Instant::now();
        loop {
            let message = GetErasureRequest { erasure_id: erasure_id.to_owned() };
            let request = self.mesh.caller("operator").request(message).await;
            let mut privacy = PrivacyServiceClient::new(self.mesh.channel("identity"));
            let erasure = privacy.get_erasure(request).await.unwrap().into_inner().erasure.unwrap();
            let found = erasure.standings.into_iter().find(|standing| standing.service == "scheduling").unwrap();
            if found.word() == word {
                return found;
            }
            assert!(begun.elapsed() < WITHIN, "{found:?}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn cancel_it(&self, appointment_id: &str) {
        let message = CancelAppointmentRequest {
            request_id: request_id(),
            appointment_id: appointment_id.to_owned(),
            ..CancelAppointmentRequest::default()
        };
        self.appointments().cancel_appointment(self.acting.request(message).await).await.unwrap();
    }

    async fn visited(&self, kind: CareKind) {
        let message = CheckInRequest {
            request_id: request_id(),
            resident_id: callers::RESIDENT.to_string(),
            kind: kind.into(),
            provider_organisation_id: callers::CLINIC.to_string(),
            present: Present::Self_.into(),
            identity_proof: IdentityProof::IdCard.into(),
            credential: Some(self.card(callers::RESIDENT)),
            occurred_at: Some(to_timestamp(now() - TimeDelta::minutes(10))),
            ..CheckInRequest::default()
        };
        let visit =
            self.visits().check_in(self.clinic.request(message).await).await.unwrap().into_inner().visit.unwrap();
        let message = EndVisitRequest {
            request_id: request_id(),
            visit_id: visit.visit_id,
            outcome: VisitOutcome::Completed.into(),
            occurred_at: Some(to_timestamp(now() - TimeDelta::minutes(5))),
            reason: String::new(),
        };
        self.visits().end_visit(self.clinic.request(message).await).await.unwrap();
    }

    async fn rows(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&mut self.mesh.owner("scheduling").await).await.unwrap()
    }
}

#[tokio::test]
async fn id_08_a_place_that_is_held_is_named_until_it_is_given_back() {
    let town = Town::new().await;
    let slot = town.clinic_slots(now() + TimeDelta::hours(3), 1, 1).await.remove(0);
    let held = town.hold(&slot).await.unwrap();
    let id = town.ask_to_erase().await;
    let open = town.says(&id, ErasureWord::Open).await.open.remove(0);
    assert_eq!((open.kind, open.id), ("APPOINTMENT".to_owned(), held.appointment_id.clone()));
    town.cancel_it(&held.appointment_id).await;
    let clear = town.says(&id, ErasureWord::Clear).await;
    assert!(clear.open.is_empty());
    assert_eq!(town.rows("SELECT count(*) FROM audit_entries WHERE action = 'scheduling.erasure.watch'").await, 1);
    // Nothing is gone, and care goes on, while others have not said a word.
    town.hold(&slot).await.unwrap();
    town.assert_sound().await;
}

#[tokio::test]
async fn id_08_a_booking_goes_after_three_years_and_a_visit_fifteen_after_the_last_one() {
    let town = Town::new().await;
    let slot = town.clinic_slots(now() + TimeDelta::hours(3), 1, 1).await.remove(0);
    let held = town.hold(&slot).await.unwrap();
    town.cancel_it(&held.appointment_id).await;
    town.visited(CareKind::Outpatient).await;
    let db = town.mesh.connect("scheduling").await;
    let at = async |years: i64| {
        testkit::pass_days(&mut town.mesh.owner("scheduling").await, years * 366).await;
        retention::apply(&db, "scheduling", PERSONAL).await.unwrap()
    };
    assert_eq!(at(2).await, Applied::default());
    assert!(at(4).await.removed >= 1);
    assert_eq!(town.rows("SELECT count(*) FROM appointments").await, 0);
    assert_eq!(town.rows("SELECT count(*) FROM visits").await, 1);
    assert_eq!(at(14).await, Applied::default());
    assert_eq!(at(16).await.removed, 1);
    assert_eq!(town.rows("SELECT count(*) FROM visits").await, 0);
    let audited = "SELECT count(*) FROM audit_entries WHERE action = 'scheduling.retention.remove' AND rows @> '[{\"removed\": true}]'";
    assert!(town.rows(audited).await >= 2);
    town.assert_sound().await;
}
