//! The audit of the five services (ID-09): each is witnessed by another, and whoever has their databases is found.

use std::path::Path;
use std::time::{Duration, Instant};

use devstack::{SERVICES, witnessed_by};
use mesh_tests::{City, ask_anjia, run_anjia};
use proto::anjia::payment::v1::BillState;
use proto::anjia::referral::v1::ReferralState;
use serde_json::Value;
use sqlx::PgConnection;

use crate::faults::{report_orders, terminal};

/// A checkpoint is signed within ten seconds, and looked at within ten more.
const WITNESSED_WITHIN: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(500);

/// A city in which somebody was seen, claimed for, paid for on credit, referred and accepted: most tables have rows.
pub(crate) async fn city_at_work() -> City {
    at_work(City::start().await).await
}

pub(crate) async fn at_work(city: City) -> City {
    let patient = city.patient().await;
    let visit = city.visit(&patient).await;
    let settlement = city.settlement(&visit, "1500.00").await;
    let bill = city.authorise(&patient, &settlement).await.expect("the bill is authorised");
    city.capture(&bill).await.expect("the capture begins");
    let look = async || city.bill(&patient, &bill.bill_id).await;
    terminal(look, |bill| bill.state() == BillState::Captured).await;
    report_orders(&city).await;
    let slots = city.clinic_hours(2).await;
    city.hold(&patient, &slots[0].slot_id).await.expect("a place is held");
    let beds = city.ward(1).await;
    let referred = city.patient().await;
    let referral = city.submit_referral(&referred).await;
    city.accept(&referral, &beds[0].slot_id).await.expect("the acceptance begins");
    let look = async || city.referral(&referral.referral_id).await;
    terminal(look, |referral| referral.state() == ReferralState::Booked).await;
    city
}

/// What the witness of a service shows: how many entries it saw, and why it refused what came since.
async fn shown(city: &City, witness: &str) -> Option<(i64, String)> {
    macro_rules! ask {
        ($($package:ident),+) => {
            match witness {
                $(stringify!($package) => {
                    use proto::anjia::$package::v1::{GetWitnessedRequest, audit_service_client::AuditServiceClient};
                    let request = city.caller("operator").request(GetWitnessedRequest {}).await;
                    let answer = AuditServiceClient::new(city.channel(witness)).get_witnessed(request).await;
                    answer.ok().and_then(|answer| answer.into_inner().witnessed)
                })+
                other => panic!("{other} witnesses nobody"),
            }
        };
    }
    let seen = ask!(identity, scheduling, referral, adjudication, payment)?;
    let log = witnessed_by(witness).expect("it witnesses somebody");
    assert_eq!(seen.origin, format!("anjia/{log}"));
    assert!(seen.note.contains(&format!("\u{2014} anjia/{log} ")), "{}", seen.note);
    assert!(seen.note.contains(&format!("\u{2014} anjia/{witness} ")), "{}", seen.note);
    Some((seen.size, seen.refused))
}

/// Asks until what the witness shows is so.
async fn until(city: &City, witness: &str, is_so: impl Fn(i64, &str) -> bool) -> (i64, String) {
    let began_at = Instant::now();
    loop {
        let seen = shown(city, witness).await;
        match seen {
            Some((size, refused)) if is_so(size, &refused) => return (size, refused),
            seen => assert!(began_at.elapsed() < WITNESSED_WITHIN, "{witness} still shows {seen:?}"),
        }
        tokio::time::sleep(POLL).await;
    }
}

async fn admin(city: &City, service: &str) -> PgConnection {
    city.mesh.cluster().admin(service).await.expect("an insider with the database")
}

