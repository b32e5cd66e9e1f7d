//! Domain to wire, and the words of scheduling's own enumerations from it.

use chassis::Permitted;
use chrono::Timelike as _;
use proto::{
    anjia::{common::v1 as common, scheduling::v1 as wire},
    convert::{self, FieldError, to_timestamp},
};
use types::ids::SlotId;

use crate::domain::{
    appointment::{Appointment, CancelledBy, Channel, State},
    calendar::ResourceKind,
    notice::CancelNotice,
    offer::Offer,
    pool::Pool,
    price::Price,
    session::{Session, Slot},
    together::SLOTS_MAX,
    visit::{IdentityProof, Outcome, Present, Visit},
};

const DEVICE_LENGTH_MAX: usize = 100;

/// A word of an enumeration; zero means "not said".
macro_rules! word {
    ($parse:ident, $encode:ident, $own:ty, $wire:ty, { $($variant:ident),+ $(,)? }) => {
        pub(super) fn $parse(field: &str, value: i32) -> Result<Option<$own>, FieldError> {
            match <$wire>::try_from(value) {
                Ok(<$wire>::Unspecified) => Ok(None),
                $(Ok(<$wire>::$variant) => Ok(Some(<$own>::$variant)),)+
                Err(_) => Err(FieldError::new(field, "is not a value of this enumeration")),
            }
        }

        pub(super) fn $encode(value: $own) -> i32 {
            match value {
                $(<$own>::$variant => <$wire>::$variant.into(),)+
            }
        }
    };
}

word!(pool, to_pool, Pool, wire::Pool, { Public, Referral, FamilyDoctor, CommunityWorker, PhoneElderly });
word!(channel, to_channel, Channel, wire::Channel, { App, Desk, Phone, Bank, Referral });
word!(resource_kind, to_resource_kind, ResourceKind, wire::ResourceKind, { Room, Equipment });
word!(identity_proof, to_identity_proof, IdentityProof, wire::IdentityProof, { IdCard, ElectronicCredential, None });
word!(outcome, to_outcome, Outcome, wire::VisitOutcome, {
    Completed, Discharged, Transferred, MedicineCollected, LeftUnseen,
});

/// A word that must be said.
pub(super) fn said<T>(field: &str, word: Option<T>) -> Result<T, FieldError> {
    word.ok_or_else(|| FieldError::new(field, "is required"))
}

pub(super) fn to_slot(slot: Slot) -> wire::Slot {
    wire::Slot {
        slot_id: slot.id.to_string(),
        session_id: slot.session.to_string(),
        starts_at: Some(to_timestamp(slot.starts_at)),
        ends_at: Some(to_timestamp(slot.ends_at)),
    }
}

pub(super) fn to_session(session: &Permitted<Session>) -> wire::Session {
    let share = |share: &crate::domain::session::PoolShare| wire::PoolShare {
        pool: to_pool(share.pool),
        places: share.places.into(),
    };
    wire::Session {
        session_id: session.id.to_string(),
        provider_organisation_id: session.organisation.to_string(),
        tier: convert::to_tier(session.tier),
        place: Some(convert::to_place(session.place)),
        department_id: text(session.department),
        practitioner_id: text(session.practitioner),
        kinds: session.kinds.iter().copied().map(convert::to_care_kind).collect(),
        starts_at: Some(to_timestamp(session.starts_at)),
        ends_at: Some(to_timestamp(session.ends_at)),
        slot_length_minutes: session.slot_length_minutes.into(),
        pools: session.pools.iter().map(share).collect(),
        capabilities: session.capabilities.clone(),
        cancel_notice: session.terms.cancel_notice.map(to_cancel_notice),
        expected_lines: convert::to_expected_lines(&session.terms.expected_lines),
    }
}

pub(super) fn to_cancel_notice(notice: CancelNotice) -> wire::CancelNotice {
    use wire::cancel_notice::Notice;
    let number = |value: u32| i32::try_from(value).unwrap_or(i32::MAX);
    let notice = match notice {
        CancelNotice::MinutesBefore(minutes) => Notice::MinutesBefore(minutes.into()),
        CancelNotice::PreviousWorkingDay(time) => {
            let (hour, minute) = (number(time.hour()), number(time.minute()));
            Notice::PreviousWorkingDay(wire::WorkingDayNotice { hour, minute })
        }
    };
    wire::CancelNotice { notice: Some(notice) }
}

pub(super) fn to_offer(offer: Offer) -> wire::SlotOffer {
    wire::SlotOffer {
        slot: Some(to_slot(offer.slot)),
        provider_organisation_id: offer.organisation.to_string(),
        tier: convert::to_tier(offer.tier),
        department_id: text(offer.department),
        practitioner_id: text(offer.practitioner),
        distance_m: i32::try_from(offer.distance_m).unwrap_or(i32::MAX),
        free_places: offer.free_places.into(),
        reason: Some(common::Localized { zh: offer.reason.zh, en: offer.reason.en }),
        earliest_at: Some(to_timestamp(offer.earliest_at)),
        booked_percent: offer.booked_percent.into(),
        expected_wait_minutes: i32::try_from(offer.wait_minutes).unwrap_or(i32::MAX),
        expected_price: offer.price.map(to_price),
    }
}

