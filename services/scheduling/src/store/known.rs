//! What is known of slots that many ask for at once, `slots`, `sessions`, `slot_pools` and lapsed holds together: read without a lock, so
//! that nobody waits who has nothing to win.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection};
use types::ids::{AppointmentId, DepartmentId, OrganisationId, PractitionerId, ResidentId, SessionId, SlotId};
use uuid::Uuid;

use super::{slots::Bookable, word};
use crate::domain::{error::SchedulingError, pool::Pool, session::Slot};

/// A place that somebody asks for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    pub slot: SlotId,
    pub pool: Pool,
    pub resident: ResidentId,
}

#[derive(Debug, Clone)]
pub struct Known {
    pub bookable: Bookable,
    /// Every place is given, and no hold has run out.
    pub is_full: bool,
    /// Holds that have run out: those of the person, and those in the slot where it is full.
    pub lapsed: Vec<AppointmentId>,
}

#[derive(FromRow)]
struct Row {
    place: i64,
    slot_id: Uuid,
    session_id: Uuid,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    organisation_id: Uuid,
    tier: String,
    department_id: Option<Uuid>,
    practitioner_id: Option<Uuid>,
    kinds: Vec<String>,
    is_full: Option<bool>,
    lapsed: Vec<Uuid>,
    lapsed_there: Vec<Uuid>,
}

/// Of each, in their order; `None` where there is no such slot.
pub async fn known(
    conn: &mut PgConnection,
    wanted: &[Wanted],
    now: DateTime<Utc>,
) -> Result<Vec<Option<Known>>, SchedulingError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT asked.place, slot.id AS slot_id, slot.session_id, slot.starts_at, slot.ends_at, session.organisation_id, session.tier, \
             session.department_id, session.practitioner_id, session.kinds, room.taken >= room.places AS is_full, \
             ARRAY(SELECT own.id FROM appointments own WHERE own.resident_id = ANY ((SELECT one_person(asked.resident_id))::uuid[]) \
                 AND own.state = 'HELD' AND own.hold_expires_at <= $4 ORDER BY own.id) AS lapsed, \
             ARRAY(SELECT there.id FROM appointments there WHERE room.taken >= room.places \
                 AND there.slot_id = slot.id AND there.pool = asked.pool AND there.state = 'HELD' AND there.hold_expires_at <= $4 \
                 ORDER BY there.id) AS lapsed_there \
         FROM unnest($1::uuid[], $2::text[], $3::uuid[]) WITH ORDINALITY AS asked (slot_id, pool, resident_id, place) \
         CROSS JOIN LATERAL (SELECT * FROM slots WHERE slots.id = asked.slot_id LIMIT 1) AS slot \
         CROSS JOIN LATERAL (SELECT * FROM sessions WHERE sessions.id = slot.session_id LIMIT 1) AS session \
         LEFT JOIN LATERAL (SELECT * FROM slot_pools WHERE slot_pools.slot_id = slot.id AND slot_pools.pool = asked.pool LIMIT 1) AS room ON true",
    )
    .bind(wanted.iter().map(|it| it.slot.uuid()).collect::<Vec<_>>())
    .bind(wanted.iter().map(|it| it.pool.as_str()).collect::<Vec<_>>())
    .bind(wanted.iter().map(|it| it.resident.uuid()).collect::<Vec<_>>())
    .bind(now)
    .fetch_all(conn)
    .await?;
    let mut found: Vec<Option<Known>> = wanted.iter().map(|_| None).collect();
    for row in rows {
        let index = usize::try_from(row.place - 1).unwrap_or(usize::MAX);
        if let Some(place) = found.get_mut(index) {
            *place = Some(row.known()?);
        }
    }
    Ok(found)
}

impl Row {
    fn known(self) -> Result<Known, SchedulingError> {
        let session = self.session_id;
        let slot = Slot {
            id: SlotId::from_uuid(self.slot_id),
            session: SessionId::from_uuid(session),
            starts_at: self.starts_at,
            ends_at: self.ends_at,
        };
        let bookable = Bookable {
            slot,
            organisation: OrganisationId::from_uuid(self.organisation_id),
            tier: word("sessions", "tier", session, &self.tier)?,
            department: self.department_id.map(DepartmentId::from_uuid),
            practitioner: self.practitioner_id.map(PractitionerId::from_uuid),
            kinds: self.kinds.iter().map(|kind| word("sessions", "kinds", session, kind)).collect::<Result<_, _>>()?,
            has_pool: self.is_full.is_some(),
        };
        let is_full = self.is_full == Some(true) && self.lapsed_there.is_empty();
        let mut lapsed = [self.lapsed, self.lapsed_there].concat();
        lapsed.sort_unstable();
        lapsed.dedup();
        Ok(Known { bookable, is_full, lapsed: lapsed.into_iter().map(AppointmentId::from_uuid).collect() })
    }
}

/// How a slot stands in a pool.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    pub is_full: bool,
    /// When the first of its holds runs out, or has.
    pub next_lapse_at: Option<DateTime<Utc>>,
}

pub async fn standing(conn: &mut PgConnection, slot: SlotId, pool: Pool) -> Result<Standing, SchedulingError> {
    let (is_full, next_lapse_at) = sqlx::query_as(
        "SELECT coalesce((SELECT taken >= places FROM slot_pools WHERE slot_id = $1 AND pool = $2), false), \
             (SELECT min(hold_expires_at) FROM appointments WHERE slot_id = $1 AND pool = $2 AND state = 'HELD')",
    )
    .bind(slot.uuid())
    .bind(pool.as_str())
    .fetch_one(conn)
    .await?;
    Ok(Standing { is_full, next_lapse_at })
}
