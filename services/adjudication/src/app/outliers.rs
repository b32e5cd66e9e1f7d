use std::collections::BTreeMap;

use chassis::Context;
use chrono::NaiveDate;
use postgres::Scope;
use postgres::audit::{self, Entry};
use rust_decimal::Decimal;
use types::clock::local_date;
use types::ids::{OrganisationId, ResidentId};
use uuid::Uuid;

use super::App;
use crate::domain::error::AdjudicationError;
use crate::domain::inspection::Settings;
use crate::domain::supervision::{Outlier, Statistic, outliers};
use crate::store::funds;

const OUTLIERS_MAX: usize = 100;

/// Who is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutlierSubject {
    Provider,
    Person,
}

/// Whom to look at, and on which days of confirmation.
#[derive(Debug, Clone, Copy)]
pub struct FindOutliers {
    pub subject: OutlierSubject,
    pub from: NaiveDate,
    pub until: NaiveDate,
}

/// Who is far above the others of their group.
#[derive(Debug)]
pub struct FoundOutliers {
    pub found: Vec<(String, Outlier<Uuid>)>,
    pub score_min: Decimal,
}

impl App {
    /// Every provider's figures under the region's rules about providers.
    pub async fn statistics(
        &self,
        ctx: &Context,
        days: (NaiveDate, NaiveDate),
    ) -> Result<Vec<Statistic>, AdjudicationError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let today = local_date(self.clock.now());
        let book =
            self.rule_book(&mut tx, ctx.caller.region, today).await?.ok_or(AdjudicationError::RulesNotConfigured)?;
        let mut statistics = vec![];
        for configured in book.content.rules() {
            let (figures, most) = match &configured.settings {
                Settings::Share { items, most } => {
                    (funds::shares_of_items(&mut tx, &items.like_patterns(), days).await?, *most)
                }
                Settings::ReadmissionRate { window_days, most } => {
                    let window_days = i32::try_from(*window_days).unwrap_or(i32::MAX);
                    (funds::readmissions(&mut tx, window_days, days).await?, *most)
                }
                _ => continue,
            };
            statistics.extend(figures.into_iter().filter_map(|(provider, part, whole)| {
                Statistic::new(&configured.rule, OrganisationId::from_uuid(provider), part, whole, most)
            }));
        }
        tx.commit().await?;
        Ok(statistics)
    }

    /// Compares providers of one tier and kind of care with each other, or persons.
    pub async fn outliers(&self, ctx: &Context, find: FindOutliers) -> Result<FoundOutliers, AdjudicationError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let today = local_date(self.clock.now());
        let book =
            self.rule_book(&mut tx, ctx.caller.region, today).await?.ok_or(AdjudicationError::RulesNotConfigured)?;
        let days = (find.from, find.until);
        let figures = match find.subject {
            OutlierSubject::Provider => funds::provider_averages(&mut tx, days).await?,
            OutlierSubject::Person => funds::person_counts(&mut tx, days).await?,
        };
        let mut groups: BTreeMap<String, Vec<(Uuid, Decimal)>> = BTreeMap::new();
        for (group, of, figure) in figures {
            groups.entry(group).or_default().push((of, figure));
        }
        let score_min = book.content.supervision.outlier_score;
        let mut found: Vec<(String, Outlier<Uuid>)> = groups
            .into_iter()
            .flat_map(|(group, figures)| outliers(&figures, score_min).into_iter().map(move |one| (group.clone(), one)))
            .collect();
        // Over all groups: nobody far out is left off for a group that comes earlier.
        found.sort_by(|(_, one), (_, other)| other.score.cmp(&one.score).then_with(|| one.of.cmp(&other.of)));
        found.truncate(OUTLIERS_MAX);
        if find.subject == OutlierSubject::Person {
            for (_, outlier) in &found {
                let resident = ResidentId::from_uuid(outlier.of);
                let entry = Entry::new(&ctx.caller, "adjudication.outlier.read").resident(resident);
                audit::record(&mut tx, entry).await?;
            }
        }
        tx.commit().await?;
        Ok(FoundOutliers { found, score_min })
    }
}
