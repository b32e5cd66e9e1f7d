//! The first thing about a booking, before anybody else is asked: whether it was answered before, and what is known of its slot. Together
//! for all who ask meanwhile.

use std::sync::Arc;

use chassis::Permitted;
use postgres::{Call, Database, Reply, gather::Together, replay_all};
use types::{clock::Clock, region::RegionCode};

use crate::{
    domain::{appointment::Appointment, error::SchedulingError},
    store::known::{self, Known, Wanted},
};

/// A booking that somebody asks for.
pub(super) struct Asked {
    pub(super) call: Call<Permitted<Appointment>>,
    pub(super) wanted: Wanted,
}

pub(super) enum Seen {
    Answered(Box<Reply<Permitted<Appointment>>>),
    /// No such slot, where there is nothing.
    Open(Option<Box<Known>>),
}

pub(super) struct Look {
    pub(super) db: Database,
    pub(super) clock: Arc<dyn Clock>,
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
        let mut tx = self.db.begin_together(first.call.region()).await?;
        let replies = replay_all(&mut tx, &asks.iter().map(|asked| &asked.call).collect::<Vec<_>>()).await?;
        let wanted: Vec<Wanted> = asks.iter().map(|asked| asked.wanted).collect();
        let known = known::known(&mut tx, &wanted, self.clock.now()).await?;
        // Nothing was written, and nobody waits to hear that.
        drop(tx);

        let seen = replies.into_iter().zip(known).map(|(reply, known)| {
            Some(match reply {
                Err(error) => Err(error.into()),
                Ok(Some(reply)) => Ok(Seen::Answered(Box::new(reply))),
                Ok(None) => Ok(Seen::Open(known.map(Box::new))),
            })
        });
        Ok(seen.collect())
    }
}
