//! Starts identity: `serve` (default), `migrate`, `bootstrap`, `import-enrolments`.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use chassis::auth::Revocations;
use chassis::{Server, Tls, Verifier, command, runtime, telemetry, witness};
use chrono::TimeDelta;
use identity::app::{App, Federation, PERSONAL, Signer, bootstrap, import_enrolments, rotate_keys};
use identity::config::{BootstrapConfig, Config, ImportConfig, RotateConfig};
use identity::domain::break_glass::Limits;
use identity::domain::continuation::Continuations;
use identity::domain::contribution::ContributionRules;
use identity::domain::family_doctor::ServicePackages;
use identity::peers::{referral, referral::ReferralAudit, scheduling};
use identity::{ACCESS, CONTINUATIONS, CONTRIBUTION_RULES, MIGRATOR, SERVICE_PACKAGES, grpc, work};
use postgres::{
    Database, MigrateConfig,
    audit::{self, AuditCommand},
    personal, retention,
    vault::{self, KeysCommand},
};
use tokio::sync::Notify;
use types::clock::{Clock, SystemClock};
use types::setting::OfSetting as _;

/// Who is who, who may act for whom, and the tokens that say so.
#[derive(clap::Parser)]
#[command(version)]
enum Command {
    /// Serves until SIGTERM: what happens without a command, too.
    Serve(Box<Config>),
    /// Brings the database up to this version, as its owner.
    Migrate(MigrateConfig),
    /// Takes in a file of enrolments, as the service. Repeatable: goes on where it was.
    ImportEnrolments(Box<ImportConfig>),
    #[command(subcommand)]
    DataKeys(Box<KeysCommand>),
    #[command(subcommand)]
    Audit(Box<AuditCommand>),
    /// Registers clients, or brings them up to date, as the service.
    Bootstrap(Box<BootstrapConfig>),
    /// Manages the keys that sign access tokens.
    #[command(subcommand)]
    Keys(Keys),
}

#[derive(clap::Subcommand)]
enum Keys {
    /// Adds a key that will sign, and removes those whose last token has lapsed. Running replicas notice by themselves.
    Rotate(RotateConfig),
}

fn main() -> ExitCode {
    command::exit(run())
}

fn run() -> anyhow::Result<()> {
    match command::parse() {
        Command::Serve(config) => runtime(&config.server)?.block_on(serve(*config)),
        Command::Migrate(config) => command::once(migrate(config)),
        Command::ImportEnrolments(config) => command::once(import_enrolments::run(*config)),
        Command::DataKeys(keys) => command::once(async { Ok(vault::keys(*keys, &personal::sealed(PERSONAL)).await?) }),
        Command::Audit(entries) => command::once(async { Ok(audit::command(*entries, "identity", PERSONAL).await?) }),
        Command::Bootstrap(config) => command::once(register(*config)),
        Command::Keys(Keys::Rotate(config)) => command::once(async move { rotate(&config) }),
    }
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let telemetry = telemetry::init("identity", &config.telemetry)?;
    let app = Arc::new(wire(&config).await?);
    let (ready, sealing, sweeping) = (app.db.clone(), app.db.clone(), Arc::clone(&app));
    let (learning, watching) = (Arc::clone(&app), Arc::clone(&app));
    let keeping = app.db.clone();
    let mut server = Server::new("identity", &config.server)
        .access(ACCESS)
        .auth(app.verifier.clone())
        .audit(app.db.clone())
        .ready(move || {
            let db = ready.clone();
            async move { Ok(db.ready(&MIGRATOR).await?) }
        })
        .work("upkeep", |stop| postgres::upkeep(sealing, stop))
        .work("retention", |stop| retention::keep(keeping, "identity", PERSONAL, stop))
        .work("assertions", |stop| work::assertions::run(sweeping, stop))
        .work("revocations", |stop| work::revocations::run(learning, stop))
        .work("keys", |stop| work::keys::run(watching, stop));
    let tls = Tls::load(&config.server.tls)?;
    if let Some(url) = &config.scheduling_url {
        let visits = scheduling::events(tls.channel("scheduling", url)?, Arc::clone(&app));
        let app = Arc::clone(&app);
        server = server.work("visits", |stop| work::care::run(app, visits, stop));
    }
    if let Some(url) = &config.referral_url {
        let channel = tls.channel("referral", url)?;
        let watched = ReferralAudit::new(channel.clone(), Arc::clone(&app));
        let (witnessing, home) = (app.db.clone(), app.home);
        server = server.work("witness", move |stop| witness::run(witnessing, home, watched, stop));
        let (referrals, app) = (referral::events(channel, Arc::clone(&app)), Arc::clone(&app));
        server = server.work("referrals", |stop| work::care::run(app, referrals, stop));
    }
    server.serve(grpc::routes(Arc::clone(&app))).await?;
    app.db.close().await;
    telemetry.shutdown().await;
    Ok(())
}

