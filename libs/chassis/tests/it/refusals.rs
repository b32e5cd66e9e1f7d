//! What is refused for who calls is recorded, and what a role does not see is not sent.

use std::time::Duration;

use chassis::Server;
use chassis::auth::Claims;
use chassis::methods::Methods;
use proto::anjia::identity::v1::{GetKeysRequest, RevokeTokenRequest};
use sqlx::migrate::Migrator;
use tonic::Request;
use types::caller::{Party, Role};
use types::clock::{Clock, SystemClock};
use types::ids::ResidentId;

use crate::support::*;

static NO_TABLES: Migrator = Migrator::DEFAULT;

/// Who, method, reason and how often, as they stand in the rows that audit entries name.
async fn recorded(db: &testkit::TestDb) -> Vec<(String, String, String, i64)> {
    sqlx::query_as(
        "SELECT entry.actor, method, reason, times FROM refusals \
         JOIN audit_entries entry ON entry.rows @> jsonb_build_array(jsonb_build_object('table', 'refusals', 'id', refusals.id)) \
         WHERE entry.action = 'platform.call.refuse' ORDER BY reason, method",
    )
    .fetch_all(&mut db.owner().await)
    .await
    .unwrap()
}

#[tokio::test]
async fn every_refusal_for_who_calls_is_audited_and_alike_ones_are_counted() {
    let db = testkit::TestDb::of("identity", &NO_TABLES).await;
    let audited = Server::new("identity", &config()).access(ACCESS).auth(verifier()).audit(db.database().clone());
    let server = start(audited, "one").await;
    let keys = || Request::new(GetKeysRequest {});

    let person = ResidentId::generate();
    let resident = Claims { sub: Party::Resident(person), roles: vec![Role::Resident], ..claims() };
    for _ in 0..3 {
        server.client().get_keys(as_bearer(keys(), &trusted().sign(&resident))).await.unwrap_err();
    }
    server.client().get_keys(keys()).await.unwrap_err();
    let expired = Claims { exp: SystemClock.now().timestamp() - 1, ..claims() };
    server.client().get_keys(as_bearer(keys(), &trusted().sign(&expired))).await.unwrap_err();
    // Neither what is answered nor what is wrong in itself is a refusal of the caller.
    server.client().exchange_token(authorised("name")).await.unwrap();

    server.stop.cancel();
    tokio::time::timeout(Duration::from_secs(10), server.task).await.unwrap().unwrap().unwrap();
    let method = "anjia.identity.v1.TokenService/GetKeys".to_owned();
    let nobody = "service:identity".to_owned();
    assert_eq!(
        recorded(&db).await,
        [
            (format!("resident:{person}"), method.clone(), "METHOD_NOT_PERMITTED".to_owned(), 3),
            (nobody.clone(), method.clone(), "TOKEN_EXPIRED".to_owned(), 1),
            (nobody, method, "TOKEN_MISSING".to_owned(), 1),
        ]
    );
}

#[tokio::test]
async fn what_was_wanted_in_vain_is_audited_and_what_was_only_asked_is_not_nor_who_called_in_confidence() {
    const ACCESS: &str = r#"
        ["anjia.identity.v1.TokenService/ExchangeToken"]
        roles = ["operator"]
        object = "anyone"
        confidential = true
        ["anjia.identity.v1.TokenService/GetKeys"]
        anonymous = true
        ["anjia.identity.v1.TokenService/RevokeToken"]
        roles = ["resident"]
        object = "anyone"
        ["anjia.identity.v1.TokenService/LiftRevocation"]
        anonymous = true
        ["anjia.identity.v1.TokenService/PullRevocations"]
        anonymous = true
    "#;
    let db = testkit::TestDb::of("identity", &NO_TABLES).await;
    let audited = Server::new("identity", &config()).access(ACCESS).auth(verifier()).audit(db.database().clone());
    let server = start(audited, "one").await;
    let person = ResidentId::generate();
    let resident = Claims { sub: Party::Resident(person), roles: vec![Role::Resident], ..claims() };
    // Who lost a race says it again; nothing is decided yet.
    for request_id in ["", "", "one", "nobody's", "again", "too many", "at once"] {
        let wish = Request::new(RevokeTokenRequest { request_id: request_id.to_owned(), ..Default::default() });
        server.client().revoke_token(as_bearer(wish, &trusted().sign(&resident))).await.unwrap_err();
    }
    server.client().exchange_token(as_bearer(wish("name"), &trusted().sign(&resident))).await.unwrap_err();

    server.stop.cancel();
    tokio::time::timeout(Duration::from_secs(10), server.task).await.unwrap().unwrap().unwrap();
    let (who, method) = (format!("resident:{person}"), "anjia.identity.v1.TokenService/RevokeToken".to_owned());
    let (nobody, confidential) = ("service:identity".to_owned(), method.replace("RevokeToken", "ExchangeToken"));
    let by_person = |reason: &str, times| (who.clone(), method.clone(), reason.to_owned(), times);
    assert_eq!(
        recorded(&db).await,
        [
            by_person("INVALID_FIELD", 2),
            (nobody, confidential, "METHOD_NOT_PERMITTED".to_owned(), 1),
            by_person("NOTHING_TO_REVOKE", 1),
            by_person("REVOCATION_LIMIT", 1),
            by_person("REVOKED_BEFORE", 1),
            by_person("TOKEN_NOT_FOUND", 1),
        ]
    );
    // What a write is, the contracts say.
    let writes = |method: &str| Methods::declared().shape(&format!("anjia.identity.v1.{method}")).unwrap().writes;
    assert!(writes("TokenService/RevokeToken") && writes("ResidentService/RegisterResident"));
    assert!(!writes("TokenService/GetKeys") && !writes("ResidentService/GetResident"));
}

