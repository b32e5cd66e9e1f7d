//! Who does not come, and what follows from it.

use chrono::{DateTime, TimeDelta, Utc};
use proto::anjia::common::v1::{CareKind, PageRequest};
use proto::anjia::scheduling::v1::{
    AppealGround, AppealSuspensionRequest, Appointment, AppointmentState, Channel, DismissAppealRequest,
    HoldSlotRequest, LiftSuspensionRequest, ListSuspensionsRequest, MarkNoShowRequest, Pool, Session, Slot, Suspension,
    SuspensionState, suspension_service_client::SuspensionServiceClient,
};
use testkit::{TestCaller, callers, reason, request_id};
use tonic::{Code, Status};
use types::ids::SuspensionId;

use crate::events::pull;
use crate::town::{Town, field, hold, now, pause, session};

fn client(town: &Town) -> SuspensionServiceClient<chassis::channel::Channel> {
    SuspensionServiceClient::new(town.mesh.channel("scheduling"))
}

fn missed(appointment: &Appointment) -> MarkNoShowRequest {
    MarkNoShowRequest { request_id: request_id(), appointment_id: appointment.appointment_id.clone() }
}

async fn mark(town: &Town, caller: &TestCaller, request: MarkNoShowRequest) -> Result<Appointment, Status> {
    let answer = town.appointments().mark_no_show(caller.request(request).await).await?;
    Ok(answer.into_inner().appointment.unwrap())
}

/// As if it had been for then.
async fn was_at(town: &Town, appointment: &Appointment, starts_at: DateTime<Utc>) {
    let id: uuid::Uuid = appointment.appointment_id.parse().unwrap();
    sqlx::query("UPDATE appointments SET starts_at = $2, ends_at = $2 + interval '30 minutes' WHERE id = $1")
        .bind(id)
        .bind(starts_at)
        .execute(&mut town.mesh.owner("scheduling").await)
        .await
        .unwrap();
}

/// So many days of the clinic, one slot each, also for emergencies.
async fn days(town: &Town, count: i64) -> Vec<Slot> {
    let kinds = vec![CareKind::Outpatient.into(), CareKind::Emergency.into()];
    let day = |day| Session {
        kinds: kinds.clone(),
        ..session(callers::CLINIC, now() + TimeDelta::days(day), 1, &[(Pool::Public, 9)])
    };
    town.publish(&town.clinic, (1..=count).map(day).collect()).await.unwrap()
}

async fn listed(town: &Town, caller: &TestCaller, resident_id: &str) -> Result<Vec<Suspension>, Status> {
    let page = Some(PageRequest { page_size: 10, ..Default::default() });
    let request = ListSuspensionsRequest { resident_id: resident_id.to_owned(), page };
    Ok(client(town).list_suspensions(caller.request(request).await).await?.into_inner().suspensions)
}

/// A resident who has missed three appointments.
async fn suspended(town: &Town, slots: &[Slot]) -> Suspension {
    for (slot, hours) in slots.iter().take(3).zip([30, 20, 10]) {
        let booked = town.booked(slot).await;
        was_at(town, &booked, now() - TimeDelta::hours(hours)).await;
        mark(town, &town.clinic, missed(&booked)).await.unwrap();
    }
    listed(town, &town.resident, &callers::RESIDENT.to_string()).await.unwrap().remove(0)
}

