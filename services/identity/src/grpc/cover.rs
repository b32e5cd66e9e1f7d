//! Cover between the domain and the wire: enrolments, filings, family-doctor contracts.

use chassis::Permitted;
use proto::anjia::common::v1 as common;
use proto::anjia::identity::v1 as wire;
use proto::convert::{to_date, to_money, to_scheme, to_timestamp};
use types::ids::{ContractId, OrganisationId, PractitionerId};

use super::convert::{to_layer, to_remote_care_kind, to_sex, to_vulnerability};
use super::flags::to_flag;
use crate::domain::contribution::{Contribution, WaitingCause};
use crate::domain::enrolment::{Coverage, Enrolment};
use crate::domain::family_doctor::{Contract, Localized, ServicePackage};
use crate::domain::remote_care::Filing;
use crate::domain::vulnerability;

/// As it stands by itself; in a [`Coverage`] retirement is that of the day.
pub(super) fn to_enrolment(enrolment: &Enrolment) -> wire::Enrolment {
    let terms = &enrolment.terms;
    wire::Enrolment {
        enrolment_id: enrolment.id.to_string(),
        resident_id: enrolment.resident.to_string(),
        scheme: to_scheme(terms.scheme),
        insured_region_code: terms.insured_region.to_string(),
        layer: to_layer(terms.layer),
        payer_organisation_id: terms.payer.as_ref().map(OrganisationId::to_string).unwrap_or_default(),
        from: Some(to_date(terms.from)),
        until: terms.until.map(to_date),
        retired: terms.retired_from.is_some(),
        retired_from: terms.retired_from.map(to_date),
        order: terms.order.into(),
        joined_on: terms.joined_on.map(to_date),
        waiting_waived_for: terms.waiting_waived_for.clone(),
        version: enrolment.version,
        recorded_at: Some(to_timestamp(enrolment.recorded_at)),
        superseded_at: enrolment.superseded_at.map(to_timestamp),
        correction_reason: enrolment.correction_reason.clone(),
        student: terms.student,
    }
}

pub(super) fn to_coverage(coverage: &Permitted<Coverage>) -> wire::Coverage {
    wire::Coverage {
        resident_id: coverage.resident.to_string(),
        on: Some(to_date(coverage.on)),
        enrolments: coverage
            .enrolments
            .iter()
            .map(|enrolment| wire::Enrolment {
                retired: enrolment.terms.retired_on(coverage.on),
                ..to_enrolment(enrolment)
            })
            .collect(),
        birth_date: Some(to_date(coverage.birth_date)),
        sex: to_sex(coverage.sex),
        flags: coverage.flags.iter().map(to_flag).chain(elderly(coverage)).collect(),
        contribution: Some(to_contribution(&coverage.contribution)),
        family_doctor_contract: coverage.contract.as_ref().map(to_contract),
        remote_care_filings: coverage.filings.iter().map(to_filing).collect(),
    }
}

fn to_contribution(contribution: &Contribution) -> wire::Contribution {
    use wire::ContributionState as State;
    let (state, since, wait) = match contribution {
        Contribution::InForce { since } => (State::InForce, Some(*since), None),
        Contribution::Waiting { since, wait } => (State::Waiting, Some(*since), Some(wait)),
        Contribution::InGap { since } => (State::InGap, Some(*since), None),
        Contribution::NotEnrolled => (State::NotEnrolled, None, None),
    };
    let cause = wait.map_or(wire::WaitingCause::Unspecified, |wait| match wait.cause {
        WaitingCause::OutsideWindow => wire::WaitingCause::OutsideWindow,
        WaitingCause::BrokenCover => wire::WaitingCause::BrokenCover,
    });
    wire::Contribution {
        state: state.into(),
        since: since.map(to_date),
        until: wait.map(|wait| to_date(wait.until)),
        cause: cause.into(),
        source: wait.map(|wait| wait.source.clone()).unwrap_or_default(),
    }
}

pub(super) fn to_filing(filing: &Filing) -> wire::RemoteCareFiling {
    wire::RemoteCareFiling {
        filing_id: filing.id.to_string(),
        resident_id: filing.resident.to_string(),
        kind: to_remote_care_kind(filing.kind),
        care_region_code: filing.care_region.to_string(),
        from: Some(to_date(filing.from)),
        until: filing.until.map(to_date),
        evidence: filing.evidence.clone(),
        supplementary: filing.is_supplementary(),
        filed_at: Some(to_timestamp(filing.filed_at)),
        withdrawn_at: filing.withdrawn_at.map(to_timestamp),
    }
}

pub(super) fn to_contract(contract: &Contract) -> wire::FamilyDoctorContract {
    let ended = contract.ended.as_ref();
    wire::FamilyDoctorContract {
        contract_id: contract.id.to_string(),
        resident_id: contract.resident.to_string(),
        organisation_id: contract.organisation.to_string(),
        practitioner_ids: contract.team.iter().map(PractitionerId::to_string).collect(),
        package: Some(to_package(&contract.package)),
        from: Some(to_date(contract.from)),
        until: Some(to_date(contract.until)),
        ended_on: ended.map(|ended| to_date(ended.last_day)),
        end_reason: ended.map(|ended| ended.reason.clone()).unwrap_or_default(),
        renewed_contract_id: contract.renews.as_ref().map(ContractId::to_string).unwrap_or_default(),
        signed_at: Some(to_timestamp(contract.signed_at)),
    }
}

pub(super) fn to_package(package: &ServicePackage) -> wire::ServicePackage {
    let localized = |text: &Localized| common::Localized { zh: text.zh.clone(), en: text.en.clone() };
    wire::ServicePackage {
        code: package.code.clone(),
        name: Some(localized(&package.name)),
        price: Some(to_money(package.price)),
        services: package.services.iter().map(localized).collect(),
    }
}

/// Old age is no row: it follows from the date of birth.
fn elderly(coverage: &Coverage) -> Option<wire::VulnerabilityFlag> {
    let from = vulnerability::elderly_from(coverage.birth_date);
    (from <= coverage.on).then(|| wire::VulnerabilityFlag {
        resident_id: coverage.resident.to_string(),
        kind: to_vulnerability(vulnerability::Kind::Elderly),
        from: Some(to_date(from)),
        ..wire::VulnerabilityFlag::default()
    })
}
