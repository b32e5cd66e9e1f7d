use chrono::TimeDelta;
use proto::anjia::scheduling::v1::{GetSessionRequest, Pool, PoolShare, PublishSessionsRequest, Session};
use testkit::{callers, reason, request_id};
use tonic::Code;
use types::ids::{DepartmentId, PractitionerId, SessionId};

use crate::town::{Town, department, field, now, session};

fn clinic(hours: i64) -> Session {
    session(callers::CLINIC, now() + TimeDelta::hours(hours), 4, &[(Pool::Public, 3), (Pool::Referral, 2)])
}

#[tokio::test]
async fn sc_01_a_session_is_cut_into_slots_and_completed_from_identity() {
    let town = Town::new().await;
    let department = department(callers::CLINIC);
    let draft = Session {
        department_id: department.department_id.clone(),
        practitioner_id: callers::DOCTOR.to_string(),
        ..clinic(2)
    };
    let request = PublishSessionsRequest { request_id: request_id(), sessions: vec![draft.clone()] };
    let publish = async || town.sessions().publish_sessions(town.clinic.request(request.clone()).await).await;
    let published = publish().await.unwrap().into_inner();
    assert_eq!(published.slots.len(), 4);
    assert_eq!(published.slots[0].starts_at, draft.starts_at);
    assert_eq!(published.slots[3].ends_at, draft.ends_at);
    let session = &published.sessions[0];
    assert_eq!(session.tier(), proto::anjia::common::v1::Tier::Community);
    assert_eq!(session.capabilities, department.capabilities);
    assert!(session.place.is_some());

    let get = GetSessionRequest { session_id: session.session_id.clone() };
    let found = town.sessions().get_session(town.resident.request(get).await).await.unwrap().into_inner();
    let sorted = |session: &Session| {
        let mut pools: Vec<_> = session.pools.iter().map(|share| (share.pool, share.places)).collect();
        pools.sort_unstable();
        (Session { pools: vec![], ..session.clone() }, pools)
    };
    assert_eq!(sorted(&found.session.unwrap()), sorted(session));
    assert_eq!(found.slots, published.slots);
    assert_eq!(publish().await.unwrap().into_inner(), published);
}

#[tokio::test]
async fn sc_01_a_doctor_is_in_one_place_at_a_time_and_nothing_is_published_by_halves() {
    let town = Town::new().await;
    let doctors = |hours: i64| Session { practitioner_id: callers::DOCTOR.to_string(), ..clinic(hours) };
    let first = Session { session_id: SessionId::generate().to_string(), ..doctors(2) };
    town.publish(&town.clinic, vec![first.clone()]).await.unwrap();

    let alone = Session { session_id: SessionId::generate().to_string(), ..clinic(20) };
    let refusal = town.publish(&town.clinic, vec![alone.clone(), doctors(3)]).await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal)), (Code::FailedPrecondition, "DOCTOR_CONFLICT".to_owned()));
    let get = GetSessionRequest { session_id: alone.session_id };
    let refusal = town.sessions().get_session(town.clinic.request(get).await).await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal)), (Code::NotFound, "SESSION_NOT_FOUND".to_owned()));

    let again = Session { session_id: first.session_id, ..clinic(40) };
    let refusal = town.publish(&town.clinic, vec![again]).await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal)), (Code::AlreadyExists, "SESSION_EXISTS".to_owned()));
    // The doctor's next session begins when the first ends.
    let end = proto::convert::timestamp("ends_at", first.ends_at.as_ref()).unwrap();
    let next = Session {
        practitioner_id: callers::DOCTOR.to_string(),
        ..session(callers::CLINIC, end, 2, &[(Pool::Public, 1)])
    };
    town.publish(&town.clinic, vec![next]).await.unwrap();
    town.assert_sound().await;
}

#[tokio::test]
async fn id_07_providers_publish_their_own_sessions_with_their_own_people() {
    let town = Town::new().await;
    let refused = async |caller: &testkit::TestCaller, session: Session| {
        let refusal = town.publish(caller, vec![session]).await.unwrap_err();
        (refusal.code(), reason(&refusal))
    };
    let is = |code: Code, reason: &str| (code, reason.to_owned());
    assert_eq!(refused(&town.hospital, clinic(2)).await, is(Code::PermissionDenied, "OUTSIDE_SCOPE"));
    assert_eq!(refused(&town.resident, clinic(2)).await, is(Code::PermissionDenied, "METHOD_NOT_PERMITTED"));
    let foreign = Session { practitioner_id: callers::SPECIALIST.to_string(), ..clinic(2) };
    assert_eq!(refused(&town.clinic, foreign).await, is(Code::NotFound, "PRACTITIONER_NOT_FOUND"));
    let nobody = Session { practitioner_id: PractitionerId::generate().to_string(), ..clinic(2) };
    assert_eq!(refused(&town.clinic, nobody).await, is(Code::NotFound, "PRACTITIONER_NOT_FOUND"));
    let elsewhere = Session { department_id: DepartmentId::generate().to_string(), ..clinic(2) };
    assert_eq!(refused(&town.clinic, elsewhere).await, is(Code::NotFound, "DEPARTMENT_NOT_FOUND"));
}

#[tokio::test]
async fn sc_01_a_malformed_session_names_its_field() {
    let town = Town::new().await;
    let pool = |pool: Pool, places| PoolShare { pool: pool.into(), places };
    let cases = [
        ("sessions[0].provider_organisation_id", Session { provider_organisation_id: String::new(), ..clinic(2) }),
        ("sessions[0].session_id", Session { session_id: "x".to_owned(), ..clinic(2) }),
        ("sessions[0].kinds", Session { kinds: vec![], ..clinic(2) }),
        ("sessions[0].kinds", Session { kinds: vec![99], ..clinic(2) }),
        ("sessions[0].starts_at", Session { starts_at: None, ..clinic(2) }),
        ("sessions[0].ends_at", Session { ends_at: clinic(1).starts_at, ..clinic(2) }),
        ("sessions[0].ends_at", clinic(-20)),
        ("sessions[0].slot_length_minutes", Session { slot_length_minutes: 4, ..clinic(2) }),
        ("sessions[0].slot_length_minutes", Session { slot_length_minutes: 50, ..clinic(2) }),
        ("sessions[0].pools", Session { pools: vec![], ..clinic(2) }),
        ("sessions[0].pools.pool", Session { pools: vec![pool(Pool::Unspecified, 1)], ..clinic(2) }),
        ("sessions[0].pools.places", Session { pools: vec![pool(Pool::Public, 501)], ..clinic(2) }),
        ("sessions[0].pools", Session { pools: vec![pool(Pool::Public, 1), pool(Pool::Public, 1)], ..clinic(2) }),
        (
            "sessions[0].capabilities[1]",
            Session { capabilities: vec!["I251".to_owned(), "心内".to_owned()], ..clinic(2) },
        ),
    ];
    for (expected, session) in cases {
        let refusal = town.publish(&town.clinic, vec![session]).await.unwrap_err();
        assert_eq!((refusal.code(), field(&refusal).as_str()), (Code::InvalidArgument, expected));
    }
    let refusal = town.publish(&town.clinic, vec![]).await.unwrap_err();
    assert_eq!(field(&refusal), "sessions");
}