#[tokio::test]
async fn a_rush_for_one_place_is_a_few_rows_and_nobody_is_left_out_of_the_count() {
    let db = testkit::TestDb::of("identity", &NO_TABLES).await;
    let refusals = postgres::Refusals::new("identity", db.database().clone(), types::region::RegionCode::BEIJING);
    for kind in 0..2_000 {
        refusals.note_vain(None, &format!("a.B/C{kind}"), "SLOT_TAKEN");
    }
    // Who calls without a right to is still told by method.
    refusals.note(None, "a.B/D", "TOKEN_MISSING");
    refusals.write().await;
    let rows: Vec<(String, i64)> = sqlx::query_as("SELECT method, sum(times)::bigint FROM refusals GROUP BY method")
        .fetch_all(&mut db.owner().await)
        .await
        .unwrap();
    assert_eq!((rows.len(), rows.iter().map(|(_, times)| times).sum::<i64>()), (102, 2_001));
    assert!(rows.iter().any(|(method, _)| method == "a.B/D"), "{rows:?}");
}

#[tokio::test]
async fn a_flood_of_refusals_is_a_bounded_number_of_rows() {
    let db = testkit::TestDb::of("identity", &NO_TABLES).await;
    let refusals = postgres::Refusals::new("identity", db.database().clone(), types::region::RegionCode::BEIJING);
    for kind in 0..2_000 {
        for _ in 0..5 {
            refusals.note(None, &format!("a.B/C{kind}"), "TOKEN_MISSING");
        }
    }
    refusals.write().await;
    let (rows, times): (i64, i64) = sqlx::query_as("SELECT count(*), sum(times)::bigint FROM refusals")
        .fetch_one(&mut db.owner().await)
        .await
        .unwrap();
    assert_eq!(times, 10_000);
    assert!(rows <= 1_001, "{rows} rows");
}

#[tokio::test]
async fn a_field_that_a_role_does_not_see_is_not_in_the_answer() {
    const ACCESS: &str = r#"
        ["anjia.identity.v1.TokenService/ExchangeToken"]
        anonymous = true
        ["anjia.identity.v1.TokenService/GetKeys"]
        roles = ["resident", "service:referral"]
        object = "anyone"
        hidden_from = { resident = ["keys.x"] }
        masked_for = { resident = ["keys.key_id"] }
        ["anjia.identity.v1.TokenService/RevokeToken"]
        anonymous = true
        ["anjia.identity.v1.TokenService/LiftRevocation"]
        anonymous = true
        ["anjia.identity.v1.TokenService/PullRevocations"]
        anonymous = true
    "#;
    let server = start(Server::new("identity", &config()).access(ACCESS).auth(verifier()), "one").await;
    let resident = Claims { sub: Party::Resident(ResidentId::generate()), roles: vec![Role::Resident], ..claims() };
    let mut seen = vec![];
    for claims in [claims(), resident] {
        let request = as_bearer(Request::new(GetKeysRequest {}), &trusted().sign(&claims));
        let key = server.client().get_keys(request).await.unwrap().into_inner().keys.remove(0);
        seen.push((key.key_id, key.x));
    }
    assert_eq!(seen, [("trusted".to_owned(), trusted().public().x), ("t**".to_owned(), String::new())]);
}
