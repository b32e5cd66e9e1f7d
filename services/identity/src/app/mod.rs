//! What identity does, one use case to a file; the only place that begins and commits.

mod assertion;
pub mod bootstrap;
mod check_consent;
mod check_delegation;
mod enrol_resident;
mod exchange_token;
mod find_resident;
mod forget_assertions;
mod get_consent;
mod get_coverage;
mod get_delegation;
mod get_enrolment;
mod get_organisation;
mod get_practitioner;
mod get_resident;
mod grant_consent;
mod grant_delegation;
mod guarded;
mod list_organisations;
mod register_organisation;
mod register_practitioner;
mod register_resident;
mod revoke_delegation;
pub mod signer;

use std::sync::Arc;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use postgres::Database;
use postgres::vault::Vault;
use types::clock::Clock;
use types::region::RegionCode;

pub use check_consent::ConsentQuestion;
pub use check_delegation::DelegationQuestion;
pub use enrol_resident::NewEnrolment;
pub use grant_consent::NewConsent;
pub use grant_delegation::NewDelegation;
pub use register_organisation::NewOrganisation;
pub use register_practitioner::NewPractitioner;
pub use register_resident::NewResident;
pub use signer::Signer;

use crate::domain::continuation::Continuations;

/// Everything the use cases need.
pub struct App {
    pub db: Database,
    pub clock: Arc<dyn Clock>,
    pub vault: Arc<Vault>,
    pub signer: Signer,
    /// What services may continue with.
    pub continuations: Continuations,
    /// The region in whose name clients are looked up, before their own is known.
    pub home: RegionCode,
    pub token_lifetime: TimeDelta,
}

impl App {
    /// To the microsecond, as the database keeps it.
    fn now(&self) -> DateTime<Utc> {
        self.clock.now().trunc_subsecs(6)
    }
}
