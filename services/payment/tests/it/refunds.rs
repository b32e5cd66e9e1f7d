//! A bill that is taken back as a whole.

use proto::anjia::adjudication::v1 as adjudication;
use proto::anjia::payment::v1::{self as pb, BillState, OrderKind, OrderState, Payer, RefundReason};
use testkit::{reason, request_id};
use tonic::{Code, Status};
use types::ids::BillId;

use crate::corrected::number;
use crate::receipts::receipt;
use crate::world::{World, credit, on_settlement, share, succeeded, text};

impl World {
    async fn refund(&self, client: &str, bill_id: &str) -> Result<pb::Bill, Status> {
        let message = pb::RefundBillRequest {
            request_id: request_id(),
            bill_id: bill_id.to_owned(),
            reason: RefundReason::CareNotGiven.into(),
        };
        let request = self.caller(client).request(message).await;
        Ok(self.bills().refund_bill(request).await?.into_inner().bill.unwrap_or_default())
    }
}

#[tokio::test]
async fn py_06_a_bill_that_is_taken_back_goes_back_to_everybody_who_paid() {
    let world = World::new().await;
    let line = world.line("60000.00").await;
    let settlement = world.settlement("2300.00").await;
    let payers = vec![credit(&line, "1000.00"), share(Payer::Desk, "300.00"), share(Payer::Arrears, "100.00")];
    let bill = world.paid(&settlement, payers).await;
    let order = world.orders().await.remove(0);
    world.report(succeeded(&order)).await.expect("the bank pays");

    // However often and at once it is asked for.
    let (one, other) = tokio::join!(world.refund("clinic", &bill.bill_id), world.refund("clinic", &bill.bill_id));
    assert_eq!(
        (one.expect("taken back").bill_id, other.expect("taken back").bill_id),
        (bill.bill_id.clone(), bill.bill_id.clone())
    );
    let refunded = world.until(&bill.bill_id, BillState::Refunded).await;
    assert_eq!((refunded.shares.len(), text(refunded.total.as_ref()), refunded.correction), (0, "0.00".to_owned(), 1));
    assert_eq!(world.refund("clinic", &bill.bill_id).await.expect("it is").state(), BillState::Refunded);

    let kinds = ["POOLED_FUND", "ARREARS", "BANK_REFUNDABLE", "DESK_COLLECTED", "RESIDENT_REFUNDABLE", "PROVIDER_PAID"];
    assert_eq!(world.balances(&kinds).await, ["0.00", "0.00", "-1000.00", "300.00", "-300.00", "0.00"]);
    let refund = world.orders().await.remove(0);
    assert_eq!(refund.kind(), OrderKind::Refund);
    world.report(succeeded(&refund)).await.expect("put back");
    assert_eq!(text(world.line_now(&line).await.remaining.as_ref()), "60000.00");
    let last = receipt(&world, &refunded.receipt_id).await.expect("hers");
    assert_eq!((last.corrects_receipt_id, text(last.total.as_ref())), (bill.receipt_id, "0.00".to_owned()));
    let mut owner = world.mesh.owner("payment").await;
    assert_eq!(
        number(&mut owner, "SELECT count(*) FROM events WHERE kind = 'anjia.payment.bill.refunded.v1'").await,
        1
    );
    world.invariants_hold().await;

    let read = adjudication::GetSettlementRequest { settlement_id: settlement.settlement_id };
    let read = world.adjudication().get_settlement(world.caller("clinic").request(read).await).await;
    let taken_back = read.expect("the clinic's").into_inner().settlement.unwrap_or_default();
    assert_eq!(taken_back.state(), adjudication::SettlementState::Reversed);
}

#[tokio::test]
async fn py_06_a_corrected_bill_is_taken_back_from_where_its_correction_left_it() {
    let world = World::new().await;
    let settlement = world.settlement("2300.00").await;
    let bill = world.paid(&settlement, vec![]).await;
    world.correct(&settlement, "1500.00").await;
    let corrected = world.followed(&bill.bill_id, 1).await;
    world.refund("clinic", &bill.bill_id).await.expect("taken back");
    let refunded = world.until(&bill.bill_id, BillState::Refunded).await;
    assert_eq!((refunded.correction, refunded.settlement_id), (2, corrected.settlement_id));
    assert_eq!(text(refunded.desk_refund_due.as_ref()), "1400.00");
    assert_eq!(world.balances(&["POOLED_FUND", "RESIDENT_REFUNDABLE"]).await, ["0.00", "-1400.00"]);
    world.invariants_hold().await;
}

