//! Clinics of a surge that close: their free places go, and with them, where it is not wished otherwise, everybody who is booked and finds a
//! place in a clinic that stays open; all others are seen where they are booked (SC-12). Session by session, each in one transaction.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use postgres::{Scope, Transaction, audit};
use types::{ids::SlotId, region::RegionCode};

use super::{Calendar, ROUND_MAX, Where, withdraw};
use crate::{
    app::{
        displace::{self, Changed, Outcome},
        records::By,
    },
    domain::{
        appointment::{Appointment, State},
        error::SchedulingError,
        pool::Pool,
        surge::Became,
    },
    store::{
        rooms, sessions, slots,
        surges::{self, ClosingSession},
    },
};

impl Calendar {
    /// Goes on with what was begun by closing a surge; true if there may be more.
    pub async fn close_sessions(&self) -> Result<bool, SchedulingError> {
        let mut closed = 0;
        for region in self.regions(Where::Closing).await? {
            while closed < ROUND_MAX && self.close_next(region).await? {
                closed += 1;
            }
        }
        Ok(closed >= ROUND_MAX)
    }

    async fn close_next(&self, region: RegionCode) -> Result<bool, SchedulingError> {
        let now = self.clock.now();
        let mut tx = self.db.begin(Scope::Region(region)).await?;
        let Some(closing) = surges::next_closing(&mut tx).await? else {
            tx.commit().await?;
            return Ok(false);
        };
        let standing = slots::of_session(&mut tx, closing.id).await?;
        let ahead: Vec<SlotId> = standing.into_iter().filter(|slot| slot.starts_at > now).map(|slot| slot.id).collect();
        let became = if closing.honours {
            self.take_free(&mut tx, &closing, &ahead, now).await?;
            Became { kept: surges::bookings(&mut tx, &ahead).await?, ..Became::default() }
        } else {
            let kept = (self.kept_for, now);
            let outcomes =
                withdraw(&mut tx, By::Service, (closing.id, &ahead), &closing.reason, closing.surge, kept).await?;
            became(&outcomes)
        };
        surges::set_closed(&mut tx, closing.id, became, now).await?;
        let entry = By::Service.entry("scheduling.session.close").row("sessions", closing.id);
        audit::record(&mut tx, entry).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Leaves the places that are given, and no others.
    async fn take_free(
        &self,
        tx: &mut Transaction,
        closing: &ClosingSession,
        ahead: &[SlotId],
        now: DateTime<Utc>,
    ) -> Result<(), SchedulingError> {
        let session = sessions::find(tx, closing.id).await?;
        let given = rooms::lock(tx, ahead).await?.into_iter();
        let places: HashMap<(SlotId, Pool), i32> =
            given.map(|locked| ((locked.room.slot.id, locked.room.pool), locked.taken)).collect();
        let changed = Changed {
            organisation: session.organisation,
            department: session.department,
            surge: None,
            needs: &session.capabilities,
            slots: ahead,
            places: &places,
            withdrawn: &[],
            honours: true,
            reason: &closing.reason,
            kept_for: self.kept_for,
        };
        displace::close(tx, By::Service, &changed, now).await
    }
}

/// Nobody is cancelled where a clinic of a surge closes.
fn became(outcomes: &[(Appointment, Outcome)]) -> Became {
    let mut became = Became::default();
    for (appointment, outcome) in outcomes {
        match outcome {
            Outcome::Kept => became.kept += 1,
            Outcome::Moved => became.moved += 1,
            Outcome::Displaced => became.displaced += 1,
            Outcome::Cancelled => {}
        }
        if let State::Displaced(until) = appointment.state
            && *outcome == Outcome::Displaced
        {
            became.displaced_until = became.displaced_until.max(Some(until));
        }
    }
    became
}
