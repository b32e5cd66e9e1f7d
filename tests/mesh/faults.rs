//! `kill -9` in the middle of what must be all or nothing: after the restart each piece of work is found done or undone, and every
//! invariant holds.

use std::time::{Duration, Instant};

use mesh_tests::{City, Patient, assert_invariants, money, requests};
use proto::anjia::payment::v1::bank_service_client::BankServiceClient;
use proto::anjia::payment::v1::{BillState, CaptureBillRequest, OrderState, QueryOrdersRequest, ReportOrderRequest};
use proto::anjia::referral::v1::{Mandate, Referral, ReferralState, SubmitReferralRequest};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use testkit::request_id;
use tonic::Status;

/// From the answer that work has begun to the kill.
const MOMENTS_MS: [u64; 5] = [0, 5, 20, 60, 150];
/// I11: with the faults over, all work is terminal in a minute, nobody touching anything.
const TERMINAL_WITHIN: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(100);
const ACCEPTANCES_UNDER_WAY: &str = "SELECT count(*) FROM sagas WHERE state IN ('RUNNING', 'COMPENSATING')";
const CAPTURES_UNDER_WAY: &str = "SELECT count(*) FROM captures WHERE state IN ('CONFIRMING', 'CONFIRMED')";

#[tokio::test]
async fn rf_04_acceptances_survive_the_death_of_referral() {
    acceptances_survive("referral").await;
}

#[tokio::test]
async fn rf_04_acceptances_survive_the_death_of_payment() {
    acceptances_survive("payment").await;
}

async fn acceptances_survive(victim: &str) {
    let mut city = City::start().await;
    let patients = city.patients(2 * MOMENTS_MS.len()).await;
    let beds = city.ward(1).await;
    let mut submitted = vec![];
    let mut under_way = 0;
    for (index, patient) in patients.iter().enumerate() {
        let moment_ms = MOMENTS_MS[index / 2];
        let is_affordable = index % 2 == 0;
        let referral = submit(&city, patient, is_affordable).await;
        let message = requests::acceptance(&referral, &beds[index].slot_id);
        let request = city.caller("hospital").request(message.clone()).await;
        let first = city.referrals().accept_referral(request).await.expect("the hospital accepts").into_inner();
        under_way += die_after(&mut city, victim, moment_ms, "referral", ACCEPTANCES_UNDER_WAY).await;

        let again = city.caller("hospital").request(message).await;
        let replayed = city.referrals().accept_referral(again).await.expect("the answer was stored").into_inner();
        assert_eq!(replayed, first, "{moment_ms} ms");
        submitted.push((referral.referral_id, is_affordable, moment_ms));
    }
    assert!(under_way > 0, "every acceptance was over before {victim} died");
    for (referral_id, is_affordable, moment_ms) in submitted {
        let decided = terminal(async || city.referral(&referral_id).await, is_decided).await;
        let refusal = decided.last_refusal.as_str();
        // Whoever can pay is booked, or, where the dead service was missed for too long, may be asked again.
        let is_right = match decided.state() {
            ReferralState::Booked => is_affordable,
            ReferralState::Submitted => is_affordable && !refusal.is_empty(),
            ReferralState::InformationRequested => !is_affordable && refusal == "OWN_SHARE_ABOVE_MANDATE",
            _ => false,
        };
        assert!(is_right, "{victim} killed after {moment_ms} ms: {decided:#?}");
    }
    assert_invariants(&city.mesh).await;
}

/// With a mandate that covers what the stay will cost her, or not.
async fn submit(city: &City, patient: &Patient, is_affordable: bool) -> Referral {
    if is_affordable {
        return city.submit_referral(patient).await;
    }
    let message = requests::referral(patient, &city.visit(patient).await);
    let mandate = message.mandate.clone().map(|mandate| Mandate { own_share_max: money("1.00"), ..mandate });
    let request = patient.caller.request(SubmitReferralRequest { mandate, ..message }).await;
    let answer = city.referrals().submit_referral(request).await.expect("a referral is submitted");
    answer.into_inner().referral.expect("it answers the referral")
}

fn is_decided(referral: &Referral) -> bool {
    referral.state() != ReferralState::Accepting
}

