//! A finding, and the facts that prove it.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use types::ids::{ClaimId, OrganisationId};
use types::money::Money;

use super::case::{BilledItem, Past};

/// What a rule asks about. Not a verdict: a reviewer decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Of the library, such as `N25-027`.
    pub rule: String,
    /// From 1; none where it is about the claim as a whole.
    pub line: Option<usize>,
    /// How much of what was billed is in question: what the provider is not paid until somebody decides.
    pub amount: Money,
    pub evidence: Vec<Fact>,
}

/// One fact. No clinical text: diagnoses and procedures are named by their place in the claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Fact {
    /// What the rule allows.
    Limit { what: String, value: String },
    /// What was found instead.
    Found { what: String, value: String },
    /// A line of this claim, from 1.
    Line { line: usize, item_code: String, on: NaiveDate, quantity: Decimal, amount: Money },
    /// A line of another claim.
    Earlier { claim: ClaimId, provider: OrganisationId, item_code: String, on: NaiveDate, quantity: Decimal },
    /// Another claim.
    Visit { claim: ClaimId, provider: OrganisationId, from: NaiveDate, until: NaiveDate },
    /// A diagnosis of this claim, from 1.
    Diagnosis { position: usize },
    /// A procedure of this claim's case record, from 1.
    Procedure { position: usize },
}

impl Fact {
    #[expect(clippy::needless_pass_by_value, reason = "numbers, dates and lists of codes are named where they stand")]
    pub(super) fn limit(what: &str, value: impl ToString) -> Self {
        Self::Limit { what: what.to_owned(), value: value.to_string() }
    }

    #[expect(clippy::needless_pass_by_value, reason = "numbers, dates and lists of codes are named where they stand")]
    pub(super) fn found(what: &str, value: impl ToString) -> Self {
        Self::Found { what: what.to_owned(), value: value.to_string() }
    }

    pub(super) fn line(index: usize, line: &BilledItem) -> Self {
        Self::Line {
            line: index + 1,
            item_code: line.item_code.clone(),
            on: line.on,
            quantity: line.quantity,
            amount: line.amount,
        }
    }

    pub(super) fn earlier(past: &Past, line: &BilledItem) -> Self {
        Self::Earlier {
            claim: past.claim,
            provider: past.provider,
            item_code: line.item_code.clone(),
            on: line.on,
            quantity: line.quantity,
        }
    }

    pub(super) fn visit(past: &Past) -> Self {
        Self::Visit { claim: past.claim, provider: past.provider, from: past.from, until: past.until }
    }
}
