//! Who is admitted, when that may be said, and that a person lies in one hospital at a time.

use chrono::{Days, TimeDelta};
use proto::anjia::common::v1::CareKind;
use proto::anjia::scheduling::v1::{
    AppointmentState, CheckInRequest, EndVisitRequest, HoldSlotRequest, IdentityProof, Pool, Session, VisitOutcome,
    VisitState,
};
use proto::convert::to_timestamp;
use sqlx::{Connection as _, PgConnection};
use testkit::{callers, reason, request_id};
use tonic::Code;
use types::clock::local_date;
use types::ids::ResidentId;
use uuid::Uuid;

use crate::events::pull;
use crate::town::{Town, field, hold, now, session};
use crate::visits::{check_in, end, ending, is, over, refused, walk_in};

pub(crate) fn at_the_hospital(request: CheckInRequest) -> CheckInRequest {
    CheckInRequest { request_id: request_id(), provider_organisation_id: callers::HOSPITAL.to_string(), ..request }
}

/// It is found that this is another id of hers.
pub(crate) async fn merge(owner: &mut PgConnection, other: Uuid) {
    sqlx::query("INSERT INTO resident_aliases (resident_id, region, survivor_id, since) VALUES ($1, $2, $3, now())")
        .bind(other)
        .bind(callers::REGION)
        .bind(callers::RESIDENT)
        .execute(owner)
        .await
        .unwrap();
}

/// The types of the first `count` events about a visit, in their order.
async fn told_of(town: &Town, visit_id: &str, count: usize) -> Vec<String> {
    let mut told = vec![];
    let mut after = 0;
    while told.len() < count {
        let events = pull(town, "payment", after).await.unwrap();
        after = events.last().unwrap_or_else(|| panic!("{told:?} of {count} events")).position;
        told.extend(events.into_iter().filter(|event| event.subject == visit_id).map(|event| event.r#type));
    }
    told
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
            .bind(stay.visit_id.parse::<Uuid>().unwrap())
            .bind(region)
    };
    elsewhere("310000").execute(&mut owner).await.unwrap();
    let refusal = check_in(&town, &town.hospital, second()).await;
    assert_eq!(refused(refusal), is(Code::FailedPrecondition, "STAY_OPEN"));
    elsewhere(callers::REGION).execute(&mut owner).await.unwrap();

    // By another id of hers it is the same stay.
    let (_, other_id) = town.newcomer("other").await;
    let other: Uuid = other_id.parse().unwrap();
    let by_other = || CheckInRequest { resident_id: other_id.clone(), credential: Some(town.card(other)), ..second() };
    merge(&mut owner, other).await;
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
async fn sc_04_a_stay_that_is_reported_when_a_later_one_has_begun_is_reported_with_its_end() {
    let town = Town::new().await;
    let base = now();
    let ago = |days: i64| base - TimeDelta::days(days);
    let open = || walk_in(&town, CareKind::Inpatient, ago(3));
    check_in(&town, &town.hospital, at_the_hospital(walk_in(&town, CareKind::Inpatient, ago(1)))).await.unwrap();

    // An earlier minute is no way around the stay that is open.
    let refusal = check_in(&town, &town.clinic, open()).await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal)), is(Code::FailedPrecondition, "STAY_OPEN"));
    assert!(refusal.message().contains("reported with its `end`"), "{refusal:?}");
    let minute_before = walk_in(&town, CareKind::Inpatient, ago(1) - TimeDelta::minutes(1));
    let into_it = CheckInRequest { end: Some(over(VisitOutcome::Transferred, ago(0))), ..minute_before };
    let refusal = check_in(&town, &town.clinic, into_it).await;
    assert_eq!(refused(refusal), is(Code::FailedPrecondition, "STAY_OVERLAPS"));

    // It ended when the later one began.
    let request = CheckInRequest { end: Some(over(VisitOutcome::Transferred, ago(1))), ..open() };
    let earlier = check_in(&town, &town.clinic, request).await.unwrap();
    assert_eq!((earlier.state(), earlier.outcome()), (VisitState::Ended, VisitOutcome::Transferred));
    assert_eq!((earlier.opened_at, earlier.ended_at), (Some(to_timestamp(ago(3))), Some(to_timestamp(ago(1)))));
    let told = told_of(&town, &earlier.visit_id, 2).await;
    assert_eq!(told, ["anjia.scheduling.visit.opened.v1", "anjia.scheduling.visit.ended.v1"]);
    let later = check_in(&town, &town.clinic, walk_in(&town, CareKind::Inpatient, now())).await;
    assert_eq!(refused(later), is(Code::FailedPrecondition, "STAY_OPEN"));
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_04_stays_of_a_person_do_not_overlap_also_when_all_are_over() {
    let town = Town::new().await;
    let base = now();
    let stay = |from: i64, until: i64| CheckInRequest {
        end: Some(over(VisitOutcome::Discharged, base - TimeDelta::days(until))),
        ..walk_in(&town, CareKind::Inpatient, base - TimeDelta::days(from))
    };
    check_in(&town, &town.clinic, stay(10, 5)).await.unwrap();
    let overlapping = [(7, 3), (12, 9), (8, 6), (12, 3), (10, 5), (7, 7)];
    for (from, until) in overlapping {
        let refusal = check_in(&town, &town.hospital, at_the_hospital(stay(from, until))).await.unwrap_err();
        assert_eq!((refusal.code(), reason(&refusal)), is(Code::FailedPrecondition, "STAY_OVERLAPS"), "{from}–{until}");
        assert!(!format!("{refusal:?}").contains(&callers::CLINIC.to_string()), "{refusal:?}");
    }
    let within = CheckInRequest { end: None, ..at_the_hospital(stay(7, 7)) };
    let refusal = check_in(&town, &town.hospital, within).await;
    assert_eq!(refused(refusal), is(Code::FailedPrecondition, "STAY_OVERLAPS"), "no end of it would do");
    let before = CheckInRequest { end: None, ..at_the_hospital(stay(12, 12)) };
    let refusal = check_in(&town, &town.hospital, before).await;
    assert_eq!(refused(refusal), is(Code::FailedPrecondition, "STAY_OPEN"), "its end would do");

    for (from, until) in [(12, 10), (5, 3)] {
        check_in(&town, &town.hospital, at_the_hospital(stay(from, until))).await.unwrap();
    }
    let meanwhile = CheckInRequest { kind: CareKind::Outpatient.into(), ..stay(7, 7) };
    check_in(&town, &town.clinic, meanwhile).await.unwrap();
}

