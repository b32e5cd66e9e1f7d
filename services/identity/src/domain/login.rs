//! What an ID token says about the person who logged in, once its signature is known to be good.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use types::caller::Role;
use types::ids::{OrganisationId, PractitionerId, ResidentId};
use types::national_id::NationalId;
use types::redacted::Redacted;
use types::region::RegionCode;

use super::IdentityError;
use super::provider::Provider;
use super::unique::Unique;

/// How far a provider's clock may be ahead of ours or behind it.
const SKEW_MAX: TimeDelta = TimeDelta::seconds(30);
const SUBJECT_LENGTH_MAX: usize = 255;
const ID_LENGTH_MAX: usize = 200;
const ROLES_MAX: usize = 64;

/// A login at a trusted provider.
#[derive(Debug, Clone)]
pub struct Login {
    /// What the provider is called here.
    pub provider: String,
    pub issuer: String,
    /// Who it is there.
    pub subject: String,
    pub national_id: Option<NationalId>,
    pub resident: Option<ResidentId>,
    pub practitioner: Option<PractitionerId>,
    pub name: Option<Redacted<String>>,
    pub organisation: Option<OrganisationId>,
    pub region: RegionCode,
    /// Ours, as mapped.
    pub roles: BTreeSet<Role>,
    /// What makes this very token one of a kind, if it says so.
    pub once: Option<String>,
    pub expires_at: DateTime<Utc>,
}

impl Provider {
    /// Reads the claims of a token that this provider signed for one of its audiences; refuses what is missing or out of its range.
    pub fn login(&self, claims: &Unique, nonce: Option<&str>, now: DateTime<Utc>) -> Result<Login, IdentityError> {
        let invalid = || IdentityError::SubjectTokenInvalid;
        if claims.text("iss") != Some(&self.issuer) || !self.is_audience(claims) {
            return Err(invalid());
        }
        let expires_at = self.check_times(claims, now)?;
        if nonce.is_some_and(|nonce| claims.text("nonce") != Some(nonce)) {
            return Err(invalid());
        }
        let subject = claims.text("sub").filter(|sub| is_plain(sub, SUBJECT_LENGTH_MAX)).ok_or_else(invalid)?;
        let names = &self.claims;
        Ok(Login {
            provider: self.name.clone(),
            issuer: self.issuer.clone(),
            subject: subject.to_owned(),
            national_id: read(claims, names.national_id.as_deref(), |text| NationalId::parse(text).ok())?,
            resident: read(claims, names.resident_id.as_deref(), |text| text.parse().ok())?,
            practitioner: read(claims, names.practitioner_id.as_deref(), |text| text.parse().ok())?,
            name: read(claims, names.name.as_deref(), |text| Some(Redacted::new(text.to_owned())))?,
            organisation: read(claims, names.organisation.as_deref(), |text| text.parse().ok())?,
            region: read(claims, names.region.as_deref(), |text| text.parse().ok())?.unwrap_or(self.region),
            roles: self.roles_of(claims),
            once: once(claims)?,
            expires_at,
        })
    }

    /// `aud` names one of ours; where it names others as well, `azp` says for whom it was made.
    fn is_audience(&self, claims: &Unique) -> bool {
        let is_ours = |name: &str| self.audiences.contains(name);
        let (named, several) = match claims.0.get("aud") {
            Some(Value::String(audience)) => (is_ours(audience), false),
            Some(Value::Array(list)) => (list.iter().filter_map(Value::as_str).any(is_ours), list.len() > 1),
            _ => (false, false),
        };
        match claims.0.get("azp") {
            None => named && !several,
            Some(party) => named && party.as_str().is_some_and(is_ours),
        }
    }

    fn check_times(&self, claims: &Unique, now: DateTime<Utc>) -> Result<DateTime<Utc>, IdentityError> {
        let invalid = || IdentityError::SubjectTokenInvalid;
        let moment = |name: &str| match claims.0.get(name) {
            None => Ok(None),
            Some(value) => {
                value.as_i64().and_then(|seconds| DateTime::from_timestamp(seconds, 0)).map(Some).ok_or_else(invalid)
            }
        };
        let issued_at = moment("iat")?.ok_or_else(invalid)?;
        let expires_at = moment("exp")?.ok_or_else(invalid)?;
        let good_from = moment("nbf")?.unwrap_or(issued_at);
        let life = expires_at - issued_at;
        let is_ahead = issued_at.max(good_from) > now + SKEW_MAX;
        if is_ahead || life <= TimeDelta::zero() || life > TimeDelta::seconds(self.life_max_s.into()) {
            return Err(invalid());
        }
        if expires_at <= now { Err(IdentityError::SubjectTokenExpired) } else { Ok(expires_at) }
    }

    /// Roles that are not mapped are none.
    fn roles_of(&self, claims: &Unique) -> BTreeSet<Role> {
        let theirs = self.claims.roles.as_deref().and_then(|path| find(claims, path));
        let words: Vec<&str> = match theirs {
            Some(Value::String(words)) => words.split_whitespace().take(ROLES_MAX).collect(),
            Some(Value::Array(list)) => list.iter().take(ROLES_MAX).filter_map(Value::as_str).collect(),
            _ => vec![],
        };
        let mapped = words.into_iter().filter_map(|word| self.roles.get(word).cloned());
        mapped.chain(self.default_roles.iter().cloned()).collect()
    }
}

