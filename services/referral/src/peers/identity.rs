use std::collections::BTreeSet;

use chassis::{Context, channel::Channel, error::reason};
use proto::{
    anjia::identity::v1::{
        self as wire, break_glass_service_client::BreakGlassServiceClient,
        consent_service_client::ConsentServiceClient, delegation_service_client::DelegationServiceClient,
        mandate_service_client::MandateServiceClient, organisation_service_client::OrganisationServiceClient,
    },
    convert::{self, FieldError},
};
use tonic::Status;
use types::{
    ids::{BreakGlassId, DelegationId, MandateId, OrganisationId, ReferralId, RequestId, ResidentId},
    place::Place,
    tier::Tier,
};

use super::{PAGE_SIZE, PAGES_MAX, Setback, broken, setback, translate};
use crate::domain::{
    ReferralError,
    acceptance::{Answer, Plan},
    care::DataKind,
    direction::covers,
    mandate::{Action, Payment},
    referral::VALIDITY,
};

const PEER: &str = "identity";

/// Identity: consents, delegations, providers.
#[derive(Clone)]
pub struct Identity {
    consents: ConsentServiceClient<Channel>,
    delegations: DelegationServiceClient<Channel>,
    break_glasses: BreakGlassServiceClient<Channel>,
    mandates: MandateServiceClient<Channel>,
    organisations: OrganisationServiceClient<Channel>,
}

/// A provider as referral needs to know it.
#[derive(Debug, Clone)]
pub struct Provider {
    pub id: OrganisationId,
    pub name: String,
    pub tier: Tier,
    pub place: Option<Place>,
    /// ICD-10 prefixes of all departments.
    capabilities: Vec<String>,
}

impl Provider {
    pub fn can_treat(&self, icd10_code: &str) -> bool {
        self.capabilities.iter().any(|capability| covers(capability, icd10_code))
    }
}

impl Identity {
    pub const CHECK_CONSENT: &str = "anjia.identity.v1.ConsentService/CheckConsent";
    pub const CHECK_DELEGATION: &str = "anjia.identity.v1.DelegationService/CheckDelegation";

    pub fn new(channel: Channel) -> Self {
        Self {
            consents: ConsentServiceClient::new(channel.clone()),
            delegations: DelegationServiceClient::new(channel.clone()),
            break_glasses: BreakGlassServiceClient::new(channel.clone()),
            mandates: MandateServiceClient::new(channel.clone()),
            organisations: OrganisationServiceClient::new(channel),
        }
    }

    /// The saga's consent step: the resident's consent for the target, and what their delegate may still do.
    pub async fn check_mandate(&self, ctx: &Context, plan: &Plan) -> Result<Answer, Setback> {
        let summary = BTreeSet::from([DataKind::Summary]);
        self.consent(ctx, plan.resident, plan.target, &summary).await.map_err(|status| setback(&status))?;
        if let Some(delegation) = plan.mandate.delegation {
            let delegate = plan.mandate.submitted_by.to_string();
            for action in plan.mandate.payment.actions() {
                let question = wire::CheckDelegationRequest {
                    delegate: delegate.clone(),
                    organisation_id: plan.target.to_string(),
                    care_kind: convert::to_care_kind(plan.kind),
                    ..asked(delegation, plan.resident, *action)
                };
                self.delegation(ctx, question).await.map_err(|status| setback(&status))?;
            }
        }
        Ok(Answer::Permitted)
    }

    /// Whether the target may see these kinds of the resident's data for a referral.
    pub async fn check_consent(
        &self,
        ctx: &Context,
        resident: ResidentId,
        target: OrganisationId,
        kinds: &BTreeSet<DataKind>,
    ) -> Result<(), ReferralError> {
        self.consent(ctx, resident, target, kinds).await.map_err(|status| translate(PEER, &status))
    }

    /// The opening in an emergency that lets an organisation read a person's records at this moment, if there is one.
    pub async fn open_glass(
        &self,
        ctx: &Context,
        resident: ResidentId,
        organisation: OrganisationId,
    ) -> Result<Option<BreakGlassId>, ReferralError> {
        let request = wire::CheckBreakGlassRequest {
            resident_id: resident.to_string(),
            organisation_id: organisation.to_string(),
        };
        match self.break_glasses.clone().check_break_glass(ctx.request(request)).await {
            Ok(answer) => {
                let opened = answer.into_inner().break_glass.unwrap_or_default();
                convert::id("break_glass_id", &opened.break_glass_id).map(Some).map_err(broken(PEER))
            }
            Err(status) if reason(&status).as_deref() == Some("BREAK_GLASS_NOT_OPEN") => Ok(None),
            Err(status) => Err(translate(PEER, &status)),
        }
    }

    /// Whether whoever acts may do this for the resident at this moment; with a provider, where one is concerned.
    pub async fn check_delegation(
        &self,
        ctx: &Context,
        (delegation, resident): (DelegationId, ResidentId),
        action: Action,
        with: Option<OrganisationId>,
    ) -> Result<(), ReferralError> {
        let organisation_id = with.map(|id| id.to_string()).unwrap_or_default();
        let question = wire::CheckDelegationRequest { organisation_id, ..asked(delegation, resident, action) };
        self.delegation(ctx, question).await.map_err(|status| translate(PEER, &status))
    }

