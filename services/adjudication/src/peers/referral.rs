//! Referral's feed: who was sent where.

use chassis::channel::Channel;
use chassis::{Credentials, feed};
use postgres::consumer::Source;
use proto::anjia::referral::v1::PullEventsRequest;
use proto::anjia::referral::v1::event_service_client::EventServiceClient;

const PEER: &str = "referral";

/// What happened there, pulled in adjudication's own name.
pub fn referral_events(channel: Channel, credentials: Credentials) -> impl Source {
    let client = EventServiceClient::new(channel);
    feed::source(PEER, credentials, move |asked| {
        let mut client = client.clone();
        async move {
            let request = asked.map(|cursor| PullEventsRequest { cursor: Some(cursor) });
            Ok(client.pull_events(request).await?.into_inner().batch)
        }
    })
}
