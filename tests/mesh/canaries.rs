//! G9: secrets go through all that people do with a mesh that logs as much as it can, and are looked for in everything it leaves: logs,
//! traces, databases, Redis, refusals. There must be none, and the search must find those that are planted.

mod logins;
mod scan;
mod walk;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use devstack::callers::INSURER;
use devstack::{Mesh as Whole, SERVICES};
use mesh_tests::{City, assert_invariants};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as AnyValue;
use opentelemetry_proto::tonic::common::v1::{AnyValue as Any, KeyValue};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use postgres::vault::{FileKeys, KeyProvider, Wrapped};
use scan::{Scanner, Secret};
use serde_json::json;
use sqlx::{Connection, PgConnection};
use testkit::Mesh;
use tonic::{Code, Status};
use walk::{Canaries, Walk};

use crate::collector::Collector;
use crate::matrix::facts::{Story, Words};
use crate::matrix::people::{Forger, Half, People, ROLES, SERVICES as CALLERS};
use crate::matrix::wire::Wire;

/// Within every text of a request that is wrong.
const IN_WHAT_IS_WRONG: &str = "金丝雀误填之内容";

#[tokio::test]
async fn g9_id_08_nothing_secret_is_left_in_logs_traces_databases_redis_or_refusals() {
    let collector = Collector::default();
    let endpoint = collector.start().await;
    let settings = [("RUST_LOG", "trace"), ("RUST_BACKTRACE", "full"), ("OTEL_METRIC_EXPORT_INTERVAL", "500")];
    let city = City::in_mesh(testkit::whole_mesh_with(Some(endpoint), &settings).await).await;
    let wire = Wire::new(&city);
    let forger = Forger::of(&city);
    let mut people = People::register(&city, &forger).await;
    let words = Words {
        name: "钱丹雀儿".to_owned(),
        diagnosis: "金丝雀所患之病".to_owned(),
        clinical_summary: "金丝雀病情摘要，夜间加重。".to_owned(),
        justification: "金丝雀昏迷，须立即查看病史".to_owned(),
        passport: "EC7431902".to_owned(),
        agreement: "0f1e2d3c4b5a6978".repeat(4),
    };
    let canaries = Canaries {
        new_name: "钱金雀儿".to_owned(),
        mobile: "13974310265".to_owned(),
        address: "金丝雀胡同七号院甲单元".to_owned(),
        credential: "C7A4N3A1R0Y9B8I7R6D5".to_owned(),
    };

    let story = Story::new(&wire, &people, Half::A, words.clone());
    let number = story.number.expose().to_owned();
    let known = story.told(story.people_and_places().await).await;
    let delegation = known.delegations[&'W']["delegation_id"].as_str().and_then(|id| id.parse().ok());
    people.acts('W', Half::A, Half::A, delegation.expect("a delegation has an id")).await;
    let walk = Walk::new(&wire, &people);
    walk.goes_on(&known, &canaries).await;
    imported(&city, &canaries).await;
    walk.errs(IN_WHAT_IS_WRONG).await;
    for service in SERVICES {
        city.mesh.fleet().run(service, &["data-keys", "rotate", "--json"]).await.expect("keys are rotated");
    }
    // Spans and metrics are sent twice a second.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let redis = in_redis(&city, &walk).await;

    let mut secrets = vec![
        Secret::new("name", &words.name),
        Secret::new("diagnosis", &words.diagnosis),
        Secret::new("clinical summary", &words.clinical_summary),
        Secret::new("justification", &words.justification),
        Secret::new("passport", &words.passport),
        Secret::new("agreement with the bank", &words.agreement).kept(),
        Secret::new("national id", number),
        Secret::new("new name", &canaries.new_name),
        Secret::new("mobile", &canaries.mobile),
        Secret::new("address", &canaries.address),
        Secret::new("electronic credential", &canaries.credential),
        Secret::new("text of a wrong request", IN_WHAT_IS_WRONG),
    ];
    secrets.extend(tokens(&people));
    secrets.extend(keys(&city).await);
    let scanner = Scanner::new(secrets);
    let refusals = walk.refusals.lock().expect("nobody panicked").clone();
    let found = search(&city.mesh, &collector, (&refusals, &redis), &scanner).await;
    assert!(found.is_empty(), "{} found:\n{}", found.len(), found.into_iter().collect::<Vec<_>>().join("\n"));
    let reasons = walk.reasons();
    for reason in ["INVALID_FIELD", "METHOD_NOT_PERMITTED", "TOKEN_INVALID", "PATIENT_CONFLICT"] {
        assert!(reasons.contains(reason), "nobody was refused with {reason}: {reasons:?}");
    }
    assert_invariants(&city.mesh).await;
}

