use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use proto::anjia::common::v1::CareKind;
use proto::anjia::scheduling::v1::{
    Appointment, AppointmentState, CancelAppointmentRequest, CancelNotice, CancelledBy, ChangeSessionRequest,
    ChangeSessionResponse, DeclareExceptionRequest, ExceptionScope, Fate, GetSessionRequest, HoldSlotRequest, Pool,
    PoolShare, Session, SessionTemplate, Slot, WorkingDayNotice, cancel_notice::Notice,
};
use proto::convert::{timestamp, to_timestamp};
use scheduling::domain::holidays::is_working_day;
use testkit::{TestCaller, callers, reason, request_id};
use tonic::{Code, Status};
use types::clock::{local_date, start_of_local_day};
use types::ids::AppointmentId;

use crate::calendar;
use crate::reschedule::{reschedule, to};
use crate::town::{Town, field, hold, now, session};

async fn cancel(
    town: &Town,
    caller: &TestCaller,
    request: CancelAppointmentRequest,
) -> Result<Option<Appointment>, Status> {
    let answer = town.appointments().cancel_appointment(caller.request(request).await).await?;
    Ok(answer.into_inner().appointment)
}

fn wish(appointment_id: &str) -> CancelAppointmentRequest {
    CancelAppointmentRequest {
        request_id: request_id(),
        appointment_id: appointment_id.to_owned(),
        reason: "better".to_owned(),
        ..Default::default()
    }
}

/// As the Beijing appointment platform has it.
const AT_TWO: CancelNotice =
    CancelNotice { notice: Some(Notice::PreviousWorkingDay(WorkingDayNotice { hour: 14, minute: 0 })) };

/// The last day before on which people work, unless they rest on that one.
fn working_day_before(day: NaiveDate, rest: Option<NaiveDate>) -> NaiveDate {
    let mut before = (1..).map(|days| day - Days::new(days));
    before.find(|day| is_working_day(*day) && rest != Some(*day)).unwrap()
}

fn at_two(day: NaiveDate) -> DateTime<Utc> {
    start_of_local_day(day) + TimeDelta::hours(14)
}

fn until(appointment: &Appointment) -> DateTime<Utc> {
    timestamp("cancel_until", appointment.cancel_until.as_ref()).unwrap()
}

fn nine(day: NaiveDate) -> DateTime<Utc> {
    start_of_local_day(day) + TimeDelta::hours(9)
}

/// The session of a slot goes to half an hour then, and is cut into slots of that length.
async fn change(town: &Town, slot: &Slot, starts_at: DateTime<Utc>, slot_length_minutes: i32) -> ChangeSessionResponse {
    let request = ChangeSessionRequest {
        request_id: request_id(),
        session_id: slot.session_id.clone(),
        starts_at: Some(to_timestamp(starts_at)),
        ends_at: Some(to_timestamp(starts_at + TimeDelta::minutes(30))),
        slot_length_minutes,
        kinds: vec![CareKind::Outpatient.into()],
        pools: vec![PoolShare { pool: Pool::Public.into(), places: 2 }],
        reason: "调整".to_owned(),
        ..Default::default()
    };
    calendar::client(town).change_session(town.clinic.request(request).await).await.unwrap().into_inner()
}

/// The whole region rests on that day.
async fn close(town: &Town, day: NaiveDate) {
    let request = DeclareExceptionRequest {
        request_id: request_id(),
        scope: ExceptionScope::Region.into(),
        subject_id: String::new(),
        since: Some(to_timestamp(start_of_local_day(day))),
        until: Some(to_timestamp(start_of_local_day(day + Days::new(1)))),
        reason: "放假".to_owned(),
    };
    let request = town.mesh.caller("operator").request(request).await;
    calendar::client(town).declare_exception(request).await.unwrap();
}

