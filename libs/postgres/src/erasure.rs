//! A person's erasure in one service's database, under every id of theirs: watched from their request on, closed when nothing is open any more, carried out when
//! identity says so. Knows no service; what is open only the service itself can tell.
//!
//! What is destroyed when: with the erasure go all tables whose rule ends on request, and the answers stored for repetitions. Where
//! nothing else is left, the person's key goes with them, and digests in the audit mean nothing any more. Where law orders rows kept,
//! their salts need the key: it stays as long as they do. Identity alone, which knew who the person is, destroys it at once, and
//! digests what it has to keep anew under another, so that those rows can still be verified ([`forget_person`]).

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use sqlx::AssertSqlSafe;
use types::{ids::ResidentId, region::RegionCode};
use uuid::Uuid;

use crate::{
    Database, Error, Scope, Transaction, aliases,
    audit::{self, Entry},
    personal::{AUDIT, PersonalTable},
    retention::{self, Rule},
    vault::rotation,
};

const TABLE: &str = "erasures";
/// How long a due row is one replica's alone, if that replica dies over it.
const TAKEN_FOR_S: u8 = 5;
/// Erased persons whose keys are looked at in one round.
const KEYS_MAX: i64 = 2000;

/// How far a service has come with a person who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// What is open is looked for.
    Watched,
    /// Nothing is, and nothing new begins.
    Closed,
    /// What may go is gone.
    Erased,
    /// The person took it back.
    Cancelled,
}

impl State {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Watched => "WATCHED",
            Self::Closed => "CLOSED",
            Self::Erased => "ERASED",
            Self::Cancelled => "CANCELLED",
        }
    }

    const fn what(self) -> &'static str {
        match self {
            Self::Watched => "erasure.watch",
            Self::Closed => "erasure.close",
            Self::Erased => "erasure.erase",
            Self::Cancelled => "erasure.cancel",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Watched, Self::Closed, Self::Erased, Self::Cancelled].into_iter().find(|state| state.as_str() == text)
    }
}

/// One person's erasure here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// Identity's request.
    pub id: Uuid,
    pub state: State,
    /// Looks that found nothing new in a row.
    pub tries: i32,
    /// Every id of the person when it was requested, the one that was asked about first. They have one state.
    pub residents: Vec<ResidentId>,
    /// Whether this service, too, takes these ids, and no other, for one person. Where it does not it has yet to hear of a merge or its
    /// end, and must not go on: it would miss what is the person's, or take what is somebody else's.
    pub is_whole: bool,
}

/// What stays of a person, by the rule that orders it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub rule: String,
    pub rows: i64,
    /// When the last of them may go; `None` while the time of one has not begun, such as of a cover without an end.
    pub until: Option<DateTime<Utc>>,
}

/// Takes persons whose erasure is due to be looked at, of all regions, the longest due first. Other replicas take others; what comes to
/// nothing is due again in a few seconds.
pub async fn take_due(db: &Database, limit: i64) -> Result<Vec<(RegionCode, ResidentId)>, Error> {
    let mut tx = db.begin(Scope::Worker).await?;
    let rows: Vec<(String, Uuid)> = sqlx::query_as(
        "WITH due AS MATERIALIZED ( \
             SELECT region, resident_id FROM erasures WHERE due_at <= now() ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED) \
         UPDATE erasures SET due_at = now() + make_interval(secs => $2) FROM due \
         WHERE erasures.region = due.region AND erasures.resident_id = due.resident_id \
         RETURNING erasures.region, erasures.resident_id",
    )
    .bind(limit)
    .bind(f64::from(TAKEN_FOR_S))
    .fetch_all(&mut *tx)
    .await?;
    tx.finish().await?;
    let parse = |(region, id): (String, Uuid)| match region.parse() {
        Ok(region) => Ok((region, ResidentId::from_uuid(id))),
        Err(_) => Err(Error::row_invalid("erasures", "region", id)),
    };
    rows.into_iter().map(parse).collect()
}