#[tokio::test]
async fn py_06_nothing_is_awaited_of_a_bill_that_its_bank_declined_and_that_is_taken_back() {
    let world = World::new().await;
    let line = world.line("60000.00").await;
    for is_declined_first in [true, false] {
        let settlement = world.settlement("240.00").await;
        let bill = world.paid(&settlement, vec![credit(&line, "240.00")]).await;
        let order = world.orders().await.remove(0);
        let declined = pb::ReportOrderRequest { outcome: OrderState::Failed.into(), ..succeeded(&order) };
        if is_declined_first {
            world.report(declined.clone()).await.expect("the bank's word");
        }
        world.refund("clinic", &bill.bill_id).await.expect("taken back");
        world.until(&bill.bill_id, BillState::Refunded).await;
        world.invariants_hold().await;
        if !is_declined_first {
            world.report(declined).await.expect("the bank's word");
        }
        assert_eq!(world.told(&bill.bill_id, "settled").await, 1);
        world.invariants_hold().await;
    }
    let mut owner = world.mesh.owner("payment").await;
    assert_eq!(number(&mut owner, "SELECT count(*) FROM bills WHERE state = 'SETTLED'").await, 2);
    assert_eq!(world.balances(&["ARREARS", "BANK_RECEIVABLE", "BANK_REFUNDABLE"]).await, ["0.00", "0.00", "0.00"]);
}

#[tokio::test]
async fn py_06_only_the_payee_takes_a_bill_back_and_only_a_captured_one() {
    let world = World::new().await;
    let settlement = world.settlement("240.00").await;
    let bill = world.authorise("clinic", on_settlement(&settlement, vec![])).await.expect("authorised");
    let early = world.refund("clinic", &bill.bill_id).await.expect_err("nothing was paid");
    assert_eq!((early.code(), reason(&early).as_str()), (Code::FailedPrecondition, "BILL_NOT_CAPTURED"));
    world.capture("clinic", &bill.bill_id).await.expect("begun");
    world.until(&bill.bill_id, BillState::Settled).await;
    let refused = world.refund("resident", &bill.bill_id).await.expect_err("the payee's word");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::PermissionDenied, "METHOD_NOT_PERMITTED"));
    let foreign = world.refund("hospital", &bill.bill_id).await.expect_err("another's");
    assert_eq!((foreign.code(), reason(&foreign).as_str()), (Code::PermissionDenied, "OUTSIDE_SCOPE"));
    let unknown = world.refund("clinic", &BillId::generate().to_string()).await.expect_err("none");
    assert_eq!((unknown.code(), reason(&unknown).as_str()), (Code::NotFound, "BILL_NOT_FOUND"));
    let silent = pb::RefundBillRequest { request_id: request_id(), bill_id: bill.bill_id.clone(), reason: 0 };
    let silent = world.bills().refund_bill(world.caller("clinic").request(silent).await).await.expect_err("why?");
    assert_eq!((silent.code(), reason(&silent).as_str()), (Code::InvalidArgument, "INVALID_FIELD"));

    let asked = pb::RefundBillRequest {
        request_id: request_id(),
        bill_id: bill.bill_id.clone(),
        reason: RefundReason::BilledWrong.into(),
    };
    let clinic = world.caller("clinic");
    let once = world.bills().refund_bill(clinic.request(asked.clone()).await).await.expect("taken back");
    world.until(&bill.bill_id, BillState::Refunded).await;
    let again = world.bills().refund_bill(clinic.request(asked).await).await.expect("the same answer");
    assert_eq!(once.into_inner(), again.into_inner());
    world.invariants_hold().await;
}

#[tokio::test]
async fn py_06_a_refund_outlives_the_death_of_whoever_was_asked() {
    let mut world = World::new().await;
    let settlement = world.settlement("240.00").await;
    let bill = world.paid(&settlement, vec![]).await;
    let message = adjudication::ReverseSettlementRequest {
        request_id: request_id(),
        settlement_id: settlement.settlement_id.clone(),
        bill_id: bill.bill_id.clone(),
        reason: adjudication::ChangeReason::ItemsReturned.into(),
    };
    // Adjudication has answered, and payment died before it could store an answer of its own.
    let request = world.caller("payment").request(message).await;
    world.mesh.kill("payment");
    world.adjudication().reverse_settlement(request).await.expect("it is in force");
    world.mesh.start_again("payment").await;
    world.until(&bill.bill_id, BillState::Refunded).await;
    assert_eq!(world.refund("clinic", &bill.bill_id).await.expect("asked again").state(), BillState::Refunded);
    world.invariants_hold().await;
}