#[tokio::test]
async fn sc_04_a_cancelled_place_is_free_again_once() {
    let town = Town::new().await;
    let slot = town.clinic_slots(now() + TimeDelta::hours(2), 1, 1).await.remove(0);
    let booked = town.booked(&slot).await;
    let request = wish(&booked.appointment_id);
    let first = cancel(&town, &town.resident, request.clone()).await.unwrap().unwrap();
    assert_eq!((first.state(), first.cancelled_by()), (AppointmentState::Cancelled, CancelledBy::Patient));
    assert_eq!(first.cancel_reason, "better");
    assert_eq!(cancel(&town, &town.resident, request).await.unwrap().unwrap(), first);
    // Under another key it answers the same and gives nothing back twice.
    let again = CancelAppointmentRequest { reason: "again".to_owned(), ..wish(&booked.appointment_id) };
    assert_eq!(cancel(&town, &town.resident, again).await.unwrap().unwrap(), first);
    assert_eq!(town.taken(&slot).await, 0);
    town.hold(&slot).await.unwrap();
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_04_a_patient_gives_a_firm_place_up_until_the_moment_that_its_session_says() {
    let town = Town::new().await;
    let sessions = [(10, 60), (2, 180)].map(|(hours, minutes)| {
        let starts_at = now() + TimeDelta::hours(hours);
        let cancel_notice = Some(CancelNotice { notice: Some(Notice::MinutesBefore(minutes)) });
        Session { cancel_notice, ..session(callers::CLINIC, starts_at, 1, &[(Pool::Public, 2)]) }
    });
    let slots = town.publish(&town.clinic, sessions.to_vec()).await.unwrap();
    let [soon, later] = [&slots[0], &slots[1]];
    let held = town.hold(soon).await.unwrap();
    assert_eq!(until(&held), timestamp("starts_at", soon.starts_at.as_ref()).unwrap() - TimeDelta::hours(3));
    // A hold is nobody's word yet.
    assert!(cancel(&town, &town.resident, wish(&held.appointment_id)).await.is_ok());

    let booked = town.booked(soon).await;
    let refusal = cancel(&town, &town.resident, wish(&booked.appointment_id)).await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal)), (Code::FailedPrecondition, "TOO_LATE_TO_CANCEL".to_owned()));
    let refusal = reschedule(&town, &town.resident, to(&booked, &[later])).await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal)), (Code::FailedPrecondition, "TOO_LATE_TO_CANCEL".to_owned()));
    assert_eq!(town.taken(soon).await, 1);
    assert!(cancel(&town, &town.clinic, wish(&booked.appointment_id)).await.is_ok(), "the provider may at any time");

    let booked = town.booked(later).await;
    assert!(cancel(&town, &town.resident, wish(&booked.appointment_id)).await.is_ok());
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_04_a_template_by_the_working_day_promises_an_instant_that_no_later_holiday_changes() {
    let town = Town::new().await;
    // The template is of this weekday, too.
    let day = local_date(now()) + Days::new(16);
    let rest = working_day_before(day, None);
    close(&town, rest).await;
    let made = calendar::create(&town, SessionTemplate { cancel_notice: Some(AT_TWO), ..calendar::template() }).await;
    assert_eq!(made.unwrap().cancel_notice, Some(AT_TWO));
    calendar::generate(&town, day).await.unwrap();
    let get = GetSessionRequest { session_id: town.session_of(&day).await };
    let found = town.sessions().get_session(town.clinic.request(get).await).await.unwrap().into_inner();
    assert_eq!(found.session.unwrap().cancel_notice, Some(AT_TWO));

    let before = working_day_before(day, Some(rest));
    let booked = town.booked(&found.slots[0]).await;
    assert_eq!(until(&booked), at_two(before));
    close(&town, before).await;
    assert_eq!(until(&town.get(&town.resident, &booked.appointment_id).await.unwrap()), at_two(before));
    assert!(cancel(&town, &town.resident, wish(&booked.appointment_id)).await.is_ok());
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_04_what_is_published_after_its_instant_only_the_provider_gives_up() {
    let town = Town::new().await;
    let starts_at = now() + TimeDelta::hours(2);
    let late = Session { cancel_notice: Some(AT_TWO), ..session(callers::CLINIC, starts_at, 1, &[(Pool::Public, 1)]) };
    let slot = town.publish(&town.clinic, vec![late]).await.unwrap().remove(0);
    let booked = town.booked(&slot).await;
    assert_eq!(until(&booked), at_two(working_day_before(local_date(starts_at), None)));
    let refusal = cancel(&town, &town.resident, wish(&booked.appointment_id)).await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal)), (Code::FailedPrecondition, "TOO_LATE_TO_CANCEL".to_owned()));
    assert!(cancel(&town, &town.clinic, wish(&booked.appointment_id)).await.is_ok());
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_04_a_session_that_goes_to_another_day_has_its_instant_reckoned_anew() {
    let town = Town::new().await;
    let day = local_date(now()) + Days::new(16);
    let first = Session { cancel_notice: Some(AT_TWO), ..session(callers::CLINIC, nine(day), 1, &[(Pool::Public, 2)]) };
    let slot = town.publish(&town.clinic, vec![first]).await.unwrap().remove(0);
    let booked = town.booked(&slot).await;
    assert_eq!(until(&booked), at_two(working_day_before(day, None)));
    // A week on, so that it is no other day of the same weekend.
    let later = day + Days::new(7);
    let changed = change(&town, &slot, nine(later), 30).await;
    assert_eq!(changed.session.unwrap().cancel_notice, Some(AT_TWO));
    let displaced = changed.affected[0].appointment.as_ref().unwrap();
    assert_eq!(until(displaced), at_two(working_day_before(later, None)));
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_04_who_keeps_their_time_in_a_session_cut_anew_keeps_the_instant_that_was_promised() {
    let town = Town::new().await;
    let day = local_date(now()) + Days::new(16);
    let publish = async || {
        let at_nine = session(callers::CLINIC, nine(day), 1, &[(Pool::Public, 2)]);
        let at_nine = Session { cancel_notice: Some(AT_TWO), ..at_nine };
        town.publish(&town.clinic, vec![at_nine]).await.unwrap().remove(0)
    };
    let slot = publish().await;
    let booked = town.booked(&slot).await;
    let before = working_day_before(day, None);
    assert_eq!(until(&booked), at_two(before));

    close(&town, before).await;
    let changed = change(&town, &slot, nine(day), 15).await;
    let moved = changed.affected[0].appointment.as_ref().unwrap();
    assert_eq!((changed.affected[0].fate(), moved.state()), (Fate::Moved, AppointmentState::Confirmed));
    assert_ne!(moved.slot.as_ref().unwrap().slot_id, slot.slot_id);
    assert_eq!(until(moved), at_two(before));

    // What is made now, for nobody yet, goes by the day before that one.
    let (caller, resident_id) = town.newcomer("newcomer").await;
    let anew = publish().await;
    for made in [&changed.slots[1], &anew] {
        let wish_for = HoldSlotRequest { resident_id: resident_id.clone(), ..hold(made) };
        let held = town.hold_as(&caller, wish_for).await.unwrap();
        assert_eq!(until(&held), at_two(working_day_before(day, Some(before))));
        cancel(&town, &caller, wish(&held.appointment_id)).await.unwrap();
    }
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_04_a_notice_that_cannot_be_is_refused_by_its_field() {
    let town = Town::new().await;
    let time = |hour, minute| Some(Notice::PreviousWorkingDay(WorkingDayNotice { hour, minute }));
    let starts_at = now() + TimeDelta::hours(2);
    for (path, notice) in [
        ("cancel_notice", None),
        ("cancel_notice.minutes_before", Some(Notice::MinutesBefore(-1))),
        ("cancel_notice.minutes_before", Some(Notice::MinutesBefore(0))),
        ("cancel_notice.minutes_before", Some(Notice::MinutesBefore(43_201))),
        ("cancel_notice.previous_working_day.hour", time(-1, 0)),
        ("cancel_notice.previous_working_day.hour", time(24, 0)),
        ("cancel_notice.previous_working_day.minute", time(14, 60)),
    ] {
        let cancel_notice = Some(CancelNotice { notice });
        let wrong = Session { cancel_notice, ..session(callers::CLINIC, starts_at, 1, &[(Pool::Public, 1)]) };
        let refusal = town.publish(&town.clinic, vec![wrong]).await.unwrap_err();
        assert_eq!(field(&refusal), format!("sessions[0].{path}"));
        let refusal = calendar::create(&town, SessionTemplate { cancel_notice, ..calendar::template() }).await;
        assert_eq!(field(&refusal.unwrap_err()), format!("template.{path}"));
    }
}

#[tokio::test]
async fn sc_04_provider_and_saga_are_told_apart_from_the_patient() {
    let town = Town::new().await;
    let slots = town.clinic_slots(now() + TimeDelta::hours(30), 1, 5).await;
    let by = async |caller: &TestCaller| {
        let held = town.hold(&slots[0]).await.unwrap();
        cancel(&town, caller, wish(&held.appointment_id)).await.map(|cancelled| cancelled.unwrap().cancelled_by())
    };
    assert_eq!(by(&town.clinic).await.unwrap(), CancelledBy::Provider);
    assert_eq!(by(&town.acting).await.unwrap(), CancelledBy::Patient);
    // Referral gives up what it booked.
    let booked = town.hold_going_on(&town.goes_on(&town.resident).await, &slots[0]).await.unwrap();
    let undone = cancel(&town, &town.mesh.caller("referral"), wish(&booked.appointment_id)).await.unwrap().unwrap();
    assert_eq!(undone.cancelled_by(), CancelledBy::Operator);
    // The worker belongs to the clinic, but does not speak for it.
    assert_eq!(reason(&by(&town.worker).await.unwrap_err()), "NO_DELEGATION");
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_04_a_cancel_that_overtakes_its_hold_is_remembered() {
    let town = Town::new().await;
    let slot = town.clinic_slots(now() + TimeDelta::hours(2), 1, 1).await.remove(0);
    let id = AppointmentId::generate().to_string();
    let early = CancelAppointmentRequest { resident_id: callers::RESIDENT.to_string(), ..wish(&id) };
    let service = town.mesh.caller("referral");
    assert_eq!(cancel(&town, &service, early.clone()).await.unwrap(), None);
    assert_eq!(cancel(&town, &service, early).await.unwrap(), None);

    let late = HoldSlotRequest { appointment_id: id.clone(), ..hold(&slot) };
    let refusal = town.hold_as(&town.resident, late).await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal)), (Code::Aborted, "APPOINTMENT_CANCELLED".to_owned()));
    assert_eq!(town.taken(&slot).await, 0);

    let whose = wish(&AppointmentId::generate().to_string());
    let refusal = cancel(&town, &service, whose).await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal)), (Code::NotFound, "APPOINTMENT_NOT_FOUND".to_owned()));
}

#[tokio::test]
async fn sc_04_hold_and_cancel_of_one_id_at_once_leave_no_place_taken() {
    let town = Town::new().await;
    let slot = town.clinic_slots(now() + TimeDelta::hours(2), 1, 20).await.remove(0);
    for _ in 0..20 {
        let id = AppointmentId::generate().to_string();
        let held = HoldSlotRequest { appointment_id: id.clone(), ..hold(&slot) };
        let (held, cancelled) =
            tokio::join!(town.hold_as(&town.resident, held), cancel(&town, &town.resident, wish(&id)));
        // Whichever came first: a cancel that was acknowledged is in force.
        cancelled.unwrap();
        if let Ok(held) = held {
            let now = town.get(&town.resident, &held.appointment_id).await.unwrap();
            assert_eq!(now.state(), AppointmentState::Cancelled);
        }
        assert_eq!(town.taken(&slot).await, 0);
    }
    town.assert_sound().await;
}
