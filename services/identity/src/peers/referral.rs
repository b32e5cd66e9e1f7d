//! Referral's feed: referrals.

use std::sync::Arc;
use std::time::Duration;

use chassis::channel::Channel;
use postgres::consumer::Source;
use postgres::events::Event;
use proto::anjia::referral::v1::PullEventsRequest;
use proto::anjia::referral::v1::event_service_client::EventServiceClient;

use super::feeds::{cursor, events, own};
use crate::app::App;

pub struct ReferralEvents {
    app: Arc<App>,
    client: EventServiceClient<Channel>,
}

impl ReferralEvents {
    pub fn new(app: Arc<App>, channel: Channel) -> Self {
        Self { app, client: EventServiceClient::new(channel) }
    }
}

impl Source for ReferralEvents {
    type Error = anyhow::Error;

    fn name(&self) -> &'static str {
        "referral"
    }

    async fn pull(&self, after: i64, max: u32, wait: Duration) -> anyhow::Result<Vec<Event>> {
        let message = PullEventsRequest { cursor: Some(cursor(after, max, wait)) };
        let answer = self.client.clone().pull_events(own(&self.app, wait)?.request(message)).await?;
        events(answer.into_inner().batch)
    }
}
