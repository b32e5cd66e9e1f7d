//! Every RPC against every caller of the journey: what `access.toml` says is what happens.

use std::collections::BTreeSet;

use chassis::access::{Policies, Policy};
use chassis::channel::Channel;
use chassis::methods::Methods;
use http::uri::PathAndQuery;
use testkit::callers::Client;
use testkit::{callers, reason};
use tonic::client::Grpc;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;
use types::caller::Role;

use crate::support::World;

const SERVICES: [&str; 20] = [
    "anjia.identity.v1.AllianceService",
    "anjia.identity.v1.AuditService",
    "anjia.identity.v1.BankProfileService",
    "anjia.identity.v1.BreakGlassService",
    "anjia.identity.v1.CommunityService",
    "anjia.identity.v1.ConsentService",
    "anjia.identity.v1.DelegationService",
    "anjia.identity.v1.DesignationService",
    "anjia.identity.v1.EnrolmentService",
    "anjia.identity.v1.EventService",
    "anjia.identity.v1.FamilyDoctorService",
    "anjia.identity.v1.GuardianshipService",
    "anjia.identity.v1.HouseholdService",
    "anjia.identity.v1.MandateService",
    "anjia.identity.v1.MergeService",
    "anjia.identity.v1.OrganisationService",
    "anjia.identity.v1.PrivacyService",
    "anjia.identity.v1.ResidentService",
    "anjia.identity.v1.TokenService",
    "anjia.identity.v1.VulnerabilityService",
];

/// Calls a method with an empty message.
async fn call(channel: Channel, method: &str, request: Request<()>) -> Result<(), Status> {
    let path: PathAndQuery = format!("/{method}").parse().unwrap();
    let codec = tonic_prost::ProstCodec::<(), ()>::default();
    let mut client = Grpc::new(channel);
    client.ready().await?;
    client.unary(request, path, codec).await.map(|_| ())
}

fn checked() -> Policies {
    Policies::check(identity::ACCESS, &SERVICES, Methods::declared()).unwrap()
}

fn policies() -> Vec<Policy> {
    let policies = checked();
    let methods = SERVICES.iter().flat_map(|service| Methods::declared().of_service(service));
    methods.map(|method| policies.get(method).unwrap().as_ref().clone()).collect()
}

#[tokio::test]
async fn id_07_without_a_good_token_nothing_is_answered() {
    let world = World::start().await;
    for policy in policies().iter().filter(|policy| !policy.anonymous) {
        let missing = call(world.channel(), &policy.method, Request::new(())).await.unwrap_err();
        assert_eq!((missing.code(), reason(&missing).as_str()), (Code::Unauthenticated, "TOKEN_MISSING"));

        // Claims of an operator, signed by nobody we know.
        let mut foreign = world.caller("operator").request(()).await;
        let token = foreign.metadata().get("authorization").unwrap().to_str().unwrap().to_owned();
        let (body, _) = token.rsplit_once('.').unwrap();
        let forged = format!("{body}.{}", "A".repeat(86));
        foreign.metadata_mut().insert("authorization", forged.parse().unwrap());
        let invalid = call(world.channel(), &policy.method, foreign).await.unwrap_err();
        assert_eq!((invalid.code(), reason(&invalid).as_str()), (Code::Unauthenticated, "TOKEN_INVALID"));
    }
}

#[tokio::test]
async fn id_07_every_method_is_for_the_roles_it_names() {
    let (world, access) = (World::start().await, checked());
    // Identity itself asks nobody for a token.
    for client in callers::all().into_iter().filter(|client| client.client_id != "identity") {
        let roles: BTreeSet<Role> = client.roles.iter().map(|role| role.parse().unwrap()).collect();
        let caller = world.caller(&client.client_id);
        for policy in policies().iter().filter(|policy| !policy.anonymous) {
            let answer = call(world.channel(), &policy.method, caller.request(()).await).await;
            let refusal =
                answer.err().map(|status| reason(&status)).filter(|reason| reason.ends_with("_NOT_PERMITTED"));
            let is_service = client.party.starts_with("service:");
            let expected = if is_service && !access.peers().may(&client.client_id, &policy.method) {
                Some("PEER_NOT_PERMITTED")
            } else {
                // In their own name, which for some services is not enough.
                let grants = |role| policy.grants.get(role).is_some_and(|grant| !grant.on_behalf);
                let has_role = roles.iter().any(grants);
                (!has_role).then_some("METHOD_NOT_PERMITTED")
            };
            assert_eq!(refusal.as_deref(), expected, "{} calls {}", client.client_id, policy.method);
        }
    }
}

#[tokio::test]
async fn an_empty_request_is_refused_by_the_name_of_a_field() {
    let world = World::start().await;
    let unlisted =
        Client::new("unlisted", "client:unlisted".to_owned(), Some(callers::PLATFORM), &["auditor", "platform"]);
    let unlisted = world.mesh.register(unlisted).await;
    let access = checked();
    let peers = access.peers();
    let complete_when_empty = [
        "anjia.identity.v1.OrganisationService/ListOrganisations",
        "anjia.identity.v1.AllianceService/ListAlliances",
        "anjia.identity.v1.FamilyDoctorService/ListServicePackages",
        "anjia.identity.v1.BreakGlassService/ListUnreviewedBreakGlass",
        "anjia.identity.v1.CommunityService/ListCommunities",
        "anjia.identity.v1.ResidentService/ListPossibleDuplicates",
        "anjia.identity.v1.MergeService/ListMerges",
        "anjia.identity.v1.TokenService/GetKeys",
        "anjia.identity.v1.TokenService/PullRevocations",
    ];
    let asks_for_nothing =
        |policy: &Policy| policy.method.ends_with("/GetCheckpoint") || policy.method.ends_with("/GetWitnessed");
    for policy in policies().into_iter().filter(|policy| !asks_for_nothing(policy)) {
        let listed = callers::all().into_iter().find(|client| {
            let is_peer = !client.party.starts_with("service:") || peers.may(&client.client_id, &policy.method);
            is_peer && client.roles.iter().any(|role| policy.grants.contains_key(&role.parse().unwrap()))
        });
        let request = match listed {
            Some(client) => world.caller(&client.client_id).request(()).await,
            None if policy.anonymous => Request::new(()),
            None => unlisted.request(()).await,
        };
        let answer = call(world.channel(), &policy.method, request).await;
        if complete_when_empty.contains(&policy.method.as_str()) {
            answer.unwrap();
            continue;
        }
        let status = answer.unwrap_err();
        if policy.method.ends_with("/ExchangeToken") {
            // Nothing proves the client but its certificate, with which nobody is registered.
            assert_eq!((status.code(), reason(&status).as_str()), (Code::Unauthenticated, "CLIENT_UNKNOWN"));
            continue;
        }
        assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "INVALID_FIELD"), "{policy:?}");
        assert!(!status.get_details_bad_request().unwrap().field_violations[0].field.is_empty());
    }
}
