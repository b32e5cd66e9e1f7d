use devstack::callers::Client;
use proto::anjia::common::v1::{EventCursor, PageRequest};
use proto::anjia::identity::v1::DelegatedAction;
use proto::anjia::payment::v1 as pb;
use proto::anjia::payment::v1::event_service_client::EventServiceClient;
use testkit::{callers, reason};
use tonic::Code;
use types::ids::{BillId, ResidentId};

use crate::world::{World, on_quote, resident};

fn list(resident_id: &str, payee: &str, page_size: i32, page_token: &str) -> pb::ListBillsRequest {
    pb::ListBillsRequest {
        resident_id: resident_id.to_owned(),
        payee_organisation_id: payee.to_owned(),
        page: Some(PageRequest { page_size, page_token: page_token.to_owned() }),
    }
}

#[tokio::test]
async fn id_07_bills_are_for_their_resident_and_payee_only() {
    let world = World::new().await;
    let quote = world.quote("24.00").await;
    let bill = world.authorise("resident", on_quote(&quote, vec![])).await.expect("authorised");
    let get = || pb::GetBillRequest { bill_id: bill.bill_id.clone() };
    let outcome = async |client: &str| {
        let request = world.caller(client).request(get()).await;
        world.bills().get_bill(request).await.map(|_| ()).map_err(|status| (status.code(), reason(&status)))
    };
    assert_eq!(outcome("resident").await, Ok(()));
    assert_eq!(outcome("clinic").await, Ok(()));
    assert_eq!(outcome("hospital").await, Err((Code::PermissionDenied, "OUTSIDE_SCOPE".to_owned())));
    assert_eq!(outcome("bank").await, Err((Code::PermissionDenied, "METHOD_NOT_PERMITTED".to_owned())));

    let anonymous = world.bills().get_bill(get()).await.expect_err("no token");
    assert_eq!((anonymous.code(), reason(&anonymous).as_str()), (Code::Unauthenticated, "TOKEN_MISSING"));
    let mut forged = tonic::Request::new(get());
    forged.metadata_mut().insert("authorization", "Bearer e30.e30.e30".parse().expect("a header"));
    let forged = world.bills().get_bill(forged).await.expect_err("no such token");
    assert_eq!((forged.code(), reason(&forged).as_str()), (Code::Unauthenticated, "TOKEN_INVALID"));

    let stranger = Client::resident("stranger", ResidentId::generate().uuid());
    let stranger = world.mesh.register(stranger).await;
    let foreign = world.authorise_as(&stranger, on_quote(&quote, vec![])).await.expect_err("another's quote");
    assert_eq!((foreign.code(), reason(&foreign).as_str()), (Code::PermissionDenied, "OUTSIDE_SCOPE"));
    let request = stranger.request(list(&resident().to_string(), "", 0, "")).await;
    let foreign = world.bills().list_bills(request).await.expect_err("another's bills");
    assert_eq!((foreign.code(), reason(&foreign).as_str()), (Code::PermissionDenied, "OUTSIDE_SCOPE"));

    let unknown = pb::GetBillRequest { bill_id: BillId::generate().to_string() };
    let request = world.caller("resident").request(unknown).await;
    let unknown = world.bills().get_bill(request).await.expect_err("unknown");
    assert_eq!((unknown.code(), reason(&unknown).as_str()), (Code::NotFound, "BILL_NOT_FOUND"));
}

#[tokio::test]
async fn bills_are_listed_newest_first_in_pages() {
    let world = World::new().await;
    let mut opened = Vec::new();
    for _ in 0..5 {
        let quote = world.quote("24.00").await;
        opened.insert(0, world.authorise("resident", on_quote(&quote, vec![])).await.expect("authorised").bill_id);
    }
    let (own, clinic) = (resident().to_string(), callers::CLINIC.to_string());
    let ask = async |client: &str, message: pb::ListBillsRequest| {
        let request = world.caller(client).request(message).await;
        world.bills().list_bills(request).await.map(tonic::Response::into_inner)
    };
    let (mut listed, mut token) = (Vec::new(), String::new());
    loop {
        let page = ask("resident", list(&own, "", 2, &token)).await.expect("a page");
        assert!(page.bills.len() <= 2);
        listed.extend(page.bills.into_iter().map(|bill| bill.bill_id));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(listed, opened);
    assert_eq!(ask("clinic", list("", &clinic, 0, "")).await.expect("its own").bills.len(), 5);
    assert_eq!(world.looked("payment.bill.list").await, 10, "who looked is recorded about her, bill by bill");
    let token = ask("resident", list(&own, "", 2, "")).await.expect("a page").next_page_token;
    for wrong in [list("", "", 0, ""), list(&own, &clinic, 0, ""), list("x", "", 0, ""), list(&own, "", -1, "")] {
        assert_eq!(ask("resident", wrong).await.expect_err("malformed").code(), Code::InvalidArgument);
    }
    let other_query = ask("clinic", list("", &clinic, 2, &token)).await.expect_err("a token of another query");
    assert_eq!(other_query.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn i8_every_change_of_a_bill_is_told_once_in_order() {
    let world = World::new().await;
    let bill = world.authorise("resident", on_quote(&world.quote("24.00").await, vec![])).await.expect("authorised");
    world.cancel("resident", &bill.bill_id).await.expect("cancelled");
    let mut events = EventServiceClient::new(world.mesh.channel("payment"));
    let mut told = Vec::new();
    let mut after_position = 0;
    while told.len() < 2 {
        let cursor = EventCursor { after_position, max_events: 10, wait_ms: 5000, ..Default::default() };
        let request = world.caller("app").request(pb::PullEventsRequest { cursor: Some(cursor) }).await;
        let batch = events.pull_events(request).await.expect("a batch").into_inner().batch.unwrap_or_default();
        assert!(!batch.events.is_empty(), "told within the wait");
        for event in batch.events {
            after_position = event.position;
            assert_eq!((event.subject.as_str(), event.source.as_str()), (bill.bill_id.as_str(), "anjia/payment"));
            told.push(event.r#type);
        }
    }
    assert_eq!(told, ["anjia.payment.bill.authorised.v1", "anjia.payment.bill.cancelled.v1"]);
}

#[tokio::test]
async fn id_07_who_acts_for_a_resident_sees_their_bills_with_view_alone() {
    let world = World::new().await;
    let quote = world.quote("24.00").await;
    let bill_id = world.authorise("resident", on_quote(&quote, vec![])).await.expect("authorised").bill_id;
    let (payer, viewer) = (world.delegate(DelegatedAction::Pay).await, world.delegate(DelegatedAction::View).await);
    let denied = Err((Code::PermissionDenied, "ACTION_NOT_DELEGATED".to_owned()));
    for (caller, outcome) in [(payer, denied), (viewer, Ok(()))] {
        let request = caller.request(pb::GetBillRequest { bill_id: bill_id.clone() }).await;
        let got = world.bills().get_bill(request).await;
        assert_eq!(got.map(drop).map_err(|status| (status.code(), reason(&status))), outcome);
        let request = caller.request(list(&resident().to_string(), "", 0, "")).await;
        let listed = world.bills().list_bills(request).await;
        assert_eq!(listed.map(drop).map_err(|status| (status.code(), reason(&status))), outcome);
    }
}
