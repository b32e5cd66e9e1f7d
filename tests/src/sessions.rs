//! Places: what the providers of the city publish, and how they are booked.

use chrono::{DurationRound, TimeDelta};
use devstack::callers::{CLINIC, DOCTOR, HOSPITAL};
use prost_types::Timestamp;
use proto::anjia::common::v1::CareKind;
use proto::anjia::scheduling::v1::appointment_service_client::AppointmentServiceClient;
use proto::anjia::scheduling::v1::session_service_client::SessionServiceClient;
use proto::anjia::scheduling::v1::{
    Appointment, Channel, HoldSlotRequest, Pool, PoolShare, PublishSessionsRequest, SearchSlotsRequest, Session, Slot,
    SlotOffer,
};
use testkit::request_id;
use tonic::Status;

use crate::city::CARDIOLOGY;
use crate::{City, Patient, now, place};

const SLOT_LENGTH_MINUTES: i32 = 30;
const SLOTS: i64 = 16;

impl City {
    /// The family doctor's hours at the clinic, from two hours from now: slots with `places` public places each.
    pub async fn clinic_hours(&self, places: i32) -> Vec<Slot> {
        let session = Session {
            provider_organisation_id: CLINIC.to_string(),
            practitioner_id: DOCTOR.to_string(),
            ..session(CareKind::Outpatient, Pool::Public, places)
        };
        self.publish("clinic", session).await
    }

    /// Beds of the hospital's cardiology, kept for referred patients.
    pub async fn ward(&self, places: i32) -> Vec<Slot> {
        let session = Session {
            provider_organisation_id: HOSPITAL.to_string(),
            department_id: CARDIOLOGY.to_string(),
            ..session(CareKind::Inpatient, Pool::Referral, places)
        };
        self.publish("hospital", session).await
    }

    /// The family doctor's hours in a week, kept for referred patients.
    pub async fn follow_up_hours(&self, places: i32) -> Vec<Slot> {
        let session = session(CareKind::Outpatient, Pool::Referral, places);
        let in_a_week = |moment: Option<Timestamp>| {
            moment.map(|moment| Timestamp { seconds: moment.seconds + TimeDelta::days(7).num_seconds(), ..moment })
        };
        let session = Session {
            provider_organisation_id: CLINIC.to_string(),
            practitioner_id: DOCTOR.to_string(),
            starts_at: in_a_week(session.starts_at),
            ends_at: in_a_week(session.ends_at),
            ..session
        };
        self.publish("clinic", session).await
    }

    async fn publish(&self, caller: &str, session: Session) -> Vec<Slot> {
        let message = PublishSessionsRequest { request_id: request_id(), sessions: vec![session] };
        let request = self.caller(caller).request(message).await;
        let mut sessions = SessionServiceClient::new(self.channel("scheduling"));
        sessions.publish_sessions(request).await.expect("a session is published").into_inner().slots
    }

    pub async fn search(&self, patient: &Patient) -> Result<Vec<SlotOffer>, Status> {
        let request = patient.caller.request(near_clinic()).await;
        let mut sessions = SessionServiceClient::new(self.channel("scheduling"));
        Ok(sessions.search_slots(request).await?.into_inner().offers)
    }

    pub async fn hold(&self, patient: &Patient, slot_id: &str) -> Result<Appointment, Status> {
        let message = hold(patient, slot_id);
        let request = patient.caller.request(message).await;
        let mut appointments = AppointmentServiceClient::new(self.channel("scheduling"));
        let answer = appointments.hold_slot(request).await?.into_inner();
        Ok(answer.appointment.expect("a hold answers the appointment"))
    }
}

/// To hold a place of the clinic.
pub fn hold(patient: &Patient, slot_id: &str) -> HoldSlotRequest {
    HoldSlotRequest {
        request_id: request_id(),
        resident_id: patient.id.to_string(),
        slot_id: slot_id.to_owned(),
        kind: CareKind::Outpatient.into(),
        channel: Channel::App.into(),
        ..HoldSlotRequest::default()
    }
}

/// What a patient at the clinic's door asks for.
pub fn near_clinic() -> SearchSlotsRequest {
    SearchSlotsRequest {
        near: Some(place(39.931, 116.341)),
        kind: CareKind::Outpatient.into(),
        ..SearchSlotsRequest::default()
    }
}

fn session(kind: CareKind, pool: Pool, places: i32) -> Session {
    let hour = (now() + TimeDelta::hours(2)).duration_trunc(TimeDelta::hours(1)).expect("an hour");
    let length = TimeDelta::minutes(i64::from(SLOT_LENGTH_MINUTES) * SLOTS);
    Session {
        kinds: vec![kind.into()],
        starts_at: Some(proto::convert::to_timestamp(hour)),
        ends_at: Some(proto::convert::to_timestamp(hour + length)),
        slot_length_minutes: SLOT_LENGTH_MINUTES,
        pools: vec![PoolShare { pool: pool.into(), places }],
        ..Session::default()
    }
}
