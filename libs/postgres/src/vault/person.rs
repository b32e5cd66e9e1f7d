//! A key per person, wrapped under the data key of the region: what is sealed under it means nothing once it is destroyed. The salts
//! of audit entries are.

use std::collections::{BTreeSet, HashMap, hash_map};
use std::fmt;

use aes_gcm::Aes256Gcm;
use types::{ids::ResidentId, region::RegionCode};

use super::{
    keys::{Cell, Keys, cipher, open, seal},
    provider::Secret,
};
use crate::{
    Error, Transaction,
    audit::{self, Entry},
};

/// Whose key. A person seen in two regions has one in each.
pub(crate) type Person = (RegionCode, ResidentId);

/// The key of one person, in memory.
#[derive(Clone)]
pub struct PersonKey(std::sync::Arc<Aes256Gcm>);

impl fmt::Debug for PersonKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonKey")
    }
}

impl PersonKey {
    fn new(secret: &Secret) -> Self {
        Self(std::sync::Arc::new(cipher(secret)))
    }

    /// `None` for what is no key.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Secret::from_bytes(bytes).map(|secret| Self::new(&secret))
    }

    /// Seals the salt of an audit entry about the person.
    pub fn seal_salt(&self, salt: &[u8]) -> Result<Vec<u8>, Error> {
        // Fails only for gigabytes.
        seal(&self.0, SALT, salt).ok_or_else(|| Error::row_invalid("audit_entries", "salt", "new"))
    }

    /// `None` if it was sealed under another key: the person's was destroyed since.
    pub fn open_salt(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        open(&self.0, SALT, sealed)
    }
}

const SALT: &[u8] = b"audit_entries|salt";

fn cell(resident: ResidentId) -> Cell {
    Cell { table: "person_keys", column: "wrapped", row: resident.uuid() }
}

fn unwrap(keys: &Keys, resident: ResidentId, key_version: i32, wrapped: &[u8]) -> Result<PersonKey, Error> {
    let cell = cell(resident);
    let bytes = zeroize::Zeroizing::new(keys.open_bytes(cell, key_version, wrapped)?);
    PersonKey::from_bytes(&bytes).ok_or_else(|| cell.invalid())
}