#[tokio::test]
async fn sc_04_stays_that_overlap_since_a_merge_end_as_they_did() {
    let town = Town::new().await;
    let base = now();
    let ago = |days: i64| base - TimeDelta::days(days);
    // Two stays by two ids, of which it was found that they are one person's.
    let (_, other_id) = town.newcomer("other").await;
    let other: Uuid = other_id.parse().unwrap();
    let by_other = CheckInRequest {
        resident_id: other_id,
        credential: Some(town.card(other)),
        ..walk_in(&town, CareKind::Inpatient, ago(5))
    };
    let first = check_in(&town, &town.clinic, by_other).await.unwrap();
    let second = at_the_hospital(walk_in(&town, CareKind::Inpatient, ago(2)));
    let second = check_in(&town, &town.hospital, second).await.unwrap();
    merge(&mut town.mesh.owner("scheduling").await, other).await;

    // Neither keeps the other one open.
    let ended = end(&town, &town.clinic, ending(&first, VisitOutcome::Discharged, ago(1))).await.unwrap();
    assert_eq!(ended.state(), VisitState::Ended);
    let ended = end(&town, &town.hospital, ending(&second, VisitOutcome::Discharged, ago(1))).await.unwrap();
    assert_eq!(ended.state(), VisitState::Ended);
    // Whatever is told of the person now is held against both.
    let third = check_in(&town, &town.clinic, walk_in(&town, CareKind::Inpatient, ago(3))).await;
    assert_eq!(refused(third), is(Code::FailedPrecondition, "STAY_OVERLAPS"));
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_04_a_stay_that_its_provider_forgot_an_operator_ends_in_their_region() {
    let town = Town::new().await;
    let operator = town.mesh.caller("operator");
    let admitted = walk_in(&town, CareKind::Inpatient, now() - TimeDelta::days(30));
    let stay = check_in(&town, &town.clinic, admitted.clone()).await.unwrap();
    let discharge = || EndVisitRequest {
        reason: "病历显示已出院".to_owned(),
        ..ending(&stay, VisitOutcome::Discharged, now() - TimeDelta::days(20))
    };

    let mut owner = town.mesh.owner("scheduling").await;
    let id: Uuid = stay.visit_id.parse().unwrap();
    let moved = |region: &'static str| sqlx::query("UPDATE visits SET region = $2 WHERE id = $1").bind(id).bind(region);
    moved("310000").execute(&mut owner).await.unwrap();
    let elsewhere = end(&town, &operator, discharge()).await;
    assert_eq!(refused(elsewhere), is(Code::NotFound, "VISIT_NOT_FOUND"));
    moved(callers::REGION).execute(&mut owner).await.unwrap();
    for reason in [String::new(), "长".repeat(201)] {
        let unexplained = EndVisitRequest { reason, ..discharge() };
        assert_eq!(field(&end(&town, &operator, unexplained).await.unwrap_err()), "reason");
    }
    // Nothing waits for the end of any other visit.
    let outpatient = check_in(&town, &town.clinic, walk_in(&town, CareKind::Outpatient, now())).await.unwrap();
    let of_outpatient = EndVisitRequest { visit_id: outpatient.visit_id, ..discharge() };
    let refusal = end(&town, &operator, of_outpatient).await;
    assert_eq!(refused(refusal), is(Code::FailedPrecondition, "NOT_A_STAY"));

    let ended = end(&town, &operator, discharge()).await.unwrap();
    assert_eq!((ended.state(), ended.outcome()), (VisitState::Ended, VisitOutcome::Discharged));
    let why: String =
        sqlx::query_scalar("SELECT end_reason FROM visits WHERE id = $1").bind(id).fetch_one(&mut owner).await.unwrap();
    assert_eq!(why, discharge().reason);
    let by: String = sqlx::query_scalar(
        "SELECT actor FROM audit_entries WHERE action = 'scheduling.visit.end' AND resident_id = $1",
    )
    .bind(callers::RESIDENT)
    .fetch_one(&mut owner)
    .await
    .unwrap();
    assert_eq!(by, operator.party());
    // Nobody is admitted by them.
    let by_operator = CheckInRequest { request_id: request_id(), ..admitted };
    let refusal = check_in(&town, &operator, by_operator).await;
    assert_eq!(refused(refusal), is(Code::PermissionDenied, "METHOD_NOT_PERMITTED"));
    check_in(&town, &town.hospital, at_the_hospital(walk_in(&town, CareKind::Inpatient, now()))).await.unwrap();
}

#[tokio::test]
async fn sc_04_a_stay_that_was_left_unseen_stands_in_nobodys_way() {
    let town = Town::new().await;
    let base = now();
    let stay = |outcome, from: i64, until: i64| CheckInRequest {
        end: Some(over(outcome, base - TimeDelta::days(until))),
        ..walk_in(&town, CareKind::Inpatient, base - TimeDelta::days(from))
    };
    let unseen = check_in(&town, &town.clinic, stay(VisitOutcome::LeftUnseen, 10, 5)).await.unwrap();
    assert_eq!(unseen.state(), VisitState::LeftUnseen);
    let during = at_the_hospital(stay(VisitOutcome::Discharged, 8, 6));
    check_in(&town, &town.hospital, during).await.unwrap();
    check_in(&town, &town.clinic, stay(VisitOutcome::LeftUnseen, 9, 7)).await.unwrap();

    // Nor does one that was open until that was said of it.
    let open = check_in(&town, &town.clinic, walk_in(&town, CareKind::Inpatient, base)).await.unwrap();
    end(&town, &town.clinic, ending(&open, VisitOutcome::LeftUnseen, now())).await.unwrap();
    let next = at_the_hospital(walk_in(&town, CareKind::Inpatient, base));
    check_in(&town, &town.hospital, next).await.unwrap();
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_04_the_checker_of_stays_finds_two_that_overlap_and_lets_stand_what_the_rule_does() {
    /// What is written past the rule, and how many overlap then.
    const WRITTEN: [(&str, &str, i64); 5] = [
        ("two of one id", "UPDATE visits SET opened_at = opened_at - interval '3 days'", 1),
        ("from before the rule", "UPDATE visits SET opened_at = opened_at - interval '3 days', reported_at = NULL", 0),
        (
            "left unseen",
            "UPDATE visits SET opened_at = opened_at - interval '3 days', state = 'LEFT_UNSEEN', outcome = 'LEFT_UNSEEN'",
            0,
        ),
        (
            "two of two ids",
            "INSERT INTO resident_aliases (resident_id, region, survivor_id, since) \
             SELECT '01930000-0000-7000-8000-0000000000aa', region, resident_id, now() - interval '1 day' FROM visits LIMIT 1; \
             UPDATE visits SET opened_at = opened_at - interval '3 days'; \
             UPDATE visits SET resident_id = '01930000-0000-7000-8000-0000000000aa' WHERE id = (SELECT min(id::text)::uuid FROM visits)",
            1,
        ),
        (
            "brought together by a merge",
            "INSERT INTO resident_aliases (resident_id, region, survivor_id, since) \
             SELECT '01930000-0000-7000-8000-0000000000aa', region, resident_id, now() FROM visits LIMIT 1; \
             UPDATE visits SET opened_at = opened_at - interval '3 days'; \
             UPDATE visits SET resident_id = '01930000-0000-7000-8000-0000000000aa' WHERE id = (SELECT min(id::text)::uuid FROM visits)",
            0,
        ),
    ];
    let town = Town::new().await;
    let base = now();
    for (from, until) in [(9, 7), (5, 3)] {
        let stay = CheckInRequest {
            end: Some(over(VisitOutcome::Discharged, base - TimeDelta::days(until))),
            ..walk_in(&town, CareKind::Inpatient, base - TimeDelta::days(from))
        };
        check_in(&town, &town.clinic, stay).await.unwrap();
    }
    town.assert_sound().await;
    let mut owner = town.mesh.owner("scheduling").await;
    for (what, sql, count) in WRITTEN {
        let mut bugged = owner.begin().await.unwrap();
        sqlx::raw_sql(sql).execute(&mut *bugged).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        let found: i64 =
            sqlx::query_scalar("SELECT count(*) FROM stay_violations").fetch_one(&mut *bugged).await.unwrap();
        bugged.rollback().await.unwrap();
        assert_eq!(found, count, "{what}");
    }
}
