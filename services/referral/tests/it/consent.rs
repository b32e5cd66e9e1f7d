//! Clinical text is shown with the resident's consent, asked at every look, or under an opening in an emergency.

use std::time::Duration;

use proto::anjia::{
    common::v1::Diagnosis,
    identity::v1::{
        BreakGlassReason, ConsentPurpose, GrantConsentRequest, HealthDataKind, ListConsentsRequest,
        OpenBreakGlassRequest, RevokeConsentRequest, break_glass_service_client::BreakGlassServiceClient,
        consent_service_client::ConsentServiceClient,
    },
    referral::v1::{ListReferralsRequest, Referral, SubmitReferralRequest, WatchWorkListRequest},
};
use proto::convert::to_timestamp;
use testkit::{
    TestCaller,
    callers::{Client, HOSPITAL, RESIDENT},
    reason, request_id,
};
use tonic::Code;

use crate::world::{DISTRICT, World, desk, now, referral};

impl World {
    fn consents(&self) -> ConsentServiceClient<chassis::channel::Channel> {
        ConsentServiceClient::new(self.mesh.channel("identity"))
    }

    /// The resident takes back every consent she gave.
    async fn revoke_consents(&self) {
        let resident = self.caller("resident");
        let message = ListConsentsRequest { resident_id: RESIDENT.to_string(), page: None };
        let given = self.consents().list_consents(resident.request(message).await).await.unwrap().into_inner().consents;
        assert!(!given.is_empty());
        for consent in given {
            let message = RevokeConsentRequest { request_id: request_id(), consent_id: consent.consent_id };
            self.consents().revoke_consent(resident.request(message).await).await.unwrap();
        }
    }

    async fn listed(&self, caller: &TestCaller, message: ListReferralsRequest) -> Result<Vec<Referral>, tonic::Status> {
        let answer = self.referrals().list_referrals(caller.request(message).await).await?;
        Ok(answer.into_inner().referrals)
    }
}

fn shows(referral: &Referral) -> bool {
    assert_eq!(referral.clinical_summary.is_empty(), referral.diagnoses.is_empty());
    !referral.clinical_summary.is_empty()
}

#[tokio::test]
async fn id_06_a_consent_taken_back_hides_the_clinical_text_from_the_next_call_on() {
    let world = World::start().await;
    let id = world.submitted().await.referral_id;
    let hospital = world.caller("hospital");
    let to_hospital = || ListReferralsRequest { organisation_id: HOSPITAL.to_string(), ..Default::default() };
    assert!(shows(&world.get(&hospital, &id).await.unwrap()));
    assert!(shows(&world.listed(&hospital, to_hospital()).await.unwrap()[0]));

    world.revoke_consents().await;
    assert!(!shows(&world.get(&hospital, &id).await.unwrap()));
    assert!(!shows(&world.listed(&hospital, to_hospital()).await.unwrap()[0]));
    let watched = hospital.request(WatchWorkListRequest {}).await;
    let mut watched = world.referrals().watch_work_list(watched).await.unwrap().into_inner();
    let first = tokio::time::timeout(Duration::from_secs(10), watched.message()).await.unwrap().unwrap().unwrap();
    assert!(!shows(&first.referral.unwrap()));
    // The resident and the provider that wrote it need nobody's consent.
    for author in ["resident", "clinic"] {
        assert!(shows(&world.get(&world.caller(author), &id).await.unwrap()), "{author}");
    }
    world.consent(HOSPITAL).await;
    assert!(shows(&world.get(&hospital, &id).await.unwrap()));
}

#[tokio::test]
async fn id_06_a_sensitive_diagnosis_is_referred_and_read_only_where_its_kind_was_named() {
    let world = World::start().await;
    world.consent(HOSPITAL).await;
    let resident = world.caller("resident");
    let message = || SubmitReferralRequest {
        diagnoses: vec![
            Diagnosis { icd10_code: "I25.103".to_owned(), name: "冠心病".to_owned() },
            Diagnosis { icd10_code: "F32.900".to_owned(), name: "抑郁发作".to_owned() },
        ],
        ..referral(desk())
    };
    let refused = world.submit(&resident, message()).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::PermissionDenied, "NO_CONSENT"));

    let named = GrantConsentRequest {
        request_id: request_id(),
        resident_id: RESIDENT.to_string(),
        recipient_organisation_id: HOSPITAL.to_string(),
        purpose: ConsentPurpose::Referral.into(),
        until: Some(to_timestamp(now() + chrono::TimeDelta::days(1))),
        kinds: vec![HealthDataKind::MentalHealth.into()],
        ..Default::default()
    };
    world.consents().grant_consent(resident.request(named).await).await.unwrap();
    let submitted = world.submit(&resident, message()).await.unwrap();
    assert!(shows(&world.get(&world.caller("hospital"), &submitted.referral_id).await.unwrap()));
}

#[tokio::test]
async fn id_06_broken_glass_shows_what_nobody_consented_to_and_the_audit_names_it() {
    let world = World::start().await;
    let id = world.submitted().await.referral_id;
    let doctor = Client::practitioner("emergency", uuid::Uuid::now_v7(), DISTRICT, &["clinician"]);
    let doctor = world.mesh.register(doctor).await;
    let of_resident = || ListReferralsRequest { resident_id: RESIDENT.to_string(), ..Default::default() };
    let refused = world.get(&doctor, &id).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::PermissionDenied, "OUTSIDE_SCOPE"));
    assert_eq!(reason(&world.listed(&doctor, of_resident()).await.unwrap_err()), "OUTSIDE_SCOPE");

    let open = OpenBreakGlassRequest {
        request_id: request_id(),
        resident_id: RESIDENT.to_string(),
        reason: BreakGlassReason::CannotConsent.into(),
        justification: "昏迷送入急诊抢救室，无家属".to_owned(),
        minutes: 30,
        ..Default::default()
    };
    let mut glasses = BreakGlassServiceClient::new(world.mesh.channel("identity"));
    let opened = glasses.open_break_glass(doctor.request(open).await).await.unwrap().into_inner().break_glass.unwrap();
    assert!(shows(&world.get(&doctor, &id).await.unwrap()));
    assert!(shows(&world.listed(&doctor, of_resident()).await.unwrap()[0]));
    // The desk of the same hospital is no clinician.
    let desk = Client::practitioner("desk", uuid::Uuid::now_v7(), DISTRICT, &["clinic_clerk"]);
    let desk = world.mesh.register(desk).await;
    assert_eq!(reason(&world.get(&desk, &id).await.unwrap_err()), "OUTSIDE_SCOPE");

    let mut owner = world.mesh.owner("referral").await;
    let named: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT action FROM audit_entries, jsonb_array_elements(rows) AS named \
         WHERE actor = $1 AND named->>'table' = 'glass_reads' AND named->>'id' = $2 ORDER BY action",
    )
    .bind(doctor.party())
    .bind(format!("{}/{id}", opened.break_glass_id))
    .fetch_all(&mut owner)
    .await
    .unwrap();
    assert_eq!(named, ["referral.referral.list", "referral.referral.read"]);

    // It closes by itself.
    sqlx::query(
        "UPDATE break_glasses SET opened_at = opened_at - interval '1 hour', closes_at = closes_at - interval '1 hour'",
    )
    .execute(&mut world.mesh.owner("identity").await)
    .await
    .unwrap();
    assert_eq!(reason(&world.get(&doctor, &id).await.unwrap_err()), "OUTSIDE_SCOPE");
}
