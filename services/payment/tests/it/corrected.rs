//! A captured bill follows its settlement: what was paid too much goes back the way it came, what is owed more is due later.

use std::time::Duration;

use proto::anjia::adjudication::v1 as adjudication;
use proto::anjia::common::v1 as common;
use proto::anjia::payment::v1::{self as pb, BillState, OrderKind, OrderState, Payer};
use proto::convert::to_date;
use sqlx::PgConnection;
use testkit::request_id;
use types::clock::local_date;
use types::ids::{BillId, SettlementId};

use crate::layers::LAYERS;
use crate::receipts::receipt;
use crate::world::{ITEM, World, credit, moment_ago, money, on_settlement, share, shares, succeeded, text};

const CORRECTED: &str = "anjia.adjudication.settlement.corrected.v1";
/// What a process that was killed takes to come back, and more.
const PATIENCE: Duration = Duration::from_mins(1);

impl World {
    /// The clinic's claim as it should have been billed.
    pub(crate) async fn correct(
        &self,
        settlement: &adjudication::Settlement,
        amount: &str,
    ) -> adjudication::Settlement {
        let message = adjudication::CorrectClaimRequest {
            request_id: request_id(),
            claim_id: settlement.claim_id.clone(),
            reason: adjudication::ChangeReason::BilledWrong.into(),
            diagnoses: vec![common::Diagnosis { icd10_code: "I10.x00".to_owned(), name: "高血压".to_owned() }],
            lines: vec![adjudication::ClaimLine {
                item_code: ITEM.to_owned(),
                quantity: "1".to_owned(),
                unit_price: amount.to_owned(),
                amount: Some(money(amount)),
                on: Some(to_date(local_date(moment_ago()))),
            }],
            total: Some(money(amount)),
        };
        let request = self.caller("clinic").request(message).await;
        let answer = self.adjudication().correct_claim(request).await.expect("it is in force").into_inner();
        answer.settlement.unwrap_or_default()
    }

    /// Waits until the bill has followed so many corrections.
    pub(crate) async fn followed(&self, bill_id: &str, number: i32) -> pb::Bill {
        self.until_bill(bill_id, |bill| bill.correction == number).await
    }

    /// A bill of this settlement by these payers, captured.
    pub(crate) async fn paid(&self, settlement: &adjudication::Settlement, payers: Vec<pb::Share>) -> pb::Bill {
        let bill = self.authorise("resident", on_settlement(settlement, payers)).await.expect("authorised");
        self.capture("clinic", &bill.bill_id).await.expect("begun");
        self.until_bill(&bill.bill_id, |bill| !bill.receipt_id.is_empty()).await
    }

