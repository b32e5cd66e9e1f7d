//! A city in which a bill can be paid: a clinic, an insured resident, a released policy, a bank.

use std::time::Duration;

use chassis::channel::Channel;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use proto::anjia::adjudication::v1 as adjudication;
use proto::anjia::adjudication::v1::adjudication_service_client::AdjudicationServiceClient;
use proto::anjia::common::v1 as common;
use proto::anjia::identity::v1 as identity;
use proto::anjia::identity::v1::delegation_service_client::DelegationServiceClient;
use proto::anjia::payment::v1 as pb;
use proto::anjia::payment::v1::authorise_bill_request::Basis;
use proto::anjia::payment::v1::bank_service_client::BankServiceClient;
use proto::anjia::payment::v1::bill_service_client::BillServiceClient;
use proto::anjia::scheduling::v1 as scheduling;
use proto::anjia::scheduling::v1::visit_service_client::VisitServiceClient;
use proto::convert::{to_date, to_money, to_timestamp};
use testkit::{Mesh, TestCaller, callers, request_id};
use tonic::Status;
use types::clock::{Clock as _, SystemClock, local_date};
use types::ids::{JourneyId, ResidentId};
use types::national_id::NationalId;

use crate::city::POLICY;

pub(crate) const ITEM: &str = "T-COVERED";
pub(crate) const NAME: &str = "陈测试";
/// A saga that goes well takes a tenth of a second; this is for a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct World {
    pub(crate) mesh: Mesh,
    pub(crate) national_id: NationalId,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(&[]).await
    }

    pub(crate) async fn with(settings: &[(&str, &str)]) -> Self {
        Self::under(POLICY, settings).await
    }

    /// The same, insured by another policy.
    pub(crate) async fn under(policy: &str, settings: &[(&str, &str)]) -> Self {
        let mesh = Mesh::start_with(&["scheduling", "adjudication", "payment"], settings).await;
        let born = NaiveDate::from_ymd_opt(1950, 3, 1).expect("a date");
        let world = Self { mesh, national_id: testkit::national_id(born) };
        world.organisation(callers::CLINIC, identity::OrganisationKind::Provider, "9199000000000001").await;
        world.organisation(callers::BANK, identity::OrganisationKind::Bank, "9199000000000003").await;
        world.register(resident(), &world.national_id.clone()).await;
        world.enrol().await;
        world.policy(policy).await;
        world
    }

    pub(crate) fn caller(&self, client_id: &str) -> TestCaller {
        self.mesh.caller(client_id)
    }

    pub(crate) fn bills(&self) -> BillServiceClient<Channel> {
        BillServiceClient::new(self.mesh.channel("payment"))
    }

    pub(crate) fn banks(&self) -> BankServiceClient<Channel> {
        BankServiceClient::new(self.mesh.channel("payment"))
    }

    /// Grants the resident a line of this limit.
    pub(crate) async fn line(&self, limit: &str) -> pb::CreditLine {
        self.grant("bank", self.grant_request(limit)).await.expect("granted")
    }

    pub(crate) fn grant_request(&self, limit: &str) -> pb::GrantCreditLineRequest {
        pb::GrantCreditLineRequest {
            request_id: request_id(),
            credit_line_id: String::new(),
            national_id: self.national_id.expose().to_owned(),
            name: NAME.to_owned(),
            agreement_sha256: "ab".repeat(32),
            limit: Some(money(limit)),
            until: Some(to_timestamp(SystemClock.now() + TimeDelta::days(365))),
        }
    }

    pub(crate) async fn grant(
        &self,
        bank: &str,
        message: pb::GrantCreditLineRequest,
    ) -> Result<pb::CreditLine, Status> {
        let request = self.caller(bank).request(message).await;
        Ok(self.banks().grant_credit_line(request).await?.into_inner().credit_line.unwrap_or_default())
    }

    pub(crate) async fn line_now(&self, line: &pb::CreditLine) -> pb::CreditLine {
        let message = pb::GetCreditLineRequest { credit_line_id: line.credit_line_id.clone() };
        let request = self.caller("bank").request(message).await;
        self.banks().get_credit_line(request).await.expect("ours").into_inner().credit_line.unwrap_or_default()
    }

    /// What care at the clinic is expected to cost the resident.
    pub(crate) async fn quote(&self, amount: &str) -> String {
        self.quote_for("", amount).await
    }

    /// The same, for an appointment.
    pub(crate) async fn quote_for(&self, appointment_id: &str, amount: &str) -> String {
        let message = adjudication::QuoteCareRequest {
            request_id: request_id(),
            resident_id: resident().to_string(),
            provider_organisation_id: callers::CLINIC.to_string(),
            kind: common::CareKind::Outpatient.into(),
            on: Some(to_date(local_date(SystemClock.now()))),
            lines: vec![common::ExpectedLine {
                item_code: ITEM.to_owned(),
                quantity: "1".to_owned(),
                unit_price: amount.to_owned(),
            }],
            appointment_id: appointment_id.to_owned(),
            ..Default::default()
        };
        let request = self.caller("resident").request(message).await;
        let answer = self.adjudication().quote_care(request).await.expect("priced").into_inner();
        answer.quote.unwrap_or_default().quote_id
    }

    /// A visit at the clinic, over and divided.
    pub(crate) async fn settlement(&self, amount: &str) -> adjudication::Settlement {
        let visit = self.visit().await;
        let message = adjudication::DivideClaimRequest {
            request_id: request_id(),
            visit_id: visit,
            diagnoses: vec![common::Diagnosis { icd10_code: "I10.x00".to_owned(), name: "高血压".to_owned() }],
            lines: vec![adjudication::ClaimLine {
                item_code: ITEM.to_owned(),
                quantity: "1".to_owned(),
                unit_price: amount.to_owned(),
                amount: Some(money(amount)),
                on: Some(to_date(local_date(moment_ago()))),
            }],
            total: Some(money(amount)),
            ..Default::default()
        };
        let request = self.caller("clinic").request(message).await;
        let answer = self.adjudication().divide_claim(request).await.expect("divided").into_inner();
        answer.settlement.unwrap_or_default()
    }

    pub(crate) async fn authorise(&self, client: &str, message: pb::AuthoriseBillRequest) -> Result<pb::Bill, Status> {
        self.authorise_as(&self.caller(client), message).await
    }

    pub(crate) async fn authorise_as(
        &self,
        caller: &TestCaller,
        message: pb::AuthoriseBillRequest,
    ) -> Result<pb::Bill, Status> {
        let request = caller.request(message).await;
        Ok(self.bills().authorise_bill(request).await?.into_inner().bill.unwrap_or_default())
    }

    pub(crate) async fn capture(&self, client: &str, bill_id: &str) -> Result<pb::Bill, Status> {
        let message = pb::CaptureBillRequest { request_id: request_id(), bill_id: bill_id.to_owned() };
        let request = self.caller(client).request(message).await;
        Ok(self.bills().capture_bill(request).await?.into_inner().bill.unwrap_or_default())
    }

    pub(crate) async fn cancel(&self, client: &str, bill_id: &str) -> Result<Option<pb::Bill>, Status> {
        let message = pb::CancelBillRequest {
            request_id: request_id(),
            bill_id: bill_id.to_owned(),
            resident_id: resident().to_string(),
        };
        let request = self.caller(client).request(message).await;
        Ok(self.bills().cancel_bill(request).await?.into_inner().bill)
    }

    pub(crate) async fn bill(&self, bill_id: &str) -> pb::Bill {
        let message = pb::GetBillRequest { bill_id: bill_id.to_owned() };
        let request = self.caller("resident").request(message).await;
        self.bills().get_bill(request).await.expect("the resident's own").into_inner().bill.unwrap_or_default()
    }

    /// Waits until the bill stands so.
    pub(crate) async fn until(&self, bill_id: &str, state: pb::BillState) -> pb::Bill {
        self.until_bill(bill_id, |bill| bill.state() == state).await
    }

    pub(crate) async fn until_bill(&self, bill_id: &str, is_so: impl Fn(&pb::Bill) -> bool) -> pb::Bill {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let bill = self.bill(bill_id).await;
            if is_so(&bill) {
                return bill;
            }
            assert!(tokio::time::Instant::now() < deadline, "the bill is still {bill:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) async fn orders(&self) -> Vec<pb::BankOrder> {
        let request = self.caller("bank").request(pb::QueryOrdersRequest::default()).await;
        self.banks().query_orders(request).await.expect("the bank may ask").into_inner().orders
    }

    pub(crate) async fn report(&self, message: pb::ReportOrderRequest) -> Result<pb::BankOrder, Status> {
        let request = self.caller("bank").request(message).await;
        Ok(self.banks().report_order(request).await?.into_inner().order.unwrap_or_default())
    }

    /// Balance of all accounts of a kind.
    pub(crate) async fn balance(&self, kind: &str) -> String {
        let mut owner = self.mesh.owner("payment").await;
        sqlx::query_scalar(
            "SELECT coalesce(sum(balance), 0)::numeric(16,2)::text FROM account_balances WHERE kind = $1",
        )
        .bind(kind)
        .fetch_one(&mut owner)
        .await
        .expect("the view is there")
    }

    /// How often it was told that this happened to a bill.
    pub(crate) async fn told(&self, bill_id: &str, what: &str) -> i64 {
        let mut owner = self.mesh.owner("payment").await;
        sqlx::query_scalar("SELECT count(*) FROM events WHERE subject = $1 AND kind = $2")
            .bind(bill_id)
            .bind(format!("anjia.payment.bill.{what}.v1"))
            .fetch_one(&mut owner)
            .await
            .expect("counted")
    }

    /// How many entries of the audit say so of the resident: what they are shown of who looked.
    pub(crate) async fn looked(&self, action: &str) -> i64 {
        let mut owner = self.mesh.owner("payment").await;
        sqlx::query_scalar("SELECT count(*) FROM audit_entries WHERE action = $1 AND resident_id = $2")
            .bind(action)
            .bind(resident().uuid())
            .fetch_one(&mut owner)
            .await
            .expect("counted")
    }

    /// I2, I3, I4 and I6, as the database sees them.
    pub(crate) async fn invariants_hold(&self) {
        let mut owner = self.mesh.owner("payment").await;
        let violations: Vec<(String, Option<uuid::Uuid>)> =
            sqlx::query_as("SELECT violation, row_id FROM payment_violations")
                .fetch_all(&mut owner)
                .await
                .expect("the view");
        assert_eq!(violations, []);
    }

    /// Lets the clinic's worker act for the resident.
    pub(crate) async fn delegate(&self, action: identity::DelegatedAction) -> TestCaller {
        self.delegate_of(resident(), &self.caller("resident"), action).await
    }

    /// Lets the clinic's worker act for somebody.
    pub(crate) async fn delegate_of(
        &self,
        grantor: ResidentId,
        caller: &TestCaller,
        action: identity::DelegatedAction,
    ) -> TestCaller {
        self.delegate_within(grantor, caller, action, None).await.0
    }

    /// The same within limits; also the delegation.
    pub(crate) async fn delegate_within(
        &self,
        grantor: ResidentId,
        caller: &TestCaller,
        action: identity::DelegatedAction,
        limits: Option<identity::DelegationLimits>,
    ) -> (TestCaller, types::ids::DelegationId) {
        self.delegate_to("worker", grantor, caller, action, limits).await
    }

    /// The same of somebody else.
    pub(crate) async fn delegate_to(
        &self,
        client: &str,
        grantor: ResidentId,
        caller: &TestCaller,
        action: identity::DelegatedAction,
        limits: Option<identity::DelegationLimits>,
    ) -> (TestCaller, types::ids::DelegationId) {
        let delegate = self.caller(client);
        let message = identity::GrantDelegationRequest {
            request_id: request_id(),
            resident_id: grantor.to_string(),
            delegate: delegate.party().to_owned(),
            basis: identity::DelegationBasis::Granted.into(),
            actions: vec![action.into()],
            until: Some(to_timestamp(SystemClock.now() + TimeDelta::days(30))),
            evidence: "SELF".to_owned(),
            limits,
            ..Default::default()
        };
        let request = caller.request(message).await;
        let mut delegations = DelegationServiceClient::new(self.mesh.channel("identity"));
        let granted = delegations.grant_delegation(request).await.expect("the resident may grant it").into_inner();
        let id = granted.delegation.unwrap_or_default().delegation_id.parse().expect("an id");
        (delegate.acting_for(grantor, id), id)
    }

    pub(crate) fn adjudication(&self) -> AdjudicationServiceClient<Channel> {
        AdjudicationServiceClient::new(self.mesh.channel("adjudication"))
    }

    async fn visit(&self) -> String {
        let visits = VisitServiceClient::new(self.mesh.channel("scheduling"));
        let message = scheduling::CheckInRequest {
            request_id: request_id(),
            resident_id: resident().to_string(),
            kind: common::CareKind::Outpatient.into(),
            provider_organisation_id: callers::CLINIC.to_string(),
            present: scheduling::Present::Self_.into(),
            identity_proof: scheduling::IdentityProof::IdCard.into(),
            credential: Some(testkit::id_card(&self.national_id)),
            occurred_at: Some(to_timestamp(moment_ago())),
            journey_id: JourneyId::generate().to_string(),
            ..Default::default()
        };
        let request = self.caller("clinic").request(message).await;
        let opened = visits.clone().check_in(request).await.expect("the patient is there").into_inner();
        let visit_id = opened.visit.unwrap_or_default().visit_id;
        let message = scheduling::EndVisitRequest {
            request_id: request_id(),
            visit_id: visit_id.clone(),
            outcome: scheduling::VisitOutcome::Completed.into(),
            occurred_at: Some(to_timestamp(moment_ago())),
            reason: String::new(),
        };
        let request = self.caller("clinic").request(message).await;
        visits.clone().end_visit(request).await.expect("the visit is open");
        visit_id
    }
}

