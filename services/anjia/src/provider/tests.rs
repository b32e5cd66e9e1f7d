use std::collections::HashMap;

use chrono::TimeDelta;
use ed25519_dalek::pkcs8::EncodePrivateKey as _;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use jsonwebtoken::{DecodingKey, Validation};
use reqwest::{Client, Response, Url, redirect};
use serde_json::Value;
use types::clock::FixedClock;

use super::*;

const BACK: &str = "http://127.0.0.1:9/back";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// RFC 7636, appendix B.
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

struct Served {
    issuer: String,
    http: Client,
    clock: Arc<FixedClock>,
}

async fn served() -> Served {
    let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]).to_pkcs8_pem(LineEnding::LF).unwrap();
    let clock = Arc::new(FixedClock::at(SystemClock.now()));
    let (listener, router) = bind("127.0.0.1:0".parse().unwrap(), &key, clock.clone()).await.unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let http = Client::builder().redirect(redirect::Policy::none()).no_proxy().build().unwrap();
    Served { issuer, http, clock }
}

/// A good request but for what is replaced.
fn ask(replaced: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let good = [
        ("person", "worker"),
        ("response_type", "code"),
        ("client_id", "app"),
        ("redirect_uri", BACK),
        ("scope", "openid"),
        ("state", "s 1"),
        ("nonce", "n-1"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let value = |name: &str| replaced.iter().find(|(other, _)| *other == name).map(|(_, value)| *value);
    good.into_iter().map(|(name, usual)| (name, value(name).unwrap_or(usual))).collect()
}

impl Served {
    async fn click(&self, form: &[(&str, &str)]) -> Response {
        self.http.post(format!("{}/authorize", self.issuer)).form(form).send().await.unwrap()
    }

    /// Where the browser is sent, by name and value of the query.
    async fn back(&self, form: &[(&str, &str)]) -> HashMap<String, String> {
        let answer = self.click(form).await;
        assert_eq!(answer.status().as_u16(), 303);
        let to = Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
        assert!(to.as_str().starts_with(BACK), "{to}");
        to.query_pairs().into_owned().collect()
    }

    async fn redeem(&self, code: &str, replaced: &[(&str, &str)]) -> (u16, Value) {
        let good = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", BACK),
            ("client_id", "app"),
            ("code_verifier", VERIFIER),
        ];
        let value = |name: &str| replaced.iter().find(|(other, _)| *other == name).map(|(_, value)| *value);
        let form: Vec<_> = good.into_iter().map(|(name, usual)| (name, value(name).unwrap_or(usual))).collect();
        let answer = self.http.post(format!("{}/token", self.issuer)).form(&form).send().await.unwrap();
        assert_eq!(answer.headers()["cache-control"], "no-store");
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn get(&self, path: &str) -> Value {
        self.http.get(format!("{}{path}", self.issuer)).send().await.unwrap().json().await.unwrap()
    }
}

fn invalid_grant() -> (u16, Value) {
    (400, json!({ "error": "invalid_grant" }))
}

#[tokio::test]
async fn id_07_the_development_provider_listens_on_loopback_or_not_at_all() {
    let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]).to_pkcs8_pem(LineEnding::LF).unwrap();
    for address in ["0.0.0.0:0", "10.0.0.1:80", "[::]:0", "[2001:db8::1]:80", "[::ffff:127.0.0.1]:0"] {
        assert!(loopback(address).is_err(), "{address}");
        let refused = bind(address.parse().unwrap(), &key, Arc::new(SystemClock)).await;
        assert!(refused.is_err_and(|error| error.to_string().contains("serves loopback only")), "{address}");
    }
    for address in ["127.0.0.1:0", "[::1]:0"] {
        assert!(loopback(address).is_ok(), "{address}");
    }
}

#[tokio::test]
async fn id_07_a_login_is_a_signed_id_token_for_the_app_with_the_nonce_it_began_with() {
    let provider = served().await;
    let metadata = provider.get("/.well-known/openid-configuration").await;
    assert_eq!(metadata["issuer"], provider.issuer.as_str());
    assert_eq!(metadata["code_challenge_methods_supported"], json!(["S256"]));
    let back = provider.back(&ask(&[])).await;
    assert_eq!(back["state"], "s 1");
    let (status, answer) = provider.redeem(&back["code"], &[]).await;
    assert_eq!((status, &answer["token_type"]), (200, &json!("Bearer")));

    let key = provider.get("/jwks").await["keys"][0].clone();
    let token = answer["id_token"].as_str().unwrap();
    assert_eq!(jsonwebtoken::decode_header(token).unwrap().kid.as_deref(), key["kid"].as_str());
    let mut validation = Validation::new(jsonwebtoken::Algorithm::EdDSA);
    validation.set_audience(&["app"]);
    validation.set_issuer(&[&provider.issuer]);
    let public = DecodingKey::from_ed_components(key["x"].as_str().unwrap()).unwrap();
    let claims = jsonwebtoken::decode::<Value>(token, &public, &validation).unwrap().claims;
    assert_eq!((&claims["sub"], &claims["nonce"]), (&json!("worker"), &json!("n-1")));
    assert_eq!((&claims["roles"], &claims["development"]), (&json!(["community_worker"]), &json!(true)));
    assert!(claims["resident_id"].is_null());

    let resident = provider.back(&ask(&[("person", "resident")])).await;
    let (_, answer) = provider.redeem(&resident["code"], &[]).await;
    let claims: Value = jsonwebtoken::dangerous::insecure_decode_claims(answer["id_token"].as_str().unwrap()).unwrap();
    assert_eq!(claims["resident_id"], callers::RESIDENT.to_string());
}

