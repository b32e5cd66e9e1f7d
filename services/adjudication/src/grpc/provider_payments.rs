use chassis::{Context, error};
use drg::{Explanation, Group as DrgGroup};
use postgres::Call;
use prost::Message as _;
use proto::anjia::adjudication::v1 as message;
use proto::anjia::adjudication::v1::provider_payment_service_server::ProviderPaymentService;
use proto::anjia::adjudication::v1::{
    ExpectCapitationRequest, ExpectCapitationResponse, GetPaymentTermsRequest, GetPaymentTermsResponse,
    GetProviderPaymentRequest, GetProviderPaymentResponse, GroupRecordRequest, GroupRecordResponse,
    ListPaymentTermsRequest, ListPaymentTermsResponse, ListProviderPaymentsRequest, ListProviderPaymentsResponse,
    PaymentTerms, ProposePaymentTermsRequest, ProposePaymentTermsResponse, ReleasePaymentTermsRequest,
    ReleasePaymentTermsResponse,
};
use proto::anjia::common::v1 as common;
use proto::convert as wire;
use proto::convert::{to_date, to_money, to_scheme, to_timestamp};
use tonic::{Request, Response, Status};
use types::money::Money;

use super::case_record;
use super::convert::{page, proposal};
use super::encode::localized;
use super::policies::answer;
use crate::app::App;
use crate::domain::document::{State, Version};
use crate::domain::provider_payment::capitation;
use crate::domain::provider_payment::expected::{Amounts, Origin};
use crate::domain::provider_payment::payment::{ProviderPayment, Standing};
use crate::domain::provider_payment::steps::Step;
use crate::domain::provider_payment::{Method, PaymentTerms as Terms};

const PROPOSE: &str = "anjia.adjudication.v1.ProviderPaymentService/ProposePaymentTerms";
const RELEASE: &str = "anjia.adjudication.v1.ProviderPaymentService/ReleasePaymentTerms";

/// `ProviderPaymentService`.
pub(super) struct ProviderPayments(pub(super) App);

#[tonic::async_trait]
impl ProviderPaymentService for ProviderPayments {
    async fn propose_payment_terms(
        &self,
        request: Request<ProposePaymentTermsRequest>,
    ) -> Result<Response<ProposePaymentTermsResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call = Call::new(&ctx.caller, PROPOSE, &message, |version| proposed(version).encode_to_vec())
            .map_err(error::invalid)?;
        let proposal = proposal("terms_id", &message.terms_id, &message.document_json).map_err(error::invalid)?;
        let reply = self.0.propose(&ctx, &call, proposal).await?;
        answer(reply.into_message(|version| proposed(&version)))
    }

    async fn release_payment_terms(
        &self,
        request: Request<ReleasePaymentTermsRequest>,
    ) -> Result<Response<ReleasePaymentTermsResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call = Call::new(&ctx.caller, RELEASE, &message, |version| released(version).encode_to_vec())
            .map_err(error::invalid)?;
        let id = wire::id("terms_id", &message.terms_id).map_err(error::invalid)?;
        let reply = self.0.release(&ctx, &call, id).await?;
        answer(reply.into_message(|version| released(&version)))
    }

    async fn get_payment_terms(
        &self,
        request: Request<GetPaymentTermsRequest>,
    ) -> Result<Response<GetPaymentTermsResponse>, Status> {
        let ctx = Context::of(&request)?;
        let id = wire::id("terms_id", &request.get_ref().terms_id).map_err(error::invalid)?;
        let version = self.0.document(&ctx, id).await?;
        Ok(Response::new(GetPaymentTermsResponse { terms: Some(terms(&version)) }))
    }

    async fn list_payment_terms(
        &self,
        request: Request<ListPaymentTermsRequest>,
    ) -> Result<Response<ListPaymentTermsResponse>, Status> {
        let ctx = Context::of(&request)?;
        let page = page(request.get_ref().page.as_ref(), b"payment-terms").map_err(error::invalid)?;
        let page = self.0.documents(&ctx, page).await?;
        let listed = |version| PaymentTerms { document_json: String::new(), ..terms(version) };
        Ok(Response::new(ListPaymentTermsResponse {
            terms: page.items.iter().map(listed).collect(),
            next_page_token: page.next_page_token,
        }))
    }

    async fn get_provider_payment(
        &self,
        request: Request<GetProviderPaymentRequest>,
    ) -> Result<Response<GetProviderPaymentResponse>, Status> {
        let ctx = Context::of(&request)?;
        let id = wire::id("settlement_id", &request.get_ref().settlement_id).map_err(error::invalid)?;
        let found = self.0.provider_payment(&ctx, id).await?;
        Ok(Response::new(GetProviderPaymentResponse { payment: Some(payment(&found)) }))
    }

    async fn list_provider_payments(
        &self,
        request: Request<ListProviderPaymentsRequest>,
    ) -> Result<Response<ListProviderPaymentsResponse>, Status> {
        let ctx = Context::of(&request)?;
        let list = case_record::payments(request.get_ref()).map_err(error::invalid)?;
        let page = self.0.provider_payments(&ctx, list).await?;
        Ok(Response::new(ListProviderPaymentsResponse {
            payments: page.items.iter().map(|found| payment(found)).collect(),
            next_page_token: page.next_page_token,
        }))
    }

    async fn expect_capitation(
        &self,
        request: Request<ExpectCapitationRequest>,
    ) -> Result<Response<ExpectCapitationResponse>, Status> {
        let ctx = Context::of(&request)?;
        let asked = case_record::heads(request.get_ref()).map_err(error::invalid)?;
        let year = self.0.expect_capitation(&ctx, asked).await?;
        let months = (1..=12).map(|month| to_money(capitation::of_month(year, month)));
        Ok(Response::new(ExpectCapitationResponse { year: Some(to_money(year)), months: months.collect() }))
    }

    async fn group_record(
        &self,
        request: Request<GroupRecordRequest>,
    ) -> Result<Response<GroupRecordResponse>, Status> {
        Context::of(&request)?;
        let asked = case_record::group(request.get_ref()).map_err(error::invalid)?;
        let tables = self.0.tables(&asked.version)?;
        let group = grouped(&tables.explain(&asked.record), asked.version, tables.digest());
        Ok(Response::new(GroupRecordResponse { group: Some(group) }))
    }
}

