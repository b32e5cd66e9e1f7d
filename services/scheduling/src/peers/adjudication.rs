//! Adjudication: its feed of events, from which scheduling learns the quotes made for appointments.

use chassis::{Credentials, channel::Channel, feed};
use postgres::consumer::Source;
use proto::anjia::adjudication::v1::{PullEventsRequest, event_service_client::EventServiceClient};

/// Adjudication's events, pulled in scheduling's own name.
pub fn events(channel: Channel, credentials: Credentials) -> impl Source {
    let client = EventServiceClient::new(channel);
    feed::source("adjudication", credentials, move |asked| {
        let mut client = client.clone();
        async move {
            let request = asked.map(|cursor| PullEventsRequest { cursor: Some(cursor) });
            Ok(client.pull_events(request).await?.into_inner().batch)
        }
    })
}
