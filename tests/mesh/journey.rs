//! The journey as people see it: the command that walks it, and the figures it must come to.

use std::path::Path;

use mesh_tests::{assert_none_violated, run_anjia};
use serde_json::Value;

/// Visit at the clinic; the referred stay (`we-001`): deductible, self-pay and fund of the pooled layer; of the large-amount layer
/// fund and own; own in all; and the stay that was reported late.
const FIGURES: [&str; 10] =
    ["216.00", "24.00", "650.00", "4962.67", "91759.51", "53631.70", "13407.93", "43694.64", "8240.49", "189085.85"];

#[tokio::test]
async fn pl_07_rf_11_ad_02_the_referral_journey_comes_to_the_fen_and_is_one_trace_over_five_services() {
    // The demo's mesh lies in `.dev/demo` of the folder it runs in, so that this one is nobody else's.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("journey");
    std::fs::create_dir_all(&folder).expect("a folder for the demo");
    let told = run_anjia(&folder, &["demo", "--json"]).await;
    assert_eq!(told["ok"], true, "{told:#}");
    assert!(told["steps"].as_array().is_some_and(|steps| steps.len() >= 7), "{:#}", told["steps"]);

    let mut services: Vec<&str> =
        told["trace"]["services"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    services.retain(|name| devstack::SERVICES.contains(name));
    assert_eq!(services.len(), devstack::SERVICES.len(), "{:#}", told["trace"]);
    assert!(told["trace"]["spans"].as_u64().is_some_and(|spans| spans >= 5), "{:#}", told["trace"]);

    let claims = told["claims"].to_string();
    for figure in FIGURES {
        assert!(claims.contains(&format!("\"{figure}\"")), "{figure} in {:#}", told["claims"]);
    }
    assert_none_violated(&told["invariants"]);
}
