//! Every setting, as `--help` prints it. Nothing else reads the environment.

use std::path::PathBuf;

use chassis::{ServerConfig, TelemetryConfig};
use postgres::PostgresConfig;

/// Care near home: sessions, slots, appointments, visits.
#[derive(Debug, clap::Args)]
pub struct Config {
    #[command(flatten)]
    pub server: ServerConfig,
    #[command(flatten)]
    pub postgres: PostgresConfig,
    #[command(flatten)]
    pub telemetry: TelemetryConfig,
    /// Redis for the slot cache, `redis://host:port`. Without it, or while it is away, searches are answered from Postgres.
    #[arg(long, env)]
    pub redis_url: Option<String>,
    /// Where identity is: residents, providers, delegations and the keys of tokens.
    #[arg(long, env, value_parser = chassis::channel::peer)]
    pub identity_url: String,
    /// Where adjudication is, whose quotes are attached to appointments. Without it none are.
    #[arg(long, env, value_parser = chassis::channel::peer)]
    pub adjudication_url: Option<String>,
    /// This service's Ed25519 private key (PKCS#8 PEM), registered at identity as client `scheduling`.
    #[arg(long, env)]
    pub client_key_file: PathBuf,
    /// How long a hold keeps a place where its caller does not say, in seconds.
    #[arg(long, env, default_value = "300", value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub hold_duration_s: u32,
}