async fn wire(config: &Config) -> anyhow::Result<App> {
    let db = Database::connect(&config.postgres).await?;
    let contribution_rules =
        data(config.contribution_rules_file.as_deref(), CONTRIBUTION_RULES).of_setting("CONTRIBUTION_RULES_FILE")?;
    let service_packages =
        data(config.service_packages_file.as_deref(), SERVICE_PACKAGES).of_setting("SERVICE_PACKAGES_FILE")?;
    let token_lifetime = TimeDelta::seconds(config.token_lifetime_s.into());
    let signer =
        Signer::load(&config.token_key_folder, token_lifetime, SystemClock.now()).of_setting("TOKEN_KEY_FOLDER")?;
    let revocations = Arc::new(Revocations::default());
    let only_loopback = config.server.listen.ip().is_loopback() && config.server.ops_listen.ip().is_loopback();
    Ok(App {
        federation: Federation::load(config.federation_file.as_deref(), only_loopback).of_setting("FEDERATION_FILE")?,
        verifier: Verifier::local(signer.verifying().clone(), Arc::clone(&revocations), Arc::new(SystemClock)),
        signer,
        revocations,
        revocations_due: Notify::new(),
        vault: Arc::clone(db.vault()),
        continuations: Continuations::parse(CONTINUATIONS)?,
        contribution_rules: ContributionRules::parse(&contribution_rules).of_setting("CONTRIBUTION_RULES_FILE")?,
        service_packages: ServicePackages::parse(&service_packages).of_setting("SERVICE_PACKAGES_FILE")?,
        db,
        clock: Arc::new(SystemClock),
        home: config.server.region,
        regions: config.regions.iter().copied().chain([config.server.region]).collect(),
        token_lifetime,
        break_glass: Limits {
            duration_max: TimeDelta::minutes(config.break_glass_minutes_max.into()),
            per_day_max: config.break_glass_per_day_max,
        },
    })
}

/// A city's own file, or what is built in.
fn data(file: Option<&Path>, built_in: &str) -> anyhow::Result<String> {
    match file {
        Some(file) => std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display())),
        None => Ok(built_in.to_owned()),
    }
}

async fn migrate(config: MigrateConfig) -> anyhow::Result<()> {
    Ok(postgres::migrate(&config.owner_database_url, &MIGRATOR, PERSONAL).await?)
}

fn rotate(config: &RotateConfig) -> anyhow::Result<()> {
    let ahead = TimeDelta::seconds(config.ahead_s.into());
    let rotated = rotate_keys::rotate(&config.token_key_folder, ahead, SystemClock.now())?;
    println!("{rotated}");
    Ok(())
}

async fn register(config: BootstrapConfig) -> anyhow::Result<()> {
    let db = Database::connect(&config.postgres).await?;
    let changed = bootstrap::bootstrap(&db, &SystemClock, &config.file).await?;
    db.close().await;
    println!("{changed} clients registered or changed");
    Ok(())
}
