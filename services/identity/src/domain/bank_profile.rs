//! From where a bank may call, and whose signatures are its own.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use ipnet::IpNet;
use proto::convert::FieldError;
use serde::{Deserialize, Serialize};
use types::ids::OrganisationId;
use types::region::RegionCode;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BankProfile {
    pub organisation: OrganisationId,
    /// The tenant.
    pub region: RegionCode,
    pub networks: Vec<IpNet>,
    pub keys: Vec<BankKey>,
    /// Rises with each change.
    pub revision: i32,
}

/// Several may be good at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BankKey {
    pub key_id: String,
    pub algorithm: Algorithm,
    pub public_key_pem: String,
    pub from: DateTime<Utc>,
    pub until: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Algorithm {
    Ed25519,
    Sm2,
}

impl BankProfile {
    pub fn check(&self) -> Result<(), FieldError> {
        let mut known = BTreeSet::new();
        for (place, key) in self.keys.iter().enumerate() {
            if !known.insert(&key.key_id) {
                return Err(FieldError::new(format!("profile.keys[{place}].key_id"), "must be named once"));
            }
            if key.until.is_some_and(|until| until <= key.from) {
                return Err(FieldError::new(format!("profile.keys[{place}].until"), "must be after from"));
            }
        }
        Ok(())
    }

    /// A key id never comes to mean another key: what was signed by it must verify as it did. One that still counts is not left out.
    pub fn check_follows(&self, before: &Self, now: DateTime<Utc>) -> Result<(), FieldError> {
        for old in &before.keys {
            let Some(place) = self.keys.iter().position(|key| key.key_id == old.key_id) else {
                if old.until.is_none_or(|until| until > now) {
                    return Err(FieldError::new("profile.keys", "must keep a key that still counts: give it an until"));
                }
                continue;
            };
            let new = &self.keys[place];
            if (new.algorithm, &new.public_key_pem) != (old.algorithm, &old.public_key_pem) {
                let field = format!("profile.keys[{place}].public_key_pem");
                return Err(FieldError::new(field, "must not change: a new key has a new id"));
            }
        }
        Ok(())
    }
}

/// A network without host bits.
pub fn network(text: &str) -> Option<IpNet> {
    let network: IpNet = text.parse().ok()?;
    (network.trunc() == network).then_some(network)
}

pub fn is_key_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str, pem: &str, until: Option<i64>) -> BankKey {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        BankKey {
            key_id: id.to_owned(),
            algorithm: Algorithm::Ed25519,
            public_key_pem: pem.to_owned(),
            from: at(0),
            until: until.map(at),
        }
    }

    fn profile(keys: Vec<BankKey>) -> BankProfile {
        BankProfile {
            organisation: OrganisationId::from_uuid(uuid::Uuid::from_u128(1)),
            region: RegionCode::BEIJING,
            networks: vec![network("203.0.113.0/24").unwrap()],
            keys,
            revision: 1,
        }
    }

    #[test]
    fn id_02_a_network_has_no_host_bits() {
        for text in ["203.0.113.0/24", "2001:db8::/32", "192.0.2.1/32"] {
            assert!(network(text).is_some(), "{text}");
        }
        for text in ["", "203.0.113.1/24", "203.0.113.0", "203.0.113.0/33", "bank.example/24"] {
            assert!(network(text).is_none(), "{text}");
        }
    }

    #[test]
    fn id_02_keys_rotate_with_both_good_and_an_id_means_one_key_for_ever() {
        let now = DateTime::from_timestamp(100, 0).unwrap();
        let before = profile(vec![key("a", "A", None)]);
        let both = profile(vec![key("a", "A", Some(200)), key("b", "B", None)]);
        assert_eq!(both.check(), Ok(()));
        assert_eq!(both.check_follows(&before, now), Ok(()));
        assert!(profile(vec![key("b", "B", None)]).check_follows(&before, now).is_err());
        assert!(
            profile(vec![key("b", "B", None)]).check_follows(&both, DateTime::from_timestamp(300, 0).unwrap()).is_ok()
        );
        let swapped = profile(vec![key("a", "C", None)]).check_follows(&before, now).unwrap_err();
        assert_eq!(swapped.field, "profile.keys[0].public_key_pem");
        let twice = profile(vec![key("a", "A", None), key("a", "B", None)]);
        assert_eq!(twice.check().unwrap_err().field, "profile.keys[1].key_id");
        assert_eq!(profile(vec![key("a", "A", Some(0))]).check().unwrap_err().field, "profile.keys[0].until");
    }
}