/// Everything a mesh leaves.
async fn search(
    mesh: &Whole,
    collector: &Collector,
    (refusals, redis): (&[u8], &[u8]),
    scanner: &Scanner,
) -> BTreeSet<String> {
    let mut found = scanner.found("refusals", refusals);
    found.extend(scanner.found("Redis", redis));
    let logs = mesh.fleet().root().join("logs");
    let mut files: Vec<_> = std::fs::read_dir(logs).expect("logs").flatten().map(|entry| entry.path()).collect();
    files.sort();
    assert!(files.len() > SERVICES.len() + 2, "{files:?}");
    for file in files {
        let log = std::fs::read(&file).expect("a log");
        found.extend(scanner.found(&format!("log {}", file.display()), &log));
    }
    for service in SERVICES {
        let log = std::fs::read_to_string(mesh.fleet().log(service)).expect("a log");
        assert!(log.contains("\"level\":\"TRACE\""), "{service} says less than it could");
        for (table, rows) in scan::dump(mesh.fleet().database(service).expect("a service")).await {
            found.extend(scanner.found_at_rest(&format!("{service}'s {table}"), rows.as_bytes()));
        }
    }
    let spans = collector.bytes();
    for service in SERVICES {
        assert!(memory_has(&spans, service.as_bytes()), "no span of {service} arrived");
    }
    assert!(memory_has(&spans, b"rpc.server.call.duration"), "no metric arrived");
    found.extend(scanner.found("spans and metrics", &spans));
    found
}

/// What Redis holds right after somebody looked for places: it forgets within a second.
async fn in_redis(city: &City, walk: &Walk<'_>) -> Vec<u8> {
    let url = redis_url(&city.mesh);
    for _ in 0..20 {
        let near = json!({ "near": { "latitude": 39.93, "longitude": 116.34 }, "kind": "CARE_KIND_OUTPATIENT" });
        walk.tries('R', "scheduling.SessionService/SearchSlots", near).await.expect("places are offered");
        let content = scan::redis(&url).await;
        if !content.is_empty() {
            return content;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    panic!("Redis holds nothing");
}

fn redis_url(mesh: &Whole) -> String {
    let environment = mesh.fleet().environment("scheduling").expect("a service");
    let url = environment.into_iter().find(|(name, _)| name == "REDIS_URL").map(|(_, url)| url);
    url.and_then(|url| url.into_string().ok()).expect("a URL")
}

fn memory_has(content: &[u8], wanted: &[u8]) -> bool {
    content.windows(wanted.len()).any(|window| window == wanted)
}

/// A file of the bureau that names her by her number, and one that is no such file.
async fn imported(city: &City, canaries: &Canaries) {
    let header = "national_id,name,community,scheme,insured_region,layer,order,payer_organisation_id,from,until,retired_from,\
                  joined_on,waiting_waived_for,student\n";
    let wrong =
        format!("{header}{},{},x,EMPLOYEE,110000,BASIC,,,2026-01-01,,,,,\n", canaries.credential, canaries.new_name);
    let file = city.mesh.fleet().root().join("enrolments.csv");
    std::fs::write(&file, wrong).expect("a file");
    let file = file.to_str().expect("a path").to_owned();
    let organisation = INSURER.to_string();
    let arguments =
        ["import-enrolments", "--json", "--organisation", &organisation, "--region", "110000", "--file", &file];
    let refused = city.mesh.fleet().run("identity", &arguments).await;
    let told = refused.expect_err("it is cut off");
    let told = format!("{told:?}");
    assert!(!told.contains(&canaries.new_name) && !told.contains(&canaries.credential), "{told}");
}

fn tokens(people: &People) -> Vec<Secret> {
    let persons = ROLES.iter().map(|(role, _)| people.of(*role, Half::A));
    let services = CALLERS.iter().map(|(letter, _)| people.service(*letter));
    let tokens = persons.chain(services).flat_map(|person| {
        let all = person.acting.values().chain([&person.token, &person.expired]).cloned();
        all.map(|token| (person.certificate().to_owned(), token)).collect::<Vec<_>>()
    });
    // The signature alone lets nobody in, but it is the token's own.
    let parts = tokens.flat_map(|(whose, token)| {
        let signature = token.rsplit('.').next().unwrap_or_default().to_owned();
        [Secret::new(format!("token of {whose}"), &token), Secret::new(format!("signature of {whose}"), signature)]
    });
    parts.collect()
}

/// Private keys of everybody, the key that wraps, and the data keys themselves.
async fn keys(city: &City) -> Vec<Secret> {
    let mut secrets = vec![];
    let mut folders = vec![city.mesh.fleet().keys().folder().to_owned()];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).expect("keys").flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                secrets.extend(private(&path));
            }
        }
    }
    assert!(secrets.len() > 20, "{secrets:?}");
    let wrapping = city.mesh.fleet().keys().secret("wrapping").expect("a key");
    let provider = FileKeys::load(&wrapping).expect("a key");
    for service in SERVICES {
        let owner = &city.mesh.fleet().database(service).expect("a service").owner;
        let mut owner = PgConnection::connect(owner).await.expect("its owner connects");
        let rows: Vec<(String, i32, Vec<u8>, String)> =
            sqlx::query_as("SELECT region_code, version, wrapped, provider_key FROM data_keys")
                .fetch_all(&mut owner)
                .await
                .expect("keys are listed");
        assert!(!rows.is_empty(), "{service} seals nothing");
        for (region, version, bytes, provider_key) in rows {
            let wrapped = Wrapped { bytes, provider_key };
            let key = provider.open(&format!("data_keys|{region}|{version}"), &wrapped).await.expect("it unwraps");
            secrets.push(Secret::new(format!("data key {version} of {service}"), key.expose()));
        }
    }
    secrets
}

