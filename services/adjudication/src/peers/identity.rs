use std::time::Duration;

use chassis::channel::Channel;
use chassis::error::reason;
use chassis::{Context, Credentials};
use chrono::NaiveDate;
use moka::sync::Cache;
use proto::anjia::common::v1::PageRequest;
use proto::anjia::identity::v1 as wire;
use proto::anjia::identity::v1::delegation_service_client::DelegationServiceClient;
use proto::anjia::identity::v1::designation_service_client::DesignationServiceClient;
use proto::anjia::identity::v1::enrolment_service_client::EnrolmentServiceClient;
use proto::anjia::identity::v1::organisation_service_client::OrganisationServiceClient;
use proto::convert;
use types::ids::{DelegationId, OrganisationId, ResidentId};
use types::region::RegionCode;

use super::{broken, translate};
use crate::domain::circumstances::Group;
use crate::domain::coverage::{Basic, Coverage};
use crate::domain::designation::Designation;
use crate::domain::error::AdjudicationError;
use crate::domain::inspection::Sex;
use crate::domain::provider::{DesignatedFor, Provider};
use crate::domain::remote_care::{Filing, RemoteCare};

const PEER: &str = "identity";
/// How long a provider is taken to be what it was said to be.
const PROVIDER_LIFE: Duration = Duration::from_secs(1);
const PROVIDERS_KEPT: u64 = 10_000;

/// Identity: how a person is insured, who may see their records, and what an organisation is.
#[derive(Clone)]
pub struct Identity {
    delegations: DelegationServiceClient<Channel>,
    designations: DesignationServiceClient<Channel>,
    enrolments: EnrolmentServiceClient<Channel>,
    organisations: OrganisationServiceClient<Channel>,
    credentials: Credentials,
    providers: Cache<(OrganisationId, NaiveDate), Provider>,
}

impl Identity {
    pub fn new(channel: Channel, credentials: Credentials) -> Self {
        Self {
            delegations: DelegationServiceClient::new(channel.clone()),
            designations: DesignationServiceClient::new(channel.clone()),
            enrolments: EnrolmentServiceClient::new(channel.clone()),
            organisations: OrganisationServiceClient::new(channel),
            credentials,
            providers: Cache::builder().max_capacity(PROVIDERS_KEPT).time_to_live(PROVIDER_LIFE).build(),
        }
    }

    /// Cover on a day, of a resident of this region. Asked in the service's own name: a desk that sends a claim need not see how its
    /// patient is insured.
    pub async fn coverage(
        &self,
        region: RegionCode,
        resident: ResidentId,
        on: NaiveDate,
    ) -> Result<Coverage, AdjudicationError> {
        let own = self.credentials.own_in(region).await.map_err(|status| translate(PEER, &status))?;
        let request = wire::GetCoverageRequest {
            resident_id: resident.to_string(),
            on: Some(convert::to_date(on)),
            known_at: None,
        };
        let answer = self.enrolments.clone().get_coverage(own.request(request)).await.map_err(|status| {
            if reason(&status).as_deref() == Some("RESIDENT_NOT_FOUND") {
                return AdjudicationError::ResidentNotFound(resident);
            }
            translate(PEER, &status)
        })?;
        coverage(answer.into_inner().coverage.as_ref()).map_err(broken(PEER))
    }

    /// The same of a stay: cover on its first day, and what of the person holds on its last.
    pub async fn coverage_of_stay(
        &self,
        region: RegionCode,
        resident: ResidentId,
        (from, until): (NaiveDate, NaiveDate),
    ) -> Result<Coverage, AdjudicationError> {
        let first = self.coverage(region, resident, from).await?;
        if until == from {
            return Ok(first);
        }
        let last = self.coverage(region, resident, until).await?;
        Ok(first.until(until, last))
    }

    /// That whoever calls may see the records of the resident they act for, at this moment.
    pub async fn check_view(
        &self,
        ctx: &Context,
        delegation: DelegationId,
        resident: ResidentId,
    ) -> Result<(), AdjudicationError> {
        self.check(ctx, delegation, resident, wire::DelegatedAction::View).await
    }

