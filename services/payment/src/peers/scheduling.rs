//! Scheduling: only its feed, from which cancelled appointments are learned.

use chassis::channel::Channel;
use chassis::{Credentials, feed};
use postgres::consumer::Source;
use proto::anjia::scheduling::v1::PullEventsRequest;
use proto::anjia::scheduling::v1::event_service_client::EventServiceClient;

/// Scheduling's events, pulled in payment's own name.
pub fn events(channel: Channel, credentials: Credentials) -> impl Source {
    let client = EventServiceClient::new(channel);
    feed::source("scheduling", credentials, move |asked| {
        let mut client = client.clone();
        async move {
            let request = asked.map(|cursor| PullEventsRequest { cursor: Some(cursor) });
            Ok(client.pull_events(request).await?.into_inner().batch)
        }
    })
}
