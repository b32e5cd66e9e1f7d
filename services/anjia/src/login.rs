//! How a caller of the running mesh comes to a token: people log in at its development provider, by the authorization code flow with
//! PKCE, and the app exchanges their login at identity (RFC 8693); machines prove themselves by their key.

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chassis::{Context, Credentials};
use devstack::callers::{self, Client};
use devstack::{Everybody, Keys, MeshRecord};
use rand::RngCore as _;
use reqwest::{StatusCode, Url, header, redirect};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tonic::Status;
use types::ids::{DelegationId, ResidentId};

/// Nobody listens there: the code is read from the redirect itself.
const REDIRECT_URI: &str = "http://127.0.0.1/anjia-token";
const PATIENCE: Duration = Duration::from_secs(5);

/// For whom somebody acts, and under which delegation.
pub(crate) type OnBehalf = Option<(ResidentId, DelegationId)>;

/// A caller's token, and the certificates of the mesh, over whose connections it is good.
pub(crate) async fn context(record: &MeshRecord, name: &str, on_behalf: OnBehalf) -> Result<(Everybody, Context)> {
    let everybody = Everybody::new(Keys::in_folder(&record.keys)?);
    let identity = &record.services.get("identity").context("identity is not up")?.url;
    let person = callers::people().into_iter().find(|person| person.client_id == name);
    let context = if let (Some(person), Some(provider)) = (person, &record.provider) {
        let login = log_in(&provider.issuer, &person.client_id).await.context("logging in")?;
        let app = everybody.credentials(&callers::app().client_id, identity)?;
        let context = app.logged_in(&login.id_token, &login.nonce, on_behalf).await;
        context.map_err(|status| refused(&status, Some(&person)))?
    } else {
        let is_known = is_name(name) && record.keys.join(format!("{name}.pem")).is_file();
        ensure!(is_known, "no caller `{name}`; there are: {}", names(record)?);
        let credentials = everybody.credentials(name, identity)?;
        own(&credentials, on_behalf).await.map_err(|status| refused(&status, None))?
    };
    Ok((everybody, context))
}

async fn own(credentials: &Credentials, on_behalf: OnBehalf) -> Result<Context, Status> {
    match on_behalf {
        Some((resident, delegation)) => credentials.acting_for(resident, delegation).await,
        None => credentials.own().await,
    }
}

fn refused(status: &Status, person: Option<&Client>) -> anyhow::Error {
    let reason = chassis::error::reason(status).unwrap_or_default();
    let resident = person.and_then(|person| person.party.strip_prefix("resident:"));
    match (reason.as_str(), resident) {
        ("PERSON_UNKNOWN", Some(id)) => anyhow!(
            "identity gives no token: PERSON_UNKNOWN. The resident is not registered yet; a worker does that, with \
             ResidentService/RegisterResident and resident_id {id}"
        ),
        _ => anyhow!("identity gives no token: {reason}: {}", status.message()),
    }
}

/// What the app has after a login.
#[derive(Debug)]
struct Login {
    id_token: String,
    nonce: String,
}

/// What of the discovery document is needed.
#[derive(Debug, Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
}

#[derive(Debug, Deserialize)]
struct Tokens {
    id_token: String,
}

/// The code flow, with the click on the provider's page sent as its form would send it.
async fn log_in(issuer: &str, person: &str) -> Result<Login> {
    let http = reqwest::Client::builder().redirect(redirect::Policy::none()).no_proxy().timeout(PATIENCE).build()?;
    let document = http.get(format!("{issuer}/.well-known/openid-configuration")).send().await?.error_for_status()?;
    let metadata: Metadata = document.json().await?;
    ensure!(metadata.issuer == issuer, "the provider at {issuer} calls itself {}", metadata.issuer);

    let app = callers::app().client_id;
    let (verifier, state, nonce) = (secret(), secret(), secret());
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
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
    let answer = http.post(metadata.authorization_endpoint).form(&click).send().await?;
    ensure!(answer.status() == StatusCode::SEE_OTHER, "the provider answers {}", answer.status());
    let back = answer.headers().get(header::LOCATION).context("the provider leads nowhere")?.to_str()?;
    let code = code(back, &state)?;

    let redeem = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", REDIRECT_URI),
        ("client_id", &app),
        ("code_verifier", &verifier),
    ];
    let tokens: Tokens =
        http.post(metadata.token_endpoint).form(&redeem).send().await?.error_for_status()?.json().await?;
    Ok(Login { id_token: tokens.id_token, nonce })
}

/// The code in the way back, if that answers what was asked.
fn code(back: &str, state: &str) -> Result<String> {
    let back = Url::parse(back).context("the way back is no URL")?;
    let found = |name: &str| back.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    ensure!(found("state").as_deref() == Some(state), "the provider answers another request");
    found("code").with_context(|| format!("the provider refuses: {}", found("error").unwrap_or_default()))
}

fn secret() -> String {
    let mut bytes = [0; 32];
    rand::rng().fill_bytes(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Names of clients; nothing that would lead out of the folder of keys.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Who can have a token: people who log in, machines with a key.
fn names(record: &MeshRecord) -> Result<String> {
    let people = record.provider.iter().flat_map(|_| callers::people()).map(|person| person.client_id);
    let has_key = |name: &String| record.keys.join(format!("{name}.pem")).is_file();
    let machines = callers::all().into_iter().map(|client| client.client_id).filter(has_key);
    let mut names: Vec<String> = people.chain(machines).collect();
    names.sort();
    names.dedup();
    ensure!(!names.is_empty(), "no keys lie under {}", record.keys.display());
    Ok(names.join(", "))
}
