//! `anjia policy check`: whether documents are complete, and where not, the path of what is missing or contradicts itself.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use adjudication::domain::national::NationalRules;
use adjudication::domain::policy::Policy;
use anyhow::{Context, Result};

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

    const BEIJING: &str = include_str!("../../../adjudication/policies/beijing-employee.json");

    #[test]
    fn ad_01_a_complete_document_is_named_and_what_falls_short_of_a_national_rule_is_said() {
        let rules = NationalRules::shipped().unwrap();
        let said = complete(&Policy::read(BEIJING).unwrap(), &rules).unwrap();
        assert_eq!(said, "complete: beijing-employee-2023 (110000 EMPLOYEE, from 2023-01-01)");
        let anew = Policy::read(&BEIJING.replace("COUNTS_ON", "ANEW")).unwrap();
        assert!(complete(&anew, &rules).unwrap().contains("inpatient.referral_chain"));
    }
}
