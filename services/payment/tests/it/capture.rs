use proto::anjia::payment::v1::{self as pb, BillState, OrderState, Payer};
use testkit::{reason, request_id};
use tonic::Code;
use types::ids::BillId;

use crate::world::{World, credit, on_quote, on_settlement, share, succeeded, text};

#[tokio::test]
async fn py_01_fund_bank_and_desk_pay_and_the_provider_is_settled() {
    let world = World::new().await;
    let line = world.line("60000.00").await;
    let settlement = world.settlement("2300.00").await;
    let division = settlement.division.clone().unwrap_or_default();
    let own: types::money::Money = text(division.person_total.as_ref()).parse().expect("an amount");
    let desk: types::money::Money = "400.00".parse().expect("an amount");
    let on_credit = (own - desk).to_string();
    let payers = vec![credit(&line, &on_credit), share(Payer::Desk, "400.00")];
    let bill = world.authorise("resident", on_settlement(&settlement, payers)).await.expect("authorised");

    let capturing = world.capture("clinic", &bill.bill_id).await.expect("begun");
    assert_eq!(capturing.state(), BillState::Capturing);
    let captured = world.until(&bill.bill_id, BillState::Captured).await;
    assert!(captured.captured_at.is_some() && !captured.receipt_id.is_empty());
    let again = world.capture("clinic", &bill.bill_id).await.expect("done already");
    assert_eq!(again.state(), BillState::Captured);
    world.invariants_hold().await;
    assert_eq!(world.balance("POOLED_FUND").await, text(division.pooled_fund.as_ref()));
    assert_eq!(world.balance("BANK_RECEIVABLE").await, on_credit);
    assert_eq!(world.balance("PROVIDER_PAYABLE").await, "0.00");
    assert_eq!(world.balance("DESK_COLLECTED").await, "0.00");
    assert_eq!(world.balance("PROVIDER_PAID").await, "-1900.00");
    let drawn = world.line_now(&line).await;
    assert_eq!((text(drawn.used.as_ref()), text(drawn.held.as_ref())), (on_credit.clone(), "0.00".into()));

    let orders = world.orders().await;
    assert_eq!(orders.len(), 1);
    assert_eq!((orders[0].state(), text(orders[0].amount.as_ref())), (OrderState::Sent, on_credit.clone()));
    let done = world.report(succeeded(&orders[0])).await.expect("reported");
    assert_eq!(done.state(), OrderState::Succeeded);
    assert_eq!(world.bill(&bill.bill_id).await.state(), BillState::Settled);
    assert_eq!(world.balance("BANK_RECEIVABLE").await, "0.00");
    assert_eq!(world.balance("BANK_CLEARING").await, on_credit);
    world.invariants_hold().await;

    let late = world.cancel("resident", &bill.bill_id).await.expect_err("captured");
    assert_eq!((late.code(), reason(&late).as_str()), (Code::FailedPrecondition, "BILL_CAPTURED"));
}

#[tokio::test]
async fn py_01_a_bill_without_a_bank_settles_at_once() {
    let world = World::new().await;
    let settlement = world.settlement("240.00").await;
    let bill = world.authorise("clinic", on_settlement(&settlement, vec![])).await.expect("authorised");
    world.capture("clinic", &bill.bill_id).await.expect("begun");
    world.until(&bill.bill_id, BillState::Settled).await;
    assert_eq!(world.orders().await, []);
    for kind in ["captured", "settled"] {
        assert_eq!(world.told(&bill.bill_id, kind).await, 1, "{kind}");
    }
    world.invariants_hold().await;
}

#[tokio::test]
async fn py_01_a_patient_cannot_say_that_the_desk_was_paid() {
    let world = World::new().await;
    let settlement = world.settlement("240.00").await;
    let bill = world.authorise("resident", on_settlement(&settlement, vec![])).await.expect("authorised");
    let alone = world.capture("resident", &bill.bill_id).await.expect_err("nobody has collected it");
    assert_eq!((alone.code(), reason(&alone).as_str()), (Code::PermissionDenied, "OUTSIDE_SCOPE"));
    assert_eq!(world.bill(&bill.bill_id).await.state(), BillState::Authorised);
    world.capture("clinic", &bill.bill_id).await.expect("the clinic has");
    world.until(&bill.bill_id, BillState::Settled).await;
}

