use chassis::Context;
use proto::anjia::identity::v1::DelegatedAction;
use proto::anjia::payment::v1::{self as pb, BillState, Payer};
use testkit::{reason, request_id};
use tonic::Code;
use types::ids::{BillId, CreditLineId, QuoteId, ResidentId, SettlementId};

use crate::world::{World, credit, money, on_quote, on_settlement, share, shares, text};

fn refused<T: std::fmt::Debug>(outcome: Result<T, tonic::Status>) -> (Code, String) {
    let status = outcome.expect_err("refused");
    (status.code(), reason(&status))
}

#[tokio::test]
async fn py_01_a_bill_goes_from_its_quote_to_the_settlement_up_and_down() {
    let world = World::new().await;
    let line = world.line("60000.00").await;
    let quote = world.quote("240.00").await;
    let quoted =
        world.authorise("resident", on_quote(&quote, vec![credit(&line, "240.00")])).await.expect("authorised");
    assert_eq!(shares(&quoted), [(Payer::Credit, "240.00".to_owned())]);
    assert_eq!(
        (quoted.state(), quoted.version, text(quoted.total.as_ref())),
        (BillState::Authorised, 1, "240.00".into())
    );
    assert_eq!(text(world.line_now(&line).await.held.as_ref()), "240.00");

    // Billed dearer than expected: the deductible of 1,300.00 and a tenth of the rest are her own.
    let settlement = world.settlement("2300.00").await;
    let division = settlement.division.clone().unwrap_or_default();
    let (fund, own) = (text(division.pooled_fund.as_ref()), text(division.person_total.as_ref()));
    let up = pb::AuthoriseBillRequest {
        bill_id: quoted.bill_id.clone(),
        ..on_settlement(&settlement, vec![credit(&line, &own)])
    };
    let up = world.authorise("resident", up).await.expect("re-based");
    assert_eq!(shares(&up), [(Payer::PooledFund, fund), (Payer::Credit, own.clone())]);
    assert_eq!((up.version, up.quote_id.as_str(), text(up.total.as_ref())), (2, quote.as_str(), "2300.00".into()));
    assert_eq!(text(world.line_now(&line).await.held.as_ref()), own);

    // Down again: part is collected at the desk. Nobody named: all of it is.
    let rest = own.parse::<types::money::Money>().expect("an amount") - "100.00".parse().expect("an amount");
    let payers = vec![credit(&line, "100.00"), share(Payer::Desk, &rest.to_string())];
    let down = pb::AuthoriseBillRequest { bill_id: quoted.bill_id.clone(), ..on_settlement(&settlement, payers) };
    world.authorise("resident", down).await.expect("re-based");
    assert_eq!(text(world.line_now(&line).await.held.as_ref()), "100.00");
    let desk = pb::AuthoriseBillRequest { bill_id: quoted.bill_id.clone(), ..on_settlement(&settlement, vec![]) };
    let desk = world.authorise("clinic", desk).await.expect("the payee's clerk collects");
    assert_eq!(desk.shares.last().map(pb::Share::payer), Some(Payer::Desk));
    assert_eq!(text(world.line_now(&line).await.held.as_ref()), "0.00");

    // Never back to a quote, never twice the same settlement.
    let back = pb::AuthoriseBillRequest { bill_id: quoted.bill_id, ..on_quote(&quote, vec![]) };
    assert_eq!(refused(world.authorise("resident", back).await).0, Code::InvalidArgument);
    let second = world.authorise("resident", on_settlement(&settlement, vec![])).await;
    assert_eq!(refused(second), (Code::AlreadyExists, "SETTLEMENT_BILLED".to_owned()));
}

