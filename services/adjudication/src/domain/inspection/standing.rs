//! How each rule stands in a region: checked, not configured, or not decidable. No rule is silently left out.

use super::book::{Configured, RuleBook};
use super::library::{Library, Rule};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing<'a> {
    Checked(&'a Configured),
    /// A claim could decide it; this region has not stated what it needs.
    NotConfigured,
    /// A claim cannot decide it; the library says why.
    NotDecidable,
}

/// Every rule of the library, in its order, as a region's book has it. Without a book nothing is configured.
pub fn standings(book: Option<&RuleBook>) -> Vec<(&'static Rule, Standing<'_>)> {
    let standing = |rule: &Rule| match (rule.kind, book.and_then(|book| book.rule(&rule.id))) {
        (None, _) => Standing::NotDecidable,
        (Some(_), None) => Standing::NotConfigured,
        (Some(_), Some(configured)) => Standing::Checked(configured),
    };
    Library::national().rules().iter().map(|rule| (rule, standing(rule))).collect()
}