fn proposed(version: &Version<Terms>) -> ProposePaymentTermsResponse {
    ProposePaymentTermsResponse { terms: Some(terms(version)) }
}

fn released(version: &Version<Terms>) -> ReleasePaymentTermsResponse {
    ReleasePaymentTermsResponse { terms: Some(terms(version)) }
}

fn terms(version: &Version<Terms>) -> PaymentTerms {
    let terms = &version.content;
    let release = version.released();
    PaymentTerms {
        terms_id: version.id.to_string(),
        region_code: terms.region.to_string(),
        scheme: to_scheme(terms.scheme),
        name: Some(localized(&terms.name)),
        effective_from: Some(to_date(terms.effective_from)),
        effective_until: terms.effective_to.map(to_date),
        document_json: version.text.clone(),
        digest: version.digest.clone(),
        state: match version.state {
            State::Proposed => message::PolicyState::Proposed,
            State::Released(_) => message::PolicyState::Released,
            State::Superseded(_) => message::PolicyState::Superseded,
        }
        .into(),
        proposed_by: version.proposed_by.to_string(),
        released_by: release.map(|release| release.by.to_string()).unwrap_or_default(),
        released_at: release.map(|release| to_timestamp(release.at)),
        demonstration: terms.demonstration,
    }
}

fn payment(payment: &ProviderPayment) -> message::ProviderPayment {
    let group = payment.group.as_ref();
    let (tables_version, tables_digest) = group.and_then(|group| group.tables.clone()).unwrap_or_default();
    let amount = |amount: fn(&Amounts) -> Money| payment.amounts.as_ref().map(|amounts| to_money(amount(amounts)));
    message::ProviderPayment {
        settlement_id: payment.settlement.to_string(),
        claim_id: payment.claim.to_string(),
        resident_id: payment.resident.to_string(),
        provider_organisation_id: payment.provider.to_string(),
        method: method(payment.method).into(),
        group_code: group.map(|group| group.code.clone()).unwrap_or_default(),
        group_of_claim: group.is_some_and(|group| group.origin == Origin::Claim),
        tables_version,
        tables_digest,
        decided: payment.amounts.is_some(),
        gross: amount(|amounts| amounts.gross),
        own_share: amount(|amounts| amounts.own),
        floor: amount(|amounts| amounts.floor),
        adjustment: amount(|amounts| amounts.adjustment),
        fund: amount(|amounts| amounts.fund),
        explanation: payment.steps.iter().map(step).collect(),
        terms_id: payment.terms.to_string(),
        terms_digest: payment.terms_digest.clone(),
        expected_at: Some(to_timestamp(payment.expected_at)),
        settlement_state: standing(payment.standing).into(),
    }
}

const fn method(method: Method) -> message::PaymentMethod {
    match method {
        Method::FeeForService => message::PaymentMethod::FeeForService,
        Method::Drg => message::PaymentMethod::Drg,
        Method::Dip => message::PaymentMethod::Dip,
        Method::Capitation => message::PaymentMethod::Capitation,
        Method::PerUnit => message::PaymentMethod::PerUnit,
        Method::Mixture => message::PaymentMethod::Mixture,
    }
}

const fn standing(standing: Standing) -> message::SettlementState {
    match standing {
        Standing::Divided { .. } => message::SettlementState::Divided,
        Standing::Confirmed => message::SettlementState::Confirmed,
        Standing::Reversed => message::SettlementState::Reversed,
        Standing::Corrected => message::SettlementState::Corrected,
        Standing::Lapsed => message::SettlementState::Lapsed,
    }
}

fn step(step: &Step) -> message::PaymentStep {
    message::PaymentStep {
        rule: step.rule.as_str().to_owned(),
        amount: Some(to_money(step.amount)),
        path: step.path.clone(),
        sources: step.sources.iter().map(localized).collect(),
        text: Some(localized(&step.text)),
    }
}

fn grouped(explained: &Explanation<'_>, version: String, digest: &str) -> message::GroupedRecord {
    let (mdc, adrg, name) = match explained.group {
        DrgGroup::Grouped { mdc, adrg, name, .. } => (mdc, adrg, name),
        DrgGroup::Ungroupable => ("", "", ""),
    };
    let steps = explained.steps.iter().map(|step| common::Localized { zh: step.zh(), en: step.en() });
    message::GroupedRecord {
        mdc_code: mdc.to_owned(),
        adrg_code: adrg.to_owned(),
        drg_code: explained.group.code().to_owned(),
        name: name.to_owned(),
        steps: steps.collect(),
        tables_version: version,
        tables_digest: digest.to_owned(),
    }
}
