//! People log in at the development provider of a mesh that logs as much as it can: what they prove themselves with, and what comes of it,
//! is left nowhere, also where it is not good.

use std::sync::Mutex;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chassis::Context;
use devstack::Mesh;
use devstack::callers::{self, REGION, RESIDENT};
use proto::anjia::identity::v1::organisation_service_client::OrganisationServiceClient;
use proto::anjia::identity::v1::resident_service_client::ResidentServiceClient;
use proto::anjia::identity::v1::{GetResidentRequest, ListOrganisationsRequest, RegisterResidentRequest};
use reqwest::{Client, Url, header, redirect};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use testkit::request_id;
use tonic::{Request, Status};

use crate::collector::Collector;

use super::scan::{self, Scanner, Secret, told};
use super::{redis_url, search};

const REDIRECT_URI: &str = "http://127.0.0.1/app";

/// What the app and the person's browser have of one login.
struct Login {
    code: String,
    verifier: String,
    nonce: String,
    id_token: String,
    /// The provider's own; opens nothing.
    access_token: String,
}

/// The app, and the people who log in through it.
struct App<'a> {
    mesh: &'a Mesh,
    issuer: String,
    http: Client,
    /// What the provider and the services answer to what is wrong.
    refusals: Mutex<Vec<u8>>,
}

impl App<'_> {
    async fn log_in(&self, person: &str) -> Login {
        let [verifier, state, nonce] = [(); 3].map(|()| URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()));
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
        let app = callers::app().client_id;
        let click = [
            ("person", person),
            ("response_type", "code"),
            ("client_id", &app),
            ("redirect_uri", REDIRECT_URI),
            ("scope", "openid"),
            ("state", &state),
            ("nonce", &nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let click = self.http.post(format!("{}/authorize", self.issuer)).form(&click);
        let answer = click.send().await.expect("the provider answers");
        let back = answer.headers().get(header::LOCATION).and_then(|back| back.to_str().ok()).expect("a way back");
        let back = Url::parse(back).expect("a URL");
        let code = back.query_pairs().find(|(name, _)| name == "code").map(|(_, code)| code.into_owned());
        let code = code.expect("a code");
        let tokens = self.redeem(&code, &verifier).await;
        let token = |name: &str| tokens[name].as_str().expect("a token").to_owned();
        let (id_token, access_token) = (token("id_token"), token("access_token"));
        Login { code, verifier, nonce, id_token, access_token }
    }

    async fn redeem(&self, code: &str, verifier: &str) -> Value {
        let app = callers::app().client_id;
        let redeem = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT_URI),
            ("client_id", &app),
            ("code_verifier", verifier),
        ];
        let asked = self.http.post(format!("{}/token", self.issuer)).form(&redeem);
        asked.send().await.expect("the provider answers").json().await.expect("JSON")
    }

    async fn exchange(&self, id_token: &str, nonce: &str) -> Result<Context, String> {
        let app = self.mesh.fleet().credentials(&callers::app().client_id).expect("the app has a key");
        app.logged_in(id_token, nonce, None).await.map_err(|status| self.refused(&status))
    }

    /// The reason; what else is told is kept to be looked through.
    fn refused(&self, status: &Status) -> String {
        self.refusals.lock().expect("nobody panicked").extend(told(status));
        chassis::error::reason(status).unwrap_or_default()
    }

    fn residents(&self) -> ResidentServiceClient<chassis::channel::Channel> {
        ResidentServiceClient::new(self.mesh.fleet().channel("identity").expect("a channel"))
    }
}

/// What a token is shown as, without the word before it.
fn token_of(context: &Context) -> String {
    let request = context.request(());
    let header = request.metadata().get("authorization").and_then(|header| header.to_str().ok());
    header.and_then(|header| header.strip_prefix("Bearer ")).expect("a bearer token").to_owned()
}

