//! What a cashier takes and gives after the capture: arrears, and what was paid too much.

use chassis::channel::Channel;
use payment::app::OPEN;
use proto::anjia::payment::v1::desk_service_client::DeskServiceClient;
use proto::anjia::payment::v1::{self as pb, BillState, DeskMeans, OrderState, Payer, PayoutState};
use testkit::{TestCaller, callers, reason, request_id};
use tonic::{Code, Status};
use uuid::Uuid;

use crate::corrected::number;
use crate::receipts::{receipt, sealed};
use crate::world::{World, credit, money, resident, share, shares, succeeded, text};

impl World {
    pub(crate) fn desk(&self) -> DeskServiceClient<Channel> {
        DeskServiceClient::new(self.mesh.channel("payment"))
    }

    async fn collect(&self, client: &str, bill_id: &str, amount: &str) -> Result<pb::Bill, Status> {
        self.collect_as(client, cash(bill_id, amount)).await
    }

    async fn collect_as(&self, client: &str, message: pb::CollectArrearsRequest) -> Result<pb::Bill, Status> {
        self.collect_by(&self.caller(client), message).await
    }

    async fn collect_by(&self, caller: &TestCaller, message: pb::CollectArrearsRequest) -> Result<pb::Bill, Status> {
        let request = caller.request(message).await;
        Ok(self.desk().collect_arrears(request).await?.into_inner().bill.unwrap_or_default())
    }

    pub(crate) async fn open(&self, client: &str, bill_id: &str, amount: &str) -> Result<pb::Payout, Status> {
        let message = pb::OpenPayoutRequest {
            request_id: request_id(),
            bill_id: bill_id.to_owned(),
            amount: Some(money(amount)),
            means: DeskMeans::Cash.into(),
            ..Default::default()
        };
        let request = self.caller(client).request(message).await;
        Ok(self.desk().open_payout(request).await?.into_inner().payout.unwrap_or_default())
    }

    pub(crate) async fn witness(
        &self,
        caller: &TestCaller,
        payout_id: &str,
        amount: &str,
    ) -> Result<pb::Payout, Status> {
        let message = pb::WitnessPayoutRequest {
            request_id: request_id(),
            payout_id: payout_id.to_owned(),
            amount: Some(money(amount)),
        };
        let request = caller.request(message).await;
        Ok(self.desk().witness_payout(request).await?.into_inner().payout.unwrap_or_default())
    }

    /// Another one of the clinic's desk.
    pub(crate) async fn colleague(&self) -> TestCaller {
        let party = Uuid::now_v7();
        let client = callers::Client::practitioner("clinic-colleague", party, callers::CLINIC, &["clinic_clerk"]);
        self.mesh.register(client).await
    }
}

fn cash(bill_id: &str, amount: &str) -> pb::CollectArrearsRequest {
    pb::CollectArrearsRequest {
        request_id: request_id(),
        bill_id: bill_id.to_owned(),
        amount: Some(money(amount)),
        means: DeskMeans::Cash.into(),
        reference: String::new(),
    }
}

pub(crate) fn refused(status: &Status) -> (Code, String) {
    (status.code(), reason(status))
}

