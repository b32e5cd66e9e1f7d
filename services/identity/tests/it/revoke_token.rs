use std::time::{Duration, Instant};

use chassis::Context;
use proto::anjia::identity::v1::revoke_token_request::Target;
use proto::anjia::identity::v1::{
    self as wire, DelegatedAction, LiftRevocationRequest, PullRevocationsRequest, Revocation, RevokeTokenRequest,
};
use proto::anjia::scheduling::v1::GetVisitRequest;
use proto::anjia::scheduling::v1::visit_service_client::VisitServiceClient;
use testkit::callers::Client;
use testkit::{Mesh, TestCaller, reason, request_id};
use tonic::{Code, Status};
use types::ids::ResidentId;

use crate::exchange_token::unauthenticated;
use crate::support::{World, denied, new_delegation, not_found, refused, wrong_field};

/// Longest time until every service knows.
const BOUND: Duration = Duration::from_secs(2);

fn revoke(target: impl Into<Option<Target>>) -> RevokeTokenRequest {
    RevokeTokenRequest {
        request_id: request_id(),
        target: target.into(),
        lasting: false,
        reason: "lost phone".to_owned(),
    }
}

fn party(caller: &TestCaller) -> Target {
    Target::Party(caller.party().to_owned())
}

impl World {
    async fn revoke_token(&self, with: &Context, message: RevokeTokenRequest) -> Result<Revocation, Status> {
        Ok(self.tokens().revoke_token(with.request(message)).await?.into_inner().revocation.unwrap())
    }

    /// A call that everybody may make who has a good token.
    async fn is_known(&self, with: &Context) -> Result<(), Status> {
        let message = wire::ListOrganisationsRequest::default();
        self.organisations().list_organisations(with.request(message)).await.map(drop)
    }

    /// Waits until identity itself refuses the token, and says why.
    async fn taken_back(&self, with: &Context) -> (Code, String) {
        let begun = Instant::now();
        while self.is_known(with).await.is_ok() {
            assert!(begun.elapsed() < BOUND, "not taken back");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        refused(self.is_known(with).await)
    }
}

#[tokio::test]
async fn id_07_a_token_that_logs_out_is_good_for_nothing_more() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let (first, second) = (person.caller.fresh().await, person.caller.fresh().await);
    let message = revoke(None);
    let revocation = world.revoke_token(&first, message).await.unwrap();
    assert_eq!(revocation.target, Some(wire::revocation::Target::TokenId(first.caller.token_id.clone())));
    assert_eq!(world.taken_back(&first).await, unauthenticated("TOKEN_REVOKED"));
    world.is_known(&second).await.unwrap();
    assert_eq!(world.told("anjia.identity.token.revoked.v1", &revocation.revocation_id).await, 1);
    assert_eq!(world.audited("identity.token.revoke", person.id).await, 1);
}

#[tokio::test]
async fn id_07_all_tokens_of_a_person_are_taken_back_and_a_new_login_is_good() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let worker = world.caller("worker");
    let delegation = world.delegate(&person, &[DelegatedAction::Book]).await;
    let for_her = worker.acting_for(person.id, delegation);
    let (own, acting) = (person.caller.fresh().await, for_her.context().await.unwrap());

    // Neither a delegate nor a stranger logs her out.
    let hers = || revoke(party(&person.caller));
    assert_eq!(refused(world.revoke_token(&acting, hers()).await), denied("OUTSIDE_SCOPE"));
    let clinic = world.caller("clinic").context().await.unwrap();
    assert_eq!(refused(world.revoke_token(&clinic, hers()).await), denied("OUTSIDE_SCOPE"));
    world.is_known(&own).await.unwrap();

    let message = hers();
    let first = world.revoke_token(&own, message.clone()).await.unwrap();
    assert_eq!(world.taken_back(&own).await, unauthenticated("TOKEN_REVOKED"));
    assert_eq!(world.taken_back(&acting).await, unauthenticated("TOKEN_REVOKED"));
    let again = person.caller.fresh().await;
    world.is_known(&again).await.unwrap();
    // The same request again is answered alike and takes nothing back that was issued since.
    assert_eq!(world.revoke_token(&again, message).await.unwrap(), first);
    tokio::time::sleep(Duration::from_millis(500)).await;
    world.is_known(&again).await.unwrap();
}

