//! Refused calls, in the audit too: who tried what, and why it was refused. Never what was sent.
//!
//! A refusal is counted in memory and written by a loop, outside the call's own path, so that a flood of them costs one row a
//! second for each kind. What was counted and not written yet is lost with the process: at most a second's, or as long as the
//! database is away.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use types::caller::Caller;
use types::region::RegionCode;
use uuid::Uuid;

use crate::audit::{self, Entry};
use crate::{Database, Error, Scope, Transaction};

const WRITE_INTERVAL: Duration = Duration::from_secs(1);
/// Kinds waiting to be written. A caller makes few: it is known by its token, and methods and reasons are ours.
const KINDS_MAX: usize = 1000;
/// The same of what was refused for what was asked: thousands may be after the same place, each of them once.
const VAIN_KINDS_MAX: usize = 100;
/// The method of what is counted once there are that many.
const OTHERS: &str = "OTHERS";

/// Counts refusals and writes them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Refusals(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    service: &'static str,
    db: Database,
    home: RegionCode,
    waiting: Mutex<HashMap<Kind, i64>>,
}

/// Refusals that are alike.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Kind {
    /// Nobody where the token was not good: then nothing it says is believed.
    caller: Option<Who>,
    method: String,
    reason: String,
}

/// A caller without what differs from token to token.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Who {
    region: RegionCode,
    actor: types::caller::Party,
    subject: types::caller::Party,
    organisation: Option<types::ids::OrganisationId>,
    delegation: Option<types::ids::DelegationId>,
}

impl Refusals {
    /// Refusals of callers whom nobody knows are recorded by `service` in the region `home`.
    pub fn new(service: &'static str, db: Database, home: RegionCode) -> Self {
        Self(Arc::new(Inner { service, db, home, waiting: Mutex::default() }))
    }

    /// Counts one for who called. Never waits for the database.
    pub fn note(&self, caller: Option<&Caller>, method: &str, reason: &str) {
        self.count(Kind::of(caller, method, reason), 1, KINDS_MAX);
    }

    /// Counts one for what was asked. Who did is told of fewer than above; all are counted.
    pub fn note_vain(&self, caller: Option<&Caller>, method: &str, reason: &str) {
        self.count(Kind::of(caller, method, reason), 1, VAIN_KINDS_MAX);
    }

    fn count(&self, kind: Kind, times: i64, kinds_max: usize) {
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let kind = if waiting.len() < kinds_max || waiting.contains_key(&kind) { kind } else { kind.among_others() };
        *waiting.entry(kind).or_default() += times;
    }

    /// Writes until told to stop.
    pub async fn run(self, shutdown: CancellationToken) {
        while shutdown.run_until_cancelled(sleep(WRITE_INTERVAL)).await.is_some() {
            self.write().await;
        }
    }

    /// Writes what was counted. What cannot be written goes on waiting.
    pub async fn write(&self) {
        let mut by_region: HashMap<RegionCode, Vec<(Kind, i64)>> = HashMap::new();
        for (kind, times) in std::mem::take(&mut *self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)) {
            let region = kind.caller.as_ref().map_or(self.0.home, |who| who.region);
            by_region.entry(region).or_default().push((kind, times));
        }
        for (region, kinds) in by_region {
            if let Err(error) = self.write_of(region, &kinds).await {
                tracing::warn!(%error, "refusals could not be recorded yet");
                for (kind, times) in kinds {
                    self.count(kind, times, KINDS_MAX);
                }
            }
        }
    }

    async fn write_of(&self, region: RegionCode, kinds: &[(Kind, i64)]) -> Result<(), Error> {
        let mut tx = self.0.db.begin(Scope::Region(region)).await?;
        for (kind, times) in kinds {
            insert(&mut tx, self.0.service, kind, *times).await?;
        }
        tx.commit().await
    }
}

impl Kind {
    fn of(caller: Option<&Caller>, method: &str, reason: &str) -> Self {
        Self { caller: caller.map(Who::of), method: method.to_owned(), reason: reason.to_owned() }
    }

    fn among_others(self) -> Self {
        Self { caller: None, method: OTHERS.to_owned(), ..self }
    }
}

impl Who {
    fn of(caller: &Caller) -> Self {
        Self {
            region: caller.region,
            actor: caller.acting().clone(),
            subject: caller.subject.clone(),
            organisation: caller.organisation,
            delegation: caller.delegation,
        }
    }
}

async fn insert(tx: &mut Transaction, service: &'static str, kind: &Kind, times: i64) -> Result<(), Error> {
    let id = Uuid::now_v7();
    let region = tx.region()?;
    let actor = kind.caller.as_ref().map(|who| who.actor.to_string());
    sqlx::query("INSERT INTO refusals (id, region, actor, method, reason, times) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(id)
        .bind(region.as_str())
        .bind(&actor)
        .bind(&kind.method)
        .bind(&kind.reason)
        .bind(times)
        .execute(&mut **tx)
        .await?;
    let entry = match &kind.caller {
        Some(who) => Entry::refused(&who.actor, &who.subject, who.organisation, who.delegation, ACTION),
        None => Entry::by_service(service, ACTION),
    };
    audit::record(tx, entry.row("refusals", id)).await
}

const ACTION: &str = "platform.call.refuse";