/// The token's own id; where it has none, the nonce of its login. One that has neither is bounded by its life alone.
fn once(claims: &Unique) -> Result<Option<String>, IdentityError> {
    for name in ["jti", "nonce"] {
        match claims.0.get(name) {
            None => {}
            Some(Value::String(id)) if is_plain(id, ID_LENGTH_MAX) => return Ok(Some(format!("{name}:{id}"))),
            Some(_) => return Err(IdentityError::SubjectTokenInvalid),
        }
    }
    Ok(None)
}

/// The value of a mapped claim; one that is there and makes no sense is refused, not ignored.
fn read<T>(
    claims: &Unique,
    path: Option<&str>,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, IdentityError> {
    match path.and_then(|path| find(claims, path)) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let text = value.as_str().filter(|text| is_plain(text, SUBJECT_LENGTH_MAX));
            text.and_then(parse).map(Some).ok_or(IdentityError::SubjectTokenInvalid)
        }
    }
}

/// By its whole name, or step by step where that has dots.
fn find<'a>(claims: &'a Unique, path: &str) -> Option<&'a Value> {
    claims.0.get(path).or_else(|| {
        let (first, rest) = path.split_once('.')?;
        rest.split('.').try_fold(claims.0.get(first)?, |value, step| value.get(step))
    })
}

fn is_plain(text: &str, length_max: usize) -> bool {
    (1..=length_max).contains(&text.len()) && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::provider::parse;
    use super::*;

    fn provider() -> Provider {
        let text = r#"
            [[provider]]
            name = "city"
            issuer = "https://login.example.cn"
            audiences = ["anjia-app", "anjia-desk"]
            clients = ["app"]
            jwks_url = "https://login.example.cn/keys"
            region = "110000"
            claims = { national_id = "id_number", practitioner_id = "staff", name = "name", roles = "realm.roles", region = "area" }
            roles = { doctor = "clinician", citizen = "resident" }
        "#;
        parse(text, false).unwrap().remove(0)
    }

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn with(changes: &Value) -> Result<Login, IdentityError> {
        let second = now().timestamp();
        let mut claims = json!({
            "iss": "https://login.example.cn", "aud": "anjia-app", "sub": "u-1", "jti": "1", "iat": second, "exp": second + 300,
            "id_number": "11010519491231002X", "name": "某人", "realm": { "roles": ["doctor", "king"] },
        });
        for (name, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => claims.as_object_mut().unwrap().remove(name),
                value => claims.as_object_mut().unwrap().insert(name.clone(), value.clone()),
            };
        }
        provider().login(&Unique(claims.as_object().unwrap().clone()), None, now())
    }

    #[test]
    fn id_07_claims_are_read_as_mapped() {
        let login = with(&json!({})).unwrap();
        assert_eq!(login.national_id.unwrap().expose(), "11010519491231002X");
        assert_eq!(login.roles, BTreeSet::from([Role::Clinician]));
        assert_eq!((login.region, login.once.as_deref()), (RegionCode::BEIJING, Some("jti:1")));
        assert_eq!(with(&json!({ "area": "310000" })).unwrap().region.as_str(), "310000");
        let words = with(&json!({ "realm": { "roles": "citizen doctor" } })).unwrap();
        assert_eq!(words.roles.len(), 2);
        let by_nonce = with(&json!({ "jti": null, "nonce": "n" })).unwrap();
        assert_eq!(by_nonce.once.as_deref(), Some("nonce:n"));
        assert_eq!(with(&json!({ "jti": null })).unwrap().once, None);
    }

    #[test]
    fn id_07_a_claim_that_is_missing_or_out_of_its_range_is_refused() {
        let second = now().timestamp();
        for wrong in [
            json!({ "iss": "https://other.example.cn" }),
            json!({ "aud": "another-app" }),
            json!({ "aud": ["anjia-app", "another-app"] }),
            json!({ "aud": ["anjia-app", "another-app"], "azp": "another-app" }),
            json!({ "azp": "another-app" }),
            json!({ "aud": null }),
            json!({ "sub": null }),
            json!({ "sub": "" }),
            json!({ "sub": "a\u{0}b" }),
            json!({ "iat": null }),
            json!({ "exp": null }),
            json!({ "exp": "soon" }),
            json!({ "iat": second + 31 }),
            json!({ "nbf": second + 31 }),
            json!({ "exp": second + 601 }),
            json!({ "exp": second }),
            json!({ "exp": i64::MAX }),
            json!({ "jti": 7 }),
            json!({ "id_number": "110105194912310021" }),
            json!({ "id_number": 1 }),
            json!({ "staff": "x" }),
            json!({ "area": "x" }),
        ] {
            assert!(matches!(with(&wrong), Err(IdentityError::SubjectTokenInvalid)), "{wrong}");
        }
        let late = json!({ "iat": second - 301, "exp": second - 1 });
        assert!(matches!(with(&late), Err(IdentityError::SubjectTokenExpired)));
        assert!(with(&json!({ "aud": ["anjia-app", "x"], "azp": "anjia-app", "iat": second + 30 })).is_ok());
    }

    #[test]
    fn id_07_a_login_of_another_browser_is_refused_by_its_nonce() {
        let second = now().timestamp();
        let claims = json!({ "iss": "https://login.example.cn", "aud": "anjia-app", "sub": "u", "iat": second, "exp": second + 60, "nonce": "mine" });
        let claims = Unique(claims.as_object().unwrap().clone());
        let login = |nonce| provider().login(&claims, nonce, now());
        assert!(login(Some("mine")).is_ok() && login(None).is_ok());
        assert!(matches!(login(Some("yours")), Err(IdentityError::SubjectTokenInvalid)));
    }
}
