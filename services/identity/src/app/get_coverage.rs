use chassis::{Context, Permitted};
use chrono::{DateTime, NaiveDate, Utc};
use postgres::Scope;
use postgres::audit::{self, Entry};
use types::ids::ResidentId;

use super::App;
use crate::domain::IdentityError;
use crate::domain::enrolment::Coverage;
use crate::store::{enrolments, family_doctor_contracts, flags, remote_care_filings, residents};

impl App {
    /// All that is in force on a day, as it is believed now or was at a time. Not being insured is an answer.
    pub async fn get_coverage(
        &self,
        ctx: &Context,
        id: ResidentId,
        on: NaiveDate,
        known_at: Option<DateTime<Utc>>,
    ) -> Result<Permitted<Coverage>, IdentityError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let resident = residents::get(&mut tx, &self.vault, id).await?.ok_or(IdentityError::ResidentNotFound)?;
        let mut enrolments = enrolments::of_resident(&mut tx, id, known_at).await?;
        let contribution = self.contribution_rules.judge(&enrolments, on);
        enrolments.retain(|enrolment| enrolment.terms.in_force_on(on));
        let coverage = ctx.permit(Coverage {
            resident: id,
            on,
            enrolments,
            birth_date: *resident.birth_date.expose(),
            sex: *resident.sex.expose(),
            contribution,
            flags: flags::in_force(&mut tx, id, on).await?,
            contract: family_doctor_contracts::in_force(&mut tx, id, on, known_at).await?,
            filings: remote_care_filings::valid_on(&mut tx, id, on, known_at).await?,
        })?;
        let entry = residents::audited(Entry::new(&ctx.caller, "identity.coverage.read"), &resident);
        let entry = coverage.enrolments.iter().fold(entry, enrolments::audited);
        let entry = coverage.contract.iter().fold(entry, family_doctor_contracts::audited);
        let entry = coverage.filings.iter().fold(entry, remote_care_filings::audited);
        let entry = coverage.flags.iter().fold(entry, flags::audited);
        audit::record(&mut tx, entry).await?;
        tx.commit().await?;
        Ok(coverage)
    }
}
