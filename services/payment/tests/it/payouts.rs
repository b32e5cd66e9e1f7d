//! Who sees what a desk gives back, and what it has counted out.

use devstack::callers::Client;
use proto::anjia::common::v1::PageRequest;
use proto::anjia::identity::v1::DelegatedAction;
use proto::anjia::payment::v1::{self as pb, PayoutState};
use testkit::{TestCaller, callers};
use tonic::{Code, Status};
use types::ids::{PayoutId, ResidentId};
use uuid::Uuid;

use crate::corrected::number;
use crate::desk::refused;
use crate::world::{World, resident};

impl World {
    async fn payout(&self, caller: &TestCaller, payout_id: &str) -> Result<pb::Payout, Status> {
        let request = caller.request(pb::GetPayoutRequest { payout_id: payout_id.to_owned() }).await;
        Ok(self.desk().get_payout(request).await?.into_inner().payout.unwrap_or_default())
    }

    async fn payouts(
        &self,
        caller: &TestCaller,
        message: pb::ListPayoutsRequest,
    ) -> Result<pb::ListPayoutsResponse, Status> {
        Ok(self.desk().list_payouts(caller.request(message).await).await?.into_inner())
    }

    /// A bill of which the clinic's desk has to give 80 back.
    async fn overpaid(&self) -> pb::Bill {
        let settlement = self.settlement("2300.00").await;
        let bill = self.paid(&settlement, vec![]).await;
        self.correct(&settlement, "1500.00").await;
        self.followed(&bill.bill_id, 1).await
    }

    async fn supervisor(&self, role: &str, region: &str) -> TestCaller {
        let name = format!("{role}-{region}");
        let client = Client::new(&name, format!("client:{name}"), Some(callers::PLATFORM), &[role]);
        self.mesh.register(Client { region: region.to_owned(), ..client }).await
    }
}

/// As it is told to who is not of the desk, and does not supervise it.
fn unnamed(payout: &pb::Payout) -> pb::Payout {
    pb::Payout { opened_by: String::new(), witnessed_by: String::new(), ..payout.clone() }
}

fn list(resident_id: &str, payee: &str, page_size: i32, page_token: &str) -> pb::ListPayoutsRequest {
    pb::ListPayoutsRequest {
        resident_id: resident_id.to_owned(),
        payee_organisation_id: payee.to_owned(),
        page: Some(PageRequest { page_size, page_token: page_token.to_owned() }),
    }
}

fn of_resident() -> pb::ListPayoutsRequest {
    list(&resident().to_string(), "", 0, "")
}

fn of_clinic() -> pb::ListPayoutsRequest {
    list("", &callers::CLINIC.to_string(), 0, "")
}

#[tokio::test]
async fn py_06_who_is_owed_money_sees_what_will_be_and_what_was_given_back() {
    let world = World::new().await;
    let bill = world.overpaid().await;
    let herself = world.caller("resident");
    assert_eq!(world.payouts(&herself, of_resident()).await.expect("hers").payouts, [], "nothing is counted out yet");
    let opened = world.open("clinic", &bill.bill_id, "80.00").await.expect("counted out");
    assert_eq!(opened.witnessed_by, "", "nobody has witnessed it yet");
    assert_eq!(world.payout(&herself, &opened.payout_id).await.expect("hers"), unnamed(&opened));
    let (cashier, colleague) = (world.caller("clinic"), world.colleague().await);
    let paid = world.witness(&colleague, &opened.payout_id, "80.00").await.expect("given");
    assert_eq!((paid.opened_by.as_str(), paid.witnessed_by.as_str()), (cashier.party(), colleague.party()));

    // Which two of the desk it were is for the desk, and for who supervises it.
    let unnamed = unnamed(&paid);
    let auditor = world.supervisor("auditor", "110000").await;
    let doctor = Client::practitioner("clinic-doctor", Uuid::now_v7(), callers::CLINIC, &["family_doctor"]);
    let doctor = world.mesh.register(doctor).await;
    let worker = world.delegate(DelegatedAction::View).await;
    let (elsewhere, _) = world.delegate_to("hospital", resident(), &herself, DelegatedAction::View, None).await;
    for (caller, message, expected) in [
        (&herself, of_resident(), &unnamed),
        (&worker, of_resident(), &unnamed),
        (&elsewhere, of_resident(), &unnamed),
        (&doctor, of_clinic(), &unnamed),
        (&cashier, of_clinic(), &paid),
        (&auditor, of_clinic(), &paid),
    ] {
        let seen = world.payout(caller, &opened.payout_id).await.expect("may see it");
        assert_eq!((&seen, seen.state()), (expected, PayoutState::Paid), "{}", caller.party());
        let listed = world.payouts(caller, message).await.expect("may see them").payouts;
        assert_eq!(listed, std::slice::from_ref(expected), "{}", caller.party());
    }
    for (action, times) in [("payment.payout.read", 7), ("payment.payout.list", 6)] {
        assert_eq!(world.looked(action).await, times, "who looked is recorded about her: {action}");
    }
}

