use chassis::{Context, Permitted};
use chrono::NaiveDate;
use postgres::Scope;
use postgres::audit::{self, Entry};
use types::ids::ResidentId;

use super::App;
use crate::domain::IdentityError;
use crate::domain::enrolment::Coverage;
use crate::store::{enrolments, residents};

impl App {
    /// All that is in force on a day. Not being insured is an answer.
    pub async fn get_coverage(
        &self,
        ctx: &Context,
        id: ResidentId,
        on: NaiveDate,
    ) -> Result<Permitted<Coverage>, IdentityError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let resident = residents::get(&mut tx, &self.vault, id).await?.ok_or(IdentityError::ResidentNotFound)?;
        let coverage = ctx.permit(Coverage {
            resident: id,
            on,
            enrolments: enrolments::in_force(&mut tx, id, on).await?,
            birth_date: resident.national_id.birth_date(),
        })?;
        let entry = residents::audited(Entry::new(&ctx.caller, "identity.coverage.read"), &resident);
        let entry = coverage.enrolments.iter().fold(entry, enrolments::audited);
        audit::record(&mut tx, entry).await?;
        tx.commit().await?;
        Ok(coverage)
    }
}
