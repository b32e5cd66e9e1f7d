//! A service that is started with a setting it cannot use says which, ends with 2, and has not listened before.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;

use devstack::SERVICES;
use futures_util::{StreamExt as _, stream};
use testkit::Mesh;
use tokio::process::Command;

use crate::programs::{Manual, binary};

/// Programs started at once: each mostly waits.
const AT_ONCE: usize = 4;
/// Of no host and of none of this machine's.
const ELSEWHERE: &str = "192.0.2.1:50051";
/// A file that is not there, and one that holds nothing of use.
const FILES: [&str; 2] = ["/nowhere/at-all", "/proc/self/comm"];
/// Those whose every value may be right: only what they name can tell.
const ANYTHING: [(&str, &str); 4] = [
    ("KMS_KEY", "the key management service knows its keys"),
    ("KMS_MOUNT", "the key management service knows its paths"),
    ("KMS_TOKEN_FILE", "an agent may write it later; without it nothing unwraps, and readiness says so"),
    ("TLS_TRUST_DOMAIN", "a wrong one shows in the certificate, which is then refused"),
];

/// Values that cannot be used, by setting.
fn wrong_values() -> BTreeMap<&'static str, Vec<&'static str>> {
    let address = vec!["nonsense", ELSEWHERE];
    let count = vec!["0", "-1", "x"];
    let peer = vec!["nonsense", "tcp://10.0.0.1:1", "http://192.0.2.1:1", "https://no-port"];
    let file = FILES.to_vec();
    let mut wrong = BTreeMap::from([
        ("LISTEN", address.clone()),
        ("OPS_LISTEN", address),
        ("REGION", vec!["", "beijing"]),
        ("REGIONS", vec!["110000,x"]),
        ("WORKER_THREADS", vec!["0", "65", "x"]),
        ("DRAIN_NOTICE_MS", vec!["-1", "600001", "x"]),
        ("DATABASE_URL", vec!["", "nonsense"]),
        ("WORKER_DATABASE_URL", vec!["", "nonsense"]),
        ("STATEMENT_TIMEOUT_MS", vec!["9", "x"]),
        ("AUDIT_ANCHOR_FOLDER", vec!["/dev/null/at-all"]),
        ("KMS_URL", vec!["nonsense", "ftp://kms:1"]),
        ("LOG_FORMAT", vec!["yaml"]),
        ("RUST_LOG", vec!["a=b=c"]),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", vec!["nonsense", "tcp://collector:4317"]),
        ("OTEL_TRACES_SAMPLER_ARG", vec!["1.1", "-0.1", "NaN", "x"]),
        ("REDIS_URL", vec!["nonsense"]),
        ("EVENTS_WAIT_FOR_SILENT", vec!["perhaps"]),
        ("QUEUE_LATE_BY_ARRIVAL", vec!["perhaps"]),
        // None is a rule, too.
        ("QUEUE_LATE_GRACE_MIN", vec!["-1", "241", "x"]),
        ("SUSPENSION_OF_EVERY_CHANNEL", vec!["perhaps"]),
        ("TOKEN_KEY_FOLDER", vec!["/nowhere/at-all", "EMPTY"]),
    ]);
    for name in [
        "IN_FLIGHT_MAX",
        "WAITING_MAX",
        "DEADLINE_DEFAULT_MS",
        "DEADLINE_MAX_MS",
        "DRAIN_MAX_MS",
        "POOL_SIZE",
        "KMS_TIMEOUT_MS",
        "AUDIT_CHECKPOINT_INTERVAL_S",
        "AUDIT_WITNESS_INTERVAL_S",
        "EVENTS_KEPT_DAYS",
        "EVENTS_SILENT_DAYS_MAX",
        "OTEL_METRIC_EXPORT_INTERVAL",
        "TOKEN_LIFETIME_S",
        "BREAK_GLASS_MINUTES_MAX",
        "BREAK_GLASS_PER_DAY_MAX",
        "HOLD_DURATION_S",
        "DIVISION_VALID_H",
        "RESERVATION_DURATION_S",
        "CAPTURE_DEADLINE_S",
        "CAPTURE_LEASE_MS",
        "ACCEPTANCE_DEADLINE_S",
        "HOLD_MARGIN_S",
        "SAGA_LEASE_S",
        "WAIT_LIST_OFFER_S",
        "DISPLACED_OFFER_S",
        "SESSIONS_AHEAD_DAYS",
        "BOOKINGS_PER_DAY_AND_DEPARTMENT_MAX",
        "BOOKINGS_PER_WEEK_MAX",
        "BOOKINGS_PER_MONTH_MAX",
        "BOOKINGS_PER_QUARTER_MAX",
        "BOOKINGS_PER_DELEGATE_AND_DAY_MAX",
        "BOOKINGS_GIVEN_UP_MAX",
        "COOLING_OFF_H",
        "QUEUE_OVERTAKEN_MAX",
        "QUEUE_PASSED_BEHIND",
        "QUEUE_PASSES_MAX",
        "BOOKINGS_PER_DEVICE_AND_DAY_MAX",
        "APPOINTMENT_MOVES_MAX",
        "NO_SHOW_GRACE_MIN",
        "NO_SHOWS_MAX",
        "NO_SHOWS_WITHIN_D",
        "SUSPENSION_D",
        "NO_SHOWS_PER_YEAR_MAX",
        "SUSPENSION_AGAIN_D",
        "SUSPICIOUS_PERSONS_MIN",
        "SUSPICIOUS_GIVEN_UP_MIN",
    ] {
        wrong.insert(name, count.clone());
    }
    for name in ["IDENTITY_URL", "SCHEDULING_URL", "ADJUDICATION_URL", "PAYMENT_URL", "REFERRAL_URL"] {
        wrong.insert(name, peer.clone());
    }
    for name in [
        "WRAPPING_KEY_FILE",
        "AUDIT_KEY_FILE",
        "AUDIT_WITNESSED_KEY_FILE",
        "TLS_CERT_FILE",
        "TLS_KEY_FILE",
        "TLS_CA_FILE",
        "TLS_PARTNER_CA_FILE",
        "CLIENT_KEY_FILE",
        "CONTRIBUTION_RULES_FILE",
        "SERVICE_PACKAGES_FILE",
        "FEDERATION_FILE",
        "DRG_TABLES_FOLDER",
    ] {
        wrong.insert(name, file.clone());
    }
    wrong
}

