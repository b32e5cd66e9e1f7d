//! A finding as it is kept: what an audit rule asked about a claim, and what became of it.

use chrono::{DateTime, Utc};
use types::ids::{ClaimId, FindingId, OrganisationId, ResidentId, RuleBookId, SettlementId};
use types::money::Money;

use super::inspection::{Fact, Review};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptFinding {
    pub id: FindingId,
    pub settlement: SettlementId,
    pub claim: ClaimId,
    pub claim_version: i32,
    pub resident: ResidentId,
    pub provider: OrganisationId,
    pub rule_book: RuleBookId,
    /// Of the library.
    pub rule: String,
    /// From 1; none where it is about the claim as a whole.
    pub line: Option<i32>,
    pub evidence: Vec<Fact>,
    pub review: Review,
    pub noted_at: DateTime<Utc>,
    pub decided_at: Option<DateTime<Utc>>,
}

impl KeptFinding {
    /// Whether the same is asked of another version of the claim: what was decided about it stands.
    pub fn asks_the_same(&self, other: &Self) -> bool {
        let asked = |finding: &Self| (finding.rule.clone(), finding.line, finding.review.amount);
        asked(self) == asked(other) && self.evidence == other.evidence
    }
}

/// How often reviewers found a rule right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Precision {
    pub rule: String,
    pub raised: i64,
    pub decided: i64,
    pub upheld: i64,
    pub amount: Money,
    pub cut: Money,
}
