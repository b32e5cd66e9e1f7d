use proto::anjia::{
    common::v1::Diagnosis,
    identity::v1::{DelegatedAction, RevokeDelegationRequest},
    referral::v1::{Direction, ReferralKind, ReferralState, SubmitReferralRequest},
};
use testkit::{
    callers::{CLINIC, HOSPITAL},
    reason, request_id,
};
use tonic::Code;
use types::ids::{JourneyId, OrganisationId, ReferralId, VisitId};

use crate::world::{DISTRICT, World, credit, desk, referral, yuan};

#[tokio::test]
async fn rf_01_a_submitted_referral_is_the_targets_turn_and_a_repetition_is_answered_alike() {
    let world = World::start().await;
    world.consent(HOSPITAL).await;
    let resident = world.caller("resident");
    let message = referral(desk());
    let first = world.submit(&resident, message.clone()).await.unwrap();
    assert_eq!(first.state(), ReferralState::Submitted);
    assert_eq!((first.version, &first.owner_organisation_id), (1, &HOSPITAL.to_string()));
    assert_eq!(first.deadline.unwrap().seconds - first.submitted_at.unwrap().seconds, 48 * 3600);
    assert_eq!(world.submit(&resident, message.clone()).await.unwrap(), first);

    let other = SubmitReferralRequest { clinical_summary: "另一份".to_owned(), ..message };
    let reused = world.submit(&resident, other).await.unwrap_err();
    assert_eq!((reused.code(), reason(&reused).as_str()), (Code::InvalidArgument, "REQUEST_ID_REUSED"));
    let same = SubmitReferralRequest { referral_id: first.referral_id.clone(), ..referral(desk()) };
    let exists = world.submit(&resident, same).await.unwrap_err();
    assert_eq!((exists.code(), reason(&exists).as_str()), (Code::AlreadyExists, "REFERRAL_EXISTS"));

    let follows = SubmitReferralRequest { previous_referral_id: first.referral_id.clone(), ..referral(desk()) };
    let follows = world.submit(&resident, follows).await.unwrap();
    assert_eq!(follows.journey_id, first.journey_id);
}

#[tokio::test]
async fn rf_01_each_refusal_of_a_submission_has_its_reason() {
    let world = World::start().await;
    let resident = world.caller("resident");
    let refused = async |message| {
        let status = world.submit(&resident, message).await.unwrap_err();
        (status.code(), reason(&status))
    };
    let no_consent = refused(referral(desk())).await;
    assert_eq!(no_consent, (Code::PermissionDenied, "NO_CONSENT".to_owned()));
    world.consent(HOSPITAL).await;

    let unknown =
        SubmitReferralRequest { to_organisation_id: OrganisationId::generate().to_string(), ..referral(desk()) };
    let previous = ReferralId::generate().to_string();
    let down = SubmitReferralRequest { direction: Direction::Down.into(), ..referral(desk()) };
    let lateral = SubmitReferralRequest { direction: Direction::Lateral.into(), ..referral(desk()) };
    let upward = SubmitReferralRequest {
        from_organisation_id: HOSPITAL.to_string(),
        to_organisation_id: CLINIC.to_string(),
        ..referral(desk())
    };
    let incapable = SubmitReferralRequest { to_organisation_id: DISTRICT.to_string(), ..referral(desk()) };
    let consult = SubmitReferralRequest { kind: ReferralKind::Teleconsult.into(), ..referral(desk()) };
    let orphan = SubmitReferralRequest { previous_referral_id: previous, ..referral(desk()) };
    for (message, code, expected) in [
        (unknown, Code::NotFound, "ORGANISATION_NOT_FOUND"),
        (down, Code::FailedPrecondition, "NOT_DOWNWARD"),
        (lateral, Code::FailedPrecondition, "NOT_LATERAL"),
        (upward, Code::FailedPrecondition, "NOT_UPWARD"),
        (incapable, Code::FailedPrecondition, "TARGET_LACKS_CAPABILITY"),
        (consult, Code::FailedPrecondition, "KIND_NOT_OFFERED"),
        (orphan, Code::NotFound, "PREVIOUS_REFERRAL_NOT_FOUND"),
    ] {
        assert_eq!(refused(message).await, (code, expected.to_owned()));
    }
    let first = world.submit(&resident, referral(desk())).await.unwrap();
    let stray = SubmitReferralRequest {
        previous_referral_id: first.referral_id,
        journey_id: JourneyId::generate().to_string(),
        ..referral(desk())
    };
    assert_eq!(refused(stray).await.0, Code::InvalidArgument);
}

