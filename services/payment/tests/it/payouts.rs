//! Who sees what a desk gives back, and what it has counted out.

use devstack::callers::Client;
use proto::anjia::common::v1::PageRequest;
use proto::anjia::identity::v1::DelegatedAction;
use proto::anjia::payment::v1::{self as pb, PayoutState};
use testkit::{TestCaller, callers};
use tonic::{Code, Status};
use types::ids::{PayoutId, ResidentId};

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
    assert_eq!(world.payout(&herself, &opened.payout_id).await.expect("hers"), opened);
    let paid = world.witness(&world.colleague().await, &opened.payout_id, "80.00").await.expect("given");
    let supervisors =
        [world.caller("operator"), world.supervisor("auditor", "110000").await, world.caller("clinic"), herself];
    for caller in &supervisors {
        let seen = world.payout(caller, &opened.payout_id).await.expect("may see it");
        assert_eq!((&seen, seen.state()), (&paid, PayoutState::Paid), "{}", caller.party());
    }
    let [operator, auditor, clinic, herself] = &supervisors;
    for (caller, message) in [
        (herself, of_resident()),
        (clinic, of_clinic()),
        (operator, of_resident()),
        (operator, of_clinic()),
        (auditor, of_resident()),
        (auditor, of_clinic()),
    ] {
        let listed = world.payouts(caller, message).await.expect("may see them").payouts;
        assert_eq!(listed, std::slice::from_ref(&paid), "{}", caller.party());
    }
    let mut owner = world.mesh.owner("payment").await;
    for (action, times) in [("read", 5), ("list", 6)] {
        let told: i64 = sqlx::query_scalar("SELECT count(*) FROM audit_entries WHERE action = $1")
            .bind(format!("payment.payout.{action}"))
            .fetch_one(&mut owner)
            .await
            .expect("counted");
        assert_eq!(told, times, "who looked is recorded: {action}");
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
    let request = pb::GetPayoutRequest { payout_id: payout.payout_id.clone() };
    let anonymous = world.desk().get_payout(request).await.expect_err("no token");
    assert_eq!(refused(&anonymous), (Code::Unauthenticated, "TOKEN_MISSING".to_owned()));

    // Who supervises in another region sees nothing of this one.
    let away = world.supervisor("operator", "310000").await;
    let unseen = world.payout(&away, &payout.payout_id).await.expect_err("another region's");
    assert_eq!(refused(&unseen), (Code::NotFound, "PAYOUT_NOT_FOUND".to_owned()));
    for message in [of_resident(), of_clinic()] {
        assert_eq!(world.payouts(&away, message).await.expect("none there").payouts, []);
    }
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
