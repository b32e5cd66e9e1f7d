//! Adjudication: its feed of events, from which scheduling learns the quotes made for appointments.

use std::time::Duration;

use chassis::{Credentials, channel::Channel, feed};
use postgres::consumer::{Asked, Pulled, Source};
use proto::anjia::adjudication::v1::{PullEventsRequest, event_service_client::EventServiceClient};
use tonic::{Code, Status};

/// A pull may take this much longer than it waits for an event.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// Adjudication's events, pulled in scheduling's own name.
pub struct AdjudicationEvents {
    channel: Channel,
    credentials: Credentials,
}

impl AdjudicationEvents {
    pub const fn new(channel: Channel, credentials: Credentials) -> Self {
        Self { channel, credentials }
    }
}

impl Source for AdjudicationEvents {
    type Error = Status;

    fn name(&self) -> &'static str {
        "adjudication"
    }

    async fn pull(&self, asked: Asked) -> Result<Pulled, Status> {
        let cursor = feed::cursor(self.name(), asked);
        let own = self.credentials.own().await?.with_call_limit(asked.wait + ANSWER_MAX);
        let answer = EventServiceClient::new(self.channel.clone())
            .pull_events(own.request(PullEventsRequest { cursor: Some(cursor) }))
            .await?;
        let batch = answer.into_inner().batch.unwrap_or_default();
        feed::from_wire(batch).map_err(|error| Status::new(Code::Internal, error.to_string()))
    }
}
