//! What it takes to know a caller by a token seen before, beside checking the signature of one that was not.
//!
//! Seen before or not, each use asks whether the token has lapsed, whether its key stands and whether it was taken back.

use std::collections::BTreeSet;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chassis::Verifier;
use chassis::auth::{AUDIENCE, Claims, ISSUER, KeySet, Keys, Revocation, Revocations, Revoked};
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use proto::anjia::identity::v1::Key;
use rust_decimal::Decimal;
use types::caller::{Party, Role};
use types::clock::{Clock, SystemClock};
use types::ids::{OrganisationId, PractitionerId};
use types::region::RegionCode;
use uuid::Uuid;

use super::figure::{Figure, Goal};
use super::progress;

const GOAL_US: i64 = 5;
/// As many callers at one replica; each token is checked once, then used again and again.
const TOKENS: u32 = 1_000;
const ROUNDS: u32 = 100;
/// Revoked lately, of others: a busy day's.
const REVOKED: i64 = 1_000;

pub(super) async fn measure() -> Result<Figure> {
    progress("verifying tokens");
    let key = SigningKey::from_bytes(&[7; 32]);
    let tokens = (0..TOKENS).map(|_| sign(&key)).collect::<Result<Vec<_>>>()?;
    let verifier = verifier(&key)?;

    let reference = time(&verifier, &tokens, 1).await?;
    let ours = time(&verifier, &tokens, ROUNDS).await?;
    Ok(Figure {
        bench: "token".to_owned(),
        ours,
        reference: Some(reference),
        unit: "µs",
        goal: Some(Goal::AtMost(Decimal::from(GOAL_US))),
    })
}

/// Microseconds for one of them.
async fn time(verifier: &Verifier, tokens: &[String], rounds: u32) -> Result<Decimal> {
    let begun_at = Instant::now();
    for _ in 0..rounds {
        for token in tokens {
            let outcome = verifier.verify(black_box(token)).await;
            black_box(outcome.map_err(|status| anyhow!("a good token was refused: {}", status.message()))?);
        }
    }
    let nanos = i64::try_from(begun_at.elapsed().as_nanos())?;
    let micros = Decimal::new(nanos, 3).checked_div(Decimal::from(TOKENS * rounds)).context("no token")?;
    Ok(micros.round_dp(3))
}

fn verifier(key: &SigningKey) -> Result<Verifier> {
    let x = URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes());
    let keys = Keys::new(KeySet::new(&[Key { key_id: "bench".to_owned(), x, ..Key::default() }])?);
    let revocations = Arc::new(Revocations::default());
    let now = SystemClock.now();
    let revoked = (1..=REVOKED).map(|revision| Revocation {
        id: Uuid::now_v7().to_string(),
        revision,
        of: Revoked::Token(Uuid::now_v7().to_string()),
        revoked_at: now,
    });
    revocations.learn(revoked, REVOKED, now);
    Ok(Verifier::local(keys, revocations, Arc::new(SystemClock)))
}

/// A family doctor's.
fn sign(key: &SigningKey) -> Result<String> {
    let now = SystemClock.now().timestamp();
    let claims = Claims {
        iss: ISSUER.to_owned(),
        aud: AUDIENCE.to_owned(),
        sub: Party::Practitioner(PractitionerId::generate()),
        aka: BTreeSet::new(),
        act: None,
        org: Some(OrganisationId::generate()),
        roles: vec![Role::FamilyDoctor, Role::Clinician, Role::ClinicClerk],
        region: RegionCode::BEIJING,
        dlg: None,
        mandate: None,
        methods: None,
        events: vec![],
        cnf: None,
        client_id: Some("app".to_owned()),
        via: vec![],
        jti: Uuid::now_v7().to_string(),
        iat: now,
        exp: now + 300,
    };
    let header = Header { kid: Some("bench".to_owned()), ..Header::new(Algorithm::EdDSA) };
    let pem = key.to_pkcs8_pem(LineEnding::LF).map_err(|error| anyhow!("encoding a key: {error}"))?;
    Ok(jsonwebtoken::encode(&header, &claims, &EncodingKey::from_ed_pem(pem.as_bytes())?)?)
}