    /// That whoever calls may pay for the resident they act for, at this moment.
    pub async fn check_pay(
        &self,
        ctx: &Context,
        delegation: DelegationId,
        resident: ResidentId,
    ) -> Result<(), AdjudicationError> {
        self.check(ctx, delegation, resident, wire::DelegatedAction::Pay).await
    }

    async fn check(
        &self,
        ctx: &Context,
        delegation: DelegationId,
        resident: ResidentId,
        action: wire::DelegatedAction,
    ) -> Result<(), AdjudicationError> {
        let request = wire::CheckDelegationRequest {
            delegation_id: delegation.to_string(),
            resident_id: resident.to_string(),
            delegate: String::new(),
            action: action.into(),
            ..wire::CheckDelegationRequest::default()
        };
        let answer = self.delegations.clone().check_delegation(ctx.request(request)).await;
        answer.map(drop).map_err(|status| match reason(&status).as_deref() {
            Some("NO_DELEGATION" | "DELEGATION_NOT_FOUND" | "DELEGATION_NOT_BEGUN") => AdjudicationError::NoDelegation,
            Some("ACTION_NOT_DELEGATED") => AdjudicationError::ActionNotDelegated,
            Some("DELEGATION_EXPIRED") => AdjudicationError::DelegationExpired,
            _ => translate(PEER, &status),
        })
    }

    /// What a provider is on the day of service, as identity said at most a second ago: a morning's claims are of a few providers.
    pub async fn provider(&self, provider: OrganisationId, on: NaiveDate) -> Result<Provider, AdjudicationError> {
        if let Some(known) = self.providers.get(&(provider, on)) {
            return Ok(known);
        }
        let told = self.ask_provider(provider, on).await?;
        self.providers.insert((provider, on), told.clone());
        Ok(told)
    }

    /// Every contract that a provider had, for whichever care.
    pub async fn designations(&self, provider: OrganisationId) -> Result<Vec<Designation>, AdjudicationError> {
        let own = self.credentials.own().await.map_err(|status| translate(PEER, &status))?;
        let mut found = vec![];
        let mut page_token = String::new();
        loop {
            let request = wire::ListDesignationsRequest {
                provider_organisation_id: provider.to_string(),
                on: None,
                page: Some(PageRequest { page_size: 0, page_token }),
            };
            let answer = self.designations.clone().list_designations(own.request(request)).await;
            let answer = answer.map_err(|status| translate(PEER, &status))?.into_inner();
            for designation in &answer.designations {
                found.push(designated(designation).map_err(broken(PEER))?);
            }
            page_token = answer.next_page_token;
            if page_token.is_empty() {
                return Ok(found);
            }
        }
    }

    async fn ask_provider(&self, provider: OrganisationId, on: NaiveDate) -> Result<Provider, AdjudicationError> {
        let own = self.credentials.own().await.map_err(|status| translate(PEER, &status))?;
        let request =
            wire::GetOrganisationRequest { organisation_id: provider.to_string(), on: Some(convert::to_date(on)) };
        let answer = self.organisations.clone().get_organisation(own.request(request)).await.map_err(|status| {
            if reason(&status).as_deref() == Some("ORGANISATION_NOT_FOUND") {
                return AdjudicationError::OrganisationNotFound(provider);
            }
            translate(PEER, &status)
        })?;
        let organisation = answer.into_inner().organisation.unwrap_or_default();
        let tier = convert::optional_tier("tier", organisation.tier).map_err(broken(PEER))?;
        let designated = organisation.designations.iter().filter_map(|designation| match designation.kind() {
            wire::DesignationKind::Outpatient => Some(DesignatedFor::Outpatient),
            wire::DesignationKind::Inpatient => Some(DesignatedFor::Inpatient),
            wire::DesignationKind::Pharmacy => Some(DesignatedFor::Pharmacy),
            wire::DesignationKind::Chronic => Some(DesignatedFor::Chronic),
            // A kind that this version does not know pays for nothing it knows.
            wire::DesignationKind::Unspecified => None,
        });
        Ok(Provider { tier: tier.ok_or(AdjudicationError::NotAProvider(provider))?, designated: designated.collect() })
    }
}

