//! Running a server, and ending it: `NOT_SERVING` → notice → streams end, no new calls, loops stop → calls in flight finish, or are
//! dropped after the limit.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic_health::ServingStatus;

use super::ops::{self, Readiness};
use super::{Bound, ServeError, Work, accept};
use crate::tls::Tls;

/// How often a starting server looks whether it is ready.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(200);

impl Bound {
    /// Serves until SIGTERM, SIGINT or the stop token, then drains. A second signal ends at once.
    pub async fn run(self) -> Result<(), ServeError> {
        let mut terminate = signal(SignalKind::terminate()).map_err(ServeError::Signal)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(ServeError::Signal)?;

        let address = self.address().map_err(ServeError::Address)?;

        let ending = CancellationToken::new();
        let readiness = Readiness::new(self.checks, ending.clone());
        let health = Health { reporter: self.health, names: self.names };
        let mut aside = JoinSet::new();
        aside.spawn(answer_probes(self.ops_listener, Arc::clone(&readiness)));
        health.set(ServingStatus::NotServing).await;
        let announcing = tokio::spawn(announce(health.clone(), readiness));

        let mut work = start(self.work, &self.draining);
        let mut grpc = tokio::spawn(serve(self.router, self.listener, self.tls, self.draining.clone()));
        tracing::info!(service = self.name, %address, "serving");

        // Anything of this ends the service; the first three as asked.
        let mut outcome = tokio::select! {
            _ = terminate.recv() => Ok(()),
            _ = interrupt.recv() => Ok(()),
            () = self.stop.cancelled() => Ok(()),
            ended = work.join_next(), if !work.is_empty() => Err(ServeError::WorkEnded(described(ended))),
            served = &mut grpc => return served.unwrap_or_else(|error| Err(ServeError::WorkEnded(error.to_string()))),
        };

        tracing::info!(service = self.name, "draining");
        ending.cancel();
        announcing.abort();
        // Waited for, so that it cannot say SERVING after this.
        let _ = announcing.await;
        health.set(ServingStatus::NotServing).await;
        let end = async {
            tokio::time::sleep(self.config.drain_notice()).await;
            self.draining.cancel();
            let finished = async {
                let served = (&mut grpc).await;
                while work.join_next().await.is_some() {}
                served
            };
            tokio::time::timeout(self.config.drain_max(), finished).await
        };
        tokio::select! {
            ended = end => match ended {
                Ok(Ok(Err(error))) => outcome = outcome.and(Err(error)),
                Ok(_) => {}
                Err(_) => tracing::warn!(service = self.name, "calls or work in flight were dropped at the drain's limit"),
            },
            _ = terminate.recv() => tracing::warn!(service = self.name, "asked twice: not draining any longer"),
            _ = interrupt.recv() => tracing::warn!(service = self.name, "asked twice: not draining any longer"),
        }
        self.draining.cancel();
        grpc.abort();
        if let Some(refusals) = self.refusals {
            // Those of the last calls.
            refusals.write().await;
        }
        outcome
    }
}

async fn serve(
    router: axum::Router,
    listener: tokio::net::TcpListener,
    tls: Tls,
    draining: CancellationToken,
) -> Result<(), ServeError> {
    // They end with the drain, and their end is what lets the server's connections go: no other signal, which might overtake one that
    // was just accepted and leave its caller without a GOAWAY.
    let incoming = accept::connections(listener, tls, draining);
    tonic::transport::Server::builder()
        // A client that vanished without closing is noticed, and its streams end.
        .http2_keepalive_interval(Some(Duration::from_secs(20)))
        // One connection cannot take the whole budget of waiting calls and more.
        .max_concurrent_streams(1024)
        // Age makes clients look for new pods, and outlives no certificate for long; a grace would drop calls without GOAWAY, so
        // there is none.
        .max_connection_age(Duration::from_mins(10))
        .add_routes(tonic::service::Routes::from(router))
        .serve_with_incoming_shutdown(incoming, std::future::pending())
        .await?;
    Ok(())
}

fn start(work: Vec<Work>, draining: &CancellationToken) -> JoinSet<&'static str> {
    let mut running = JoinSet::new();
    for (name, work) in work {
        let stop = draining.clone();
        running.spawn(named(name, work(stop)));
    }
    running
}

async fn named(name: &'static str, work: impl Future<Output = ()>) -> &'static str {
    work.await;
    name
}

fn described(ended: Option<Result<&'static str, tokio::task::JoinError>>) -> String {
    match ended {
        Some(Ok(name)) => name.to_owned(),
        // What a panic said may quote a person's data; its place is in the log.
        Some(Err(error)) if error.is_panic() => "it panicked".to_owned(),
        Some(Err(_)) => "it was cancelled".to_owned(),
        None => "none".to_owned(),
    }
}

async fn answer_probes(listener: tokio::net::TcpListener, readiness: Arc<Readiness>) {
    if let Err(error) = axum::serve(listener, ops::router(readiness)).await {
        tracing::error!(%error, "the ops port is gone");
    }
}

/// Says SERVING once the service is ready; what happens to its database later is the ops port's to tell.
async fn announce(health: Health, readiness: Arc<Readiness>) {
    let mut last = None;
    while let Some(obstacle) = readiness.obstacle().await {
        if last.as_ref() != Some(&obstacle) {
            tracing::info!(obstacle, "not ready yet");
        }
        last = Some(obstacle);
        tokio::time::sleep(LOOK_AGAIN_AFTER).await;
    }
    health.set(ServingStatus::Serving).await;
}

#[derive(Clone)]
struct Health {
    reporter: tonic_health::server::HealthReporter,
    names: Vec<&'static str>,
}

impl Health {
    /// Sets the status of the server as a whole (the empty name) and of each service.
    async fn set(&self, status: ServingStatus) {
        for name in self.names.iter().chain([&""]) {
            self.reporter.set_service_status(*name, status).await;
        }
    }
}
