//! When things happen: one use case a file. The only place that begins and commits.

mod assess_provider;
mod author;
mod confirm_settlement;
mod correct_claim;
mod decide_finding;
mod divide_claim;
mod division;
mod documents;
mod expect_capitation;
mod expect_payment;
mod explain;
mod follow_referral;
mod follow_stays;
mod fund;
mod groupers;
mod inspect_beside;
mod inspect_claim;
mod outliers;
mod personal_accounts;
mod pricing;
mod provider_payments;
mod put_catalogue;
mod quote_care;
mod read;
mod read_findings;
mod readjudicate;
mod replacing;
mod report_abuse;
mod reverse_settlement;
mod telling;
#[cfg(test)]
mod tried;
mod view;

use std::sync::Arc;

use chrono::TimeDelta;
use postgres::Database;
use types::clock::Clock;

use crate::domain::inspection::RuleBook;
use crate::domain::policy::Policy;
use crate::domain::provider_payment::PaymentTerms;
use crate::peers::{Identity, Scheduling};

pub use crate::store::{PERSONAL, obligations::OPEN, referrals::Made};
pub use assess_provider::{AssessProvider, Assessed, ListAssessments};
pub use correct_claim::CorrectClaim;
pub use decide_finding::DecideFinding;
pub use divide_claim::{DivideClaim, Divided};
pub use documents::{AtHand, Propose};
pub use expect_capitation::ExpectCapitation;
pub use fund::{Funds, RecordIncome};
pub use groupers::{Groupers, NotTaken};
pub use outliers::{FindOutliers, FoundOutliers, OutlierSubject};
pub use personal_accounts::{CreditAccount, ShareAccount};
pub use provider_payments::{GroupRecord, ListProviderPayments};
pub use put_catalogue::PutCatalogue;
pub use quote_care::QuoteCare;
pub use read::ListClaims;
pub use read_findings::{ListFindings, RuleStandings};
pub use report_abuse::{CloseAbuseReport, ListAbuseReports, ReportAbuse};
#[cfg(test)]
pub(crate) use tried::{Documents, Tried, tried};

/// The use cases and what they need. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub db: Database,
    pub clock: Arc<dyn Clock>,
    pub identity: Identity,
    pub scheduling: Scheduling,
    /// How long a division waits for its confirmation.
    pub division_valid: TimeDelta,
    pub groupers: Arc<Groupers>,
    /// Released documents as they were read.
    pub policies: AtHand<Policy>,
    pub terms: AtHand<PaymentTerms>,
    pub rule_books: AtHand<RuleBook>,
}
