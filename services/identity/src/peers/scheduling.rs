//! Scheduling's feed: visits.

use std::sync::Arc;

use chassis::channel::Channel;
use chassis::feed;
use postgres::consumer::Source;
use proto::anjia::scheduling::v1::PullEventsRequest;
use proto::anjia::scheduling::v1::event_service_client::EventServiceClient;

use crate::app::App;

pub fn events(channel: Channel, app: Arc<App>) -> impl Source {
    let client = EventServiceClient::new(channel);
    feed::source("scheduling", app, move |asked| {
        let mut client = client.clone();
        async move {
            let request = asked.map(|cursor| PullEventsRequest { cursor: Some(cursor) });
            Ok(client.pull_events(request).await?.into_inner().batch)
        }
    })
}
