//! The world before the journey: organisations, staff, the patient and her cover, the policy, the catalogue, places to book.

use anyhow::{Context, Result};
use devstack::callers::{self, DOCTOR, PROPOSER, RELEASER, RESIDENT, SPECIALIST, WORKER};
use proto::anjia::adjudication::v1::{ProposePolicyRequest, PutCatalogueRequest, ReleasePolicyRequest};
use proto::anjia::common::v1::Scheme;
use proto::anjia::identity::v1::{
    self as identity, AllianceKind, CoverLayer, EnrolResidentRequest, Enrolment, FormAllianceRequest,
    JoinAllianceRequest, OrganisationKind, RegisterOrganisationRequest, RegisterPractitionerRequest,
    RegisterResidentRequest,
};
use proto::convert::to_date;
use uuid::Uuid;

use super::calendar::Calendar;
use super::callers::{Stage, request_id};
use super::cast::{self, BANK, CARDIAC_SURGERY, CLINIC, GENERAL_PRACTICE, HOSPITAL, INSURER, Organisation};
use super::lines;
use super::story::{Story, both};

/// The real parameters, as they can be proposed on any mesh.
const POLICY: &str = include_str!("../../../adjudication/policies/beijing-employee.json");
const ALLIANCE: &str = "枫林医联体";

pub(crate) async fn register(stage: &Stage, story: &mut Story, calendar: &Calendar) -> Result<()> {
    for organisation in [&CLINIC, &HOSPITAL, &BANK, &INSURER] {
        register_organisation(stage, calendar, organisation).await?;
    }
    form_alliance(stage, calendar).await?;
    let staff = [
        (WORKER, callers::CLINIC, "worker", None),
        (DOCTOR, callers::CLINIC, "clinic", Some(GENERAL_PRACTICE)),
        (SPECIALIST, callers::HOSPITAL, "hospital", Some(CARDIAC_SURGERY)),
        (PROPOSER, callers::INSURER, "insurer-proposer", None),
        (RELEASER, callers::INSURER, "insurer-releaser", None),
    ];
    for (id, organisation, client_id, department) in staff {
        register_practitioner(stage, id, organisation, client_id, department).await?;
    }
    let places =
        format!("registers {}, {}, a bank, an insurer and their staff", both(CLINIC.name), both(HOSPITAL.name));
    story.act(&stage.operator, &places);
    register_patient(stage, calendar).await?;
    story.act(&stage.worker, "registers Chen Xiulan, 72, by her national ID card");
    enrol_patient(stage, calendar).await?;
    story.act(&stage.proposer, "enrols her in the employee scheme of Beijing (110000) as a retired person");
    put_rules(stage, calendar).await?;
    story.act(&stage.proposer, "proposes Beijing's employee policy, and puts the catalogue");
    story.act(&stage.releaser, "releases the policy: never the officer who proposed it");
    Ok(())
}

async fn register_organisation(stage: &Stage, calendar: &Calendar, known: &Organisation) -> Result<()> {
    let is_provider = known.kind == OrganisationKind::Provider;
    let departments = known.departments.iter().map(|department| identity::Department {
        department_id: department.id.to_string(),
        code: department.code.to_owned(),
        name: department.name.to_owned(),
        capabilities: department.capabilities.iter().map(ToString::to_string).collect(),
    });
    let organisation = identity::Organisation {
        organisation_id: known.id.to_string(),
        kind: known.kind.into(),
        name: known.name.zh.to_owned(),
        credit_code: known.credit_code()?.to_string(),
        tier: known.tier.into(),
        region_code: callers::REGION.to_owned(),
        place: known.place,
        designated_from: is_provider.then(|| to_date(calendar.first_of_january(5))),
        designated_until: None,
        departments: departments.collect(),
        ..identity::Organisation::default()
    };
    let request = RegisterOrganisationRequest { request_id: request_id(), organisation: Some(organisation) };
    let register = async |request| stage.organisations().register_organisation(request).await;
    stage.operator.call("RegisterOrganisation", request, register).await?;
    Ok(())
}

