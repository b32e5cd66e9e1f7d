//! How long data is kept: `retention.toml`, and loops that forget what has had its time.
//!
//! Stored answers are kept for repetitions. Afterwards they only take room: the natural keys of the rows themselves outlive them.
//! What is about a person goes row by row, in the region it belongs to, and each removal is in the audit ([`apply`]).

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use chrono::{DateTime, Utc};
use serde::Deserialize;
use sqlx::AssertSqlSafe;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use types::{clock::Clock, region::RegionCode};

use crate::{
    Database, Error, Scope,
    audit::{self, Entry},
    erasure, events,
    personal::PersonalTable,
    vault::rotation,
};

const LOOK_INTERVAL: Duration = Duration::from_hours(1);
/// Small enough to hold locks for a moment only.
const BATCH: i64 = 5000;
/// An audit entry names as many rows at most.
const AUDITED_BATCH: i64 = 200;

/// Why a class of data is kept, and how long.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub name: String,
    /// What it is about.
    pub class: String,
    pub years: Option<i32>,
    pub days: Option<i32>,
    /// The period begins with the calendar year after.
    #[serde(default)]
    pub from_year_end: bool,
    /// Ends when the person asks: no law or administrative regulation orders a period.
    #[serde(default)]
    pub on_request: bool,
    /// People have to appraise it before anything is destroyed: the loop says what is due, and touches nothing.
    #[serde(default)]
    pub appraised: bool,
    /// For the person concerned, in Chinese and English.
    pub why_zh: String,
    pub why_en: String,
    /// The law.
    pub source: String,
    /// What the loop deletes when the period is over.
    pub forgets: Option<Forgotten>,
}

/// Rows that may go once `since` lies further back than the period.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forgotten {
    pub table: String,
    /// A column with an instant.
    pub since: String,
}

#[derive(Deserialize, Default)]
struct Rules {
    rule: Vec<Rule>,
}

static RULES: LazyLock<Rules> = LazyLock::new(|| {
    toml::from_str(include_str!("retention.toml")).unwrap_or_else(|error| {
        // A test reads the file; without it nothing is forgotten, which can be mended.
        tracing::error!(%error, "the embedded rules of retention cannot be read");
        Rules::default()
    })
});

/// Every rule.
pub fn rules() -> &'static [Rule] {
    &RULES.rule
}

/// The rule of that name.
pub fn rule(name: &str) -> Option<&'static Rule> {
    rules().iter().find(|rule| rule.name == name)
}

/// Forgets what has had its time, until told to stop. Replicas may run it at once: what another has taken is gone.
pub async fn run(db: Database, shutdown: CancellationToken) {
    let _ = shutdown.run_until_cancelled(look(&db)).await;
}

async fn look(db: &Database) {
    loop {
        for rule in rules() {
            match forget(db, rule).await {
                Ok(0) => {}
                Ok(rows) => tracing::info!(rule = rule.name, rows, "kept long enough, forgotten"),
                Err(error) => {
                    tracing::warn!(rule = rule.name, %error, "what was kept long enough could not be forgotten");
                }
            }
        }
        match events::forget(db).await {
            Ok(0) => {}
            Ok(rows) => tracing::info!(rule = "events", rows, "kept long enough, forgotten"),
            Err(error) => tracing::warn!(%error, "events that everybody has passed could not be forgotten"),
        }
        if let Err(error) = events::report(db).await {
            tracing::warn!(%error, "how far consumers of events are could not be told");
        }
        sleep(LOOK_INTERVAL).await;
    }
}

/// Forgets what a rule lets go and answers how many rows there were.
pub async fn forget(db: &Database, rule: &Rule) -> Result<u64, Error> {
    let Some(forgotten) = &rule.forgets else { return Ok(0) };
    let mut total = 0;
    loop {
        let mut tx = db.begin(Scope::Worker).await?;
        let batch = sqlx::query(AssertSqlSafe(forgotten.delete()))
            .bind(rule.years.unwrap_or(0))
            .bind(rule.days.unwrap_or(0))
            .bind(BATCH)
            .execute(&mut *tx)
            .await?
            .rows_affected();
        tx.commit().await?;
        total += batch;
        if batch == 0 {
            return Ok(total);
        }
    }
}

/// Forgets what has had its time among the tables of a service, every hour until told to stop. A table that cannot be looked through
/// keeps no other from it.
pub async fn keep(
    db: Database,
    service: &'static str,
    tables: &'static [PersonalTable],
    clock: Arc<dyn Clock>,
    shutdown: CancellationToken,
) {
    let rounds = async {
        loop {
            for table in tables {
                match apply_to(&db, service, table, clock.now()).await {
                    Ok(Applied { removed: 0, awaiting: 0 }) => {}
                    Ok(Applied { removed, awaiting }) => {
                        // What is awaiting has to be appraised by people.
                        tracing::info!(table = table.table.name, removed, awaiting, "kept long enough");
                    }
                    Err(error) => {
                        tracing::warn!(table = table.table.name, %error, "what was kept long enough could not be forgotten");
                    }
                }
            }
            if let Err(error) = erasure::forget_keys(&db, service, tables).await {
                tracing::warn!(%error, "keys of erased persons could not be destroyed");
            }
            sleep(LOOK_INTERVAL).await;
        }
    };
    let _: Option<()> = shutdown.run_until_cancelled(rounds).await;
}

/// What a round has done, in rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Applied {
    pub removed: u64,
    /// Have had their time and wait for an appraisal.
    pub awaiting: u64,
}

