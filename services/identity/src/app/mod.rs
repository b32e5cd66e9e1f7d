//! What identity does, one use case to a file; the only place that begins and commits.

mod add_identifier;
mod assertion;
pub mod bootstrap;
mod cancel_erasure;
mod carry_out_erasure;
mod change_designation;
mod check_break_glass;
mod check_consent;
mod check_delegation;
mod check_may;
mod check_view;
mod communities;
mod confirm_delegation;
mod confirm_guardianship;
mod correct_enrolment;
mod coverage_changed;
mod designate_provider;
mod dismiss_duplicate;
mod end_enrolment;
mod end_family_doctor_contract;
mod end_guardianship;
mod end_mandate;
mod enrol_resident;
mod exchange_token;
pub mod federation;
mod file_remote_care;
mod find_resident;
mod flags;
mod follow_care;
mod forget_assertions;
mod form_alliance;
mod get_alliance;
mod get_consent;
mod get_coverage;
mod get_delegation;
mod get_delegation_receipt;
mod get_designation;
mod get_enrolment;
mod get_erasure;
mod get_family_doctor_contract;
mod get_guardianship;
mod get_mandate;
mod get_organisation;
mod get_practitioner;
mod get_remote_care_filing;
mod get_resident;
mod grant_consent;
mod grant_delegation;
mod granting;
mod guarded;
mod households;
pub mod import_enrolments;
mod learn_revocations;
mod lift_revocation;
mod list_break_glass;
mod list_consents;
mod list_delegations;
mod list_designations;
mod list_enrolments;
mod list_organisations;
mod list_possible_duplicates;
mod list_resident_changes;
mod log_in;
mod merge_residents;
mod open_break_glass;
mod own_context;
mod person;
mod propose_delegation;
mod propose_merge;
mod pull_revocations;
mod record_mandate;
mod register_guardianship;
mod register_organisation;
mod register_practitioner;
mod register_resident;
mod renew_family_doctor_contract;
mod report_erasure;
mod request_erasure;
mod review_break_glass;
mod revoke_consent;
mod revoke_delegation;
mod revoke_token;
pub mod rotate_keys;
mod set_bank_profile;
mod sign_family_doctor_contract;
pub mod signer;
mod update_organisation;
mod update_resident;
mod verify_credential;
mod withdraw_identifier;
mod withdraw_remote_care;

use std::collections::BTreeSet;
use std::sync::Arc;

use chassis::Verifier;
use chassis::auth::Revocations;
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use postgres::Database;
use postgres::vault::Vault;
use tokio::sync::Notify;
use types::clock::Clock;
use types::region::RegionCode;

pub use crate::store::PERSONAL;
pub use add_identifier::NewIdentifier;
pub use change_designation::DesignationChange;
pub use check_break_glass::BreakGlassQuestion;
pub use check_consent::{Allowing, ConsentQuestion};
pub use check_delegation::DelegationQuestion;
pub use communities::{Neighbours, NewCommunity};
pub use correct_enrolment::Correction;
pub use designate_provider::NewDesignation;
pub use end_enrolment::Ending;
pub use end_family_doctor_contract::ContractEnding;
pub use enrol_resident::NewEnrolment;
pub use federation::Federation;
pub use file_remote_care::NewFiling;
pub use flags::NewFlag;
pub use form_alliance::NewAlliance;
pub use get_delegation_receipt::OfDelegation;
pub use grant_consent::NewConsent;
pub use grant_delegation::NewDelegation;
pub use households::{Leaving, NewHousehold, NewMember, ShownHousehold};
pub use list_break_glass::Whose;
pub use list_possible_duplicates::ShownPair;
pub use list_resident_changes::ShownChange;
pub use open_break_glass::NewBreakGlass;
pub use propose_merge::{MergeStep, NewMerge};
pub use record_mandate::NewMandate;
pub use register_guardianship::NewGuardianship;
pub use register_organisation::NewOrganisation;
pub use register_practitioner::NewPractitioner;
pub use register_resident::NewResident;
pub use set_bank_profile::NewBankProfile;
pub use sign_family_doctor_contract::NewContract;
pub use signer::Signer;
pub use update_organisation::OrganisationUpdate;
pub use update_resident::Update;
pub use verify_credential::Verification;

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
    /// Who else logs people in.
    pub federation: Federation,
    /// Verifies our own tokens.
    pub verifier: Verifier,
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
    /// Of this installation, the home region among them: services work on items of all of them.
    pub regions: BTreeSet<RegionCode>,
    pub token_lifetime: TimeDelta,
    pub break_glass: break_glass::Limits,
}

impl App {
    /// To the microsecond, as the database keeps it.
    fn now(&self) -> DateTime<Utc> {
        self.clock.now().trunc_subsecs(6)
    }
}
