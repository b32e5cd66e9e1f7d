//! Every setting of the service. Nothing else reads the environment.

use std::path::PathBuf;

use chassis::{ServerConfig, TelemetryConfig};
use postgres::PostgresConfig;
use types::ids::OrganisationId;
use types::region::RegionCode;

/// What serving needs.
#[derive(Debug, clap::Args)]
pub struct Config {
    #[command(flatten)]
    pub server: ServerConfig,
    #[command(flatten)]
    pub postgres: PostgresConfig,
    #[command(flatten)]
    pub telemetry: TelemetryConfig,
    /// Folder of the Ed25519 private keys (PKCS#8 PEM) that sign access tokens, each named after the moment from which it signs:
    /// `20260101T000000Z.pem`. Looked at every second; `identity keys rotate` adds one.
    #[arg(long, env)]
    pub token_key_folder: PathBuf,
    /// Contribution gaps and waiting periods by region and scheme, in the format of `contribution_rules.json`. Left out: the rules of
    /// the texts cited there.
    #[arg(long, env)]
    pub contribution_rules_file: Option<PathBuf>,
    /// Packages of family-doctor contracts, in the format of `service_packages.json`. Left out: those of the demonstration.
    #[arg(long, env)]
    pub service_packages_file: Option<PathBuf>,
    /// Trusted providers of logins (`OpenID`, TOML, see the README); without it nobody logs in but by a registered key.
    #[arg(long, env)]
    pub federation_file: Option<PathBuf>,
    /// Where scheduling is, whose visits open a resident to a provider. Without it none do.
    #[arg(long, env, value_parser = chassis::channel::peer)]
    pub scheduling_url: Option<String>,
    /// Where referral is, whose referrals open a resident to both providers. Without it none do.
    #[arg(long, env, value_parser = chassis::channel::peer)]
    pub referral_url: Option<String>,
    /// The regions of this installation besides REGION, separated by commas: only for items of these do our services obtain tokens.
    #[arg(long, env, value_delimiter = ',')]
    pub regions: Vec<RegionCode>,
    /// How long an access token is good, in seconds.
    #[arg(long, env, default_value_t = 300, value_parser = clap::value_parser!(u16).range(60..=300))]
    pub token_lifetime_s: u16,
    /// How long break-glass opens a person's records at most, in minutes.
    #[arg(long, env, default_value_t = 240, value_parser = clap::value_parser!(u16).range(10..=1440))]
    pub break_glass_minutes_max: u16,
    /// How many times one clinician may break the glass on one day.
    #[arg(long, env, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub break_glass_per_day_max: u16,
}

/// What a rotation of the token keys needs.
#[derive(Debug, clap::Args)]
pub struct RotateConfig {
    /// Folder of the keys that sign access tokens, as `serve` reads it.
    #[arg(long, env)]
    pub token_key_folder: PathBuf,
    /// In how many seconds the new key begins to sign. Until then it is only published, so that whoever caches keys has it in time.
    #[arg(long, default_value_t = 600)]
    pub ahead_s: u32,
}

/// What taking in the bureau's file needs. The file's format is `imports/README.md`.
#[derive(Debug, clap::Args)]
pub struct ImportConfig {
    /// The file: UTF-8 CSV with a header and a trailer that names its digest.
    #[arg(long)]
    pub file: PathBuf,
    /// The bureau: the organisation that records the enrolments.
    #[arg(long)]
    pub organisation: OrganisationId,
    /// Region of the persons and of their records (GB/T 2260).
    #[arg(long, env)]
    pub region: RegionCode,
    /// Register persons whom nobody has registered, with the line's name and community. Without it their lines are rejected.
    #[arg(long)]
    pub register_unknown: bool,
    /// Where rejected lines are reported. Left out: FILE.rejected.csv.
    #[arg(long)]
    pub rejected: Option<PathBuf>,
    /// Lines to one transaction.
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u16).range(1..=20_000))]
    pub batch_rows: u16,
    /// Print the summary as one line of JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub postgres: PostgresConfig,
}

/// What registering clients needs.
#[derive(Debug, clap::Args)]
pub struct BootstrapConfig {
    /// The clients, and logins of staff at trusted providers: `{"clients": [{"client_id", "party", "organisation_id", "roles",
    /// "region", "public_key_pem", "certificate", "exchanges"}], "logins": [{"issuer", "subject", "party", "organisation_id", "roles", "region"}]}`.
    /// `exchanges` (roles that a client may ask for on behalf of people who log in through it) and `logins` may be left out.
    #[arg(long)]
    pub file: PathBuf,
    #[command(flatten)]
    pub postgres: PostgresConfig,
}
