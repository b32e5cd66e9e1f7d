//! Referral's feed: referrals; and its audit, which identity witnesses.

use std::sync::Arc;
use std::time::Duration;

use chassis::channel::Channel;
use chassis::witness::Watched;
use chassis::{Context, feed};
use postgres::consumer::{Asked, Pulled, Source};
use proto::anjia::common::v1::{Checkpoint, TreeProof};
use proto::anjia::referral::v1::audit_service_client::AuditServiceClient;
use proto::anjia::referral::v1::event_service_client::EventServiceClient;
use proto::anjia::referral::v1::{GetCheckpointRequest, ProveConsistencyRequest, PullEventsRequest};
use tonic::Status;

use super::feeds::{events, own};
use crate::app::App;

const PEER: &str = "referral";

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
        PEER
    }

    async fn pull(&self, asked: Asked) -> anyhow::Result<Pulled> {
        let message = PullEventsRequest { cursor: Some(feed::cursor(self.name(), asked)) };
        let answer = self.client.clone().pull_events(own(&self.app, asked.wait)?.request(message)).await?;
        events(answer.into_inner().batch)
    }
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

    fn own(&self) -> Result<Context, Status> {
        own(&self.app, Duration::ZERO).map_err(|error| Status::unavailable(error.to_string()))
    }
}

impl Watched for ReferralAudit {
    const SERVICE: &'static str = PEER;
    const REFUSED: &'static str = "anjia.identity.witness.refused.v1";

    async fn checkpoint(&self) -> Result<Option<Checkpoint>, Status> {
        let request = self.own()?.request(GetCheckpointRequest {});
        Ok(self.client.clone().get_checkpoint(request).await?.into_inner().checkpoint)
    }

    async fn consistency(&self, old_size: i64, new_size: i64) -> Result<Option<TreeProof>, Status> {
        let request = self.own()?.request(ProveConsistencyRequest { old_size, new_size });
        Ok(self.client.clone().prove_consistency(request).await?.into_inner().proof)
    }
}
