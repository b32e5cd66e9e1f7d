use std::{
    collections::HashSet,
    panic::AssertUnwindSafe,
    time::{Duration, Instant},
};

use futures_util::FutureExt as _;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{Asked, Failure, Handler, Inbox, Pulled, Source, bookkeeping, inbox::Progress, meter::ConsumerMeter};
use crate::{
    Database, Error,
    events::{Event, WAIT_MAX},
};

const BATCH: u32 = 100;
const FAILURES_MAX: i32 = 5;
const BACKOFF_FIRST: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// Why a round ended early.
#[derive(Debug, thiserror::Error)]
enum Setback {
    /// Another replica was faster; nothing is wrong.
    #[error("another replica has moved the cursor")]
    Overtaken,
    #[error("{0}")]
    Storage(Error),
    #[error("pull: {0}")]
    Source(String),
    #[error("event {position} of kind {kind}: {failure}")]
    Event { position: i64, kind: String, failure: Failure },
}

impl From<Error> for Setback {
    fn from(error: Error) -> Self {
        if matches!(error, Error::CursorMoved { .. }) { Self::Overtaken } else { Self::Storage(error) }
    }
}

/// Takes in events of `source` until told to stop. Whatever goes wrong is tried again from where the cursor stands.
pub async fn run<S: Source, H: Handler>(db: Database, source: S, handler: H, shutdown: CancellationToken) {
    let meter = ConsumerMeter::observed(source.name());
    let consumer = Consumer { db, source, handler, meter };
    // An event in the middle of its effect is rolled back and taken in by the next replica.
    let _ = shutdown.run_until_cancelled(Box::pin(consumer.run())).await;
}

struct Consumer<S, H> {
    db: Database,
    source: S,
    handler: H,
    meter: ConsumerMeter,
}

impl<S: Source, H: Handler> Consumer<S, H> {
    async fn run(&self) {
        let mut backoff = BACKOFF_FIRST;
        loop {
            match self.round(&mut backoff).await {
                Ok(()) => backoff = BACKOFF_FIRST,
                Err(Setback::Overtaken) => {
                    // Who overtook tells how far they are.
                    self.meter.caught_up();
                    backoff = BACKOFF_FIRST;
                }
                Err(setback) => {
                    self.meter.held_up();
                    tracing::warn!(source = self.source.name(), %setback, retry_ms = backoff.as_millis(), "events are held up");
                    sleep(backoff).await;
                    backoff = (backoff * 2).min(BACKOFF_MAX);
                }
            }
        }
    }

    /// Pulls one batch and takes it in. Whatever is dealt with resets `backoff`, which belongs to one event.
    async fn round(&self, backoff: &mut Duration) -> Result<(), Setback> {
        let source = self.source.name();
        let mut cursor = bookkeeping::position(&self.db, source).await?;
        let asked = Asked { after: cursor, max: BATCH, wait: WAIT_MAX, kinds: H::KINDS };
        let Pulled { events, position } =
            self.source.pull(asked).await.map_err(|error| Setback::Source(error.to_string()))?;
        self.meter.pulled(&events);
        let mut parked = match events.as_slice() {
            [] => HashSet::new(),
            events => bookkeeping::parked_subjects(&self.db, source, events).await?,
        };
        let mut seen = cursor;
        for event in &events {
            // A source that repeats itself must not repeat effects.
            if event.position <= seen {
                continue;
            }
            self.meter.reached(event);
            if parked.contains(&event.subject) {
                self.park(cursor, event, "an earlier event of the subject is parked").await?;
                cursor = event.position;
            } else {
                match self.handle(cursor, event).await {
                    Ok(Progress::Committed) => cursor = event.position,
                    Ok(Progress::Skipped) => {}
                    Err(failure) => {
                        if seen > cursor {
                            bookkeeping::advance(&self.db, source, cursor, seen).await?;
                        }
                        if self.settle(seen, event, failure).await? {
                            parked.insert(event.subject.clone());
                            cursor = event.position;
                        }
                    }
                }
            }
            seen = event.position;
            *backoff = BACKOFF_FIRST;
        }
        // Past what is of no interest, too.
        let seen = seen.max(position);
        if seen > cursor {
            bookkeeping::advance(&self.db, source, cursor, seen).await?;
        }
        // A full batch is followed by another at once.
        if u32::try_from(events.len()).is_ok_and(|pulled| pulled < BATCH) {
            self.meter.caught_up();
        }
        Ok(())
    }

    async fn handle(&self, cursor: i64, event: &Event) -> Result<Progress, Failure> {
        let inbox = Inbox { db: self.db.clone(), source: self.source.name(), from: cursor, to: event.position };
        // A handler that panics over an event must not stop all others. Its transaction is rolled back as it unwinds.
        let begun_at = Instant::now();
        let outcome = match AssertUnwindSafe(self.handler.handle(event, inbox)).catch_unwind().await {
            Ok(Ok(advanced)) => Ok(advanced.0),
            Ok(Err(failure)) => Err(failure),
            Err(_) => Err(Failure::refused("the handler panicked")),
        };
        self.meter.processed(begun_at, &outcome);
        outcome
    }

    /// True if the event is parked after its last chance; otherwise the round ends and the event is tried again.
    async fn settle(&self, cursor: i64, event: &Event, failure: Failure) -> Result<bool, Setback> {
        let source = self.source.name();
        if let Failure::Refused(cause) = &failure {
            let failures = bookkeeping::count_failure(&self.db, source, cursor).await?;
            if failures >= FAILURES_MAX {
                self.park(cursor, event, cause).await?;
                return Ok(true);
            }
        } else if bookkeeping::position(&self.db, source).await? != cursor {
            return Err(Setback::Overtaken);
        }
        Err(Setback::Event { position: event.position, kind: event.kind.clone(), failure })
    }

    async fn park(&self, cursor: i64, event: &Event, cause: &str) -> Result<(), Setback> {
        bookkeeping::park(&self.db, self.source.name(), cursor, event, cause).await?;
        tracing::error!(
            source = self.source.name(),
            position = event.position,
            kind = event.kind,
            subject = event.subject,
            cause,
            "event parked"
        );
        Ok(())
    }
}
