//! Scheduling: only its feed, from which cancelled appointments are learned.

use std::time::Duration;

use chassis::channel::Channel;
use chassis::{Credentials, feed};
use postgres::consumer::{Asked, Pulled, Source};
use proto::anjia::scheduling::v1::PullEventsRequest;
use proto::anjia::scheduling::v1::event_service_client::EventServiceClient;

use super::{broken, translate};
use crate::domain::error::PaymentError;

const PEER: &str = "scheduling";
/// What a long poll may take beyond its wait.
const MARGIN: Duration = Duration::from_secs(5);

#[derive(Clone)]
pub struct Scheduling {
    events: EventServiceClient<Channel>,
    credentials: Credentials,
}

impl Scheduling {
    pub fn new(channel: Channel, credentials: Credentials) -> Self {
        Self { events: EventServiceClient::new(channel), credentials }
    }
}

impl Source for Scheduling {
    type Error = PaymentError;

    fn name(&self) -> &'static str {
        PEER
    }

    async fn pull(&self, asked: Asked) -> Result<Pulled, PaymentError> {
        let own = self.credentials.own().await.map_err(|status| translate(PEER, &status))?;
        let cursor = feed::cursor(self.name(), asked);
        let mut request = own.request(PullEventsRequest { cursor: Some(cursor) });
        request.set_timeout(asked.wait + MARGIN);
        let answer = self.events.clone().pull_events(request).await.map_err(|status| translate(PEER, &status))?;
        feed::from_wire(answer.into_inner().batch.unwrap_or_default()).map_err(|error| broken(PEER, error.to_string()))
    }
}
