use proto::anjia::{
    common::v1::{CareKind, PageRequest, Tier},
    identity::v1::DelegatedAction,
    referral::v1::{
        Direction, GetJourneyRequest, ListReferralsRequest, ProposeTargetsRequest, ReferralState,
        journey_service_client::JourneyServiceClient,
    },
};
use testkit::{
    callers::{CLINIC, Client, HOSPITAL, RESIDENT},
    reason,
};
use tonic::Code;
use types::ids::{JourneyId, ReferralId, ResidentId};

use crate::world::{DISTRICT, World, acceptance, desk, referral};

#[tokio::test]
async fn rf_06_clinical_text_is_for_the_two_providers_and_the_resident() {
    let world = World::start().await;
    let submitted = world.submitted().await;
    let id = &submitted.referral_id;
    for client_id in ["resident", "clinic", "hospital"] {
        let seen = world.get(&world.caller(client_id), id).await.unwrap();
        assert!(!seen.clinical_summary.is_empty() && !seen.diagnoses.is_empty(), "{client_id}");
    }
    for (action, outcome) in [(DelegatedAction::Refer, "ACTION_NOT_DELEGATED"), (DelegatedAction::View, "")] {
        let (delegate, _) = world.delegate(&[action]).await;
        let seen = world.get(&delegate, id).await;
        assert_eq!(seen.err().map(|status| reason(&status)).unwrap_or_default(), outcome, "{action:?}");
        let message = ListReferralsRequest { resident_id: RESIDENT.to_string(), ..ListReferralsRequest::default() };
        let listed = world.referrals().list_referrals(delegate.request(message).await).await;
        assert_eq!(listed.err().map(|status| reason(&status)).unwrap_or_default(), outcome, "{action:?}");
    }
    let stranger = Client::practitioner("stranger", uuid::Uuid::now_v7(), DISTRICT, &["clinician"]);
    let stranger = world.mesh.register(stranger).await;
    let refused = world.get(&stranger, id).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::PermissionDenied, "OUTSIDE_SCOPE"));
    let other = ResidentId::generate();
    let other = world.mesh.register(Client::resident("other", other.uuid())).await;
    assert_eq!(reason(&world.get(&other, id).await.unwrap_err()), "OUTSIDE_SCOPE");
    let unknown = world.get(&stranger, &ReferralId::generate().to_string()).await.unwrap_err();
    assert_eq!((unknown.code(), reason(&unknown).as_str()), (Code::NotFound, "REFERRAL_NOT_FOUND"));
    assert!(!world.mesh.log("referral").contains("胸闷"));
}

#[tokio::test]
async fn rf_01_lists_are_paged_newest_first() {
    let world = World::start().await;
    let first = world.submitted().await;
    let second = world.submit(&world.caller("resident"), referral(desk())).await.unwrap();
    let hospital = world.caller("hospital");
    let list = async |token: &str| {
        let message = ListReferralsRequest {
            organisation_id: HOSPITAL.to_string(),
            state: ReferralState::Submitted.into(),
            page: Some(PageRequest { page_size: 1, page_token: token.to_owned() }),
            ..ListReferralsRequest::default()
        };
        world.referrals().list_referrals(hospital.request(message).await).await.unwrap().into_inner()
    };
    let page = list("").await;
    assert_eq!(page.referrals[0].referral_id, second.referral_id);
    let page = list(&page.next_page_token).await;
    assert_eq!(page.referrals[0].referral_id, first.referral_id);
    assert!(page.next_page_token.is_empty());

    let sent = ListReferralsRequest { organisation_id: CLINIC.to_string(), ..ListReferralsRequest::default() };
    let sent = world.referrals().list_referrals(world.caller("clinic").request(sent).await).await.unwrap();
    let sent: Vec<String> = sent.into_inner().referrals.into_iter().map(|referral| referral.referral_id).collect();
    assert_eq!(sent, [second.referral_id, first.referral_id], "the same, by who sent them");

    let others = ListReferralsRequest { organisation_id: CLINIC.to_string(), ..ListReferralsRequest::default() };
    let refused = world.referrals().list_referrals(hospital.request(others).await).await.unwrap_err();
    assert_eq!(reason(&refused), "OUTSIDE_SCOPE");
}

#[tokio::test]
async fn rf_02_targets_are_ranked_with_reasons() {
    let world = World::start().await;
    let slots = world.ward().await;
    let (doctor, _) = world.delegate(&[DelegatedAction::Refer, DelegatedAction::View]).await;
    let propose = async |icd10_code: &str| {
        let message = ProposeTargetsRequest {
            resident_id: RESIDENT.to_string(),
            from_organisation_id: CLINIC.to_string(),
            direction: Direction::Up.into(),
            icd10_code: icd10_code.to_owned(),
            kind: CareKind::Inpatient.into(),
            limit: 0,
        };
        world.referrals().propose_targets(doctor.request(message).await).await.unwrap().into_inner().targets
    };
    let [target] = &propose("I25.103").await[..] else { panic!("one hospital treats it") };
    assert_eq!((target.organisation_id.as_str(), target.tier()), (HOSPITAL.to_string().as_str(), Tier::Tertiary));
    assert!(slots.contains(&target.next_slot_id), "the next free place: {target:?}");
    assert!(target.distance_m > 1_000 && target.reason.as_ref().unwrap().en.contains("can treat I25.103"));
    let [target] = &propose("E11.900").await[..] else { panic!("the district hospital treats it") };
    assert_eq!((target.organisation_id.as_str(), target.next_slot_id.as_str()), (DISTRICT.to_string().as_str(), ""));
}

#[tokio::test]
async fn rf_11_a_journey_is_gathered_from_all_services() {
    let world = World::start().await;
    let slots = world.ward().await;
    let submitted = world.submitted().await;
    world.decided(acceptance(&submitted, &slots[0])).await;
    let mut journeys = JourneyServiceClient::new(world.mesh.channel("referral"));
    let message = GetJourneyRequest { journey_id: submitted.journey_id, resident_id: RESIDENT.to_string() };
    let request = world.caller("resident").request(message.clone()).await;
    let journey = journeys.get_journey(request).await.unwrap().into_inner().journey.unwrap();
    let resources: Vec<&str> = journey.milestones.iter().map(|milestone| milestone.resource.as_str()).collect();
    assert_eq!(resources, ["referral", "appointment"]);
    assert_eq!(journey.referrals.len(), 1);

    let unknown = GetJourneyRequest { journey_id: JourneyId::generate().to_string(), ..message.clone() };
    let request = world.caller("resident").request(unknown).await;
    let refused = journeys.get_journey(request).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::NotFound, "JOURNEY_NOT_FOUND"));
    let refused = journeys.get_journey(world.caller("hospital").request(message).await).await.unwrap_err();
    assert_eq!(reason(&refused), "OUTSIDE_SCOPE");
}
