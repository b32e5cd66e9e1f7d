use chassis::{Context, Permitted};
use postgres::audit::{self, Entry};
use postgres::{Begun, Call, Reply, Transaction};
use types::ids::{EnrolmentId, OrganisationId, ResidentId};

use super::{App, coverage_changed};
use crate::domain::IdentityError;
use crate::domain::enrolment::{Enrolment, Terms};
use crate::store::{enrolments, organisations, residents};

/// An enrolment to record.
#[derive(Debug, Clone)]
pub struct NewEnrolment {
    pub id: EnrolmentId,
    pub resident: ResidentId,
    pub terms: Terms,
}

impl App {
    pub async fn enrol_resident(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Enrolment>>,
        new: NewEnrolment,
    ) -> Result<Reply<Permitted<Enrolment>>, IdentityError> {
        new.terms.check().map_err(|wrong| wrong.within("enrolment"))?;
        let enrolment = ctx.permit(Enrolment {
            id: new.id,
            row: new.id.uuid(),
            version: 1,
            region: ctx.caller.region,
            resident: new.resident,
            terms: new.terms,
            correction_reason: String::new(),
            recorder: ctx.caller.organisation,
            recorded_at: self.now(),
            superseded_at: None,
        })?;

        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        // Whoever enrols the same resident now waits here, so that what is looked at next still holds when it is written.
        if !residents::lock(&mut tx, enrolment.resident).await? {
            return Err(IdentityError::ResidentNotFound);
        }
        check_payer(&mut tx, enrolment.terms.payer).await?;
        if enrolments::overlaps(&mut tx, &enrolment).await? {
            return Err(IdentityError::EnrolmentOverlaps);
        }
        if !enrolments::insert(&mut tx, &enrolment).await? {
            return Err(IdentityError::EnrolmentExists);
        }
        coverage_changed::tell(&mut tx, ctx, enrolment.resident, enrolment.terms.from, enrolment.recorded_at).await?;
        let entry = Entry::new(&ctx.caller, "identity.enrolment.record");
        audit::record(&mut tx, enrolments::audited(entry, &enrolment)).await?;
        Ok(call.commit(tx, enrolment).await?)
    }
}

pub(super) async fn check_payer(tx: &mut Transaction, payer: Option<OrganisationId>) -> Result<(), IdentityError> {
    match payer {
        Some(payer) if !organisations::exists(tx, payer).await? => Err(IdentityError::OrganisationNotFound),
        _ => Ok(()),
    }
}
