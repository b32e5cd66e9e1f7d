//! Scheduling's feed: visits.

use std::sync::Arc;

use chassis::channel::Channel;
use chassis::feed;
use postgres::consumer::{Asked, Pulled, Source};
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

    async fn pull(&self, asked: Asked) -> anyhow::Result<Pulled> {
        let message = PullEventsRequest { cursor: Some(feed::cursor(self.name(), asked)) };
        let answer = self.client.clone().pull_events(own(&self.app, asked.wait)?.request(message)).await?;
        events(answer.into_inner().batch)
    }
}
