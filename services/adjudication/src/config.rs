//! Every setting of the service. Nothing else reads the environment.

use std::path::PathBuf;

use chassis::{ServerConfig, TelemetryConfig};
use postgres::PostgresConfig;

/// Decides what insurance pays, and says why.
#[derive(Debug, clap::Args)]
pub struct Config {
    #[command(flatten)]
    pub server: ServerConfig,
    #[command(flatten)]
    pub postgres: PostgresConfig,
    #[command(flatten)]
    pub telemetry: TelemetryConfig,
    /// Where identity is: cover, organisations and the keys of tokens.
    #[arg(long, env, value_parser = chassis::channel::peer)]
    pub identity_url: String,
    /// Where scheduling is: the visits that claims cite, and the appointments that ask for a price.
    #[arg(long, env, value_parser = chassis::channel::peer)]
    pub scheduling_url: String,
    /// Where referral is: who sent a person where, and when. Without it a visit's word counts that it is by referral.
    #[arg(long, env, value_parser = chassis::channel::peer)]
    pub referral_url: Option<String>,
    /// This service's Ed25519 private key (PKCS#8 PEM), registered at identity as client `adjudication`.
    #[arg(long, env)]
    pub client_key_file: PathBuf,
    /// Folder of DRG grouping tables, a folder in it a version; taken up while the service runs. Without it groups come with claims only.
    #[arg(long, env)]
    pub drg_tables_folder: Option<PathBuf>,
    /// How long a division waits for its confirmation, in hours.
    #[arg(long, env, default_value = "24", value_parser = clap::value_parser!(u32).range(1..=168))]
    pub division_valid_h: u32,
}
