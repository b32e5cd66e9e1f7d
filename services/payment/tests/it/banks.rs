use devstack::callers::Client;
use proto::anjia::payment::v1::{self as pb, BillState, OrderState};
use proto::convert::to_timestamp;
use testkit::{reason, request_id};
use tonic::Code;
use types::clock::{Clock as _, SystemClock};
use types::ids::{CreditLineId, OrderId, OrganisationId};

use crate::world::{NAME, World, credit, money, on_settlement, succeeded, text};

async fn captured(world: &World, line: &pb::CreditLine, amount: &str) -> (pb::Bill, pb::BankOrder) {
    let settlement = world.settlement(amount).await;
    let payers = vec![credit(line, amount)];
    let bill = world.authorise("resident", on_settlement(&settlement, payers)).await.expect("authorised");
    world.capture("resident", &bill.bill_id).await.expect("begun");
    let bill = world.until(&bill.bill_id, BillState::Captured).await;
    let order = world.orders().await.into_iter().find(|order| order.bill_id == bill.bill_id);
    (bill, order.expect("the bank's order"))
}

#[tokio::test]
async fn py_05_a_line_is_granted_only_to_whom_the_bank_can_name() {
    let world = World::new().await;
    let good = world.grant_request("60000.00");
    for (wrong, code, expected) in [
        (pb::GrantCreditLineRequest { name: "王测试".into(), ..good.clone() }, Code::NotFound, "RESIDENT_NOT_FOUND"),
        (
            pb::GrantCreditLineRequest { national_id: "110105194912310021".into(), ..good.clone() },
            Code::InvalidArgument,
            "INVALID_NATIONAL_ID",
        ),
    ] {
        let status = world.grant("bank", wrong).await.expect_err("refused");
        assert_eq!((status.code(), reason(&status).as_str()), (code, expected));
    }
    let past = to_timestamp(SystemClock.now() - chrono::TimeDelta::days(1));
    for wrong in [
        pb::GrantCreditLineRequest { request_id: "1".into(), ..good.clone() },
        pb::GrantCreditLineRequest { credit_line_id: "1".into(), ..good.clone() },
        pb::GrantCreditLineRequest { name: String::new(), ..good.clone() },
        pb::GrantCreditLineRequest { agreement_sha256: "AB".repeat(32), ..good.clone() },
        pb::GrantCreditLineRequest { limit: None, ..good.clone() },
        pb::GrantCreditLineRequest { limit: Some(money("0.00")), ..good.clone() },
        pb::GrantCreditLineRequest { until: None, ..good.clone() },
        pb::GrantCreditLineRequest { until: Some(past), ..good.clone() },
    ] {
        let status = world.grant("bank", wrong.clone()).await.expect_err("refused");
        assert_eq!(status.code(), Code::InvalidArgument, "{:?}", wrong.agreement_sha256);
    }
    let first = world.grant("bank", good.clone()).await.expect("granted");
    assert_eq!(world.grant("bank", good).await.expect("answered again"), first);
    let taken = pb::GrantCreditLineRequest {
        request_id: request_id(),
        credit_line_id: first.credit_line_id,
        agreement_sha256: "cd".repeat(32),
        ..world.grant_request("1.00")
    };
    let refused = world.grant("bank", taken.clone()).await.expect_err("another line's id");
    assert_eq!(refused.code(), Code::InvalidArgument);
    let own = pb::GrantCreditLineRequest { request_id: request_id(), credit_line_id: String::new(), ..taken.clone() };
    world.grant("bank", own).await.expect("granted");
    let again = pb::GrantCreditLineRequest { request_id: request_id(), ..taken };
    let refused = world.grant("bank", again).await.expect_err("another line's id, though the agreement has a line");
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(!world.mesh.log("payment").contains(NAME), "no name in the log");
}

#[tokio::test]
async fn py_05_a_bank_sees_nothing_of_another() {
    let world = World::new().await;
    let line = world.line("1000.00").await;
    let (_, order) = captured(&world, &line, "24.00").await;
    let organisation = OrganisationId::generate().uuid();
    let other = Client::new("bank-two", "client:bank-two".to_owned(), Some(organisation), &["bank"]);
    let other = world.mesh.register(other).await;

    let request = other.request(pb::GetCreditLineRequest { credit_line_id: line.credit_line_id }).await;
    let foreign = world.banks().get_credit_line(request).await.expect_err("another bank's");
    assert_eq!((foreign.code(), reason(&foreign).as_str()), (Code::NotFound, "CREDIT_LINE_NOT_FOUND"));
    let request = other.request(succeeded(&order)).await;
    let foreign = world.banks().report_order(request).await.expect_err("another bank's");
    assert_eq!((foreign.code(), reason(&foreign).as_str()), (Code::NotFound, "ORDER_NOT_FOUND"));
    let request = other.request(pb::QueryOrdersRequest::default()).await;
    assert_eq!(world.banks().query_orders(request).await.expect("none").into_inner().orders, []);

    let nobodys = pb::GetCreditLineRequest { credit_line_id: CreditLineId::generate().to_string() };
    let request = world.caller("bank").request(nobodys).await;
    let unknown = world.banks().get_credit_line(request).await.expect_err("unknown");
    assert_eq!((unknown.code(), reason(&unknown).as_str()), (Code::NotFound, "CREDIT_LINE_NOT_FOUND"));
}

