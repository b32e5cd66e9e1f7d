//! What a delegate commits of the resident's money is counted, and stands under both names.

use proto::anjia::identity::v1::{DelegatedAction, DelegationLimits};
use proto::anjia::payment::v1::{self as pb, BillState, Payer};
use testkit::{TestCaller, callers, reason};
use tonic::{Code, Status};
use types::ids::DelegationId;

use crate::world::{World, credit, money, on_quote, on_settlement, resident, share, text};

/// The worker, who may pay so much in the resident's name.
async fn up_to(world: &World, amount: &str) -> (TestCaller, DelegationId) {
    let limits = DelegationLimits { amount_max: Some(money(amount)), ..Default::default() };
    world.delegate_within(resident(), &world.caller("resident"), DelegatedAction::Pay, Some(limits)).await
}

fn refused<T: std::fmt::Debug>(outcome: Result<T, Status>) -> (Code, String) {
    let status = outcome.expect_err("refused");
    (status.code(), reason(&status))
}

#[tokio::test]
async fn id_04_no_more_is_committed_than_was_delegated_by_64_who_want_it_at_once() {
    let world = World::new().await;
    let line = world.line("5000.00").await;
    let (worker, _) = up_to(&world, "100.00").await;
    let mut quotes = Vec::new();
    for _ in 0..64 {
        quotes.push(world.quote("24.00").await);
    }
    let ctx = worker.context().await.expect("a token");
    let mut running = tokio::task::JoinSet::new();
    for quote in &quotes {
        let (mut bills, request) = (world.bills(), ctx.request(on_quote(quote, vec![credit(&line, "24.00")])));
        running.spawn(async move { bills.authorise_bill(request).await });
    }
    let (mut authorised, mut refusals) = (Vec::new(), Vec::new());
    for outcome in running.join_all().await {
        match outcome {
            Ok(answer) => authorised.push(answer.into_inner().bill.unwrap_or_default()),
            Err(status) => refusals.push(reason(&status)),
        }
    }
    // Four times 24.00 are 96.00; a fifth would be 120.00.
    assert_eq!(authorised.len(), 4);
    assert_eq!(refusals, vec!["AMOUNT_NOT_DELEGATED"; 60]);
    assert_eq!(text(world.line_now(&line).await.held.as_ref()), "96.00");

    // What is cancelled is given back, and the resident's own money is not the delegate's to count.
    world
        .authorise("resident", on_quote(&quotes_left(&quotes, &authorised), vec![credit(&line, "24.00")]))
        .await
        .expect("her own");
    world.cancel("resident", &authorised[0].bill_id).await.expect("not captured");
    let again = on_quote(&authorised[0].quote_id, vec![credit(&line, "24.00")]);
    world.authorise_as(&worker, again).await.expect("given back");
    world.invariants_hold().await;
}

/// A quote that nobody billed.
fn quotes_left(quotes: &[String], billed: &[pb::Bill]) -> String {
    let left = quotes.iter().find(|quote| billed.iter().all(|bill| bill.quote_id != **quote));
    left.expect("more quotes than bills").clone()
}

