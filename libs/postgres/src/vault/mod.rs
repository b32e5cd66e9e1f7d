//! Seals what names a person or is said in confidence, and finds it again without opening anything.
//!
//! Envelope encryption: every region has data keys of its own, made here and stored wrapped (`data_keys`) by a key that only the
//! [`KeyProvider`] has. Sealed is AES-256-GCM under the region's data key, whose version is stored with the row; associated data
//! `table|column|row id|key version`, so that a ciphertext moved to another place does not open. A blind index is HMAC-SHA-256
//! under keys of the whole installation, which have versions, too.
//!
//! [`crate::Database::begin`] brings the keys of its region into memory, and no transaction begins without the newest: opening and
//! sealing inside it asks nobody. Keys are unwrapped once per process and wiped when it ends; the provider may be away meanwhile.

mod command;
mod config;
mod data_keys;
mod file;
mod keys;
mod kms;
mod person;
mod provider;
pub(crate) mod rotation;
mod sealed;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};

use moka::sync::Cache;
use sqlx::PgConnection;
use tokio::sync::Mutex;
use types::region::RegionCode;

use crate::Error;

pub use command::{KeysCommand, run as keys};
pub use config::VaultConfig;
pub use file::FileKeys;
pub use keys::{Cell, IndexKeys, Keys};
pub use kms::{HttpKms, KmsConfig};
pub(crate) use person::Person;
pub use person::PersonKey;
pub use provider::{KeyProvider, ProviderError, Secret, Wrapped};
pub use rotation::{Progress, rewrap, rotate};
pub(crate) use sealed::Page;
pub use sealed::SealedTable;

/// Some hundred bytes each.
const PERSON_KEYS_MAX: u64 = 50_000;
/// How long a replica may still have a key that another destroyed.
const PERSON_KEYS_KEPT: Duration = Duration::from_mins(10);

/// The keys of personal data, as far as they have been needed.
pub struct Vault {
    provider: Arc<dyn KeyProvider>,
    opened: RwLock<Opened>,
    /// One load at a time: of a hundred transactions that begin in a new region, one asks the provider.
    loading: Mutex<()>,
    /// Of persons met lately.
    persons: Cache<Person, PersonKey>,
}

#[derive(Default)]
struct Opened {
    regions: HashMap<RegionCode, Arc<Keys>>,
    index: Option<Arc<IndexKeys>>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("provider", &self.provider).finish_non_exhaustive()
    }
}

impl Vault {
    pub fn new(provider: Arc<dyn KeyProvider>) -> Self {
        let persons = Cache::builder().max_capacity(PERSON_KEYS_MAX).time_to_live(PERSON_KEYS_KEPT).build();
        Self { provider, opened: RwLock::default(), loading: Mutex::default(), persons }
    }

    /// The keys of a region. A transaction of that region has begun, or [`Vault::load`] been called, before.
    pub fn keys(&self, region: RegionCode) -> Result<Arc<Keys>, Error> {
        self.read().regions.get(&region).map(Arc::clone).ok_or(Error::KeysMissing { region })
    }

    /// What a value is found by, under the newest key. Equal values of different columns have different indexes.
    pub fn blind_index(&self, column: &str, value: &str) -> Result<Vec<u8>, Error> {
        Ok(self.index_keys()?.newest(column, value))
    }

    /// What a value may be found by while the key of the indexes is being rotated: under every key in use, the newest first.
    pub fn blind_indexes(&self, column: &str, value: &str) -> Result<Vec<Vec<u8>>, Error> {
        Ok(self.index_keys()?.all(column, value))
    }

    /// The keys of the blind indexes, on the condition of [`Vault::keys`].
    pub fn index_keys(&self) -> Result<Arc<IndexKeys>, Error> {
        self.read().index.as_ref().map(Arc::clone).ok_or(Error::IndexKeysMissing)
    }

    /// Brings the keys of a region, and those of the indexes, into memory; a region that has none gets its first. `conn` is the
    /// service's role or the owner's.
    pub async fn load(&self, conn: &mut PgConnection, region: RegionCode) -> Result<Arc<Keys>, Error> {
        let _one_at_a_time = self.loading.lock().await;
        let (keys, index) = data_keys::load(conn, self.provider.as_ref(), region, &self.known(region)).await?;
        let keys = Arc::new(keys);
        let mut opened = self.write();
        opened.regions.insert(region, Arc::clone(&keys));
        opened.index = Some(Arc::new(index));
        Ok(keys)
    }

    /// Unwraps every key that rows may need. Fails if the provider does not: without them the service could answer nothing.
    pub(crate) async fn ready(&self, conn: &mut PgConnection) -> Result<(), Error> {
        for (region, generation) in data_keys::generations(conn).await? {
            let is_newest = self.keys(region).is_ok_and(|keys| keys.generation() == generation);
            if !is_newest {
                self.load(conn, region).await?;
            }
        }
        Ok(())
    }

    pub(crate) fn provider(&self) -> &dyn KeyProvider {
        self.provider.as_ref()
    }

    pub(crate) const fn persons(&self) -> &Cache<Person, PersonKey> {
        &self.persons
    }

    /// What need not be unwrapped again.
    fn known(&self, region: RegionCode) -> data_keys::Known {
        let opened = self.read();
        data_keys::Known {
            keys: opened.regions.get(&region).map(Arc::clone),
            index: opened.index.as_ref().map(Arc::clone),
        }
    }

    // A panic elsewhere leaves the maps whole: nothing in them is written in two steps.
    fn read(&self) -> RwLockReadGuard<'_, Opened> {
        self.opened.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Opened> {
        self.opened.write().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
