//! How long data is kept: `retention.toml`, and a loop that forgets what has had its time.
//!
//! Stored answers are kept for repetitions. Afterwards they only take room: the natural keys of the rows themselves outlive them.

use std::{sync::LazyLock, time::Duration};

use serde::Deserialize;
use sqlx::AssertSqlSafe;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{Database, Error, Scope};

const LOOK_INTERVAL: Duration = Duration::from_hours(1);
/// Small enough to hold locks for a moment only.
const BATCH: i64 = 5000;

/// Why a class of data is kept, and how long.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub name: String,
    /// What it is about.
    pub class: String,
    pub years: Option<i32>,
    pub days: Option<i32>,
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
