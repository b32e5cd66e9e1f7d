use std::{collections::BTreeMap, time::Duration};

use chassis::{Context, Permitted};
use postgres::Scope;
use tokio::{
    sync::{
        broadcast::{self, error::RecvError},
        mpsc,
    },
    time::{Instant, sleep, sleep_until},
};
use types::ids::{OrganisationId, ReferralId};

use super::{App, Sight};
use crate::{domain::ReferralError, store::referrals};

/// A work list is compared with the database this often even when nothing was told.
const LOOK_INTERVAL: Duration = Duration::from_secs(10);
/// Lines a slow reader may leave unread before the watch waits for them.
const AHEAD_MAX: usize = 32;

/// The work list as its reader knows it: versions by referral.
type Known = BTreeMap<ReferralId, i64>;

impl App {
    /// Follows an organisation's work list: first what stands on it, then each change; a referral that leaves the list comes once
    /// more. Ends when the receiver is dropped, or when the token that it was asked with expires.
    ///
    /// What the reader knows is compared with the table whenever an event of the organisation is told, by whichever replica, so nothing
    /// is missed between the snapshot and the first change, or when many come at once.
    pub fn watch_work_list(
        &self,
        ctx: &Context,
    ) -> Result<mpsc::Receiver<Result<Permitted<Sight>, ReferralError>>, ReferralError> {
        let organisation = ctx.caller.organisation.ok_or(ReferralError::OutsideScope)?;
        let (lines, reader) = mpsc::channel(AHEAD_MAX);
        let changed = self.signals.changed.subscribe();
        let (app, ctx) = (self.clone(), ctx.clone());
        let authorised_for = (ctx.caller.expires_at - self.clock.now()).to_std().unwrap_or_default();
        tokio::spawn(async move {
            tokio::select! {
                () = lines.closed() => {}
                () = app.follow_work_list(&ctx, organisation, changed, &lines) => {}
                () = sleep(authorised_for) => {
                    // A reader who takes nothing in is not waited for.
                    let _ = lines.try_send(Err(ReferralError::TokenExpired));
                }
            }
        });
        Ok(reader)
    }

    async fn follow_work_list(
        &self,
        ctx: &Context,
        organisation: OrganisationId,
        mut changed: broadcast::Receiver<OrganisationId>,
        lines: &mpsc::Sender<Result<Permitted<Sight>, ReferralError>>,
    ) {
        let mut known = Known::new();
        loop {
            match self.news(ctx, organisation, &mut known).await {
                Ok(news) => {
                    for line in news {
                        if lines.send(Ok(line)).await.is_err() {
                            return;
                        }
                    }
                }
                Err(error) => {
                    // The reader calls again; nobody is left to tell if it has gone.
                    let _ = lines.send(Err(error)).await;
                    return;
                }
            }
            wait_for_change(organisation, &mut changed).await;
        }
    }

    /// What the reader does not know yet.
    async fn news(
        &self,
        ctx: &Context,
        organisation: OrganisationId,
        known: &mut Known,
    ) -> Result<Vec<Permitted<Sight>>, ReferralError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let listed = referrals::work_list(&mut tx, organisation).await?;
        let now: Known = listed.iter().copied().collect();
        let left = known.keys().filter(|id| !now.contains_key(id)).copied();
        let changed = listed.iter().filter(|(id, version)| known.get(id) != Some(version)).map(|(id, _)| *id);
        let ids: Vec<ReferralId> = left.chain(changed).collect();
        let mut changed = Vec::with_capacity(ids.len());
        for id in ids {
            changed.push(referrals::find(&mut tx, id).await?.ok_or(ReferralError::ReferralNotFound)?);
        }
        tx.commit().await?;
        let sights = self.sights(ctx, changed).await?;
        let news = self.seen(ctx, sights, "referral.referral.watch").await?;
        *known = now;
        Ok(news)
    }
}

async fn wait_for_change(organisation: OrganisationId, changed: &mut broadcast::Receiver<OrganisationId>) {
    let look_at = Instant::now() + LOOK_INTERVAL;
    loop {
        tokio::select! {
            () = sleep_until(look_at) => return,
            told = changed.recv() => match told {
                Ok(of) if of != organisation => {}
                // Told, or so much was told that something may have been missed.
                Ok(_) | Err(RecvError::Lagged(_)) => return,
                Err(RecvError::Closed) => {
                    sleep_until(look_at).await;
                    return;
                }
            },
        }
    }
}
