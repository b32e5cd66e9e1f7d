//! A row as it is stored, and the appointment it stands for.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, types::Json};
use types::{
    expected::ExpectedLine,
    ids::{
        AppointmentId, DelegationId, DepartmentId, JourneyId, OrganisationId, PractitionerId, QuoteId, ReferralId,
        ResidentId, SessionId, SlotId, VisitId,
    },
};
use uuid::Uuid;

use crate::domain::{
    appointment::{Appointment, Cancellation, CancelledBy, Channel, State},
    error::SchedulingError,
    pool::Pool,
    session::Slot,
};
use crate::store::{invalid, terms::VisitTermsColumns, word};

const TABLE: &str = "appointments";

#[derive(FromRow)]
pub(super) struct Row {
    id: Uuid,
    resident_id: Uuid,
    slot_id: Uuid,
    pool: String,
    session_id: Uuid,
    organisation_id: Uuid,
    department_id: Option<Uuid>,
    practitioner_id: Option<Uuid>,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    kind: String,
    channel: String,
    booked_by: String,
    delegation_id: Option<Uuid>,
    referral_id: Option<Uuid>,
    journey_id: Uuid,
    expected_lines: Json<Vec<ExpectedLine>>,
    quote_id: Option<Uuid>,
    revision: i32,
    state: String,
    held_at: DateTime<Utc>,
    hold_expires_at: DateTime<Utc>,
    confirmed_at: Option<DateTime<Utc>>,
    cancelled_at: Option<DateTime<Utc>>,
    cancelled_by: Option<String>,
    cancel_reason: Option<String>,
    visit_id: Option<Uuid>,
    displaced_until: Option<DateTime<Utc>>,
    more_slot_ids: Vec<Uuid>,
    device: Option<String>,
    #[sqlx(flatten)]
    terms: VisitTermsColumns,
}

impl Row {
    pub(super) fn appointment(self) -> Result<Appointment, SchedulingError> {
        let id = self.id;
        let state = self.state()?;
        Ok(Appointment {
            id: AppointmentId::from_uuid(id),
            resident: ResidentId::from_uuid(self.resident_id),
            slot: Slot {
                id: SlotId::from_uuid(self.slot_id),
                session: SessionId::from_uuid(self.session_id),
                starts_at: self.starts_at,
                ends_at: self.ends_at,
            },
            more_slots: self.more_slot_ids.into_iter().map(SlotId::from_uuid).collect(),
            organisation: OrganisationId::from_uuid(self.organisation_id),
            department: self.department_id.map(DepartmentId::from_uuid),
            practitioner: self.practitioner_id.map(PractitionerId::from_uuid),
            kind: word(TABLE, "kind", id, &self.kind)?,
            pool: Pool::from_word(&self.pool).ok_or_else(|| invalid(TABLE, "pool", id))?,
            channel: Channel::from_word(&self.channel).ok_or_else(|| invalid(TABLE, "channel", id))?,
            booked_by: word(TABLE, "booked_by", id, &self.booked_by)?,
            device: self.device,
            delegation: self.delegation_id.map(DelegationId::from_uuid),
            referral: self.referral_id.map(ReferralId::from_uuid),
            journey: JourneyId::from_uuid(self.journey_id),
            stated_lines: self.expected_lines.0,
            terms: self.terms.terms(),
            quote: self.quote_id.map(QuoteId::from_uuid),
            revision: self.revision,
            held_at: self.held_at,
            hold_expires_at: self.hold_expires_at,
            confirmed_at: self.confirmed_at,
            state,
        })
    }

    fn state(&self) -> Result<State, SchedulingError> {
        Ok(match self.state.as_str() {
            "HELD" => State::Held,
            "CONFIRMED" => State::Confirmed,
            "KEPT" => {
                let visit = self.visit_id.ok_or_else(|| invalid(TABLE, "visit_id", self.id))?;
                State::Kept(VisitId::from_uuid(visit))
            }
            "EXPIRED" => State::Expired,
            "CANCELLED" => {
                State::Cancelled(self.cancellation().ok_or_else(|| invalid(TABLE, "cancelled_by", self.id))?)
            }
            "NO_SHOW" => State::NoShow,
            "DISPLACED" => {
                State::Displaced(self.displaced_until.ok_or_else(|| invalid(TABLE, "displaced_until", self.id))?)
            }
            _ => return Err(invalid(TABLE, "state", self.id)),
        })
    }

    fn cancellation(&self) -> Option<Cancellation> {
        Some(Cancellation {
            at: self.cancelled_at?,
            by: CancelledBy::from_word(self.cancelled_by.as_deref()?)?,
            reason: self.cancel_reason.clone()?,
        })
    }
}
