//! What a checker is: a sentence that must hold, and the query that finds where it does not.

use std::collections::HashSet;

use anyhow::{Context, Result};
use serde::Serialize;

use super::databases::Databases;
use super::{acknowledged, events, isolation, pending, persons};

/// The invariants of the platform, as far as databases can show them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) enum Invariant {
    I1,
    I2,
    I3,
    I4,
    I5,
    I6,
    I7,
    I8,
    I9,
    I10,
}

impl Invariant {
    pub(crate) const ALL: [Self; 10] =
        [Self::I1, Self::I2, Self::I3, Self::I4, Self::I5, Self::I6, Self::I7, Self::I8, Self::I9, Self::I10];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::I1 => "Durable acknowledgement",
            Self::I2 => "Single charge",
            Self::I3 => "Balance",
            Self::I4 => "Derived equals source",
            Self::I5 => "Booking",
            Self::I6 => "Sagas",
            Self::I7 => "Claims",
            Self::I8 => "Events",
            Self::I9 => "Audit",
            Self::I10 => "Isolation",
        }
    }
}

/// Where something is wrong, and what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Violation {
    pub(crate) service: String,
    /// Of the row, the transfer, the bill: whatever one looks for first.
    pub(crate) id: String,
    pub(crate) what: String,
}

/// One sentence that must hold.
pub(super) struct Check {
    pub(super) invariant: Invariant,
    pub(super) name: &'static str,
    pub(super) look: Look,
}

/// How to find where a sentence does not hold.
pub(super) enum Look {
    /// In one database: each row `(id, what)` is a violation.
    Rows { service: &'static str, sql: &'static str },
    /// In every database alike.
    Everywhere { sql: &'static str },
    /// Each row `(id, key, what)` of one database needs its key in the other.
    Matched { every: In, among: In },
    /// No row `(id, key, what)` of one database may have its key in the other.
    Unmatched { every: In, among: In },
    /// A state change and its event.
    Told(events::Told),
    /// Everything committed by now is sealed in time.
    Sealed,
    /// Everything told by now is taken in by its consumers in time.
    TakenIn,
    /// What was answered is there.
    Acknowledged,
    /// Whoever's key was destroyed was erased.
    Destroyed,
    /// Every service knows who is one person.
    Aliases,
    /// No identification number, token or key can be read.
    Plaintext,
}

/// A query in one service's database.
pub(super) struct In(pub(super) &'static str, pub(super) &'static str);

impl Check {
    pub(super) const fn rows(
        invariant: Invariant,
        service: &'static str,
        name: &'static str,
        sql: &'static str,
    ) -> Self {
        Self { invariant, name, look: Look::Rows { service, sql } }
    }

    pub(super) const fn everywhere(invariant: Invariant, name: &'static str, sql: &'static str) -> Self {
        Self { invariant, name, look: Look::Everywhere { sql } }
    }

    pub(super) const fn matched(invariant: Invariant, name: &'static str, every: In, among: In) -> Self {
        Self { invariant, name, look: Look::Matched { every, among } }
    }

    pub(super) const fn unmatched(invariant: Invariant, name: &'static str, every: In, among: In) -> Self {
        Self { invariant, name, look: Look::Unmatched { every, among } }
    }

    /// What violates it; `None` if the mesh lacks a service that it is about.
    pub(super) async fn violations(&self, databases: &mut Databases) -> Result<Option<Vec<Violation>>> {
        let found = match &self.look {
            Look::Rows { service, sql } => rows(databases, service, sql).await,
            Look::Everywhere { sql } => everywhere(databases, sql).await.map(Some),
            Look::Matched { every, among } => compare(databases, every, among, true).await,
            Look::Unmatched { every, among } => compare(databases, every, among, false).await,
            Look::Told(told) => told.violations(databases).await,
            Look::Sealed => pending::unsealed(databases).await.map(Some),
            Look::TakenIn => pending::not_taken_in(databases).await.map(Some),
            Look::Acknowledged => acknowledged::lost(databases).await.map(Some),
            Look::Destroyed => persons::destroyed(databases).await,
            Look::Aliases => persons::aliases(databases).await,
            Look::Plaintext => isolation::plaintext(databases).await.map(Some),
        };
        found.with_context(|| format!("checking {}: {}", self.invariant.name().to_lowercase(), self.name))
    }
}

async fn rows(databases: &mut Databases, service: &str, sql: &'static str) -> Result<Option<Vec<Violation>>> {
    let Some(connection) = databases.get(service) else {
        return Ok(None);
    };
    let rows: Vec<(String, String)> = sqlx::query_as(sql).fetch_all(connection).await?;
    let violation = |(id, what)| Violation { service: service.to_owned(), id, what };
    Ok(Some(rows.into_iter().map(violation).collect()))
}

async fn everywhere(databases: &mut Databases, sql: &'static str) -> Result<Vec<Violation>> {
    let mut violations = vec![];
    for service in databases.names() {
        violations.extend(rows(databases, &service, sql).await?.unwrap_or_default());
    }
    Ok(violations)
}

/// The one side is read before the other: what it rests on was committed earlier, so a running mesh raises no false alarm.
async fn compare(databases: &mut Databases, every: &In, among: &In, wanted: bool) -> Result<Option<Vec<Violation>>> {
    if databases.get(among.0).is_none() {
        return Ok(None);
    }
    let Some(connection) = databases.get(every.0) else {
        return Ok(None);
    };
    let rows: Vec<(String, Option<String>, String)> = sqlx::query_as(every.1).fetch_all(connection).await?;
    let Some(connection) = databases.get(among.0) else {
        return Ok(None);
    };
    let keys: HashSet<String> =
        sqlx::query_scalar::<_, Option<String>>(among.1).fetch_all(connection).await?.into_iter().flatten().collect();
    let violation = |(id, _, what)| Violation { service: every.0.to_owned(), id, what };
    let is_wrong = |row: &(String, Option<String>, String)| {
        let found = row.1.as_ref().is_some_and(|key| keys.contains(key));
        found != wanted
    };
    Ok(Some(rows.into_iter().filter(is_wrong).map(violation).collect()))
}
