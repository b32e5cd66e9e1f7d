use chassis::{Context, Permitted};
use postgres::aliases;
use postgres::audit::{self, Entry};
use postgres::{Begun, Call, Reply, Transaction};
use proto::convert::FieldError;
use types::ids::{EnrolmentId, ResidentId};
use uuid::Uuid;

use super::enrol_resident::check_payer;
use super::{App, coverage_changed};
use crate::domain::IdentityError;
use crate::domain::enrolment::{Enrolment, Terms};
use crate::store::{enrolments, residents};

/// What is right instead.
#[derive(Debug, Clone)]
pub struct Correction {
    pub id: EnrolmentId,
    pub resident: ResidentId,
    /// The version that is corrected.
    pub version: i32,
    pub terms: Terms,
    pub reason: String,
}

impl App {
    /// Writes the next version of an enrolment. The one before is never touched but for the time at which it ceased to be believed.
    pub async fn correct_enrolment(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Enrolment>>,
        correction: Correction,
    ) -> Result<Reply<Permitted<Enrolment>>, IdentityError> {
        correction.terms.check().map_err(|wrong| wrong.within("enrolment"))?;
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let before = self.lock_enrolment(&mut tx, ctx, correction.id, correction.version).await?;
        if !aliases::same(&mut tx, before.resident, correction.resident).await? {
            return Err(FieldError::new("enrolment.resident_id", "must be the resident it was recorded for").into());
        }
        check_payer(&mut tx, correction.terms.payer).await?;
        let after = self.supersede(&mut tx, ctx, before, correction.terms, correction.reason).await?;
        Ok(call.commit(tx, after).await?)
    }

    /// The version that is believed, if it is the one named, with its resident locked.
    pub(super) async fn lock_enrolment(
        &self,
        tx: &mut Transaction,
        ctx: &Context,
        id: EnrolmentId,
        version: i32,
    ) -> Result<Permitted<Enrolment>, IdentityError> {
        let seen = enrolments::get(tx, id, None).await?.ok_or(IdentityError::EnrolmentNotFound)?;
        let seen = ctx.permit(seen)?;
        residents::lock(tx, seen.resident).await?;
        // Whoever had the lock may have corrected it.
        let believed = enrolments::get(tx, id, None).await?.ok_or(IdentityError::EnrolmentNotFound)?;
        if believed.version != version {
            return Err(IdentityError::StaleVersion);
        }
        Ok(ctx.permit(believed)?)
    }

    /// Closes a version and writes, tells and records the next.
    pub(super) async fn supersede(
        &self,
        tx: &mut Transaction,
        ctx: &Context,
        before: Permitted<Enrolment>,
        terms: Terms,
        reason: String,
    ) -> Result<Permitted<Enrolment>, IdentityError> {
        let changed_from = before.changed_from(&terms);
        let after = before.corrected(terms, reason, ctx.caller.organisation, self.now(), Uuid::now_v7());
        if enrolments::overlaps(tx, &after).await? {
            return Err(IdentityError::EnrolmentOverlaps);
        }
        let before = Enrolment { superseded_at: Some(after.recorded_at), ..before.into_inner() };
        // Both are under the resident's lock: nobody else has done either.
        enrolments::supersede(tx, before.row, after.recorded_at).await?;
        enrolments::insert(tx, &after).await?;
        coverage_changed::tell(tx, ctx, after.resident, changed_from, after.recorded_at).await?;
        let entry = enrolments::audited(Entry::new(&ctx.caller, "identity.enrolment.correct"), &before);
        audit::record(tx, enrolments::audited(entry, &after)).await?;
        Ok(ctx.permit(after)?)
    }
}
