//! Between the wire and the domain.

use chassis::Permitted;
use chassis::auth::Revoked;
use chrono::{DateTime, Utc};
use proto::anjia::common::v1 as common;
use proto::anjia::identity::v1 as wire;
use proto::convert::{FieldError, to_date, to_limits, to_place, to_tier, to_timestamp};
use types::ids::{DepartmentId, OrganisationId};
use types::national_id::Sex;

use crate::app::OfDelegation;
use crate::app::signer::PublishedKey;
use crate::domain::alliance::{self, Alliance};
use crate::domain::break_glass::{BreakGlass, Reason, Verdict};
use crate::domain::consent::{self, Consent, DataKind, Purpose, RecipientClass};
use crate::domain::delegation::receipt::Receipt;
use crate::domain::delegation::{self, Action, Basis, Delegation, Signing};
use crate::domain::designation::{self, Designation, Suspension};
use crate::domain::enrolment::Layer;
use crate::domain::guardianship::{self, Relation};
use crate::domain::household;
use crate::domain::organisation::{Campus, Department, Kind, Organisation};
use crate::domain::practitioner::Practitioner;
use crate::domain::remote_care;
use crate::domain::resident::Provisional;
use crate::domain::revocation::Revocation;
use crate::domain::vulnerability;

/// Enumerations of this package: `parse(field, value) -> Option`, refused outside of the enumeration, and back.
macro_rules! word {
    ($parse:ident, $encode:ident, $own:ty, $wire:ty, { $($variant:ident),+ $(,)? }) => {
        pub(super) fn $parse(field: &str, value: i32) -> Result<Option<$own>, FieldError> {
            match <$wire>::try_from(value) {
                Ok(<$wire>::Unspecified) => Ok(None),
                $(Ok(<$wire>::$variant) => Ok(Some(<$own>::$variant)),)+
                Err(_) => Err(FieldError::new(field, "is not a value of this enumeration")),
            }
        }

        pub(super) fn $encode(value: $own) -> i32 {
            match value {
                $(<$own>::$variant => <$wire>::$variant.into(),)+
            }
        }
    };
}

word!(optional_kind, to_kind, Kind, wire::OrganisationKind, { Provider, Insurer, Bank, Committee });
word!(optional_layer, to_layer, Layer, wire::CoverLayer, { Basic, CriticalIllness, Assistance, Commercial });
word!(optional_remote_care_kind, to_remote_care_kind, remote_care::Kind, wire::RemoteCareKind,
    { ResettledRetired, LongTermResident, TemporaryReferral, Emergency });
word!(optional_designation_kind, to_designation_kind, designation::Kind, wire::DesignationKind,
    { Outpatient, Inpatient, Pharmacy, Chronic });
word!(optional_alliance_kind, to_alliance_kind, alliance::Kind, wire::AllianceKind, { Medical, County });
word!(optional_basis, to_basis, Basis, wire::DelegationBasis, { Granted, Guardian });
word!(optional_action, to_action, Action, wire::DelegatedAction, { Book, Attend, Refer, Pay, View });
word!(optional_data_kind, to_data_kind, DataKind, wire::HealthDataKind, {
    Summary, Results, Imaging, Medication, MentalHealth, Hiv, Reproductive, Genetic
});
word!(optional_recipient_class, to_recipient_class, RecipientClass, wire::ConsentRecipientClass, {
    Providers, CommunityProviders, DistrictProviders, TertiaryProviders
});
word!(optional_reason, to_reason, Reason, wire::BreakGlassReason, { LifeAtRisk, CannotConsent, PublicHealth });
word!(optional_verdict, to_verdict, Verdict, wire::BreakGlassVerdict, { Justified, Unjustified });
word!(optional_guardianship_kind, to_guardianship_kind, guardianship::Kind, wire::GuardianshipKind, { Minor, Incapacity });
word!(optional_household_relation, to_household_relation, household::Relation, wire::HouseholdRelation,
    { Head, Spouse, Child, Parent, Grandparent, Grandchild, Sibling, Other });
word!(optional_relation, to_relation, Relation, wire::GuardianRelation, { Parent, Spouse, Child, Relative, Appointed });
word!(optional_vulnerability, to_vulnerability, vulnerability::Kind, wire::VulnerabilityKind,
    { LowIncome, Destitute, Borderline, Disabled, Migrant, Elderly });
word!(optional_sex, to_sex, Sex, wire::Sex, { Female, Male });
word!(optional_provisional, to_provisional, Provisional, wire::ProvisionalKind, { Unknown, Newborn, Foreign });
word!(optional_purpose, to_purpose, Purpose, wire::ConsentPurpose, { Referral, Treatment, Research });

