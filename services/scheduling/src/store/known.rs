//! What is known of slots that many ask for at once, `slots`, `sessions`, `slot_pools` and lapsed holds together: read without a lock, so
//! that nobody waits who has nothing to win.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection};
use types::ids::{AppointmentId, DepartmentId, OrganisationId, PractitionerId, ResidentId, SessionId, SlotId};
use uuid::Uuid;

use super::{slots::Bookable, terms::VisitTermsColumns, word};
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
    /// Every place is given, no hold has run out, and no reserved place is due to fall back.
    pub is_full: bool,
    /// Reserved places of the slot should have fallen back by now.
    pub is_release_due: bool,
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
    #[sqlx(flatten)]
    terms: VisitTermsColumns,
    is_closing: bool,
    is_full: Option<bool>,
    is_release_due: bool,
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
             session.department_id, session.practitioner_id, session.kinds, slot.cancel_until, session.expected_lines AS session_lines, \
             session.closing_at IS NOT NULL AS is_closing, room.taken >= room.places AS is_full, \
             CASE WHEN (SELECT true FROM release_ladders ladder WHERE ladder.organisation_id = session.organisation_id LIMIT 1) \
                 THEN EXISTS (SELECT FROM due_releases(slot.id, $4)) ELSE false END AS is_release_due, \
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
            let pool = wanted.get(index).map(|wanted| wanted.pool);
            *place = Some(row.known(pool)?);
        }
    }
    Ok(found)
}

impl Row {
    fn known(self, pool: Option<Pool>) -> Result<Known, SchedulingError> {
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
            terms: self.terms.terms(),
            // A clinic that closes gives nothing new; a slot without public places may get some now.
            has_pool: !self.is_closing
                && (self.is_full.is_some() || (self.is_release_due && pool == Some(Pool::Public))),
        };
        let is_full = self.is_full == Some(true) && self.lapsed_there.is_empty() && !self.is_release_due;
        let mut lapsed = [self.lapsed, self.lapsed_there].concat();
        lapsed.sort_unstable();
        lapsed.dedup();
        Ok(Known {
            bookable,
            is_full,
            is_release_due: self.is_release_due,
            lapsed: lapsed.into_iter().map(AppointmentId::from_uuid).collect(),
        })
    }
}

/// How a slot stands in a pool.
#[derive(Debug, Clone)]
pub struct Standing {
    pub is_full: bool,
    /// When the first of its holds runs out, or has; or when reserved places may fall back.
    pub next_lapse_at: Option<DateTime<Utc>>,
    /// Who has a place there, or had one.
    pub had: HashSet<ResidentId>,
}

pub async fn standing(
    conn: &mut PgConnection,
    slot: SlotId,
    pool: Pool,
    now: DateTime<Utc>,
) -> Result<Standing, SchedulingError> {
    let (is_full, next_lapse_at, had): (bool, Option<DateTime<Utc>>, Vec<Uuid>) = sqlx::query_as(
        "SELECT coalesce((SELECT taken >= places FROM slot_pools WHERE slot_id = $1 AND pool = $2), false), \
             least((SELECT min(hold_expires_at) FROM appointments WHERE slot_id = $1 AND pool = $2 AND state = 'HELD'), \
                 (SELECT min(slots.starts_at - step * interval '1 hour') FROM slots \
                  JOIN sessions ON sessions.id = slots.session_id \
                  JOIN release_ladders ladder ON ladder.organisation_id = sessions.organisation_id \
                      AND ladder.department_id IS NOT DISTINCT FROM sessions.department_id \
                  CROSS JOIN LATERAL unnest(ladder.hours_before) AS step \
                  WHERE slots.id = $1 AND slots.starts_at - step * interval '1 hour' > $3)), \
             ARRAY(SELECT DISTINCT resident_id FROM appointments WHERE slot_id = $1 AND pool = $2)",
    )
    .bind(slot.uuid())
    .bind(pool.as_str())
    .bind(now)
    .fetch_one(conn)
    .await?;
    Ok(Standing { is_full, next_lapse_at, had: had.into_iter().map(ResidentId::from_uuid).collect() })
}
