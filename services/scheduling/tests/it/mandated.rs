//! What referral does in a resident's name: for the referral that her mandate is for, within what her delegate may, and nothing else.

use chassis::{Context, Mandate};
use chrono::TimeDelta;
use proto::anjia::{
    common::v1::CareKind,
    identity::v1::{
        DelegatedAction, DelegationLimits, RecordMandateRequest, mandate_service_client::MandateServiceClient,
    },
    scheduling::v1::{
        Appointment, AppointmentState, CancelAppointmentRequest, ConfirmAppointmentRequest, HoldSlotRequest, Pool, Slot,
    },
};
use testkit::{TestCaller, callers, reason, request_id};
use tonic::{Code, Status};
use types::{
    ids::{ReferralId, ResidentId},
    region::RegionCode,
};

use crate::town::{Town, hold, now, session};

const METHODS: [&str; 3] = [
    "anjia.scheduling.v1.AppointmentService/HoldSlot",
    "anjia.scheduling.v1.AppointmentService/ConfirmAppointment",
    "anjia.scheduling.v1.AppointmentService/CancelAppointment",
];

/// Referral at work on one referral.
pub(crate) struct GoingOn {
    pub(crate) ctx: Context,
    pub(crate) referral: String,
}

impl Town {
    /// Referral goes on under a mandate that somebody gives now.
    pub(crate) async fn goes_on(&self, giver: &TestCaller) -> GoingOn {
        let referral = ReferralId::generate().to_string();
        let mut request = tonic::Request::new(RecordMandateRequest {
            request_id: request_id(),
            resident_id: callers::RESIDENT.to_string(),
            work: format!("referral:{referral}"),
            valid_days: 1,
            ..Default::default()
        });
        let token = giver.request(()).await.metadata().get("authorization").unwrap().clone();
        request.metadata_mut().insert("authorization", token);
        let mut mandates = MandateServiceClient::new(self.mesh.channel_as("referral", "identity"));
        let recorded = mandates.record_mandate(request).await.unwrap().into_inner().mandate.unwrap();
        let mandate = Mandate {
            id: recorded.mandate_id.parse().unwrap(),
            region: RegionCode::BEIJING,
            methods: METHODS.map(str::to_owned).to_vec(),
        };
        let ctx = self.mesh.fleet().credentials("referral").unwrap().continuation(&mandate).await.unwrap();
        GoingOn { ctx, referral }
    }

    pub(crate) async fn hold_going_on(&self, going_on: &GoingOn, slot: &Slot) -> Result<Appointment, Status> {
        self.hold_with(&going_on.ctx, HoldSlotRequest { referral_id: going_on.referral.clone(), ..hold(slot) }).await
    }

    async fn hold_with(&self, ctx: &Context, message: HoldSlotRequest) -> Result<Appointment, Status> {
        let answer = self.appointments().hold_slot(ctx.request(message)).await?;
        Ok(answer.into_inner().appointment.unwrap())
    }

    async fn confirm_with(&self, ctx: &Context, held: &Appointment) -> Result<Appointment, Status> {
        let message =
            ConfirmAppointmentRequest { request_id: request_id(), appointment_id: held.appointment_id.clone() };
        Ok(self.appointments().confirm_appointment(ctx.request(message)).await?.into_inner().appointment.unwrap())
    }

    async fn cancel_with(&self, ctx: &Context, held: &Appointment) -> Result<Appointment, Status> {
        let message = CancelAppointmentRequest {
            request_id: request_id(),
            appointment_id: held.appointment_id.clone(),
            ..Default::default()
        };
        Ok(self.appointments().cancel_appointment(ctx.request(message)).await?.into_inner().appointment.unwrap())
    }

    /// One place for referrals and one for everybody on each of so many days.
    async fn referral_slots(&self, days: i64) -> Vec<Slot> {
        let pools = [(Pool::Public, 1), (Pool::Referral, 1)];
        let sessions =
            (1..=days).map(|day| session(callers::CLINIC, now() + TimeDelta::days(day), 1, &pools)).collect();
        self.publish(&self.clinic, sessions).await.unwrap()
    }
}

fn refused<T: std::fmt::Debug>(outcome: Result<T, Status>) -> (Code, String) {
    let status = outcome.unwrap_err();
    (status.code(), reason(&status))
}

fn outside() -> (Code, String) {
    (Code::PermissionDenied, "OUTSIDE_MANDATE".to_owned())
}

