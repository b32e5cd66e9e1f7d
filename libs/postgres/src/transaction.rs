use std::{
    collections::BTreeSet,
    ops::{Deref, DerefMut},
    sync::Arc,
    time::Instant,
};

use sqlx::{PgConnection, Postgres};
use types::{caller::Caller, ids::ResidentId, region::RegionCode};

use crate::{
    Error,
    audit::Audited,
    database::{Begun, Signals},
    metrics::InUse,
    vault::{Keys, Person, PersonKey, Vault},
};

/// What a transaction may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Rows of one region, as the service's role.
    Region(RegionCode),
    /// Queue tables of all regions, as the worker role: to find due work, which is then done in its own region.
    Worker,
}

impl Scope {
    /// The region of the caller.
    pub const fn of(caller: &Caller) -> Self {
        Self::Region(caller.region)
    }

    pub(crate) const fn region(self) -> Option<RegionCode> {
        match self {
            Self::Region(region) => Some(region),
            Self::Worker => None,
        }
    }
}

/// An open transaction. Dropped without [`Transaction::commit`] it is rolled back. Stores take it as `&mut PgConnection`.
#[derive(Debug)]
pub struct Transaction {
    inner: sqlx::Transaction<'static, Postgres>,
    in_use: InUse,
    scope: Scope,
    keys: Option<Arc<Keys>>,
    pub(crate) vault: Arc<Vault>,
    /// Of persons first met in it: known to others once it commits.
    pub(crate) new_person_keys: Vec<(Person, PersonKey)>,
    /// Of persons erased in it.
    pub(crate) destroyed_person_keys: Vec<Person>,
    signals: Arc<Signals>,
    /// Whose data it read or changed, as far as its audit entries say.
    pub(crate) concerned: BTreeSet<ResidentId>,
    /// Rows wait for the sealer.
    pub(crate) unsealed: bool,
    /// A request key is claimed and its answer not stored yet.
    pub(crate) unanswered: bool,
}

impl Transaction {
    pub(crate) fn new(
        (inner, in_use): Begun,
        scope: Scope,
        keys: Option<Arc<Keys>>,
        vault: Arc<Vault>,
        signals: Arc<Signals>,
    ) -> Self {
        Self {
            inner,
            in_use,
            scope,
            keys,
            vault,
            new_person_keys: Vec::new(),
            destroyed_person_keys: Vec::new(),
            signals,
            concerned: BTreeSet::new(),
            unsealed: false,
            unanswered: false,
        }
    }

    /// The region it was begun for.
    pub fn region(&self) -> Result<RegionCode, Error> {
        self.scope.region().ok_or(Error::RegionMissing)
    }

    /// What is digested of the table's rows.
    pub(crate) async fn audited(&mut self, table: &'static str) -> Result<Arc<Audited>, Error> {
        let signals = Arc::clone(&self.signals);
        signals.audited.get(&mut self.inner, table).await
    }

    /// The data keys of its region.
    pub fn keys(&self) -> Result<Arc<Keys>, Error> {
        self.keys.clone().ok_or(Error::RegionMissing)
    }

    /// Commits; an error that was met and ignored on the way is met again here. A claimed request is committed by [`crate::Call::commit`] instead, which stores its answer.
    pub async fn commit(mut self) -> Result<(), Error> {
        // COMMIT of a failed transaction rolls it back and reports success. Any other statement reports the failure.
        sqlx::query("SELECT").execute(&mut *self.inner).await?;
        self.finish().await
    }

    /// As [`Transaction::commit`], where the statement before has just succeeded.
    pub(crate) async fn finish(self) -> Result<(), Error> {
        if self.unanswered {
            return Err(Error::AnswerMissing);
        }
        let asked_at = Instant::now();
        self.inner.commit().await?;
        self.in_use.committed(asked_at.elapsed());
        for person in self.destroyed_person_keys {
            self.vault.persons().invalidate(&person);
        }
        for (person, key) in self.new_person_keys {
            self.vault.persons().insert(person, key);
        }
        if self.unsealed {
            self.signals.unsealed.notify_one();
        }
        Ok(())
    }

    pub async fn rollback(self) -> Result<(), Error> {
        Ok(self.inner.rollback().await?)
    }
}

impl Deref for Transaction {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.inner
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.inner
    }
}