#[tokio::test]
async fn py_01_a_division_that_went_stale_leaves_the_bill_authorised() {
    let world = World::new().await;
    let line = world.line("1000.00").await;
    let (first, second) = (world.settlement("100.00").await, world.settlement("200.00").await);
    let stale =
        world.authorise("resident", on_settlement(&second, vec![credit(&line, "200.00")])).await.expect("authorised");
    let bill = world.authorise("resident", on_settlement(&first, vec![])).await.expect("authorised");
    world.capture("clinic", &bill.bill_id).await.expect("begun");
    world.until(&bill.bill_id, BillState::Settled).await;

    world.capture("resident", &stale.bill_id).await.expect("begun");
    let back = world.until(&stale.bill_id, BillState::Authorised).await;
    assert_eq!((text(world.line_now(&line).await.held.as_ref()), back.version), ("200.00".into(), 3));
    let mut owner = world.mesh.owner("payment").await;
    let ended: (String, String) = sqlx::query_as("SELECT state, last_refusal FROM captures WHERE bill_id = $1::uuid")
        .bind(&stale.bill_id)
        .fetch_one(&mut owner)
        .await
        .expect("its saga");
    assert_eq!(ended, ("COMPENSATED".to_owned(), "STALE_DIVISION".to_owned()));
    world.invariants_hold().await;
}

#[tokio::test]
async fn py_01_what_cannot_be_captured_is_refused() {
    let world = World::new().await;
    let unknown = world.capture("resident", &BillId::generate().to_string()).await.expect_err("unknown");
    assert_eq!((unknown.code(), reason(&unknown).as_str()), (Code::NotFound, "BILL_NOT_FOUND"));
    let malformed = world.capture("resident", "x").await.expect_err("malformed");
    assert_eq!(malformed.code(), Code::InvalidArgument);
    let quoted = world.authorise("resident", on_quote(&world.quote("24.00").await, vec![])).await.expect("authorised");
    let early = world.capture("clinic", &quoted.bill_id).await.expect_err("only quoted");
    assert_eq!((early.code(), reason(&early).as_str()), (Code::FailedPrecondition, "SETTLEMENT_MISSING"));
    world.cancel("resident", &quoted.bill_id).await.expect("cancelled");
    let late = world.capture("clinic", &quoted.bill_id).await.expect_err("cancelled");
    assert_eq!((late.code(), reason(&late).as_str()), (Code::FailedPrecondition, "BILL_NOT_AUTHORISED"));
}

#[tokio::test]
async fn i6_a_capture_survives_the_death_of_payment_and_the_absence_of_adjudication() {
    let mut world = World::with(&[("CAPTURE_LEASE_MS", "1000")]).await;
    let line = world.line("1000.00").await;
    let settlement = world.settlement("240.00").await;
    let payers = vec![credit(&line, "240.00")];
    let bill = world.authorise("resident", on_settlement(&settlement, payers)).await.expect("authorised");

    world.mesh.kill("adjudication");
    let request = pb::CaptureBillRequest { request_id: request_id(), bill_id: bill.bill_id.clone() };
    let sent = world.caller("resident").request(request.clone()).await;
    let first = world.bills().capture_bill(sent).await.expect("begun without adjudication").into_inner();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    world.mesh.kill("payment");
    world.mesh.start_again("adjudication").await;
    world.mesh.start_again("payment").await;

    world.until(&bill.bill_id, BillState::Captured).await;
    let sent = world.caller("resident").request(request).await;
    let replayed = world.bills().capture_bill(sent).await.expect("answered again").into_inner();
    assert_eq!(first, replayed, "the first answer, after a restart too");
    world.invariants_hold().await;
    assert_eq!(world.orders().await.len(), 1);
}
