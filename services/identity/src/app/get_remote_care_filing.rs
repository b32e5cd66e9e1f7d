use chassis::{Context, Permitted};
use postgres::Scope;
use postgres::audit::{self, Entry};
use types::ids::RemoteCareFilingId;

use super::App;
use crate::domain::IdentityError;
use crate::domain::remote_care::Filing;
use crate::store::remote_care_filings;

impl App {
    pub async fn get_remote_care_filing(
        &self,
        ctx: &Context,
        id: RemoteCareFilingId,
    ) -> Result<Permitted<Filing>, IdentityError> {
        self.check_view(ctx).await?;
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let filing = remote_care_filings::get(&mut tx, id).await?.ok_or(IdentityError::FilingNotFound)?;
        let filing = ctx.permit(filing)?;
        let entry = Entry::new(&ctx.caller, "identity.remote_care.read");
        audit::record(&mut tx, remote_care_filings::audited(entry, &filing)).await?;
        tx.commit().await?;
        Ok(filing)
    }
}