/// A word that must be said.
pub(super) fn said<T>(field: &str, word: Option<T>) -> Result<T, FieldError> {
    word.ok_or_else(|| FieldError::new(field, "is required"))
}

pub(super) fn to_organisation(organisation: &Permitted<Organisation>) -> wire::Organisation {
    wire::Organisation {
        organisation_id: organisation.id.to_string(),
        kind: to_kind(organisation.kind),
        name: organisation.name.clone(),
        credit_code: organisation.credit_code.to_string(),
        tier: organisation.tier.map(to_tier).unwrap_or_default(),
        region_code: organisation.region_code.to_string(),
        place: organisation.place.map(to_place),
        alliance: organisation.alliance.clone(),
        designated_from: organisation.designations.first().map(|first| to_date(first.from)),
        designated_until: organisation.designations.first().and_then(|first| first.until).map(to_date),
        departments: organisation.departments.iter().map(to_department).collect(),
        designations: organisation.designations.iter().map(to_designation).collect(),
        campuses: organisation.campuses.iter().map(to_campus).collect(),
        revision: organisation.revision,
    }
}

fn to_campus(campus: &Campus) -> wire::Campus {
    wire::Campus {
        name: campus.name.clone(),
        region_code: campus.region_code.to_string(),
        place: Some(common::Place { latitude: campus.latitude, longitude: campus.longitude }),
    }
}

pub(super) fn to_alliance(alliance: &Permitted<Alliance>) -> wire::Alliance {
    let member = |member: &alliance::Member| wire::AllianceMember {
        organisation_id: member.organisation.to_string(),
        from: Some(to_date(member.from)),
        until: member.until.map(to_date),
    };
    wire::Alliance {
        alliance_id: alliance.id.to_string(),
        name: alliance.name.clone(),
        kind: to_alliance_kind(alliance.kind),
        lead_organisation_id: alliance.lead.to_string(),
        members: alliance.members.iter().map(member).collect(),
    }
}

pub(super) fn to_designation(designation: &Designation) -> wire::Designation {
    let suspension = |suspension: &Suspension| wire::Suspension {
        from: Some(to_date(suspension.from)),
        until: suspension.until.map(to_date),
        reason: suspension.reason.clone(),
    };
    wire::Designation {
        designation_id: designation.id.to_string(),
        provider_organisation_id: designation.provider.to_string(),
        insurer_organisation_id: designation.insurer.as_ref().map(OrganisationId::to_string).unwrap_or_default(),
        kind: to_designation_kind(designation.kind),
        from: Some(to_date(designation.from)),
        until: designation.until.map(to_date),
        suspensions: designation.suspensions.iter().map(suspension).collect(),
        end_reason: designation.end_reason.clone(),
    }
}

fn to_department(department: &Department) -> wire::Department {
    wire::Department {
        department_id: department.id.to_string(),
        code: department.code.clone(),
        name: department.name.clone(),
        capabilities: department.capabilities.clone(),
    }
}

pub(super) fn to_practitioner(practitioner: &Permitted<Practitioner>) -> wire::Practitioner {
    wire::Practitioner {
        practitioner_id: practitioner.id.to_string(),
        organisation_id: practitioner.organisation.to_string(),
        name: practitioner.name.clone(),
        title: practitioner.title.clone(),
        department_ids: practitioner.departments.iter().map(DepartmentId::to_string).collect(),
    }
}

/// As it stands at `now`.
pub(super) fn to_delegation(delegation: &Permitted<Delegation>, now: DateTime<Utc>) -> wire::Delegation {
    let state = match delegation.state(now) {
        delegation::State::Proposed => wire::DelegationState::Proposed,
        delegation::State::NotBegun => wire::DelegationState::NotBegun,
        delegation::State::Active => wire::DelegationState::Active,
        delegation::State::Expired => wire::DelegationState::Expired,
        delegation::State::Revoked => wire::DelegationState::Revoked,
    };
    let signing = match delegation.signing {
        Signing::Proposed => wire::DelegationSigning::Proposed,
        Signing::Own => wire::DelegationSigning::Own,
        Signing::Desk(_) => wire::DelegationSigning::Desk,
        Signing::Papers => wire::DelegationSigning::Papers,
    };
    wire::Delegation {
        delegation_id: delegation.id.to_string(),
        resident_id: delegation.resident.to_string(),
        delegate: delegation.delegate.to_string(),
        basis: to_basis(delegation.basis),
        actions: delegation.actions.iter().copied().map(to_action).collect(),
        until: Some(to_timestamp(delegation.until)),
        evidence: delegation.evidence.clone(),
        state: state.into(),
        granted_at: Some(to_timestamp(delegation.granted_at)),
        revoked_at: delegation.revoked_at.map(to_timestamp),
        limits: to_limits(&delegation.limits),
        from: Some(to_timestamp(delegation.from)),
        signing: signing.into(),
        witness_practitioner_id: text(delegation.signing.witness()),
        recorder_organisation_id: text(delegation.recorder),
    }
}

