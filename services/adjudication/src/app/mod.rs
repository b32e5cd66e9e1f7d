//! When things happen: one use case a file. The only place that begins and commits.

mod assess_provider;
mod confirm_settlement;
mod decide_finding;
mod divide_claim;
mod fund;
mod inspect_claim;
mod outliers;
mod pricing;
mod propose_policy;
mod put_catalogue;
mod quote_care;
mod read;
mod read_findings;
mod release_policy;
mod report_abuse;
mod rule_books;
mod view;

use std::sync::Arc;

use chrono::TimeDelta;
use postgres::Database;
use types::clock::Clock;

use crate::peers::{Identity, Scheduling};

pub use crate::store::{PERSONAL, obligations::OPEN};
pub use assess_provider::{AssessProvider, Assessed};
pub use decide_finding::DecideFinding;
pub use divide_claim::{DivideClaim, Divided};
pub use fund::{Funds, RecordIncome};
pub use inspect_claim::RuleBooks;
pub use outliers::{FindOutliers, FoundOutliers, OutlierSubject};
pub use propose_policy::ProposePolicy;
pub use put_catalogue::PutCatalogue;
pub use quote_care::QuoteCare;
pub use read::{ListClaims, ListPolicies};
pub use read_findings::{ListFindings, RuleStandings};
pub use report_abuse::{CloseAbuseReport, ListAbuseReports, ReportAbuse};
pub use rule_books::ProposeRuleBook;

/// The use cases and what they need. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub db: Database,
    pub clock: Arc<dyn Clock>,
    pub identity: Identity,
    pub scheduling: Scheduling,
    /// How long a division waits for its confirmation.
    pub division_valid: TimeDelta,
    /// Audit rules as they were read.
    pub rule_books: RuleBooks,
}
