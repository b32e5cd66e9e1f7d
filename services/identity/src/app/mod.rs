//! What identity does, one use case to a file; the only place that begins and commits.

mod assertion;
pub mod bootstrap;
mod change_designation;
mod check_break_glass;
mod check_consent;
mod check_delegation;
mod check_may;
mod confirm_delegation;
mod correct_enrolment;
mod coverage_changed;
mod designate_provider;
mod end_enrolment;
mod end_family_doctor_contract;
mod enrol_resident;
mod exchange_token;
mod file_remote_care;
mod find_resident;
mod forget_assertions;
mod get_consent;
mod get_coverage;
mod get_delegation;
mod get_delegation_receipt;
mod get_designation;
mod get_enrolment;
mod get_family_doctor_contract;
mod get_organisation;
mod get_practitioner;
mod get_remote_care_filing;
mod get_resident;
mod grant_consent;
mod grant_delegation;
mod granting;
mod guarded;
pub mod import_enrolments;
mod learn_revocations;
mod lift_revocation;
mod list_break_glass;
mod list_consents;
mod list_delegations;
mod list_designations;
mod list_enrolments;
mod list_organisations;
mod open_break_glass;
mod propose_delegation;
mod pull_revocations;
mod register_organisation;
mod register_practitioner;
mod register_resident;
mod renew_family_doctor_contract;
mod review_break_glass;
mod revoke_consent;
mod revoke_delegation;
mod revoke_token;
pub mod rotate_keys;
mod sign_family_doctor_contract;
pub mod signer;
mod withdraw_remote_care;

use std::sync::Arc;

use chassis::auth::Revocations;
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use postgres::Database;
use postgres::vault::Vault;
use tokio::sync::Notify;
use types::clock::Clock;
use types::region::RegionCode;

pub use crate::store::PERSONAL;
pub use change_designation::DesignationChange;
pub use check_break_glass::BreakGlassQuestion;
pub use check_consent::{Allowing, ConsentQuestion};
pub use check_delegation::DelegationQuestion;
pub use correct_enrolment::Correction;
pub use designate_provider::NewDesignation;
pub use end_enrolment::Ending;
pub use end_family_doctor_contract::ContractEnding;
pub use enrol_resident::NewEnrolment;
pub use file_remote_care::NewFiling;
pub use get_delegation_receipt::OfDelegation;
pub use grant_consent::NewConsent;
pub use grant_delegation::NewDelegation;
pub use list_break_glass::Whose;
pub use open_break_glass::NewBreakGlass;
pub use register_organisation::NewOrganisation;
pub use register_practitioner::NewPractitioner;
pub use register_resident::NewResident;
pub use sign_family_doctor_contract::NewContract;
pub use signer::Signer;

use crate::domain::break_glass;
use crate::domain::continuation::Continuations;
use crate::domain::contribution::ContributionRules;
use crate::domain::family_doctor::ServicePackages;

/// Everything the use cases need.
pub struct App {
    pub db: Database,
    pub clock: Arc<dyn Clock>,
    pub vault: Arc<Vault>,
    pub signer: Signer,
    /// What was revoked lately, as all replicas know it.
    pub revocations: Arc<Revocations>,
    /// Something was just revoked here.
    pub revocations_due: Notify,
    /// What services may continue with.
    pub continuations: Continuations,
    pub contribution_rules: ContributionRules,
    pub service_packages: ServicePackages,
    /// The region in whose name clients are looked up, before their own is known.
    pub home: RegionCode,
    pub token_lifetime: TimeDelta,
    pub break_glass: break_glass::Limits,
}

impl App {
    /// To the microsecond, as the database keeps it.
    fn now(&self) -> DateTime<Utc> {
        self.clock.now().trunc_subsecs(6)
    }
}
