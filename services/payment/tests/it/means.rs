//! What pays the person's share beside money stands on the bill by adjudication's word, and the person pays the rest.

use proto::anjia::adjudication::v1::CreditAccountRequest;
use proto::anjia::adjudication::v1::account_service_client::AccountServiceClient;
use proto::anjia::payment::v1::{AuthoriseBillRequest, BillState, Payer};
use proto::convert::to_money;
use testkit::{reason, request_id};
use tonic::Code;

use crate::receipts::receipt;
use crate::world::{World, credit, on_quote, on_settlement, resident, share, shares, text};

const MEANS: &str = include_str!("../../../adjudication/tests/it/means.json");

/// Puts so much on the resident's personal account.
async fn credited(world: &World, yuan: &str) {
    let message = CreditAccountRequest {
        request_id: request_id(),
        resident_id: resident().to_string(),
        amount: Some(to_money(yuan.parse().expect("an amount"))),
        reference: "2026-03".to_owned(),
    };
    let request = world.caller("insurer-proposer").request(message).await;
    let mut accounts = AccountServiceClient::new(world.mesh.channel("adjudication"));
    accounts.credit_account(request).await.expect("an employee");
}

#[tokio::test]
async fn ad_12_a_personal_account_pays_its_part_of_the_bill_and_the_rest_is_money() {
    let world = World::under(MEANS, &[]).await;
    credited(&world, "120.00").await;
    let line = world.line("5000.00").await;

    // Half of 400 is the person's; a quote asks a credit line for no more than the account leaves.
    let quoted = on_quote(&world.quote("400.00").await, vec![credit(&line, "80.00")]);
    let quoted = world.authorise("resident", quoted).await.expect("authorised");
    assert_eq!(shares(&quoted), [(Payer::Credit, "80.00".to_owned())]);
    world.cancel("resident", &quoted.bill_id).await.expect("cancelled");

    let settlement = world.settlement("400.00").await;
    let all = on_settlement(&settlement, vec![share(Payer::Desk, "200.00")]);
    let refused = world.authorise("resident", all).await.expect_err("the account pays most of it");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::InvalidArgument, "SHARE_MISMATCH"));
    let named = on_settlement(&settlement, vec![share(Payer::PersonalAccount, "80.00")]);
    let refused = world.authorise("resident", named).await.expect_err("nobody names an account");
    assert_eq!(refused.code(), Code::InvalidArgument);

    let payers = vec![credit(&line, "50.00"), share(Payer::Desk, "30.00")];
    let bill = world.authorise("resident", on_settlement(&settlement, payers)).await.expect("authorised");
    world.capture("clinic", &bill.bill_id).await.expect("begun");
    let bill = world.until(&bill.bill_id, BillState::Captured).await;
    let expected = [
        (Payer::PooledFund, "200.00"),
        (Payer::PersonalAccount, "120.00"),
        (Payer::Credit, "50.00"),
        (Payer::Desk, "30.00"),
    ];
    assert_eq!(shares(&bill), expected.map(|(payer, amount)| (payer, amount.to_owned())));
    assert_eq!(text(bill.total.as_ref()), "400.00");
    let held = receipt(&world, &bill.receipt_id).await.expect("the resident's own");
    assert_eq!((held.shares, held.total), (bill.shares, bill.total));
    world.invariants_hold().await;
    assert_eq!(world.balance("PERSONAL_ACCOUNT").await, "120.00");
    assert_eq!(world.balance("PROVIDER_PAID").await, "-370.00");
}

#[tokio::test]
async fn py_01_ad_12_who_has_nothing_left_to_pay_in_money_has_a_bill_all_the_same_and_it_is_settled_at_once() {
    let world = World::under(MEANS, &[]).await;
    credited(&world, "500.00").await;
    let quoted = world.authorise("resident", on_quote(&world.quote("400.00").await, vec![])).await.expect("legitimate");
    assert_eq!((shares(&quoted), text(quoted.total.as_ref())), (vec![], "0.00".to_owned()));

    let settlement = world.settlement("400.00").await;
    let settled = AuthoriseBillRequest { bill_id: quoted.bill_id, ..on_settlement(&settlement, vec![]) };
    let bill = world.authorise("resident", settled).await.expect("re-based");
    let expected = [(Payer::PooledFund, "200.00"), (Payer::PersonalAccount, "200.00")];
    assert_eq!(shares(&bill), expected.map(|(payer, amount)| (payer, amount.to_owned())));
    world.capture("clinic", &bill.bill_id).await.expect("begun");
    let bill = world.until(&bill.bill_id, BillState::Settled).await;
    assert_eq!(text(bill.total.as_ref()), "400.00");
    world.invariants_hold().await;
}
