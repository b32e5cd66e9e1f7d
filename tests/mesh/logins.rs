//! `anjia up` and `anjia token`: people log in at the development provider, and the app exchanges their login.

use std::process::{Command, Output};

use chassis::auth::Claims;
use devstack::Mesh;
use devstack::callers::{self, CLINIC, REGION, RESIDENT};
use proto::anjia::identity::v1::resident_service_client::ResidentServiceClient;
use proto::anjia::identity::v1::{GetResidentRequest, RegisterResidentRequest};
use testkit::request_id;
use tonic::Request;

fn anjia_token(mesh: &Mesh, caller: &str) -> Output {
    let program = mesh.fleet().binary("anjia");
    let root = mesh.fleet().root();
    Command::new(program).args(["token", caller, "--root"]).arg(root).output().expect("anjia runs")
}

fn token(mesh: &Mesh, caller: &str) -> (String, Claims) {
    let output = anjia_token(mesh, caller);
    assert!(output.status.success(), "{caller}: {}", String::from_utf8_lossy(&output.stderr));
    let token = String::from_utf8(output.stdout).expect("a token is text").trim().to_owned();
    let claims = jsonwebtoken::dangerous::insecure_decode_claims(&token).expect("a token says who it is for");
    (token, claims)
}

fn with<M>(token: &str, message: M) -> Request<M> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().expect("a header"));
    request
}

#[tokio::test]
async fn id_07_people_log_in_at_the_development_provider_and_have_no_keys_of_their_own() {
    let mesh = testkit::whole_mesh_with_logins(None, &[]).await;
    for person in callers::people() {
        let key = mesh.fleet().keys().folder().join(format!("{}.pem", person.client_id));
        assert!(!key.exists(), "{} has a key", person.client_id);
    }
    // Nobody comes to be a person by logging in.
    let unknown = anjia_token(&mesh, "resident");
    let why = String::from_utf8_lossy(&unknown.stderr).into_owned();
    assert!(!unknown.status.success() && why.contains("PERSON_UNKNOWN"), "{why}");

    let (worker, claims) = token(&mesh, "worker");
    let caller = claims.caller().expect("a caller");
    assert_eq!(caller.acting().to_string(), format!("practitioner:{}", callers::WORKER));
    assert_eq!(caller.organisation.map(types::ids::OrganisationId::uuid), Some(CLINIC));
    assert_eq!((claims.roles.len(), claims.client_id.as_deref()), (1, Some("app")));
    // Good over the app's connection, through which she logged in, and over no other.
    let over = |client_id| mesh.fleet().channel_as(client_id, "identity").expect("a channel");
    let resident = RegisterResidentRequest {
        request_id: request_id(),
        resident_id: RESIDENT.to_string(),
        national_id: testkit::national_id("1954-03-01".parse().expect("a day")).expose().to_owned(),
        name: "陈淑芬".to_owned(),
        region_code: REGION.to_owned(),
        community: "展览路街道".to_owned(),
        ..RegisterResidentRequest::default()
    };
    let elsewhere = ResidentServiceClient::new(over("bank")).register_resident(with(&worker, resident.clone())).await;
    assert_eq!(testkit::reason(&elsewhere.expect_err("another certificate")), "TOKEN_BOUND_ELSEWHERE");
    ResidentServiceClient::new(over("app")).register_resident(with(&worker, resident)).await.expect("registered");

    let (herself, claims) = token(&mesh, "resident");
    assert_eq!(claims.sub.to_string(), format!("resident:{RESIDENT}"));
    let get = GetResidentRequest { resident_id: RESIDENT.to_string() };
    ResidentServiceClient::new(over("app")).get_resident(with(&herself, get)).await.expect("she sees herself");

    // Machines prove themselves by their key, as before.
    let (_, claims) = token(&mesh, "operator");
    assert_eq!((claims.sub.to_string().as_str(), claims.client_id.as_deref()), ("client:operator", Some("operator")));
    mesh.stop().await.expect("everything stops");
}
