//! Who is admitted, when that may be said, and that a person lies in one hospital at a time.

use chrono::{Days, TimeDelta};
use proto::anjia::common::v1::CareKind;
use proto::anjia::scheduling::v1::{
    AppointmentState, CheckInRequest, HoldSlotRequest, IdentityProof, Pool, Session, VisitOutcome,
};
use testkit::{callers, reason, request_id};
use tonic::Code;
use types::clock::local_date;
use types::ids::ResidentId;

use crate::town::{Town, field, hold, now, session};
use crate::visits::{check_in, end, ending, is, refused, walk_in};

fn at_the_hospital(request: CheckInRequest) -> CheckInRequest {
    CheckInRequest { request_id: request_id(), provider_organisation_id: callers::HOSPITAL.to_string(), ..request }
}

#[tokio::test]
async fn sc_04_a_visit_of_years_ago_or_before_birth_names_its_field() {
    let town = Town::new().await;
    let years_ago = walk_in(&town, CareKind::Outpatient, now() - TimeDelta::days(1_100));
    assert_eq!(field(&check_in(&town, &town.clinic, years_ago).await.unwrap_err()), "occurred_at");
    let newborn = ResidentId::generate().uuid();
    town.register_born(newborn, local_date(now()) - Days::new(10)).await;
    let of = |days: i64| CheckInRequest {
        resident_id: newborn.to_string(),
        credential: Some(town.card(newborn)),
        ..walk_in(&town, CareKind::Outpatient, now() - TimeDelta::days(days))
    };
    assert_eq!(field(&check_in(&town, &town.clinic, of(11)).await.unwrap_err()), "occurred_at");
    check_in(&town, &town.clinic, of(10)).await.unwrap();
}

#[tokio::test]
async fn id_10_nobody_is_admitted_on_a_mere_word() {
    let town = Town::new().await;
    let unproven = |kind| CheckInRequest {
        identity_proof: IdentityProof::None.into(),
        credential: None,
        ..walk_in(&town, kind, now())
    };
    let refusal = check_in(&town, &town.clinic, unproven(CareKind::Inpatient)).await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal)), is(Code::FailedPrecondition, "IDENTITY_NOT_PROVEN"));
    assert_eq!(field(&refusal), "identity_proof");
    check_in(&town, &town.clinic, unproven(CareKind::Emergency)).await.unwrap();
}

#[tokio::test]
async fn sc_04_a_person_has_one_open_stay_and_nobody_is_told_where() {
    let town = Town::new().await;
    let stay = check_in(&town, &town.clinic, walk_in(&town, CareKind::Inpatient, now())).await.unwrap();
    let second = || at_the_hospital(walk_in(&town, CareKind::Inpatient, now()));
    let refusal = check_in(&town, &town.hospital, second()).await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal)), is(Code::FailedPrecondition, "STAY_OPEN"));
    assert!(!format!("{refusal:?}").contains(&callers::CLINIC.to_string()), "{refusal:?}");
    let emergency = at_the_hospital(walk_in(&town, CareKind::Emergency, now()));
    check_in(&town, &town.hospital, emergency).await.unwrap();

    // Nor where it is open in another region.
    let mut owner = town.mesh.owner("scheduling").await;
    let elsewhere = |region: &'static str| {
        sqlx::query("UPDATE visits SET region = $2 WHERE id = $1")
            .bind(stay.visit_id.parse::<uuid::Uuid>().unwrap())
            .bind(region)
    };
    elsewhere("310000").execute(&mut owner).await.unwrap();
    let refusal = check_in(&town, &town.hospital, second()).await;
    assert_eq!(refused(refusal), is(Code::FailedPrecondition, "STAY_OPEN"));
    elsewhere(callers::REGION).execute(&mut owner).await.unwrap();

    // By another id of hers it is the same stay.
    let (_, other_id) = town.newcomer("other").await;
    let other: uuid::Uuid = other_id.parse().unwrap();
    let by_other = || CheckInRequest { resident_id: other_id.clone(), credential: Some(town.card(other)), ..second() };
    sqlx::query("INSERT INTO resident_aliases (resident_id, region, survivor_id, since) VALUES ($1, $2, $3, now())")
        .bind(other)
        .bind(callers::REGION)
        .bind(callers::RESIDENT)
        .execute(&mut owner)
        .await
        .unwrap();
    let refusal = check_in(&town, &town.hospital, by_other()).await;
    assert_eq!(refused(refusal), is(Code::FailedPrecondition, "STAY_OPEN"));

    end(&town, &town.clinic, ending(&stay, VisitOutcome::Transferred, now())).await.unwrap();
    check_in(&town, &town.hospital, second()).await.unwrap();
}