#[tokio::test]
async fn id_09_a_log_rewritten_with_the_real_key_and_without_its_anchor_is_told_by_its_witness() {
    let mut city = city_at_work().await;
    for witness in SERVICES {
        let log = witnessed_by(witness).expect("it witnesses somebody");
        let (size, refused) = until(&city, witness, |size, _| size > 0).await;
        assert_eq!(refused, "", "{witness} of {log} after {size} entries");
    }
    let root = city.mesh.fleet().root().to_owned();
    let verify = ["audit", "verify", "--json", "--root", "."];
    let told = run_anjia(&root, &verify).await;
    for service in SERVICES {
        let found = &told["services"][service];
        assert_eq!(found["wrong"], 0, "{service}: {found:#}");
        assert!(found["witnessed"].as_i64().is_some_and(|witnessed| witnessed > 0), "{service}: {found:#}");
    }

    // Whoever runs identity rewrites who did what first of all, removes the anchor, and lets the real service seal and sign it all.
    city.kill("identity");
    let rewrite = "SET session_replication_role = replica; DELETE FROM audit_tiles; DELETE FROM audit_checkpoints; \
        UPDATE audit_entries SET position = NULL, previous_hash = NULL, hash = NULL; \
        UPDATE audit_entries SET actor = 'service:nobody' WHERE sequence = (SELECT min(sequence) FROM audit_entries); \
        UPDATE chain_heads SET position = 0, hash = decode(repeat('00', 32), 'hex') WHERE chain = 'audit_entries'";
    sqlx::raw_sql(rewrite)
        .execute(&mut admin(&city, "identity").await)
        .await
        .expect("nothing keeps an insider from it");
    std::fs::remove_dir_all(root.join(devstack::ANCHOR).join("identity")).expect("an anchor");
    city.start_again("identity").await;
    let witness = "scheduling";
    let (size, refused) = until(&city, witness, |_, refused| !refused.is_empty()).await;
    assert!(["INCONSISTENT", "FORKED", "SMALLER"].contains(&refused.as_str()), "{refused}");

    let (is_whole, told) = ask_anjia(&root, &verify).await;
    assert!(!is_whole, "{told:#}");
    let places = places(&told, "identity");
    assert!(places.contains(&format!("checkpoint/{size}")), "{places:?}: {told:#}");
    for other in SERVICES.into_iter().filter(|service| *service != "identity") {
        assert_eq!(told["services"][other]["wrong"], 0, "{other}: {told:#}");
    }
    // It is alerted, and takes nobody out of service.
    let events = "SELECT count(*) FROM events WHERE kind = 'anjia.scheduling.witness.refused.v1'";
    let count = async || {
        let events: i64 =
            sqlx::query_scalar(events).fetch_one(&mut admin(&city, witness).await).await.expect("counted");
        Ok(events)
    };
    assert_eq!(terminal(count, |count| *count > 0).await, 1);
    let log = std::fs::read_to_string(city.mesh.fleet().log(witness)).expect("a log");
    assert!(log.contains("an audit was rewritten, or an old one brought back"), "it is not in the log");
    city.patient().await;
}

fn places(told: &Value, service: &str) -> Vec<String> {
    let findings = told["services"][service]["findings"].as_array().expect("a list of findings");
    findings.iter().filter_map(|finding| finding["place"].as_str().map(str::to_owned)).collect()
}

#[tokio::test]
async fn id_09_who_has_a_database_and_not_its_witness_changes_no_row_unseen() {
    let city = city_at_work().await;
    let root = city.mesh.fleet().root().to_owned();
    let edits = [
        ("payment", "UPDATE entries SET amount = amount + 1 WHERE amount > 0", "entries/"),
        ("payment", "UPDATE bill_shares SET amount = amount - 0.01", "bill_shares/"),
        ("adjudication", "UPDATE claim_lines SET quantity = 2", "claim_lines/"),
        ("scheduling", "UPDATE slot_pools SET places = places + 1", "slot_pools/"),
        ("referral", "UPDATE sagas SET own_share = 0 WHERE own_share IS NOT NULL", "sagas/"),
        ("identity", "UPDATE identifiers SET number_index = sha256(number_index)", "identifiers/"),
    ];
    for (service, edit, _) in edits {
        let sql = format!("SET session_replication_role = replica; {edit}");
        let mut insider = admin(&city, service).await;
        let done = sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut insider).await.expect("an insider may");
        assert!(done.rows_affected() > 0, "{edit}");
    }
    let (is_whole, told) = ask_anjia(Path::new(&root), &["audit", "verify", "--json", "--root", "."]).await;
    assert!(!is_whole, "{told:#}");
    for (service, edit, place) in edits {
        assert!(places(&told, service).iter().any(|found| found.starts_with(place)), "{edit}: {told:#}");
    }
}