fn to_price(price: Price) -> wire::ExpectedPrice {
    wire::ExpectedPrice {
        total: Some(convert::to_money(price.total)),
        own_share: Some(convert::to_money(price.own_share)),
        quotes: price.quotes,
        is_departments: price.is_departments,
    }
}

/// What an app calls its device; empty for none.
pub(super) fn device(field: &str, id: &str) -> Result<Option<String>, FieldError> {
    let id = convert::optional_text(field, id, DEVICE_LENGTH_MAX)?;
    Ok(Some(id).filter(|id| !id.is_empty()))
}

/// The place of an appointment, and further ones of it.
pub(super) fn slots(field: &str, ids: &[String]) -> Result<(SlotId, Vec<SlotId>), FieldError> {
    if !(1..=SLOTS_MAX).contains(&ids.len()) {
        return Err(FieldError::new(field, format!("must be 1 to {SLOTS_MAX}")));
    }
    let mut ids = ids.iter().enumerate().map(|(index, id)| convert::id(&format!("{field}[{index}]"), id));
    let first = ids.next().ok_or_else(|| FieldError::new(field, "is required"))??;
    Ok((first, ids.collect::<Result<_, _>>()?))
}

pub(super) fn to_appointment(appointment: &Permitted<Appointment>) -> wire::Appointment {
    let (cancelled_by, cancel_reason) = match &appointment.state {
        State::Cancelled(cancellation) => (to_cancelled_by(cancellation.by), cancellation.reason.clone()),
        _ => (wire::CancelledBy::Unspecified, String::new()),
    };
    let (hold_expires_at, visit_id) = match appointment.state {
        State::Held => (Some(to_timestamp(appointment.hold_expires_at)), String::new()),
        State::Displaced(until) => (Some(to_timestamp(until)), String::new()),
        State::Kept(visit) => (None, visit.to_string()),
        _ => (None, String::new()),
    };
    wire::Appointment {
        appointment_id: appointment.id.to_string(),
        resident_id: appointment.resident.to_string(),
        slot: Some(to_slot(appointment.slot)),
        provider_organisation_id: appointment.organisation.to_string(),
        department_id: text(appointment.department),
        practitioner_id: text(appointment.practitioner),
        kind: convert::to_care_kind(appointment.kind),
        pool: to_pool(appointment.pool),
        channel: to_channel(appointment.channel),
        booked_by: appointment.booked_by.to_string(),
        state: to_state(&appointment.state).into(),
        hold_expires_at,
        confirmed_at: appointment.confirmed_at.map(to_timestamp),
        cancelled_by: cancelled_by.into(),
        cancel_reason,
        visit_id,
        quote_id: text(appointment.quote),
        referral_id: text(appointment.referral),
        journey_id: appointment.journey.to_string(),
        expected_lines: convert::to_expected_lines(appointment.expected_lines()),
        revision: appointment.revision,
        held_at: Some(to_timestamp(appointment.held_at)),
        more_slot_ids: appointment.more_slots.iter().map(ToString::to_string).collect(),
        cancel_until: appointment.terms.cancel_until.map(to_timestamp),
    }
}

pub(super) fn to_visit(visit: &Permitted<Visit>) -> wire::Visit {
    let present = match visit.present {
        Present::Patient => wire::Present::Self_,
        Present::Delegate { .. } => wire::Present::Delegate,
    };
    let state = match visit.ended.map(|ended| ended.outcome) {
        None => wire::VisitState::Open,
        Some(Outcome::LeftUnseen) => wire::VisitState::LeftUnseen,
        Some(_) => wire::VisitState::Ended,
    };
    wire::Visit {
        visit_id: visit.id.to_string(),
        resident_id: visit.resident.to_string(),
        provider_organisation_id: visit.organisation.to_string(),
        tier: convert::to_tier(visit.tier),
        kind: convert::to_care_kind(visit.kind),
        appointment_id: text(visit.appointment),
        referral_id: text(visit.referral),
        journey_id: visit.journey.to_string(),
        present: present.into(),
        identity_proof: to_identity_proof(visit.identity_proof),
        state: state.into(),
        opened_at: Some(to_timestamp(visit.opened_at)),
        ended_at: visit.ended.map(|ended| to_timestamp(ended.at)),
        outcome: visit.ended.map(|ended| to_outcome(ended.outcome)).unwrap_or_default(),
        region_code: visit.region.to_string(),
    }
}

fn to_state(state: &State) -> wire::AppointmentState {
    match state {
        State::Held => wire::AppointmentState::Held,
        State::Confirmed => wire::AppointmentState::Confirmed,
        State::Kept(_) => wire::AppointmentState::Kept,
        State::Expired => wire::AppointmentState::Expired,
        State::Cancelled(_) => wire::AppointmentState::Cancelled,
        State::NoShow => wire::AppointmentState::NoShow,
        State::Displaced(_) => wire::AppointmentState::Displaced,
    }
}

const fn to_cancelled_by(by: CancelledBy) -> wire::CancelledBy {
    match by {
        CancelledBy::Patient => wire::CancelledBy::Patient,
        CancelledBy::Provider => wire::CancelledBy::Provider,
        CancelledBy::Operator => wire::CancelledBy::Operator,
    }
}

fn text<T: ToString>(id: Option<T>) -> String {
    id.map(|id| id.to_string()).unwrap_or_default()
}
