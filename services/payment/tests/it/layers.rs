//! The funds above basic insurance pay shares of their own: on the bill, in the ledger, on the receipt.

use proto::anjia::identity::v1 as identity;
use proto::anjia::identity::v1::vulnerability_service_client::VulnerabilityServiceClient;
use proto::anjia::payment::v1::{BillState, Payer};
use proto::convert::to_date;
use testkit::{reason, request_id};
use tonic::Code;

use crate::receipts::receipt;
use crate::world::{World, credit, on_quote, on_settlement, resident, share, shares, text};

pub(crate) const LAYERS: &str = include_str!("../../../adjudication/tests/it/layers.json");

impl World {
    /// The resident receives the minimum living allowance (低保), under a policy with critical illness insurance and medical assistance.
    async fn assisted() -> Self {
        let world = Self::under(LAYERS, &[]).await;
        world.receives_allowance().await;
        world
    }

    /// Since years ago, as it turns out.
    pub(crate) async fn receives_allowance(&self) {
        let flag = identity::VulnerabilityFlag {
            resident_id: resident().to_string(),
            kind: identity::VulnerabilityKind::LowIncome.into(),
            document_reference: "低保证 2020-001".to_owned(),
            from: Some(to_date(chrono::NaiveDate::from_ymd_opt(2020, 1, 1).expect("a date"))),
            ..Default::default()
        };
        let message = identity::SetFlagRequest { request_id: request_id(), flag: Some(flag) };
        let request = self.caller("operator").request(message).await;
        let mut flags = VulnerabilityServiceClient::new(self.mesh.channel("identity"));
        flags.set_flag(request).await.expect("no such flag yet");
    }
}

#[tokio::test]
async fn ad_02_every_funds_share_reaches_the_bill_the_ledger_and_the_receipt() {
    let world = World::assisted().await;
    let line = world.line("5000.00").await;
    // From a quote the own share alone: what all four funds leave.
    let quoted = on_quote(&world.quote("40100.00").await, vec![credit(&line, "4060.50")]);
    let quoted = world.authorise("resident", quoted).await.expect("authorised");
    assert_eq!(shares(&quoted), [(Payer::Credit, "4060.50".to_owned())]);
    world.cancel("resident", &quoted.bill_id).await.expect("cancelled");

    let settlement = world.settlement("40100.00").await;
    let with_the_funds = on_settlement(&settlement, vec![share(Payer::Desk, "20100.00")]);
    let refused = world.authorise("resident", with_the_funds).await.expect_err("the funds pay most of it");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::InvalidArgument, "SHARE_MISMATCH"));
    let by_a_fund = on_settlement(&settlement, vec![share(Payer::AssistanceFund, "4060.50")]);
    let refused = world.authorise("resident", by_a_fund).await.expect_err("nobody names a fund");
    assert_eq!(refused.code(), Code::InvalidArgument);

    let payers = vec![credit(&line, "4000.00"), share(Payer::Desk, "60.50")];
    let bill = world.authorise("resident", on_settlement(&settlement, payers)).await.expect("authorised");
    world.capture("clinic", &bill.bill_id).await.expect("begun");
    let bill = world.until(&bill.bill_id, BillState::Captured).await;
    let expected = [
        (Payer::PooledFund, "20000.00"),
        (Payer::CriticalIllnessFund, "6565.00"),
        (Payer::AssistanceFund, "9474.50"),
        (Payer::Credit, "4000.00"),
        (Payer::Desk, "60.50"),
    ];
    assert_eq!(shares(&bill), expected.map(|(payer, amount)| (payer, amount.to_owned())));
    assert_eq!(text(bill.total.as_ref()), "40100.00");
    let held = receipt(&world, &bill.receipt_id).await.expect("the resident's own");
    assert_eq!((held.shares, held.total), (bill.shares, bill.total));

    world.invariants_hold().await;
    let kinds = ["POOLED_FUND", "LARGE_AMOUNT_FUND", "CRITICAL_ILLNESS_FUND", "ASSISTANCE_FUND", "BANK_RECEIVABLE"];
    let mut balances = Vec::new();
    for kind in kinds {
        balances.push(world.balance(kind).await);
    }
    assert_eq!(balances, ["20000.00", "0.00", "6565.00", "9474.50", "4000.00"]);
    assert_eq!(world.balance("PROVIDER_PAID").await, "-40039.50");
}