    /// Waits until payment has taken in all that adjudication told by now.
    pub(crate) async fn taken_in(&self) {
        let mut told = self.mesh.owner("adjudication").await;
        let mut taken = self.mesh.owner("payment").await;
        let count = "SELECT count(*) FROM events WHERE position IS NULL";
        let head = "SELECT position FROM chain_heads WHERE chain = 'events'";
        let cursor = "SELECT coalesce(max(position), 0) FROM cursors WHERE source = 'adjudication'";
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let unsealed = number(&mut told, count).await;
            let (told, taken) = (number(&mut told, head).await, number(&mut taken, cursor).await);
            if unsealed == 0 && taken >= told {
                return;
            }
            assert!(tokio::time::Instant::now() < deadline, "{taken} of {told}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) async fn balances(&self, kinds: &[&str]) -> Vec<String> {
        let mut balances = vec![];
        for kind in kinds {
            balances.push(self.balance(kind).await);
        }
        balances
    }
}

pub(crate) async fn number(owner: &mut PgConnection, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(owner).await.expect("a number")
}

/// Told by adjudication, whatever it knows of it.
async fn tell(world: &World, kind: &str, subject: &str, bill: &str) {
    let mut owner = world.mesh.owner("adjudication").await;
    sqlx::query(
        "INSERT INTO events (id, region, kind, subject, data, occurred_at) \
         VALUES (gen_random_uuid(), '110000', $1, $2, jsonb_build_object('bill_id', $3::text), now())",
    )
    .bind(kind)
    .bind(subject)
    .bind(bill)
    .execute(&mut owner)
    .await
    .expect("told");
}

fn payers(bill: &pb::Bill) -> Vec<(Payer, String)> {
    shares(bill).into_iter().filter(|(payer, _)| *payer != Payer::PooledFund).collect()
}

fn named(payers: &[(Payer, &str)]) -> Vec<(Payer, String)> {
    payers.iter().map(|(payer, amount)| (*payer, (*amount).to_owned())).collect()
}

#[tokio::test]
async fn py_06_ad_03_what_was_paid_too_much_goes_back_the_way_it_came_and_the_receipts_follow() {
    let world = World::new().await;
    let line = world.line("60000.00").await;
    // The deductible of 1,300, then 90 % for a retired person at the clinic: 900 by the fund, 1,400 by her.
    let settlement = world.settlement("2300.00").await;
    let payers_before = vec![credit(&line, "1000.00"), share(Payer::Desk, "300.00"), share(Payer::Arrears, "100.00")];
    let bill = world.paid(&settlement, payers_before).await;
    let first = receipt(&world, &bill.receipt_id).await.expect("hers");
    let order = world.orders().await.remove(0);
    world.report(succeeded(&order)).await.expect("the bank pays");
    world.until(&bill.bill_id, BillState::Settled).await;

    // 1,320 by her: she owes 80 less.
    let once = world.correct(&settlement, "1500.00").await;
    let bill = world.followed(&bill.bill_id, 1).await;
    assert_eq!((bill.state(), bill.settlement_id.as_str()), (BillState::Settled, once.settlement_id.as_str()));
    assert_eq!(text(bill.total.as_ref()), "1500.00");
    let expected = [(Payer::Credit, "1000.00"), (Payer::Desk, "300.00"), (Payer::Arrears, "20.00")];
    assert_eq!(payers(&bill), named(&expected));
    assert_eq!(world.orders().await, [], "nothing that was paid goes back yet");
    world.invariants_hold().await;

    // 1,000 by her, and nothing by the fund: 20 fall away, 300 go back onto the line.
    world.correct(&once, "1000.00").await;
    let bill = world.followed(&bill.bill_id, 2).await;
    assert_eq!(payers(&bill), named(&[(Payer::Credit, "700.00"), (Payer::Desk, "300.00")]));
    let refund = world.orders().await.remove(0);
    assert_eq!((refund.kind(), text(refund.amount.as_ref())), (OrderKind::Refund, "300.00".to_owned()));
    assert_eq!(text(world.line_now(&line).await.used.as_ref()), "1000.00", "until the bank has put it back");
    let kinds = ["POOLED_FUND", "ARREARS", "BANK_REFUNDABLE", "BANK_CLEARING", "PROVIDER_PAID", "PROVIDER_PAYABLE"];
    assert_eq!(world.balances(&kinds).await, ["0.00", "0.00", "-300.00", "1000.00", "-700.00", "0.00"]);
    world.invariants_hold().await;
    for _ in 0..2 {
        world.report(succeeded(&refund)).await.expect("put back, and said twice");
    }
    assert_eq!(text(world.line_now(&line).await.used.as_ref()), "700.00");
    assert_eq!(world.balances(&["BANK_REFUNDABLE", "BANK_CLEARING"]).await, ["0.00", "700.00"]);
    assert_eq!(world.bill(&bill.bill_id).await.state(), BillState::Settled);

    // 200 by her: all of the line's 700 go back, and 100 at the desk.
    world.correct(&once, "200.00").await;
    let bill = world.followed(&bill.bill_id, 3).await;
    assert_eq!(payers(&bill), named(&[(Payer::Desk, "200.00")]));
    assert_eq!(text(bill.desk_refund_due.as_ref()), "100.00");
    let kinds = ["BANK_REFUNDABLE", "DESK_COLLECTED", "RESIDENT_REFUNDABLE", "PROVIDER_PAID"];
    assert_eq!(world.balances(&kinds).await, ["-700.00", "100.00", "-100.00", "0.00"]);
    world.invariants_hold().await;

    // Each receipt stays what it was, and the next one names it.
    let last = receipt(&world, &bill.receipt_id).await.expect("hers");
    assert_eq!((&last.shares, &last.settlement_id), (&bill.shares, &bill.settlement_id));
    let mut named = vec![];
    let mut at = last;
    while !at.corrects_receipt_id.is_empty() {
        named.push(text(at.total.as_ref()));
        at = receipt(&world, &at.corrects_receipt_id).await.expect("hers");
    }
    assert_eq!((named, at), (["200.00", "1000.00", "1500.00"].map(str::to_owned).to_vec(), first));
}

#[tokio::test]
async fn py_06_what_is_owed_more_is_due_later_and_nobody_is_charged_it() {
    let world = World::new().await;
    let line = world.line("60000.00").await;
    let settlement = world.settlement("2300.00").await;
    let bill = world.paid(&settlement, vec![credit(&line, "1400.00")]).await;
    let order = world.orders().await.remove(0);
    world.report(succeeded(&order)).await.expect("the bank pays");

    world.correct(&settlement, "3000.00").await;
    let bill = world.followed(&bill.bill_id, 1).await;
    assert_eq!(payers(&bill), named(&[(Payer::Credit, "1400.00"), (Payer::Arrears, "70.00")]));
    assert_eq!((text(bill.supplementary_due.as_ref()), bill.state()), ("70.00".to_owned(), BillState::Settled));
    assert_eq!(text(world.line_now(&line).await.used.as_ref()), "1400.00");
    assert_eq!(world.orders().await, []);
    let kinds = ["POOLED_FUND", "ARREARS", "PROVIDER_PAID"];
    assert_eq!(world.balances(&kinds).await, ["1530.00", "70.00", "-3000.00"]);
    world.invariants_hold().await;
}

#[tokio::test]
async fn ad_03_id_03_a_status_that_turns_out_late_reaches_bill_ledger_and_receipt() {
    let world = World::under(LAYERS, &[]).await;
    let settlement = world.settlement("40100.00").await;
    let own = text(settlement.division.as_ref().and_then(|division| division.person_total.as_ref()));
    let bill = world.paid(&settlement, vec![share(Payer::Desk, &own)]).await;
    world.receives_allowance().await;
    let bill = world.followed(&bill.bill_id, 1).await;
    let expected = [
        (Payer::PooledFund, "20000.00"),
        (Payer::CriticalIllnessFund, "6565.00"),
        (Payer::AssistanceFund, "9474.50"),
        (Payer::Desk, "4060.50"),
    ];
    assert_eq!(shares(&bill), named(&expected), "as if it had been known");
    let back: types::money::Money = own.parse().expect("an amount");
    let back = back - "4060.50".parse().expect("an amount");
    assert!(back.is_positive());
    assert_eq!(text(bill.desk_refund_due.as_ref()), back.to_string());
    let kinds = ["POOLED_FUND", "CRITICAL_ILLNESS_FUND", "ASSISTANCE_FUND", "DESK_COLLECTED", "RESIDENT_REFUNDABLE"];
    let expected = ["20000.00", "6565.00", "9474.50", &back.to_string(), &(-back).to_string()];
    assert_eq!(world.balances(&kinds).await, expected);
    let held = receipt(&world, &bill.receipt_id).await.expect("hers");
    assert_eq!((held.shares, held.total), (bill.shares, bill.total));
    world.invariants_hold().await;
}

#[tokio::test]
async fn py_06_nothing_is_asked_back_of_a_bank_before_it_has_paid_and_nothing_if_it_declines() {
    let world = World::new().await;
    let line = world.line("60000.00").await;
    let settlement = world.settlement("1000.00").await;
    let bill = world.paid(&settlement, vec![credit(&line, "1000.00")]).await;
    world.correct(&settlement, "600.00").await;
    world.followed(&bill.bill_id, 1).await;
    let asked = world.orders().await;
    assert_eq!(asked.iter().map(pb::BankOrder::kind).collect::<Vec<_>>(), [OrderKind::Capture]);
    let mut owner = world.mesh.owner("payment").await;
    let refund: String = sqlx::query_scalar("SELECT id::text FROM bank_orders WHERE kind = 'REFUND'")
        .fetch_one(&mut owner)
        .await
        .expect("it is written down");
    let guessed = pb::ReportOrderRequest { order_id: refund, amount: Some(money("400.00")), ..succeeded(&asked[0]) };
    let guessed = world.report(guessed).await.expect_err("nobody gave it to the bank");
    assert_eq!(testkit::reason(&guessed), "ORDER_NOT_FOUND");
    world.invariants_hold().await;

    let declined = pb::ReportOrderRequest { outcome: OrderState::Failed.into(), ..succeeded(&asked[0]) };
    world.report(declined).await.expect("the bank's word");
    // She owes what she has to pay, no more, and the bank has nothing to put back.
    let kinds = ["ARREARS", "BANK_RECEIVABLE", "BANK_REFUNDABLE", "RESIDENT_REFUNDABLE"];
    assert_eq!(world.balances(&kinds).await, ["600.00", "0.00", "0.00", "0.00"]);
    assert_eq!(text(world.line_now(&line).await.used.as_ref()), "0.00");
    assert_eq!(world.orders().await, []);
    world.invariants_hold().await;

    // Later still: what it declined is owed less at once.
    world.correct(&settlement, "500.00").await;
    world.followed(&bill.bill_id, 2).await;
    assert_eq!(world.balances(&kinds).await, ["500.00", "0.00", "0.00", "0.00"]);
    assert_eq!(world.orders().await, []);
    world.invariants_hold().await;
}

#[tokio::test]
async fn py_06_what_a_bank_will_not_put_back_is_owed_to_the_resident() {
    let world = World::new().await;
    let line = world.line("60000.00").await;
    let settlement = world.settlement("1000.00").await;
    let bill = world.paid(&settlement, vec![credit(&line, "1000.00")]).await;
    let order = world.orders().await.remove(0);
    world.report(succeeded(&order)).await.expect("the bank pays");
    world.correct(&settlement, "600.00").await;
    world.followed(&bill.bill_id, 1).await;
    let refund = world.orders().await.remove(0);
    let declined = pb::ReportOrderRequest { outcome: OrderState::Failed.into(), ..succeeded(&refund) };
    world.report(declined).await.expect("the bank's word");
    assert_eq!(world.balances(&["BANK_REFUNDABLE", "RESIDENT_REFUNDABLE"]).await, ["0.00", "-400.00"]);
    assert_eq!(text(world.line_now(&line).await.used.as_ref()), "1000.00");
    world.invariants_hold().await;
}

#[tokio::test]
async fn i8_a_correction_that_is_told_again_or_after_a_later_one_has_no_effect() {
    let mut world = World::new().await;
    let settlement = world.settlement("2300.00").await;
    let bill = world.paid(&settlement, vec![]).await;
    world.mesh.kill("payment");
    let earlier = world.correct(&settlement, "1500.00").await;
    let later = world.correct(&settlement, "1000.00").await;
    // Told in the other order, and each of them twice.
    let mut owner = world.mesh.owner("adjudication").await;
    sqlx::query(
        "UPDATE events SET subject = CASE subject WHEN $1 THEN $2 ELSE $1 END WHERE subject IN ($1, $2) AND kind = $3",
    )
    .bind(&earlier.settlement_id)
    .bind(&later.settlement_id)
    .bind(CORRECTED)
    .execute(&mut owner)
    .await
    .expect("both");
    for told in [&later, &earlier] {
        tell(&world, CORRECTED, &told.settlement_id, &bill.bill_id).await;
    }
    world.mesh.start_again("payment").await;
    world.taken_in().await;
    let followed = world.bill(&bill.bill_id).await;
    assert_eq!((followed.correction, followed.settlement_id.as_str()), (1, later.settlement_id.as_str()));
    assert_eq!(text(followed.total.as_ref()), "1000.00");
    let mut owner = world.mesh.owner("payment").await;
    assert_eq!(number(&mut owner, "SELECT count(*) FROM transfers WHERE purpose = 'BILL_REVERSED'").await, 1);
    assert_eq!(
        number(&mut owner, "SELECT count(*) FROM events WHERE kind = 'anjia.payment.bill.corrected.v1'").await,
        1
    );
    assert_eq!(number(&mut owner, "SELECT count(*) FROM parked_events").await, 0);
    world.invariants_hold().await;
}

#[tokio::test]
async fn i6_whoever_dies_meanwhile_every_correction_is_followed_once() {
    let mut world = World::new().await;
    let line = world.line("60000.00").await;
    let settlement = world.settlement("2300.00").await;
    let bill = world.paid(&settlement, vec![credit(&line, "1400.00")]).await;
    for (round, amount) in ["2200.00", "2100.00", "2000.00", "1900.00"].into_iter().enumerate() {
        let corrected = world.correct(&settlement, amount).await;
        // At whichever moment it is caught: before the event, in its transaction, after it.
        tokio::time::sleep(Duration::from_millis(300 * u64::try_from(round).expect("few"))).await;
        world.mesh.kill("payment");
        world.mesh.start_again("payment").await;
        world.until_bill(&bill.bill_id, |bill| bill.settlement_id == corrected.settlement_id).await;
    }
    let bill = world.bill(&bill.bill_id).await;
    assert_eq!((bill.correction, text(bill.total.as_ref())), (4, "1900.00".to_owned()));
    assert_eq!(payers(&bill), named(&[(Payer::Credit, "1360.00")]));
    world.invariants_hold().await;
}

#[tokio::test]
async fn f19_a_settlement_that_is_not_there_is_put_aside_and_keeps_no_other_from_its_bill() {
    let world = World::new().await;
    let settlement = world.settlement("2300.00").await;
    let bill = world.paid(&settlement, vec![]).await;
    let uncaptured = world.settlement("10.00").await;
    let waiting = world.authorise("clinic", on_settlement(&uncaptured, vec![])).await.expect("authorised");
    tell(&world, CORRECTED, &SettlementId::generate().to_string(), &bill.bill_id).await;
    tell(&world, CORRECTED, &uncaptured.settlement_id, &waiting.bill_id).await;
    // Of a bill that is none of ours there is nothing to correct.
    tell(&world, CORRECTED, &settlement.settlement_id, &BillId::generate().to_string()).await;
    world.correct(&settlement, "1000.00").await;
    let followed = world.until_bill(&bill.bill_id, |bill| text(bill.total.as_ref()) == "1000.00").await;
    assert_eq!(followed.correction, 1);
    assert_eq!(world.bill(&waiting.bill_id).await.correction, 0);
    let mut owner = world.mesh.owner("payment").await;
    assert_eq!(number(&mut owner, "SELECT count(*) FROM parked_events WHERE source = 'adjudication'").await, 2);
    world.invariants_hold().await;
}
