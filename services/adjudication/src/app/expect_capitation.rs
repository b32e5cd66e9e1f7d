//! What terms of payment say of heads.

use chassis::Context;
use types::ids::PaymentTermsId;
use types::{care::CareKind, money::Money, tier::Tier};

use super::App;
use crate::domain::error::AdjudicationError;
use crate::domain::provider_payment::PaymentTerms;
use crate::domain::provider_payment::capitation::Heads;

/// Heads that a provider is to be paid for.
#[derive(Debug, Clone)]
pub struct ExpectCapitation {
    pub terms: PaymentTermsId,
    pub kind: CareKind,
    pub tier: Tier,
    pub heads: Vec<Heads>,
}

impl App {
    /// What is due for heads in a year by these terms, of their share of a mixture.
    pub async fn expect_capitation(&self, ctx: &Context, asked: ExpectCapitation) -> Result<Money, AdjudicationError> {
        let version = self.document::<PaymentTerms>(ctx, asked.terms).await?;
        let found = version.content.capitation(asked.kind, asked.tier);
        let (share, terms, path) = found.ok_or(AdjudicationError::NotCapitated(asked.terms))?;
        Ok(share.of_half_up(terms.due_for_year(&asked.heads, &path)?))
    }
}
