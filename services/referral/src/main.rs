//! Starts referral: `serve` (default), `migrate`.

use std::{process::ExitCode, sync::Arc, time::Duration};

use chassis::{
    Credentials, Routes, Server, Tls, Verifier, command, erasure::Erasures, feed::identity_events, telemetry, witness,
};
use chrono::TimeDelta;
use postgres::{
    Database, MigrateConfig,
    audit::{self, AuditCommand},
    gauges, personal, retention,
    vault::{self, KeysCommand},
};
use proto::anjia::referral::v1::{
    audit_service_server::AuditServiceServer, event_service_server::EventServiceServer,
    journey_service_server::JourneyServiceServer, privacy_service_server::PrivacyServiceServer,
    referral_service_server::ReferralServiceServer,
};
use referral::{
    ACCESS, MIGRATOR,
    app::{App, Limits, OPEN, PERSONAL, Signals},
    config::Config,
    grpc::{Journeys, OwnRecords, Referrals},
    peers::{Adjudication, Identity, Payment, PaymentAudit, Scheduling},
    store::sagas::GAUGES,
    work,
};
use types::{
    clock::{Clock, SystemClock},
    setting::OfSetting as _,
};

/// Moving patients up and down the tiers.
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
        Command::Serve(config) => chassis::runtime(&config.server)?.block_on(serve(*config)),
        Command::Migrate(config) => {
            command::once(async { Ok(postgres::migrate(&config.owner_database_url, &MIGRATOR, PERSONAL).await?) })
        }
        Command::DataKeys(keys) => command::once(async { Ok(vault::keys(*keys, &personal::sealed(PERSONAL)).await?) }),
        Command::Audit(entries) => command::once(async { Ok(audit::command(*entries, "referral", PERSONAL).await?) }),
    }
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let telemetry = telemetry::init("referral", &config.telemetry)?;
    let tls = Tls::load(&config.server.tls)?;
    let app = build(&config, &tls).await?;
    let identity = tls.channel("identity", &config.identity_url)?;
    let merges = identity_events("identity", identity.clone(), app.credentials.clone());
    let requests = identity_events("identity/erasures", identity.clone(), app.credentials.clone());
    let erasures = Erasures::new(app.db.clone(), "referral", PERSONAL, OPEN, identity.clone(), app.credentials.clone());
    let keeping = app.db.clone();
    let verifier = Verifier::remote(identity, app.credentials.clone(), Arc::clone(&app.clock));

    let records = OwnRecords(app.clone());
    let routes = Routes::new()
        .add_service(ReferralServiceServer::new(Referrals::new(app.clone())))
        .add_service(JourneyServiceServer::new(Journeys::new(app.clone())))
        .add_service(AuditServiceServer::new(records.clone()))
        .add_service(EventServiceServer::new(records.clone()))
        .add_service(PrivacyServiceServer::new(records));
    let watched = PaymentAudit::new(tls.channel("payment", &config.payment_url)?, app.credentials.clone());
    let (witnessing, home) = (app.db.clone(), config.server.region);
    let (ready, merging, telling) = (app.db.clone(), app.db.clone(), app.db.clone());
    let (sealed, driver, follower, teller) = (app.db.clone(), app.clone(), app.clone(), app.clone());
    Server::new("referral", &config.server)
        .access(ACCESS)
        .auth(verifier)
        .audit(app.db.clone())
        .ready(move || {
            let db = ready.clone();
            async move { Ok(db.ready(&MIGRATOR).await?) }
        })
        .work("upkeep", move |stop| postgres::upkeep(sealed, stop))
        .work("gauges", move |stop| gauges::run(telling, GAUGES, stop))
        .work("witness", move |stop| witness::run(witnessing, home, watched, stop))
        .work("erasures", move |stop| erasures.run(requests, stop))
        .work("retention", move |stop| retention::keep(keeping, "referral", PERSONAL, stop))
        .work("acceptances", move |stop| work::acceptances::run(driver, stop))
        .work("scheduling events", move |stop| work::scheduling_events::run(follower, stop))
        .work("merges", move |stop| work::merges::run(merging, merges, stop))
        .work("changes", move |stop| work::changes::run(teller, stop))
        .serve(routes)
        .await?;
    app.db.close().await;
    telemetry.shutdown().await;
    Ok(())
}

/// Connects what the use cases need. No peer is asked anything yet, so peers may be away.
async fn build(config: &Config, tls: &Tls) -> anyhow::Result<App> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let identity = tls.channel("identity", &config.identity_url)?;
    let credentials = Credentials::load("referral", &config.client_key_file, identity.clone(), Arc::clone(&clock))
        .of_setting("CLIENT_KEY_FILE")?;
    let lease = Duration::from_secs(config.saga_lease_s.into());
    Ok(App {
        db: Database::connect(&config.postgres).await?,
        clock,
        identity: Identity::new(identity),
        scheduling: Scheduling::new(tls.channel("scheduling", &config.scheduling_url)?, credentials.clone()),
        adjudication: Adjudication::new(tls.channel("adjudication", &config.adjudication_url)?),
        payment: Payment::new(tls.channel("payment", &config.payment_url)?),
        credentials,
        limits: Limits {
            acceptance: TimeDelta::seconds(config.acceptance_deadline_s.into()),
            hold_margin: TimeDelta::seconds(config.hold_margin_s.into()),
            lease,
            call: lease * 2 / 5,
        },
        signals: Signals::default(),
    })
}
