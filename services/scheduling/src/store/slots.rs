//! Table `slots`, with the places of a slot when they are first made.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use postgres::audit::{self, Entry};
use sqlx::{FromRow, PgConnection};
use types::{
    care::CareKind,
    ids::{DepartmentId, OrganisationId, PractitionerId, SessionId, SlotId},
    tier::Tier,
};
use uuid::Uuid;

use super::invalid;
use crate::domain::{
    error::SchedulingError,
    offer::OpenSlot,
    pool::Pool,
    session::{PoolShare, Slot, VisitTerms},
};

/// Writes the slots of one session, each with the places of every pool, and until when these may be given up by when it starts.
pub async fn insert_all(
    conn: &mut PgConnection,
    slots: &[Slot],
    pools: &[PoolShare],
    cancel_until: impl Fn(DateTime<Utc>) -> Option<DateTime<Utc>>,
) -> Result<(), SchedulingError> {
    let ids: Vec<Uuid> = slots.iter().map(|slot| slot.id.uuid()).collect();
    let sessions: Vec<Uuid> = slots.iter().map(|slot| slot.session.uuid()).collect();
    let starts: Vec<DateTime<Utc>> = slots.iter().map(|slot| slot.starts_at).collect();
    let ends: Vec<DateTime<Utc>> = slots.iter().map(|slot| slot.ends_at).collect();
    let cancel_until: Vec<Option<DateTime<Utc>>> = slots.iter().map(|slot| cancel_until(slot.starts_at)).collect();
    sqlx::query(
        "INSERT INTO slots (id, region, session_id, starts_at, ends_at, cancel_until) \
         SELECT id, current_setting('anjia.region'), session_id, starts_at, ends_at, cancel_until \
         FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[]) \
             AS made (id, session_id, starts_at, ends_at, cancel_until)",
    )
    .bind(&ids)
    .bind(sessions)
    .bind(starts)
    .bind(ends)
    .bind(cancel_until)
    .execute(&mut *conn)
    .await?;

    let names: Vec<&str> = pools.iter().map(|share| share.pool.as_str()).collect();
    let places: Vec<i32> = pools.iter().map(|share| i32::from(share.places)).collect();
    sqlx::query(
        "INSERT INTO slot_pools (slot_id, pool, region, places) \
         SELECT slot_id, pool, current_setting('anjia.region'), places \
         FROM unnest($1::uuid[]) AS made (slot_id), unnest($2::text[], $3::integer[]) AS share (pool, places)",
    )
    .bind(ids)
    .bind(names)
    .bind(places)
    .execute(conn)
    .await?;
    Ok(())
}

/// Names the slots and their places in each pool.
pub fn audited(entry: Entry, slots: &[Slot], pools: &[PoolShare]) -> Entry {
    slots.iter().fold(entry, |entry, slot| {
        let places =
            |entry: Entry, share: &PoolShare| entry.row("slot_pools", audit::id(&[&slot.id, &share.pool.as_str()]));
        pools.iter().fold(entry.row("slots", slot.id), places)
    })
}

pub async fn of_session(conn: &mut PgConnection, session: SessionId) -> Result<Vec<Slot>, SchedulingError> {
    let rows: Vec<(Uuid, DateTime<Utc>, DateTime<Utc>)> = sqlx::query_as(
        "SELECT id, starts_at, ends_at FROM slots WHERE session_id = $1 AND withdrawn_at IS NULL ORDER BY starts_at",
    )
    .bind(session.uuid())
    .fetch_all(conn)
    .await?;
    let slot = |(id, starts_at, ends_at)| Slot { id: SlotId::from_uuid(id), session, starts_at, ends_at };
    Ok(rows.into_iter().map(slot).collect())
}

/// Takes slots out of their session; what is left in them must be nothing free. Answers until when each could be given up, by when it starts.
pub async fn withdraw(
    conn: &mut PgConnection,
    slots: &[SlotId],
    now: DateTime<Utc>,
) -> Result<HashMap<DateTime<Utc>, Option<DateTime<Utc>>>, SchedulingError> {
    let rows: Vec<(DateTime<Utc>, Option<DateTime<Utc>>)> =
        sqlx::query_as("UPDATE slots SET withdrawn_at = $2 WHERE id = ANY ($1) RETURNING starts_at, cancel_until")
            .bind(slots.iter().map(|slot| slot.uuid()).collect::<Vec<_>>())
            .bind(now)
            .fetch_all(conn)
            .await?;
    Ok(rows.into_iter().collect())
}

/// A slot as a booking needs it.
#[derive(Debug, Clone)]
pub struct Bookable {
    pub slot: Slot,
    pub organisation: OrganisationId,
    pub tier: Tier,
    pub department: Option<DepartmentId>,
    pub practitioner: Option<PractitionerId>,
    pub kinds: Vec<CareKind>,
    pub terms: VisitTerms,
    /// Whether it has places in the pool asked for, given or not.
    pub has_pool: bool,
}

/// Which free places are meant: of one provider, kind and pool, starting within a span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    pub organisation: OrganisationId,
    pub kind: CareKind,
    pub pool: Pool,
    pub from: DateTime<Utc>,
    /// Not included.
    pub until: DateTime<Utc>,
}

/// The slots of a window that have free places, by start. A hold that has lapsed but is not freed yet counts as taken here.
pub async fn open(conn: &mut PgConnection, window: Window) -> Result<Vec<OpenSlot>, SchedulingError> {
    #[derive(FromRow)]
    struct Row {
        id: Uuid,
        session_id: Uuid,
        starts_at: DateTime<Utc>,
        ends_at: DateTime<Utc>,
        department_id: Option<Uuid>,
        practitioner_id: Option<Uuid>,
        capabilities: Vec<String>,
        is_for_symptoms: bool,
        free: i32,
        places: i32,
    }
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT slots.id, slots.session_id, slots.starts_at, slots.ends_at, sessions.department_id, sessions.practitioner_id, \
         sessions.capabilities, sessions.surge_id IS NOT NULL AND cardinality(sessions.capabilities) > 0 AS is_for_symptoms, \
         slot_pools.places - slot_pools.taken AS free, slot_pools.places \
         FROM sessions \
         JOIN slots ON slots.session_id = sessions.id \
         JOIN slot_pools ON slot_pools.slot_id = slots.id \
         WHERE sessions.organisation_id = $1 AND $2 = ANY (sessions.kinds) AND sessions.closing_at IS NULL \
           AND sessions.ends_at > $4 AND sessions.starts_at < $5 \
           AND slots.starts_at >= $4 AND slots.starts_at < $5 \
           AND slot_pools.pool = $3 AND slot_pools.taken < slot_pools.places \
         ORDER BY slots.starts_at, slots.id",
    )
    .bind(window.organisation.uuid())
    .bind(window.kind.as_str())
    .bind(window.pool.as_str())
    .bind(window.from)
    .bind(window.until)
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(OpenSlot {
                slot: SlotId::from_uuid(row.id),
                session: SessionId::from_uuid(row.session_id),
                starts_at: row.starts_at,
                ends_at: row.ends_at,
                department: row.department_id.map(DepartmentId::from_uuid),
                practitioner: row.practitioner_id.map(PractitionerId::from_uuid),
                capabilities: row.capabilities,
                is_for_symptoms: row.is_for_symptoms,
                free_places: u16::try_from(row.free).map_err(|_| invalid("slot_pools", "taken", row.id))?,
                places: u16::try_from(row.places).map_err(|_| invalid("slot_pools", "places", row.id))?,
            })
        })
        .collect()
}