/// By the name in the environment or as the option, whichever the program prefers.
fn names(said: &str, setting: &str) -> bool {
    let option = match setting {
        "RUST_LOG" => "--log ".to_owned(),
        "OTEL_EXPORTER_OTLP_ENDPOINT" => "--otlp-endpoint ".to_owned(),
        "OTEL_TRACES_SAMPLER_ARG" => "--trace-ratio ".to_owned(),
        "OTEL_METRIC_EXPORT_INTERVAL" => "--metrics-interval-ms ".to_owned(),
        _ => format!("--{} ", setting.to_lowercase().replace('_', "-")),
    };
    // A switch takes no value, and is named without one.
    let switch = option.replace(' ', "'");
    said.contains(setting) || said.contains(&option) || said.contains(&switch)
}

#[tokio::test]
async fn pl_01_a_service_with_a_bad_setting_says_which_and_exits_2_before_it_listens() {
    let mut mesh = Mesh::start(&SERVICES).await;
    for service in SERVICES {
        mesh.terminate(service).await;
    }
    let empty = mesh.fleet().root().join("empty");
    std::fs::create_dir(&empty).expect("a folder");
    let wrong = wrong_values();
    for service in SERVICES {
        let manual = Manual::of(service, "serve");
        let judged: BTreeSet<String> =
            wrong.keys().copied().chain(ANYTHING.map(|(name, _)| name)).map(str::to_owned).collect();
        let unjudged: Vec<&String> = manual.known.difference(&judged).collect();
        assert!(unjudged.is_empty(), "{service}: give a wrong value of {unjudged:?}, or say why there is none");
        let known = wrong.iter().filter(|(setting, _)| manual.known.contains(**setting));
        let tries: Vec<(&str, &str)> =
            known.flat_map(|(setting, values)| values.iter().map(|value| (*setting, *value))).collect();
        assert!(tries.len() > 60, "{service}: {}", tries.len());
        let every_try = stream::iter(tries).for_each_concurrent(AT_ONCE, async |(setting, value)| {
            let value = if value == "EMPTY" { empty.clone().into_os_string() } else { value.into() };
            refuses(&mesh, service, setting, &value).await;
        });
        every_try.await;
        refuses(&mesh, service, "TLS_CERT_FILE", &certificate_of_another(&mesh, service)).await;
    }
}

/// Which is good, but not this service's.
fn certificate_of_another(mesh: &Mesh, service: &str) -> OsString {
    let other = if service == "payment" { "referral" } else { "payment" };
    mesh.fleet().keys().certificates().of(other).expect("a certificate").into()
}

async fn refuses(mesh: &Mesh, service: &str, setting: &str, value: &OsString) {
    let mut environment: BTreeMap<String, OsString> =
        mesh.fleet().environment(service).expect("settings").into_iter().collect();
    environment.insert(setting.to_owned(), value.clone());
    if setting == "KMS_URL" {
        environment.remove("WRAPPING_KEY_FILE");
    }
    if setting == "TLS_CERT_FILE" && Path::new(value).exists() {
        environment.insert("TLS_KEY_FILE".to_owned(), value.clone());
    }
    let output = Command::new(binary(service))
        .arg("serve")
        .env_clear()
        .envs(environment)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let ended = tokio::time::timeout(std::time::Duration::from_secs(20), output).await;
    let output =
        ended.unwrap_or_else(|_| panic!("{service} runs with {setting}={}", value.display())).expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{service} {setting}={}: {said}", value.display());
    assert!(names(&said, setting), "{service} {setting}={}: {said}", value.display());
    assert!(!said.contains("\"serving\"") && !said.contains("panicked"), "{service} {setting}: {said}");
}