#[tokio::test]
async fn py_02_who_was_treated_first_pays_later_at_the_desk() {
    let world = World::new().await;
    // 900 by the fund, 1,400 by her: 1,000 at once.
    let settlement = world.settlement("2300.00").await;
    let payers = vec![share(Payer::Desk, "1000.00"), share(Payer::Arrears, "400.00")];
    let bill = world.paid(&settlement, payers).await;
    assert_eq!(text(bill.arrears_due.as_ref()), "400.00");
    let first = receipt(&world, &bill.receipt_id).await.expect("hers");

    let message = cash(&bill.bill_id, "150.00");
    let once = world.collect_as("clinic", message.clone()).await.expect("taken");
    assert_eq!(world.collect_as("clinic", message).await.expect("the same answer"), once);
    let own = [(Payer::PooledFund, "900.00"), (Payer::Desk, "1150.00"), (Payer::Arrears, "250.00")];
    assert_eq!(shares(&once), own.map(|(payer, amount)| (payer, amount.to_owned())));
    assert_eq!((text(once.arrears_due.as_ref()), once.correction), ("250.00".to_owned(), 1));
    assert_eq!(world.balances(&["ARREARS", "DESK_COLLECTED", "PROVIDER_PAID"]).await, ["250.00", "0.00", "-1150.00"]);
    let second = sealed(&world, &once.receipt_id).await;
    assert_eq!((&second.corrects_receipt_id, &second.shares), (&first.receipt_id, &once.shares));
    world.invariants_hold().await;

    let above = world.collect("clinic", &bill.bill_id, "250.01").await.expect_err("more than is owed");
    assert_eq!(refused(&above), (Code::FailedPrecondition, "ABOVE_DUE".to_owned()));
    let card = pb::CollectArrearsRequest { means: DeskMeans::Card.into(), ..cash(&bill.bill_id, "250.00") };
    let silent = world.collect_as("clinic", card.clone()).await.expect_err("which card payment?");
    assert_eq!(refused(&silent), (Code::InvalidArgument, "INVALID_FIELD".to_owned()));
    let card = pb::CollectArrearsRequest { reference: "T-0001".to_owned(), ..card };
    let paid = world.collect_as("clinic", card).await.expect("taken");
    assert_eq!((text(paid.arrears_due.as_ref()), paid.state()), ("0.00".to_owned(), BillState::Settled));
    assert_eq!(world.balances(&["ARREARS", "PROVIDER_PAID"]).await, ["0.00", "-900.00"]);
    let told = "SELECT count(*) FROM events WHERE kind = 'anjia.payment.bill.collected.v1'";
    assert_eq!(number(&mut world.mesh.owner("payment").await, told).await, 2);
    world.invariants_hold().await;

    // 1,320 by her: she owes 80 less, and has paid it.
    world.correct(&settlement, "1500.00").await;
    let corrected = world.followed(&bill.bill_id, 3).await;
    assert_eq!(text(corrected.desk_refund_due.as_ref()), "80.00");
    assert_eq!(text(corrected.supplementary_due.as_ref()), "0.00");
    world.invariants_hold().await;
    // What is owed more is supplementary, though arrears were paid before.
    world.correct(&settlement, "2300.00").await;
    let corrected = world.followed(&bill.bill_id, 4).await;
    assert_eq!(text(corrected.supplementary_due.as_ref()), "80.00");
    assert_eq!(text(corrected.arrears_due.as_ref()), "80.00");
    world.invariants_hold().await;
}

#[tokio::test]
async fn py_02_what_a_bank_declined_is_paid_at_the_desk_and_goes_back_there() {
    let world = World::new().await;
    let line = world.line("60000.00").await;
    let settlement = world.settlement("1000.00").await;
    let bill = world.paid(&settlement, vec![credit(&line, "1000.00")]).await;
    let order = world.orders().await.remove(0);
    let declined = pb::ReportOrderRequest { outcome: OrderState::Failed.into(), ..succeeded(&order) };
    world.report(declined).await.expect("the bank's word");
    assert_eq!(text(world.bill(&bill.bill_id).await.arrears_due.as_ref()), "1000.00");
    let paid = world.collect("clinic", &bill.bill_id, "600.00").await.expect("taken");
    let own = [(Payer::Credit, "400.00"), (Payer::Desk, "600.00")];
    assert_eq!(shares(&paid), own.map(|(payer, amount)| (payer, amount.to_owned())));
    assert_eq!(paid.state(), BillState::Captured, "400 are still owed that the bank was to pay");
    world.invariants_hold().await;

    // 300 by her: what she still owed falls away first.
    world.correct(&settlement, "300.00").await;
    let corrected = world.followed(&bill.bill_id, 2).await;
    assert_eq!((text(corrected.arrears_due.as_ref()), corrected.state()), ("0.00".to_owned(), BillState::Settled));
    assert_eq!(text(corrected.desk_refund_due.as_ref()), "300.00");
    assert_eq!(
        world.balances(&["ARREARS", "BANK_RECEIVABLE", "RESIDENT_REFUNDABLE"]).await,
        ["0.00", "0.00", "-300.00"]
    );
    world.invariants_hold().await;
}

