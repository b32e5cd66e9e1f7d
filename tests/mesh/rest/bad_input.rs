//! Bad input in JSON is refused as it is in protobuf: by a 4xx, a `google.rpc.Status` and the same reason, never a 5xx.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chassis::auth::Claims;
use mesh_tests::{Answer, City, Rest, RestCaller, document, requests};
use proto::anjia::identity::v1::RegisterResidentResponse;
use proto::anjia::identity::v1::resident_service_client::ResidentServiceClient;
use serde_json::{Value, json};
use testkit::reason;
use tonic::Code;

const ANY_ID: &str = "01930000-0000-7000-8000-00000000ffff";
/// As the gateway is set up by devstack.
const BODY_MAX_BYTES: usize = 4 * 1024 * 1024;
/// What a body of a method may hold; far beyond it JSON is not read to its end.
const TOO_DEEP: usize = 2_000;
/// Envoy reads a hundred.
const HEADERS_TOO_MANY: usize = 130;

fn assert_refused(what: &str, answer: &Answer, status: u16, reason: &str) {
    let detail = &answer.body["details"][0];
    assert_eq!((answer.status, answer.reason()), (status, reason), "{what}: {answer:?}");
    assert_eq!(detail["@type"], "type.googleapis.com/google.rpc.ErrorInfo", "{what}: {answer:?}");
    assert!(answer.body["code"].as_u64().is_some_and(|code| code > 0) && answer.body["message"].is_string(), "{what}");
}

#[tokio::test]
async fn pl_03_bad_input_in_json_is_refused_with_a_status_and_a_reason() {
    let Some((city, rest)) = City::behind_gateway().await else { return };
    let worker = rest.app("worker").await;
    bodies(&worker).await;
    queries_and_routes(&worker).await;
    headers(&rest).await;
    tokens(&rest, &worker).await;
    as_in_grpc(&city, &worker).await;
}