/// The person's erasure, kept from everybody else until the end of the transaction: whoever records something about the person at the
/// same time has committed before, and sees what becomes of it after.
pub async fn lock(tx: &mut Transaction, resident: ResidentId) -> Result<Option<Erasure>, Error> {
    let rows: Vec<(Uuid, Uuid, String, i32)> = sqlx::query_as(
        "SELECT resident_id, erasure_id, state, tries FROM erasures WHERE region = $1 AND erasure_id = \
             (SELECT erasure_id FROM erasures WHERE region = $1 AND resident_id = $2) ORDER BY resident_id FOR UPDATE",
    )
    .bind(tx.region()?.as_str())
    .bind(resident.uuid())
    .fetch_all(&mut **tx)
    .await?;
    let Some((_, id, state, tries)) = rows.iter().find(|(of, ..)| *of == resident.uuid()) else { return Ok(None) };
    let state = State::parse(state).ok_or_else(|| Error::row_invalid("erasures", "state", resident))?;
    let (id, tries) = (*id, *tries);
    let mut residents: Vec<ResidentId> = rows.iter().map(|(of, ..)| ResidentId::from_uuid(*of)).collect();
    let is_whole = is_whole(tx, resident, &residents).await?;
    // The others in order, whoever is asked about.
    residents.sort_by_key(|of| *of != resident);
    Ok(Some(Erasure { id, state, tries, residents, is_whole }))
}

/// Whether these ids, and no other, are those of the person.
pub async fn is_whole(tx: &mut Transaction, resident: ResidentId, residents: &[ResidentId]) -> Result<bool, Error> {
    let known: BTreeSet<Uuid> = aliases::one_person(tx, resident).await?.into_iter().map(ResidentId::uuid).collect();
    Ok(known == residents.iter().map(|of| of.uuid()).collect())
}

/// Moves the person's erasure under every id of theirs, made where there is none, and records that. Due at once, by the first of them.
/// The database refuses `Erased` but of what an earlier transaction closed, in identity: of a request that began to close in one.
pub async fn set(
    tx: &mut Transaction,
    service: &str,
    residents: &[ResidentId],
    id: Uuid,
    state: State,
) -> Result<(), Error> {
    let region = tx.region()?;
    for (place, resident) in residents.iter().enumerate() {
        sqlx::query(
            "INSERT INTO erasures (region, resident_id, erasure_id, state, due_at) \
             VALUES ($1, $2, $3, $4, CASE WHEN $5 THEN now() END) ON CONFLICT (region, resident_id) DO UPDATE \
             SET erasure_id = excluded.erasure_id, state = excluded.state, changed_at = now(), due_at = excluded.due_at, tries = 0",
        )
        .bind(region.as_str())
        .bind(resident.uuid())
        .bind(id)
        .bind(state.as_str())
        .bind(place == 0)
        .execute(&mut **tx)
        .await?;
        let row = row(tx, *resident)?;
        audit::record(tx, Entry::by_platform(service, state.what()).resident(*resident).row(TABLE, row)).await?;
    }
    Ok(())
}

/// The key of a person's erasure under one id.
fn row(tx: &Transaction, resident: ResidentId) -> Result<String, Error> {
    Ok(audit::id(&[&tx.region()?, &resident]))
}