#[tokio::test]
async fn id_07_a_guardian_takes_back_the_tokens_of_their_ward() {
    let world = World::start().await;
    let (ward, guardian) = (world.person("ward").await, world.person("guardian").await);
    let operator = world.caller("operator");
    world.guardian(ward.id, guardian.id).await;
    let granted = wire::GrantDelegationRequest {
        basis: wire::DelegationBasis::Guardian.into(),
        evidence: "household register".to_owned(),
        ..new_delegation(ward.id, guardian.caller.party(), &[DelegatedAction::Book])
    };
    let delegation = world.grant(&operator, granted).await.unwrap().delegation_id.parse().unwrap();
    let own = ward.caller.fresh().await;
    let acting = guardian.caller.acting_for(ward.id, delegation).context().await.unwrap();
    world.revoke_token(&acting, revoke(party(&ward.caller))).await.unwrap();
    assert_eq!(world.taken_back(&own).await, unauthenticated("TOKEN_REVOKED"));
    let another = revoke(Target::Party(format!("resident:{}", ResidentId::generate())));
    let still = guardian.caller.fresh().await;
    assert_eq!(refused(world.revoke_token(&still, another).await), denied("OUTSIDE_SCOPE"));
}

#[tokio::test]
async fn id_07_who_left_their_post_gets_no_token_until_that_is_lifted() {
    let world = World::start().await;
    let (operator, worker) = (world.caller("operator"), world.caller("worker"));
    let operator = operator.context().await.unwrap();
    for target in [party(&worker), Target::ClientId("worker".to_owned())] {
        let before = worker.fresh().await;
        let lasting = RevokeTokenRequest { lasting: true, ..revoke(target) };
        assert_eq!(refused(world.revoke_token(&before, lasting.clone()).await), denied("OUTSIDE_SCOPE"));
        let revocation = world.revoke_token(&operator, lasting).await.unwrap();
        assert_eq!(refused(worker.fresh_or_refused().await.map(drop)), denied("CLIENT_DISABLED"));
        assert_eq!(world.taken_back(&before).await, unauthenticated("TOKEN_REVOKED"));

        let lift = LiftRevocationRequest { request_id: request_id(), revocation_id: revocation.revocation_id.clone() };
        let lifted = world.tokens().lift_revocation(operator.request(lift.clone())).await.unwrap().into_inner();
        assert!(lifted.revocation.as_ref().unwrap().lifted_at.is_some());
        let again = LiftRevocationRequest { request_id: request_id(), ..lift };
        assert_eq!(world.tokens().lift_revocation(operator.request(again)).await.unwrap().into_inner(), lifted);
        world.is_known(&worker.fresh().await).await.unwrap();
    }
    let unknown = LiftRevocationRequest {
        request_id: request_id(),
        revocation_id: "01930000-0000-7000-8000-000000000001".to_owned(),
    };
    let answer = world.tokens().lift_revocation(operator.request(unknown)).await;
    assert_eq!(refused(answer), not_found("REVOCATION_NOT_FOUND"));
}

#[tokio::test]
async fn id_07_who_is_barred_is_not_acted_for_either() {
    let world = World::start().await;
    let (operator, worker) = (world.caller("operator").context().await.unwrap(), world.caller("worker"));
    let person = world.person("chen").await;
    let delegation = world.delegate(&person, &[DelegatedAction::Book]).await;
    let acting = worker.acting_for(person.id, delegation);
    acting.context().await.unwrap();
    let lasting = RevokeTokenRequest { lasting: true, ..revoke(party(&person.caller)) };
    world.revoke_token(&operator, lasting).await.unwrap();
    assert_eq!(refused(acting.context().await.map(drop)), denied("PERSON_BARRED"));
    // The delegate's own work goes on.
    world.is_known(&worker.fresh().await).await.unwrap();
}

