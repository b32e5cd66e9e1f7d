use chassis::Context;
use chrono::{DateTime, NaiveDate, Utc};
use postgres::audit::{self, Entry};
use postgres::{Begun, Call, Reply};
use serde_json::json;
use types::clock::local_date;
use types::ids::OrganisationId;
use uuid::Uuid;

use super::App;
use crate::domain::error::AdjudicationError;
use crate::domain::supervision::{Assessment, YearFigures, assess};
use crate::store::funds;

/// Whose year.
#[derive(Debug, Clone, Copy)]
pub struct AssessProvider {
    pub provider: OrganisationId,
    pub year: i32,
    pub first: NaiveDate,
    pub last: NaiveDate,
}

/// What it was worth.
#[derive(Debug, Clone)]
pub struct Assessed {
    pub provider: OrganisationId,
    pub year: i32,
    pub figures: YearFigures,
    pub assessment: Assessment,
    pub at: DateTime<Utc>,
}

impl App {
    /// Assesses the year of a provider's contract by the region's standards, from the figures as they stand.
    pub async fn assess_provider(
        &self,
        ctx: &Context,
        call: &Call<Assessed>,
        asked: AssessProvider,
    ) -> Result<Reply<Assessed>, AdjudicationError> {
        if let Some(reply) = self.db.replay(call).await? {
            return Ok(reply);
        }
        let now = self.clock.now();
        // A year that is not over is assessed as it stands.
        let until = asked.last.min(local_date(now));
        self.check_contract(asked.provider, asked.first, until).await?;
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let region = ctx.caller.region;
        // By the standards of the year, not by those of the day on which somebody looks back.
        let in_force = self.rule_book(&mut tx, region, until).await?;
        let book = in_force.ok_or(AdjudicationError::RulesNotConfigured)?;
        let figures = funds::year_of_provider(&mut tx, asked.provider, asked.first, asked.last).await?;
        let assessment = assess(&book.content.supervision, &figures);
        let kept = funds::Kept {
            id: Uuid::now_v7(),
            provider: asked.provider,
            year: asked.year,
            rule_book: book.id,
            figures: json!({
                "claims": figures.claims, "total": figures.total, "fund_paid": figures.fund_paid, "own_paid": figures.own_paid,
                "cut": figures.cut, "upheld_claims": figures.upheld_claims, "stays": figures.stays,
                "readmissions": figures.readmissions,
            }),
            assessment: &assessment,
            by: ctx.caller.acting(),
            at: now,
        };
        funds::keep_assessment(&mut tx, region, &kept).await?;
        let entry = Entry::new(&ctx.caller, "adjudication.provider.assess").row("provider_assessments", kept.id);
        audit::record(&mut tx, entry).await?;
        let assessed = Assessed { provider: asked.provider, year: asked.year, figures, assessment, at: now };
        Ok(call.commit(tx, assessed).await?)
    }

    /// That the provider had a contract in the year: at its beginning, or at its end.
    async fn check_contract(
        &self,
        provider: OrganisationId,
        first: NaiveDate,
        until: NaiveDate,
    ) -> Result<(), AdjudicationError> {
        for day in [until, first] {
            if !self.identity.provider(provider, day).await?.designated.is_empty() {
                return Ok(());
            }
        }
        Err(AdjudicationError::NotDesignated(provider))
    }
}
