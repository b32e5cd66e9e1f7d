//! What stands in a calendar, for those who keep it: templates, exceptions and ladders. No resident's data: looking leaves no entry.

use chassis::{Context, Guarded, Permitted};
use chrono::{DateTime, Utc};
use postgres::{
    Scope, Transaction,
    paging::{Page, PageRequest},
};
use serde::{Serialize, de::DeserializeOwned};
use types::ids::{DepartmentId, ExceptionId, LadderId, OrganisationId, ResidentId, TemplateId};

use super::{Scheduling, keep_calendar::Whose};
use crate::{
    domain::{
        calendar::{Exception, Scope as About, Template},
        error::SchedulingError,
        ladder::Ladder,
    },
    store::{exceptions, ladders, templates},
};

/// From when and until when, where somebody says.
pub type Within = (Option<DateTime<Utc>>, Option<DateTime<Utc>>);

/// An exception, and whoever may see one of the whole region.
struct Seen(Exception, Option<OrganisationId>);

impl Guarded for Seen {
    const NOT_FOUND: &'static str = "EXCEPTION_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        None
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        let Self(exception, everybody) = self;
        let whose = if exception.scope == About::Region { *everybody } else { exception.organisation };
        whose.into_iter().collect()
    }
}

impl Scheduling {
    pub async fn template(&self, ctx: &Context, id: TemplateId) -> Result<Permitted<Template>, SchedulingError> {
        let mut tx = self.look(ctx).await?;
        let template = templates::find(&mut tx, id).await?;
        tx.rollback().await?;
        Ok(ctx.permit(template)?)
    }

    pub async fn templates(
        &self,
        ctx: &Context,
        organisation: OrganisationId,
        page: &PageRequest<TemplateId>,
    ) -> Result<Page<Template>, SchedulingError> {
        ctx.permit(Whose(Some(organisation)))?;
        let mut tx = self.look(ctx).await?;
        let rows = templates::list(&mut tx, organisation, page.after(), page.limit()).await?;
        tx.rollback().await?;
        paged(page, rows, |last| last.id)
    }

    pub async fn exception(&self, ctx: &Context, id: ExceptionId) -> Result<Exception, SchedulingError> {
        let mut tx = self.look(ctx).await?;
        let exception = exceptions::find(&mut tx, id).await?;
        tx.rollback().await?;
        let seen = ctx.permit(Seen(exception, ctx.caller.organisation))?;
        Ok(seen.0.clone())
    }

    pub async fn exceptions(
        &self,
        ctx: &Context,
        organisation: OrganisationId,
        within: Within,
        page: &PageRequest<ExceptionId>,
    ) -> Result<Page<Exception>, SchedulingError> {
        ctx.permit(Whose(Some(organisation)))?;
        let mut tx = self.look(ctx).await?;
        let rows = exceptions::list(&mut tx, organisation, within, page.after(), page.limit()).await?;
        tx.rollback().await?;
        paged(page, rows, |last| last.id)
    }

    /// Without steps where nothing was set.
    pub async fn ladder(
        &self,
        ctx: &Context,
        organisation: OrganisationId,
        department: Option<DepartmentId>,
    ) -> Result<Ladder, SchedulingError> {
        ctx.permit(Whose(Some(organisation)))?;
        let mut tx = self.look(ctx).await?;
        let ladder = ladders::find(&mut tx, organisation, department).await?;
        tx.rollback().await?;
        Ok(ladder.unwrap_or_else(|| Ladder { id: LadderId::generate(), organisation, department, steps: vec![] }))
    }

    pub async fn ladders(
        &self,
        ctx: &Context,
        organisation: OrganisationId,
        page: &PageRequest<LadderId>,
    ) -> Result<Page<Ladder>, SchedulingError> {
        ctx.permit(Whose(Some(organisation)))?;
        let mut tx = self.look(ctx).await?;
        let rows = ladders::list(&mut tx, organisation, page.after(), page.limit()).await?;
        tx.rollback().await?;
        paged(page, rows, |last| last.id)
    }

    async fn look(&self, ctx: &Context) -> Result<Transaction, SchedulingError> {
        Ok(self.db.begin(Scope::of(&ctx.caller)).await?)
    }
}

fn paged<K: Serialize + DeserializeOwned, T>(
    page: &PageRequest<K>,
    rows: Vec<T>,
    key: impl FnOnce(&T) -> K,
) -> Result<Page<T>, SchedulingError> {
    page.page(rows, key).map_err(|error| SchedulingError::field("page", error.to_string()))
}
