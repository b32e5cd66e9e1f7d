//! Referral's feed: referrals; and its audit, which identity witnesses.

use std::sync::Arc;

use chassis::channel::Channel;
use chassis::feed;
use postgres::consumer::Source;
use proto::anjia::referral::v1::PullEventsRequest;
use proto::anjia::referral::v1::event_service_client::EventServiceClient;

use crate::app::App;

const PEER: &str = "referral";

pub fn events(channel: Channel, app: Arc<App>) -> impl Source {
    let client = EventServiceClient::new(channel);
    feed::source(PEER, app, move |asked| {
        let mut client = client.clone();
        async move {
            let request = asked.map(|cursor| PullEventsRequest { cursor: Some(cursor) });
            Ok(client.pull_events(request).await?.into_inner().batch)
        }
    })
}

chassis::watched! {
    /// Referral's audit, looked at in identity's own name.
    ReferralAudit, referral by identity
}
