//! Scheduling's feed: visits.

use std::sync::Arc;
use std::time::Duration;

use chassis::channel::Channel;
use chassis::feed;
use postgres::consumer::Source;
use postgres::events::Event;
use proto::anjia::scheduling::v1::PullEventsRequest;
use proto::anjia::scheduling::v1::event_service_client::EventServiceClient;

use super::feeds::{events, own};
use crate::app::App;

pub struct SchedulingEvents {
    app: Arc<App>,
    client: EventServiceClient<Channel>,
}

impl SchedulingEvents {
    pub fn new(app: Arc<App>, channel: Channel) -> Self {
        Self { app, client: EventServiceClient::new(channel) }
    }
}

impl Source for SchedulingEvents {
    type Error = anyhow::Error;

    fn name(&self) -> &'static str {
        "scheduling"
    }

    async fn pull(&self, after: i64, max: u32, wait: Duration) -> anyhow::Result<Vec<Event>> {
        let message = PullEventsRequest { cursor: Some(feed::cursor(self.name(), after, max, wait)) };
        let answer = self.client.clone().pull_events(own(&self.app, wait)?.request(message)).await?;
        events(answer.into_inner().batch)
    }
}