#[tokio::test]
async fn py_02_a_refusal_has_a_stable_reason_and_changes_nothing() {
    let world = World::new().await;
    let line = world.line("100.00").await;
    let quote = world.quote("240.00").await;
    let resident = |payers| world.authorise("resident", on_quote(&quote, payers));

    let status = resident(vec![credit(&line, "240.00")]).await.expect_err("too dear");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::FailedPrecondition, "INSUFFICIENT_CREDIT"));
    let info = tonic_types::StatusExt::get_details_error_info(&status).expect("an ErrorInfo");
    assert_eq!((info.metadata["remaining"].as_str(), info.domain.as_str()), ("100.00", "payment.anjia"));

    for short in ["239.99", "240.01"] {
        let mismatch = resident(vec![share(Payer::Desk, short)]).await;
        assert_eq!(refused(mismatch), (Code::InvalidArgument, "SHARE_MISMATCH".to_owned()));
    }
    let nobodys = pb::CreditLine { credit_line_id: CreditLineId::generate().to_string(), ..line.clone() };
    let unknown = resident(vec![credit(&nobodys, "240.00")]).await;
    assert_eq!(refused(unknown), (Code::NotFound, "CREDIT_LINE_NOT_FOUND".to_owned()));
    let unknown = world.authorise("resident", on_quote(&QuoteId::generate().to_string(), vec![])).await;
    assert_eq!(refused(unknown), (Code::NotFound, "QUOTE_NOT_FOUND".to_owned()));
    let nowhere = proto::anjia::adjudication::v1::Settlement {
        settlement_id: SettlementId::generate().to_string(),
        ..Default::default()
    };
    let unknown = world.authorise("resident", on_settlement(&nowhere, vec![])).await;
    assert_eq!(refused(unknown), (Code::NotFound, "SETTLEMENT_NOT_FOUND".to_owned()));

    for wrong in [
        pb::AuthoriseBillRequest { request_id: String::new(), ..on_quote(&quote, vec![]) },
        pb::AuthoriseBillRequest { basis: None, ..on_quote(&quote, vec![]) },
        pb::AuthoriseBillRequest { bill_id: "7".to_owned(), ..on_quote(&quote, vec![]) },
        on_quote("7", vec![]),
        on_quote(&quote, vec![share(Payer::PooledFund, "240.00")]),
        on_quote(&quote, vec![share(Payer::Credit, "240.00")]),
        on_quote(&quote, vec![share(Payer::Desk, "0.00"), share(Payer::Arrears, "240.00")]),
        on_quote(&quote, vec![share(Payer::Desk, "120.00"), share(Payer::Desk, "120.00")]),
        on_quote(&quote, vec![pb::Share { payer: Payer::Desk.into(), ..Default::default() }]),
    ] {
        let status = world.authorise("resident", wrong.clone()).await.expect_err("malformed");
        let named = tonic_types::StatusExt::get_details_bad_request(&status);
        assert_eq!(status.code(), Code::InvalidArgument, "{wrong:?}");
        assert!(named.is_some_and(|named| !named.field_violations.is_empty()), "{wrong:?}");
    }
    let untouched = world.line_now(&line).await;
    assert_eq!((text(untouched.held.as_ref()), text(untouched.remaining.as_ref())), ("0.00".into(), "100.00".into()));
}

#[tokio::test]
async fn py_02_sc_06_what_only_says_what_cover_there_is_is_no_price_and_opens_no_bill() {
    let world = World::new().await;
    for (days, items, why) in [(1, vec![], "NO_ITEMS"), (2, vec!["T-UNKNOWN"], "UNKNOWN_ITEMS")] {
        let quote = world.quote_of_cover_alone(days, &items).await;
        assert_eq!(quote.explanation[0].rule, why);
        for caller in ["resident", "clinic"] {
            let opened = world.authorise(caller, on_quote(&quote.quote_id, vec![])).await;
            assert_eq!(refused(opened), (Code::FailedPrecondition, "NO_PRICE".to_owned()), "{why}: {caller}");
        }
    }
    let mut owner = world.mesh.owner("payment").await;
    let bills: i64 = sqlx::query_scalar("SELECT count(*) FROM bills").fetch_one(&mut owner).await.expect("counted");
    assert_eq!(bills, 0);
}

#[tokio::test]
async fn py_02_a_line_is_never_overdrawn_by_64_who_want_it_at_once() {
    let world = World::new().await;
    let line = world.line("500.00").await;
    let mut quotes = Vec::new();
    for _ in 0..64 {
        quotes.push(world.quote("24.00").await);
    }
    let caller = world.caller("resident");
    let ctx: Context = caller.context().await.expect("a token");
    let mut running = tokio::task::JoinSet::new();
    for quote in &quotes {
        let (mut bills, request) = (world.bills(), ctx.request(on_quote(quote, vec![credit(&line, "24.00")])));
        running.spawn(async move { bills.authorise_bill(request).await });
    }
    let (mut granted, mut short) = (0, 0);
    while let Some(outcome) = running.join_next().await {
        match outcome.expect("no panic") {
            Ok(_) => granted += 1,
            Err(status) => {
                assert_eq!(reason(&status), "INSUFFICIENT_CREDIT");
                short += 1;
            }
        }
    }
    // Twenty times 24.00 fit 500.00.
    assert_eq!((granted, short), (20, 44));
    let line = world.line_now(&line).await;
    assert_eq!((text(line.held.as_ref()), text(line.remaining.as_ref())), ("480.00".into(), "20.00".into()));
    world.invariants_hold().await;
}

#[tokio::test]
async fn py_02_a_quote_holds_credit_once_until_its_bill_is_cancelled() {
    let world = World::new().await;
    let line = world.line("100.00").await;
    let quote = world.quote("24.00").await;
    let on_credit = || on_quote(&quote, vec![credit(&line, "24.00")]);
    let bill = world.authorise("resident", on_credit()).await.expect("authorised");
    let again = world.authorise("resident", on_credit()).await;
    assert_eq!(refused(again), (Code::AlreadyExists, "QUOTE_BILLED".to_owned()));
    assert_eq!(text(world.line_now(&line).await.held.as_ref()), "24.00");

    world.cancel("resident", &bill.bill_id).await.expect("cancelled");
    world.authorise("resident", on_credit()).await.expect("authorised anew");
}