async fn bodies(worker: &RestCaller) {
    let post = async |body: String| worker.send("post", "/v1/residents", Some(body)).await;
    let day = "\"birthDate\": {\"year\": 1954, \"moth\": 3}";
    for (what, body) in [
        ("an unknown field", json!({ "nmae": "陈" }).to_string()),
        ("an unknown field within", format!("{{{day}}}")),
        ("an unknown field behind an escape", r#"{"name": "\"", "f\u006fo": 1}"#.to_owned()),
        ("a number for text", json!({ "name": { "zh": 1 } }).to_string()),
        ("text for a number", r#"{"birthDate": {"year": "many"}}"#.to_owned()),
        ("an unknown word of an enum", r#"{"sex": "SEX_NONE_OF_THOSE"}"#.to_owned()),
        ("a list at the top", "[]".to_owned()),
        ("half a body", r#"{"name": "#.to_owned()),
        ("keys without quotes", "{name: \"a\"}".to_owned()),
        ("two bodies", "{}{}".to_owned()),
        ("too deep a body", format!("{{\"name\": {}{}}}", "[".repeat(TOO_DEEP), "]".repeat(TOO_DEEP))),
        ("too deep a body of objects", format!("{}1{}", "{\"name\":".repeat(TOO_DEEP), "}".repeat(TOO_DEEP))),
    ] {
        assert_refused(what, &post(body).await, 400, "MALFORMED_MESSAGE");
    }
    let large = json!({ "name": "x".repeat(BODY_MAX_BYTES) }).to_string();
    assert_refused("too large a body", &post(large).await, 413, "MESSAGE_TOO_LARGE");
}

async fn queries_and_routes(worker: &RestCaller) {
    for path in ["/v1/communities?pageSize=10&colour=red", "/v1/communities?pageSize=many"] {
        assert_refused(path, &worker.send("get", path, None).await, 400, "MALFORMED_MESSAGE");
    }
    for (verb, path) in [
        ("get", "/v1/nothing"),
        ("get", "/"),
        ("delete", "/v1/residents"),
        // Streams and gRPC's own paths are for gRPC.
        ("post", "/anjia.referral.v1.ReferralService/WatchWorkList"),
        ("post", "/anjia.scheduling.v1.QueueService/WatchQueue"),
        ("post", "/anjia.identity.v1.ResidentService/GetResident"),
        ("get", "/grpc.health.v1.Health/Check"),
    ] {
        let body = (verb == "post").then(|| "{}".to_owned());
        assert_refused(path, &worker.send(verb, path, body).await, 404, "METHOD_UNKNOWN");
    }
}

async fn headers(rest: &Rest) {
    let many = ["1"; HEADERS_TOO_MANY].map(|value| ("x-more", value));
    let answer = rest.nobody_by_http1().send_with("get", "/v1/keys", None, &many).await;
    assert_refused("too many headers", &answer, 431, "MESSAGE_TOO_LARGE");
}

async fn tokens(rest: &Rest, worker: &RestCaller) {
    let path = format!("/v1/residents/{ANY_ID}");
    let get = async |caller: &RestCaller| caller.send("get", &path, None).await;
    assert_refused("no token", &get(&rest.nobody()).await, 401, "TOKEN_MISSING");
    let own = worker.token.clone().expect("a token");
    let (rest_of_it, signature) = own.rsplit_once('.').expect("a signed token");
    let forged = format!("{rest_of_it}.{}", signature.chars().rev().collect::<String>());
    for (what, token) in [("noise", "noise"), ("a forged signature", &forged)] {
        assert_refused(what, &get(&worker.with_token(Some(token))).await, 401, "TOKEN_INVALID");
    }
    let claims: Claims = jsonwebtoken::dangerous::insecure_decode_claims(&own).expect("claims");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let past = i64::try_from(now).expect("a moment") - 60;
    let expired = Claims { iat: past - 300, exp: past, ..claims.clone() };
    let elsewhere = Claims { aud: "another".to_owned(), ..claims };
    for (claims, reason) in [(expired, "TOKEN_EXPIRED"), (elsewhere, "TOKEN_INVALID")] {
        let token = rest.signed(&own, &claims);
        assert_refused(reason, &get(&worker.with_token(Some(&token))).await, 401, reason);
    }
}

/// What a service refuses comes out as it went in: code, reason and the fields that are named.
async fn as_in_grpc(city: &City, worker: &RestCaller) {
    let message = requests::resident(&testkit::national_id("1954-03-01".parse().expect("a day")));
    let wrong = proto::anjia::identity::v1::RegisterResidentRequest { national_id: "1".to_owned(), ..message };
    let mut residents = ResidentServiceClient::new(city.channel("identity"));
    let request = city.caller("worker").request(wrong.clone()).await;
    let status = residents.register_resident(request).await.expect_err("no number");
    let answer = worker.call::<RegisterResidentResponse>("identity.ResidentService.RegisterResident", &wrong).await;
    let answer = answer.expect_err("no number");
    assert_eq!((status.code(), answer.status), (Code::InvalidArgument, 400));
    assert_eq!(answer.reason(), reason(&status));
    assert_eq!(answer.body["message"], status.message());
    let details = answer.body["details"].as_array().expect("details");
    let named: Vec<&Value> =
        details.iter().filter(|detail| detail["@type"] == "type.googleapis.com/google.rpc.BadRequest").collect();
    assert_eq!(named.len(), 1, "{answer:?}");
    assert_eq!(named[0]["fieldViolations"][0]["field"], "national_id", "{answer:?}");

    let denied = worker.send("post", "/v1/bank/orders:query", Some("{}".to_owned())).await;
    assert_refused("a role that may not", &denied, 403, "METHOD_NOT_PERMITTED");
}

#[tokio::test]
async fn pl_03_every_method_with_a_path_is_reached_and_never_fails_for_what_it_is_sent() {
    let Some((_city, rest)) = City::behind_gateway().await else { return };
    // Two, since one would call too often.
    let callers = [rest.partner("operator").await, rest.app("worker").await];
    let document = document();
    let mut wrong = vec![];
    let mut count = 0_usize;
    for (path, verbs) in document["paths"].as_object().expect("paths") {
        for (verb, said) in verbs.as_object().expect("operations") {
            let caller = &callers[count % callers.len()];
            count += 1;
            let parameters = said["parameters"].as_array().into_iter().flatten();
            let path =
                parameters.filter(|parameter| parameter["in"] == "path").fold(path.clone(), |path, parameter| {
                    path.replace(&format!("{{{}}}", parameter["name"].as_str().expect("a name")), ANY_ID)
                });
            let has_body = !said["requestBody"].is_null();
            let empty = caller.send(verb, &path, has_body.then(|| "{}".to_owned())).await;
            if empty.status >= 500 || empty.reason() == "METHOD_UNKNOWN" {
                wrong.push(format!("{verb} {path}: {empty:?}"));
            }
            let unknown = if has_body {
                caller.send(verb, &path, Some(json!({ "noSuchField": 1 }).to_string())).await
            } else {
                caller.send(verb, &format!("{path}?noSuchField=1"), None).await
            };
            if (unknown.status, unknown.reason()) != (400, "MALFORMED_MESSAGE") {
                wrong.push(format!("{verb} {path}: an unknown field: {unknown:?}"));
            }
        }
    }
    assert!(count >= 150, "the document has {count} operations");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn pl_03_a_service_that_is_away_is_said_to_be_and_the_others_answer() {
    let Some((mut city, rest)) = City::behind_gateway().await else { return };
    let worker = rest.app("worker").await;
    city.kill("referral");
    let journey = worker.send("get", &format!("/v1/journeys/{ANY_ID}"), None).await;
    assert_refused("a service that is away", &journey, 503, "SERVICE_UNAVAILABLE");
    assert_eq!(worker.send("get", "/v1/keys", None).await.status, 200);
    city.start_again("referral").await;
    let mut answer = journey;
    for _ in 0..100 {
        answer = worker.send("get", &format!("/v1/journeys/{ANY_ID}"), None).await;
        if answer.status != 503 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!((400..500).contains(&answer.status), "{answer:?}");
}
