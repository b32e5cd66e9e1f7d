//! Reports of abuse. Who reports is in no audit entry and no list: only in the sealed column.

use chassis::Context;
use postgres::audit::{self, Entry};
use postgres::paging::{Page, PageRequest};
use postgres::{Begun, Call, Reply, Scope};
use types::clock::local_date;
use types::ids::{AbuseReportId, OrganisationId};
use types::money::Money;
use types::redacted::Redacted;

use super::App;
use crate::domain::abuse::{AbuseReport, Reporter, State};
use crate::domain::error::AdjudicationError;
use crate::store::abuse_reports;

/// What happened, and how to reach who says so.
#[derive(Debug, Clone)]
pub struct ReportAbuse {
    pub provider: Option<OrganisationId>,
    pub text: Redacted<String>,
    /// None to stay unknown, without a reward.
    pub contact: Option<Redacted<String>>,
}

/// Reports of the caller's region, newest first.
#[derive(Debug)]
pub struct ListAbuseReports {
    pub state: Option<&'static str>,
    pub page: PageRequest<AbuseReportId>,
}

/// How a report ends.
#[derive(Debug, Clone, Copy)]
pub struct CloseAbuseReport {
    pub id: AbuseReportId,
    pub is_confirmed: bool,
    pub recovered: Money,
}

impl App {
    /// Takes a report; answers its number.
    pub async fn report_abuse(
        &self,
        ctx: &Context,
        call: &Call<AbuseReportId>,
        told: ReportAbuse,
    ) -> Result<Reply<AbuseReportId>, AdjudicationError> {
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let report = AbuseReport {
            id: AbuseReportId::generate(),
            provider: told.provider,
            text: told.text,
            has_contact: told.contact.is_some(),
            state: State::Open,
            recovered: Money::ZERO,
            reward: Money::ZERO,
            reported_at: self.clock.now(),
        };
        let reporter =
            told.contact.map(|contact| Reporter { party: Redacted::new(ctx.caller.subject.clone()), contact });
        let entry = Entry::by_service("adjudication", "adjudication.abuse.report");
        let entry = abuse_reports::insert(&mut tx, ctx.caller.region, &report, reporter.as_ref(), entry).await?;
        audit::record(&mut tx, entry).await?;
        Ok(call.commit(tx, report.id).await?)
    }

    pub async fn abuse_reports(
        &self,
        ctx: &Context,
        list: ListAbuseReports,
    ) -> Result<Page<AbuseReport>, AdjudicationError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let rows = abuse_reports::list(&mut tx, list.state, list.page.after().copied(), list.page.limit()).await?;
        tx.commit().await?;
        Ok(list.page.page(rows, |report| report.id)?)
    }

    /// Closes a report; what was recovered decides the reward.
    pub async fn close_abuse_report(
        &self,
        ctx: &Context,
        call: &Call<AbuseReport>,
        close: CloseAbuseReport,
    ) -> Result<Reply<AbuseReport>, AdjudicationError> {
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let now = self.clock.now();
        let report = abuse_reports::lock(&mut tx, close.id).await?;
        let report = report.ok_or(AdjudicationError::AbuseReportNotFound(close.id))?;
        let in_force = self.rule_book(&mut tx, ctx.caller.region, local_date(now)).await?;
        let book = in_force.ok_or(AdjudicationError::RulesNotConfigured)?;
        let closed = report.close(close.is_confirmed, close.recovered, &book.content.supervision)?;
        let entry = Entry::new(&ctx.caller, "adjudication.abuse.close");
        let entry = abuse_reports::close(&mut tx, &closed, ctx.caller.acting(), now, entry).await?;
        audit::record(&mut tx, entry).await?;
        Ok(call.commit(tx, closed).await?)
    }
}