#[tokio::test]
async fn py_02_a_bill_that_a_bank_declined_is_settled_when_the_desk_has_taken_all_of_it() {
    let world = World::new().await;
    let line = world.line("60000.00").await;
    let settlement = world.settlement("1000.00").await;
    let bill = world.paid(&settlement, vec![credit(&line, "900.00"), share(Payer::Arrears, "100.00")]).await;
    let stands = |bill: &pb::Bill| (bill.state(), text(bill.arrears_due.as_ref()));
    assert_eq!(stands(&bill), (BillState::Captured, "100.00".to_owned()));
    // What she agreed to pay later is taken, and the bank is still to speak.
    let early = world.collect("clinic", &bill.bill_id, "100.00").await.expect("taken");
    assert_eq!(stands(&early), (BillState::Captured, "0.00".to_owned()));
    let order = world.orders().await.remove(0);
    let declined = pb::ReportOrderRequest { outcome: OrderState::Failed.into(), ..succeeded(&order) };
    world.report(declined).await.expect("the bank's word");
    assert_eq!(stands(&world.bill(&bill.bill_id).await), (BillState::Captured, "900.00".to_owned()));
    world.invariants_hold().await;

    let part = world.collect("clinic", &bill.bill_id, "899.99").await.expect("taken");
    assert_eq!(stands(&part), (BillState::Captured, "0.01".to_owned()));
    world.invariants_hold().await;
    let whole = world.collect("clinic", &bill.bill_id, "0.01").await.expect("taken");
    assert_eq!(stands(&whole), (BillState::Settled, "0.00".to_owned()));
    assert_eq!(shares(&whole), [(Payer::Desk, "1000.00".to_owned())]);
    world.invariants_hold().await;
    for (kind, times) in [("settled", 1), ("collected", 3)] {
        assert_eq!(world.told(&bill.bill_id, kind).await, times, "{kind}");
    }
    let open: Vec<(String, String)> = sqlx::query_as(OPEN)
        .bind(resident().uuid())
        .fetch_all(&mut world.mesh.owner("payment").await)
        .await
        .expect("it is looked for");
    assert_eq!(open, [], "nothing keeps her from being erased");
}

#[tokio::test]
async fn py_02_a_bill_is_settled_once_whoever_of_desk_and_bank_comes_last() {
    let world = World::new().await;
    let line = world.line("60000.00").await;
    let other_line =
        pb::GrantCreditLineRequest { agreement_sha256: "cd".repeat(32), ..world.grant_request("60000.00") };
    let other_line = world.grant("bank", other_line).await.expect("granted");
    let settlement = world.settlement("1000.00").await;
    let bill = world.paid(&settlement, vec![credit(&line, "600.00"), credit(&other_line, "400.00")]).await;
    let (of_line, of_others): (Vec<_>, Vec<_>) =
        world.orders().await.into_iter().partition(|order| order.credit_line_id == line.credit_line_id);
    assert_eq!((of_line.len(), of_others.len()), (1, 1));
    let declined = pb::ReportOrderRequest { outcome: OrderState::Failed.into(), ..succeeded(&of_line[0]) };
    world.report(declined).await.expect("the bank's word");
    assert_eq!(text(world.bill(&bill.bill_id).await.arrears_due.as_ref()), "600.00");

    let colleague = world.colleague().await;
    let (one, another, paid) = tokio::join!(
        world.collect("clinic", &bill.bill_id, "350.00"),
        world.collect_by(&colleague, cash(&bill.bill_id, "250.00")),
        world.report(succeeded(&of_others[0])),
    );
    one.expect("taken");
    another.expect("taken");
    paid.expect("the bank's word");
    let settled = world.bill(&bill.bill_id).await;
    assert_eq!((settled.state(), text(settled.arrears_due.as_ref())), (BillState::Settled, "0.00".to_owned()));
    for (kind, times) in [("settled", 1), ("collected", 2)] {
        assert_eq!(world.told(&bill.bill_id, kind).await, times, "{kind}");
    }
    world.invariants_hold().await;
}

