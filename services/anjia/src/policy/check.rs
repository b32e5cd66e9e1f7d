//! `anjia policy check`: whether documents are complete, and where not, the path of what is missing or contradicts itself.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use adjudication::domain::national::NationalRules;
use adjudication::domain::policy::Policy;
use anyhow::{Context, Result};
use serde_json::Value;

use crate::print;

/// Check policy documents: every number stated with its source, bands without gap or overlap, ratios between 0 and 1.
///
/// Where a document falls short of a national rule, that is said, too; it may be released all the same.
///
/// Exit codes: 0 all are complete, 1 one is not or cannot be read.
#[derive(Debug, clap::Args)]
pub(super) struct Check {
    /// The documents.
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

pub(super) fn check(args: &Check) -> Result<ExitCode> {
    let rules = NationalRules::shipped()?;
    let mut all_complete = true;
    for file in &args.files {
        let shown = file.display();
        let text = fs::read_to_string(file).with_context(|| format!("cannot read {shown}"))?;
        if let Some(what) = other(&text) {
            print(&format!("{shown}: {what}"))?;
            continue;
        }
        match Policy::read(&text) {
            Ok(policy) => print(&format!("{shown}: {}", complete(&policy, &rules)?))?,
            Err(error) => {
                all_complete = false;
                print(&format!("{shown}: {error}"))?;
            }
        }
    }
    Ok(if all_complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What else lies beside policies, and is none.
fn other(text: &str) -> Option<&'static str> {
    let document: Value = serde_json::from_str(text).ok()?;
    let said = |key: &str| document.get(key).and_then(Value::as_str).unwrap_or_default();
    if said("$schema").contains("json-schema.org") {
        return Some("skipped: the schema of policies");
    }
    said("format")
        .starts_with("anjia.national/")
        .then_some("skipped: the national rules that policies are held against")
}

fn complete(policy: &Policy, rules: &NationalRules) -> Result<String> {
    let until = policy.effective_to.map(|last| format!(" to {last}")).unwrap_or_default();
    let demonstration = if policy.demonstration { ", a demonstration" } else { "" };
    let mut said = format!(
        "complete: {} ({} {}, from {}{until}{demonstration})",
        policy.id, policy.region, policy.scheme, policy.effective_from
    );
    for deviation in rules.deviations(policy) {
        let sources: Vec<&str> = deviation.sources.iter().map(|source| source.en.as_str()).collect();
        let what = &deviation.what;
        write!(said, "\n  {}: {} {} ({})", deviation.path, what.zh, what.en, sources.join("; "))?;
    }
    Ok(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NATIONAL: &str = include_str!("../../../adjudication/policies/national-rules.json");
    const SCHEMA: &str = include_str!("../../../adjudication/policies/policy.schema.json");
    const BEIJING: &str = include_str!("../../../adjudication/policies/beijing-employee.json");

    #[test]
    fn ad_01_a_complete_document_is_named_and_what_falls_short_of_a_national_rule_is_said() {
        let rules = NationalRules::shipped().unwrap();
        let said = complete(&Policy::read(BEIJING).unwrap(), &rules).unwrap();
        assert_eq!(said, "complete: beijing-employee-2023 (110000 EMPLOYEE, from 2023-01-01)");
        let anew = Policy::read(&BEIJING.replace("COUNTS_ON", "ANEW")).unwrap();
        assert!(complete(&anew, &rules).unwrap().contains("inpatient.referral_chain"));
    }

    #[test]
    fn ad_01_what_lies_beside_policies_is_skipped_and_no_policy_is() {
        assert!(other(NATIONAL).is_some() && other(SCHEMA).is_some());
        assert!(other(BEIJING).is_none() && other("{").is_none() && other("[]").is_none());
    }
}