impl Transaction {
    /// The key of a person in the region of this transaction, made if there is none. Asks the database only if no transaction of this
    /// process has asked lately.
    pub async fn person_key(&mut self, resident: ResidentId) -> Result<PersonKey, Error> {
        if let Some(key) = self.known_person_key(resident).await? {
            return Ok(key);
        }
        let person = (self.region()?, resident);
        let keys = self.keys()?;
        let secret = Secret::generate();
        let made = sqlx::query(
            "INSERT INTO person_keys (region, resident_id, wrapped, key_version) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        )
        .bind(person.0.as_str())
        .bind(resident.uuid())
        .bind(keys.seal_bytes(cell(resident), secret.expose())?)
        .bind(keys.version())
        .execute(&mut **self)
        .await?;
        if made.rows_affected() == 1 {
            let key = PersonKey::new(&secret);
            // Others may use it only once it is there for good.
            self.new_person_keys.push((person, key.clone()));
            return Ok(key);
        }
        // Somebody else was first.
        self.stored_person_key(resident).await?.ok_or_else(|| cell(resident).invalid())
    }

    /// As [`Transaction::person_key`]; `None` if there is none.
    pub async fn known_person_key(&mut self, resident: ResidentId) -> Result<Option<PersonKey>, Error> {
        let person = (self.region()?, resident);
        if let Some((_, key)) = self.new_person_keys.iter().find(|(known, _)| *known == person) {
            return Ok(Some(key.clone()));
        }
        let is_destroyed = self.destroyed_person_keys.contains(&person);
        if !is_destroyed && let Some(key) = self.vault.persons().get(&person) {
            return Ok(Some(key));
        }
        let stored = self.stored_person_key(resident).await?;
        if let Some(key) = stored.as_ref().filter(|_| !is_destroyed) {
            self.vault.persons().insert(person, key.clone());
        }
        Ok(stored)
    }

    /// The keys of several persons at once, as [`Transaction::person_key`] of each.
    pub(crate) async fn person_keys(
        &mut self,
        residents: &BTreeSet<ResidentId>,
    ) -> Result<HashMap<ResidentId, PersonKey>, Error> {
        let region = self.region()?;
        let known = |resident: &ResidentId| {
            let is_destroyed = self.destroyed_person_keys.contains(&(region, *resident));
            let made = self.new_person_keys.iter().find(|(person, _)| *person == (region, *resident));
            let made = made.map(|(_, key)| key.clone());
            made.or_else(|| self.vault.persons().get(&(region, *resident)).filter(|_| !is_destroyed))
        };
        let mut found: HashMap<ResidentId, PersonKey> =
            residents.iter().filter_map(|resident| Some((*resident, known(resident)?))).collect();
        let unknown: Vec<ResidentId> =
            residents.iter().copied().filter(|resident| !found.contains_key(resident)).collect();
        if !unknown.is_empty() {
            let vault = std::sync::Arc::clone(&self.vault);
            for (resident, key) in vault.person_keys(&mut *self, region, &unknown).await? {
                if !self.destroyed_person_keys.contains(&(region, resident)) {
                    vault.persons().insert((region, resident), key.clone());
                }
                found.insert(resident, key);
            }
        }
        // In their order, and each only once in its life.
        for resident in unknown {
            if let hash_map::Entry::Vacant(missing) = found.entry(resident) {
                missing.insert(self.person_key(resident).await?);
            }
        }
        Ok(found)
    }

    async fn stored_person_key(&mut self, resident: ResidentId) -> Result<Option<PersonKey>, Error> {
        let row: Option<(Vec<u8>, i32)> =
            sqlx::query_as("SELECT wrapped, key_version FROM person_keys WHERE region = $1 AND resident_id = $2")
                .bind(self.region()?.as_str())
                .bind(resident.uuid())
                .fetch_optional(&mut **self)
                .await?;
        let keys = self.keys()?;
        row.map(|(wrapped, key_version)| unwrap(&keys, resident, key_version, &wrapped)).transpose()
    }

    /// Destroys the key of a person whose erasure is recorded here, together with the audit entry that says so. The chain of audit entries stays as it is; what their digests stood for cannot be told any more. What is
    /// recorded about the person afterwards is under a new key. Replicas that have the old one in memory lose it within ten minutes.
    pub(crate) async fn destroy_person_key(&mut self, service: &str, resident: ResidentId) -> Result<bool, Error> {
        let person = (self.region()?, resident);
        if self.known_person_key(resident).await?.is_none() {
            return Ok(false);
        }
        audit::record(self, Entry::by_platform(service, "person_key.destroy").resident(resident)).await?;
        let destroyed: bool =
            sqlx::query_scalar("SELECT destroy_person_key($1)").bind(resident.uuid()).fetch_one(&mut **self).await?;
        self.new_person_keys.retain(|(known, _)| *known != person);
        self.vault.persons().invalidate(&person);
        self.destroyed_person_keys.push(person);
        Ok(destroyed)
    }
}

impl super::Vault {
    /// The keys of these persons of one region that are there, for checkers; those of the region are loaded.
    pub async fn person_keys(
        &self,
        conn: &mut sqlx::PgConnection,
        region: RegionCode,
        residents: &[ResidentId],
    ) -> Result<HashMap<ResidentId, PersonKey>, Error> {
        let keys = self.keys(region)?;
        let ids: Vec<uuid::Uuid> = residents.iter().map(|resident| resident.uuid()).collect();
        let rows: Vec<(uuid::Uuid, Vec<u8>, i32)> = sqlx::query_as(
            "SELECT resident_id, wrapped, key_version FROM person_keys WHERE region = $1 AND resident_id = ANY ($2)",
        )
        .bind(region.as_str())
        .bind(ids)
        .fetch_all(conn)
        .await?;
        let open = |(id, wrapped, key_version): (uuid::Uuid, Vec<u8>, i32)| {
            let resident = ResidentId::from_uuid(id);
            Ok((resident, unwrap(&keys, resident, key_version, &wrapped)?))
        };
        rows.into_iter().map(open).collect()
    }
}
