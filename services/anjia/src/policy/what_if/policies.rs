//! The two policies: the one that is proposed, and the one it is compared with.

use std::fs;
use std::path::Path;

use adjudication::domain::policy::Policy;
use anyhow::{Context as _, Result, ensure};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::fen::Pair;

/// What ships with the platform, to compare with when nothing else is named.
const SHIPPED: [&str; 4] = [
    include_str!("../../../../adjudication/policies/beijing-employee.json"),
    include_str!("../../../../adjudication/policies/beijing-resident.json"),
    include_str!("../../../../adjudication/policies/hangzhou-student-resident.json"),
    include_str!("../../../../adjudication/policies/demonstration-city.json"),
];

/// A policy that judges every day, and what it is called.
#[derive(Debug)]
pub(crate) struct Judging {
    pub(super) policy: Policy,
    pub(super) named: Named,
    /// The year it comes into force: that of a synthetic population.
    pub(super) first_day: NaiveDate,
}

/// Which document it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Named {
    pub(super) id: String,
    pub(super) zh: String,
    pub(super) en: String,
    pub(super) demonstration: bool,
    /// SHA-256 of the document.
    pub(super) digest: String,
}

impl Judging {
    /// The claims of a year that is over are judged as if the policy had been in force in it.
    pub(crate) fn read(text: &str) -> Result<Self> {
        let mut policy = Policy::read(text)?;
        let named = Named {
            id: policy.id.clone(),
            zh: policy.name.zh.clone(),
            en: policy.name.en.clone(),
            demonstration: policy.demonstration,
            digest: hex::encode(Sha256::digest(text.as_bytes())),
        };
        let first_day = policy.effective_from;
        policy.effective_from = NaiveDate::MIN;
        policy.effective_to = None;
        Ok(Self { policy, named, first_day })
    }
}

/// Both must be of one region and scheme: a claim of one is not judged by the rules of another.
pub(super) fn read(proposed: &Path, against: Option<&Path>) -> Result<Pair<Judging>> {
    let read = |path: &Path| {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Judging::read(&text).with_context(|| format!("{} is no complete policy", path.display()))
    };
    let proposed = read(proposed)?;
    let against = match against {
        Some(path) => read(path)?,
        None => shipped(&proposed.policy)?,
    };
    ensure!(
        (against.policy.region, against.policy.scheme) == (proposed.policy.region, proposed.policy.scheme),
        "the policies are not of one region and scheme: {} {}, and {} {}",
        against.policy.region,
        against.policy.scheme,
        proposed.policy.region,
        proposed.policy.scheme
    );
    Ok(Pair::new(against, proposed))
}

fn shipped(proposed: &Policy) -> Result<Judging> {
    let (region, scheme) = (proposed.region, proposed.scheme);
    for text in SHIPPED {
        let known = Judging::read(text)?;
        if (known.policy.region, known.policy.scheme) == (region, scheme) {
            return Ok(known);
        }
    }
    anyhow::bail!(
        "no policy of {region} {scheme} ships with this platform; name one to compare with: --against OLD.json"
    )
}
