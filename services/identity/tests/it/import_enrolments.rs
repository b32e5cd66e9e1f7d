use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use proto::anjia::identity::v1::RegisterResidentRequest;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use testkit::callers::{Client, HOSPITAL};
use types::national_id::NationalId;
use types::region::RegionCode;

use crate::support::{Person, World, day, new_enrolment, new_resident};

const HEADER: &str = "national_id,name,community,scheme,insured_region,layer,order,payer_organisation_id,from,until,\
                      retired_from,joined_on,waiting_waived_for,student\n";

impl World {
    fn path(&self, name: &str) -> PathBuf {
        self.mesh.fleet().root().join(name)
    }

    fn import_command(&self, file: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_identity"));
        command
            .args(["import-enrolments", "--json", "--organisation", &HOSPITAL.to_string(), "--region", "110000"])
            .args(arguments)
            .arg("--file")
            .arg(file)
            .envs(self.mesh.fleet().environment("identity").unwrap())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn import(&self, file: &Path, arguments: &[&str]) -> Output {
        self.import_command(file, arguments).output().unwrap()
    }

    async fn count(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).fetch_one(&mut self.mesh.owner("identity").await).await.unwrap()
    }

    /// What the audit names as refused: which bytes, and why.
    async fn refusals(&self) -> Vec<(Vec<u8>, String)> {
        sqlx::query_as(
            "SELECT file_digest, reason FROM enrolment_import_refusals refusal JOIN audit_entries entry \
             ON entry.rows @> jsonb_build_array(jsonb_build_object('table', 'enrolment_import_refusals', 'id', refusal.id)) \
             WHERE entry.action = 'identity.enrolment.import_refused' ORDER BY refused_at",
        )
        .fetch_all(&mut self.mesh.owner("identity").await)
        .await
        .unwrap()
    }

    /// What an import changes, in figures.
    async fn figures(&self) -> [i64; 4] {
        [
            self.count("SELECT count(*) FROM enrolments").await,
            self.count("SELECT count(*) FROM events").await,
            self.count("SELECT count(*) FROM enrolment_imports").await,
            self.count("SELECT count(*) FROM residents").await,
        ]
    }
}

