//! What `identity import-enrolments` says while it works and when it is done. Nothing about a person is ever printed.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use postgres::Database;
use serde_json::json;
use types::clock::SystemClock;

use super::{Importer, Outcome};
use crate::config::ImportConfig;
use crate::domain::import::UnknownPersons;
use crate::store::enrolment_imports::Standing;

const TELL_INTERVAL: Duration = Duration::from_secs(1);
const REJECTIONS_AT_ONCE: i64 = 10_000;

/// Takes in a file as the command line says.
pub async fn run(config: ImportConfig) -> anyhow::Result<()> {
    let importer = Importer {
        db: Database::connect(&config.postgres).await?,
        clock: Arc::new(SystemClock),
        region: config.region,
        recorder: config.organisation,
        unknown: if config.register_unknown { UnknownPersons::Register } else { UnknownPersons::Report },
        batch_rows: config.batch_rows.into(),
    };
    let begun_at = Instant::now();
    let mut progress = Progress { begun_at, told_at: begun_at, done_at_first: None };
    let outcome = importer.take_in(&config.file, |standing, all| progress.tell(standing, all)).await?;
    let rejected = config.rejected.unwrap_or_else(|| config.file.with_added_extension("rejected.csv"));
    if outcome.standing.rejected > 0 {
        write_rejected(&importer, &outcome, &rejected).await?;
    }
    importer.db.close().await;
    say(&outcome, &rejected, begun_at.elapsed(), config.json);
    Ok(())
}

struct Progress {
    begun_at: Instant,
    told_at: Instant,
    /// Rows that were done when this run began, by its first report.
    done_at_first: Option<i64>,
}

impl Progress {
    fn tell(&mut self, standing: Standing, all: i64) {
        let done_before = *self.done_at_first.get_or_insert(standing.row_count);
        if self.told_at.elapsed() < TELL_INTERVAL && standing.row_count < all {
            return;
        }
        self.told_at = Instant::now();
        let done_now = standing.row_count - done_before;
        let millis = i64::try_from(self.begun_at.elapsed().as_millis()).unwrap_or(i64::MAX).max(1);
        let per_second = done_now.saturating_mul(1000) / millis;
        let left = (all - standing.row_count).checked_div(per_second);
        let left = left.map(|seconds| format!(" · {seconds} s left")).unwrap_or_default();
        eprintln!("  {} of {all} rows · {per_second}/s{left} · {} rejected", standing.row_count, standing.rejected);
    }
}

/// Written anew from the database, so that an interrupted run neither loses a line nor has it twice.
async fn write_rejected(importer: &Importer, outcome: &Outcome, path: &Path) -> anyhow::Result<()> {
    let file = File::create(path).with_context(|| format!("writing {}", path.display()))?;
    let mut file = BufWriter::new(file);
    writeln!(file, "line,reason,column,masked_id")?;
    let mut after = 0;
    loop {
        let rejected = importer.rejections(outcome.import, after, REJECTIONS_AT_ONCE).await?;
        let Some(last) = rejected.last() else {
            break;
        };
        after = last.line;
        for line in &rejected {
            writeln!(file, "{},{},{},{}", line.line, line.reason, line.field, line.masked_id)?;
        }
    }
    file.flush()?;
    Ok(())
}

fn say(outcome: &Outcome, rejected: &Path, took: Duration, json: bool) {
    let Outcome { import, standing, done_before } = outcome;
    if json {
        let summary = json!({
            "import_id": import,
            "rows": standing.row_count,
            "rows_done_before": done_before,
            "recorded": standing.recorded,
            "corrected": standing.corrected,
            "unchanged": standing.unchanged,
            "rejected": standing.rejected,
            "registered": standing.registered,
            "milliseconds": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        });
        println!("{summary}");
        return;
    }
    println!(
        "{} rows: {} recorded, {} corrected, {} unchanged, {} rejected; {} persons registered",
        standing.row_count,
        standing.recorded,
        standing.corrected,
        standing.unchanged,
        standing.rejected,
        standing.registered
    );
    if standing.rejected > 0 {
        println!("rejected lines: {}", rejected.display());
    }
}
