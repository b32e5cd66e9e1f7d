use chassis::{Context, Permitted};
use chrono::{DateTime, Utc};
use postgres::Scope;
use postgres::audit::{self, Entry};
use types::ids::EnrolmentId;

use super::App;
use crate::domain::IdentityError;
use crate::domain::enrolment::Enrolment;
use crate::store::enrolments;

impl App {
    /// As it is believed now, or was at a time.
    pub async fn get_enrolment(
        &self,
        ctx: &Context,
        id: EnrolmentId,
        known_at: Option<DateTime<Utc>>,
    ) -> Result<Permitted<Enrolment>, IdentityError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let enrolment = enrolments::get(&mut tx, id, known_at).await?.ok_or(IdentityError::EnrolmentNotFound)?;
        let enrolment = ctx.permit(enrolment)?;
        let entry = Entry::new(&ctx.caller, "identity.enrolment.read");
        audit::record(&mut tx, enrolments::audited(entry, &enrolment)).await?;
        tx.commit().await?;
        Ok(enrolment)
    }
}
