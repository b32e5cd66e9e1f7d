//! What the command line tells of the record: a proof for whoever trusts nobody, who looked at whose data, and the data itself.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use devstack::SERVICES;
use mesh_tests::{City, Patient, anjia, run_anjia};
use serde_json::Value;
use types::ids::ResidentId;

/// A checkpoint is signed within ten seconds.
const COVERED_WITHIN: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(500);
const REGISTRATION: &str = "identity.resident.register";

#[tokio::test]
async fn id_06_id_08_id_09_an_entry_is_proved_offline_and_a_person_learns_who_saw_what_and_takes_it_along() {
    let city = City::start().await;
    let patient = city.patient().await;
    let visit = city.visit(&patient).await;
    city.settlement(&visit, "240.00").await;
    let root = city.mesh.fleet().root().to_owned();

    proves_and_checks(&city, &root, &patient).await;
    tells_who_saw(&city, &root, &patient).await;
    exports(&root, &patient).await;
    mesh_tests::assert_invariants(&city.mesh).await;
}

/// prove → file → check-receipt; and one byte that is another.
async fn proves_and_checks(city: &City, root: &Path, patient: &Patient) {
    let began_at = Instant::now();
    let (position, receipt) = loop {
        let position = position(city, patient).await;
        if let Some(position) = position {
            let output = anjia(root, &["audit", "prove", "identity", &position.to_string(), "--root", "."]).await;
            if output.status.success() {
                break (position, text(output.stdout));
            }
            // Not yet covered, and nothing else.
            assert_eq!(output.status.code(), Some(1), "{}", text(output.stderr));
        }
        assert!(began_at.elapsed() < COVERED_WITHIN, "no checkpoint covers {position:?}");
        tokio::time::sleep(POLL).await;
    };
    let key = text(anjia(root, &["audit", "key", "identity", "--root", "."]).await.stdout);
    let check = |file: &str, key: &str| -> [String; 6] {
        ["audit", "check-receipt", file, "--key", key.trim(), "--json"].map(str::to_owned)
    };

    // Nothing but the file and the key: not even the mesh's folder.
    let elsewhere = root.join("elsewhere");
    std::fs::create_dir(&elsewhere).expect("a folder");
    let keep = |name: &str, receipt: &str| std::fs::write(elsewhere.join(name), receipt).expect("a file");
    keep("receipt.json", &receipt);
    let asked = check("receipt.json", &key);
    let told = run_anjia(&elsewhere, &asked.each_ref().map(String::as_str)).await;
    assert_eq!(told["action"], REGISTRATION, "{told:#}");
    assert_eq!(told["position"], position, "{told:#}");
    assert_eq!(told["actor"], city.caller("worker").party(), "{told:#}");

    let of: Value = serde_json::from_str(&receipt).expect("JSON");
    let proof = of["proof"][0].as_str().expect("a receipt of one among many has a path");
    for (what, part) in [("entry", of["entry"].as_str().expect("an entry")), ("proof", proof)] {
        keep("changed.json", &receipt.replace(part, &with_another_byte(part)));
        let asked = check("changed.json", &key);
        let output = anjia(&elsewhere, &asked.each_ref().map(String::as_str)).await;
        assert_eq!(output.status.code(), Some(1), "one byte of its {what}");
        assert!(text(output.stderr).contains("the receipt proves nothing"), "{what}");
    }
    let another = text(anjia(root, &["audit", "key", "payment", "--root", "."]).await.stdout);
    let asked = check("receipt.json", &another);
    let output = anjia(&elsewhere, &asked.each_ref().map(String::as_str)).await;
    assert_eq!(output.status.code(), Some(1), "another service's key");
    let output = anjia(&elsewhere, &["audit", "check-receipt", "none.json", "--key", key.trim()]).await;
    assert_eq!(output.status.code(), Some(2), "no such file");
}

