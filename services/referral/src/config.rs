//! Every setting of the service. Nothing else reads the environment.

use std::path::PathBuf;

use chassis::{ServerConfig, TelemetryConfig};
use postgres::PostgresConfig;

/// Moves patients up and down the tiers.
#[derive(Debug, clap::Args)]
pub struct Config {
    #[command(flatten)]
    pub server: ServerConfig,
    #[command(flatten)]
    pub postgres: PostgresConfig,
    #[command(flatten)]
    pub telemetry: TelemetryConfig,
    /// Where identity is: consents, delegations, providers and the keys of tokens.
    #[arg(long, env, value_parser = chassis::channel::peer)]
    pub identity_url: String,
    /// Where scheduling is: places, and what becomes of them.
    #[arg(long, env, value_parser = chassis::channel::peer)]
    pub scheduling_url: String,
    /// Where adjudication is: prices.
    #[arg(long, env, value_parser = chassis::channel::peer)]
    pub adjudication_url: String,
    /// Where payment is: reservations on credit lines.
    #[arg(long, env, value_parser = chassis::channel::peer)]
    pub payment_url: String,
    /// This service's Ed25519 private key (PKCS#8 PEM), registered at identity as client `referral`.
    #[arg(long, env)]
    pub client_key_file: PathBuf,
    /// From an acceptance to its deadline, in seconds: what is not being confirmed by then is undone.
    #[arg(long, env, default_value = "60", value_parser = clap::value_parser!(u32).range(1..=1800))]
    pub acceptance_deadline_s: u32,
    /// How much longer than that deadline the place is held, in seconds.
    #[arg(long, env, default_value = "60", value_parser = clap::value_parser!(u32).range(1..=1200))]
    pub hold_margin_s: u32,
    /// How long a driver owns a saga without a sign of life, in seconds. A call of a saga may take less than half of it.
    #[arg(long, env, default_value = "10", value_parser = clap::value_parser!(u32).range(4..=120))]
    pub saga_lease_s: u32,
}
