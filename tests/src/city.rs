//! A city: the five services as `anjia up` starts them, two providers, a bank, an insurer, and Beijing's policy in force.

use std::collections::BTreeMap;

use chassis::channel::Channel;
use devstack::Mesh;
use devstack::callers::{self, BANK, CLINIC, DOCTOR, HOSPITAL, INSURER, REGION, SPECIALIST, WORKER};
use proto::anjia::adjudication::v1::policy_service_client::PolicyServiceClient;
use proto::anjia::adjudication::v1::provider_payment_service_client::ProviderPaymentServiceClient;
use proto::anjia::adjudication::v1::{
    CatalogueItem, ProposePaymentTermsRequest, ProposePolicyRequest, PutCatalogueRequest, ReleasePaymentTermsRequest,
    ReleasePolicyRequest,
};
use proto::anjia::common::v1::{CatalogueClass, Tier};
use proto::anjia::identity::v1::organisation_service_client::OrganisationServiceClient;
use proto::anjia::identity::v1::{
    Department, Organisation, OrganisationKind, Practitioner, RegisterOrganisationRequest, RegisterPractitionerRequest,
};
use proto::google::r#type::Date;
use testkit::{TestCaller, request_id};
use types::credit_code::CreditCode;
use uuid::{Uuid, uuid};

use crate::{ITEM_IN_SCOPE, ITEM_OWN, place};

pub(crate) const CARDIOLOGY: Uuid = uuid!("01930000-0000-7000-8000-00000000d001");
const POLICY: &str = include_str!("../../services/adjudication/policies/beijing-employee.json");
/// All care is paid as it is billed.
pub const TERMS: &str = include_str!("../../services/adjudication/payment-terms/fee-for-service.json");
const POLICY_FROM: Date = Date { year: 2023, month: 1, day: 1 };

/// Everything in it dies when it is dropped.
pub struct City {
    pub mesh: Mesh,
    callers: BTreeMap<String, TestCaller>,
}

impl City {
    /// Organisations, their staff, a policy and a catalogue; no residents and no places yet.
    pub async fn start() -> Self {
        Self::in_mesh(testkit::whole_mesh().await).await
    }

    /// The same, insured by another policy.
    pub async fn start_under(policy: &str) -> Self {
        Self::founded(testkit::whole_mesh().await, policy).await
    }

    /// The same in a mesh that has just started.
    pub async fn in_mesh(mesh: Mesh) -> Self {
        Self::founded(mesh, POLICY).await
    }

    async fn founded(mesh: Mesh, policy: &str) -> Self {
        let callers = callers::all().into_iter().map(|client| {
            let caller = testkit::caller_in(&mesh, &client.client_id);
            (client.client_id, caller)
        });
        let city = Self { callers: callers.collect(), mesh };
        city.organisations().await;
        city.staff().await;
        city.policy(policy).await;
        city
    }

    /// A caller of the journey by its client id, such as `worker`.
    pub fn caller(&self, client_id: &str) -> &TestCaller {
        &self.callers[client_id]
    }

    /// A channel to a service, for its generated clients. It stays good while the service is killed and started again.
    pub fn channel(&self, service: &str) -> Channel {
        self.mesh.fleet().channel(service).expect("a service of the mesh")
    }

    /// `kill -9`.
    pub fn kill(&mut self, service: &str) {
        self.mesh.fleet_mut().kill(service).expect("it runs");
    }

    /// Starts a service that was killed, on the ports it had, and waits until it is ready.
    pub async fn start_again(&mut self, service: &str) {
        self.mesh.fleet_mut().start(service).await.expect("it starts again");
    }

    async fn organisations(&self) {
        let clinic =
            provider(CLINIC, "展览路社区卫生服务中心", "12110000400000001", Tier::Community, (39.93, 116.34), vec![]);
        let hospital = provider(
            HOSPITAL,
            "安贞三级医院",
            "12110000400000002",
            Tier::Tertiary,
            (39.97, 116.40),
            vec![cardiology()],
        );
        let bank = organisation(BANK, OrganisationKind::Bank, "示范银行", "91110000400000003");
        let insurer = organisation(INSURER, OrganisationKind::Insurer, "市医疗保险事务中心", "12110000400000004");
        let mut organisations = OrganisationServiceClient::new(self.channel("identity"));
        for organisation in [clinic, hospital, bank, insurer] {
            let message = RegisterOrganisationRequest { request_id: request_id(), organisation: Some(organisation) };
            let request = self.caller("operator").request(message).await;
            organisations.register_organisation(request).await.expect("an organisation is registered");
        }
    }

