use chassis::{Context, Permitted};
use chrono::{DateTime, Utc};
use postgres::Scope;
use postgres::audit::{self, Entry};
use types::ids::ConsentId;

use super::App;
use crate::domain::IdentityError;
use crate::domain::consent::Consent;
use crate::store::consents;

impl App {
    /// For the resident, who acts for them with VIEW, and the recipient: the consent, and the moment at which its state is to be told.
    pub async fn get_consent(
        &self,
        ctx: &Context,
        id: ConsentId,
    ) -> Result<(Permitted<Consent>, DateTime<Utc>), IdentityError> {
        self.check_view(ctx).await?;
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let consent = consents::get(&mut tx, id).await?.ok_or(IdentityError::ConsentNotFound)?;
        let consent = ctx.permit(consent)?;
        let entry = Entry::new(&ctx.caller, "identity.consent.read");
        audit::record(&mut tx, consents::audited(entry, &consent)).await?;
        tx.commit().await?;
        Ok((consent, self.now()))
    }
}