fn designated(designation: &wire::Designation) -> Result<Designation, convert::FieldError> {
    let suspensions = designation.suspensions.iter().map(|suspension| {
        let from = convert::date("suspensions.from", suspension.from.as_ref())?;
        Ok((from, convert::optional_date("suspensions.until", suspension.until.as_ref())?))
    });
    Ok(Designation {
        from: convert::date("from", designation.from.as_ref())?,
        until: convert::optional_date("until", designation.until.as_ref())?,
        suspensions: suspensions.collect::<Result<_, _>>()?,
    })
}

fn coverage(answer: Option<&wire::Coverage>) -> Result<Coverage, convert::FieldError> {
    let answer = convert::required("coverage", answer)?;
    // In a waiting period the enrolment stands and gives nothing yet.
    let has_benefits =
        answer.contribution.as_ref().is_none_or(|standing| standing.state() == wire::ContributionState::InForce);
    let is_basic = |enrolment: &&wire::Enrolment| enrolment.layer() == wire::CoverLayer::Basic;
    let basic = answer.enrolments.iter().find(is_basic).filter(|_| has_benefits);
    let student = basic.filter(|enrolment| enrolment.student).map(|_| Group::Student);
    let contract = answer.family_doctor_contract.as_ref();
    let is_top_up = |enrolment: &wire::Enrolment| enrolment.layer() == wire::CoverLayer::Commercial;
    Ok(Coverage {
        topped_up: answer.enrolments.iter().any(is_top_up),
        birth_date: convert::date("birth_date", answer.birth_date.as_ref())?,
        sex: match answer.sex() {
            wire::Sex::Female => Some(Sex::Female),
            wire::Sex::Male => Some(Sex::Male),
            wire::Sex::Unspecified => None,
        },
        basic: basic
            .map(|enrolment| {
                Ok(Basic {
                    scheme: convert::scheme("scheme", enrolment.scheme)?,
                    insured_region: convert::region("insured_region_code", &enrolment.insured_region_code)?,
                    retired: enrolment.retired,
                })
            })
            .transpose()?,
        waiting_until: answer
            .contribution
            .as_ref()
            .filter(|standing| standing.state() == wire::ContributionState::Waiting)
            .map(|standing| convert::date("contribution.until", standing.until.as_ref()))
            .transpose()?,
        family_doctor: contract
            .map(|contract| convert::id("organisation_id", &contract.organisation_id))
            .transpose()?,
        groups: answer.flags.iter().filter_map(group).chain(student).collect(),
        filings: answer.remote_care_filings.iter().filter_map(filing).collect::<Result<_, _>>()?,
        last_day: None,
    })
}

/// A group that policies treat otherwise; age they go by themselves.
fn group(flag: &wire::VulnerabilityFlag) -> Option<Group> {
    match flag.kind() {
        wire::VulnerabilityKind::LowIncome => Some(Group::LowIncome),
        wire::VulnerabilityKind::Destitute => Some(Group::Destitute),
        wire::VulnerabilityKind::Borderline => Some(Group::Borderline),
        wire::VulnerabilityKind::Disabled => Some(Group::Disabled),
        wire::VulnerabilityKind::Migrant => Some(Group::Migrant),
        wire::VulnerabilityKind::Elderly | wire::VulnerabilityKind::Unspecified => None,
    }
}

/// A class that this version does not know is no filing it knows.
fn filing(filing: &wire::RemoteCareFiling) -> Option<Result<Filing, convert::FieldError>> {
    let class = match filing.kind() {
        wire::RemoteCareKind::ResettledRetired => RemoteCare::ResettledRetired,
        wire::RemoteCareKind::LongTermResident => RemoteCare::LongTermResident,
        wire::RemoteCareKind::TemporaryReferral => RemoteCare::TemporaryReferral,
        wire::RemoteCareKind::Emergency => RemoteCare::Emergency,
        wire::RemoteCareKind::Unspecified => return None,
    };
    Some(dated(class, filing))
}

fn dated(class: RemoteCare, filing: &wire::RemoteCareFiling) -> Result<Filing, convert::FieldError> {
    Ok(Filing {
        class,
        care_region: convert::region("care_region_code", &filing.care_region_code)?,
        from: convert::date("from", filing.from.as_ref())?,
        until: convert::optional_date("until", filing.until.as_ref())?,
        filed_at: convert::timestamp("filed_at", filing.filed_at.as_ref())?,
    })
}