#[tokio::test]
async fn py_05_unknown_stays_open_and_the_first_word_that_counts_stands() {
    let world = World::new().await;
    let line = world.line("1000.00").await;
    let (bill, order) = captured(&world, &line, "24.00").await;
    let unknown = pb::ReportOrderRequest { outcome: OrderState::Unknown.into(), ..succeeded(&order) };
    assert_eq!(world.report(unknown).await.expect("taken").state(), OrderState::Unknown);
    assert_eq!(world.orders().await.len(), 1, "it still awaits a word");
    assert_eq!(world.bill(&bill.bill_id).await.state(), BillState::Captured);

    let dearer = pb::ReportOrderRequest { amount: Some(money("24.01")), ..succeeded(&order) };
    let differs = world.report(dearer).await.expect_err("another amount");
    assert_eq!((differs.code(), reason(&differs).as_str()), (Code::InvalidArgument, "AMOUNT_DIFFERS"));
    let future = to_timestamp(SystemClock.now() + chrono::TimeDelta::hours(1));
    for wrong in [
        pb::ReportOrderRequest { order_id: String::new(), ..succeeded(&order) },
        pb::ReportOrderRequest { outcome: OrderState::Sent.into(), ..succeeded(&order) },
        pb::ReportOrderRequest { bank_reference: String::new(), ..succeeded(&order) },
        pb::ReportOrderRequest { occurred_at: None, ..succeeded(&order) },
        pb::ReportOrderRequest { occurred_at: Some(future), ..succeeded(&order) },
    ] {
        assert_eq!(world.report(wrong).await.expect_err("malformed").code(), Code::InvalidArgument);
    }
    let nobodys = pb::ReportOrderRequest { order_id: OrderId::generate().to_string(), ..succeeded(&order) };
    let nobodys = world.report(nobodys).await.expect_err("unknown");
    assert_eq!((nobodys.code(), reason(&nobodys).as_str()), (Code::NotFound, "ORDER_NOT_FOUND"));

    for _ in 0..2 {
        let done = world.report(succeeded(&order)).await.expect("the same word again answers the same");
        assert_eq!((done.state(), done.bank_reference.as_str()), (OrderState::Succeeded, "BANK-1"));
    }
    let renamed = pb::ReportOrderRequest { bank_reference: "BANK-2".to_owned(), ..succeeded(&order) };
    let differs = world.report(renamed).await.expect_err("another reference");
    assert_eq!((differs.code(), reason(&differs).as_str()), (Code::InvalidArgument, "REFERENCE_DIFFERS"));
    let failed = pb::ReportOrderRequest { outcome: OrderState::Failed.into(), ..succeeded(&order) };
    let resolved = world.report(failed).await.expect_err("said otherwise before");
    assert_eq!((resolved.code(), reason(&resolved).as_str()), (Code::FailedPrecondition, "ORDER_RESOLVED"));
    assert_eq!(world.balance("BANK_CLEARING").await, "24.00", "cleared once");
    assert_eq!(world.orders().await, []);
    world.invariants_hold().await;
}

#[tokio::test]
async fn py_05_what_a_bank_declines_becomes_arrears_and_the_line_is_free_again() {
    let world = World::new().await;
    let line = world.line("1000.00").await;
    let (bill, order) = captured(&world, &line, "24.00").await;
    let failed = pb::ReportOrderRequest { outcome: OrderState::Failed.into(), ..succeeded(&order) };
    assert_eq!(world.report(failed).await.expect("taken").state(), OrderState::Failed);
    assert_eq!(world.bill(&bill.bill_id).await.state(), BillState::Captured);
    assert_eq!(
        (world.balance("ARREARS").await, world.balance("BANK_RECEIVABLE").await),
        ("24.00".into(), "0.00".into())
    );
    assert_eq!(text(world.line_now(&line).await.used.as_ref()), "0.00");
    world.invariants_hold().await;
}

#[tokio::test]
async fn py_05_orders_that_await_a_word_do_not_hide_later_ones() {
    let world = World::new().await;
    let line = world.line("1000.00").await;
    let (_, first) = captured(&world, &line, "24.00").await;
    let (_, second) = captured(&world, &line, "30.00").await;
    let ask = async |state: OrderState, after: &str| {
        let message = pb::QueryOrdersRequest { state: state.into(), limit: 1, after_order_id: after.to_owned() };
        let request = world.caller("bank").request(message).await;
        world.banks().query_orders(request).await.map(|answer| answer.into_inner().orders)
    };
    for state in [OrderState::Unspecified, OrderState::Sent] {
        assert_eq!(ask(state, "").await.expect("the oldest"), std::slice::from_ref(&first));
        assert_eq!(ask(state, &first.order_id).await.expect("the next"), std::slice::from_ref(&second));
        assert_eq!(ask(state, &second.order_id).await.expect("no more"), []);
    }
    assert_eq!(ask(OrderState::Failed, "").await.expect("none"), []);
    assert_eq!(ask(OrderState::Unspecified, "x").await.expect_err("malformed").code(), Code::InvalidArgument);
}