#[tokio::test]
async fn id_04_an_amount_is_counted_once_however_often_it_is_asked_for_and_re_based() {
    let world = World::new().await;
    let line = world.line("60000.00").await;
    let (worker, _) = up_to(&world, "240.00").await;
    let quote = world.quote("240.00").await;
    let request = on_quote(&quote, vec![credit(&line, "240.00")]);
    let bill = world.authorise_as(&worker, request.clone()).await.expect("within the amount");
    assert_eq!(world.authorise_as(&worker, request).await.expect("the same again"), bill);
    let rebased =
        pb::AuthoriseBillRequest { bill_id: bill.bill_id.clone(), ..on_quote(&quote, vec![credit(&line, "240.00")]) };
    world.authorise_as(&worker, rebased).await.expect("the bill itself is not counted against itself");

    let cheap = world.quote("10.00").await;
    let status = world.authorise_as(&worker, on_quote(&cheap, vec![share(Payer::Arrears, "10.00")])).await;
    let status = status.expect_err("one fen more than delegated would be too much");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::PermissionDenied, "AMOUNT_NOT_DELEGATED"));
    let info = tonic_types::StatusExt::get_details_error_info(&status).expect("an ErrorInfo");
    assert_eq!(info.metadata["remaining"], "0.00");

    // A settlement that is dearer than the delegation goes to the resident.
    let settlement = world.settlement("2300.00").await;
    let own = text(settlement.division.clone().unwrap_or_default().person_total.as_ref());
    let up = || pb::AuthoriseBillRequest {
        bill_id: bill.bill_id.clone(),
        ..on_settlement(&settlement, vec![credit(&line, &own)])
    };
    assert_eq!(refused(world.authorise_as(&worker, up()).await).1, "AMOUNT_NOT_DELEGATED");
    world.authorise("resident", up()).await.expect("her own word");
    let refused_capture = {
        let message = pb::CaptureBillRequest { request_id: testkit::request_id(), bill_id: bill.bill_id.clone() };
        world.bills().capture_bill(worker.request(message).await).await
    };
    assert_eq!(refused(refused_capture).1, "AMOUNT_NOT_DELEGATED");
    let standing: (Option<String>, Option<uuid::Uuid>) =
        sqlx::query_as("SELECT authorised_by, delegation_id FROM bills WHERE id = $1::uuid")
            .bind(&bill.bill_id)
            .fetch_one(&mut world.mesh.owner("payment").await)
            .await
            .expect("the bill");
    assert_eq!(standing, (Some(world.caller("resident").party().to_owned()), None));
}

#[tokio::test]
async fn id_04_a_delegate_pays_the_providers_that_were_named() {
    let world = World::new().await;
    let quote = world.quote("24.00").await;
    let with = async |organisation: String| {
        let limits = DelegationLimits { organisation_ids: vec![organisation], ..Default::default() };
        world.delegate_within(resident(), &world.caller("resident"), DelegatedAction::Pay, Some(limits)).await.0
    };
    let other = with(callers::BANK.to_string()).await;
    let elsewhere = world.authorise_as(&other, on_quote(&quote, vec![share(Payer::Arrears, "24.00")])).await;
    assert_eq!(refused(elsewhere), (Code::PermissionDenied, "ORGANISATION_NOT_DELEGATED".to_owned()));
    let clinic = with(callers::CLINIC.to_string()).await;
    world.authorise_as(&clinic, on_quote(&quote, vec![share(Payer::Arrears, "24.00")])).await.expect("the payee");
}

#[tokio::test]
async fn id_04_ledger_and_audit_name_the_delegate_the_resident_and_the_delegation() {
    let world = World::new().await;
    let (worker, delegation) = up_to(&world, "5000.00").await;
    let settlement = world.settlement("2300.00").await;
    let own = text(settlement.division.clone().unwrap_or_default().person_total.as_ref());
    let bill = world.authorise_as(&worker, on_settlement(&settlement, vec![share(Payer::Arrears, &own)])).await;
    let bill = bill.expect("within the amount");
    let message = pb::CaptureBillRequest { request_id: testkit::request_id(), bill_id: bill.bill_id.clone() };
    world.bills().capture_bill(worker.request(message).await).await.expect("authorised");
    world.until(&bill.bill_id, BillState::Settled).await;

    let both = (Some(worker.party().to_owned()), Some(format!("resident:{}", resident())), Some(delegation.uuid()));
    let mut owner = world.mesh.owner("payment").await;
    let transfers: Vec<(Option<String>, Option<String>, Option<uuid::Uuid>)> =
        sqlx::query_as("SELECT ordered_by, on_behalf_of, delegation_id FROM transfers WHERE bill_id = $1::uuid")
            .bind(&bill.bill_id)
            .fetch_all(&mut owner)
            .await
            .expect("the ledger");
    assert_eq!(transfers, vec![both.clone(); 2]);
    let entries: Vec<(Option<String>, Option<String>, Option<uuid::Uuid>)> = sqlx::query_as(
        "SELECT actor, subject, delegation_id FROM audit_entries WHERE action IN ('payment.bill.authorise', 'payment.bill.capture')",
    )
    .fetch_all(&mut owner)
    .await
    .expect("the audit");
    assert_eq!(entries, vec![both; 2]);
    world.invariants_hold().await;
}