pub(crate) fn resident() -> ResidentId {
    ResidentId::from_uuid(callers::RESIDENT)
}

pub(crate) fn on_quote(quote_id: &str, payers: Vec<pb::Share>) -> pb::AuthoriseBillRequest {
    authorisation(Basis::QuoteId(quote_id.to_owned()), payers)
}

pub(crate) fn on_settlement(settlement: &adjudication::Settlement, payers: Vec<pb::Share>) -> pb::AuthoriseBillRequest {
    authorisation(Basis::SettlementId(settlement.settlement_id.clone()), payers)
}

fn authorisation(basis: Basis, payers: Vec<pb::Share>) -> pb::AuthoriseBillRequest {
    pb::AuthoriseBillRequest { request_id: request_id(), bill_id: String::new(), basis: Some(basis), payers }
}

pub(crate) fn credit(line: &pb::CreditLine, amount: &str) -> pb::Share {
    let credit_line_id = line.credit_line_id.clone();
    pb::Share { payer: pb::Payer::Credit.into(), amount: Some(money(amount)), credit_line_id }
}

pub(crate) fn share(payer: pb::Payer, amount: &str) -> pb::Share {
    pb::Share { payer: payer.into(), amount: Some(money(amount)), credit_line_id: String::new() }
}

pub(crate) fn succeeded(order: &pb::BankOrder) -> pb::ReportOrderRequest {
    pb::ReportOrderRequest {
        request_id: request_id(),
        order_id: order.order_id.clone(),
        outcome: pb::OrderState::Succeeded.into(),
        amount: order.amount.clone(),
        bank_reference: "BANK-1".to_owned(),
        occurred_at: Some(to_timestamp(moment_ago())),
    }
}

pub(crate) fn money(amount: &str) -> proto::google::r#type::Money {
    to_money(amount.parse().expect("an amount"))
}

/// An amount on the wire, as text.
pub(crate) fn text(amount: Option<&proto::google::r#type::Money>) -> String {
    proto::convert::money("amount", amount).expect("an amount").to_string()
}

/// Who pays how much, in words.
pub(crate) fn shares(bill: &pb::Bill) -> Vec<(pb::Payer, String)> {
    bill.shares.iter().map(|share| (share.payer(), text(share.amount.as_ref()))).collect()
}

pub(crate) fn moment_ago() -> DateTime<Utc> {
    SystemClock.now() - TimeDelta::milliseconds(50)
}
