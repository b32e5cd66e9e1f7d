//! The authorization code flow: what may be asked, and codes that are good once. Knows no HTTP.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use devstack::callers::{self, Client};
use rand::RngCore as _;
use reqwest::Url;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use types::clock::Clock;
use uuid::Uuid;

/// How long a login is good at identity, in seconds.
pub(super) const LOGIN_LIFE_S: i64 = 300;
/// From the click to the token.
const CODE_LIFE: TimeDelta = TimeDelta::seconds(60);
/// Nobody clicks that often; more is a mistake.
const CODES_MAX: usize = 1_000;
const TEXT_LENGTH_MAX: usize = 200;
const SECRET_BYTES: usize = 32;
/// RFC 7636, section 4.1.
const VERIFIER_LENGTH: std::ops::RangeInclusive<usize> = 43..=128;

/// An authorization request (RFC 6749, section 4.1.1).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Ask {
    pub(super) response_type: String,
    pub(super) client_id: String,
    pub(super) redirect_uri: String,
    pub(super) scope: String,
    pub(super) state: String,
    pub(super) nonce: String,
    pub(super) code_challenge: String,
    pub(super) code_challenge_method: String,
}

/// A token request (section 4.1.3).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Redeem {
    grant_type: String,
    code: String,
    redirect_uri: String,
    client_id: String,
    code_verifier: String,
}

/// Why not, and whom to tell.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The person at the browser: where they came from is not to be trusted.
    Here(&'static str),
    /// The program that asked, by way of the browser.
    Back(Box<Url>),
    /// The program that asks for a token (section 5.2).
    Token(&'static str),
}

/// Somebody who logged in.
#[derive(Debug, Clone)]
pub(super) struct Login {
    person: Client,
    nonce: String,
    at: DateTime<Utc>,
}

#[derive(Debug)]
struct Grant {
    login: Login,
    redirect_uri: String,
    challenge: String,
}

pub(super) struct Flow {
    app: String,
    clock: Arc<dyn Clock>,
    /// By code.
    grants: Mutex<HashMap<String, Grant>>,
}

impl Flow {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { app: callers::app().client_id, clock, grants: Mutex::default() }
    }

    /// Where a good request leads back to.
    pub(super) fn check(&self, ask: &Ask) -> Result<Url, Refusal> {
        if ask.client_id != self.app {
            return Err(Refusal::Here("client_id is not the app's"));
        }
        let back = local(&ask.redirect_uri)
            .ok_or(Refusal::Here("redirect_uri must be http on loopback, a program of this machine"))?;
        let refuse =
            |error| Err(Refusal::Back(Box::new(with(back.clone(), &[("error", error), ("state", &ask.state)]))));
        if ask.response_type != "code" {
            return refuse("unsupported_response_type");
        }
        if !ask.scope.split(' ').any(|word| word == "openid") {
            return refuse("invalid_scope");
        }
        let is_challenge = URL_SAFE_NO_PAD.decode(&ask.code_challenge).is_ok_and(|digest| digest.len() == SECRET_BYTES);
        let has_nonce = (1..=TEXT_LENGTH_MAX).contains(&ask.nonce.len());
        if ask.code_challenge_method != "S256" || !is_challenge || !has_nonce || ask.state.len() > TEXT_LENGTH_MAX {
            return refuse("invalid_request");
        }
        Ok(back)
    }

    /// The person has chosen who they are: a code, on the way back.
    pub(super) fn begin(&self, ask: &Ask, person: Option<Client>) -> Result<Url, Refusal> {
        let back = self.check(ask)?;
        let Some(person) = person else {
            return Err(Refusal::Back(Box::new(with(back, &[("error", "access_denied"), ("state", &ask.state)]))));
        };
        let (code, now) = (secret(), self.clock.now());
        let grant = Grant {
            login: Login { person, nonce: ask.nonce.clone(), at: now },
            redirect_uri: ask.redirect_uri.clone(),
            challenge: ask.code_challenge.clone(),
        };
        let mut grants = self.grants();
        grants.retain(|_, grant| grant.login.at + CODE_LIFE > now);
        if grants.len() >= CODES_MAX {
            return Err(Refusal::Back(Box::new(with(
                back,
                &[("error", "temporarily_unavailable"), ("state", &ask.state)],
            ))));
        }
        grants.insert(code.clone(), grant);
        Ok(with(back, &[("code", &code), ("state", &ask.state)]))
    }

    /// Who logged in. A code is taken by the first who shows it, whatever else they show.
    pub(super) fn redeem(&self, redeem: &Redeem) -> Result<Login, Refusal> {
        if redeem.grant_type != "authorization_code" {
            return Err(Refusal::Token("unsupported_grant_type"));
        }
        let grant = self.grants().remove(&redeem.code).ok_or(Refusal::Token("invalid_grant"))?;
        let verifier = redeem.code_verifier.as_bytes();
        let is_proven = VERIFIER_LENGTH.contains(&verifier.len())
            && URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) == grant.challenge;
        let is_theirs = redeem.client_id == self.app && redeem.redirect_uri == grant.redirect_uri;
        let is_in_time = self.clock.now() < grant.login.at + CODE_LIFE;
        if is_proven && is_theirs && is_in_time { Ok(grant.login) } else { Err(Refusal::Token("invalid_grant")) }
    }

    fn grants(&self) -> MutexGuard<'_, HashMap<String, Grant>> {
        self.grants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Login {
    /// What an ID token says of them.
    pub(super) fn claims(&self, issuer: &str) -> Value {
        let at = self.at.timestamp();
        let resident = self.person.party.strip_prefix("resident:");
        json!({
            "iss": issuer,
            "sub": self.person.client_id,
            "aud": callers::app().client_id,
            "iat": at,
            "auth_time": at,
            "exp": at + LOGIN_LIFE_S,
            "nonce": self.nonce,
            "jti": Uuid::now_v7().to_string(),
            "roles": self.person.roles,
            "resident_id": resident,
            "development": true,
        })
    }
}

/// A program of this machine waits there (RFC 8252, section 7.3).
fn local(uri: &str) -> Option<Url> {
    let url = Url::parse(uri).ok()?;
    let is_local = matches!(url.host_str()?, "127.0.0.1" | "[::1]" | "localhost");
    let is_plain =
        url.scheme() == "http" && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    (is_local && is_plain && uri.len() <= TEXT_LENGTH_MAX).then_some(url)
}

/// The same with these in its query; what is empty is left out.
fn with(mut url: Url, pairs: &[(&str, &str)]) -> Url {
    url.query_pairs_mut().extend_pairs(pairs.iter().filter(|(_, value)| !value.is_empty()));
    url
}

/// A text that nobody guesses.
pub(super) fn secret() -> String {
    let mut bytes = [0; SECRET_BYTES];
    rand::rng().fill_bytes(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}
