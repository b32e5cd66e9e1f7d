//! What was found, for people and for programs.

use std::collections::BTreeMap;
use std::fmt;

use rust_decimal::Decimal;
use serde::{Serialize, Serializer};
use types::money::Money;

use super::audit::Chain;
use super::check::{Invariant, Violation};
use crate::demo::yuan as yuan_grouped;

/// How many violations of one sentence are listed; all are counted.
const LISTED_MAX: usize = 20;

/// What became of all invariants.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Report {
    pub(crate) ok: bool,
    /// What was started and has ended: what it left undone is found below.
    pub(crate) not_running: Vec<String>,
    pub(crate) invariants: BTreeMap<Invariant, Verdict>,
    pub(crate) audit: BTreeMap<String, Chain>,
    pub(crate) ledger: Option<Ledger>,
}

/// What became of one invariant.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Verdict {
    pub(crate) name: &'static str,
    /// How many there are.
    pub(crate) violations: usize,
    /// Sentences that were checked.
    pub(crate) checks: usize,
    /// The sentences that do not hold.
    pub(crate) broken: Vec<Broken>,
}

/// A sentence that does not hold.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Broken {
    pub(crate) check: &'static str,
    pub(crate) violations: usize,
    /// The first of them.
    pub(crate) found: Vec<Violation>,
}

/// The books of payment, derived from their entries.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Ledger {
    pub(crate) transfers: i64,
    pub(crate) entries: i64,
    /// Of all entries.
    #[serde(serialize_with = "yuan")]
    pub(crate) sum: Decimal,
    /// By kind of account; debit positive, credit negative.
    #[serde(serialize_with = "yuan_by_kind")]
    pub(crate) balances: BTreeMap<String, Decimal>,
}

impl Report {
    pub(super) fn new(audit: BTreeMap<String, Chain>, ledger: Option<Ledger>) -> Self {
        let verdict = |invariant: Invariant| Verdict { name: invariant.name(), ..Verdict::default() };
        let invariants = Invariant::ALL.map(|invariant| (invariant, verdict(invariant))).into();
        Self { ok: true, not_running: vec![], invariants, audit, ledger }
    }

    /// Counts one more sentence that was checked.
    pub(super) fn add(&mut self, invariant: Invariant, check: &'static str, mut found: Vec<Violation>) {
        let verdict = self.invariants.entry(invariant).or_default();
        verdict.checks += 1;
        if found.is_empty() {
            return;
        }
        self.ok = false;
        let violations = found.len();
        verdict.violations += violations;
        found.truncate(LISTED_MAX);
        verdict.broken.push(Broken { check, violations, found });
    }

    /// Of all invariants.
    pub(crate) fn violations(&self) -> usize {
        self.invariants.values().map(|verdict| verdict.violations).sum()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.not_running.is_empty() {
            writeln!(
                f,
                "Not running: {}. What is undone because of that is found below.\n",
                self.not_running.join(", ")
            )?;
        }
        writeln!(f, "Invariants")?;
        for (invariant, verdict) in &self.invariants {
            let id = format!("{invariant:?}");
            let state = match (verdict.checks, verdict.violations) {
                (0, _) => "nothing to check here".to_owned(),
                (1, 0) => "holds: 1 check".to_owned(),
                (checks, 0) => format!("holds: {checks} checks"),
                (_, 1) => "1 VIOLATION".to_owned(),
                (_, violations) => format!("{violations} VIOLATIONS"),
            };
            writeln!(f, "  {id:<4} {:<24} {state}", verdict.name)?;
            for broken in &verdict.broken {
                writeln!(f, "         not so: {}", broken.check)?;
                for violation in &broken.found {
                    writeln!(f, "           {} {}: {}", violation.service, violation.id, violation.what)?;
                }
                if broken.violations > broken.found.len() {
                    writeln!(f, "           and {} more", broken.violations - broken.found.len())?;
                }
            }
        }
        writeln!(f, "\nAudit chains")?;
        for (service, chain) in &self.audit {
            let state = if chain.ok { "intact" } else { "BROKEN" };
            let hash = chain.hash.get(..16).unwrap_or_default();
            writeln!(f, "  {service:<13} {state}  {:>6} entries, {:>6} events  {hash}", chain.entries, chain.events)?;
        }
        if let Some(ledger) = &self.ledger {
            let sum = grouped(ledger.sum);
            writeln!(f, "\nLedger: {} transfers, {} entries, sum {sum}", ledger.transfers, ledger.entries)?;
            for (kind, balance) in &ledger.balances {
                writeln!(f, "  {:<22} {:>16}", kind.to_lowercase().replace('_', " "), grouped(*balance))?;
            }
        }
        match self.violations() {
            0 => write!(f, "\nEverything holds."),
            1 => write!(f, "\nOne violation."),
            violations => write!(f, "\n{violations} violations."),
        }
    }
}

/// As people read it: `-1,234.50`.
fn grouped(amount: Decimal) -> String {
    Money::from_decimal(amount).map_or_else(|_| format!("{amount:.2}"), yuan_grouped)
}

fn yuan<S: Serializer>(amount: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{amount:.2}"))
}

fn yuan_by_kind<S: Serializer>(balances: &BTreeMap<String, Decimal>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(balances.iter().map(|(kind, balance)| (kind, format!("{balance:.2}"))))
}
