//! Identity as its callers see it: the real binary, a real Postgres, tokens it issued itself.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod access;
mod bootstrap;
mod break_glass;
mod certificates;
mod check_consent;
mod check_delegation;
mod communities;
mod correct_enrolment;
mod designate_provider;
mod duplicates;
mod enrol_resident;
mod exchange_token;
mod federation;
mod file_remote_care;
mod find_resident;
mod flags;
mod form_alliance;
mod get_coverage;
mod get_resident;
mod grant_consent;
mod grant_delegation;
mod guardianships;
mod identifiers;
mod import_enrolments;
mod isolation;
mod list_organisations;
mod personal;
mod privacy;
mod provider;
mod provider_keys;
mod pull_events;
mod register_organisation;
mod register_practitioner;
mod register_resident;
mod revoke_consent;
mod revoke_delegation;
mod revoke_token;
mod rotate_keys;
mod set_bank_profile;
mod sign_delegation;
mod sign_family_doctor_contract;
mod support;
mod update_organisation;
mod update_resident;