/// Of the entry of the registration, once it is chained.
async fn position(city: &City, patient: &Patient) -> Option<i64> {
    sqlx::query_scalar("SELECT position FROM audit_entries WHERE action = $1 AND resident_id = $2")
        .bind(REGISTRATION)
        .bind(patient.id.uuid())
        .fetch_one(&mut city.mesh.cluster().admin("identity").await.expect("the database"))
        .await
        .expect("she was registered")
}

/// The same base64 with its tenth character changed.
fn with_another_byte(base64: &str) -> String {
    let (before, rest) = base64.split_at(10);
    let (byte, after) = rest.split_at(1);
    format!("{before}{}{after}", if byte == "A" { "B" } else { "A" })
}

async fn tells_who_saw(city: &City, root: &Path, patient: &Patient) {
    let resident = patient.id.to_string();
    let ask = async || {
        let output = anjia(root, &["audit", "who-saw", &resident, "--json", "--root", "."]).await;
        assert!(output.status.success(), "{}", text(output.stderr));
        let lines = text(output.stdout);
        lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect::<Vec<Value>>()
    };
    let told = ask().await;
    let has = |told: &[Value], service: &str, action: &str, actor: &str| {
        told.iter().any(|it| it["service"] == service && it["action"] == action && it["actor"] == actor)
    };
    assert!(has(&told, "identity", REGISTRATION, city.caller("worker").party()), "{told:#?}");
    assert!(has(&told, "adjudication", "adjudication.claim.divide", city.caller("clinic").party()), "{told:#?}");
    let times: Vec<&str> = told.iter().filter_map(|it| it["occurred_at"].as_str()).collect();
    assert!(times.len() == told.len() && times.is_sorted_by(|newer, older| newer >= older), "{times:?}");
    // Nobody is told about who is not known, also when it was asked before.
    let nobody = ResidentId::generate().to_string();
    for _ in 0..2 {
        let unknown = anjia(root, &["audit", "who-saw", &nobody, "--root", "."]).await;
        assert!(unknown.status.code() == Some(1) && text(unknown.stderr).contains("nothing is known of"));
    }
    // That somebody asked is told as well, by every service.
    let again = ask().await;
    for service in SERVICES {
        assert!(has(&again, service, "platform.access.list", "service:anjia"), "{service}: {again:#?}");
    }
}

async fn exports(root: &Path, patient: &Patient) {
    let (resident, folder) = (patient.id.to_string(), root.join("taken-along"));
    let out = folder.to_str().expect("a path");
    let asked = ["export", &resident, "--out", out, "--root", "."];
    let refused = anjia(root, &asked).await;
    assert!(!refused.status.success() && text(refused.stderr).contains("an operator says why"));
    let nobody = ResidentId::generate().to_string();
    let unknown = anjia(root, &["export", &nobody, "--out", out, "--reason", "a slip", "--root", "."]).await;
    assert!(unknown.status.code() == Some(1) && text(unknown.stderr).contains("nothing is known of"));
    assert!(!folder.exists(), "nothing is written of nobody");
    let output = anjia(root, &[&asked[..], &["--reason", "she asked at the desk"]].concat()).await;
    assert!(output.status.success(), "{}", text(output.stderr));
    let page = std::fs::read_to_string(folder.join("index.html")).expect("a page");
    let mut tables = BTreeSet::new();
    for service in SERVICES {
        let json = std::fs::read(folder.join(format!("{service}.json"))).expect("a file for each service");
        let json: Value = serde_json::from_slice(&json).expect("JSON");
        assert!(json["service"] == service && json["resident_id"] == resident.as_str(), "{service}");
        for table in json["tables"].as_array().expect("tables") {
            let title = table["title_zh"].as_str().expect("a title");
            assert!(page.contains(title), "{title} is not on the page");
            tables.insert(format!("{service}.{}", table["table"].as_str().expect("a name")));
        }
    }
    for table in ["identity.residents", "scheduling.visits", "adjudication.settlements", "payment.credit_lines"] {
        assert!(tables.contains(table), "{table}: {tables:?}");
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("text")
}