#[tokio::test]
async fn py_02_who_acts_for_the_resident_needs_pay_and_a_clerk_never_takes_credit() {
    let world = World::new().await;
    let line = world.line("1000.00").await;
    let quote = world.quote("24.00").await;
    let on_credit = || on_quote(&quote, vec![credit(&line, "24.00")]);
    let clerk = world.authorise("clinic", on_credit()).await;
    assert_eq!(refused(clerk), (Code::PermissionDenied, "OUTSIDE_SCOPE".to_owned()));
    for payer in [Payer::Desk, Payer::Arrears] {
        let quote = world.quote("24.00").await;
        let bill = world.authorise("clinic", on_quote(&quote, vec![share(payer, "24.00")])).await.expect("collected");
        assert_eq!(shares(&bill), [(payer, "24.00".to_owned())]);
    }
    let viewer = world.delegate(DelegatedAction::View).await;
    let looked = world.authorise_as(&viewer, on_credit()).await;
    assert_eq!(refused(looked), (Code::PermissionDenied, "ACTION_NOT_DELEGATED".to_owned()));
    let payer = world.delegate(DelegatedAction::Pay).await;
    let bill = world.authorise_as(&payer, on_credit()).await.expect("delegated");
    assert_eq!(shares(&bill), [(Payer::Credit, "24.00".to_owned())]);
}

#[tokio::test]
async fn i1_the_same_request_is_answered_alike_and_another_body_is_refused() {
    let world = World::new().await;
    let line = world.line("100.00").await;
    let quote = world.quote("24.00").await;
    let request = on_quote(&quote, vec![credit(&line, "24.00")]);
    let first = world.authorise("resident", request.clone()).await.expect("authorised");
    let again = world.authorise("resident", request.clone()).await.expect("answered again");
    assert_eq!(first, again);
    assert_eq!(text(world.line_now(&line).await.held.as_ref()), "24.00");

    let other = pb::AuthoriseBillRequest { bill_id: BillId::generate().to_string(), ..request };
    let other = world.authorise("resident", other).await;
    assert_eq!(refused(other), (Code::InvalidArgument, "REQUEST_ID_REUSED".to_owned()));
}

#[tokio::test]
async fn py_02_a_lower_limit_binds_new_authorisations_only() {
    let world = World::new().await;
    let line = world.line("100.00").await;
    let quote = world.quote("60.00").await;
    world.authorise("resident", on_quote(&quote, vec![credit(&line, "60.00")])).await.expect("authorised");
    let lowered = pb::GrantCreditLineRequest { request_id: request_id(), ..world.grant_request("50.00") };
    let lowered = world.grant("bank", lowered).await.expect("granted again");
    assert_eq!(lowered.credit_line_id, line.credit_line_id, "one line for one agreement");
    assert_eq!(lowered.limit, Some(money("50.00")));
    assert_eq!((text(lowered.held.as_ref()), text(lowered.remaining.as_ref())), ("60.00".into(), "0.00".into()));
    let one_more = world.authorise("resident", on_quote(&world.quote("1.00").await, vec![credit(&line, "1.00")])).await;
    assert_eq!(refused(one_more), (Code::FailedPrecondition, "INSUFFICIENT_CREDIT".to_owned()));
}

#[tokio::test]
async fn py_02_who_acts_for_one_resident_takes_no_credit_of_another() {
    let world = World::new().await;
    let line = world.line("1000.00").await;
    let quote = world.quote("24.00").await;
    let other = ResidentId::generate();
    let born = chrono::NaiveDate::from_ymd_opt(1951, 4, 2).expect("a date");
    world.register(other, &testkit::national_id(born)).await;
    let caller = world.mesh.register(devstack::callers::Client::resident("other", other.uuid())).await;
    let worker = world.delegate_of(other, &caller, DelegatedAction::Pay).await;
    // The worker belongs to the payee; the resident has not said that they may pay for her, and in another's name they see nothing of hers.
    let taken = world.authorise_as(&worker, on_quote(&quote, vec![credit(&line, "24.00")])).await;
    assert_eq!(refused(taken), (Code::PermissionDenied, "OUTSIDE_SCOPE".to_owned()));
    assert_eq!(text(world.line_now(&line).await.held.as_ref()), "0.00");
    let collected = world.authorise_as(&worker, on_quote(&quote, vec![])).await;
    assert_eq!(refused(collected), (Code::PermissionDenied, "OUTSIDE_SCOPE".to_owned()), "whoever acts for another");
    let desk = world.authorise("clinic", on_quote(&quote, vec![])).await.expect("collected at their desk");
    assert_eq!(shares(&desk), [(Payer::Desk, "24.00".to_owned())]);
}
