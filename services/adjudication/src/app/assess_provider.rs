use chassis::Context;
use chrono::{DateTime, NaiveDate, Utc};
use postgres::audit::{self, Entry};
use postgres::paging::{Page, PageRequest};
use postgres::{Begun, Call, Reply, Scope};
use types::clock::local_date;
use types::ids::OrganisationId;
use uuid::Uuid;

use super::App;
use crate::domain::designation::Days;
use crate::domain::error::AdjudicationError;
use crate::domain::supervision::{Assessment, YearFigures, assess};
use crate::store::funds;
use crate::store::provider_assessments::{self, Kept};

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

/// Assessments that count, of a year or of all.
#[derive(Debug)]
pub struct ListAssessments {
    pub year: Option<i32>,
    pub page: PageRequest<(i32, OrganisationId)>,
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
        let days = self.contract_days(asked.provider, (asked.first, until)).await?;
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let region = ctx.caller.region;
        // By the standards of the year, not by those of the day on which somebody looks back.
        let in_force = self.rule_book(&mut tx, region, until).await?;
        let book = in_force.ok_or(AdjudicationError::RulesNotConfigured)?;
        let figures = funds::year_of_provider(&mut tx, asked.provider, &days).await?;
        let assessment = assess(&book.content.supervision, &figures);
        let kept = Kept {
            id: Uuid::now_v7(),
            provider: asked.provider,
            year: asked.year,
            rule_book: book.id,
            figures,
            points: assessment.points,
            is_passed: assessment.is_passed,
            at: now,
        };
        provider_assessments::insert(&mut tx, region, &kept, ctx.caller.acting()).await?;
        let entry = Entry::new(&ctx.caller, "adjudication.provider.assess").row("provider_assessments", kept.id);
        audit::record(&mut tx, entry).await?;
        let assessed = Assessed { provider: asked.provider, year: asked.year, figures, assessment, at: now };
        Ok(call.commit(tx, assessed).await?)
    }

    /// The last assessment of each provider and year.
    pub async fn assessments(&self, ctx: &Context, list: ListAssessments) -> Result<Page<Assessed>, AdjudicationError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let after = list.page.after().copied();
        let rows = provider_assessments::latest(&mut tx, list.year, after, list.page.limit()).await?;
        let mut assessed = Vec::with_capacity(rows.len());
        for kept in rows {
            let book = self.rule_books.get(&mut tx, kept.rule_book).await?;
            let scores = assess(&book.content.supervision, &kept.figures).scores;
            let assessment = Assessment { scores, points: kept.points, is_passed: kept.is_passed };
            let Kept { provider, year, figures, at, .. } = kept;
            assessed.push(Assessed { provider, year, figures, assessment, at });
        }
        tx.commit().await?;
        Ok(list.page.page(assessed, |one| (one.year, one.provider))?)
    }

    /// On which of these days the provider had a contract.
    async fn contract_days(&self, provider: OrganisationId, days: Days) -> Result<Vec<Days>, AdjudicationError> {
        // An organisation that is none, or no provider, has its own refusal.
        self.identity.provider(provider, days.1).await?;
        let contracts = self.identity.designations(provider).await?;
        let found: Vec<Days> = contracts.iter().flat_map(|contract| contract.days_within(days)).collect();
        if found.is_empty() {
            return Err(AdjudicationError::NotDesignated(provider));
        }
        Ok(found)
    }
}
