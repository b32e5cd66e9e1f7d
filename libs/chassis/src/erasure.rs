//! What every service does about a person who asked identity to be erased: it watches for what is open, tells identity, and does what
//! identity says next. Each step is a row that is committed before the next call; whoever dies, the row is due again.

use std::time::Duration;

use postgres::{
    Database, Scope,
    consumer::{self, Advanced, Failure, Handler, Inbox, Source},
    erasure::{self, Erasure, State},
    events::Event,
    personal::PersonalTable,
};
use proto::anjia::identity::v1::{
    ErasureStep, ErasureWord, KeptData, OpenObligation, ReportErasureRequest,
    privacy_service_client::PrivacyServiceClient,
};
use proto::convert::to_timestamp;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use types::{ids::ResidentId, region::RegionCode};
use uuid::Uuid;

use crate::{Credentials, channel::Channel};

const REQUESTED: &str = "anjia.identity.resident.erasure_requested.v1";
/// What identity tells of a request. After the first: look at once, rather than when it is due.
const KINDS: [&str; 4] = [
    REQUESTED,
    "anjia.identity.resident.erasure_moved.v1",
    "anjia.identity.resident.erasure_cancelled.v1",
    "anjia.identity.resident.erased.v1",
];
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// While nothing goes on, looks become rarer up to this.
const LOOK_INTERVAL_MAX: Duration = Duration::from_secs(30);
/// While something is open, looks become rarer up to this.
const PAUSE_MAX_S: i32 = 15;
/// Taken at once: few, so that they are dealt with before another replica takes them for left.
const DUE_MAX: i64 = 20;
const OPEN_MAX: i64 = 100;

/// What a service brings along.
#[derive(Clone)]
pub struct Erasures {
    pub db: Database,
    /// Its name.
    pub service: &'static str,
    /// Its tables with data about residents.
    pub tables: &'static [PersonalTable],
    /// SQL: kind and id, as texts, of what is open of the resident `$1`.
    pub obligations: &'static str,
    pub credentials: Credentials,
    identity: PrivacyServiceClient<Channel>,
}

