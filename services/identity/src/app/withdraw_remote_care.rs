use chassis::{Context, Permitted};
use postgres::audit::{self, Entry};
use postgres::{Begun, Call, Reply};
use types::ids::RemoteCareFilingId;

use super::{App, coverage_changed};
use crate::domain::IdentityError;
use crate::domain::delegation::Action;
use crate::domain::remote_care::Filing;
use crate::store::remote_care_filings;

impl App {
    pub async fn withdraw_remote_care(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Filing>>,
        id: RemoteCareFilingId,
    ) -> Result<Reply<Permitted<Filing>>, IdentityError> {
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let filing = remote_care_filings::lock(&mut tx, id).await?.ok_or(IdentityError::FilingNotFound)?;
        let filing = ctx.permit(filing)?;
        self.check_may(&mut tx, ctx, filing.resident, Action::Refer).await?;
        let now = self.now();
        let filing = ctx.permit(filing.into_inner().withdraw(now)?)?;
        remote_care_filings::withdraw(&mut tx, &filing).await?;
        coverage_changed::tell(&mut tx, ctx, filing.resident, filing.from, now).await?;
        let entry = Entry::new(&ctx.caller, "identity.remote_care.withdraw");
        audit::record(&mut tx, remote_care_filings::audited(entry, &filing)).await?;
        Ok(call.commit(tx, filing).await?)
    }
}
