use chassis::{Context, Permitted};
use chrono::{DateTime, Utc};
use postgres::Scope;
use postgres::audit::{self, Entry};
use types::ids::MandateId;

use super::App;
use crate::domain::IdentityError;
use crate::domain::mandate::Mandate;
use crate::store::mandates;

impl App {
    /// For the resident, and who acts for them with VIEW: the mandate, and the moment at which its state is to be told.
    pub async fn get_mandate(
        &self,
        ctx: &Context,
        id: MandateId,
    ) -> Result<(Permitted<Mandate>, DateTime<Utc>), IdentityError> {
        self.check_view(ctx).await?;
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let mandate = mandates::get(&mut tx, id).await?.ok_or(IdentityError::MandateNotFound)?;
        let mandate = ctx.permit(mandate)?;
        let entry = Entry::new(&ctx.caller, "identity.mandate.read");
        audit::record(&mut tx, mandates::audited(entry, &mandate)).await?;
        tx.commit().await?;
        Ok((mandate, self.now()))
    }
}
