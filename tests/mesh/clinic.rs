//! A clinic with a bad network, as people see it: the command that shows one, and what it must come to.

use std::path::Path;

use mesh_tests::run_anjia;

#[tokio::test]
async fn sc_14_a_clinic_that_loses_its_network_for_a_morning_catches_up_with_nothing_lost_or_doubled() {
    // Its mesh lies in `.dev/clinic-sim` of the folder it runs in, so that this one is nobody else's.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clinic");
    std::fs::create_dir_all(&folder).expect("a folder for the clinic");
    let told = run_anjia(&folder, &["clinic-sim", "--json"]).await;
    assert_eq!(told["ok"], true, "{told:#}");
    let number = |name: &str| told[name].as_u64().unwrap_or_else(|| panic!("{name}: {told:#}"));
    assert_eq!((number("unanswered"), number("refused")), (0, 1), "{told:#}");
    assert!(number("written") >= 12 && number("sent") > number("written"), "{told:#}");
    assert!(told["checks"].as_array().is_some_and(|checks| checks.len() >= 10), "{told:#}");
}
