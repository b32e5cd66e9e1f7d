//! `<service> data-keys …`: what is done about data keys by hand, while the service goes on.

use std::io::Write as _;

use types::region::RegionCode;

use super::{
    rotation::{self, Progress},
    sealed::SealedTable,
};
use crate::{Database, Error, PostgresConfig};

/// Replace the keys of personal data, while the service goes on.
#[derive(Debug, clap::Subcommand)]
pub enum KeysCommand {
    /// Makes a new data key per region, seals every row anew under it in small batches, then retires the old one. Interrupted, even by
    /// kill -9, it is simply run again.
    Rotate {
        /// Only this region (GB/T 2260); every region that has keys otherwise.
        #[arg(long)]
        region: Option<RegionCode>,
        #[command(flatten)]
        common: Common,
    },
    /// Wraps every data key anew under the present key of the provider. No row is touched.
    Rewrap {
        #[command(flatten)]
        common: Common,
    },
}

/// What both need.
#[derive(Debug, clap::Args)]
pub struct Common {
    /// Progress as one JSON object to a line, on stdout; otherwise it is told on stderr.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    postgres: PostgresConfig,
}

/// Runs the command for a service whose sealed tables these are.
pub async fn run(command: KeysCommand, tables: &[SealedTable]) -> Result<(), Error> {
    let (KeysCommand::Rotate { common, .. } | KeysCommand::Rewrap { common }) = &command;
    let db = Database::connect(&common.postgres).await?;
    let json = common.json;
    let mut told = |progress: Progress| tell(&progress, json);
    match command {
        KeysCommand::Rotate { region, .. } => {
            rotation::rotate(&db, tables, region.map(|region| vec![region]), &mut told).await?;
        }
        KeysCommand::Rewrap { .. } => rotation::rewrap(&db, &mut told).await?,
    }
    db.close().await;
    Ok(())
}

/// Nobody may be listening any more; the work goes on.
fn tell(progress: &Progress, json: bool) {
    if json {
        let line = serde_json::to_string(progress).unwrap_or_default();
        let _ = writeln!(std::io::stdout(), "{line}");
    } else {
        let _ = writeln!(std::io::stderr(), "{progress}");
    }
}