pub(super) fn to_receipt((_, receipt): &OfDelegation) -> wire::DelegationReceipt {
    let Receipt { id, delegation, text, issued_at } = receipt;
    wire::DelegationReceipt {
        receipt_id: id.to_string(),
        delegation_id: delegation.to_string(),
        text: Some(common::Localized { zh: text.zh.clone(), en: text.en.clone() }),
        issued_at: Some(to_timestamp(*issued_at)),
        hash: receipt.hash(),
    }
}

/// As it stands at `now`.
pub(super) fn to_consent(consent: &Consent, now: DateTime<Utc>) -> wire::Consent {
    let state = match consent.state(now) {
        consent::State::NotBegun => wire::ConsentState::NotBegun,
        consent::State::Active => wire::ConsentState::Active,
        consent::State::Expired => wire::ConsentState::Expired,
        consent::State::Revoked => wire::ConsentState::Revoked,
    };
    wire::Consent {
        consent_id: consent.id.to_string(),
        resident_id: consent.resident.to_string(),
        recipient_organisation_id: text(consent.recipient.organisation()),
        purpose: to_purpose(consent.purpose),
        until: Some(to_timestamp(consent.until)),
        granted_at: Some(to_timestamp(consent.granted_at)),
        kinds: consent.kinds.iter().copied().map(to_data_kind).collect(),
        recipient_class: consent.recipient.class().map(to_recipient_class).unwrap_or_default(),
        from: Some(to_timestamp(consent.from)),
        revoked_at: consent.revoked_at.map(to_timestamp),
        state: state.into(),
    }
}

/// As it stands at `now`.
pub(super) fn to_break_glass(opened: &Permitted<BreakGlass>, now: DateTime<Utc>) -> wire::BreakGlass {
    let state = if opened.is_open(now) { wire::BreakGlassState::Open } else { wire::BreakGlassState::Closed };
    let review = opened.review.as_ref();
    wire::BreakGlass {
        break_glass_id: opened.id.to_string(),
        resident_id: opened.resident.to_string(),
        organisation_id: opened.organisation.to_string(),
        opened_by: opened.opened_by.to_string(),
        reason: to_reason(opened.reason),
        justification: opened.justification.expose().clone(),
        opened_at: Some(to_timestamp(opened.opened_at)),
        closes_at: Some(to_timestamp(opened.closes_at)),
        state: state.into(),
        verdict: review.map(|review| to_verdict(review.verdict)).unwrap_or_default(),
        reviewed_at: review.map(|review| to_timestamp(review.at)),
    }
}

/// An id that may be missing.
fn text(id: Option<impl ToString>) -> String {
    id.map(|id| id.to_string()).unwrap_or_default()
}

pub(super) fn to_key(key: &PublishedKey) -> wire::Key {
    wire::Key {
        key_id: key.key_id.clone(),
        x: key.x.clone(),
        signs_from: Some(to_timestamp(key.signs_from)),
        kty: "OKP".to_owned(),
        crv: "Ed25519".to_owned(),
        alg: "EdDSA".to_owned(),
    }
}

pub(super) fn to_revocation(revocation: &Revocation) -> wire::Revocation {
    wire::Revocation {
        revocation_id: revocation.id.to_string(),
        revision: revocation.revision,
        target: Some(to_target(&revocation.of)),
        revoked_at: Some(to_timestamp(revocation.revoked_at)),
        lasting: revocation.lasting,
        lifted_at: revocation.lifted.as_ref().map(|lifted| to_timestamp(lifted.at)),
    }
}

/// What a verifier needs of it.
pub(super) fn to_told(revocation: &chassis::auth::Revocation) -> wire::Revocation {
    wire::Revocation {
        revocation_id: revocation.id.clone(),
        revision: revocation.revision,
        target: Some(to_target(&revocation.of)),
        revoked_at: Some(to_timestamp(revocation.revoked_at)),
        ..Default::default()
    }
}

fn to_target(of: &Revoked) -> wire::revocation::Target {
    use wire::revocation::Target;
    match of {
        Revoked::Token(id) => Target::TokenId(id.clone()),
        Revoked::Party(party) => Target::Party(party.to_string()),
        Revoked::Client(id) => Target::ClientId(id.clone()),
    }
}
