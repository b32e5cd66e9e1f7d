//! Identity's events, as a service follows them that keeps something about residents: who was merged, who is to be erased.

use std::time::Duration;

use postgres::consumer::{Asked, Pulled, Source};
use proto::anjia::identity::v1::PullEventsRequest;
use proto::anjia::identity::v1::event_service_client::EventServiceClient;
use tonic::Status;

use super::{cursor, from_wire};
use crate::Credentials;
use crate::channel::Channel;
use crate::error;

/// What an answer may take beyond what was waited for.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// Pulled in the service's own name. Each consumer has one of its own, and with it a cursor of its own.
#[derive(Clone)]
pub struct IdentityEvents {
    name: &'static str,
    client: EventServiceClient<Channel>,
    credentials: Credentials,
}

impl IdentityEvents {
    /// `name` is that of the cursor.
    pub fn new(name: &'static str, channel: Channel, credentials: Credentials) -> Self {
        Self { name, client: EventServiceClient::new(channel), credentials }
    }
}

impl Source for IdentityEvents {
    type Error = Status;

    fn name(&self) -> &'static str {
        self.name
    }

    async fn pull(&self, asked: Asked) -> Result<Pulled, Status> {
        let own = self.credentials.own().await?.with_call_limit(asked.wait + ANSWER_MAX);
        let request = own.request(PullEventsRequest { cursor: Some(cursor(self.name, asked)) });
        let answer = self.client.clone().pull_events(request).await?;
        from_wire(answer.into_inner().batch.unwrap_or_default()).map_err(error::invalid)
    }
}
