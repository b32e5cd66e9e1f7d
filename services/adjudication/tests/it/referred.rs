//! How a person came, and which groups they belong to: what identity and referral know of it changes what a claim comes to.

use proto::anjia::common::v1::{CareKind, Diagnosis, Scheme};
use proto::anjia::identity::v1 as identity;
use proto::anjia::identity::v1::consent_service_client::ConsentServiceClient;
use proto::anjia::identity::v1::family_doctor_service_client::FamilyDoctorServiceClient;
use proto::anjia::identity::v1::organisation_service_client::OrganisationServiceClient;
use proto::anjia::identity::v1::vulnerability_service_client::VulnerabilityServiceClient;
use proto::anjia::referral::v1 as referral;
use proto::anjia::referral::v1::referral_service_client::ReferralServiceClient;
use proto::convert::{to_date, to_timestamp};
use testkit::{Mesh, TestCaller, callers, request_id};
use types::clock::{Clock as _, SystemClock};
use types::ids::{JourneyId, ReferralId, ResidentId, VisitId};

use crate::days::{last_year, paid};
use crate::world::{COVERED, World, today};

const REFERRED: &str = include_str!("referred.json");

impl World {
    /// At a hospital only who was referred is paid for, and students; at one's own clinic more is. Who is just above the line of low
    /// income is assisted.
    async fn with_groups(services: &[&str]) -> Self {
        let world = Self::founded_in(Mesh::start(services).await).await;
        let policy = world.propose(REFERRED).await.expect("the document is complete");
        world.release("insurer-releaser", &policy.policy_id).await.expect("another officer releases it");
        world
    }

    /// Somebody in the resident scheme.
    async fn somebody(&self, student: bool) -> ResidentId {
        let resident = ResidentId::generate();
        self.register(resident).await;
        self.record(identity::Enrolment {
            resident_id: resident.to_string(),
            scheme: Scheme::Resident.into(),
            insured_region_code: "110000".to_owned(),
            layer: identity::CoverLayer::Basic.into(),
            from: Some(to_date(last_year(1, 1))),
            student,
            ..Default::default()
        })
        .await;
        resident
    }

    /// What the fund and the person pay of 1 000 yuan of outpatient care there, with a referral that the visit cites.
    async fn pays(&self, desk: &str, resident: ResidentId, cited: Option<&str>) -> (String, String) {
        let visit = self.visit(desk, resident, CareKind::Outpatient, JourneyId::generate()).await;
        if let Some(referral) = cited {
            let mut scheduling = self.mesh.owner("scheduling").await;
            sqlx::query("UPDATE visits SET referral_id = $2 WHERE id = $1")
                .bind(visit.parse::<VisitId>().expect("an id").uuid())
                .bind(referral.parse::<ReferralId>().expect("an id").uuid())
                .execute(&mut scheduling)
                .await
                .expect("the visit");
        }
        let divided = self.divide(desk, &visit, COVERED, "1000.00").await.expect("divided");
        paid(&divided.settlement.unwrap_or_default())
    }

    /// Submitted by the resident herself, of whom the clinic sees her; adjudication has heard of it.
    async fn refer(&self, caller: &TestCaller, resident: ResidentId) -> String {
        let visit = self.visit("clinic", resident, CareKind::Outpatient, JourneyId::generate()).await;
        let consent = identity::GrantConsentRequest {
            request_id: request_id(),
            resident_id: resident.to_string(),
            recipient_organisation_id: callers::HOSPITAL.to_string(),
            purpose: identity::ConsentPurpose::Referral.into(),
            until: Some(to_timestamp(SystemClock.now() + chrono::TimeDelta::days(30))),
            ..Default::default()
        };
        let mut consents = ConsentServiceClient::new(self.mesh.channel("identity"));
        consents.grant_consent(caller.request(consent).await).await.expect("her own");
        let message = referral::SubmitReferralRequest {
            request_id: request_id(),
            resident_id: resident.to_string(),
            direction: referral::Direction::Up.into(),
            kind: referral::ReferralKind::Visit.into(),
            from_organisation_id: callers::CLINIC.to_string(),
            to_organisation_id: callers::HOSPITAL.to_string(),
            diagnoses: vec![Diagnosis { icd10_code: "I25.103".to_owned(), name: "冠心病".to_owned() }],
            urgency: referral::Urgency::Routine.into(),
            clinical_summary: "胸闷一月".to_owned(),
            mandate: Some(referral::Mandate {
                payment: referral::PaymentArrangement::Desk.into(),
                ..Default::default()
            }),
            visit_id: visit,
            ..Default::default()
        };
        let mut referrals = ReferralServiceClient::new(self.mesh.channel("referral"));
        let answer = referrals.submit_referral(caller.request(message).await).await.expect("she was seen there");
        let id = answer.into_inner().referral.unwrap_or_default().referral_id;
        self.heard("referrals").await;
        id
    }