    /// Records, with the token of who submits, what the acceptance of a referral may do in the resident's name: as long as it is valid.
    pub async fn record_mandate(
        &self,
        ctx: &Context,
        key: RequestId,
        (referral, resident): (ReferralId, ResidentId),
        payment: Payment,
    ) -> Result<MandateId, ReferralError> {
        let credit = match payment {
            Payment::Desk => None,
            Payment::Credit { line, own_share_max } => Some(wire::MandatedCredit {
                credit_line_id: line.to_string(),
                own_share_max: Some(convert::to_money(own_share_max)),
            }),
        };
        let request = wire::RecordMandateRequest {
            request_id: key.to_string(),
            mandate_id: String::new(),
            resident_id: resident.to_string(),
            work: format!("referral:{referral}"),
            credit,
            valid_days: i32::try_from(VALIDITY.num_days()).unwrap_or(i32::MAX),
        };
        let answer = self.mandates.clone().record_mandate(ctx.request(request)).await;
        let mandate = answer.map_err(|status| translate(PEER, &status))?.into_inner().mandate.unwrap_or_default();
        convert::id("mandate_id", &mandate.mandate_id).map_err(broken(PEER))
    }

    /// A provider of care.
    pub async fn provider(&self, ctx: &Context, id: OrganisationId) -> Result<Provider, ReferralError> {
        let request = wire::GetOrganisationRequest { organisation_id: id.to_string(), on: None };
        let answer = self
            .organisations
            .clone()
            .get_organisation(ctx.request(request))
            .await
            .map_err(|status| translate(PEER, &status))?
            .into_inner();
        let organisation = convert::required("organisation", answer.organisation.as_ref()).map_err(broken(PEER))?;
        if organisation.kind() != wire::OrganisationKind::Provider {
            return Err(ReferralError::OrganisationNotFound);
        }
        provider(organisation).map_err(broken(PEER))
    }

    /// Providers of the caller's region, all or those that can treat a diagnosis.
    pub async fn providers(&self, ctx: &Context, icd10_code: Option<&str>) -> Result<Vec<Provider>, ReferralError> {
        let mut found = Vec::new();
        let mut page_token = String::new();
        for _ in 0..PAGES_MAX {
            let request = wire::ListOrganisationsRequest {
                kind: wire::OrganisationKind::Provider.into(),
                tier: 0,
                capability: icd10_code.unwrap_or_default().to_owned(),
                page: Some(proto::anjia::common::v1::PageRequest { page_size: PAGE_SIZE, page_token }),
                region_code: String::new(),
                alliance_id: String::new(),
            };
            let answer = self
                .organisations
                .clone()
                .list_organisations(ctx.request(request))
                .await
                .map_err(|status| translate(PEER, &status))?
                .into_inner();
            for organisation in &answer.organisations {
                found.push(provider(organisation).map_err(broken(PEER))?);
            }
            page_token = answer.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        Ok(found)
    }

    async fn consent(
        &self,
        ctx: &Context,
        resident: ResidentId,
        target: OrganisationId,
        kinds: &BTreeSet<DataKind>,
    ) -> Result<(), Status> {
        let request = wire::CheckConsentRequest {
            resident_id: resident.to_string(),
            recipient_organisation_id: target.to_string(),
            purpose: wire::ConsentPurpose::Referral.into(),
            kinds: kinds.iter().map(|kind| to_data_kind(*kind).into()).collect(),
        };
        self.consents.clone().check_consent(ctx.request(request)).await.map(drop)
    }

    async fn delegation(&self, ctx: &Context, question: wire::CheckDelegationRequest) -> Result<(), Status> {
        self.delegations.clone().check_delegation(ctx.request(question)).await.map(drop)
    }
}

/// About whoever acts, with no provider.
fn asked(delegation: DelegationId, resident: ResidentId, action: Action) -> wire::CheckDelegationRequest {
    let action = match action {
        Action::Refer => wire::DelegatedAction::Refer,
        Action::Pay => wire::DelegatedAction::Pay,
        Action::View => wire::DelegatedAction::View,
    };
    wire::CheckDelegationRequest {
        delegation_id: delegation.to_string(),
        resident_id: resident.to_string(),
        action: action.into(),
        ..wire::CheckDelegationRequest::default()
    }
}

const fn to_data_kind(kind: DataKind) -> wire::HealthDataKind {
    match kind {
        DataKind::Summary => wire::HealthDataKind::Summary,
        DataKind::MentalHealth => wire::HealthDataKind::MentalHealth,
        DataKind::Hiv => wire::HealthDataKind::Hiv,
        DataKind::Reproductive => wire::HealthDataKind::Reproductive,
    }
}

fn provider(organisation: &wire::Organisation) -> Result<Provider, FieldError> {
    let departments = organisation.departments.iter();
    Ok(Provider {
        id: convert::id("organisation_id", &organisation.organisation_id)?,
        name: organisation.name.clone(),
        tier: convert::tier("tier", organisation.tier)?,
        place: organisation.place.as_ref().map(|place| convert::place("place", Some(place))).transpose()?,
        capabilities: departments.flat_map(|department| department.capabilities.iter().cloned()).collect(),
    })
}
