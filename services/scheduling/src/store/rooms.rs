//! Free places that may do for those whose place was taken back: `slots`, `slot_pools` and `sessions` together, and what else these people
//! do then. Locked, so that nobody else takes them meanwhile.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{FromRow, PgConnection};
use types::{
    care::CareKind,
    ids::{AppointmentId, DepartmentId, OrganisationId, PractitionerId, ResidentId, SessionId, SlotId, SurgeId},
};
use uuid::Uuid;

use super::{invalid, terms::VisitTermsColumns, word};
use crate::domain::{
    displace::{Busy, Room},
    error::SchedulingError,
    pool::Pool,
    session::{Slot, Span},
};

/// So far from their own time people are offered another.
const AROUND: TimeDelta = TimeDelta::days(14);
/// So many slots are looked at, the nearest in time first.
const SLOTS_MAX: i64 = 120;

/// Which slots may do.
#[derive(Debug, Clone, Copy)]
pub struct Sought<'a> {
    pub organisation: OrganisationId,
    pub department: Option<DepartmentId>,
    /// Sessions of this surge elsewhere do, too.
    pub surge: Option<SurgeId>,
    pub kinds: &'a [CareKind],
    /// The time of those who are looked for.
    pub around: Span,
}

/// Slots of the same department with a free place, not among `own`. Another surge is for those of a surge for symptoms whom its own cover
/// (`domain/displace.rs`): one without symptoms, such as a vaccination, is for nobody else's patients.
pub async fn near(
    conn: &mut PgConnection,
    sought: Sought<'_>,
    own: &[SlotId],
    now: DateTime<Utc>,
) -> Result<Vec<SlotId>, SchedulingError> {
    let (from, until) = sought.around;
    let ids: Vec<Uuid> = sqlx::query_scalar(
        "SELECT slots.id FROM sessions JOIN slots ON slots.session_id = sessions.id \
         WHERE (sessions.organisation_id = $1 AND sessions.department_id IS NOT DISTINCT FROM $2 OR sessions.surge_id = $10) \
           AND (sessions.surge_id IS NULL OR sessions.surge_id IS NOT DISTINCT FROM $10 OR cardinality(sessions.capabilities) > 0) \
           AND sessions.kinds && $3 AND sessions.withdrawn_at IS NULL AND sessions.closing_at IS NULL AND sessions.ends_at > $4 AND sessions.starts_at < $5 \
           AND slots.withdrawn_at IS NULL AND slots.starts_at > $8 AND slots.id <> ALL ($6) \
           AND EXISTS (SELECT FROM slot_pools WHERE slot_pools.slot_id = slots.id AND slot_pools.taken < slot_pools.places) \
         ORDER BY greatest($7 - slots.starts_at, slots.starts_at - $7), slots.id LIMIT $9",
    )
    .bind(sought.organisation.uuid())
    .bind(sought.department.map(DepartmentId::uuid))
    .bind(sought.kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>())
    .bind((from - AROUND).max(now))
    .bind(until + AROUND)
    .bind(own.iter().map(|slot| slot.uuid()).collect::<Vec<_>>())
    .bind(from)
    .bind(now)
    .bind(SLOTS_MAX)
    .bind(sought.surge.map(SurgeId::uuid))
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(SlotId::from_uuid).collect())
}

#[derive(FromRow)]
struct Row {
    slot_id: Uuid,
    pool: String,
    places: i32,
    taken: i32,
    session_id: Uuid,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    organisation_id: Uuid,
    department_id: Option<Uuid>,
    practitioner_id: Option<Uuid>,
    kinds: Vec<String>,
    capabilities: Vec<String>,
    is_for_symptoms: bool,
    #[sqlx(flatten)]
    terms: VisitTermsColumns,
}

/// A pool of a slot as it stands.
#[derive(Debug, Clone)]
pub struct Locked {
    /// Without regard to who is in it.
    pub room: Room,
    pub places: i32,
    pub taken: i32,
}

