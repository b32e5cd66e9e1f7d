//! Notes what looks like scalping, in the transaction in which a place is let go: one party, or one device, that takes places for many
//! persons and gives them up again. It refuses nothing.

use chassis::{Context, Guarded};
use chrono::{DateTime, NaiveDate, Utc};
use postgres::{
    Scope, Transaction,
    audit::{self, Entry},
    events::{self, NewEvent},
    paging::{Page, PageRequest},
};
use serde_json::json;
use types::{
    clock::local_date,
    ids::{OrganisationId, ResidentId, SuspicionId},
};

use super::{Scheduling, pass_on::Passing};
use crate::{
    domain::{
        appointment::{Appointment, CancelledBy, State},
        error::SchedulingError,
        limits::day_of,
        pool::Pool,
        session::Span,
        suspicion::{Kind, Suspicion},
    },
    store::suspicions::{self, ListKey, Noticed},
};

/// The list as a whole is permitted, or not.
struct Reports;

impl Guarded for Reports {
    fn resident(&self) -> Option<ResidentId> {
        None
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![]
    }
}

impl Passing {
    pub(super) async fn watch(
        &self,
        tx: &mut Transaction,
        freed: &Appointment,
        now: DateTime<Utc>,
    ) -> Result<(), SchedulingError> {
        let is_let_go = match &freed.state {
            State::Expired => true,
            State::Cancelled(cancellation) => cancellation.by == CancelledBy::Patient,
            State::Held | State::Confirmed | State::Kept(_) | State::NoShow | State::Displaced(_) => false,
        };
        if !is_let_go || freed.pool == Pool::Referral {
            return Ok(());
        }
        let day: (NaiveDate, Span) = (local_date(freed.held_at), day_of(freed.held_at));
        let rules = &self.rules.suspicion;
        if freed.delegation.is_some() {
            let noticed = suspicions::notice_booker(tx, &freed.booked_by, day, rules, now).await?;
            report(tx, Kind::Booker, noticed, now).await?;
        }
        if let Some(device) = &freed.device {
            let noticed = suspicions::notice_device(tx, device, day, rules, now).await?;
            report(tx, Kind::Device, noticed, now).await?;
        }
        Ok(())
    }
}

/// Told once; what it grows by is in the list.
async fn report(
    tx: &mut Transaction,
    kind: Kind,
    noticed: Option<(SuspicionId, Noticed, i32, i32)>,
    now: DateTime<Utc>,
) -> Result<(), SchedulingError> {
    let Some((id, times, persons, given_up)) = noticed else { return Ok(()) };
    if times == Noticed::Anew {
        let data = json!({ "kind": kind.as_str(), "persons": persons, "given_up": given_up });
        events::append(tx, NewEvent::new("anjia.scheduling.suspicion.raised.v1", id, data, now)).await?;
    }
    let entry = Entry::by_service("scheduling", "scheduling.suspicion.raise").row("suspicions", id);
    Ok(audit::record(tx, entry).await?)
}

impl Scheduling {
    /// Reports with their evidence, the latest first.
    pub async fn suspicions(
        &self,
        ctx: &Context,
        page: &PageRequest<ListKey>,
    ) -> Result<Page<Suspicion>, SchedulingError> {
        ctx.permit(Reports)?;
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let rows = suspicions::list(&mut tx, page.after(), page.limit()).await?;
        let page = page
            .page(rows, |last| (last.day, last.id))
            .map_err(|error| SchedulingError::field("page", error.to_string()))?;
        for suspicion in &page.items {
            let entry = Entry::new(&ctx.caller, "scheduling.suspicion.list").row("suspicions", suspicion.id);
            audit::record(&mut tx, entry).await?;
        }
        tx.commit().await?;
        Ok(page)
    }
}
