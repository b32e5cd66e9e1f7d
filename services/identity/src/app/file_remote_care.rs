use chassis::{Context, Permitted};
use chrono::NaiveDate;
use postgres::audit::{self, Entry};
use postgres::{Begun, Call, Reply};
use types::caller::{Caller, Role};
use types::ids::{RemoteCareFilingId, ResidentId};
use types::region::RegionCode;

use super::{App, coverage_changed};
use crate::domain::IdentityError;
use crate::domain::delegation::Action;
use crate::domain::remote_care::{Filing, Kind};
use crate::store::{remote_care_filings, residents};

/// Care elsewhere, to file.
#[derive(Debug, Clone)]
pub struct NewFiling {
    pub id: RemoteCareFilingId,
    pub resident: ResidentId,
    pub kind: Kind,
    pub care_region: RegionCode,
    pub from: NaiveDate,
    pub until: Option<NaiveDate>,
    pub evidence: String,
}

impl App {
    /// By the resident, a delegate who may refer, or a desk of the insurer.
    pub async fn file_remote_care(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Filing>>,
        new: NewFiling,
    ) -> Result<Reply<Permitted<Filing>>, IdentityError> {
        let filing = ctx.permit(Filing {
            id: new.id,
            region: ctx.caller.region,
            resident: new.resident,
            kind: new.kind,
            care_region: new.care_region,
            from: new.from,
            until: new.until,
            evidence: new.evidence,
            recorder: ctx.caller.organisation.filter(|_| is_insurers_desk(&ctx.caller)),
            filed_at: self.now(),
            withdrawn_at: None,
        })?;

        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        filing.check().map_err(|wrong| wrong.within("filing"))?;
        self.check_may(&mut tx, ctx, filing.resident, Action::Refer).await?;
        if !residents::lock(&mut tx, filing.resident).await? {
            return Err(IdentityError::ResidentNotFound);
        }
        if remote_care_filings::overlaps(&mut tx, &filing).await? {
            return Err(IdentityError::FilingOverlaps);
        }
        if !remote_care_filings::insert(&mut tx, &filing).await? {
            return Err(IdentityError::FilingExists);
        }
        coverage_changed::tell(&mut tx, ctx, filing.resident, filing.from, filing.filed_at).await?;
        let entry = Entry::new(&ctx.caller, "identity.remote_care.file");
        audit::record(&mut tx, remote_care_filings::audited(entry, &filing)).await?;
        Ok(call.commit(tx, filing).await?)
    }
}

/// Everybody else files for whom they act for, and for nobody else.
fn is_insurers_desk(caller: &Caller) -> bool {
    caller.actor.is_none() && (caller.has(&Role::InsurerOfficer) || caller.has(&Role::Operator))
}