#[tokio::test]
async fn id_07_a_code_is_good_once_for_who_began_the_login_and_for_a_minute() {
    let provider = served().await;
    let code = async || provider.back(&ask(&[])).await["code"].clone();
    let used = code().await;
    assert_eq!(provider.redeem(&used, &[]).await.0, 200);
    assert_eq!(provider.redeem(&used, &[]).await, invalid_grant());

    let other = "another-verifier-that-is-long-enough-for-the-rfc";
    for wrong in [
        ("code_verifier", other),
        ("code_verifier", "short"),
        ("code_verifier", CHALLENGE),
        ("redirect_uri", "http://127.0.0.1:9/other"),
        ("client_id", "worker"),
    ] {
        let tried = code().await;
        assert_eq!(provider.redeem(&tried, &[wrong]).await, invalid_grant(), "{wrong:?}");
        // Whoever has tried it has used it.
        assert_eq!(provider.redeem(&tried, &[]).await, invalid_grant(), "{wrong:?}");
    }
    let late = code().await;
    provider.clock.set(provider.clock.now() + TimeDelta::seconds(60));
    assert_eq!(provider.redeem(&late, &[]).await, invalid_grant());
    let (status, answer) = provider.redeem(&code().await, &[("grant_type", "password")]).await;
    assert_eq!((status, answer), (400, json!({ "error": "unsupported_grant_type" })));
}

#[tokio::test]
async fn id_07_a_wrong_request_is_told_to_whom_it_may_be_told() {
    let provider = served().await;
    // Nobody is sent to a place that nobody vouches for.
    for wrong in [
        ("client_id", "worker"),
        ("redirect_uri", "https://127.0.0.1/back"),
        ("redirect_uri", "http://evil.example/back"),
        ("redirect_uri", "http://127.0.0.1.evil.example/back"),
        ("redirect_uri", "http://127.0.0.1@evil.example/back"),
        ("redirect_uri", "http://127.0.0.1/back#fragment"),
        ("redirect_uri", ""),
    ] {
        let answer = provider.click(&ask(&[wrong])).await;
        assert_eq!((answer.status().as_u16(), answer.headers().get("location")), (400, None), "{wrong:?}");
    }
    for (wrong, error) in [
        (("response_type", "token"), "unsupported_response_type"),
        (("scope", "email"), "invalid_scope"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("code_challenge", ""), "invalid_request"),
        (("code_challenge", VERIFIER_TOO_SHORT), "invalid_request"),
        (("nonce", ""), "invalid_request"),
        (("person", "bank"), "access_denied"),
        (("person", ""), "access_denied"),
    ] {
        let back = provider.back(&ask(&[wrong])).await;
        assert_eq!((back["error"].as_str(), back["state"].as_str()), (error, "s 1"), "{wrong:?}");
        assert!(!back.contains_key("code"));
    }
}

const VERIFIER_TOO_SHORT: &str = "AAAA";

#[tokio::test]
async fn id_07_the_page_lists_the_towns_people_and_says_that_it_is_for_development() {
    let provider = served().await;
    let shown = provider.http.get(format!("{}/authorize", provider.issuer)).query(&ask(&[("state", "<b>")]));
    let answer = shown.send().await.unwrap();
    assert_eq!(answer.headers()["x-anjia-development"], "true");
    let page = answer.text().await.unwrap();
    for person in callers::people() {
        assert!(page.contains(&format!("value=\"{}\"", person.client_id)), "{}", person.client_id);
    }
    assert!(page.contains("仅供开发") && page.contains("For development only"));
    assert!(!page.contains("value=\"bank\"") && !page.contains("type=\"password\""));
    assert!(!page.contains("<b>"), "what was asked is text");
}

#[tokio::test]
async fn id_07_a_page_elsewhere_cannot_ask_the_provider_under_its_own_name() {
    let provider = served().await;
    let asked = provider.http.post(format!("{}/authorize", provider.issuer)).header("host", "evil.example");
    let answer = asked.form(&ask(&[])).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers().get("location")), (421, None));
}
