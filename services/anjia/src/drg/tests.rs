//! The commands, on the small tables of `libs/drg`, and on the full ones where they are named.

use std::path::{Path, PathBuf};

use clap::Parser as _;
use drg::{Files, Tables, payment};
use serde_json::json;
use types::tier::Tier;

use super::diff::{Version, diff};
use super::{cases, check};

fn small() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../libs/drg/tables/small")
}

#[test]
fn ad_07_a_record_that_is_grouped_otherwise_is_shown_with_the_steps() {
    let cases = json!([
        {"sex": 1, "age": 63, "age_days": 23011, "weight_g": null, "dx": ["I63.900", "J96.000"], "proc": ["01.2400"], "expected": "BB11"},
        {"sex": 1, "age": 63, "dx": ["I63.900", "G40.900"], "proc": [], "expected": "BR13"},
        {"dx": ["I63.900"]},
    ]);
    let checked = check::check(&Tables::load(&small()).unwrap(), &cases::parse(&cases.to_string()).unwrap());
    assert_eq!((checked.total, checked.exact), (3, 1));
    assert_eq!((&checked.different[0]["case"], &checked.different[0]["group"]), (&json!(1), &json!("BR15")));
    assert!(checked.different[0]["steps"][2]["en"].as_str().unwrap().contains("exclusion table 4"));
    assert_eq!(checked.different[1]["expected"], json!(null));
}

#[test]
fn ad_07_values_that_cannot_be_used_are_named_and_the_record_is_answered() {
    let cases = json!([
        {"sex": 7, "age": -1, "age_days": 1e9, "weight_g": "much", "dx": [1, "I63.900"], "proc": "01.2400", "cost": "-1"},
        null, [], 3, {"dx": null},
    ]);
    let read = cases::parse(&cases.to_string()).unwrap();
    assert_eq!(read[0].unusable, ["sex", "age", "age_days", "weight_g", "dx", "proc", "cost"]);
    // A code that is no text is not passed over: the next is not the principal.
    let tables = Tables::load(&small()).unwrap();
    assert!(read.iter().all(|case| tables.group(&case.record).code() == "0000"));
    assert!(cases::parse("{}").is_err());
}

#[test]
fn ad_07_a_diff_says_what_another_version_would_pay() {
    let tables = Tables::load(&small()).unwrap();
    // The other version takes the exclusion of epilepsy beside a stroke away.
    let files = drg::REQUIRED.iter().map(|name| {
        let text = std::fs::read_to_string(small().join(name)).unwrap();
        let text = if *name == "exclusion.csv" { text.replace("I63.900,4\n", "") } else { text };
        ((*name).to_owned(), text.into_bytes())
    });
    let other = Tables::read(&Files::new(files)).unwrap();
    let weights: serde_json::Map<_, _> =
        tables.drg_codes().map(|code| (code.to_owned(), json!(if code == "BR13" { "1.2" } else { "1" }))).collect();
    let terms = payment::read(
        &json!({
            "grouper": "small", "base_rate": "10000.00", "weights": weights,
            "coefficients": {"by_tier": {"TERTIARY": "1"}},
            "high_outlier": {"bands": [{"weight_to": "none", "multiple": "3"}], "pays": {"standard_plus_excess": "1"}},
            "low_outlier": {"multiple": "0.4", "cost_ratio": "1"}, "ungroupable": {"cost_ratio": "0.5"},
        })
        .to_string(),
    )
    .unwrap();
    let cases = json!([
        {"age": 60, "dx": ["I63.900", "G40.900"], "proc": [], "cost": "11000.00"},
        {"age": 60, "dx": ["I63.900"], "proc": [], "cost": "11000.00"},
        {"age": 60, "dx": ["?"], "proc": [], "cost": "800.00"},
        {"age": 60, "dx": ["?"], "proc": []},
    ]);
    let version = |tables| Version { tables, terms: Some(&terms), tier: Tier::Tertiary };
    let diff = diff(&version(&tables), &version(&other), &cases::parse(&cases.to_string()).unwrap());
    assert_eq!((diff.total, diff.regrouped, diff.priced), (4, 1, 3));
    assert_eq!((diff.ungroupable_before, diff.ungroupable_after), (2, 2));
    assert_eq!(diff.paid_before.to_string(), "20400.00");
    assert_eq!(diff.difference.to_string(), "2000.00");
    assert_eq!(diff.moves["BR15 → BR13"], 1);
    assert_eq!(diff.changes.len(), 1);
}

/// Over the full tables, where `ANJIA_DRG_TABLES` names their folder, with the records in it.
#[test]
fn ad_07_the_full_tables_group_every_sample_as_it_says() {
    let args = check::Args::try_parse_from(["check", "sample_cases.json"]).unwrap();
    let Some(folder) = &args.named.tables else {
        eprintln!("not run: ANJIA_DRG_TABLES names no folder of tables");
        return;
    };
    let tables = Tables::load(folder).unwrap();
    let checked = check::check(&tables, &cases::read(&folder.join(&args.cases)).unwrap());
    assert!(checked.total > 0);
    assert_eq!(checked.exact, checked.total, "{:#?}", checked.different);
}