    async fn staff(&self) {
        let mut organisations = OrganisationServiceClient::new(self.channel("identity"));
        let staff = [
            (WORKER, CLINIC, "李社区", "社区健康员", vec![]),
            (DOCTOR, CLINIC, "王全科", "主治医师", vec![]),
            (SPECIALIST, HOSPITAL, "赵心内", "主任医师", vec![CARDIOLOGY.to_string()]),
        ];
        for (id, organisation, name, title, department_ids) in staff {
            let practitioner = Practitioner {
                practitioner_id: id.to_string(),
                organisation_id: organisation.to_string(),
                name: name.to_owned(),
                title: title.to_owned(),
                department_ids,
            };
            let message = RegisterPractitionerRequest { request_id: request_id(), practitioner: Some(practitioner) };
            let request = self.caller("operator").request(message).await;
            organisations.register_practitioner(request).await.expect("a practitioner is registered");
        }
    }

    /// Puts [`TERMS`] into force: from then on a payment is expected with every division.
    pub async fn payment_terms(&self) {
        let mut payments = ProviderPaymentServiceClient::new(self.channel("adjudication"));
        let terms_id = Uuid::now_v7().to_string();
        let proposal = ProposePaymentTermsRequest {
            request_id: request_id(),
            terms_id: terms_id.clone(),
            document_json: TERMS.to_owned(),
        };
        let request = self.caller("insurer-proposer").request(proposal).await;
        payments.propose_payment_terms(request).await.expect("the terms are proposed");
        let release = ReleasePaymentTermsRequest { request_id: request_id(), terms_id };
        let request = self.caller("insurer-releaser").request(release).await;
        payments.release_payment_terms(request).await.expect("the terms are released");
    }

    async fn policy(&self, document: &str) {
        let mut policies = PolicyServiceClient::new(self.channel("adjudication"));
        let policy_id = Uuid::now_v7().to_string();
        let proposal = ProposePolicyRequest {
            request_id: request_id(),
            policy_id: policy_id.clone(),
            document_json: document.to_owned(),
        };
        let request = self.caller("insurer-proposer").request(proposal).await;
        policies.propose_policy(request).await.expect("the policy is proposed");
        let release = ReleasePolicyRequest { request_id: request_id(), policy_id };
        let request = self.caller("insurer-releaser").request(release).await;
        policies.release_policy(request).await.expect("the policy is released");
        let catalogue = PutCatalogueRequest {
            request_id: request_id(),
            region_code: REGION.to_owned(),
            effective_from: Some(POLICY_FROM),
            items: vec![item(ITEM_IN_SCOPE, CatalogueClass::A), item(ITEM_OWN, CatalogueClass::C)],
        };
        let request = self.caller("insurer-proposer").request(catalogue).await;
        policies.put_catalogue(request).await.expect("the catalogue is put");
    }
}

fn organisation(id: Uuid, kind: OrganisationKind, name: &str, code_body: &str) -> Organisation {
    let credit_code = CreditCode::with_check_character(code_body).expect("a body of seventeen characters");
    Organisation {
        organisation_id: id.to_string(),
        kind: kind.into(),
        name: name.to_owned(),
        credit_code: credit_code.to_string(),
        region_code: REGION.to_owned(),
        ..Organisation::default()
    }
}

fn provider(
    id: Uuid,
    name: &str,
    code_body: &str,
    tier: Tier,
    at: (f64, f64),
    departments: Vec<Department>,
) -> Organisation {
    Organisation {
        tier: tier.into(),
        place: Some(place(at.0, at.1)),
        designated_from: Some(POLICY_FROM),
        departments,
        ..organisation(id, OrganisationKind::Provider, name, code_body)
    }
}

fn cardiology() -> Department {
    Department {
        department_id: CARDIOLOGY.to_string(),
        code: "0302".to_owned(),
        name: "心血管内科".to_owned(),
        capabilities: vec!["I25".to_owned()],
    }
}

fn item(code: &str, class: CatalogueClass) -> CatalogueItem {
    CatalogueItem {
        item_code: code.to_owned(),
        name: format!("示范项目 {code}"),
        catalogue_class: class.into(),
        first_self_pay_ratio: String::new(),
        price_limit: None,
    }
}
