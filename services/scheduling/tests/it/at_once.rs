//! What is counted or compared over several persons: two transactions that have nothing else in common are judged one after the other.

use chrono::TimeDelta;
use postgres::{Database, Transaction};
use proto::anjia::scheduling::v1::Slot;
use proto::convert::optional_timestamp;
use scheduling::domain::appointment::{Appointment, Channel, State};
use scheduling::domain::error::SchedulingError;
use scheduling::domain::limits::{Bound, Of};
use scheduling::domain::pool::Pool;
use scheduling::domain::session;
use scheduling::store::bookings::{Verdict, Wish};
use testkit::callers;
use types::caller::Party;
use types::care::CareKind;
use types::ids::{AppointmentId, DelegationId, JourneyId, OrganisationId, ResidentId};
use types::region::RegionCode;

use crate::many;
use crate::town::{Town, now};

#[tokio::test]
async fn sc_04_two_replicas_do_not_give_one_journey_to_two_persons() {
    let journey = JourneyId::generate();
    let later = given_at_once(&[], |appointment| appointment.journey = journey).await;
    assert!(matches!(later, Verdict::Refused(SchedulingError::JourneyOfAnother)), "{later:?}");
}

#[tokio::test]
async fn sc_08_two_replicas_do_not_go_past_the_limit_of_a_device_together() {
    let device = Some("1".repeat(32));
    let bound = once_a_day("a day from one device", Of::Device);
    let later = given_at_once(&[bound], |appointment| appointment.device.clone_from(&device)).await;
    assert!(matches!(later, Verdict::Refused(SchedulingError::BookingLimit { .. })), "{later:?}");
}

#[tokio::test]
async fn sc_08_two_replicas_do_not_go_past_the_limit_of_who_books_for_others_together() {
    let desk = Party::Client("desk".to_owned());
    let later = given_at_once(&[once_a_day("a day for others", Of::Booker)], |appointment| {
        appointment.booked_by.clone_from(&desk);
        appointment.delegation = Some(DelegationId::generate());
    })
    .await;
    assert!(matches!(later, Verdict::Refused(SchedulingError::BookingLimit { .. })), "{later:?}");
}

fn once_a_day(period: &'static str, of: Of) -> Bound {
    Bound { period, span: (now() - TimeDelta::hours(1), now() + TimeDelta::days(1)), most: 1, of }
}

/// Wishes of two persons for two places, the second judged while the transaction of the first is under way: the first gets its place, and this
/// becomes of the second.
async fn given_at_once(bounds: &[Bound], alike: impl Fn(&mut Appointment)) -> Verdict {
    let town = Town::new().await;
    let slots = town.clinic_slots(now() + TimeDelta::hours(2), 2, 5).await;
    let [mut first, mut second] = [&slots[0], &slots[1]].map(wish);
    alike(&mut first);
    alike(&mut second);
    let db = town.mesh.connect("scheduling").await;
    let (mut tx, verdict) = give(&db, &first, bounds).await;
    assert!(matches!(verdict, Verdict::Given), "{verdict:?}");
    let (other, bounds) = (db.clone(), bounds.to_vec());
    let later = tokio::spawn(async move { give(&other, &second, &bounds).await.1 });
    // Until it waits for what the first one holds.
    while !is_waited_for(&mut tx).await {
        assert!(!later.is_finished(), "nothing is in its way");
        tokio::task::yield_now().await;
    }
    tx.commit().await.unwrap();
    later.await.unwrap()
}

async fn is_waited_for(tx: &mut Transaction) -> bool {
    sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))")
        .fetch_one(&mut **tx)
        .await
        .unwrap()
}

async fn give(db: &Database, appointment: &Appointment, bounds: &[Bound]) -> (Transaction, Verdict) {
    let wish =
        Wish { appointment, is_id_chosen: false, is_moved: false, heeds_suspension: true, uses_max: None, bounds };
    let mut tx = db.begin_together(RegionCode::BEIJING).await.unwrap();
    let verdict = many::give(&mut tx, &[wish]).await.remove(0);
    (tx, verdict)
}

fn wish(slot: &Slot) -> Appointment {
    let at = |time: Option<prost_types::Timestamp>| optional_timestamp("at", time.as_ref()).unwrap().unwrap();
    let (resident, now) = (ResidentId::generate(), now());
    Appointment {
        id: AppointmentId::generate(),
        resident,
        slot: session::Slot {
            id: slot.slot_id.parse().unwrap(),
            session: slot.session_id.parse().unwrap(),
            starts_at: at(slot.starts_at),
            ends_at: at(slot.ends_at),
        },
        more_slots: vec![],
        organisation: OrganisationId::from_uuid(callers::CLINIC),
        department: None,
        practitioner: None,
        terms: session::VisitTerms::default(),
        kind: CareKind::Outpatient,
        pool: Pool::Public,
        channel: Channel::App,
        booked_by: Party::Resident(resident),
        device: None,
        delegation: None,
        referral: None,
        journey: JourneyId::generate(),
        stated_lines: vec![],
        quote: None,
        revision: 1,
        held_at: now,
        hold_expires_at: now + TimeDelta::minutes(5),
        confirmed_at: None,
        state: State::Held,
    }
}