fn summary(output: &Output) -> Value {
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn whole(body: &str) -> String {
    format!("{body}#END,{},{}\n", body.lines().count() - 1, hex::encode(Sha256::digest(body)))
}

fn record(number: &str, from: &str, until: &str) -> String {
    format!("{number},新参保人,展览路街道,EMPLOYEE,110000,BASIC,,,{from},{until},,,,\n")
}

/// Persons nobody has registered.
fn strangers(count: u16) -> Vec<String> {
    let person = |serial: u16| {
        let born = day("1970-01-01") + chrono::Days::new(u64::from(serial / 1000));
        NationalId::from_parts(RegionCode::DEMONSTRATION, born, serial % 1000).unwrap().expose().to_owned()
    };
    (0..count).map(person).collect()
}

async fn world() -> (World, Person) {
    let world = World::start().await;
    world.hospital().await;
    let person = world.person("chen").await;
    (world, person)
}

#[tokio::test]
async fn id_03_a_file_records_corrects_and_reports() {
    let (world, person) = world().await;
    let earlier = new_enrolment(person.id, "2025-01-01", None);
    world.enrol(&world.caller("insurer-proposer"), earlier).await.unwrap();
    let unknown = &strangers(1)[0];
    let mut body = HEADER.to_owned();
    body += &record(&person.number, "2025-01-01", "2025-12-31");
    body += &record(&person.number, "2026-01-01", "");
    body += &record(&person.number, "2026-06-01", "");
    body += &record(unknown, "2026-01-01", "");
    body += &record("11010519491231002", "2026-01-01", "");
    body += "too,few\n";
    let file = world.path("year.csv");
    std::fs::write(&file, whole(&body)).unwrap();

    let output = world.import(&file, &[]);
    let said = summary(&output);
    let of = |key: &str| said[key].as_i64().unwrap();
    assert_eq!([of("rows"), of("recorded"), of("corrected"), of("unchanged"), of("rejected")], [6, 1, 1, 0, 4]);
    assert!(!String::from_utf8_lossy(&output.stderr).contains(&person.number));

    let report = std::fs::read_to_string(world.path("year.csv.rejected.csv")).unwrap();
    let masked = |number: &str| format!("{}****************{}", &number[..1], &number[17..]);
    let expected = format!(
        "line,reason,column,masked_id\n4,ENROLMENT_OVERLAPS,,{}\n5,PERSON_UNKNOWN,,{}\n6,INVALID_NATIONAL_ID,national_id,\n7,WRONG_COLUMNS,,\n",
        masked(&person.number),
        masked(unknown)
    );
    assert_eq!(report, expected);
    // One event for the person, however many of their lines changed something; one audit entry a batch, naming every row.
    assert_eq!(world.told("anjia.identity.coverage.changed.v1", &person.id.to_string()).await, 2);
    let rows = world
        .count("SELECT jsonb_array_length(rows)::bigint FROM audit_entries WHERE action = 'identity.enrolment.import'")
        .await;
    assert_eq!(rows, 2 + 3 + 4, "the import and its batch, a version closed and two written, four lines rejected");
}

#[tokio::test]
async fn id_03_a_file_that_is_cut_off_changes_nothing_and_is_on_record() {
    let (world, person) = world().await;
    let body = format!("{HEADER}{}", record(&person.number, "2026-01-01", ""));
    let text = whole(&body);
    let before = world.figures().await;
    let file = world.path("cut.csv");
    let in_the_middle = body.len() - 10;
    let lengths = [text.len() - 20, body.len(), in_the_middle];
    let mut texts = lengths.map(|length| (text[..length].to_owned(), "TRAILER_MISSING")).to_vec();
    texts.push((text.replace("2026-01-01", "2025-01-01"), "DIGEST_DIFFERS"));
    let mut refused = vec![];
    for (text, reason) in texts {
        std::fs::write(&file, &text).unwrap();
        let output = world.import(&file, &[]);
        assert!(!output.status.success());
        assert!(String::from_utf8_lossy(&output.stderr).contains("cut off"), "{output:?}");
        refused.push((Sha256::digest(&text).to_vec(), reason.to_owned()));
    }
    assert_eq!(world.figures().await, before);
    assert_eq!(world.refusals().await, refused);
}

#[tokio::test]
async fn id_03_the_same_file_again_changes_nothing() {
    let (world, person) = world().await;
    let file = world.path("again.csv");
    std::fs::write(&file, whole(&format!("{HEADER}{}", record(&person.number, "2026-01-01", "")))).unwrap();
    assert_eq!(summary(&world.import(&file, &[]))["recorded"], 1);
    let before = world.figures().await;
    let again = summary(&world.import(&file, &[]));
    assert_eq!((&again["rows"], &again["rows_done_before"]), (&Value::from(1), &Value::from(1)));
    assert_eq!(world.figures().await, before);
}

#[tokio::test]
async fn id_03_unknown_persons_are_registered_if_asked_for() {
    let (world, _) = world().await;
    let numbers = strangers(3);
    let mut body = HEADER.to_owned();
    for number in &numbers {
        body += &record(number, "2026-01-01", "");
    }
    body += &record(&numbers[0], "2025-01-01", "2025-12-31");
    let file = world.path("new.csv");
    std::fs::write(&file, whole(&body)).unwrap();
    let before = world.figures().await;
    let said = summary(&world.import(&file, &["--register-unknown"]));
    assert_eq!((&said["recorded"], &said["registered"]), (&Value::from(4), &Value::from(3)));
    assert_eq!(world.figures().await[3], before[3] + 3);
    let registered = world
        .count("SELECT count(*) FROM audit_entries WHERE action = 'identity.resident.register' AND actor = 'service:identity'")
        .await;
    assert_eq!(registered, 3);
}

#[tokio::test]
async fn id_03_however_many_are_registered_elsewhere_a_batch_is_begun_anew_once() {
    let (world, _) = world().await;
    // Every other one is registered in another region, out of sight.
    let numbers = strangers(40);
    let elsewhere = Client {
        region: "310000".to_owned(),
        ..Client::new("worker-elsewhere", "client:worker-elsewhere".to_owned(), Some(HOSPITAL), &["community_worker"])
    };
    let elsewhere = world.mesh.register(elsewhere).await;
    for number in numbers.iter().step_by(2) {
        let message =
            RegisterResidentRequest { national_id: number.clone(), region_code: "310000".to_owned(), ..new_resident() };
        world.register(&elsewhere, message).await.unwrap();
    }
    let body = numbers.iter().fold(HEADER.to_owned(), |body, number| body + record(number, "2026-01-01", "").as_str());
    let file = world.path("elsewhere.csv");
    std::fs::write(&file, whole(&body)).unwrap();
    // An attempt that is given up uses up numbers of audit entries that are never there: one for each person it had registered.
    let given_up = "SELECT max(sequence) - count(*) FROM audit_entries";
    let before = world.count(given_up).await;
    let said = summary(&world.import(&file, &["--register-unknown"]));
    assert_eq!((&said["recorded"], &said["rejected"], &said["registered"]), (&20.into(), &20.into(), &20.into()));
    assert!(world.count(given_up).await - before <= 20, "the batch was begun anew more than once");
}

#[tokio::test]
async fn id_03_an_import_that_is_killed_goes_on_where_it_was() {
    let (world, _) = world().await;
    let numbers = strangers(2_000);
    let body = numbers.iter().fold(HEADER.to_owned(), |body, number| body + record(number, "2026-01-01", "").as_str());
    let file = world.path("killed.csv");
    std::fs::write(&file, whole(&body)).unwrap();

    let arguments = ["--register-unknown", "--batch-rows", "50"];
    let mut killed = world.import_command(&file, &arguments).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_mins(1);
    while world.count("SELECT count(*) FROM enrolment_import_batches").await < 2 {
        assert!(Instant::now() < deadline, "no batch was committed in a minute");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    let done = world.count("SELECT sum(row_count)::bigint FROM enrolment_import_batches").await;
    assert!(done < 2_000, "it was to be killed in the middle");
    assert_eq!(world.count("SELECT count(*) FROM enrolments").await, done);

    let said = summary(&world.import(&file, &arguments));
    assert!(said["rows_done_before"].as_i64().unwrap() >= done);
    assert_eq!(said["rows"], 2_000);
    assert_eq!(world.count("SELECT count(*) FROM enrolments").await, 2_000);
    assert_eq!(world.count("SELECT count(DISTINCT resident_id) FROM enrolments").await, 2_000);
    let told = "SELECT count(*) FROM events WHERE kind = 'anjia.identity.coverage.changed.v1'";
    assert_eq!(world.count(told).await, 2_000);
}

#[tokio::test]
async fn id_03_an_unregistered_bureau_imports_nothing_and_that_is_on_record() {
    let world = World::start().await;
    let file = world.path("nobody.csv");
    let text = whole(HEADER);
    std::fs::write(&file, &text).unwrap();
    let output = world.import(&file, &[]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("is not registered"), "{output:?}");
    assert_eq!(world.refusals().await, [(Sha256::digest(&text).to_vec(), "RECORDER_UNKNOWN".to_owned())]);
}
