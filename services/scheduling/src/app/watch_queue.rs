//! Where somebody stands in a queue, live.

use std::{sync::Arc, time::Duration};

use chassis::{Context, Permitted};
use moka::future::Cache;
use postgres::Scope;
use tokio::{sync::mpsc, time::sleep};
use types::{ids::VisitId, region::RegionCode};

use super::{
    Scheduling,
    queue::{Everybody, record, stand},
};
use crate::{
    domain::{
        error::SchedulingError,
        queue::{LineId, Standing},
    },
    store::queue_tickets,
};

/// How soon a watcher hears of a change.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// Lines a slow reader may leave unread before the watch waits for them.
const AHEAD_MAX: usize = 8;
const LINES_MAX: u64 = 10_000;

/// What everybody who watches a line sees: read once a second, however many they are.
pub(super) type Lines = Cache<(RegionCode, LineId), Everybody>;

pub(super) fn lines() -> Lines {
    Cache::builder().max_capacity(LINES_MAX).time_to_live(LOOK_INTERVAL / 2).build()
}

type Told = Result<Permitted<Standing>, SchedulingError>;

impl Scheduling {
    /// Follows somebody's place: first as it is, then each change, until they were seen or have left, the receiver is dropped, or the
    /// token that it was asked with expires. That it is watched is recorded once.
    pub async fn watch_queue(&self, ctx: &Context, visit: VisitId) -> Result<mpsc::Receiver<Told>, SchedulingError> {
        self.check_view(ctx).await?;
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let ticket = queue_tickets::find(&mut tx, visit).await?.ok_or(SchedulingError::TicketNotFound)?;
        let line = ctx.permit(ticket.clone())?.line;
        record(&mut tx, ctx, "scheduling.ticket.watch", &ticket).await?;
        tx.commit().await?;

        let (told, reader) = mpsc::channel(AHEAD_MAX);
        let (scheduling, ctx) = (self.clone(), ctx.clone());
        let authorised_for = (ctx.caller.expires_at - self.clock.now()).to_std().unwrap_or_default();
        tokio::spawn(async move {
            tokio::select! {
                () = told.closed() => {}
                () = scheduling.follow(&ctx, line, visit, &told) => {}
                () = sleep(authorised_for) => {
                    // A reader who takes nothing in is not waited for.
                    let _ = told.try_send(Err(SchedulingError::TokenExpired));
                }
            }
        });
        Ok(reader)
    }

    async fn follow(&self, ctx: &Context, line: LineId, visit: VisitId, told: &mpsc::Sender<Told>) {
        let mut known: Option<Standing> = None;
        loop {
            match self.standing(ctx, line, visit).await {
                Ok(standing) if known.as_ref().is_some_and(|known| is_same(known, &standing)) => {}
                Ok(standing) => {
                    let is_over = standing.ticket.state.is_over();
                    known = Some((*standing).clone());
                    if told.send(Ok(standing)).await.is_err() || is_over {
                        return;
                    }
                }
                Err(error) => {
                    // The reader calls again; nobody is left to tell if it has gone.
                    let _ = told.send(Err(error)).await;
                    return;
                }
            }
            sleep(LOOK_INTERVAL).await;
        }
    }

    async fn standing(&self, ctx: &Context, line: LineId, visit: VisitId) -> Told {
        let place = |everybody: &Everybody| everybody.iter().find(|standing| standing.ticket.visit == visit).cloned();
        let mut standing = place(&self.everybody(ctx, line).await?);
        if standing.is_none() {
            // Who has just come is not in a line that was read before.
            self.lines.invalidate(&(ctx.caller.region, line)).await;
            standing = place(&self.everybody(ctx, line).await?);
        }
        Ok(ctx.permit(standing.ok_or(SchedulingError::TicketNotFound)?)?)
    }

    async fn everybody(&self, ctx: &Context, line: LineId) -> Result<Everybody, SchedulingError> {
        let region = ctx.caller.region;
        let look = async {
            let mut tx = self.db.begin(Scope::Region(region)).await?;
            let everybody = stand(&mut tx, line, self.queue_rules, self.clock.now()).await?;
            tx.commit().await?;
            Ok(Arc::new(everybody))
        };
        self.lines.try_get_with((region, line), look).await.map_err(SchedulingError::Shared)
    }
}

/// A wait is told to the minute: who watches hears of what matters to them, not of each second.
fn is_same(known: &Standing, now: &Standing) -> bool {
    let minutes = |standing: &Standing| standing.wait.num_minutes();
    minutes(known) == minutes(now) && Standing { wait: now.wait, ..known.clone() } == *now
}
