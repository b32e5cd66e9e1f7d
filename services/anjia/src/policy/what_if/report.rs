//! The result: what was replayed, under which policies, and the tally. Parts of one replay merge into exactly the whole.

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};

use super::fen::Pair;
use super::policies::{Judging, Named};
use super::shard::Shard;
use super::tally::Tally;

/// Its JSON form. Numbers of what is measured are not in it: the same claims and policies give the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Report {
    format: Format,
    /// Which part this is; none for the whole.
    pub(super) part: Option<Shard>,
    pub(super) claims: Claims,
    pub(super) policies: PolicyPair,
    pub(super) result: Tally,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Format {
    #[serde(rename = "anjia.what-if/1")]
    V1,
}

/// Where the claims are from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Claims {
    File { sha256: String },
    Synthetic { persons: u64, seed: u64, lines_per_claim: u32, year: i32 },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyPair {
    pub(super) against: Named,
    pub(super) proposed: Named,
}

impl Report {
    pub(crate) fn new(shard: Shard, claims: Claims, policies: &Pair<Judging>, result: Tally) -> Self {
        let Pair { against, proposed } = policies.as_ref().map(|judging| judging.named.clone());
        let part = (shard != Shard::WHOLE).then_some(shard);
        Self { format: Format::V1, part, claims, policies: PolicyPair { against, proposed }, result }
    }

    pub(super) fn read(text: &str) -> Result<Self> {
        Ok(serde_json::from_str(text)?)
    }

    pub(crate) fn json(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)?)
    }
}

/// All parts of one replay, each once.
pub(super) fn merge(reports: Vec<Report>) -> Result<Report> {
    let mut reports = reports.into_iter();
    let mut whole = reports.next().context("nothing to merge")?;
    let first = whole.part.context("the first is no part: it is the whole already")?;
    let mut seen = vec![first];
    for report in reports {
        let part = report.part.context("one of them is no part: it is a whole already")?;
        ensure!(part.of == first.of, "a part of {} and a part of {}", first.of, part.of);
        ensure!(!seen.contains(&part), "part {}/{} is there twice", part.number, part.of);
        ensure!(report.policies == whole.policies, "the parts compare different policies");
        ensure!(report.claims == whole.claims, "the parts replay different claims");
        seen.push(part);
        whole.result += report.result;
    }
    let missing = (0..first.of).find(|number| !seen.iter().any(|part| part.number == *number));
    ensure!(missing.is_none(), "part {}/{} is missing", missing.unwrap_or_default(), first.of);
    whole.part = None;
    Ok(whole)
}
