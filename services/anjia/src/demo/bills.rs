//! A bill: shares reserved, captured, and settled once the bank has said that it paid.

use anyhow::{Context, Result};
use proto::anjia::adjudication::v1::Settlement;
use proto::anjia::payment::v1::authorise_bill_request::Basis;
use proto::anjia::payment::v1::{
    AuthoriseBillRequest, Bill, BillState, CaptureBillRequest, GetBillRequest, OrderState, Payer, QueryOrdersRequest,
    ReportOrderRequest, Share,
};
use proto::convert::{to_money, to_timestamp};
use types::clock::{Clock, SystemClock};
use types::money::Money;

use super::callers::{Caller, Stage, request_id};
use super::claims::Parts;
use super::story::Story;
use super::text::yuan;
use super::wait;

/// Who pays the person's own share.
pub(crate) enum OwnShare<'a> {
    Desk,
    Credit(&'a str),
}

/// Reserves the shares of a divided claim. A bill that reserved them from a quote goes on under its id.
pub(crate) async fn authorise(
    stage: &Stage,
    who: &Caller,
    bill_id: &str,
    settlement: &Settlement,
    own_share: OwnShare<'_>,
) -> Result<Bill> {
    let own = Parts::of(settlement.division.as_ref())?.person_total;
    let payers = match own_share {
        OwnShare::Desk => vec![],
        OwnShare::Credit(line) => {
            vec![Share { payer: Payer::Credit.into(), amount: Some(to_money(own)), credit_line_id: line.to_owned() }]
        }
    };
    let request = AuthoriseBillRequest {
        request_id: request_id(),
        bill_id: bill_id.to_owned(),
        basis: Some(Basis::SettlementId(settlement.settlement_id.clone())),
        payers,
    };
    let authorise = async |request| stage.bills().authorise_bill(request).await;
    let answer = who.call("AuthoriseBill", request, authorise).await?;
    answer.bill.context("an authorisation without a bill")
}

/// Captures the bill as the provider and waits until its shares are posted.
pub(crate) async fn capture(stage: &Stage, provider: &Caller, bill: &Bill) -> Result<Bill> {
    let request = CaptureBillRequest { request_id: request_id(), bill_id: bill.bill_id.clone() };
    let capture = async |request| stage.bills().capture_bill(request).await;
    provider.call("CaptureBill", request, capture).await?;
    reaches(stage, provider, &bill.bill_id, &[BillState::Captured, BillState::Settled]).await
}

/// Waits until the bill is in one of these states.
pub(crate) async fn reaches(stage: &Stage, who: &Caller, bill_id: &str, states: &[BillState]) -> Result<Bill> {
    wait::until("the next state of a bill", async || {
        let bill = get(stage, who, bill_id).await?;
        Ok(states.contains(&bill.state()).then_some(bill))
    })
    .await
}

pub(crate) async fn get(stage: &Stage, who: &Caller, bill_id: &str) -> Result<Bill> {
    let get = async |request| stage.bills().get_bill(request).await;
    let answer = who.call("GetBill", GetBillRequest { bill_id: bill_id.to_owned() }, get).await?;
    answer.bill.context("no bill")
}

/// The bank looks for its order for this bill, pays it and says so.
pub(crate) async fn bank_pays(stage: &Stage, story: &mut Story, bill: &Bill) -> Result<Money> {
    let query = async |request| stage.banking().query_orders(request).await;
    let order = wait::until("the bank's order", async || {
        let orders = stage.bank.call("QueryOrders", QueryOrdersRequest::default(), query).await?.orders;
        Ok(orders.into_iter().find(|order| order.bill_id == bill.bill_id))
    })
    .await?;
    let amount = proto::convert::money("amount", order.amount.as_ref())?;
    story.act(&stage.bank, &format!("finds its order, pays {} and reports so", yuan(amount)));
    let request = ReportOrderRequest {
        request_id: request_id(),
        bank_reference: format!("ANMIN-{}", order.order_id.get(..8).unwrap_or("1")),
        order_id: order.order_id,
        outcome: OrderState::Succeeded.into(),
        amount: order.amount,
        occurred_at: Some(to_timestamp(SystemClock.now())),
    };
    let report = async |request| stage.banking().report_order(request).await;
    stage.bank.call("ReportOrder", request, report).await?;
    Ok(amount)
}

/// What a payer pays of the bill.
pub(crate) fn share_of(bill: &Bill, payer: Payer) -> Result<Money> {
    let of_payer = bill.shares.iter().filter(|share| share.payer() == payer);
    let amounts: Vec<Money> =
        of_payer.map(|share| proto::convert::money("amount", share.amount.as_ref())).collect::<Result<_, _>>()?;
    Ok(amounts.into_iter().sum())
}

/// `SETTLED` for `BILL_STATE_SETTLED`.
pub(crate) fn state_word(bill: &Bill) -> &'static str {
    bill.state().as_str_name().trim_start_matches("BILL_STATE_")
}