#[tokio::test]
async fn py_06_what_was_paid_too_much_is_given_back_before_a_witness() {
    let world = World::new().await;
    let settlement = world.settlement("2300.00").await;
    let bill = world.paid(&settlement, vec![]).await;
    world.correct(&settlement, "1500.00").await;
    let corrected = world.followed(&bill.bill_id, 1).await;
    assert_eq!(text(corrected.desk_refund_due.as_ref()), "80.00");

    let above = world.open("clinic", &bill.bill_id, "80.01").await.expect_err("more than is due");
    assert_eq!(refused(&above), (Code::FailedPrecondition, "ABOVE_DUE".to_owned()));
    let replaced = world.open("clinic", &bill.bill_id, "80.00").await.expect("counted out");
    let payout = world.open("clinic", &bill.bill_id, "80.00").await.expect("counted again");
    assert_eq!(world.balance("RESIDENT_REFUNDABLE").await, "-80.00", "nothing has moved");
    let (cashier, colleague) = (world.caller("clinic"), world.colleague().await);
    let same = world.witness(&cashier, &payout.payout_id, "80.00").await.expect_err("by another");
    assert_eq!(refused(&same), (Code::PermissionDenied, "SAME_PERSON".to_owned()));
    let other = world.witness(&colleague, &payout.payout_id, "79.00").await.expect_err("saw less");
    assert_eq!(refused(&other), (Code::InvalidArgument, "AMOUNT_DIFFERS".to_owned()));
    let old = world.witness(&colleague, &replaced.payout_id, "80.00").await.expect_err("replaced");
    assert_eq!(refused(&old), (Code::FailedPrecondition, "PAYOUT_REPLACED".to_owned()));

    let paid = world.witness(&colleague, &payout.payout_id, "80.00").await.expect("given");
    assert_eq!(paid.state(), PayoutState::Paid);
    let again = world.witness(&colleague, &payout.payout_id, "80.00").await.expect("said twice");
    assert_eq!(again, paid, "and given once");
    let kinds = ["RESIDENT_REFUNDABLE", "DESK_COLLECTED", "PROVIDER_PAYABLE"];
    assert_eq!(world.balances(&kinds).await, ["0.00", "0.00", "0.00"]);
    let shown = world.bill(&bill.bill_id).await;
    assert_eq!((text(shown.desk_refund_due.as_ref()), &shown.receipt_id), ("0.00".to_owned(), &corrected.receipt_id));
    let slip = sealed(&world, &paid.receipt_id).await;
    assert_eq!((slip.payout_id, text(slip.total.as_ref())), (payout.payout_id, "80.00".to_owned()));
    let more = world.open("clinic", &bill.bill_id, "0.01").await.expect_err("nothing is due");
    assert_eq!(refused(&more), (Code::FailedPrecondition, "ABOVE_DUE".to_owned()));
    world.invariants_hold().await;
}

#[tokio::test]
async fn py_06_two_witnesses_at_once_give_it_once() {
    let world = World::new().await;
    let settlement = world.settlement("2300.00").await;
    let bill = world.paid(&settlement, vec![]).await;
    world.correct(&settlement, "1500.00").await;
    world.followed(&bill.bill_id, 1).await;
    let payout = world.open("clinic", &bill.bill_id, "80.00").await.expect("counted out");
    let colleague = world.colleague().await;
    let (one, other) = tokio::join!(
        world.witness(&colleague, &payout.payout_id, "80.00"),
        world.witness(&colleague, &payout.payout_id, "80.00")
    );
    assert_eq!(one.expect("given"), other.expect("the same"));
    assert_eq!(world.balance("RESIDENT_REFUNDABLE").await, "0.00");
    world.invariants_hold().await;
}

#[tokio::test]
async fn py_02_only_the_payees_desk_takes_and_gives_and_only_of_what_was_captured() {
    let world = World::new().await;
    let settlement = world.settlement("240.00").await;
    let bill = world.paid(&settlement, vec![share(Payer::Arrears, "240.00")]).await;
    let herself = world.collect("resident", &bill.bill_id, "1.00").await.expect_err("the desk's word");
    assert_eq!(refused(&herself), (Code::PermissionDenied, "METHOD_NOT_PERMITTED".to_owned()));
    let foreign = world.collect("hospital", &bill.bill_id, "1.00").await.expect_err("another's");
    assert_eq!(refused(&foreign), (Code::PermissionDenied, "OUTSIDE_SCOPE".to_owned()));
    let nothing = world.collect("clinic", &bill.bill_id, "0.00").await.expect_err("nothing");
    assert_eq!(refused(&nothing), (Code::InvalidArgument, "INVALID_FIELD".to_owned()));
    let unknown = world.collect("clinic", &Uuid::now_v7().to_string(), "1.00").await.expect_err("none");
    assert_eq!(refused(&unknown), (Code::NotFound, "BILL_NOT_FOUND".to_owned()));
    let colleague = world.colleague().await;
    let unknown = world.witness(&colleague, &Uuid::now_v7().to_string(), "1.00").await.expect_err("none");
    assert_eq!(refused(&unknown), (Code::NotFound, "PAYOUT_NOT_FOUND".to_owned()));

    let other = world.settlement("240.00").await;
    let early = world.authorise("clinic", crate::world::on_settlement(&other, vec![])).await.expect("authorised");
    let early = world.collect("clinic", &early.bill_id, "1.00").await.expect_err("nothing is owed yet");
    assert_eq!(refused(&early), (Code::FailedPrecondition, "BILL_NOT_CAPTURED".to_owned()));
}
