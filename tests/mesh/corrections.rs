//! What becomes of money that was paid when a status turns out late: every book says the same, to the fen.

use mesh_tests::{City, Patient, assert_invariants};
use proto::anjia::identity::v1::vulnerability_service_client::VulnerabilityServiceClient;
use proto::anjia::identity::v1::{SetFlagRequest, VulnerabilityFlag, VulnerabilityKind};
use proto::anjia::payment::v1::{Bill, BillState, GetReceiptRequest, Payer, Receipt};
use proto::google::r#type::Date;
use sqlx::{Connection, PgConnection};
use testkit::request_id;

use crate::faults::{report_orders, terminal};

/// Half of what is billed above 100; critical illness insurance and medical assistance, of which 低保 has more.
const LAYERS: &str = include_str!("../../services/adjudication/tests/it/layers.json");

#[tokio::test]
async fn ad_03_py_06_a_status_that_turns_out_late_moves_the_money_in_every_book() {
    let city = City::start_under(LAYERS).await;
    let patient = city.patient().await;
    let visit = city.visit(&patient).await;
    let settlement = city.settlement(&visit, "40100.00").await;
    let bill = city.authorise(&patient, &settlement).await.expect("the bill is authorised");
    city.capture(&bill).await.expect("the capture begins");
    let look = async || city.bill(&patient, &bill.bill_id).await;
    let captured = terminal(look, |bill| bill.state() == BillState::Captured).await;
    report_orders(&city).await;
    let expected = [("POOLED_FUND", "20000.00"), ("CRITICAL_ILLNESS_FUND", "60.00"), ("CREDIT", "20040.00")];
    assert_eq!(shares(&captured), expected.map(owned));
    assert_invariants(&city.mesh).await;

    // She has received the minimum living allowance for years, as it turns out.
    receives_allowance(&city, &patient).await;
    let look = async || city.bill(&patient, &bill.bill_id).await;
    let corrected = terminal(look, |bill| bill.correction == 1).await;
    let expected = [
        ("POOLED_FUND", "20000.00"),
        ("CRITICAL_ILLNESS_FUND", "6565.00"),
        ("ASSISTANCE_FUND", "9474.50"),
        ("CREDIT", "4060.50"),
    ];
    assert_eq!(shares(&corrected), expected.map(owned));
    assert_ne!(corrected.settlement_id, captured.settlement_id);
    let receipt = receipt(&city, &patient, &corrected).await;
    assert_eq!((&receipt.shares, &receipt.corrects_receipt_id), (&corrected.shares, &captured.receipt_id));

    // The bank puts back what was too much.
    report_orders(&city).await;
    let url = &city.mesh.fleet().database("payment").expect("it is there").owner;
    let mut owner = PgConnection::connect(url).await.expect("its owner connects");
    let balances: Vec<(String, String)> = sqlx::query_as(
        "SELECT kind, balance::text FROM account_balances WHERE balance <> 0 ORDER BY array_position(ARRAY['POOLED_FUND', \
         'CRITICAL_ILLNESS_FUND', 'ASSISTANCE_FUND', 'BANK_CLEARING', 'PROVIDER_PAID'], kind)",
    )
    .fetch_all(&mut owner)
    .await
    .expect("the books");
    let expected = [
        ("POOLED_FUND", "20000.00"),
        ("CRITICAL_ILLNESS_FUND", "6565.00"),
        ("ASSISTANCE_FUND", "9474.50"),
        ("BANK_CLEARING", "4060.50"),
        ("PROVIDER_PAID", "-40100.00"),
    ];
    assert_eq!(balances, expected.map(owned));
    assert_invariants(&city.mesh).await;
}

fn owned((who, amount): (&str, &str)) -> (String, String) {
    (who.to_owned(), amount.to_owned())
}

fn shares(bill: &Bill) -> Vec<(String, String)> {
    let named = |payer: Payer| payer.as_str_name().trim_start_matches("PAYER_").to_owned();
    let amount = |amount| proto::convert::money("amount", amount).expect("an amount").to_string();
    bill.shares.iter().map(|share| (named(share.payer()), amount(share.amount.as_ref()))).collect()
}

async fn receives_allowance(city: &City, patient: &Patient) {
    let flag = VulnerabilityFlag {
        resident_id: patient.id.to_string(),
        kind: VulnerabilityKind::LowIncome.into(),
        document_reference: "低保证 2020-001".to_owned(),
        from: Some(Date { year: 2020, month: 1, day: 1 }),
        ..VulnerabilityFlag::default()
    };
    let request = city.caller("operator").request(SetFlagRequest { request_id: request_id(), flag: Some(flag) }).await;
    VulnerabilityServiceClient::new(city.channel("identity")).set_flag(request).await.expect("no such flag yet");
}

async fn receipt(city: &City, patient: &Patient, bill: &Bill) -> Receipt {
    let request = patient.caller.request(GetReceiptRequest { receipt_id: bill.receipt_id.clone() }).await;
    city.bills().get_receipt(request).await.expect("hers").into_inner().receipt.expect("a receipt")
}
