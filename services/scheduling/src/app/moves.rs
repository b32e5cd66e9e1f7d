//! Changes of how many places a pool has, each with its entry in the audit.

use chrono::{DateTime, Utc};
use postgres::{Transaction, audit};
use types::{caller::Party, ids::SlotId};

use super::records::By;
use crate::{
    domain::error::SchedulingError,
    store::pool_moves::{self, Change},
};

pub(super) async fn change_places(
    tx: &mut Transaction,
    by: By<'_>,
    (slot, change, places): (SlotId, Change, i32),
    now: DateTime<Utc>,
) -> Result<(), SchedulingError> {
    let party = match by {
        By::Caller(ctx) => ctx.caller.acting().clone(),
        By::Service => Party::Service("scheduling".to_owned()),
    };
    let id = pool_moves::carry_out(tx, slot, change, places, (&party, now)).await?;
    let entry = by.entry("scheduling.pool.move").row("pool_moves", id);
    let entry = change.pools().fold(entry, |entry, pool| entry.row("slot_pools", audit::id(&[&slot, &pool.as_str()])));
    Ok(audit::record(tx, entry).await?)
}