/// When to look again: `None` if there is nothing left to do.
pub async fn look_again(
    tx: &mut Transaction,
    resident: ResidentId,
    after_s: Option<i32>,
    tries: i32,
) -> Result<(), Error> {
    sqlx::query(
        "UPDATE erasures SET due_at = now() + make_interval(secs => $3), tries = $4 WHERE region = $1 AND resident_id = $2",
    )
    .bind(tx.region()?.as_str())
    .bind(resident.uuid())
    .bind(after_s.map(f64::from))
    .bind(tries)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// What is open of the person: `obligations` is SQL that answers its kind and id as texts, of the resident `$1`.
pub async fn open(
    tx: &mut Transaction,
    obligations: &'static str,
    resident: ResidentId,
    limit: i64,
) -> Result<Vec<(String, String)>, Error> {
    let limited = format!("SELECT kind, id FROM ({obligations}) AS open (kind, id) ORDER BY kind, id LIMIT $2");
    Ok(sqlx::query_as(AssertSqlSafe(limited)).bind(resident.uuid()).bind(limit).fetch_all(&mut **tx).await?)
}

/// This moment, by the clock of the database.
pub async fn moment(tx: &mut Transaction) -> Result<DateTime<Utc>, Error> {
    Ok(sqlx::query_scalar("SELECT clock_timestamp()").fetch_one(&mut **tx).await?)
}

/// Whether a transaction of the service is open that began before `than`: it may not see what was committed until then.
pub async fn is_older_open(tx: &mut Transaction, than: DateTime<Utc>) -> Result<bool, Error> {
    rotation::is_older_open(tx, than).await
}

/// What law orders kept of the person in these tables, and in the audit.
pub async fn kept(tx: &mut Transaction, tables: &[PersonalTable], resident: ResidentId) -> Result<Vec<Kept>, Error> {
    let mut kept: Vec<Kept> = vec![];
    for table in tables.iter().chain([&AUDIT]) {
        let Some(rule) = retention::rule(table.rule).filter(|rule| !rule.on_request) else { continue };
        let found = count(tx, table, rule, resident).await?;
        if found.rows == 0 {
            continue;
        }
        match kept.iter_mut().find(|kept| kept.rule == found.rule) {
            Some(known) => {
                known.rows += found.rows;
                known.until = known.until.zip(found.until).map(|(one, other)| one.max(other));
            }
            None => kept.push(found),
        }
    }
    Ok(kept)
}

async fn count(tx: &mut Transaction, table: &PersonalTable, rule: &Rule, resident: ResidentId) -> Result<Kept, Error> {
    // Names and conditions are constants of the services.
    let (name, of, over) = (table.table.name, table.of, rule.begins(table.over));
    let (rows, until) = sqlx::query_as(AssertSqlSafe(format!(
        "SELECT count(*), CASE WHEN count(*) = count({over}) \
             THEN max({over}) + make_interval(years => $2, days => $3) END FROM {name} t WHERE {of}"
    )))
    .bind(resident.uuid())
    .bind(rule.years.unwrap_or(0))
    .bind(rule.days.unwrap_or(0))
    .fetch_one(&mut **tx)
    .await?;
    Ok(Kept { rule: rule.name.clone(), rows, until })
}

/// Erases what no law orders kept: rows of tables whose rule ends on request, and stored answers. `ERASED` is recorded before, under
/// every id of the person. Destroys the keys of these if nothing is left that needs them.
pub async fn erase(
    tx: &mut Transaction,
    service: &str,
    tables: &[PersonalTable],
    residents: &[ResidentId],
) -> Result<(), Error> {
    let Some(&resident) = residents.first() else { return Ok(()) };
    let row = row(tx, resident)?;
    let mut entry = Entry::by_platform(service, "resident.erase").resident(resident).row(TABLE, row);
    for table in tables {
        if retention::rule(table.rule).is_some_and(|rule| rule.on_request) {
            for key in remove(tx, table, resident).await? {
                entry = entry.removed(table.table.name, key);
            }
        }
    }
    for id in residents {
        sqlx::query("SELECT forget_answers($1)").bind(id.uuid()).execute(&mut **tx).await?;
    }
    audit::record(tx, entry).await?;
    if !is_anything_left(tx, tables, resident).await? {
        for id in residents {
            tx.destroy_person_key(service, *id).await?;
        }
    }
    Ok(())
}

/// Destroys the keys of erased persons of whom nothing is left that needs them; in each region of as many persons as a round can, from
/// where the one before ended. Answers how many.
pub(crate) async fn forget_keys(db: &Database, service: &str, tables: &[PersonalTable]) -> Result<u64, Error> {
    let mut destroyed = 0;
    for region in rotation::regions_with_keys(db).await? {
        for id in next_erased(db, region).await? {
            let resident = ResidentId::from_uuid(id);
            let mut tx = db.begin(Scope::Region(region)).await?;
            if !is_anything_left(&mut tx, tables, resident).await? {
                destroyed += u64::from(tx.destroy_person_key(service, resident).await?);
            }
            tx.commit().await?;
        }
    }
    Ok(destroyed)
}

/// The next erased persons who have keys. After the last of them the first follow again.
async fn next_erased(db: &Database, region: RegionCode) -> Result<Vec<Uuid>, Error> {
    let mut tx = db.begin(Scope::Region(region)).await?;
    let erased: Vec<Uuid> = sqlx::query_scalar(
        "SELECT resident_id FROM erasures JOIN person_keys USING (region, resident_id) \
         WHERE region = $1 AND state = 'ERASED' AND resident_id > coalesce((SELECT after::uuid FROM retention_progress \
             WHERE region = $1 AND name = 'person_keys' AND rule = ''), '00000000-0000-0000-0000-000000000000') \
         ORDER BY resident_id LIMIT $2",
    )
    .bind(region.as_str())
    .bind(KEYS_MAX)
    .fetch_all(&mut *tx)
    .await?;
    let is_full = i64::try_from(erased.len()).is_ok_and(|count| count == KEYS_MAX);
    let after = erased.last().copied().filter(|_| is_full).unwrap_or_default();
    sqlx::query(
        "INSERT INTO retention_progress (region, name, rule, after) VALUES ($1, 'person_keys', '', $2) \
         ON CONFLICT (region, name, rule) DO UPDATE SET after = excluded.after, moved_at = now()",
    )
    .bind(region.as_str())
    .bind(after.to_string())
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(erased)
}

/// Whether law orders more kept than the log itself, whose entries mean nothing without their rows.
async fn is_anything_left(tx: &mut Transaction, tables: &[PersonalTable], resident: ResidentId) -> Result<bool, Error> {
    Ok(kept(tx, tables, resident).await?.iter().any(|kept| kept.rule != AUDIT.rule))
}

/// Removes the person's rows of a table and answers the keys of those that the audit knows.
async fn remove(tx: &mut Transaction, table: &PersonalTable, resident: ResidentId) -> Result<Vec<String>, Error> {
    let name = table.table.name;
    let removed: Vec<String> = sqlx::query_scalar("SELECT forget_rows($1, $2, $3)")
        .bind(name)
        .bind(table.rule)
        .bind(resident.uuid())
        .fetch_all(&mut **tx)
        .await?;
    Ok(if is_audited(tx, name).await? { removed } else { vec![] })
}

pub(crate) async fn is_audited(tx: &mut Transaction, table: &'static str) -> Result<bool, Error> {
    match tx.audited(table).await {
        Ok(_) => Ok(true),
        Err(Error::TableNotAudited { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Destroys the keys under which everything about the person was digested so far, one by each id, and digests the rows of these tables
/// that law orders kept anew under another: that of the first id. For the service that knew who the person is.
pub async fn forget_person(
    tx: &mut Transaction,
    service: &str,
    tables: &[PersonalTable],
    residents: &[ResidentId],
    also: impl FnOnce(Entry) -> Entry,
) -> Result<(), Error> {
    let Some(&resident) = residents.first() else { return Ok(()) };
    let mut entry = Entry::by_platform(service, "resident.keep").resident(resident);
    for id in residents {
        tx.destroy_person_key(service, *id).await?;
        entry = entry.anew(TABLE, row(tx, *id)?, vec![]);
        if aliases::is_merged(tx, *id).await? {
            entry = entry.anew(aliases::TABLE, id, vec![]);
        }
    }
    for table in tables.iter().filter(|table| retention::rule(table.rule).is_some_and(|rule| !rule.on_request)) {
        let name = table.table.name;
        if is_audited(tx, name).await? {
            let rows = table.opened(tx, resident).await?;
            entry = rows.into_iter().fold(entry, |entry, (row, sealed)| entry.anew(name, row, sealed));
        }
    }
    audit::record(tx, also(entry)).await
}
