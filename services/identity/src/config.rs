//! Every setting of the service. Nothing else reads the environment.

use std::path::PathBuf;

use chassis::{ServerConfig, TelemetryConfig};
use postgres::PostgresConfig;

/// What serving needs.
#[derive(Debug, clap::Args)]
pub struct Config {
    #[command(flatten)]
    pub server: ServerConfig,
    #[command(flatten)]
    pub postgres: PostgresConfig,
    #[command(flatten)]
    pub telemetry: TelemetryConfig,
    /// Ed25519 private key (PKCS#8 PEM) that signs access tokens.
    #[arg(long, env)]
    pub token_key_file: PathBuf,
    /// The key before it, during a rotation: it signs no more, its tokens still verify.
    #[arg(long, env)]
    pub token_key_previous_file: Option<PathBuf>,
    /// Contribution gaps and waiting periods by region and scheme, in the format of `contribution_rules.json`. Left out: the rules of
    /// the texts cited there.
    #[arg(long, env)]
    pub contribution_rules_file: Option<PathBuf>,
    /// Packages of family-doctor contracts, in the format of `service_packages.json`. Left out: those of the demonstration.
    #[arg(long, env)]
    pub service_packages_file: Option<PathBuf>,
    /// How long an access token is good, in seconds.
    #[arg(long, env, default_value_t = 300, value_parser = clap::value_parser!(u16).range(60..=300))]
    pub token_lifetime_s: u16,
}

/// What registering clients needs.
#[derive(Debug, clap::Args)]
pub struct BootstrapConfig {
    /// The clients: `{"clients": [{"client_id", "party", "organisation_id", "roles", "region", "public_key_pem"}]}`.
    #[arg(long)]
    pub file: PathBuf,
    #[command(flatten)]
    pub postgres: PostgresConfig,
}