#[tokio::test]
async fn g9_id_07_nothing_of_a_login_is_left_in_logs_traces_databases_redis_or_refusals() {
    let collector = Collector::default();
    let endpoint = collector.start().await;
    let settings = [("RUST_LOG", "trace"), ("RUST_BACKTRACE", "full"), ("OTEL_METRIC_EXPORT_INTERVAL", "500")];
    let mesh = testkit::whole_mesh_with_logins(Some(endpoint), &settings).await;
    let issuer = mesh.record(true).expect("it is up").provider.expect("people log in").issuer;
    let http = Client::builder().redirect(redirect::Policy::none()).no_proxy().build().expect("a client");
    let app = App { mesh: &mesh, issuer, http, refusals: Mutex::default() };
    let mut logins = vec![];
    let mut contexts = vec![];

    // A login that was changed, one that somebody else began, one that was used; and a code that was.
    let worker = app.log_in("worker").await;
    let unsigned = worker.id_token.rsplit_once('.').map(|(text, _)| format!("{text}.{}", "A".repeat(86)));
    let changed = app.exchange(&unsigned.expect("three parts"), &worker.nonce).await;
    assert_eq!(changed.expect_err("changed"), "SUBJECT_TOKEN_INVALID");
    assert_eq!(app.exchange(&worker.id_token, "another").await.expect_err("stolen"), "SUBJECT_TOKEN_INVALID");
    let own = app.exchange(&worker.id_token, &worker.nonce).await.expect("a good login");
    let again = app.exchange(&worker.id_token, &worker.nonce).await;
    assert_eq!(again.expect_err("once"), "SUBJECT_TOKEN_REPLAYED");
    let used = app.redeem(&worker.code, &worker.verifier).await;
    assert_eq!(used["error"], "invalid_grant");
    app.refusals.lock().expect("nobody panicked").extend(used.to_string().into_bytes());

    // She is not registered yet; then she is, and sees herself.
    let early = app.log_in("resident").await;
    assert_eq!(app.exchange(&early.id_token, &early.nonce).await.expect_err("not yet"), "PERSON_UNKNOWN");
    let number = testkit::national_id("1954-03-01".parse().expect("a day"));
    let resident = RegisterResidentRequest {
        request_id: request_id(),
        resident_id: RESIDENT.to_string(),
        national_id: number.expose().to_owned(),
        name: "陈淑芬".to_owned(),
        region_code: REGION.to_owned(),
        community: "展览路街道".to_owned(),
        ..RegisterResidentRequest::default()
    };
    app.residents().register_resident(own.request(resident)).await.expect("she is new");
    contexts.push(own);
    for person in callers::people() {
        let login = app.log_in(&person.client_id).await;
        let context = app.exchange(&login.id_token, &login.nonce).await.expect("a good login");
        let mut organisations = OrganisationServiceClient::new(mesh.fleet().channel("identity").expect("a channel"));
        organisations.list_organisations(context.request(ListOrganisationsRequest::default())).await.expect("public");
        let herself = GetResidentRequest { resident_id: RESIDENT.to_string() };
        let seen = app.residents().get_resident(context.request(herself.clone())).await;
        assert_eq!(seen.is_ok(), ["worker", "resident"].contains(&person.client_id.as_str()), "{}", person.client_id);
        // The login itself opens nothing.
        for wrong in [&login.id_token, &login.code, &login.access_token] {
            let mut request = Request::new(herself.clone());
            let bearer = format!("Bearer {wrong}").parse().expect("a header");
            request.metadata_mut().insert("authorization", bearer);
            let refused = app.residents().get_resident(request).await.expect_err("no token of ours");
            assert_eq!(app.refused(&refused), "TOKEN_INVALID");
        }
        logins.push(login);
        contexts.push(context);
    }
    logins.extend([worker, early]);
    // Spans are sent twice a second.
    tokio::time::sleep(Duration::from_secs(2)).await;

    let mut secrets = vec![Secret::new("national id", number.expose())];
    for login in &logins {
        secrets.extend([
            Secret::new("code", &login.code),
            Secret::new("verifier", &login.verifier),
            Secret::new("token of the provider", &login.access_token),
        ]);
    }
    let ours = contexts.iter().map(token_of).map(|token| ("access token", token));
    for (what, token) in logins.into_iter().map(|login| ("ID token", login.id_token)).chain(ours) {
        let signature = token.rsplit('.').next().unwrap_or_default().to_owned();
        secrets.extend([Secret::new(what, &token), Secret::new(format!("signature of an {what}"), signature)]);
    }
    let refusals = app.refusals.lock().expect("nobody panicked").clone();
    let redis = scan::redis(&redis_url(&mesh)).await;
    let found = search(&mesh, &collector, (&refusals, &redis), &Scanner::new(secrets)).await;
    assert!(found.is_empty(), "{} found:\n{}", found.len(), found.into_iter().collect::<Vec<_>>().join("\n"));
    mesh.stop().await.expect("everything stops");
}
