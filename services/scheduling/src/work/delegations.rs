//! Follows identity's events: with a delegation that is taken back go the places held under it.

use postgres::{
    consumer::{Advanced, Failure, Handler, Inbox},
    events::Event,
};

use super::id;
use crate::app::{Revoked, Scheduling};

const REVOKED: &str = "anjia.identity.delegation.revoked.v1";

pub struct Delegations(pub Scheduling);

impl Handler for Delegations {
    async fn handle(&self, event: &Event, inbox: Inbox) -> Result<Advanced, Failure> {
        if event.kind != REVOKED {
            return Ok(inbox.skip());
        }
        let delegation = event.subject.parse().map_err(Failure::refused)?;
        let Some(resident) = id(event, "resident_id")? else {
            return Err(Failure::refused("a revoked delegation names its resident"));
        };
        self.0.release_holds(inbox, event.region, Revoked { delegation, resident, at: event.occurred_at }).await
    }
}
