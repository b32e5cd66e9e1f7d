//! Another service's events, as a consumer takes them in: pulled in the name of the service that follows them.

use std::time::Duration;

use postgres::consumer::{Asked, Pulled, Source};
use proto::anjia::common::v1::{EventBatch, EventCursor};
use proto::anjia::identity::v1::PullEventsRequest;
use proto::anjia::identity::v1::event_service_client::EventServiceClient;
use tonic::{Request, Status};

use super::{cursor, from_wire};
use crate::auth::Own;
use crate::channel::Channel;
use crate::error;

/// What an answer may take beyond what was waited for.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// The source called `name`, which is that of its cursor too: `<service>`, or `<service>/<purpose>`. `pull` is the `PullEvents` of that
/// service.
pub fn source<F, P>(name: &'static str, own: impl Own, pull: F) -> impl Source
where
    F: Fn(Request<EventCursor>) -> P + Send + Sync,
    P: Future<Output = Result<Option<EventBatch>, Status>> + Send,
{
    Feed { name, own, pull }
}

/// Identity's events, as a service follows them that keeps something about residents: who was merged, who is to be erased. Each consumer
/// has a source of its own, and with it a cursor of its own.
pub fn identity_events(name: &'static str, channel: Channel, own: impl Own) -> impl Source {
    let client = EventServiceClient::new(channel);
    source(name, own, move |asked| {
        let mut client = client.clone();
        async move {
            let request = asked.map(|cursor| PullEventsRequest { cursor: Some(cursor) });
            Ok(client.pull_events(request).await?.into_inner().batch)
        }
    })
}

struct Feed<O, F> {
    name: &'static str,
    own: O,
    pull: F,
}

impl<O, F, P> Source for Feed<O, F>
where
    O: Own,
    F: Fn(Request<EventCursor>) -> P + Send + Sync,
    P: Future<Output = Result<Option<EventBatch>, Status>> + Send,
{
    type Error = Status;

    fn name(&self) -> &'static str {
        self.name
    }

    async fn pull(&self, asked: Asked) -> Result<Pulled, Status> {
        let own = self.own.own().await?.with_call_limit(asked.wait + ANSWER_MAX);
        let batch = (self.pull)(own.request(cursor(self.name, asked))).await?;
        from_wire(batch.unwrap_or_default()).map_err(error::invalid)
    }
}
