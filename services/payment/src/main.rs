//! The payment service.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use chassis::erasure::Erasures;
use chassis::feed::identity_events;
use chassis::{Credentials, Server, Tls, Verifier, command, telemetry, witness};
use chrono::TimeDelta;
use payment::app::{App, Durations, OPEN, PERSONAL};
use payment::config::Config;
use payment::peers::{
    adjudication::{Adjudication, AdjudicationAudit, events as settlements},
    identity::Identity,
    scheduling,
};
use payment::store::gauges::GAUGES;
use payment::{MIGRATOR, grpc, work};
use postgres::{
    Database, MigrateConfig,
    audit::{self, AuditCommand},
    gauges, personal, retention,
    vault::{self, KeysCommand},
};
use tokio::sync::Notify;
use types::clock::{Clock, SystemClock};
use types::setting::OfSetting as _;

/// One bill, several payers: reserves, captures, pays providers and banks, keeps the ledger.
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
        Command::Audit(entries) => command::once(async { Ok(audit::command(*entries, "payment", PERSONAL).await?) }),
    }
}

async fn serve(config: &Config) -> anyhow::Result<()> {
    let telemetry = telemetry::init("payment", &config.telemetry)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let db = Database::connect(&config.postgres).await?;
    let tls = Tls::load(&config.server.tls)?;
    let identity = tls.channel("identity", &config.identity_url)?;
    let credentials = Credentials::load("payment", &config.client_key_file, identity.clone(), clock.clone())
        .of_setting("CLIENT_KEY_FILE")?;
    let appointments = scheduling::events(tls.channel("scheduling", &config.scheduling_url)?, credentials.clone());
    let adjudication = tls.channel("adjudication", &config.adjudication_url)?;
    let told = settlements(adjudication.clone(), credentials.clone());
    let watched = AdjudicationAudit::new(adjudication.clone(), credentials.clone());
    let app = Arc::new(App {
        db: db.clone(),
        clock: clock.clone(),
        identity: Identity::new(identity.clone()),
        adjudication: Adjudication::new(adjudication),
        credentials: credentials.clone(),
        durations: Durations {
            reservation: TimeDelta::seconds(config.reservation_duration_s.into()),
            capture: TimeDelta::seconds(config.capture_deadline_s.into()),
            capture_lease: Duration::from_millis(config.capture_lease_ms.into()),
        },
        captures_due: Notify::new(),
    });

    let merges = identity_events("identity", identity.clone(), credentials.clone());
    let requests = identity_events("identity/erasures", identity.clone(), credentials.clone());
    let erasures = Erasures::new(db.clone(), "payment", PERSONAL, OPEN, identity.clone(), credentials.clone());
    let keeping = db.clone();
    let (ready, merging, telling) = (db.clone(), db.clone(), db.clone());
    let (capturing, expiring, following, correcting) = (app.clone(), app.clone(), app.clone(), app.clone());
    let (witnessing, home) = (db.clone(), config.server.region);
    let served = Server::new("payment", &config.server)
        .access(include_str!("../access.toml"))
        .auth(Verifier::remote(identity, credentials, clock))
        .audit(db.clone())
        .ready(move || {
            let db = ready.clone();
            async move { Ok(db.ready(&MIGRATOR).await?) }
        })
        .work("upkeep", |stop| postgres::upkeep(db, stop))
        .work("gauges", |stop| gauges::run(telling, GAUGES, stop))
        .work("witness", move |stop| witness::run(witnessing, home, watched, stop))
        .work("erasures", |stop| erasures.run(requests, stop))
        .work("retention", |stop| retention::keep(keeping, "payment", PERSONAL, stop))
        .work("captures", |stop| work::captures::run(capturing, stop))
        .work("expiry", |stop| work::expiry::run(expiring, stop))
        .work("appointments", |stop| work::appointments::run(following, appointments, stop))
        .work("settlements", |stop| work::settlements::run(correcting, told, stop))
        .work("merges", |stop| work::merges::run(merging, merges, stop))
        .serve(grpc::routes(&app))
        .await;
    telemetry.shutdown().await;
    Ok(served?)
}