/// The hospital leads, the clinic joins.
async fn form_alliance(stage: &Stage, calendar: &Calendar) -> Result<()> {
    let from = Some(to_date(calendar.first_of_january(5)));
    let request = FormAllianceRequest {
        request_id: request_id(),
        alliance_id: String::new(),
        name: ALLIANCE.to_owned(),
        kind: AllianceKind::Medical.into(),
        lead_organisation_id: HOSPITAL.id.to_string(),
        from,
    };
    let form = async |request| stage.alliances().form_alliance(request).await;
    let formed = stage.operator.call("FormAlliance", request, form).await?;
    let request = JoinAllianceRequest {
        request_id: request_id(),
        alliance_id: formed.alliance.context("an alliance was formed, but not answered")?.alliance_id,
        organisation_id: CLINIC.id.to_string(),
        from,
    };
    let join = async |request| stage.alliances().join_alliance(request).await;
    stage.operator.call("JoinAlliance", request, join).await?;
    Ok(())
}

async fn register_practitioner(
    stage: &Stage,
    id: Uuid,
    organisation: Uuid,
    client_id: &str,
    department: Option<Uuid>,
) -> Result<()> {
    let (name, function) = cast::caller(client_id);
    let practitioner = identity::Practitioner {
        practitioner_id: id.to_string(),
        organisation_id: organisation.to_string(),
        name: name.zh.to_owned(),
        title: function.zh.to_owned(),
        department_ids: department.iter().map(Uuid::to_string).collect(),
    };
    let request = RegisterPractitionerRequest { request_id: request_id(), practitioner: Some(practitioner) };
    let register = async |request| stage.organisations().register_practitioner(request).await;
    stage.operator.call("RegisterPractitioner", request, register).await?;
    Ok(())
}

async fn register_patient(stage: &Stage, calendar: &Calendar) -> Result<()> {
    let request = RegisterResidentRequest {
        request_id: request_id(),
        resident_id: RESIDENT.to_string(),
        national_id: cast::national_id(calendar.birth_date())?.expose().to_owned(),
        name: cast::PATIENT.zh.to_owned(),
        mobile: String::new(),
        region_code: callers::REGION.to_owned(),
        community: cast::COMMUNITY.to_owned(),
        ..RegisterResidentRequest::default()
    };
    let register = async |request| stage.residents().register_resident(request).await;
    stage.worker.call("RegisterResident", request, register).await?;
    Ok(())
}

async fn enrol_patient(stage: &Stage, calendar: &Calendar) -> Result<()> {
    let enrolment = Enrolment {
        enrolment_id: String::new(),
        resident_id: RESIDENT.to_string(),
        scheme: Scheme::Employee.into(),
        insured_region_code: callers::REGION.to_owned(),
        layer: CoverLayer::Basic.into(),
        payer_organisation_id: String::new(),
        from: Some(to_date(calendar.first_of_january(12))),
        until: None,
        retired: true,
        ..Enrolment::default()
    };
    let request = EnrolResidentRequest { request_id: request_id(), enrolment: Some(enrolment) };
    let enrol = async |request| stage.enrolments().enrol_resident(request).await;
    stage.proposer.call("EnrolResident", request, enrol).await?;
    Ok(())
}

/// The policy in force and the catalogue of this year.
async fn put_rules(stage: &Stage, calendar: &Calendar) -> Result<()> {
    let proposal =
        ProposePolicyRequest { request_id: request_id(), policy_id: String::new(), document_json: POLICY.to_owned() };
    let propose = async |request| stage.policies().propose_policy(request).await;
    let policy = stage.proposer.call("ProposePolicy", proposal, propose).await?.policy;
    let policy = policy.context("a proposal without a policy")?;
    let release = ReleasePolicyRequest { request_id: request_id(), policy_id: policy.policy_id };
    let released = async |request| stage.policies().release_policy(request).await;
    stage.releaser.call("ReleasePolicy", release, released).await?;

    let catalogue = PutCatalogueRequest {
        request_id: request_id(),
        region_code: callers::REGION.to_owned(),
        effective_from: Some(to_date(calendar.first_of_january(0))),
        items: lines::catalogue(),
    };
    let put = async |request| stage.policies().put_catalogue(request).await;
    stage.proposer.call("PutCatalogue", catalogue, put).await?;
    Ok(())
}
