//! The first thing about a booking, before anybody else is asked: whether it was answered before, and what is known of its slot. Together
//! for all who ask meanwhile. Who asks for what is hopelessly gone is told so here: by the cache where it knows, by Postgres where not.

use std::sync::Arc;

use chassis::Permitted;
use postgres::{Call, Database, Reply, Scope, gather::Together, replay_all};
use types::{clock::Clock, region::RegionCode};

use crate::{
    domain::{appointment::Appointment, error::SchedulingError},
    store::{
        known::{self, Known, Wanted},
        slot_cache::{SlotCache, full::Full},
    },
};

/// A booking that somebody asks for.
pub(super) struct Asked {
    pub(super) call: Call<Permitted<Appointment>>,
    pub(super) full: Full,
    pub(super) wanted: Wanted,
}

pub(super) enum Seen {
    Answered(Box<Reply<Permitted<Appointment>>>),
    /// Nobody can win a place there now; other slots that may do.
    Gone(SchedulingError),
    /// No such slot, where there is nothing.
    Open(Option<Box<Known>>),
}

pub(super) struct Look {
    pub(super) db: Database,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) cache: Arc<SlotCache>,
}

impl Together for Look {
    type Ask = Asked;
    type Answer = Result<Seen, SchedulingError>;
    type Error = SchedulingError;
    type Group = RegionCode;

    const BATCH_MAX: usize = 256;

    fn group(asked: &Asked) -> RegionCode {
        asked.call.region()
    }

    async fn run(&self, asks: &[Asked]) -> Result<Vec<Option<Self::Answer>>, SchedulingError> {
        let Some(first) = asks.first() else { return Ok(vec![]) };
        let region = first.call.region();
        let full: Vec<Full> = asks.iter().map(|asked| asked.full).collect();
        let gone = self.cache.full(region, &full).await;

        let mut tx = self.db.begin(Scope::Region(region)).await?;
        let replies = replay_all(&mut tx, &asks.iter().map(|asked| &asked.call).collect::<Vec<_>>()).await?;
        let open = |(asked, gone): (&Asked, &Option<_>)| gone.is_none().then_some(asked.wanted);
        let wanted: Vec<Wanted> = asks.iter().zip(&gone).filter_map(open).collect();
        let known = if wanted.is_empty() { vec![] } else { known::known(&mut tx, &wanted, self.clock.now()).await? };
        let mut known = known.into_iter();
        tx.commit().await?;

        let seen = replies.into_iter().zip(gone).map(|(reply, gone)| {
            let known = gone.is_none().then(|| known.next().flatten());
            Some(match (reply, gone) {
                (Err(error), _) => Err(error.into()),
                (Ok(Some(reply)), _) => Ok(Seen::Answered(Box::new(reply))),
                (Ok(None), Some(alternatives)) => Ok(Seen::Gone(SchedulingError::SlotTaken { alternatives })),
                (Ok(None), None) => Ok(Seen::Open(known.flatten().map(Box::new))),
            })
        });
        Ok(seen.collect())
    }
}
