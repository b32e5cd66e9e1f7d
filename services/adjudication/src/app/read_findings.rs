//! The reviewers' work list, how the rules stand, and how right they were.

use chassis::{Context, Guarded, Permitted};
use chrono::NaiveDate;
use postgres::Scope;
use postgres::audit::{self, Entry};
use postgres::paging::{Page, PageRequest};
use types::caller::Role;
use types::clock::local_date;
use types::ids::{FindingId, OrganisationId, ResidentId};

use super::App;
use crate::domain::document::Version;
use crate::domain::error::AdjudicationError;
use crate::domain::finding::{KeptFinding, Precision};
use crate::domain::inspection::RuleBook;
use crate::store::{documents, findings};

/// Findings of the caller's region, newest first.
#[derive(Debug)]
pub struct ListFindings {
    pub state: Option<&'static str>,
    pub provider: Option<OrganisationId>,
    pub page: PageRequest<FindingId>,
}

/// The rule book in force, by which every rule of the library has its standing.
#[derive(Debug)]
pub struct RuleStandings {
    pub in_force: Option<Version<RuleBook>>,
}

/// Whose findings are listed: as a whole it is permitted, or not.
#[derive(Debug, Clone, Copy)]
struct Whose(Option<OrganisationId>);

impl Guarded for Whose {
    fn resident(&self) -> Option<ResidentId> {
        None
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        self.0.into_iter().collect()
    }
}

impl App {
    /// A page of findings. A provider sees those about its own claims; whoever may see any, all.
    pub async fn findings(
        &self,
        ctx: &Context,
        list: ListFindings,
    ) -> Result<Page<Permitted<KeptFinding>>, AdjudicationError> {
        let supervises = [Role::InsurerReviewer, Role::Auditor].iter().any(|role| ctx.caller.has(role));
        let provider = if supervises { list.provider } else { list.provider.or(ctx.caller.organisation) };
        ctx.permit(Whose(provider))?;
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let rows = findings::list(&mut tx, list.state, provider, list.page.after().copied(), list.page.limit()).await?;
        let page = list.page.page(rows, |finding| finding.id)?;
        let items = ctx.permit_all(page.items)?;
        for finding in &items {
            let entry = Entry::new(&ctx.caller, "adjudication.finding.read")
                .resident(finding.resident)
                .row("findings", finding.id);
            audit::record(&mut tx, entry).await?;
        }
        tx.commit().await?;
        Ok(Page { items, next_page_token: page.next_page_token })
    }

    /// How every rule stands in the caller's region today.
    pub async fn rules(&self, ctx: &Context) -> Result<RuleStandings, AdjudicationError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let today = local_date(self.clock.now());
        let in_force = match documents::rule_book_on(&mut tx, ctx.caller.region, today).await? {
            Some(id) => documents::find(&mut tx, id).await?,
            None => None,
        };
        tx.commit().await?;
        Ok(RuleStandings { in_force })
    }

    /// Of findings noted on these days: what reviewers found right, by rule.
    pub async fn precision(
        &self,
        ctx: &Context,
        from: NaiveDate,
        until: NaiveDate,
    ) -> Result<Vec<Precision>, AdjudicationError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let rules = findings::precision(&mut tx, from, until).await?;
        tx.commit().await?;
        Ok(rules)
    }
}
