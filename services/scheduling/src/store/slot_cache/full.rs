//! Slots that are known to be full, for a moment: keys `anjia:scheduling:2:<region>:full:<slot>:<pool>`, a hash: by kind of care,
//! other slots that may do. Who is told so was too late anyway, or comes again; whoever is not asks Postgres.

use std::time::Duration;

use types::{care::CareKind, ids::SlotId, region::RegionCode};

use super::{LAYOUT, SlotCache, count, parse};
use crate::domain::pool::Pool;

/// A place that is given back in that time may be refused to whoever comes first, and to nobody after.
const LIFE_MAX: Duration = Duration::from_millis(500);

/// What is asked for: of one slot, alternatives differ by kind of care.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Full {
    pub slot: SlotId,
    pub pool: Pool,
    pub kind: CareKind,
}

impl SlotCache {
    /// Other slots for each that is known to be full; none where that is not known.
    pub async fn full(&self, region: RegionCode, asked: &[Full]) -> Vec<Option<Vec<SlotId>>> {
        let mut ask = redis::pipe();
        for full in asked {
            ask.hget(key(region, full.slot, full.pool), full.kind.as_str());
        }
        let found: Option<Vec<Option<String>>> = self.ask(&ask).await;
        let found: Vec<Option<Vec<SlotId>>> = match found {
            Some(found) => found.into_iter().map(|slots| slots.and_then(|slots| parse(&slots))).collect(),
            None => vec![None; asked.len()],
        };
        count("full", found.iter().map(Option::is_some));
        found
    }

    /// Remembers that a slot is full, for as long as none of its holds can run out.
    pub async fn put_full(
        &self,
        region: RegionCode,
        full: Full,
        alternatives: &[SlotId],
        until_lapse: Option<Duration>,
    ) {
        let life = until_lapse.map_or(LIFE_MAX, |until_lapse| until_lapse.min(LIFE_MAX));
        let life_ms = u64::try_from(life.as_millis()).unwrap_or_default();
        let (true, Ok(slots)) = (life_ms > 0, serde_json::to_string(alternatives)) else { return };
        let key = key(region, full.slot, full.pool);
        let mut put = redis::pipe();
        put.hset(&key, full.kind.as_str(), slots).ignore();
        put.cmd("PEXPIRE").arg(&key).arg(life_ms).ignore();
        let _: Option<()> = self.ask(&put).await;
    }

    /// A place was given back.
    pub async fn forget_full(&self, region: RegionCode, slot: SlotId, pool: Pool) {
        let mut forget = redis::pipe();
        forget.del(key(region, slot, pool)).ignore();
        let _: Option<()> = self.ask(&forget).await;
    }
}

fn key(region: RegionCode, slot: SlotId, pool: Pool) -> String {
    format!("{LAYOUT}:{region}:full:{slot}:{}", pool.as_str())
}