/// Removes every row that has outlived the period of its rule by `now`, region by region, in batches of which each is a transaction with
/// an audit entry. Rows that others refer to go after those; the key of an erased person goes with the last of theirs.
pub async fn apply(
    db: &Database,
    service: &str,
    tables: &[PersonalTable],
    now: DateTime<Utc>,
) -> Result<Applied, Error> {
    let mut applied = Applied::default();
    loop {
        let (mut removed, mut awaiting) = (0, 0);
        for table in tables {
            let done = apply_to(db, service, table, now).await?;
            removed += done.removed;
            awaiting += done.awaiting;
        }
        applied = Applied { removed: applied.removed + removed, awaiting };
        if removed == 0 {
            break;
        }
    }
    erasure::forget_keys(db, service, tables).await?;
    Ok(applied)
}

async fn apply_to(db: &Database, service: &str, table: &PersonalTable, now: DateTime<Utc>) -> Result<Applied, Error> {
    let mut applied = Applied::default();
    let Some(rule) = rule(table.rule).filter(|rule| rule.has_period()) else { return Ok(applied) };
    for region in rotation::regions_with_keys(db).await? {
        if rule.appraised {
            applied.awaiting += awaiting(db, region, table, rule, now).await?;
            continue;
        }
        loop {
            let removed = remove(db, service, region, table, rule, now).await?;
            applied.removed += removed;
            if removed == 0 {
                break;
            }
        }
    }
    Ok(applied)
}

async fn awaiting(
    db: &Database,
    region: RegionCode,
    table: &PersonalTable,
    rule: &Rule,
    now: DateTime<Utc>,
) -> Result<u64, Error> {
    let mut tx = db.begin(Scope::Region(region)).await?;
    // Names and conditions are constants of the services.
    let (name, over) = (table.table.name, rule.begins(table.over));
    let rows: i64 = sqlx::query_scalar(AssertSqlSafe(format!(
        "SELECT count(*) FROM {name} t WHERE {over} + make_interval(years => $1, days => $2) < $3"
    )))
    .bind(rule.years.unwrap_or(0))
    .bind(rule.days.unwrap_or(0))
    .bind(now)
    .fetch_one(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(rows.unsigned_abs())
}

/// One batch of a table; answers how many rows went.
async fn remove(
    db: &Database,
    service: &str,
    region: RegionCode,
    table: &PersonalTable,
    rule: &Rule,
    now: DateTime<Utc>,
) -> Result<u64, Error> {
    let mut tx = db.begin(Scope::Region(region)).await?;
    let PersonalTable { key, unreferred, .. } = table;
    let (name, over) = (table.table.name, rule.begins(table.over));
    // What another replica removes at the same time is its own to record: only what this statement removed comes back.
    let removed: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!(
        "DELETE FROM {name} t WHERE ctid = ANY (ARRAY( \
             SELECT ctid FROM {name} t WHERE {over} + make_interval(years => $1, days => $2) < $3 AND {unreferred} \
             LIMIT $4)) RETURNING {key}"
    )))
    .bind(rule.years.unwrap_or(0))
    .bind(rule.days.unwrap_or(0))
    .bind(now)
    .bind(AUDITED_BATCH)
    .fetch_all(&mut *tx)
    .await?;
    if !removed.is_empty() && erasure::is_audited(&mut tx, name).await? {
        let entry = Entry::by_platform(service, "retention.remove");
        audit::record(&mut tx, removed.iter().fold(entry, |entry, row| entry.removed(name, row))).await?;
    }
    tx.commit().await?;
    Ok(removed.len() as u64)
}

impl Rule {
    fn has_period(&self) -> bool {
        self.years.or(self.days).is_some()
    }

    /// SQL: when the period of a row begins whose time is over at `over`.
    pub(crate) fn begins(&self, over: &str) -> String {
        if self.from_year_end {
            // The local year.
            format!(
                "((date_trunc('year', ({over}) AT TIME ZONE 'Asia/Shanghai') + interval '1 year') AT TIME ZONE 'Asia/Shanghai')"
            )
        } else {
            format!("({over})")
        }
    }
}

impl Forgotten {
    // Names come from the embedded file.
    fn delete(&self) -> String {
        let Self { table, since } = self;
        format!(
            "DELETE FROM {table} WHERE ctid = ANY (ARRAY( \
                 SELECT ctid FROM {table} WHERE {since} < now() - make_interval(years => $1, days => $2) LIMIT $3))"
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn id_08_what_law_orders_kept_has_a_period_and_does_not_end_on_request() {
        for rule in rules().iter().filter(|rule| !rule.on_request) {
            assert!(rule.has_period(), "{}", rule.name);
        }
        let accounts = rule("accounting").unwrap();
        assert!(accounts.appraised && accounts.from_year_end && accounts.years == Some(30));
        assert_eq!(rule("outpatient_record").unwrap().years, Some(15));
        assert_eq!(rule("inpatient_record").unwrap().years, Some(30));
    }

    #[test]
    fn id_08_every_rule_has_a_law_and_what_is_forgotten_has_a_period() {
        let names: BTreeSet<&str> = rules().iter().map(|rule| rule.name.as_str()).collect();
        assert_eq!(names.len(), rules().len());
        assert!(names.len() >= 8, "{names:?}");
        for rule in rules() {
            assert!(rule.source.contains('《') && !rule.why_zh.is_empty() && !rule.why_en.is_empty(), "{}", rule.name);
            assert!(
                rule.forgets.is_none() || rule.years.or(rule.days).is_some_and(|period| period > 0),
                "{}",
                rule.name
            );
        }
    }
}
