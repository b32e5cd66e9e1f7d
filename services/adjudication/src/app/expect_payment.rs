//! What the fund is expected to pay for a division, reckoned in the transaction of the division; and anew, in that of what replaces it.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use chassis::Guarded;
use drg::payment::Place;
use postgres::Transaction;
use postgres::audit;
use types::ids::{OrganisationId, PaymentTermsId, ResidentId, SettlementId};
use types::scheme::Scheme;

use super::author::Author;
use super::{App, Divided};
use crate::domain::coverage::Coverage;
use crate::domain::error::AdjudicationError;
use crate::domain::inspection::Sex;
use crate::domain::provider_payment::expected;
use crate::domain::provider_payment::payment::{ProviderPayment, Standing};
use crate::domain::provider_payment::release::TermsVersion;
use crate::domain::provider_payment::{Case, CaseRecord};
use crate::domain::settlement::Settlement;
use crate::store::{payment_terms, provider_payments};

/// As many documents as are kept read.
const KEPT: usize = 64;

/// Released documents, read once: they never change.
#[derive(Debug, Default)]
pub struct TermsAtHand(RwLock<HashMap<PaymentTermsId, Arc<TermsVersion>>>);

impl TermsAtHand {
    fn get(&self, id: PaymentTermsId) -> Option<Arc<TermsVersion>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    fn keep(&self, version: TermsVersion) -> Arc<TermsVersion> {
        let version = Arc::new(version);
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(version.id, version.clone());
        version
    }
}

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
        by: &Author<'_>,
        divided: &Divided,
        record: CaseRecord,
        coverage: &Coverage,
    ) -> Result<(), AdjudicationError> {
        let Divided { claim, settlement } = divided;
        let Some(cover) = &settlement.cover else { return Ok(()) };
        let Some(version) = self.terms_in_force(tx, cover.account.scheme, divided).await? else { return Ok(()) };
        let case = case(divided, record, coverage);
        let Some(expected) = expected::expect(&version.terms, &case, &self.groupers.shelf()) else { return Ok(()) };
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
        provider_payments::insert(tx, claim.care_region, &payment).await?;
        let entry = by.entry("adjudication.payment.expect").resident(claim.resident);
        audit::record(tx, provider_payments::audited(entry, &payment)?).await?;
        Ok(())
    }

    /// The same of a claim's next version, whose settlement took the place of another. What the hospital stated of the case stands.
    pub(super) async fn expect_anew(
        &self,
        tx: &mut Transaction,
        by: &Author<'_>,
        replaced: SettlementId,
        divided: &Divided,
        coverage: &Coverage,
    ) -> Result<(), AdjudicationError> {
        let expected = provider_payments::find(tx, replaced).await?;
        let record = expected.map(|payment| payment.record).unwrap_or_default();
        self.expect_payment(tx, by, divided, record, coverage).await
    }

    /// The terms of the region of care that judge this claim: the latest that are in force on its day.
    async fn terms_in_force(
        &self,
        tx: &mut Transaction,
        scheme: Scheme,
        divided: &Divided,
    ) -> Result<Option<Arc<TermsVersion>>, AdjudicationError> {
        let claim = &divided.claim;
        for (id, _) in payment_terms::released(tx, claim.care_region, scheme, claim.until).await? {
            let version = if let Some(version) = self.terms.get(id) {
                version
            } else {
                let found = payment_terms::find(tx, id).await?;
                self.terms.keep(found.ok_or(AdjudicationError::TermsNotFound(id))?)
            };
            if version.terms.in_force_on(version.terms.judged_date(claim.from, claim.until)) {
                return Ok(Some(version));
            }
        }
        Ok(None)
    }
}

fn case(divided: &Divided, record: CaseRecord, coverage: &Coverage) -> Case {
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
