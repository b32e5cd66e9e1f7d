//! How long data is kept: `retention.toml`, and loops that forget what has had its time.
//!
//! Stored answers are kept for repetitions. Afterwards they only take room: the natural keys of the rows themselves outlive them.
//! What is about a person goes row by row, in the region it belongs to, by the index on its date, and each removal is in the audit
//! ([`apply`]). Whether a row's time is over, the database decides by its own clock and by what its owner declared of the table
//! (`personal_tables`): the service's role removes no row by itself.

mod index;

use std::{sync::LazyLock, time::Duration};

use serde::Deserialize;
use sqlx::AssertSqlSafe;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use types::region::RegionCode;
use uuid::Uuid;

use crate::{
    Database, Error, Scope,
    audit::{self, Entry},
    erasure, events, lease,
    personal::PersonalTable,
    vault::rotation,
};

pub use index::without_index;

const LOOK_INTERVAL: Duration = Duration::from_hours(1);
/// Small enough to hold locks for a moment only.
const BATCH: i64 = 5000;
/// Rows that are looked at in one transaction; an audit entry names as many at most.
const PAGE: i32 = 200;
/// A round looks through as many pages of a table at most; the next one goes on from there.
const PAGES_MAX: u32 = 5000;
const AWAITING_MAX: i64 = 10_000;
const ANSWERS: &str = "answers";
const PERSONS: &str = "retention";
/// Whoever died is replaced at the second look after.
const LEASE_DURATION: Duration = Duration::from_mins(90);

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

/// Forgets what has had its time, every hour until told to stop. Every replica runs it; the one that has the lease works.
pub async fn run(db: Database, shutdown: CancellationToken) {
    let owner = Uuid::now_v7();
    let rounds = async {
        loop {
            if is_ours(&db, ANSWERS, owner).await {
                forget_answers(&db).await;
                forget_events(&db).await;
            }
            sleep(LOOK_INTERVAL).await;
        }
    };
    let _: Option<()> = shutdown.run_until_cancelled(Box::pin(rounds)).await;
    give_up(&db, owner).await;
}

/// Saves replicas the same work at once; what keeps a row from being removed twice is that it is gone.
async fn is_ours(db: &Database, lease: &str, owner: Uuid) -> bool {
    match lease::acquire(db, lease, owner, LEASE_DURATION).await {
        Ok(lease) => lease.is_some(),
        Err(error) => {
            tracing::warn!(lease, %error, "the lease could not be asked for");
            false
        }
    }
}

async fn give_up(db: &Database, owner: Uuid) {
    if let Err(error) = lease::release_all(db, owner).await {
        tracing::debug!(%error, "the lease is left to expire");
    }
}

async fn forget_answers(db: &Database) {
    for rule in rules() {
        match forget(db, rule).await {
            Ok(0) => {}
            Ok(rows) => tracing::info!(rule = rule.name, rows, "kept long enough, forgotten"),
            Err(error) => {
                tracing::warn!(rule = rule.name, %error, "what was kept long enough could not be forgotten");
            }
        }
    }
}

async fn forget_events(db: &Database) {
    match events::forget(db).await {
        Ok(0) => {}
        Ok(rows) => tracing::info!(rule = "events", rows, "kept long enough, forgotten"),
        Err(error) => tracing::warn!(%error, "events that everybody has passed could not be forgotten"),
    }
    if let Err(error) = events::report(db).await {
        tracing::warn!(%error, "how far consumers of events are could not be told");
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
/// keeps no other from it. Every replica runs it; the one that has the lease works.
pub async fn keep(db: Database, service: &'static str, tables: &'static [PersonalTable], shutdown: CancellationToken) {
    let owner = Uuid::now_v7();
    let rounds = async {
        loop {
            if is_ours(&db, PERSONS, owner).await {
                round(&db, service, tables).await;
            }
            sleep(LOOK_INTERVAL).await;
        }
    };
    let _: Option<()> = shutdown.run_until_cancelled(Box::pin(rounds)).await;
    give_up(&db, owner).await;
}

async fn round(db: &Database, service: &str, tables: &[PersonalTable]) {
    for table in tables {
        match apply_to(db, service, table).await {
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
    if let Err(error) = erasure::forget_keys(db, service, tables).await {
        tracing::warn!(%error, "keys of erased persons could not be destroyed");
    }
}

/// What a round has done, in rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Applied {
    pub removed: u64,
    /// Have had their time and wait for an appraisal; counted up to ten thousand in each table and region.
    pub awaiting: u64,
}

/// Removes every row that has outlived the period of its rule by the clock of the database, region by region, in pages of which each is a
/// transaction with an audit entry. Rows that others refer to go after those; the key of an erased person goes after the last of theirs.
pub async fn apply(db: &Database, service: &str, tables: &[PersonalTable]) -> Result<Applied, Error> {
    let mut applied = Applied::default();
    loop {
        let (mut removed, mut awaiting) = (0, 0);
        for table in tables {
            let done = apply_to(db, service, table).await?;
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

/// Looks through what is old enough of a table, from where the round before ended.
async fn apply_to(db: &Database, service: &str, table: &PersonalTable) -> Result<Applied, Error> {
    let mut applied = Applied::default();
    let Some(rule) = rule(table.rule).filter(|rule| rule.has_period() && table.dated.is_some()) else {
        return Ok(applied);
    };
    for region in rotation::regions_with_keys(db).await? {
        if rule.appraised {
            applied.awaiting += awaiting(db, region, table).await?;
            continue;
        }
        for _ in 0..PAGES_MAX {
            let (looked_at, removed) = remove(db, service, region, table).await?;
            applied.removed += removed;
            if looked_at < i64::from(PAGE) {
                break;
            }
        }
    }
    Ok(applied)
}

async fn awaiting(db: &Database, region: RegionCode, table: &PersonalTable) -> Result<u64, Error> {
    let mut tx = db.begin(Scope::Region(region)).await?;
    let rows: i64 = sqlx::query_scalar("SELECT count_overdue($1, $2, $3)")
        .bind(table.table.name)
        .bind(table.rule)
        .bind(AWAITING_MAX)
        .fetch_one(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(rows.unsigned_abs())
}

/// One page of a table; answers how many rows were looked at, and how many went.
async fn remove(db: &Database, service: &str, region: RegionCode, table: &PersonalTable) -> Result<(i64, u64), Error> {
    let mut tx = db.begin(Scope::Region(region)).await?;
    let name = table.table.name;
    // What another replica removes at the same time is its own to record: only what this statement removed comes back.
    let (looked_at, removed): (i64, Vec<String>) =
        sqlx::query_as("SELECT looked_at, removed FROM forget_overdue($1, $2, $3)")
            .bind(name)
            .bind(table.rule)
            .bind(PAGE)
            .fetch_one(&mut *tx)
            .await?;
    if !removed.is_empty() && erasure::is_audited(&mut tx, name).await? {
        let entry = Entry::by_platform(service, "retention.remove");
        audit::record(&mut tx, removed.iter().fold(entry, |entry, row| entry.removed(name, row))).await?;
    }
    tx.commit().await?;
    Ok((looked_at, removed.len() as u64))
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
