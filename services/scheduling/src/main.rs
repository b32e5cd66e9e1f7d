//! Starts scheduling: `serve` (default), `migrate`.

use std::{process::ExitCode, sync::Arc};

use chassis::{
    Credentials, Server, Tls, Verifier, command, erasure::Erasures, feed::identity_events, runtime, telemetry, witness,
};
use postgres::{
    Database, MigrateConfig,
    audit::{self, AuditCommand},
    consumer, personal, retention,
    vault::{self, KeysCommand},
};
use scheduling::{
    ACCESS, MIGRATOR,
    app::{OPEN, PERSONAL, Scheduling, Search},
    config::Config,
    grpc,
    peers::{
        adjudication,
        identity::{Identity, IdentityAudit},
    },
    store::slot_cache::SlotCache,
    work,
};
use types::{
    clock::{Clock, SystemClock},
    setting::OfSetting as _,
};

/// Care near home: sessions, slots, appointments, visits.
#[derive(clap::Parser)]
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
        Command::Serve(config) => runtime(&config.server)?.block_on(serve(*config)),
        Command::Migrate(config) => {
            command::once(async { Ok(postgres::migrate(&config.owner_database_url, &MIGRATOR, PERSONAL).await?) })
        }
        Command::DataKeys(keys) => command::once(async { Ok(vault::keys(*keys, &personal::sealed(PERSONAL)).await?) }),
        Command::Audit(entries) => command::once(async { Ok(audit::command(*entries, "scheduling", PERSONAL).await?) }),
    }
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let telemetry = telemetry::init("scheduling", &config.telemetry)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let db = Database::connect(&config.postgres).await?;

    let tls = Tls::load(&config.server.tls)?;
    let identity = tls.channel("identity", &config.identity_url)?;
    let credentials = Credentials::load("scheduling", &config.client_key_file, identity.clone(), Arc::clone(&clock))
        .of_setting("CLIENT_KEY_FILE")?;
    let cache = Arc::new(SlotCache::new(config.redis_url.as_deref()).of_setting("REDIS_URL")?);
    let scheduling = Scheduling::new(
        db.clone(),
        Arc::clone(&clock),
        Identity::new(identity.clone(), credentials.clone()),
        config.times(),
        config.limits.rules(),
    )
    .queue_by(config.queue.rules());
    let search = Search::new(db.clone(), Arc::clone(&clock), cache);

    let refusing = scheduling.clone();
    let keeping_calendar = scheduling.clone();
    let (ready, sealing, expiring, missing) = (db.clone(), db.clone(), scheduling.clone(), scheduling.clone());
    let revocations = identity_events("identity", identity.clone(), credentials.clone());
    let requests = identity_events("identity/erasures", identity.clone(), credentials.clone());
    let erasures = Erasures::new(db.clone(), "scheduling", PERSONAL, OPEN, identity.clone(), credentials.clone());
    let (witnessing, home) = (db.clone(), config.server.region);
    let watched = IdentityAudit::new(identity.clone(), credentials.clone());
    let keeping = db.clone();
    let (releasing, releases) = (db.clone(), work::delegations::Delegations(scheduling.clone()));
    let mut server = Server::new("scheduling", &config.server)
        .access(ACCESS)
        .auth(Verifier::remote(identity, credentials.clone(), clock))
        .audit(db.clone())
        .ready(move || {
            let db = ready.clone();
            async move { Ok(db.ready(&MIGRATOR).await?) }
        })
        .work("upkeep", |stop| postgres::upkeep(sealing, stop))
        .work("witness", move |stop| witness::run(witnessing, home, watched, stop))
        .work("expiry", |stop| work::expiry::run(expiring, stop))
        .work("refusals", |stop| work::refusals::run(refusing, stop))
        .work("calendar", |stop| work::calendar::run(keeping_calendar, stop))
        .work("absence", |stop| work::absence::run(missing, stop))
        .work("erasures", |stop| erasures.run(requests, stop))
        .work("retention", |stop| retention::keep(keeping, "scheduling", PERSONAL, stop))
        .work("delegations", |stop| consumer::run(releasing, revocations, releases, stop));
    if let Some(url) = &config.adjudication_url {
        let source = adjudication::events(tls.channel("adjudication", url)?, credentials);
        let (following, handler) = (db.clone(), work::quotes::Quotes(scheduling.clone()));
        server = server.work("quotes", |stop| consumer::run(following, source, handler, stop));
    }
    server.serve(grpc::routes(scheduling, search)).await?;

    db.close().await;
    telemetry.shutdown().await;
    Ok(())
}
