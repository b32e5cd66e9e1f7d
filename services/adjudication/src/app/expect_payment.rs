//! What the fund is expected to pay for a division, reckoned in the transaction of the division; and anew, in that of what replaces it.

use chassis::Guarded;
use drg::payment::Place;
use postgres::Transaction;
use types::ids::{OrganisationId, ResidentId, SettlementId};

use super::telling::Telling;
use super::{App, Divided};
use crate::domain::coverage::Coverage;
use crate::domain::error::AdjudicationError;
use crate::domain::inspection::Sex;
use crate::domain::provider_payment::expected;
use crate::domain::provider_payment::payment::{ProviderPayment, Standing};
use crate::domain::provider_payment::{Case, CaseRecord};
use crate::domain::settlement::Settlement;
use crate::store::documents::InForce;
use crate::store::provider_payments;

impl Guarded for ProviderPayment {
    const NOT_FOUND: &'static str = "PROVIDER_PAYMENT_NOT_FOUND";

    /// It is between provider and fund: nobody reads it in a resident's name.
    fn resident(&self) -> Option<ResidentId> {
        None
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![self.provider]
    }
}

impl App {
    /// Remembers what the provider may expect. Nothing where nobody insures the person, or no terms say anything of such care.
    pub(super) async fn expect_payment(
        &self,
        tx: &mut Transaction,
        divided: &Divided,
        record: CaseRecord,
        coverage: &Coverage,
        in_force: &InForce,
        telling: &mut Telling<'_>,
    ) -> Result<(), AdjudicationError> {
        let Divided { claim, settlement } = divided;
        if settlement.cover.is_none() {
            return Ok(());
        }
        let days = (claim.from, claim.until);
        let Some(version) = self.terms.judging(tx, &in_force.terms, days).await? else { return Ok(()) };
        let case = case(divided, record, coverage);
        let Some(expected) = expected::expect(&version.content, &case, &self.groupers.shelf()) else { return Ok(()) };
        let payment = ProviderPayment {
            settlement: settlement.id,
            claim: claim.id,
            resident: claim.resident,
            provider: claim.provider,
            terms: version.id,
            terms_digest: version.digest.clone(),
            method: expected.method,
            record: case.record,
            group: expected.group,
            amounts: expected.amounts.ok(),
            steps: expected.steps,
            expected_at: settlement.divided_at,
            standing: Standing::Divided { lapses_at: settlement.lapses_at },
        };
        let detail = provider_payments::insert(tx, claim.care_region, &payment).await?;
        let entry = telling.begin("adjudication.payment.expect").resident(claim.resident);
        telling.entry(provider_payments::written(entry, &payment, &detail));
        Ok(())
    }
}

/// What the hospital stated of a case that was divided: it stands for the claim's next version. Nothing where no payment was expected.
pub(super) async fn record_of(tx: &mut Transaction, replaced: SettlementId) -> Result<CaseRecord, AdjudicationError> {
    let expected = provider_payments::find(tx, replaced).await?;
    Ok(expected.map(|payment| payment.record).unwrap_or_default())
}

pub(super) fn case(divided: &Divided, record: CaseRecord, coverage: &Coverage) -> Case {
    let Divided { claim, settlement } = divided;
    let Settlement { adjudication, .. } = settlement;
    Case {
        kind: claim.kind,
        place: Place { tier: claim.tier, provider: Some(claim.provider) },
        from: claim.from,
        until: claim.until,
        birth_date: coverage.birth_date,
        cost: claim.total,
        own: adjudication.shares.own(),
        diagnoses: claim.diagnoses.iter().map(|diagnosis| diagnosis.icd10_code.clone()).collect(),
        registered_sex: coverage.sex.map(|sex| match sex {
            Sex::Female => drg::Sex::Female,
            Sex::Male => drg::Sex::Male,
        }),
        record,
    }
}