/// What is secret in a file of keys: the body of a private key, or the bytes that a line of hexadecimal digits stands for.
fn private(path: &Path) -> Vec<Secret> {
    let what = format!("key {}", path.display());
    let text = std::fs::read_to_string(path).unwrap_or_default();
    if let Some((_, key)) = text.split_once("-----BEGIN PRIVATE KEY-----") {
        let body: String = key.lines().take_while(|line| !line.starts_with("-----END")).collect();
        let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, &body).expect("PEM");
        // Of an Ed25519 key the end is the seed.
        let seed = (bytes.len() == 48).then(|| Secret::new(format!("seed of {what}"), &bytes[16..]));
        return seed.into_iter().chain([Secret::new(what, body)]).collect();
    }
    let is_key = path.extension().is_some_and(|extension| extension == "key");
    let keys = text.lines().filter_map(|line| hex::decode(line.trim()).ok()).filter(|_| is_key);
    keys.map(|key| Secret::new(what.clone(), key)).collect()
}

/// And whether each looks like a token.
const TOKENS: [(&str, bool); 6] = [
    ("eyJhbGciOiJub25lIn0.eyJzdWIiOiJub2JvZHkifQ.AAAA", true),
    ("eyJhbGciOiJub25lIn0.eyJzdWIiOiJub2JvZHkifQ.", true),
    ("eyJraWQiOiJ4In0.c29tZXRoaW5nIGVsc2U.c2lnbmF0dXJl", true),
    ("eyJraWQiOiJ4In0.c29tZXRoaW5nIGVsc2U", false),
    ("eyJraWQiOiJ4In0 and no more. Or so. It", false),
    ("MCowBQYDK2VwAyEAeyJA.b.c", false),
];

