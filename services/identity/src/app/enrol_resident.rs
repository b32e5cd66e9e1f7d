use chassis::{Context, Permitted};
use chrono::NaiveDate;
use postgres::audit::{self, Entry};
use postgres::events::{self, NewEvent};
use postgres::{Begun, Call, Reply};
use serde_json::json;
use types::ids::{EnrolmentId, OrganisationId, ResidentId};
use types::region::RegionCode;
use types::scheme::Scheme;

use super::App;
use crate::domain::IdentityError;
use crate::domain::enrolment::{Enrolment, Layer};
use crate::store::{enrolments, organisations, residents};

/// An enrolment to record.
#[derive(Debug, Clone)]
pub struct NewEnrolment {
    pub id: EnrolmentId,
    pub resident: ResidentId,
    pub scheme: Scheme,
    pub insured_region: RegionCode,
    pub layer: Layer,
    pub payer: Option<OrganisationId>,
    pub from: NaiveDate,
    pub until: Option<NaiveDate>,
    pub retired: bool,
}

impl App {
    pub async fn enrol_resident(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Enrolment>>,
        new: NewEnrolment,
    ) -> Result<Reply<Permitted<Enrolment>>, IdentityError> {
        let enrolment = ctx.permit(Enrolment {
            id: new.id,
            region: ctx.caller.region,
            resident: new.resident,
            scheme: new.scheme,
            insured_region: new.insured_region,
            layer: new.layer,
            payer: new.payer,
            from: new.from,
            until: new.until,
            retired: new.retired,
            recorder: ctx.caller.organisation,
            recorded_at: self.now(),
        })?;
        enrolment.check()?;

        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        // Whoever enrols the same resident now waits here, so that what is looked at next still holds when it is written.
        if !residents::lock(&mut tx, enrolment.resident).await? {
            return Err(IdentityError::ResidentNotFound);
        }
        if let Some(payer) = enrolment.payer
            && !organisations::exists(&mut tx, payer).await?
        {
            return Err(IdentityError::OrganisationNotFound);
        }
        if enrolments::overlaps(&mut tx, &enrolment).await? {
            return Err(IdentityError::EnrolmentOverlaps);
        }
        if !enrolments::insert(&mut tx, &enrolment).await? {
            return Err(IdentityError::EnrolmentExists);
        }
        let data = json!({ "resident_id": enrolment.resident, "from": enrolment.from });
        // Subject is the resident, so that changes of one person's cover arrive in order.
        let event =
            NewEvent::new("anjia.identity.coverage.changed.v1", enrolment.resident, data, enrolment.recorded_at);
        events::append(&mut tx, event.traceparent(ctx.traceparent())).await?;
        let entry = Entry::new(&ctx.caller, "identity.enrolment.record");
        audit::record(&mut tx, enrolments::audited(entry, &enrolment)).await?;
        Ok(call.commit(tx, enrolment).await?)
    }
}
