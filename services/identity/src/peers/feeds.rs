//! The feeds of scheduling and referral, pulled in identity's own name.

use std::sync::Arc;
use std::time::Duration;

use chassis::channel::Channel;
use chassis::{Context, feed};
use postgres::consumer::Source;
use postgres::events::Event;
use proto::anjia::common::v1::{EventBatch, EventCursor};
use proto::anjia::referral::v1 as referral;
use proto::anjia::referral::v1::event_service_client::EventServiceClient as Referral;
use proto::anjia::scheduling::v1 as scheduling;
use proto::anjia::scheduling::v1::event_service_client::EventServiceClient as Scheduling;
use tonic::{Code, Status};

use crate::app::App;

/// A pull may take this much longer than it waits for an event.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// Visits.
pub struct SchedulingEvents {
    app: Arc<App>,
    client: Scheduling<Channel>,
}

/// Referrals.
pub struct ReferralEvents {
    app: Arc<App>,
    client: Referral<Channel>,
}

impl SchedulingEvents {
    pub fn new(app: Arc<App>, channel: Channel) -> Self {
        Self { app, client: Scheduling::new(channel) }
    }
}

impl ReferralEvents {
    pub fn new(app: Arc<App>, channel: Channel) -> Self {
        Self { app, client: Referral::new(channel) }
    }
}

impl Source for SchedulingEvents {
    type Error = Status;

    fn name(&self) -> &'static str {
        "scheduling"
    }

    async fn pull(&self, after: i64, max: u32, wait: Duration) -> Result<Vec<Event>, Status> {
        let message = scheduling::PullEventsRequest { cursor: Some(cursor(after, max, wait)) };
        let answer = self.client.clone().pull_events(own(&self.app, wait)?.request(message)).await?;
        events(answer.into_inner().batch)
    }
}

impl Source for ReferralEvents {
    type Error = Status;

    fn name(&self) -> &'static str {
        "referral"
    }

    async fn pull(&self, after: i64, max: u32, wait: Duration) -> Result<Vec<Event>, Status> {
        let message = referral::PullEventsRequest { cursor: Some(cursor(after, max, wait)) };
        let answer = self.client.clone().pull_events(own(&self.app, wait)?.request(message)).await?;
        events(answer.into_inner().batch)
    }
}

fn own(app: &App, wait: Duration) -> Result<Context, Status> {
    let context = app.own_context().ok_or_else(|| Status::new(Code::Internal, "no token of our own"))?;
    Ok(context.with_call_limit(wait + ANSWER_MAX))
}

fn cursor(after: i64, max: u32, wait: Duration) -> EventCursor {
    EventCursor {
        after_position: after,
        max_events: i32::try_from(max).unwrap_or(i32::MAX),
        wait_ms: i32::try_from(wait.as_millis()).unwrap_or(i32::MAX),
    }
}

fn events(batch: Option<EventBatch>) -> Result<Vec<Event>, Status> {
    feed::from_wire(batch.unwrap_or_default()).map_err(|error| Status::new(Code::Internal, error.to_string()))
}
