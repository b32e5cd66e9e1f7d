//! Places given to many at once: `give_places`, over `patients`, `slot_pools`, `chosen_appointment_ids` and `appointments` together. No other
//! statement writes a new appointment.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use sqlx::{PgConnection, types::Json};
use types::{
    expected::ExpectedLine,
    ids::{
        AppointmentId, DelegationId, DepartmentId, JourneyId, OrganisationId, PractitionerId, ReferralId, ResidentId,
        SessionId, SlotId,
    },
};

use super::{exclusion, refused};
use crate::domain::{
    appointment::Appointment,
    error::SchedulingError,
    limits::{Bound, Of, PERIODS},
};

/// A place that somebody asks for, with all that decides about it.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// As it will stand.
    pub appointment: &'a Appointment,
    /// The caller chose its id.
    pub is_id_chosen: bool,
    /// It stands already, and what it had was given back in this transaction: it is moved, and counts nowhere twice.
    pub is_moved: bool,
    /// A suspension of the person stands in its way.
    pub heeds_suspension: bool,
    /// Of the delegation.
    pub uses_max: Option<u32>,
    pub bounds: &'a [Bound],
}

/// What became of a wish.
#[derive(Debug)]
pub enum Verdict {
    Given,
    /// Not judged: an earlier one of the batch is the same person's.
    Again,
    /// `SlotTaken` comes without alternatives.
    Refused(SchedulingError),
}

/// A wish as the database reads it: worked out by whoever asks, so that a batch only has to hand it on.
#[derive(Debug)]
pub struct Prepared {
    row: Box<RawValue>,
    /// What it has in common with those of other persons, as far as it is judged by that.
    words: Vec<String>,
}

impl Prepared {
    pub fn of(wish: &Wish<'_>) -> Result<Self, SchedulingError> {
        let row = to_raw_value(&Row::of(wish)).map_err(postgres::Error::from)?;
        Ok(Self { row, words: words(wish).collect() })
    }
}

/// Gives places to those who asked, in their order, each judged as if it came alone after those before it; answers in their order.
/// Nothing stands if it fails. Locks persons and slots until the end of the transaction, and before them what is compared over several
/// persons: bookers and devices whose bookings are counted, and journeys.
pub async fn give(conn: &mut PgConnection, asked: &[&Prepared]) -> Result<Vec<Verdict>, SchedulingError> {
    let words: BTreeSet<&str> = asked.iter().flat_map(|asked| &asked.words).map(String::as_str).collect();
    let rows: Vec<&RawValue> = asked.iter().map(|asked| &*asked.row).collect();
    let rows: Vec<(i32, Option<String>)> = sqlx::query_as(
        "SELECT given.place, given.refusal \
         FROM (SELECT count(pg_advisory_xact_lock(hashtextextended(word, 0))) AS locks FROM unnest($2::text[]) AS word) AS held \
         CROSS JOIN LATERAL give_places(CASE WHEN held.locks >= 0 THEN $1 END) AS given",
    )
    .bind(Json(rows))
    .bind(words.into_iter().collect::<Vec<_>>())
    .fetch_all(conn)
    .await
    .map_err(|error| refused(error, by_constraint))?;
    rows.into_iter().map(|(_, refusal)| verdict(refusal.as_deref())).collect()
}

/// What a wish has in common with those of other persons.
fn words(wish: &Wish<'_>) -> impl Iterator<Item = String> {
    let Appointment { journey, booked_by, device, .. } = wish.appointment;
    let counted = wish.bounds.iter().filter_map(move |bound| match bound.of {
        Of::Booker => Some(exclusion::booker(booked_by)),
        Of::Device => device.as_deref().map(exclusion::device),
        Of::Person | Of::Department | Of::GivenUp => None,
    });
    counted.chain((!wish.is_moved).then(|| exclusion::journey(*journey)))
}

