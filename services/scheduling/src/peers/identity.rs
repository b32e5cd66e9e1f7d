//! Identity: who a resident, a provider or a doctor is, and who may act for whom.

use chassis::{Context, Credentials, channel::Channel, error};
use chrono::NaiveDate;
use proto::{
    anjia::common::v1::Credential,
    anjia::identity::v1::{
        self as wire, delegation_service_client::DelegationServiceClient,
        enrolment_service_client::EnrolmentServiceClient, organisation_service_client::OrganisationServiceClient,
        resident_service_client::ResidentServiceClient,
    },
    convert,
};
use tonic::{Code, Status};
use types::{
    caller::Party,
    delegation::Limits,
    identifier::Identifier,
    ids::{DelegationId, DepartmentId, OrganisationId, PractitionerId, ResidentId},
    tier::Tier,
};

use crate::domain::error::SchedulingError;
use crate::domain::pool::FamilyDoctorContract;
use types::place::Place;

const PEER: &str = "identity";

/// What somebody may do for a resident.
#[derive(Debug, Clone, Copy)]
pub enum Action {
    /// Hold, confirm and cancel.
    Book,
    /// Come in the resident's stead.
    Attend,
    /// See the resident's appointments.
    View,
}

/// A provider of care.
#[derive(Debug, Clone)]
pub struct Provider {
    pub tier: Tier,
    pub place: Place,
    pub departments: Vec<Department>,
}

#[derive(Debug, Clone)]
pub struct Department {
    pub id: DepartmentId,
    /// ICD-10 prefixes.
    pub capabilities: Vec<String>,
}

/// What a booking needs to know of a patient.
#[derive(Debug, Clone)]
pub struct Patient {
    pub birth_date: NaiveDate,
    pub contract: Option<FamilyDoctorContract>,
    pub is_disabled: bool,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Identity {
    channel: Channel,
    credentials: Credentials,
}

impl Identity {
    pub const fn new(channel: Channel, credentials: Credentials) -> Self {
        Self { channel, credentials }
    }

    /// A provider, as the caller may see it. What is no provider of care counts as unknown.
    pub async fn provider(&self, ctx: &Context, id: OrganisationId) -> Result<Provider, SchedulingError> {
        let request = wire::GetOrganisationRequest { organisation_id: id.to_string(), on: None };
        let answer = OrganisationServiceClient::new(self.channel.clone())
            .get_organisation(ctx.request(request))
            .await
            .map_err(|status| refused(&status))?;
        let organisation = answer.into_inner().organisation.ok_or_else(|| unexpected("no organisation"))?;
        if organisation.kind != i32::from(wire::OrganisationKind::Provider) {
            return Err(SchedulingError::OrganisationNotFound);
        }
        let departments = organisation.departments.into_iter().map(|department| {
            let id = convert::id("department_id", &department.department_id).map_err(unexpected)?;
            Ok(Department { id, capabilities: department.capabilities })
        });
        Ok(Provider {
            tier: convert::tier("tier", organisation.tier).map_err(unexpected)?,
            place: convert::place("place", organisation.place.as_ref()).map_err(unexpected)?,
            departments: departments.collect::<Result<_, SchedulingError>>()?,
        })
    }

    /// The organisation a practitioner works for.
    pub async fn employer(&self, ctx: &Context, id: PractitionerId) -> Result<OrganisationId, SchedulingError> {
        let request = wire::GetPractitionerRequest { practitioner_id: id.to_string() };
        let answer = OrganisationServiceClient::new(self.channel.clone())
            .get_practitioner(ctx.request(request))
            .await
            .map_err(|status| refused(&status))?;
        let practitioner = answer.into_inner().practitioner.ok_or_else(|| unexpected("no practitioner"))?;
        convert::id("organisation_id", &practitioner.organisation_id).map_err(unexpected)
    }

    /// That a resident is registered in the caller's region, when they were born, and who their family doctors are on a day. Asked in
    /// scheduling's own name: a desk has no right to a resident's cover, but must not book for nobody.
    pub async fn patient(&self, ctx: &Context, id: ResidentId, on: NaiveDate) -> Result<Patient, SchedulingError> {
        let own = self.credentials.own_in(ctx.caller.region).await.map_err(|status| refused(&status))?;
        let on = Some(convert::to_date(on));
        let answer = EnrolmentServiceClient::new(self.channel.clone())
            .get_coverage(own.request(wire::GetCoverageRequest { resident_id: id.to_string(), on, known_at: None }))
            .await
            .map_err(|status| refused(&status))?;
        let coverage = answer.into_inner().coverage.ok_or_else(|| unexpected("no coverage"))?;
        let disabled = i32::from(wire::VulnerabilityKind::Disabled);
        Ok(Patient {
            is_disabled: coverage.flags.iter().any(|flag| flag.kind == disabled),
            birth_date: convert::date("birth_date", coverage.birth_date.as_ref()).map_err(unexpected)?,
            contract: coverage.family_doctor_contract.as_ref().map(contract).transpose().map_err(unexpected)?,
        })
    }