#[tokio::test]
async fn py_01_captures_survive_the_death_of_payment() {
    captures_survive("payment").await;
}

#[tokio::test]
async fn py_01_captures_survive_the_death_of_adjudication() {
    captures_survive("adjudication").await;
}

async fn captures_survive(victim: &str) {
    let mut city = City::start().await;
    let patients = city.patients(MOMENTS_MS.len()).await;
    let mut bills = vec![];
    let mut under_way = 0;
    for (patient, moment_ms) in patients.iter().zip(MOMENTS_MS) {
        let visit = city.visit(patient).await;
        let settlement = city.settlement(&visit, "1500.00").await;
        let bill = city.authorise(patient, &settlement).await.expect("the bill is authorised");
        let message = CaptureBillRequest { request_id: request_id(), bill_id: bill.bill_id.clone() };
        let request = city.caller("clinic").request(message.clone()).await;
        let first = city.bills().capture_bill(request).await.expect("the capture begins").into_inner();
        under_way += die_after(&mut city, victim, moment_ms, "payment", CAPTURES_UNDER_WAY).await;

        let again = city.caller("clinic").request(message).await;
        let replayed = city.bills().capture_bill(again).await.expect("the answer was stored").into_inner();
        assert_eq!(replayed, first, "{moment_ms} ms");
        bills.push(bill);
    }
    assert!(under_way > 0, "every capture was over before {victim} died");
    for ((patient, bill), moment_ms) in patients.iter().zip(&bills).zip(MOMENTS_MS) {
        let look = async || city.bill(patient, &bill.bill_id).await;
        let state = terminal(look, |bill| bill.state() != BillState::Capturing).await.state();
        // Paid by everybody, or by nobody.
        assert!(
            matches!(state, BillState::Captured | BillState::Settled | BillState::Authorised),
            "{moment_ms} ms: {state:?}"
        );
    }
    assert_invariants(&city.mesh).await;

    report_orders(&city).await;
    for (patient, bill) in patients.iter().zip(&bills) {
        let look = async || city.bill(patient, &bill.bill_id).await;
        terminal(look, |bill| matches!(bill.state(), BillState::Settled | BillState::Authorised)).await;
    }
    assert_invariants(&city.mesh).await;
}

/// The bank carries out what it is asked to.
pub(crate) async fn report_orders(city: &City) {
    let mut bank = BankServiceClient::new(city.channel("payment"));
    let request = city.caller("bank").request(QueryOrdersRequest::default()).await;
    for order in bank.query_orders(request).await.expect("the bank sees its orders").into_inner().orders {
        let report = ReportOrderRequest {
            request_id: request_id(),
            bank_reference: format!("B{}", order.order_id.replace('-', "")),
            order_id: order.order_id,
            outcome: OrderState::Succeeded.into(),
            amount: order.amount,
            occurred_at: Some(mesh_tests::in_minutes(0)),
        };
        let request = city.caller("bank").request(report).await;
        bank.report_order(request).await.expect("the bank reports");
    }
}

/// Kills and starts again; answers how much work was under way, by the database of `owner`, when the victim died.
async fn die_after(city: &mut City, victim: &str, moment_ms: u64, owner: &str, under_way: &'static str) -> i64 {
    tokio::time::sleep(Duration::from_millis(moment_ms)).await;
    city.kill(victim);
    let url = &city.mesh.fleet().database(owner).expect("a service of the mesh").owner;
    let mut database = PgConnection::connect(url).await.expect("the owner connects");
    let count = sqlx::query_scalar(AssertSqlSafe(under_way)).fetch_one(&mut database).await.expect("work is counted");
    city.start_again(victim).await;
    count
}

/// Asks until what is seen is terminal. A service that just came back may refuse for a moment.
pub(crate) async fn terminal<T: std::fmt::Debug>(
    look: impl AsyncFn() -> Result<T, Status>,
    is_terminal: impl Fn(&T) -> bool,
) -> T {
    let began_at = Instant::now();
    loop {
        match look().await {
            Ok(seen) if is_terminal(&seen) => return seen,
            seen => assert!(began_at.elapsed() < TERMINAL_WITHIN, "not terminal after a minute: {seen:?}"),
        }
        tokio::time::sleep(POLL).await;
    }
}
