//! `kill -9` in the middle of what must be all or nothing: after the restart each piece of work is found done or undone, and every
//! invariant holds.

use std::time::{Duration, Instant};

use mesh_tests::{City, Patient, assert_invariants, requests};
use proto::anjia::payment::v1::bank_service_client::BankServiceClient;
use proto::anjia::payment::v1::{
    Bill, BillState, CaptureBillRequest, OrderState, QueryOrdersRequest, ReportOrderRequest,
};
use proto::anjia::referral::v1::ReferralState;
use testkit::request_id;
use tonic::Status;

/// From the answer that work has begun to the kill.
const MOMENTS_MS: [u64; 5] = [0, 5, 20, 60, 150];
/// I11: with the faults over, all work is terminal in a minute, nobody touching anything.
const TERMINAL_WITHIN: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(100);

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
    let patients = city.patients(MOMENTS_MS.len()).await;
    let beds = city.ward(1).await;
    let mut accepted = vec![];
    for ((patient, moment_ms), bed) in patients.iter().zip(MOMENTS_MS).zip(&beds) {
        let referral = city.submit_referral(patient).await;
        let message = requests::acceptance(&referral, &bed.slot_id);
        let request = city.caller("hospital").request(message.clone()).await;
        let first = city.referrals().accept_referral(request).await.expect("the hospital accepts").into_inner();
        die_after(&mut city, victim, moment_ms).await;

        let again = city.caller("hospital").request(message).await;
        let replayed = city.referrals().accept_referral(again).await.expect("the answer was stored").into_inner();
        assert_eq!(replayed, first, "{moment_ms} ms");
        accepted.push(referral.referral_id);
    }
    for (referral_id, moment_ms) in accepted.iter().zip(MOMENTS_MS) {
        let state = terminal(async || Ok(city.referral(referral_id).await?.state()), is_decided).await;
        println!("{victim} killed {moment_ms} ms after the acceptance: {state:?}");
    }
    assert_invariants(&city.mesh).await;
}

/// Booked, or given back with a reason.
fn is_decided(state: ReferralState) -> bool {
    assert_ne!(state, ReferralState::NeedsHuman);
    matches!(state, ReferralState::Booked | ReferralState::Submitted | ReferralState::InformationRequested)
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
    for (patient, moment_ms) in patients.iter().zip(MOMENTS_MS) {
        let visit = city.visit(patient).await;
        let settlement = city.settlement(&visit, "1500.00").await;
        let bill = city.authorise(patient, &settlement).await.expect("the bill is authorised");
        let message = CaptureBillRequest { request_id: request_id(), bill_id: bill.bill_id.clone() };
        let request = city.caller("clinic").request(message.clone()).await;
        let first = city.bills().capture_bill(request).await.expect("the capture begins").into_inner();
        die_after(&mut city, victim, moment_ms).await;

        let again = city.caller("clinic").request(message).await;
        let replayed = city.bills().capture_bill(again).await.expect("the answer was stored").into_inner();
        assert_eq!(replayed, first, "{moment_ms} ms");
        bills.push(bill);
    }
    for ((patient, bill), moment_ms) in patients.iter().zip(&bills).zip(MOMENTS_MS) {
        let state =
            terminal(async || state_of(&city, patient, bill).await, |state| state != BillState::Capturing).await;
        assert!(is_whole(state), "{moment_ms} ms: {state:?}");
    }
    assert_invariants(&city.mesh).await;

    report_orders(&city).await;
    for (patient, bill) in patients.iter().zip(&bills) {
        let captured = state_of(&city, patient, bill).await.expect("the bill is there") != BillState::Authorised;
        if captured {
            terminal(async || state_of(&city, patient, bill).await, |state| state == BillState::Settled).await;
        }
    }
    assert_invariants(&city.mesh).await;
}

/// Paid by everybody, or by nobody.
fn is_whole(state: BillState) -> bool {
    matches!(state, BillState::Captured | BillState::Settled | BillState::Authorised)
}

async fn state_of(city: &City, patient: &Patient, bill: &Bill) -> Result<BillState, Status> {
    Ok(city.bill(patient, &bill.bill_id).await?.state())
}

/// The bank carries out what it is asked to.
async fn report_orders(city: &City) {
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

async fn die_after(city: &mut City, victim: &str, moment_ms: u64) {
    tokio::time::sleep(Duration::from_millis(moment_ms)).await;
    city.kill(victim);
    city.start_again(victim).await;
}

/// Asks until the state is terminal. A service that just came back may refuse for a moment.
async fn terminal<S: Copy + std::fmt::Debug>(
    look: impl AsyncFn() -> Result<S, Status>,
    is_terminal: impl Fn(S) -> bool,
) -> S {
    let began_at = Instant::now();
    loop {
        let seen = look().await;
        match seen {
            Ok(state) if is_terminal(state) => return state,
            _ => assert!(began_at.elapsed() < TERMINAL_WITHIN, "not terminal after a minute: {seen:?}"),
        }
        tokio::time::sleep(POLL).await;
    }
}
