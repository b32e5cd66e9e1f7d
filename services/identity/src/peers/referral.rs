//! Referral's feed: referrals; and its audit, which identity witnesses.

use std::sync::Arc;

use chassis::auth::Own as _;
use chassis::channel::Channel;
use chassis::feed;
use chassis::witness::Watched;
use postgres::consumer::Source;
use proto::anjia::common::v1::{Checkpoint, TreeProof};
use proto::anjia::referral::v1::audit_service_client::AuditServiceClient;
use proto::anjia::referral::v1::event_service_client::EventServiceClient;
use proto::anjia::referral::v1::{GetCheckpointRequest, ProveConsistencyRequest, PullEventsRequest};
use tonic::Status;

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

/// Referral's audit, looked at in identity's own name.
pub struct ReferralAudit {
    app: Arc<App>,
    client: AuditServiceClient<Channel>,
}

impl ReferralAudit {
    pub fn new(app: Arc<App>, channel: Channel) -> Self {
        Self { app, client: AuditServiceClient::new(channel) }
    }
}

impl Watched for ReferralAudit {
    const SERVICE: &'static str = PEER;
    const REFUSED: &'static str = "anjia.identity.witness.refused.v1";

    async fn checkpoint(&self) -> Result<Option<Checkpoint>, Status> {
        let request = self.app.own().await?.request(GetCheckpointRequest {});
        Ok(self.client.clone().get_checkpoint(request).await?.into_inner().checkpoint)
    }

    async fn consistency(&self, old_size: i64, new_size: i64) -> Result<Option<TreeProof>, Status> {
        let request = self.app.own().await?.request(ProveConsistencyRequest { old_size, new_size });
        Ok(self.client.clone().prove_consistency(request).await?.into_inner().proof)
    }
}