#[tokio::test]
async fn g9_the_search_finds_a_secret_planted_in_each_kind_of_place() {
    const NAME: &str = "钱丹雀儿";
    const NUMBER: &str = "990000195403010429";
    let scanner = Scanner::new(vec![Secret::new("name", NAME), Secret::new("number", NUMBER)]);
    let both = |place: &str| BTreeSet::from([format!("{place}: name"), format!("{place}: number")]);

    // Tokens are found whoever's they are, also where the search was told of none.
    for (text, is_one) in TOKENS {
        let looked = scanner.found("log", format!("x=\"{text}\"").as_bytes());
        assert_eq!(looked.contains("log: what looks like a token"), is_one, "{text}");
    }
    let usual = &format!("{:?} {}", TOKENS[0].0.as_bytes(), hex::encode(TOKENS[0].0));
    assert_eq!(scanner.found("log", usual.as_bytes()), BTreeSet::from(["log: header of a token".to_owned()]));

    // A log, in all the ways in which a log writes.
    let logs = [
        format!("{{\"message\":\"{NAME} {NUMBER}\"}}"),
        format!("{:?} {:?}", NAME.as_bytes(), NUMBER.as_bytes()),
        format!("{} {}", hex::encode(NAME), hex::encode_upper(NUMBER)),
        format!("{} {}", NAME.as_bytes().escape_ascii(), NUMBER.as_bytes().escape_ascii()),
        serde_json::to_string(NAME).expect("JSON").chars().fold(NUMBER.to_owned(), |text, letter| {
            let escaped = if letter.is_ascii() { letter.to_string() } else { format!("\\u{:04x}", u32::from(letter)) };
            text + escaped.as_str()
        }),
    ];
    for log in logs {
        assert_eq!(scanner.found("log", log.as_bytes()), both("log"), "{log}");
    }
    for before in ["", "x", "xy"] {
        let encoded =
            base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE, format!("{before}{NAME},{NUMBER}!"));
        assert_eq!(scanner.found("token", encoded.as_bytes()), both("token"), "{before}");
    }
    let utf_16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    assert_eq!(scanner.found("dump", &[utf_16(NAME), utf_16(NUMBER)].concat()), both("dump"));
    assert_eq!(scanner.found("log", b"{\"message\":\"\xe9\x92\xb1** 9****************9\"}"), BTreeSet::new());

    // A refusal: its message, its details.
    let refusal = Status::with_details(Code::NotFound, NAME, NUMBER.as_bytes().to_vec().into());
    assert_eq!(scanner.found("refusal", &scan::told(&refusal)), both("refusal"));

    // A span: its name, an attribute.
    let collector = Collector::default();
    let attribute = AnyValue::StringValue(NUMBER.to_owned());
    let attribute =
        KeyValue { key: "subject".to_owned(), value: Some(Any { value: Some(attribute) }), ..KeyValue::default() };
    let span = Span { name: NAME.to_owned(), attributes: vec![attribute], ..Span::default() };
    let spans = ResourceSpans {
        scope_spans: vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }],
        ..ResourceSpans::default()
    };
    collector.take(ExportTraceServiceRequest { resource_spans: vec![spans] });
    assert_eq!(scanner.found("spans", &collector.bytes()), both("spans"));

    // A database: text, bytes, JSON. Redis: keys and values of every kind.
    let mut mesh = Mesh::start(&["scheduling"]).await;
    let planted = "CREATE TABLE planted (word text, bytes bytea, record jsonb)";
    let mut owner = mesh.owner("identity").await;
    sqlx::query(planted).execute(&mut owner).await.expect("a table");
    for (word, bytes, record) in [(NAME, NUMBER, "x"), ("x", NAME, NUMBER), (NUMBER, "x", NAME)] {
        sqlx::query("INSERT INTO planted VALUES ($1, $2, jsonb_build_object('a', $3::text))")
            .bind(word)
            .bind(bytes.as_bytes())
            .bind(record)
            .execute(&mut owner)
            .await
            .expect("a row");
        let dump = scan::dump(mesh.database("identity")).await;
        let rows = dump.iter().find(|(table, _)| table == "public.planted").map(|(_, rows)| rows.clone());
        assert_eq!(scanner.found("dump", rows.expect("it is dumped").as_bytes()), both("dump"));
        sqlx::query("TRUNCATE planted").execute(&mut owner).await.expect("it is empty");
    }
    let url = mesh.redis().url();
    let client = redis::Client::open(url.as_str()).expect("a URL");
    let mut redis = client.get_multiplexed_async_connection().await.expect("Redis answers");
    for command in
        ["SET k N", "SET N v", "HSET k f N", "HSET k N v", "RPUSH k N", "SADD k N", "ZADD k 1 N", "XADD k * f N"]
    {
        for (secret, what) in [(NAME, "name"), (NUMBER, "number")] {
            let mut words = command.split(' ').map(|word| if word == "N" { secret } else { word });
            let mut planted = redis::cmd(words.next().expect("a command"));
            let planted: redis::RedisResult<redis::Value> =
                planted.arg(words.collect::<Vec<_>>()).query_async(&mut redis).await;
            planted.expect("it is planted");
            assert_eq!(
                scanner.found("Redis", &scan::redis(&url).await),
                BTreeSet::from([format!("Redis: {what}")]),
                "{command}"
            );
            let wiped: redis::RedisResult<()> = redis::cmd("FLUSHALL").query_async(&mut redis).await;
            wiped.expect("it is empty");
        }
    }
}