#[tokio::test]
async fn rf_04_a_place_is_held_for_the_referral_that_the_mandate_is_for_and_for_no_other() {
    let town = Town::new().await;
    let slot = town.referral_slots(1).await.remove(0);
    let going_on = town.goes_on(&town.resident).await;
    let citing = |referral_id: String| HoldSlotRequest { referral_id, pool: Pool::Referral.into(), ..hold(&slot) };
    // Another referral, and none, also from a pool that is open to all.
    assert_eq!(refused(town.hold_with(&going_on.ctx, citing(ReferralId::generate().to_string())).await), outside());
    assert_eq!(refused(town.hold_with(&going_on.ctx, citing(String::new())).await), outside());
    assert_eq!(refused(town.hold_with(&going_on.ctx, hold(&slot)).await), outside());
    assert_eq!(town.taken(&slot).await, 0);

    let held = town.hold_with(&going_on.ctx, citing(going_on.referral.clone())).await.unwrap();
    assert_eq!((held.referral_id.as_str(), held.pool()), (going_on.referral.as_str(), Pool::Referral));
    // The resident cites none, whatever she knows of it.
    let named = HoldSlotRequest { referral_id: going_on.referral.clone(), ..hold(&slot) };
    assert_eq!(refused(town.hold_as(&town.resident, named).await).1, "INVALID_FIELD");
}

#[tokio::test]
async fn rf_04_under_a_mandate_nothing_is_confirmed_or_cancelled_but_the_place_of_its_referral() {
    let town = Town::new().await;
    let slots = town.referral_slots(3).await;
    let going_on = town.goes_on(&town.resident).await;
    let elsewhere = town.goes_on(&town.resident).await;
    let held = town.hold_going_on(&going_on, &slots[0]).await.unwrap();
    let of_another = town.hold_going_on(&elsewhere, &slots[1]).await.unwrap();
    let her_own = town.hold(&slots[2]).await.unwrap();
    for other in [&of_another, &her_own] {
        assert_eq!(refused(town.confirm_with(&going_on.ctx, other).await), outside());
        assert_eq!(refused(town.cancel_with(&going_on.ctx, other).await), outside());
        assert_eq!(town.get(&town.resident, &other.appointment_id).await.unwrap().state(), AppointmentState::Held);
    }
    let confirmed = town.confirm_with(&going_on.ctx, &held).await.unwrap();
    assert_eq!(confirmed.state(), AppointmentState::Confirmed);
    assert_eq!(town.cancel_with(&elsewhere.ctx, &of_another).await.unwrap().state(), AppointmentState::Cancelled);
    town.assert_sound().await;
}

#[tokio::test]
async fn rf_04_in_its_own_name_referral_finishes_what_it_booked_and_nothing_else() {
    let town = Town::new().await;
    let slots = town.referral_slots(3).await;
    let own = town.mesh.caller("referral").context().await.unwrap();
    let her_own = town.hold(&slots[0]).await.unwrap();
    assert_eq!(refused(town.confirm_with(&own, &her_own).await), outside());
    assert_eq!(refused(town.cancel_with(&own, &her_own).await), outside());

    let going_on = town.goes_on(&town.resident).await;
    let first = town.hold_going_on(&going_on, &slots[1]).await.unwrap();
    let second = town.hold_going_on(&going_on, &slots[2]).await.unwrap();
    assert_eq!(town.confirm_with(&own, &first).await.unwrap().state(), AppointmentState::Confirmed);
    assert_eq!(town.cancel_with(&own, &second).await.unwrap().state(), AppointmentState::Cancelled);
}

#[tokio::test]
async fn id_04_a_delegation_reaches_no_further_for_who_goes_on_under_the_delegates_mandate() {
    let town = Town::new().await;
    let slots = town.referral_slots(4).await;
    let within = async |limits: DelegationLimits| {
        let actions = [DelegatedAction::Refer, DelegatedAction::Book];
        let id = town.delegate_within(&town.resident, callers::RESIDENT, &actions, Some(limits)).await;
        town.worker.acting_for(ResidentId::from_uuid(callers::RESIDENT), id)
    };
    let denied = |reason: &str| (Code::PermissionDenied, reason.to_owned());

    let chronic = within(DelegationLimits { care_kinds: vec![CareKind::Chronic.into()], ..Default::default() }).await;
    let chronic = town.goes_on(&chronic).await;
    let outpatient = town.hold_going_on(&chronic, &slots[0]).await;
    assert_eq!(refused(outpatient), denied("SERVICE_KIND_NOT_DELEGATED"));
    let wish =
        HoldSlotRequest { referral_id: chronic.referral.clone(), kind: CareKind::Chronic.into(), ..hold(&slots[0]) };
    town.hold_with(&chronic.ctx, wish).await.unwrap();

    let hospital = DelegationLimits { organisation_ids: vec![callers::HOSPITAL.to_string()], ..Default::default() };
    let hospital = town.goes_on(&within(hospital).await).await;
    let at_the_clinic = town.hold_going_on(&hospital, &slots[1]).await;
    assert_eq!(refused(at_the_clinic), denied("ORGANISATION_NOT_DELEGATED"));

    // What the delegate books and what goes on in their name are uses of the one delegation.
    let once = within(DelegationLimits { uses_max: 1, ..Default::default() }).await;
    let going_on = town.goes_on(&once).await;
    town.hold_going_on(&going_on, &slots[2]).await.unwrap();
    let used_up = (Code::ResourceExhausted, "DELEGATION_USED_UP".to_owned());
    assert_eq!(refused(town.hold_going_on(&going_on, &slots[3]).await), used_up);
    assert_eq!(refused(town.hold_as(&once, hold(&slots[3])).await), used_up);
    town.assert_sound().await;
}