/// Why a step came to nothing; it is taken again.
#[derive(Debug, thiserror::Error)]
enum Setback {
    #[error(transparent)]
    Storage(#[from] postgres::Error),
    #[error("identity: {0}")]
    Identity(#[from] Status),
}

impl Erasures {
    pub fn new(
        db: Database,
        service: &'static str,
        tables: &'static [PersonalTable],
        obligations: &'static str,
        identity: Channel,
        credentials: Credentials,
    ) -> Self {
        Self { db, service, tables, obligations, credentials, identity: PrivacyServiceClient::new(identity) }
    }

    /// Follows identity's requests, `events`, and works on those that are due, until told to stop.
    pub async fn run(self, events: impl Source, shutdown: CancellationToken) {
        let follower = Follower(self.clone());
        tokio::join!(
            consumer::run(self.db.clone(), events, follower, shutdown.clone()),
            shutdown.run_until_cancelled(self.look()),
        );
    }

    async fn look(&self) {
        let mut pause = LOOK_INTERVAL;
        loop {
            pause = if self.take_turns().await { LOOK_INTERVAL } else { (pause * 2).min(LOOK_INTERVAL_MAX) };
            sleep(pause).await;
        }
    }

    /// A step of each that is due. False if all of them came to nothing.
    async fn take_turns(&self) -> bool {
        let due = match erasure::take_due(&self.db, DUE_MAX).await {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(%error, "erasures that are due cannot be looked for");
                return false;
            }
        };
        let mut is_stuck = !due.is_empty();
        for (region, resident) in due {
            match self.step(region, resident).await {
                Ok(()) => is_stuck = false,
                Err(error) => tracing::warn!(%error, "an erasure does not go on now"),
            }
        }
        !is_stuck
    }

    /// Tells identity how it stands, and does what it says next.
    async fn step(&self, region: RegionCode, resident: ResidentId) -> Result<(), Setback> {
        let scope = Scope::Region(region);
        let mut tx = self.db.begin(scope).await?;
        let Some(found) = erasure::lock(&mut tx, resident).await? else { return Ok(()) };
        if !found.is_whole && found.state != State::Cancelled {
            // What it has not yet heard of comes by itself.
            tracing::info!("an erasure waits for a merge of residents to be taken in");
            erasure::look_again(&mut tx, resident, Some(1), found.tries).await?;
            return Ok(tx.commit().await?);
        }
        // Whoever begins from here on sees that the person is watched.
        let seen_at = erasure::moment(&mut tx).await?;
        let open = match found.state {
            State::Watched => erasure::open(&mut tx, self.obligations, resident, OPEN_MAX).await?,
            State::Closed | State::Erased | State::Cancelled => vec![],
        };
        let kept = erasure::kept(&mut tx, self.tables, resident).await?;
        tx.commit().await?;

        let word = match found.state {
            State::Watched if open.is_empty() => ErasureWord::Clear,
            State::Watched => ErasureWord::Open,
            State::Closed => ErasureWord::Closed,
            State::Erased => ErasureWord::Erased,
            State::Cancelled => return self.rest(scope, resident, &found).await,
        };
        let kept = kept.into_iter().map(|kept| KeptData {
            rule: kept.rule,
            rows: kept.rows,
            until: kept.until.map(to_timestamp),
            ..KeptData::default()
        });
        let report = ReportErasureRequest {
            erasure_id: found.id.to_string(),
            word: word.into(),
            open: open.into_iter().map(|(kind, id)| OpenObligation { kind, id }).collect(),
            kept: kept.collect(),
        };
        let own = self.credentials.own_in(region).await?;
        let answer = self.identity.clone().report_erasure(own.request(report)).await?.into_inner();
        match answer.step() {
            ErasureStep::Watch | ErasureStep::Unspecified => self.watch(scope, resident, &found).await,
            ErasureStep::Close => self.close(scope, resident, &found, seen_at).await,
            ErasureStep::Erase => self.erase(scope, resident, &found).await,
            ErasureStep::Cancel => self.cancel(scope, resident, &found).await,
            ErasureStep::Rest => self.rest(scope, resident, &found).await,
        }
    }

    /// Whoever had closed opens again; whoever watches looks again later, ever more rarely.
    async fn watch(&self, scope: Scope, resident: ResidentId, seen: &Erasure) -> Result<(), Setback> {
        let mut tx = self.db.begin(scope).await?;
        match erasure::lock(&mut tx, resident).await? {
            Some(found) if found.id == seen.id && found.state == State::Closed => {
                erasure::set(&mut tx, self.service, &found.residents, found.id, State::Watched).await?;
            }
            Some(found) if found.id == seen.id => {
                let pause_s = PAUSE_MAX_S.min(1 << found.tries.clamp(0, 10));
                erasure::look_again(&mut tx, resident, Some(pause_s), found.tries + 1).await?;
            }
            _ => {}
        }
        Ok(tx.commit().await?)
    }

    /// Closes, unless something is open or may yet be: transactions that began before the person was watched have to end first.
    async fn close(
        &self,
        scope: Scope,
        resident: ResidentId,
        seen: &Erasure,
        seen_at: chrono::DateTime<chrono::Utc>,
    ) -> Result<(), Setback> {
        let mut tx = self.db.begin(scope).await?;
        let is_older_open = erasure::is_older_open(&mut tx, seen_at).await?;
        // Waits for whoever records something about the person at this moment.
        let found = erasure::lock(&mut tx, resident).await?;
        if let Some(found) =
            found.filter(|found| found.id == seen.id && found.state == State::Watched && found.is_whole)
        {
            let is_open = !erasure::open(&mut tx, self.obligations, resident, 1).await?.is_empty();
            if is_older_open || is_open {
                erasure::look_again(&mut tx, resident, Some(0), 0).await?;
            } else {
                erasure::set(&mut tx, self.service, &found.residents, found.id, State::Closed).await?;
            }
        }
        Ok(tx.commit().await?)
    }

    /// Erases what is closed. Whoever had to open again, as after a restore, closes first: identity has decided.
    async fn erase(&self, scope: Scope, resident: ResidentId, seen: &Erasure) -> Result<(), Setback> {
        let mut tx = self.db.begin(scope).await?;
        let found = erasure::lock(&mut tx, resident).await?;
        match found.filter(|found| found.id == seen.id && found.is_whole) {
            Some(found) if found.state == State::Watched => {
                erasure::set(&mut tx, self.service, &found.residents, found.id, State::Closed).await?;
            }
            Some(found) if found.state == State::Closed => {
                erasure::set(&mut tx, self.service, &found.residents, found.id, State::Erased).await?;
                erasure::erase(&mut tx, self.service, self.tables, &found.residents).await?;
                // A merge that was taken in meanwhile undoes this attempt; the row stays due.
                if !erasure::is_whole(&mut tx, resident, &found.residents).await? {
                    return Ok(tx.rollback().await?);
                }
            }
            _ => {}
        }
        Ok(tx.commit().await?)
    }

    async fn cancel(&self, scope: Scope, resident: ResidentId, seen: &Erasure) -> Result<(), Setback> {
        let mut tx = self.db.begin(scope).await?;
        let found = erasure::lock(&mut tx, resident).await?;
        if let Some(found) = found.filter(|found| found.id == seen.id && found.state != State::Erased) {
            erasure::set(&mut tx, self.service, &found.residents, found.id, State::Cancelled).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Nothing is left to tell, unless something has been asked anew meanwhile.
    async fn rest(&self, scope: Scope, resident: ResidentId, seen: &Erasure) -> Result<(), Setback> {
        let mut tx = self.db.begin(scope).await?;
        let found = erasure::lock(&mut tx, resident).await?;
        if found.is_some_and(|found| found.id == seen.id && found.state == seen.state) {
            erasure::look_again(&mut tx, resident, None, 0).await?;
        }
        Ok(tx.commit().await?)
    }
}

/// Takes in identity's events about requests.
struct Follower(Erasures);

impl Handler for Follower {
    const KINDS: &'static [&'static str] = &KINDS;

    async fn handle(&self, event: &Event, inbox: Inbox) -> Result<Advanced, Failure> {
        if !KINDS.contains(&event.kind.as_str()) {
            return Ok(inbox.skip());
        }
        let is_request = event.kind == REQUESTED;
        let resident: ResidentId = event.subject.parse().map_err(Failure::refused)?;
        let id = event.data["erasure_id"].as_str().unwrap_or_default();
        let id: Uuid = id.parse().map_err(Failure::refused)?;
        let residents = residents(event, resident)?;
        let mut tx = inbox.begin(Scope::Region(event.region)).await?;
        match erasure::lock(&mut tx, resident).await? {
            None if is_request => erasure::set(&mut tx, self.0.service, &residents, id, State::Watched).await?,
            // Identity takes no second request while the first goes on: that one was taken back.
            Some(found) if is_request && found.id != id && found.state != State::Erased => {
                erasure::set(&mut tx, self.0.service, &residents, id, State::Watched).await?;
            }
            Some(found) if found.id == id && found.state != State::Cancelled => {
                erasure::look_again(&mut tx, resident, Some(0), found.tries).await?;
            }
            _ => {}
        }
        Ok(inbox.commit(tx).await?)
    }
}

/// Every id of the person, the subject's first.
fn residents(event: &Event, resident: ResidentId) -> Result<Vec<ResidentId>, Failure> {
    let told = event.data["resident_ids"].as_array().into_iter().flatten();
    let mut ids = vec![resident];
    for id in told.filter_map(serde_json::Value::as_str) {
        let id: ResidentId = id.parse().map_err(Failure::refused)?;
        if id != resident {
            ids.push(id);
        }
    }
    Ok(ids)
}
