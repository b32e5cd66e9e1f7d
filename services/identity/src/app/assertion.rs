//! Client assertions (`private_key_jwt`, RFC 7523): what proves that a client is who it says it is.

use chassis::auth::{AUDIENCE_IDENTITY, Assertion};
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};

use crate::domain::IdentityError;
use crate::domain::client::{self, Client};

/// An assertion is for one use at once.
const LIFETIME_MAX: TimeDelta = TimeDelta::seconds(60);
/// How far the client's clock may be ahead of ours.
const SKEW_MAX: TimeDelta = TimeDelta::seconds(5);
const JTI_LENGTH_MAX: usize = 100;

/// An assertion that holds, and has yet to be taken.
#[derive(Debug)]
pub(super) struct Proof {
    pub(super) jti: String,
    pub(super) expires_at: DateTime<Utc>,
}

/// Who the assertion says it is from; nothing is proven yet.
pub(super) fn claimed_client(assertion: &str) -> Result<String, IdentityError> {
    let claims: Assertion =
        jsonwebtoken::dangerous::insecure_decode_claims(assertion).map_err(|_| IdentityError::AssertionInvalid)?;
    // A name that no client can have is not looked up: the database refuses some texts as an error of ours.
    if client::is_id(&claims.iss) { Ok(claims.iss) } else { Err(IdentityError::AssertionInvalid) }
}

/// Checks signature, issuer, subject, audience and time.
pub(super) fn verify(assertion: &str, client: &Client, now: DateTime<Utc>) -> Result<Proof, IdentityError> {
    let invalid = || IdentityError::AssertionInvalid;
    let key = client.public_key_pem.as_deref().and_then(public_key).ok_or_else(invalid)?;
    let claims = jsonwebtoken::decode::<Assertion>(assertion, &key, &validation(&client.client_id))
        .map_err(|_| invalid())?
        .claims;
    let expires_at = DateTime::from_timestamp(claims.exp, 0).ok_or_else(invalid)?;
    if expires_at <= now {
        return Err(IdentityError::AssertionExpired);
    }
    let is_short = expires_at <= now + LIFETIME_MAX + SKEW_MAX;
    let is_named = (1..=JTI_LENGTH_MAX).contains(&claims.jti.chars().count()) && !claims.jti.contains('\0');
    if is_short && is_named { Ok(Proof { jti: claims.jti, expires_at }) } else { Err(invalid()) }
}

/// An Ed25519 public key; the verifier slices 32 bytes without asking, so a shorter key must not come that far.
pub(super) fn public_key(pem: &str) -> Option<DecodingKey> {
    let key = DecodingKey::from_ed_pem(pem.as_bytes()).ok()?;
    let is_whole = key.try_get_as_bytes().is_ok_and(|bytes| bytes.len() == 32);
    is_whole.then_some(key)
}

/// `EdDSA` and nothing else: an assertion does not choose how it is checked.
fn validation(client_id: &str) -> Validation {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_issuer(&[client_id]);
    validation.sub = Some(client_id.to_owned());
    validation.set_audience(&[AUDIENCE_IDENTITY]);
    validation.set_required_spec_claims(&["iss", "sub", "aud", "exp"]);
    // The expiry is checked above, against the clock that was passed in.
    validation.validate_exp = false;
    validation
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ed25519_dalek::SigningKey;
    use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
    use ed25519_dalek::pkcs8::{EncodePrivateKey, EncodePublicKey};
    use jsonwebtoken::{EncodingKey, Header};
    use types::caller::{Party, Role};
    use types::region::RegionCode;

    use super::*;

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn client() -> Client {
        let public = SigningKey::from_bytes(&[1; 32]).verifying_key();
        Client {
            client_id: "worker".to_owned(),
            party: Party::Client("worker".to_owned()),
            organisation: None,
            roles: BTreeSet::from([Role::CommunityWorker]),
            region: RegionCode::BEIJING,
            public_key_pem: Some(public.to_public_key_pem(LineEnding::LF).unwrap()),
            certificate: None,
            exchanges: BTreeSet::new(),
            events: BTreeSet::new(),
        }
    }

    fn good() -> Assertion {
        Assertion {
            iss: "worker".to_owned(),
            sub: "worker".to_owned(),
            aud: AUDIENCE_IDENTITY.to_owned(),
            jti: "1".to_owned(),
            exp: 60,
        }
    }

    fn signed(seed: u8, claims: &Assertion) -> String {
        let pem = SigningKey::from_bytes(&[seed; 32]).to_pkcs8_pem(LineEnding::LF).unwrap();
        let key = EncodingKey::from_ed_pem(pem.as_bytes()).unwrap();
        jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), claims, &key).unwrap()
    }

    #[test]
    fn id_07_a_good_assertion_holds() {
        let assertion = signed(1, &good());
        assert_eq!(claimed_client(&assertion).unwrap(), "worker");
        let proof = verify(&assertion, &client(), NOW).unwrap();
        assert_eq!((proof.jti.as_str(), proof.expires_at), ("1", NOW + TimeDelta::seconds(60)));
    }

    #[test]
    fn id_07_another_key_or_another_claim_is_refused() {
        let refused =
            |assertion: &str| matches!(verify(assertion, &client(), NOW), Err(IdentityError::AssertionInvalid));
        assert!(refused(&signed(2, &good())));
        for wrong in [
            Assertion { iss: "clinic".to_owned(), ..good() },
            Assertion { sub: "clinic".to_owned(), ..good() },
            Assertion { aud: "anjia".to_owned(), ..good() },
            Assertion { jti: String::new(), ..good() },
            Assertion { jti: "x".repeat(101), ..good() },
            Assertion { exp: 66, ..good() },
            Assertion { exp: i64::MAX, ..good() },
        ] {
            assert!(refused(&signed(1, &wrong)), "{wrong:?}");
        }
        assert!(matches!(claimed_client("nonsense"), Err(IdentityError::AssertionInvalid)));
        for iss in ["", "Worker", "wor\0ker", &"x".repeat(65)] {
            let nameless = signed(1, &Assertion { iss: iss.to_owned(), ..good() });
            assert!(matches!(claimed_client(&nameless), Err(IdentityError::AssertionInvalid)), "{iss:?}");
        }
    }

    #[test]
    fn id_07_an_unsigned_assertion_is_refused() {
        let assertion = signed(1, &good());
        let (body, _) = assertion.rsplit_once('.').unwrap();
        let claims = body.split_once('.').unwrap().1;
        // {"alg":"none"}
        for forged in [format!("{body}."), format!("eyJhbGciOiJub25lIn0.{claims}.")] {
            assert!(matches!(verify(&forged, &client(), NOW), Err(IdentityError::AssertionInvalid)));
        }
    }

    #[test]
    fn id_07_an_assertion_lapses() {
        let late = verify(&signed(1, &good()), &client(), NOW + TimeDelta::seconds(60));
        assert!(matches!(late, Err(IdentityError::AssertionExpired)));
    }
}