#[tokio::test]
async fn sc_04_the_provider_says_that_the_patient_did_not_come_and_not_too_early() {
    let town = Town::new().await;
    let slots = days(&town, 2).await;
    let booked = town.booked(&slots[0]).await;
    let refused = async |caller: &TestCaller| {
        let refusal = mark(&town, caller, missed(&booked)).await.unwrap_err();
        (refusal.code(), reason(&refusal))
    };
    let is = |code: Code, reason: &str| (code, reason.to_owned());
    assert_eq!(refused(&town.clinic).await, is(Code::FailedPrecondition, "TOO_EARLY"));
    was_at(&town, &booked, now() - TimeDelta::minutes(29)).await;
    assert_eq!(refused(&town.clinic).await, is(Code::FailedPrecondition, "TOO_EARLY"));
    was_at(&town, &booked, now() - TimeDelta::minutes(30)).await;
    assert_eq!(refused(&town.hospital).await, is(Code::PermissionDenied, "OUTSIDE_SCOPE"));
    assert_eq!(refused(&town.resident).await, is(Code::PermissionDenied, "METHOD_NOT_PERMITTED"));

    let request = missed(&booked);
    let marked = mark(&town, &town.clinic, request.clone()).await.unwrap();
    assert_eq!(marked.state(), AppointmentState::NoShow);
    assert_eq!(mark(&town, &town.clinic, request).await.unwrap(), marked);
    assert_eq!(mark(&town, &town.clinic, missed(&booked)).await.unwrap(), marked, "said again it stays so");
    assert_eq!(town.taken(&slots[0]).await, 1, "the place was kept in vain");
    let held = town.hold(&slots[1]).await.unwrap();
    let refusal = mark(&town, &town.clinic, missed(&held)).await.unwrap_err();
    assert_eq!(reason(&refusal), "APPOINTMENT_NOT_CONFIRMED");
    town.assert_sound().await;

    let mut kinds: Vec<String> = vec![];
    while kinds.len() < 4 {
        let after = i64::try_from(kinds.len()).unwrap();
        kinds.extend(pull(&town, "payment", after).await.unwrap().into_iter().map(|event| event.r#type));
    }
    assert_eq!(kinds[2], "anjia.scheduling.appointment.no_show.v1", "told once: {kinds:?}");
    assert_eq!(kinds[3], "anjia.scheduling.appointment.held.v1");
}

#[tokio::test]
async fn sc_08_the_third_no_show_suspends_online_booking_and_nothing_else() {
    let town = Town::new().await;
    let slots = days(&town, 7).await;
    let suspension = suspended(&town, &slots).await;
    assert_eq!((suspension.state(), suspension.appointment_ids.len()), (SuspensionState::Standing, 3));
    let seconds = suspension.until.unwrap().seconds - suspension.since.unwrap().seconds;
    assert_eq!(seconds, 90 * 86_400);

    for channel in [Channel::App, Channel::Phone] {
        let wish = HoldSlotRequest { channel: channel.into(), ..hold(&slots[3]) };
        let refusal = town.hold_as(&town.resident, wish).await.unwrap_err();
        assert_eq!((refusal.code(), reason(&refusal)), (Code::FailedPrecondition, "SUSPENDED".to_owned()));
    }
    assert_eq!(town.taken(&slots[3]).await, 0);
    // At a desk, and for an emergency, which is not the patient's own word.
    let at_desk = HoldSlotRequest { channel: Channel::Desk.into(), ..hold(&slots[4]) };
    town.hold_as(&town.acting, at_desk).await.unwrap();
    let emergency = HoldSlotRequest { kind: CareKind::Emergency.into(), ..hold(&slots[5]) };
    let said_alone = town.hold_as(&town.resident, emergency.clone()).await.unwrap_err();
    assert_eq!(reason(&said_alone), "EMERGENCY_BY_STAFF_ONLY");
    town.hold_as(&town.acting, emergency).await.unwrap();
    // Somebody else is not concerned.
    let (other, other_id) = town.newcomer("other").await;
    town.hold_as(&other, HoldSlotRequest { resident_id: other_id.clone(), ..hold(&slots[6]) }).await.unwrap();
    assert_eq!(listed(&town, &other, &other_id).await.unwrap(), []);
    let foreign = listed(&town, &other, &callers::RESIDENT.to_string()).await.unwrap_err();
    assert_eq!(reason(&foreign), "OUTSIDE_SCOPE");
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_08_a_city_may_suspend_every_channel() {
    let settings = [("NO_SHOWS_MAX", "1"), ("SUSPENSION_D", "1"), ("SUSPENSION_OF_EVERY_CHANNEL", "true")];
    let town = Town::with(&settings).await;
    let slots = days(&town, 2).await;
    let booked = town.booked(&slots[0]).await;
    was_at(&town, &booked, now() - TimeDelta::hours(1)).await;
    mark(&town, &town.clinic, missed(&booked)).await.unwrap();
    let at_desk = HoldSlotRequest { channel: Channel::Desk.into(), ..hold(&slots[1]) };
    assert_eq!(reason(&town.hold_as(&town.acting, at_desk).await.unwrap_err()), "SUSPENDED");
    let emergency = HoldSlotRequest { kind: CareKind::Emergency.into(), ..hold(&slots[1]) };
    town.hold_as(&town.acting, emergency).await.unwrap();
}

#[tokio::test]
async fn sc_08_a_suspension_is_appealed_and_an_officer_decides() {
    let town = Town::new().await;
    let slots = days(&town, 4).await;
    let operator = town.mesh.caller("operator");
    let suspension_id = suspended(&town, &slots).await.suspension_id;
    let resident_id = callers::RESIDENT.to_string();
    let appeal = |ground: AppealGround| AppealSuspensionRequest {
        request_id: request_id(),
        suspension_id: suspension_id.clone(),
        resident_id: resident_id.clone(),
        ground: ground.into(),
    };
    let unsaid = client(&town).appeal_suspension(town.resident.request(appeal(AppealGround::Unspecified)).await).await;
    assert_eq!(field(&unsaid.unwrap_err()), "ground");
    let unknown =
        AppealSuspensionRequest { suspension_id: SuspensionId::generate().to_string(), ..appeal(AppealGround::Came) };
    let unknown = client(&town).appeal_suspension(town.resident.request(unknown).await).await.unwrap_err();
    assert_eq!((unknown.code(), reason(&unknown)), (Code::NotFound, "SUSPENSION_NOT_FOUND".to_owned()));
    let (stranger, stranger_id) = town.newcomer("stranger").await;
    let foreign = AppealSuspensionRequest { resident_id: stranger_id, ..appeal(AppealGround::Came) };
    let foreign = client(&town).appeal_suspension(stranger.request(foreign).await).await.unwrap_err();
    assert_eq!(reason(&foreign), "OUTSIDE_SCOPE");
    let dismiss = || DismissAppealRequest {
        request_id: request_id(),
        suspension_id: suspension_id.clone(),
        reason: "the clinic was open".to_owned(),
    };
    let early = client(&town).dismiss_appeal(operator.request(dismiss()).await).await.unwrap_err();
    assert_eq!(reason(&early), "NO_APPEAL");
    assert_eq!(listed(&town, &operator, "").await.unwrap(), []);

    let request = appeal(AppealGround::Came);
    let first = client(&town).appeal_suspension(town.resident.request(request.clone()).await).await.unwrap();
    let again = client(&town).appeal_suspension(town.resident.request(request).await).await.unwrap();
    assert_eq!(first.get_ref(), again.get_ref());
    let second = client(&town).appeal_suspension(town.resident.request(appeal(AppealGround::Prevented)).await).await;
    assert_eq!(reason(&second.unwrap_err()), "ALREADY_APPEALED");
    let open = listed(&town, &operator, "").await.unwrap();
    assert_eq!(
        open.iter().map(|it| (it.state(), it.ground())).collect::<Vec<_>>(),
        [(SuspensionState::Appealed, AppealGround::Came)]
    );
    assert_eq!(field(&listed(&town, &town.resident, "").await.unwrap_err()), "resident_id");

    client(&town).dismiss_appeal(operator.request(dismiss()).await).await.unwrap();
    assert_eq!(reason(&town.hold(&slots[3]).await.unwrap_err()), "SUSPENDED");
    let lift = LiftSuspensionRequest {
        request_id: request_id(),
        suspension_id: suspension_id.clone(),
        reason: "it was shown that she came".to_owned(),
    };
    let own = client(&town).lift_suspension(town.resident.request(lift.clone()).await).await.unwrap_err();
    assert_eq!(reason(&own), "METHOD_NOT_PERMITTED");
    let lifted = client(&town).lift_suspension(operator.request(lift).await).await.unwrap().into_inner().suspension;
    assert_eq!(lifted.unwrap().state(), SuspensionState::Lifted);
    town.hold(&slots[3]).await.unwrap();
}

#[tokio::test]
async fn sc_04_nobody_is_called_missed_by_itself_before_three_days_are_over() {
    let mut town = Town::new().await;
    let slots = days(&town, 2).await;
    let (long_ago, lately) = (town.booked(&slots[0]).await, town.booked(&slots[1]).await);
    was_at(&town, &long_ago, now() - TimeDelta::hours(73)).await;
    was_at(&town, &lately, now() - TimeDelta::hours(72)).await;
    // It looks when it starts.
    town.mesh.kill("scheduling");
    town.mesh.start_again("scheduling").await;
    let state = async |it: &Appointment| town.get(&town.resident, &it.appointment_id).await.unwrap().state();
    for _ in 0..100 {
        if state(&long_ago).await == AppointmentState::NoShow {
            break;
        }
        pause(100).await;
    }
    assert_eq!((state(&long_ago).await, state(&lately).await), (AppointmentState::NoShow, AppointmentState::Confirmed));
    town.assert_sound().await;
}
