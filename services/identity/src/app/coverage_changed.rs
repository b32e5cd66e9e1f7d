use chassis::Context;
use chrono::{DateTime, NaiveDate, Utc};
use postgres::Transaction;
use postgres::events::{self, NewEvent};
use serde_json::json;
use types::ids::ResidentId;

use crate::domain::IdentityError;

/// Tells that a resident's cover is another from a day on. Subject is the resident, so that changes of one person's cover arrive
/// in order.
pub(super) fn event(resident: ResidentId, from: NaiveDate, at: DateTime<Utc>) -> NewEvent {
    let data = json!({ "resident_id": resident, "from": from });
    NewEvent::new("anjia.identity.coverage.changed.v1", resident, data, at)
}

/// The same, in the transaction of the change.
pub(super) async fn tell(
    tx: &mut Transaction,
    ctx: &Context,
    resident: ResidentId,
    from: NaiveDate,
    at: DateTime<Utc>,
) -> Result<(), IdentityError> {
    events::append(tx, event(resident, from, at).traceparent(ctx.traceparent())).await?;
    Ok(())
}
