//! `anjia policy check`: whether documents are complete, and where not, the path of what is missing or contradicts itself.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use adjudication::domain::policy::Policy;
use anyhow::{Context, Result};

use crate::print;

/// Check policy documents: every number stated with its source, bands without gap or overlap, ratios between 0 and 1.
///
/// Exit codes: 0 all are complete, 1 one is not or cannot be read.
#[derive(Debug, clap::Args)]
pub(super) struct Check {
    /// The documents.
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

pub(super) fn check(args: &Check) -> Result<ExitCode> {
    let mut all_complete = true;
    for file in &args.files {
        let shown = file.display();
        let text = fs::read_to_string(file).with_context(|| format!("cannot read {shown}"))?;
        match Policy::read(&text) {
            Ok(policy) => {
                let until = policy.effective_to.map(|last| format!(" to {last}")).unwrap_or_default();
                let demonstration = if policy.demonstration { ", a demonstration" } else { "" };
                print(&format!(
                    "{shown}: complete: {} ({} {}, from {}{until}{demonstration})",
                    policy.id, policy.region, policy.scheme, policy.effective_from
                ))?;
            }
            Err(error) => {
                all_complete = false;
                print(&format!("{shown}: {error}"))?;
            }
        }
    }
    Ok(if all_complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