#[tokio::test]
async fn id_07_payouts_are_for_their_resident_and_desk_and_for_who_supervises_it() {
    let world = World::new().await;
    let bill = world.overpaid().await;
    let payout = world.open("clinic", &bill.bill_id, "80.00").await.expect("counted out");
    let (hospital, bank) = (world.caller("hospital"), world.caller("bank"));
    let stranger = world.mesh.register(Client::resident("stranger", ResidentId::generate().uuid())).await;
    let outside = (Code::PermissionDenied, "OUTSIDE_SCOPE".to_owned());
    for caller in [&hospital, &stranger] {
        let foreign = world.payout(caller, &payout.payout_id).await.expect_err("another's");
        assert_eq!(refused(&foreign), outside);
        for message in [of_resident(), of_clinic()] {
            let foreign = world.payouts(caller, message).await.expect_err("another's");
            assert_eq!(refused(&foreign), outside);
        }
    }
    let own = list("", &callers::HOSPITAL.to_string(), 0, "");
    assert_eq!(world.payouts(&hospital, own).await.expect("its own").payouts, []);
    let own = list(stranger.party().trim_start_matches("resident:"), "", 0, "");
    assert_eq!(world.payouts(&stranger, own).await.expect("their own").payouts, []);

    let role = (Code::PermissionDenied, "METHOD_NOT_PERMITTED".to_owned());
    assert_eq!(refused(&world.payout(&bank, &payout.payout_id).await.expect_err("a bank")), role);
    assert_eq!(refused(&world.payouts(&bank, of_resident()).await.expect_err("a bank")), role);
    let operator = world.caller("operator");
    assert_eq!(refused(&world.payout(&operator, &payout.payout_id).await.expect_err("an operator")), role);
    assert_eq!(refused(&world.payouts(&operator, of_clinic()).await.expect_err("an operator")), role);
    let auditor = world.supervisor("auditor", "110000").await;
    let by_person = world.payouts(&auditor, of_resident()).await.expect_err("nobody is looked up");
    assert_eq!(refused(&by_person), outside);
    let request = pb::GetPayoutRequest { payout_id: payout.payout_id.clone() };
    let anonymous = world.desk().get_payout(request).await.expect_err("no token");
    assert_eq!(refused(&anonymous), (Code::Unauthenticated, "TOKEN_MISSING".to_owned()));

    // Who supervises in another region sees nothing of this one.
    let away = world.supervisor("auditor", "310000").await;
    let unseen = world.payout(&away, &payout.payout_id).await.expect_err("another region's");
    assert_eq!(refused(&unseen), (Code::NotFound, "PAYOUT_NOT_FOUND".to_owned()));
    assert_eq!(world.payouts(&away, of_clinic()).await.expect("none there").payouts, []);
    let mut owner = world.mesh.owner("payment").await;
    let seen = "SELECT count(*) FROM audit_entries WHERE action IN ('payment.payout.read', 'payment.payout.list')";
    assert_eq!(number(&mut owner, seen).await, 0, "nobody has seen anything");
}

