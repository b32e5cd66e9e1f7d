use chassis::{Context, channel::Channel};
use proto::{
    anjia::{
        adjudication::v1::{self as wire, adjudication_service_client::AdjudicationServiceClient},
        common::v1::PageRequest,
    },
    convert::{self, FieldError},
};
use tonic::Code;
use types::{
    clock::local_date,
    ids::{JourneyId, ResidentId},
};
use uuid::Uuid;

use chrono::{DateTime, Utc};

use super::{PAGE_SIZE, PAGES_MAX, Setback, broken, setback, translate, unreadable};
use crate::domain::{
    ReferralError,
    acceptance::{Answer, Call, Plan, request_id},
    journey::{Amounts, Milestone, Resource},
    refusal::Refusal,
};

const PEER: &str = "adjudication";

/// Adjudication: what care is expected to cost, and what it did cost.
#[derive(Clone)]
pub struct Adjudication {
    client: AdjudicationServiceClient<Channel>,
}

impl Adjudication {
    pub const QUOTE: &str = "anjia.adjudication.v1.AdjudicationService/QuoteCare";
    pub const GET_QUOTE: &str = "anjia.adjudication.v1.AdjudicationService/GetQuote";

    pub fn new(channel: Channel) -> Self {
        Self { client: AdjudicationServiceClient::new(channel) }
    }

    /// Prices the held place, along the referral chain.
    pub async fn quote(&self, ctx: &Context, plan: &Plan, on: DateTime<Utc>) -> Result<Answer, Setback> {
        let request = wire::QuoteCareRequest {
            request_id: request_id(plan.saga, Call::Quote { on }).to_string(),
            quote_id: plan.quote.to_string(),
            resident_id: plan.resident.to_string(),
            provider_organisation_id: plan.target.to_string(),
            kind: convert::to_care_kind(plan.kind),
            on: Some(convert::to_date(local_date(on))),
            lines: convert::to_expected_lines(&plan.lines),
            referral_id: plan.referral.to_string(),
            appointment_id: plan.appointment.to_string(),
            journey_id: plan.journey.to_string(),
        };
        let answer = self.client.clone().quote_care(ctx.request(request)).await.map_err(|status| {
            // It refuses for nothing but what is wrong with the lines.
            if status.code() == Code::InvalidArgument {
                return Setback::Refused(Refusal::PriceRefused);
            }
            setback(&status)
        })?;
        let quote = answer.into_inner().quote.unwrap_or_default();
        // What is to be paid in money: it is what the mandate bounds and a credit line is asked for.
        let share = |division: &wire::Division| {
            let cash = division.person_cash.as_ref().or(division.person_total.as_ref());
            convert::money("division.person_cash", cash)
        };
        let own_share = quote.division.as_ref().map(share).transpose().map_err(unreadable)?;
        Ok(Answer::Quoted { own_share })
    }

    /// A resident's settlements of one journey, and the amounts of those that are confirmed.
    pub async fn milestones(
        &self,
        ctx: &Context,
        resident: ResidentId,
        journey: JourneyId,
    ) -> Result<(Vec<Milestone>, Vec<Amounts>), ReferralError> {
        let journey = journey.to_string();
        let (mut milestones, mut amounts) = (Vec::new(), Vec::new());
        let mut page_token = String::new();
        for _ in 0..PAGES_MAX {
            let request = wire::ListClaimsRequest {
                resident_id: resident.to_string(),
                page: Some(PageRequest { page_size: PAGE_SIZE, page_token }),
            };
            let answer = self
                .client
                .clone()
                .list_claims(ctx.request(request))
                .await
                .map_err(|status| translate(PEER, &status))?
                .into_inner();
            let settled = |claim: &&wire::Claim| claim.journey_id == journey && !claim.settlement_id.is_empty();
            for claim in answer.claims.iter().filter(settled) {
                let settlement = self.settlement(ctx, &claim.settlement_id).await?;
                milestones.push(milestone(&settlement).map_err(broken(PEER))?);
                if settlement.state() == wire::SettlementState::Confirmed {
                    amounts.push(parts(&settlement).map_err(broken(PEER))?);
                }
            }
            page_token = answer.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        Ok((milestones, amounts))
    }

    async fn settlement(&self, ctx: &Context, id: &str) -> Result<wire::Settlement, ReferralError> {
        let request = wire::GetSettlementRequest { settlement_id: id.to_owned() };
        let answer = self
            .client
            .clone()
            .get_settlement(ctx.request(request))
            .await
            .map_err(|status| translate(PEER, &status))?;
        Ok(answer.into_inner().settlement.unwrap_or_default())
    }
}

fn milestone(settlement: &wire::Settlement) -> Result<Milestone, FieldError> {
    let at = settlement.confirmed_at.as_ref().or(settlement.divided_at.as_ref());
    Ok(Milestone {
        at: convert::timestamp("divided_at", at)?,
        resource: Resource::Settlement,
        id: convert::id::<Uuid>("settlement_id", &settlement.settlement_id)?,
        state: settlement.state().as_str_name().trim_start_matches("SETTLEMENT_STATE_").to_owned(),
        organisation: convert::optional_id("provider_organisation_id", &settlement.provider_organisation_id)?,
    })
}

fn parts(settlement: &wire::Settlement) -> Result<Amounts, FieldError> {
    let division = convert::required("division", settlement.division.as_ref())?;
    Ok(Amounts {
        billed: convert::money("division.total", division.total.as_ref())?,
        paid_by_funds: convert::money("division.fund_total", division.fund_total.as_ref())?,
        own_share: convert::money("division.person_total", division.person_total.as_ref())?,
    })
}