    /// With the doctor of the clinic, from today on.
    pub(crate) async fn sign_with_the_family_doctor(&self, caller: &TestCaller, resident: ResidentId) {
        let practitioner = identity::Practitioner {
            practitioner_id: callers::DOCTOR.to_string(),
            organisation_id: callers::CLINIC.to_string(),
            name: "王医生".to_owned(),
            ..Default::default()
        };
        let message =
            identity::RegisterPractitionerRequest { request_id: request_id(), practitioner: Some(practitioner) };
        let request = self.caller("operator").request(message).await;
        let channel = self.mesh.channel("identity");
        OrganisationServiceClient::new(channel.clone())
            .register_practitioner(request)
            .await
            .expect("the doctor is new");
        let message = identity::SignFamilyDoctorContractRequest {
            request_id: request_id(),
            resident_id: resident.to_string(),
            organisation_id: callers::CLINIC.to_string(),
            practitioner_ids: vec![callers::DOCTOR.to_string()],
            package_code: "BASIC".to_owned(),
            from: Some(to_date(today())),
            until: Some(to_date(today() + chrono::Days::new(364))),
            ..Default::default()
        };
        let request = caller.request(message).await;
        FamilyDoctorServiceClient::new(channel).sign_family_doctor_contract(request).await.expect("no contract yet");
    }
}

#[tokio::test]
async fn ad_05_id_01_who_is_enrolled_as_a_student_is_paid_for_without_a_referral() {
    let world = World::with_groups(&["scheduling", "adjudication"]).await;
    let (grown_up, student) = (world.somebody(false).await, world.somebody(true).await);
    assert_eq!(world.pays("hospital", grown_up, None).await, ("0.00".to_owned(), "1000.00".to_owned()));
    // The deductible of 100, and half of the rest.
    assert_eq!(world.pays("hospital", student, None).await, ("450.00".to_owned(), "550.00".to_owned()));
    // Of what nobody told adjudication of, the visit's word counts.
    let unheard = ReferralId::generate().to_string();
    assert_eq!(world.pays("hospital", grown_up, Some(&unheard)).await, ("450.00".to_owned(), "550.00".to_owned()));
}

#[tokio::test]
async fn ad_12_id_01_who_is_just_above_the_line_of_low_income_is_assisted() {
    let world = World::with_groups(&["scheduling", "adjudication"]).await;
    let (anybody, borderline) = (world.somebody(false).await, world.somebody(false).await);
    let flag = identity::VulnerabilityFlag {
        resident_id: borderline.to_string(),
        kind: identity::VulnerabilityKind::Borderline.into(),
        document_reference: "低保边缘 2020-001".to_owned(),
        from: Some(to_date(last_year(1, 1))),
        ..Default::default()
    };
    let message = identity::SetFlagRequest { request_id: request_id(), flag: Some(flag) };
    let request = world.caller("operator").request(message).await;
    let mut flags = VulnerabilityServiceClient::new(world.mesh.channel("identity"));
    flags.set_flag(request).await.expect("no such flag yet");
    assert_eq!(world.pays("clinic", anybody, None).await, ("450.00".to_owned(), "550.00".to_owned()));
    // Half of what basic insurance leaves to them.
    assert_eq!(world.pays("clinic", borderline, None).await, ("725.00".to_owned(), "275.00".to_owned()));
}

#[tokio::test]
async fn ad_05_rf_09_by_which_referral_one_came_and_from_which_clinic_changes_the_figures() {
    let world = World::with_groups(&["scheduling", "adjudication", "referral"]).await;
    let (her, another) = (world.somebody(false).await, world.somebody(false).await);
    let caller = world.resident_caller("referred-patient", her).await;
    let referral = world.refer(&caller, her).await;
    let (deductible, none) = (("450.00".to_owned(), "550.00".to_owned()), ("0.00".to_owned(), "1000.00".to_owned()));
    // Without a contract the clinic is not hers.
    assert_eq!(world.pays("hospital", her, Some(&referral)).await, deductible);
    assert_eq!(world.pays("clinic", her, None).await, deductible);

    world.sign_with_the_family_doctor(&caller, her).await;
    // Her own clinic waives the deductible, there and where it refers her; there it pays more, too.
    assert_eq!(world.pays("clinic", her, None).await, ("700.00".to_owned(), "300.00".to_owned()));
    assert_eq!(world.pays("hospital", her, Some(&referral)).await, ("500.00".to_owned(), "500.00".to_owned()));
    // It is hers alone.
    assert_eq!(world.pays("hospital", another, Some(&referral)).await, none);

    // It lapses after 30 days.
    let mut owner = world.mesh.owner("adjudication").await;
    for (days, expected) in [(30, ("500.00".to_owned(), "500.00".to_owned())), (31, none)] {
        sqlx::query("UPDATE referrals SET referred_at = now() - make_interval(days => $1)")
            .bind(days)
            .execute(&mut owner)
            .await
            .expect("the copy");
        assert_eq!(world.pays("hospital", her, Some(&referral)).await, expected, "{days}");
    }
}
