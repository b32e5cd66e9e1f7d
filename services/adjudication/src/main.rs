//! The adjudication service.

use std::process::ExitCode;
use std::sync::Arc;

use adjudication::app::{App, AtHand, Groupers, OPEN, PERSONAL};
use adjudication::config::Config;
use adjudication::peers::{Identity, Scheduling, SchedulingAudit, referral_events};
use adjudication::store::readjudications::GAUGES;
use adjudication::{MIGRATOR, grpc, work};
use chassis::erasure::Erasures;
use chassis::feed::identity_events;
use chassis::{Credentials, Server, Tls, Verifier, command, telemetry, witness};
use chrono::TimeDelta;
use postgres::{
    Database, MigrateConfig,
    audit::{self, AuditCommand},
    gauges, personal, retention,
    vault::{self, KeysCommand},
};
use types::clock::{Clock, SystemClock};
use types::setting::OfSetting as _;

/// Decides what insurance pays, and says why.
#[derive(Debug, clap::Parser)]
#[command(version)]
enum Command {
    /// Serves until SIGTERM: what happens without a command, too.
    Serve(Box<Config>),
    /// Brings the database up to this version, as its owner.
    Migrate(MigrateConfig),
    #[command(subcommand)]
    DataKeys(Box<KeysCommand>),
    #[command(subcommand)]
    Audit(Box<AuditCommand>),
}

fn main() -> ExitCode {
    command::exit(run())
}

fn run() -> anyhow::Result<()> {
    match command::parse() {
        Command::Serve(config) => chassis::runtime(&config.server)?.block_on(serve(&config)),
        Command::Migrate(config) => {
            command::once(async { Ok(postgres::migrate(&config.owner_database_url, &MIGRATOR, PERSONAL).await?) })
        }
        Command::DataKeys(keys) => command::once(async { Ok(vault::keys(*keys, &personal::sealed(PERSONAL)).await?) }),
        Command::Audit(entries) => {
            command::once(async { Ok(audit::command(*entries, "adjudication", PERSONAL).await?) })
        }
    }
}

async fn serve(config: &Config) -> anyhow::Result<()> {
    let telemetry = telemetry::init("adjudication", &config.telemetry)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let db = Database::connect(&config.postgres).await?;
    let tls = Tls::load(&config.server.tls)?;
    let identity = tls.channel("identity", &config.identity_url)?;
    let scheduling = tls.channel("scheduling", &config.scheduling_url)?;
    let credentials = Credentials::load("adjudication", &config.client_key_file, identity.clone(), clock.clone())
        .of_setting("CLIENT_KEY_FILE")?;
    let groupers = Arc::new(Groupers::of(config.drg_tables_folder.clone()).of_setting("DRG_TABLES_FOLDER")?);
    work::groupers::refresh(groupers.clone(), &[]).await;
    let app = App {
        db: db.clone(),
        clock: clock.clone(),
        identity: Identity::new(identity.clone(), credentials.clone()),
        scheduling: Scheduling::new(scheduling.clone(), credentials.clone()),
        division_valid: TimeDelta::hours(config.division_valid_h.into()),
        groupers: groupers.clone(),
        policies: AtHand::default(),
        terms: AtHand::default(),
        rule_books: AtHand::default(),
    };

    let merges = identity_events("identity", identity.clone(), credentials.clone());
    let changes = identity_events("identity/coverage", identity.clone(), credentials.clone());
    let requests = identity_events("identity/erasures", identity.clone(), credentials.clone());
    let erasures = Erasures::new(db.clone(), "adjudication", PERSONAL, OPEN, identity.clone(), credentials.clone());
    let watched = SchedulingAudit::new(scheduling, credentials.clone());
    let (witnessing, home) = (db.clone(), config.server.region);
    let keeping = db.clone();
    let (ready, sealed, merging) = (db.clone(), db.clone(), db.clone());
    let (quoted, staying) = (app.clone(), app.clone());
    let (covered, judging, telling) = (app.clone(), app.clone(), db.clone());
    let referrals = match &config.referral_url {
        Some(url) => Some((app.clone(), referral_events(tls.channel("referral", url)?, credentials.clone()))),
        None => None,
    };
    let mut server = Server::new("adjudication", &config.server)
        .access(include_str!("../access.toml"))
        .auth(Verifier::remote(identity, credentials, clock))
        .audit(db.clone())
        .ready(move || {
            let db = ready.clone();
            async move { Ok(db.ready(&MIGRATOR).await?) }
        })
        .work("upkeep", |stop| postgres::upkeep(sealed, stop))
        .work("witness", move |stop| witness::run(witnessing, home, watched, stop))
        .work("erasures", |stop| erasures.run(requests, stop))
        .work("retention", |stop| retention::keep(keeping, "adjudication", PERSONAL, stop))
        .work("appointments", |stop| work::appointments::run(quoted, stop))
        .work("stays", |stop| work::stays::run(staying, stop))
        .work("groupers", |stop| work::groupers::run(groupers, stop))
        .work("coverage", |stop| work::coverage::run(covered, changes, stop))
        .work("readjudications", |stop| work::readjudications::run(judging, stop))
        .work("gauges", |stop| gauges::run(telling, GAUGES, stop))
        .work("merges", |stop| work::merges::run(merging, merges, stop));
    if let Some((app, referrals)) = referrals {
        server = server.work("referrals", |stop| work::referrals::run(app, referrals, stop));
    }
    let ended = server.serve(grpc::routes(&app)).await;
    telemetry.shutdown().await;
    Ok(ended?)
}
