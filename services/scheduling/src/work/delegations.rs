//! Follows identity's events: with a delegation that is taken back go the places held under it; and who is merged into whom is kept, so
//! that a person is booked for by any id of theirs.

use postgres::{
    aliases::{Actions, Change, MERGED, UNMERGED},
    consumer::{Advanced, Failure, Handler, Inbox},
    events::Event,
};

use super::id;
use crate::app::{Revoked, Scheduling};

const REVOKED: &str = "anjia.identity.delegation.revoked.v1";

const ALIASES: Actions =
    Actions { service: "scheduling", merge: "scheduling.alias.merge", unmerge: "scheduling.alias.unmerge" };

pub struct Delegations(pub Scheduling);

impl Handler for Delegations {
    const KINDS: &'static [&'static str] = &[REVOKED, MERGED, UNMERGED];

    async fn handle(&self, event: &Event, inbox: Inbox) -> Result<Advanced, Failure> {
        if let Some(change) = Change::read(event)? {
            return change.take_in(event, inbox, &ALIASES).await;
        }
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