/// Every pool of these slots, in the order of ids in which everybody locks them.
pub async fn lock(conn: &mut PgConnection, slots: &[SlotId]) -> Result<Vec<Locked>, SchedulingError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT slot_pools.slot_id, slot_pools.pool, slot_pools.places, slot_pools.taken, slots.session_id, slots.starts_at, slots.ends_at, \
             sessions.organisation_id, sessions.department_id, sessions.practitioner_id, sessions.kinds, sessions.capabilities, \
             sessions.surge_id IS NOT NULL AND cardinality(sessions.capabilities) > 0 AS is_for_symptoms, \
             slots.cancel_until, sessions.expected_lines AS session_lines \
         FROM slot_pools JOIN slots ON slots.id = slot_pools.slot_id JOIN sessions ON sessions.id = slots.session_id \
         WHERE slot_pools.slot_id = ANY ($1) ORDER BY slot_pools.slot_id, slot_pools.pool FOR NO KEY UPDATE OF slot_pools",
    )
    .bind(slots.iter().map(|slot| slot.uuid()).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::locked).collect()
}

impl Row {
    fn locked(self) -> Result<Locked, SchedulingError> {
        let id = self.slot_id;
        let slot = Slot {
            id: SlotId::from_uuid(id),
            session: SessionId::from_uuid(self.session_id),
            starts_at: self.starts_at,
            ends_at: self.ends_at,
        };
        let kinds = self.kinds.iter().map(|kind| word("sessions", "kinds", self.session_id, kind));
        let room = Room {
            slot,
            pool: Pool::from_word(&self.pool).ok_or_else(|| invalid("slot_pools", "pool", id))?,
            free: u32::try_from(self.places - self.taken).map_err(|_| invalid("slot_pools", "taken", id))?,
            organisation: OrganisationId::from_uuid(self.organisation_id),
            department: self.department_id.map(DepartmentId::from_uuid),
            practitioner: self.practitioner_id.map(PractitionerId::from_uuid),
            kinds: kinds.collect::<Result<_, _>>()?,
            capabilities: self.capabilities,
            is_for_symptoms: self.is_for_symptoms,
            terms: self.terms.terms(),
        };
        Ok(Locked { room, places: self.places, taken: self.taken })
    }
}

/// Takes a place in a room that is locked; the CHECK has the last word.
pub async fn take(conn: &mut PgConnection, slot: SlotId, pool: Pool) -> Result<(), SchedulingError> {
    sqlx::query("UPDATE slot_pools SET taken = taken + 1 WHERE slot_id = $1 AND pool = $2")
        .bind(slot.uuid())
        .bind(pool.as_str())
        .execute(conn)
        .await?;
    Ok(())
}

/// What these people have booked besides, by any id of theirs.
pub async fn busy(
    conn: &mut PgConnection,
    residents: &[ResidentId],
    besides: &[AppointmentId],
    now: DateTime<Utc>,
) -> Result<Busy, SchedulingError> {
    let rows: Vec<(Uuid, DateTime<Utc>, DateTime<Utc>)> = sqlx::query_as(
        "SELECT asked, starts_at, ends_at FROM unnest($1::uuid[]) AS asked CROSS JOIN LATERAL unnest(one_person(asked)) AS own \
         JOIN appointments ON appointments.resident_id = own \
         WHERE state IN ('HELD', 'CONFIRMED', 'DISPLACED') AND ends_at > $3 AND id <> ALL ($2)",
    )
    .bind(residents.iter().map(|resident| resident.uuid()).collect::<Vec<_>>())
    .bind(besides.iter().map(|id| id.uuid()).collect::<Vec<_>>())
    .bind(now)
    .fetch_all(conn)
    .await?;
    let mut busy: Busy = HashMap::new();
    for (resident, from, until) in rows {
        busy.entry(ResidentId::from_uuid(resident)).or_default().push((from, until));
    }
    Ok(busy)
}
