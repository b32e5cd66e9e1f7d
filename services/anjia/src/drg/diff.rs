//! `anjia drg diff`: what another version of the tables, or of the terms, would make of the same records.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use drg::payment::{self, Place, Terms};
use drg::{Tables, UNGROUPABLE};
use serde::Serialize;
use types::money::Money;
use types::tier::Tier;

use super::cases::{self, Case};
use super::{Named, load};
use crate::print;

/// Group the same records by two versions of the tables, and show what changes and what each would pay.
///
/// Exit codes: 0 done, 2 tables, terms or records cannot be read, 3 no tables are named.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    named: Named,
    /// Folder of the other version.
    #[arg(long)]
    with: PathBuf,
    /// Terms of payment for the groups of `--tables`: the `drg` part of a document of terms. Without it only groups are compared.
    #[arg(long, requires = "with_terms")]
    terms: Option<PathBuf>,
    /// Terms of payment for the groups of `--with`; may be the same file.
    #[arg(long, requires = "terms")]
    with_terms: Option<PathBuf>,
    /// Tier of the hospital that is paid.
    #[arg(long, default_value = "TERTIARY", value_parser = str::parse::<Tier>)]
    tier: Tier,
    /// Records, a JSON array; `-` reads standard input. Their `cost` tells outliers.
    cases: PathBuf,
    /// Print one JSON object, and nothing else.
    #[arg(long)]
    json: bool,
}

/// Tables with what their groups are paid.
pub(super) struct Version<'a> {
    pub(super) tables: &'a Tables,
    pub(super) terms: Option<&'a Terms>,
    pub(super) tier: Tier,
}

/// What a version makes of one record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Made {
    pub(super) group: String,
    pub(super) paid: Option<Money>,
    /// Why nothing is paid by the terms, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unpriced: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Change {
    pub(super) case: usize,
    pub(super) before: Made,
    pub(super) after: Made,
}

#[derive(Debug, Serialize)]
pub(super) struct Diff {
    pub(super) total: usize,
    /// Records whose group is another.
    pub(super) regrouped: usize,
    pub(super) ungroupable_before: usize,
    pub(super) ungroupable_after: usize,
    /// Records that both versions price; only these are in the sums.
    pub(super) priced: usize,
    pub(super) paid_before: Money,
    pub(super) paid_after: Money,
    pub(super) difference: Money,
    /// How many records go from which group to which.
    pub(super) moves: BTreeMap<String, usize>,
    pub(super) changes: Vec<Change>,
}

pub(super) fn run(args: &Args) -> Result<Option<ExitCode>> {
    let Some(tables) = args.named.load()? else { return Ok(None) };
    let with = load(&args.with)?;
    let terms = args.terms.as_deref().map(read_terms).transpose()?;
    let with_terms = args.with_terms.as_deref().map(read_terms).transpose()?;
    let before = Version { tables: &tables, terms: terms.as_ref(), tier: args.tier };
    let after = Version { tables: &with, terms: with_terms.as_ref(), tier: args.tier };
    let diff = diff(&before, &after, &cases::read(&args.cases)?);
    print(&if args.json { serde_json::to_string(&diff)? } else { page(&diff, terms.is_some()) })?;
    Ok(Some(ExitCode::SUCCESS))
}

fn read_terms(path: &Path) -> Result<Terms> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    payment::read(&text).with_context(|| format!("the terms in {}", path.display()))
}

impl Version<'_> {
    fn make(&self, case: &Case) -> Made {
        let group = self.tables.group(&case.record).code();
        let place = Place { tier: self.tier, provider: None };
        let paid = self.terms.map(|terms| terms.pay(payment::Case { group, cost: case.cost, place }));
        let (paid, unpriced) = match paid {
            Some(Ok(paid)) => (Some(paid.amount), None),
            Some(Err(why)) => (None, Some(why.to_string())),
            None => (None, None),
        };
        Made { group: group.to_owned(), paid, unpriced }
    }
}

pub(super) fn diff(before: &Version<'_>, after: &Version<'_>, cases: &[Case]) -> Diff {
    let mut diff = Diff {
        total: cases.len(),
        regrouped: 0,
        ungroupable_before: 0,
        ungroupable_after: 0,
        priced: 0,
        paid_before: Money::ZERO,
        paid_after: Money::ZERO,
        difference: Money::ZERO,
        moves: BTreeMap::new(),
        changes: Vec::new(),
    };
    for (index, case) in cases.iter().enumerate() {
        let change = Change { case: index, before: before.make(case), after: after.make(case) };
        diff.ungroupable_before += usize::from(change.before.group == UNGROUPABLE);
        diff.ungroupable_after += usize::from(change.after.group == UNGROUPABLE);
        if let (Some(old), Some(new)) = (change.before.paid, change.after.paid) {
            diff.priced += 1;
            diff.paid_before += old;
            diff.paid_after += new;
        }
        if change.before.group != change.after.group {
            diff.regrouped += 1;
            *diff.moves.entry(format!("{} → {}", change.before.group, change.after.group)).or_default() += 1;
        }
        if change.before != change.after {
            diff.changes.push(change);
        }
    }
    diff.difference = diff.paid_after - diff.paid_before;
    diff
}

fn page(diff: &Diff, has_terms: bool) -> String {
    let mut lines: Vec<String> = diff.changes.iter().map(changed).collect();
    lines.extend(diff.moves.iter().map(|(groups, records)| format!("{groups}   {records} records")));
    lines.push(format!(
        "{} of {} records change their group; ungroupable {} before, {} after",
        diff.regrouped, diff.total, diff.ungroupable_before, diff.ungroupable_after
    ));
    lines.push(if has_terms {
        format!(
            "of {} records that both price: paid {} before, {} after, difference {}",
            diff.priced, diff.paid_before, diff.paid_after, diff.difference
        )
    } else {
        "no terms are named (--terms, --with-terms): what groups pay is not compared".to_owned()
    });
    lines.join("\n")
}

fn changed(change: &Change) -> String {
    let paid = |made: &Made| match (made.paid, &made.unpriced) {
        (Some(paid), _) => format!(" {paid}"),
        (None, Some(why)) => format!(" ({why})"),
        (None, None) => String::new(),
    };
    let Change { case, before, after } = change;
    format!("{case}: {}{} → {}{}", before.group, paid(before), after.group, paid(after))
}
