use chassis::{Context, Permitted};
use chrono::{DateTime, Utc};
use postgres::audit::{self, Entry};
use postgres::events::{self, NewEvent};
use postgres::{Begun, Call, Reply, Transaction};
use serde_json::json;
use types::clock::local_date;
use types::ids::{BreakGlassId, ResidentId};
use types::redacted::Redacted;

use super::App;
use crate::domain::IdentityError;
use crate::domain::break_glass::{BreakGlass, Reason};
use crate::store::{break_glasses, residents};

/// An opening asked for.
#[derive(Debug, Clone)]
pub struct NewBreakGlass {
    pub id: BreakGlassId,
    pub resident: ResidentId,
    pub reason: Reason,
    pub justification: Redacted<String>,
    /// 0: as long as is allowed.
    pub minutes: i32,
}

impl App {
    /// Opens a person's records to the clinicians of the caller's organisation, for a while. Everybody concerned is told.
    pub async fn open_break_glass(
        &self,
        ctx: &Context,
        call: &Call<Permitted<BreakGlass>>,
        new: NewBreakGlass,
    ) -> Result<Reply<Permitted<BreakGlass>>, IdentityError> {
        let caller = &ctx.caller;
        let duration = self.break_glass.duration(new.minutes)?;
        let opened_at = self.now();
        let organisation = caller.organisation.ok_or(IdentityError::OutsideScope)?;
        let opened = ctx.permit(BreakGlass {
            id: new.id,
            region: caller.region,
            resident: new.resident,
            organisation,
            opened_by: caller.acting().clone(),
            reason: new.reason,
            justification: new.justification,
            opened_at,
            closes_at: opened_at + duration,
            review: None,
        })?;

        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        if !residents::exists(&mut tx, opened.resident).await? {
            return Err(IdentityError::ResidentNotFound);
        }
        let (day, most) = (local_date(opened_at), self.break_glass.per_day_max);
        if !break_glasses::count(&mut tx, opened.region, &opened.opened_by, day, most).await? {
            return Err(IdentityError::BreakGlassLimit);
        }
        if !break_glasses::insert(&mut tx, &self.vault, &opened).await? {
            return Err(IdentityError::BreakGlassExists);
        }
        tell(&mut tx, ctx, "anjia.identity.break_glass.opened.v1", &opened, opened_at).await?;
        let entry = Entry::new(caller, "identity.break_glass.open");
        audit::record(&mut tx, break_glasses::audited(entry, &opened)).await?;
        Ok(call.commit(tx, opened).await?)
    }
}

/// For the person and the organisation's medical office to hear of.
pub(super) async fn tell(
    tx: &mut Transaction,
    ctx: &Context,
    kind: &'static str,
    opened: &BreakGlass,
    now: DateTime<Utc>,
) -> Result<(), IdentityError> {
    let data = json!({
        "resident_id": opened.resident,
        "organisation_id": opened.organisation,
        "opened_by": opened.opened_by,
        "reason": opened.reason.as_str(),
        "verdict": opened.review.as_ref().map(|review| review.verdict.as_str()).unwrap_or_default(),
    });
    let event = NewEvent::new(kind, opened.id, data, now);
    events::append(tx, event.traceparent(ctx.traceparent())).await?;
    Ok(())
}