#[tokio::test]
async fn id_07_who_acts_for_a_resident_sees_what_she_is_given_back_with_view_alone() {
    let world = World::new().await;
    let bill = world.overpaid().await;
    let payout = world.open("clinic", &bill.bill_id, "80.00").await.expect("counted out");
    let (payer, viewer) = (world.delegate(DelegatedAction::Pay).await, world.delegate(DelegatedAction::View).await);
    let denied = Err((Code::PermissionDenied, "ACTION_NOT_DELEGATED".to_owned()));
    for (caller, outcome) in [(payer, denied), (viewer, Ok(()))] {
        let got = world.payout(&caller, &payout.payout_id).await;
        assert_eq!(got.map(drop).map_err(|status| refused(&status)), outcome);
        let listed = world.payouts(&caller, of_resident()).await;
        assert_eq!(listed.map(drop).map_err(|status| refused(&status)), outcome);
    }
}

#[tokio::test]
async fn py_06_payouts_are_listed_newest_first_in_pages() {
    let world = World::new().await;
    let bill = world.overpaid().await;
    let mut opened = Vec::new();
    for _ in 0..5 {
        opened.insert(0, world.open("clinic", &bill.bill_id, "10.00").await.expect("counted out").payout_id);
    }
    // Two of one moment, between which a page ends: the later id comes first.
    sqlx::query(
        "UPDATE payouts SET opened_at = (SELECT opened_at FROM payouts WHERE id = $2::uuid) WHERE id = $1::uuid",
    )
    .bind(&opened[1])
    .bind(&opened[2])
    .execute(&mut world.mesh.owner("payment").await)
    .await
    .expect("moved");
    let (herself, desk) = (world.caller("resident"), world.caller("clinic"));
    let (own, clinic) = (resident().to_string(), callers::CLINIC.to_string());
    for (caller, resident_id, payee) in [(&herself, own.as_str(), ""), (&desk, "", clinic.as_str())] {
        let (mut listed, mut token) = (Vec::new(), String::new());
        loop {
            let page = world.payouts(caller, list(resident_id, payee, 2, &token)).await.expect("a page");
            assert!(page.payouts.len() <= 2);
            listed.extend(page.payouts);
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        let states = listed.iter().map(pb::Payout::state).collect::<Vec<_>>();
        assert_eq!(listed.into_iter().map(|payout| payout.payout_id).collect::<Vec<_>>(), opened);
        assert_eq!((states[0], &states[1..]), (PayoutState::Open, [PayoutState::Replaced; 4].as_slice()));
    }

    let token = world.payouts(&herself, list(&own, "", 2, "")).await.expect("a page").next_page_token;
    for wrong in [
        list("", "", 0, ""),
        list(&own, &clinic, 0, ""),
        list("x", "", 0, ""),
        list("", "x", 0, ""),
        list(&own, "", -1, ""),
        list(&own, "", 2, "x"),
    ] {
        let malformed = world.payouts(&herself, wrong).await.expect_err("malformed");
        assert_eq!(refused(&malformed), (Code::InvalidArgument, "INVALID_FIELD".to_owned()));
    }
    let other_query = world.payouts(&desk, list("", &clinic, 2, &token)).await.expect_err("a token of another query");
    assert_eq!(refused(&other_query), (Code::InvalidArgument, "INVALID_FIELD".to_owned()));
    let malformed = world.payout(&herself, "x").await.expect_err("no id");
    assert_eq!(refused(&malformed), (Code::InvalidArgument, "INVALID_FIELD".to_owned()));
    let unknown = world.payout(&herself, &PayoutId::generate().to_string()).await.expect_err("none");
    assert_eq!(refused(&unknown), (Code::NotFound, "PAYOUT_NOT_FOUND".to_owned()));
}