#[tokio::test]
async fn sc_04_an_appointment_for_a_stay_stands_until_its_patient_is_admitted() {
    let town = Town::new().await;
    let ward = Session {
        kinds: vec![CareKind::Inpatient.into()],
        ..session(callers::HOSPITAL, now() + TimeDelta::hours(2), 1, &[(Pool::Public, 1)])
    };
    let slot = town.publish(&town.hospital, vec![ward]).await.unwrap().remove(0);
    let wish = HoldSlotRequest { kind: CareKind::Inpatient.into(), ..hold(&slot) };
    let id = town.hold_as(&town.resident, wish).await.unwrap().appointment_id;
    town.confirm(&town.resident, &id).await.unwrap();
    let admission =
        || CheckInRequest { appointment_id: id.clone(), ..at_the_hospital(walk_in(&town, CareKind::Inpatient, now())) };
    let unread = CheckInRequest { identity_proof: IdentityProof::None.into(), ..admission() };
    let unproven = CheckInRequest { request_id: request_id(), credential: None, ..unread.clone() };
    let unread = check_in(&town, &town.hospital, unread).await;
    assert_eq!(refused(unread), is(Code::InvalidArgument, "INVALID_FIELD"));
    let unproven = check_in(&town, &town.hospital, unproven).await;
    assert_eq!(refused(unproven), is(Code::FailedPrecondition, "IDENTITY_NOT_PROVEN"));

    let stay = check_in(&town, &town.clinic, walk_in(&town, CareKind::Inpatient, now())).await.unwrap();
    let second = check_in(&town, &town.hospital, admission()).await;
    assert_eq!(refused(second), is(Code::FailedPrecondition, "STAY_OPEN"));
    assert_eq!(town.get(&town.resident, &id).await.unwrap().state(), AppointmentState::Confirmed);
    end(&town, &town.clinic, ending(&stay, VisitOutcome::Transferred, now())).await.unwrap();
    check_in(&town, &town.hospital, admission()).await.unwrap();
    assert_eq!(town.get(&town.resident, &id).await.unwrap().state(), AppointmentState::Kept);
}

#[tokio::test]
async fn sc_04_a_late_report_of_an_earlier_stay_is_taken_while_a_later_one_is_open() {
    let town = Town::new().await;
    let stay = |days: i64| walk_in(&town, CareKind::Inpatient, now() - TimeDelta::days(days));
    check_in(&town, &town.hospital, at_the_hospital(stay(1))).await.unwrap();
    let earlier = check_in(&town, &town.clinic, stay(3)).await.unwrap();
    let ended = ending(&earlier, VisitOutcome::Transferred, now() - TimeDelta::days(1));
    end(&town, &town.clinic, ended).await.unwrap();
    let later = check_in(&town, &town.clinic, stay(0)).await;
    assert_eq!(refused(later), is(Code::FailedPrecondition, "STAY_OPEN"));
}

#[tokio::test]
async fn sc_04_of_two_hospitals_that_admit_somebody_at_once_one_does() {
    let town = Town::new().await;
    for _ in 0..5 {
        let here = walk_in(&town, CareKind::Inpatient, now());
        let there = at_the_hospital(here.clone());
        let (here, there) = tokio::join!(check_in(&town, &town.clinic, here), check_in(&town, &town.hospital, there));
        let (stay, desk, refusal) = match (here, there) {
            (Ok(stay), Err(refusal)) => (stay, &town.clinic, refusal),
            (Err(refusal), Ok(stay)) => (stay, &town.hospital, refusal),
            both => panic!("{both:?}"),
        };
        assert_eq!(reason(&refusal), "STAY_OPEN");
        end(&town, desk, ending(&stay, VisitOutcome::Discharged, now())).await.unwrap();
    }
}