fn verdict(refusal: Option<&str>) -> Result<Verdict, SchedulingError> {
    use SchedulingError as E;
    let Some(refusal) = refusal else { return Ok(Verdict::Given) };
    if let Some(said) = refusal.strip_prefix("BOOKING_LIMIT ") {
        let period = PERIODS.into_iter().find(|period| *period == said).ok_or_else(unknown)?;
        return Ok(Verdict::Refused(E::BookingLimit { period }));
    }
    Ok(Verdict::Refused(match refusal {
        "AGAIN" => return Ok(Verdict::Again),
        "SLOT_TAKEN" => E::SlotTaken { alternatives: vec![] },
        "SUSPENDED" => E::Suspended,
        "PATIENT_CONFLICT" => E::PatientConflict,
        "JOURNEY_OF_ANOTHER" => E::JourneyOfAnother,
        "NO_DELEGATION" => E::NoDelegation,
        "DELEGATION_USED_UP" => E::DelegationUsedUp,
        "APPOINTMENT_CANCELLED" => E::AppointmentCancelled,
        "APPOINTMENT_EXISTS" => E::AppointmentExists,
        _ => return Err(unknown()),
    }))
}

fn unknown() -> SchedulingError {
    postgres::Error::row_invalid("give_places", "refusal", "new").into()
}

/// What a race leaves to constraints, for a wish that comes alone.
fn by_constraint(constraint: &str) -> Option<SchedulingError> {
    match constraint {
        "appointments_pkey" | "chosen_appointment_ids_pkey" => Some(SchedulingError::AppointmentExists),
        "appointments_patient_conflict" => Some(SchedulingError::PatientConflict),
        "appointments_slot_id_pool_fkey" => Some(SchedulingError::PoolNotOpen),
        "slot_pools_taken_check" => Some(SchedulingError::SlotTaken { alternatives: vec![] }),
        _ => None,
    }
}

/// What `give_places` reads of a wish.
#[derive(Serialize)]
struct Row<'a> {
    appointment: Drafted<'a>,
    is_id_chosen: bool,
    is_moved: bool,
    heeds_suspension: bool,
    uses_max: Option<u32>,
    bounds: Vec<Limit>,
}

#[derive(Serialize)]
struct Limit {
    period: &'static str,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
    most: i32,
    of: &'static str,
}

/// An appointment by column.
#[derive(Serialize)]
struct Drafted<'a> {
    id: AppointmentId,
    resident_id: ResidentId,
    slot_id: SlotId,
    pool: &'static str,
    session_id: SessionId,
    organisation_id: OrganisationId,
    department_id: Option<DepartmentId>,
    practitioner_id: Option<PractitionerId>,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    kind: &'static str,
    channel: &'static str,
    booked_by: String,
    delegation_id: Option<DelegationId>,
    referral_id: Option<ReferralId>,
    journey_id: JourneyId,
    expected_lines: &'a [ExpectedLine],
    revision: i32,
    state: &'static str,
    held_at: DateTime<Utc>,
    hold_expires_at: DateTime<Utc>,
    confirmed_at: Option<DateTime<Utc>>,
    more_slot_ids: &'a [SlotId],
    device: Option<&'a str>,
}

impl<'a> Row<'a> {
    fn of(wish: &Wish<'a>) -> Self {
        let limit = |bound: &Bound| {
            let (since, until) = bound.span;
            Limit { period: bound.period, since, until, most: bound.most, of: bound.of.as_str() }
        };
        Self {
            appointment: Drafted::of(wish.appointment),
            is_id_chosen: wish.is_id_chosen,
            is_moved: wish.is_moved,
            heeds_suspension: wish.heeds_suspension,
            uses_max: wish.uses_max,
            bounds: wish.bounds.iter().map(limit).collect(),
        }
    }
}

impl<'a> Drafted<'a> {
    fn of(appointment: &'a Appointment) -> Self {
        Self {
            id: appointment.id,
            resident_id: appointment.resident,
            slot_id: appointment.slot.id,
            pool: appointment.pool.as_str(),
            session_id: appointment.slot.session,
            organisation_id: appointment.organisation,
            department_id: appointment.department,
            practitioner_id: appointment.practitioner,
            starts_at: appointment.slot.starts_at,
            ends_at: appointment.slot.ends_at,
            kind: appointment.kind.as_str(),
            channel: appointment.channel.as_str(),
            booked_by: appointment.booked_by.to_string(),
            delegation_id: appointment.delegation,
            referral_id: appointment.referral,
            journey_id: appointment.journey,
            expected_lines: &appointment.stated_lines,
            revision: appointment.revision,
            state: appointment.state.as_str(),
            held_at: appointment.held_at,
            hold_expires_at: appointment.hold_expires_at,
            confirmed_at: appointment.confirmed_at,
            more_slot_ids: &appointment.more_slots,
            device: appointment.device.as_deref(),
        }
    }
}
