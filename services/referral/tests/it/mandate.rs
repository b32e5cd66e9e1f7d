//! Nothing goes on in the resident's name but under the mandate that identity recorded when it was given.

use std::time::{Duration, Instant};

use proto::anjia::{
    identity::v1::{
        DelegatedAction, GetMandateRequest, MandateState, RevokeMandateRequest, RevokeTokenRequest,
        mandate_service_client::MandateServiceClient, revoke_token_request::Target,
        token_service_client::TokenServiceClient,
    },
    referral::v1::{Referral, ReferralState, ReturnReferralRequest, Returned},
};
use testkit::{TestCaller, callers::HOSPITAL, request_id};

use crate::world::{World, acceptance, credit, desk, priced, referral, yuan};

const PATIENCE: Duration = Duration::from_secs(20);

impl World {
    fn mandates(&self) -> MandateServiceClient<chassis::channel::Channel> {
        MandateServiceClient::new(self.mesh.channel("identity"))
    }

    async fn mandate(&self, referral: &Referral) -> proto::anjia::identity::v1::Mandate {
        let message = GetMandateRequest { mandate_id: referral.mandate.clone().unwrap().mandate_id };
        let request = self.caller("resident").request(message).await;
        self.mandates().get_mandate(request).await.unwrap().into_inner().mandate.unwrap()
    }

    async fn bar(&self, whom: &TestCaller) {
        let message = RevokeTokenRequest {
            request_id: request_id(),
            target: Some(Target::Party(whom.party().to_owned())),
            lasting: true,
            reason: "left the clinic".to_owned(),
        };
        let request = self.caller("operator").request(message).await;
        TokenServiceClient::new(self.mesh.channel("identity")).revoke_token(request).await.unwrap();
    }
}

#[tokio::test]
async fn rf_04_the_acceptance_goes_on_under_the_mandate_recorded_at_submission_and_no_other() {
    let world = World::start().await;
    world.consent(HOSPITAL).await;
    world.catalogue().await;
    let slots = world.ward().await;
    let line = world.credit_line(yuan(5_000)).await;
    let message = referral(credit(line, yuan(2_000)));
    let resident = world.caller("resident");
    let submitted = world.submit(&resident, message.clone()).await.unwrap();
    let mandate = world.mandate(&submitted).await;
    assert_eq!((mandate.state(), mandate.service.as_str()), (MandateState::Active, "referral"));
    assert_eq!(mandate.work, format!("referral:{}", submitted.referral_id));
    assert_eq!((mandate.given_by.as_str(), mandate.delegation_id.as_str()), (resident.party(), ""));
    let taken = mandate.credit.clone().unwrap();
    assert_eq!((taken.credit_line_id, taken.own_share_max.unwrap().units), (line.to_string(), 2_000));
    // Sent again it is the same mandate, recorded once.
    assert_eq!(world.submit(&resident, message).await.unwrap().mandate, submitted.mandate);

    let booked = world.decided(priced(&submitted, &slots[0], "1000.00")).await;
    assert_eq!(booked.state(), ReferralState::Booked);
    let mut owner = world.mesh.owner("identity").await;
    let recorded: i64 = sqlx::query_scalar("SELECT count(*) FROM mandates").fetch_one(&mut owner).await.unwrap();
    let (uses, others): (i64, i64) = sqlx::query_as(
        "SELECT count(*), count(*) FILTER (WHERE mandate_id IS DISTINCT FROM $1::uuid OR evidence <> $2) FROM continuations",
    )
    .bind(&mandate.mandate_id)
    .bind(&mandate.work)
    .fetch_one(&mut owner)
    .await
    .unwrap();
    assert_eq!(recorded, 1);
    assert!(uses >= 5 && others == 0, "{uses} uses, {others} of them under something else");
}

#[tokio::test]
async fn rf_04_a_revoked_mandate_stops_the_acceptance() {
    let world = World::start().await;
    let submitted = world.submitted().await;
    let slots = world.ward().await;
    let message =
        RevokeMandateRequest { request_id: request_id(), mandate_id: submitted.mandate.clone().unwrap().mandate_id };
    let request = world.caller("resident").request(message).await;
    let revoked = world.mandates().revoke_mandate(request).await.unwrap().into_inner().mandate.unwrap();
    assert_eq!(revoked.state(), MandateState::Revoked);
    let undone = world.decided(acceptance(&submitted, &slots[0])).await;
    assert_eq!(undone.state(), ReferralState::InformationRequested);
    assert_eq!(undone.last_refusal, "MANDATE_ENDED");
}

#[tokio::test]
async fn rf_04_barring_the_delegate_or_the_resident_stops_what_they_mandated() {
    let world = World::start().await;
    world.consent(HOSPITAL).await;
    let slots = world.ward().await;
    let (doctor, _) = world.delegate(&[DelegatedAction::Refer]).await;
    let by_delegate = world.submit(&doctor, referral(desk())).await.unwrap();
    let by_herself = world.submit(&world.caller("resident"), referral(desk())).await.unwrap();
    for (whom, submitted) in [(world.caller("clinic"), by_delegate), (world.caller("resident"), by_herself)] {
        world.bar(&whom).await;
        let undone = world.decided(acceptance(&submitted, &slots[0])).await;
        assert_eq!(undone.state(), ReferralState::InformationRequested, "{}", whom.party());
        assert_eq!(undone.last_refusal, "PERSON_BARRED", "{}", whom.party());
    }
}

#[tokio::test]
async fn rf_04_a_mandate_ends_with_its_referral() {
    let world = World::start().await;
    let submitted = world.submitted().await;
    let returned =
        Returned { reason: "NO_CAPACITY".to_owned(), advice: "床位已满".to_owned(), ..Returned::default() };
    let message = ReturnReferralRequest {
        request_id: request_id(),
        referral_id: submitted.referral_id.clone(),
        version: submitted.version,
        returned: Some(returned),
    };
    world.referrals().return_referral(world.caller("hospital").request(message).await).await.unwrap();
    let since = Instant::now();
    while world.mandate(&submitted).await.state() == MandateState::Active {
        assert!(since.elapsed() < PATIENCE, "the mandate outlives its referral");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let ended = world.mandate(&submitted).await;
    assert!(ended.state() == MandateState::Done && ended.ended_at.is_some());
}
