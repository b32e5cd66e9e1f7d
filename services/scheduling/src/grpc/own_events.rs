//! `OwnEventService`: what happened at the caller's own organisation.

use chassis::{Context, feed};
use proto::anjia::scheduling::v1::{
    PullOwnEventsRequest, PullOwnEventsResponse, own_event_service_server::OwnEventService,
};
use tonic::{Request, Response, Status};

use crate::app::Scheduling;

pub(super) struct OwnEvents(pub(super) Scheduling);

#[tonic::async_trait]
impl OwnEventService for OwnEvents {
    async fn pull_own_events(
        &self,
        request: Request<PullOwnEventsRequest>,
    ) -> Result<Response<PullOwnEventsResponse>, Status> {
        let ctx = Context::of(&request)?;
        let batch = feed::pull_own(self.0.db(), &ctx, "anjia/scheduling", request.get_ref().cursor.as_ref()).await?;
        Ok(Response::new(PullOwnEventsResponse { batch: Some(batch) }))
    }
}
