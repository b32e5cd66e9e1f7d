//! Every setting of the service. Nothing else reads the environment.

use std::path::PathBuf;

use chassis::{ServerConfig, TelemetryConfig};
use postgres::PostgresConfig;

/// One bill, several payers: reserves, captures, pays providers and banks, keeps the ledger.
#[derive(Debug, clap::Args)]
pub struct Config {
    #[command(flatten)]
    pub server: ServerConfig,
    #[command(flatten)]
    pub postgres: PostgresConfig,
    #[command(flatten)]
    pub telemetry: TelemetryConfig,
    /// Where identity is: delegations, the residents whom banks name, and the keys of tokens.
    #[arg(long, env, value_parser = chassis::channel::peer)]
    pub identity_url: String,
    /// Where adjudication is: quotes, settlements and their confirmation.
    #[arg(long, env, value_parser = chassis::channel::peer)]
    pub adjudication_url: String,
    /// Where scheduling is: its events tell of appointments that are no more.
    #[arg(long, env, value_parser = chassis::channel::peer)]
    pub scheduling_url: String,
    /// This service's Ed25519 private key (PKCS#8 PEM), registered at identity as client `payment`.
    #[arg(long, env)]
    pub client_key_file: PathBuf,
    /// How long a reservation holds, in seconds, counted from the day of care if that lies ahead.
    #[arg(long, env, default_value = "2592000", value_parser = clap::value_parser!(u32).range(1..))]
    pub reservation_duration_s: u32,
    /// How long a capture that gets no answer is tried before a person is asked, in seconds. A division lapses after a day.
    #[arg(long, env, default_value = "86400", value_parser = clap::value_parser!(u32).range(1..))]
    pub capture_deadline_s: u32,
    /// How long a replica that died keeps its captures from the others, in milliseconds; longer than a step takes.
    #[arg(long, env, default_value = "15000", value_parser = clap::value_parser!(u32).range(1000..))]
    pub capture_lease_ms: u32,
}