#[tokio::test]
async fn rf_03_whoever_refers_herself_names_a_provider_that_has_seen_her() {
    let world = World::start().await;
    world.consent(HOSPITAL).await;
    let resident = world.caller("resident");
    let first = world.submit(&resident, referral(desk())).await.unwrap();
    let unseen = SubmitReferralRequest { visit_id: String::new(), ..referral(desk()) };
    // She was at the clinic, not there.
    let elsewhere = SubmitReferralRequest { from_organisation_id: DISTRICT.to_string(), ..referral(desk()) };
    let unknown = SubmitReferralRequest { visit_id: VisitId::generate().to_string(), ..referral(desk()) };
    // The referral it continues has brought her nowhere yet.
    let continued =
        SubmitReferralRequest { previous_referral_id: first.referral_id, visit_id: String::new(), ..referral(desk()) };
    for message in [unseen, elsewhere, unknown, continued] {
        let refused = world.submit(&resident, message).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::PermissionDenied, "NO_CARE_RELATION"));
    }
    // The clinic's own doctor needs no visit: she acts for her, under a delegation.
    let (doctor, _) = world.delegate(&[DelegatedAction::Refer]).await;
    let by_the_clinic = SubmitReferralRequest { visit_id: String::new(), ..referral(desk()) };
    world.submit(&doctor, by_the_clinic).await.unwrap();
}

#[tokio::test]
async fn rf_01_a_delegate_refers_as_far_as_the_delegation_goes() {
    let world = World::start().await;
    world.consent(HOSPITAL).await;
    let (doctor, _) = world.delegate(&[DelegatedAction::Refer]).await;
    let submitted = world.submit(&doctor, referral(desk())).await.unwrap();
    assert_eq!(submitted.submitted_by, doctor.party());
    assert!(!submitted.mandate.unwrap().delegation_id.is_empty());

    let line = world.credit_line(yuan(1_000)).await;
    let pays = world.submit(&doctor, referral(credit(line, yuan(100)))).await.unwrap_err();
    assert_eq!(reason(&pays), "ACTION_NOT_DELEGATED");
    let elsewhere = SubmitReferralRequest { from_organisation_id: DISTRICT.to_string(), ..referral(desk()) };
    assert_eq!(reason(&world.submit(&doctor, elsewhere).await.unwrap_err()), "OUTSIDE_SCOPE");
    let herself = world.submit(&world.caller("clinic"), referral(desk())).await.unwrap_err();
    assert_eq!(reason(&herself), "OUTSIDE_SCOPE");
}

#[tokio::test]
async fn rf_01_a_revoked_delegation_refers_nobody() {
    let world = World::start().await;
    world.consent(HOSPITAL).await;
    let (doctor, delegation) = world.delegate(&[DelegatedAction::Refer]).await;
    let prepared = doctor.request(referral(desk())).await;
    let revoke = RevokeDelegationRequest { request_id: request_id(), delegation_id: delegation.to_string() };
    world.delegations().revoke_delegation(world.caller("resident").request(revoke).await).await.unwrap();
    let refused = world.referrals().submit_referral(prepared).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::PermissionDenied, "NO_DELEGATION"));
}

#[tokio::test]
async fn rf_02_the_capability_goes_by_the_principal_diagnosis() {
    let world = World::start().await;
    world.consent(DISTRICT).await;
    let diabetes = Diagnosis { icd10_code: "E11.900".to_owned(), name: "2型糖尿病".to_owned() };
    let message = SubmitReferralRequest {
        to_organisation_id: DISTRICT.to_string(),
        diagnoses: vec![diabetes],
        ..referral(desk())
    };
    assert!(world.submit(&world.caller("resident"), message).await.is_ok());
}