#[tokio::test]
async fn id_07_no_token_slips_through_while_its_holder_is_being_barred() {
    let world = World::start().await;
    let (operator, worker) = (world.caller("operator").context().await.unwrap(), world.caller("worker"));
    let asking: Vec<_> = (0..24).map(|_| worker.clone()).collect();
    let asked = asking.iter().map(|worker| async {
        let mut issued = vec![];
        for _ in 0..6 {
            issued.extend(worker.fresh_or_refused().await);
        }
        issued
    });
    let lasting = RevokeTokenRequest { lasting: true, ..revoke(party(&worker)) };
    let barred = async {
        tokio::time::sleep(Duration::from_millis(60)).await;
        world.revoke_token(&operator, lasting).await.unwrap()
    };
    let (issued, bar) = tokio::join!(futures_util::future::join_all(asked), barred);
    let issued: Vec<Context> = issued.into_iter().flatten().collect();
    assert!(!issued.is_empty(), "the bar came before everybody");
    let revoked_at = proto::convert::timestamp("revoked_at", bar.revoked_at.as_ref()).unwrap();
    for token in &issued {
        // A token's id tells its moment to the millisecond.
        let id: uuid::Uuid = token.caller.token_id.parse().unwrap();
        let (seconds, nanos) = id.get_timestamp().unwrap().to_unix();
        let issued_at = chrono::DateTime::from_timestamp(seconds.try_into().unwrap(), nanos).unwrap();
        assert!(issued_at <= revoked_at, "issued {issued_at}, barred {revoked_at}");
    }
    for token in &issued {
        assert_eq!(world.taken_back(token).await, unauthenticated("TOKEN_REVOKED"));
    }
}

#[tokio::test]
async fn a_wrong_revocation_is_refused_by_the_name_of_its_field() {
    let world = World::start().await;
    let operator = world.caller("operator").context().await.unwrap();
    let wrong = [
        (RevokeTokenRequest { request_id: "1".to_owned(), ..revoke(None) }, "request_id"),
        (revoke(Target::Party("robot:1".to_owned())), "party"),
        (revoke(Target::ClientId("Nobody".to_owned())), "client_id"),
        (RevokeTokenRequest { lasting: true, ..revoke(None) }, "lasting"),
        (RevokeTokenRequest { reason: "x".repeat(201), ..revoke(None) }, "reason"),
    ];
    for (message, field) in wrong {
        assert_eq!(wrong_field(world.revoke_token(&operator, message).await), field);
    }
    let referral = world.caller("referral").context().await.unwrap();
    for (message, field) in [
        (PullRevocationsRequest { after_revision: -1, ..Default::default() }, "after_revision"),
        (PullRevocationsRequest { wait_ms: 20_001, ..Default::default() }, "wait_ms"),
        (PullRevocationsRequest { key_ids: vec![String::new(); 65], ..Default::default() }, "key_ids"),
    ] {
        assert_eq!(wrong_field(world.tokens().pull_revocations(referral.request(message)).await), field);
    }
}

#[tokio::test]
async fn id_07_every_service_knows_within_two_seconds_and_still_after_a_restart() {
    let mut world = World { mesh: Mesh::start(&["identity", "scheduling"]).await };
    let clinic = world.caller("clinic");
    let (taken, kept) = (clinic.fresh().await, clinic.fresh().await);
    // NOT_FOUND is what a good token gets of a visit that is not there.
    let call = async |mesh: &Mesh, with: &Context| {
        let message = GetVisitRequest { visit_id: "01930000-0000-7000-8000-000000000001".to_owned() };
        let answer = VisitServiceClient::new(mesh.channel("scheduling")).get_visit(with.request(message)).await;
        reason(&answer.unwrap_err())
    };
    assert_eq!(call(&world.mesh, &taken).await, "VISIT_NOT_FOUND");
    world.revoke_token(&taken, revoke(None)).await.unwrap();
    let begun = Instant::now();
    while call(&world.mesh, &taken).await != "TOKEN_REVOKED" {
        assert!(begun.elapsed() < BOUND, "not taken back");
    }
    assert_eq!(call(&world.mesh, &kept).await, "VISIT_NOT_FOUND");

    for service in ["scheduling", "identity"] {
        world.mesh.kill(service);
        world.mesh.start_again(service).await;
        assert_eq!(call(&world.mesh, &taken).await, "TOKEN_REVOKED", "after a restart of {service}");
        assert_eq!(world.taken_back(&taken).await, unauthenticated("TOKEN_REVOKED"));
    }
    // A service whose own tokens are taken back obtains others and goes on.
    let operator = world.caller("operator").context().await.unwrap();
    world.revoke_token(&operator, revoke(Target::Party("service:scheduling".to_owned()))).await.unwrap();
    tokio::time::sleep(BOUND).await;
    let late = world.mesh.register(Client::new("late", "client:late".to_owned(), None, &["operator"])).await;
    let late = late.context().await.unwrap();
    world.revoke_token(&late, revoke(None)).await.unwrap();
    let begun = Instant::now();
    while call(&world.mesh, &late).await != "TOKEN_REVOKED" {
        assert!(begun.elapsed() < BOUND, "scheduling no longer follows");
    }
}