    /// Whether a credential is a resident's. Asked in the desk's name: who asked, and what was answered, stands in identity's audit.
    pub async fn is_credential_of(
        &self,
        ctx: &Context,
        resident: ResidentId,
        credential: &Identifier,
    ) -> Result<bool, SchedulingError> {
        let shown = Credential {
            kind: convert::to_identifier_kind(credential.kind()),
            number: credential.expose().to_owned(),
            country_code: credential.country().unwrap_or_default().to_owned(),
        };
        let request = wire::VerifyCredentialRequest { resident_id: resident.to_string(), credential: Some(shown) };
        let answer = ResidentServiceClient::new(self.channel.clone())
            .verify_credential(ctx.request(request))
            .await
            .map_err(|status| refused(&status))?;
        Ok(answer.into_inner().matches)
    }

    /// That whoever calls may act for a resident at this moment, and how far.
    pub async fn check_caller(
        &self,
        ctx: &Context,
        delegation: DelegationId,
        resident: ResidentId,
        action: Action,
    ) -> Result<Limits, SchedulingError> {
        self.check(ctx, delegation, resident, String::new(), action).await
    }

    /// That a party may act for a resident at this moment, and how far. Asked in scheduling's own name: a token that does not act for the
    /// resident has no right to their delegations.
    pub async fn check_delegate(
        &self,
        ctx: &Context,
        delegation: DelegationId,
        resident: ResidentId,
        delegate: &Party,
        action: Action,
    ) -> Result<Limits, SchedulingError> {
        let own = self.credentials.own_in(ctx.caller.region).await.map_err(|status| refused(&status))?;
        self.check(&own, delegation, resident, delegate.to_string(), action).await
    }

    /// How far a delegation reaches that a mandate rests on. Asked in scheduling's own name: who acts under the mandate is a service.
    pub async fn limits(&self, ctx: &Context, delegation: DelegationId) -> Result<Limits, SchedulingError> {
        let own = self.credentials.own_in(ctx.caller.region).await.map_err(|status| refused(&status))?;
        let request = wire::GetDelegationRequest { delegation_id: delegation.to_string() };
        let answer = DelegationServiceClient::new(self.channel.clone())
            .get_delegation(own.request(request))
            .await
            .map_err(|status| refused(&status))?;
        limits_of(answer.into_inner().delegation)
    }

    async fn check(
        &self,
        ctx: &Context,
        delegation: DelegationId,
        resident: ResidentId,
        delegate: String,
        action: Action,
    ) -> Result<Limits, SchedulingError> {
        let action = match action {
            Action::Book => wire::DelegatedAction::Book,
            Action::Attend => wire::DelegatedAction::Attend,
            Action::View => wire::DelegatedAction::View,
        };
        let request = wire::CheckDelegationRequest {
            delegation_id: delegation.to_string(),
            resident_id: resident.to_string(),
            delegate,
            action: action.into(),
            ..wire::CheckDelegationRequest::default()
        };
        let answer = DelegationServiceClient::new(self.channel.clone())
            .check_delegation(ctx.request(request))
            .await
            .map_err(|status| refused(&status))?;
        limits_of(answer.into_inner().delegation)
    }
}

chassis::watched! {
    /// Identity's audit, looked at in scheduling's own name.
    IdentityAudit, identity by scheduling
}

fn contract(message: &wire::FamilyDoctorContract) -> Result<FamilyDoctorContract, convert::FieldError> {
    let team = message.practitioner_ids.iter().map(|id| convert::id("practitioner_ids", id));
    let ended_on = convert::optional_date("ended_on", message.ended_on.as_ref())?;
    Ok(FamilyDoctorContract {
        organisation: convert::id("organisation_id", &message.organisation_id)?,
        team: team.collect::<Result<_, _>>()?,
        from: convert::date("from", message.from.as_ref())?,
        until: ended_on.map_or_else(|| convert::date("until", message.until.as_ref()), Ok)?,
    })
}

fn limits_of(delegation: Option<wire::Delegation>) -> Result<Limits, SchedulingError> {
    let delegation = delegation.ok_or_else(|| unexpected("no delegation"))?;
    convert::limits("limits", delegation.limits.as_ref()).map_err(unexpected)
}

/// Identity's refusals in scheduling's words.
fn refused(status: &Status) -> SchedulingError {
    use SchedulingError as E;
    match (status.code(), error::reason(status).as_deref()) {
        (_, Some("RESIDENT_NOT_FOUND")) => E::ResidentNotFound,
        (_, Some("RESIDENT_ERASED")) => E::Storage(postgres::Error::ResidentErased),
        (_, Some("ORGANISATION_NOT_FOUND")) => E::OrganisationNotFound,
        (_, Some("PRACTITIONER_NOT_FOUND")) => E::PractitionerNotFound,
        (_, Some("NO_DELEGATION" | "DELEGATION_NOT_FOUND")) => E::NoDelegation,
        (_, Some("ACTION_NOT_DELEGATED")) => E::ActionNotDelegated,
        (_, Some("DELEGATION_EXPIRED")) => E::DelegationExpired,
        (_, Some("DELEGATION_NOT_BEGUN")) => E::DelegationNotBegun,
        (_, Some("TOKEN_EXPIRED")) => E::TokenExpired,
        (Code::Unavailable | Code::DeadlineExceeded | Code::ResourceExhausted | Code::Aborted | Code::Cancelled, _) => {
            E::PeerUnavailable { peer: PEER }
        }
        (code, reason) => unexpected(format!("{code:?} / {}", reason.unwrap_or("no reason"))),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "used as `.map_err(unexpected)`")]
fn unexpected(answer: impl ToString) -> SchedulingError {
    SchedulingError::Peer { peer: PEER, answer: answer.to_string() }
}
