//! Care away from the insured region: the catalogue of the place of care, the entitlement of the insured region, filing and clearing.

use chrono::Datelike as _;
use proto::anjia::adjudication::v1 as wire;
use proto::anjia::common::v1::CareKind;
use proto::anjia::identity::v1 as identity;
use proto::anjia::identity::v1::enrolment_service_client::EnrolmentServiceClient;
use proto::convert::to_date;
use testkit::{reason, request_id};
use tonic::Code;
use types::ids::{BillId, JourneyId, ResidentId};
use types::region::RegionCode;

use crate::days::text;
use crate::world::{COVERED, DEMONSTRATION, OWN, World, shares, today};

/// Somebody insured in the demonstration city, in a world whose desks are Beijing's.
pub(crate) async fn visitor(world: &World) -> ResidentId {
    let policy = world.propose(DEMONSTRATION).await.expect("the document is complete");
    world.release("insurer-releaser", &policy.policy_id).await.expect("another officer releases it");
    let resident = ResidentId::generate();
    world.register(resident).await;
    world.enrol_in_demonstration(resident, None, "2024-01-01").await;
    resident
}

async fn file(world: &World, resident: ResidentId, kind: identity::RemoteCareKind) {
    let until = to_date(today() + chrono::Days::new(90));
    let filing = identity::RemoteCareFiling {
        resident_id: resident.to_string(),
        kind: kind.into(),
        care_region_code: "110000".to_owned(),
        from: Some(to_date(today())),
        until: Some(until),
        evidence: "居住证".to_owned(),
        ..Default::default()
    };
    let request = identity::FileRemoteCareRequest { request_id: request_id(), filing: Some(filing) };
    let request = world.caller("insurer-proposer").request(request).await;
    let mut enrolments = EnrolmentServiceClient::new(world.mesh.channel("identity"));
    enrolments.file_remote_care(request).await.expect("nothing is filed yet");
}

async fn divided(world: &World, resident: ResidentId, item: &str, amount: &str) -> wire::Settlement {
    let visit = world.visit("clinic", resident, CareKind::Outpatient, JourneyId::generate()).await;
    world.divide("clinic", &visit, item, amount).await.expect("divided").settlement.unwrap_or_default()
}

pub(crate) async fn clearing(world: &World, caller: &str) -> wire::Clearing {
    let request = wire::GetClearingRequest { month: today().format("%Y-%m").to_string() };
    let answer = world.adjudication().get_clearing(world.caller(caller).request(request).await).await;
    answer.expect("an officer may read it").into_inner().clearing.unwrap_or_default()
}

#[tokio::test]
async fn ad_06_the_catalogue_of_the_place_of_care_and_the_entitlement_of_the_insured_region() {
    let world = World::without_policy().await;
    let visitor = visitor(&world).await;
    // Beijing's catalogue says what is in scope, the demonstration city's policy what of it is paid.
    assert_eq!(shares(&divided(&world, visitor, COVERED, "100.00").await), ("85.00".to_owned(), "15.00".to_owned()));
    assert_eq!(shares(&divided(&world, visitor, OWN, "100.00").await), ("0.00".to_owned(), "100.00".to_owned()));
}

#[tokio::test]
async fn ad_06_care_away_from_home_is_unfiled_until_it_is_filed_before_it_is_settled() {
    let world = World::without_policy().await;
    let visitor = visitor(&world).await;
    assert_eq!(divided(&world, visitor, COVERED, "100.00").await.remote_care(), wire::RemoteCare::Unfiled);
    file(&world, visitor, identity::RemoteCareKind::TemporaryReferral).await;
    assert_eq!(divided(&world, visitor, COVERED, "100.00").await.remote_care(), wire::RemoteCare::TemporaryReferral);
}

#[tokio::test]
async fn ad_06_regions_clear_what_they_owe_one_another_and_it_adds_up_to_zero() {
    let world = World::without_policy().await;
    let visitor = visitor(&world).await;
    let first = divided(&world, visitor, COVERED, "100.00").await;
    let bill = BillId::generate().to_string();
    world.confirm(&first.settlement_id, &bill).await.expect("confirmed");
    let second = divided(&world, visitor, OWN, "100.00").await;
    world.confirm(&second.settlement_id, &BillId::generate().to_string()).await.expect("confirmed");

    let cleared = clearing(&world, "insurer-proposer").await;
    assert_eq!((cleared.region_code.as_str(), text(cleared.net.as_ref()).as_str()), ("110000", "85.00"));
    let [balance] = cleared.balances.as_slice() else { panic!("one region: {cleared:?}") };
    assert_eq!((balance.region_code.as_str(), balance.bookings), ("990000", 1));
    assert_eq!(
        (text(balance.receivable.as_ref()), text(balance.payable.as_ref())),
        ("85.00".to_owned(), "0.00".to_owned())
    );
    // The other side sees the same, and may write none of it.
    let db = world.mesh.connect("adjudication").await;
    let mut tx = db.begin(postgres::Scope::Region(types::region::RegionCode::DEMONSTRATION)).await.expect("begun");
    let month = today().with_day(1).expect("a day");
    let owed = adjudication::store::clearing_entries::owed(&mut tx, month).await.expect("read");
    let there = adjudication::domain::clearing::Clearing::of(types::region::RegionCode::DEMONSTRATION, month, &owed);
    assert_eq!((there.net() + crate::world::money("85.00")).to_string(), "0.00");
    let written = sqlx::query(
        "INSERT INTO clearing_entries SELECT gen_random_uuid(), region, insured_region, month, settlement_id, 'TAKEN_BACK', -amount, now() \
         FROM clearing_entries",
    );
    assert!(written.execute(&mut *tx).await.is_err(), "it is the other's to book");
    drop(tx);

    world.reverse(&first.settlement_id, &bill).await.expect("it is in force");
    let cleared = clearing(&world, "insurer-proposer").await;
    assert_eq!((text(cleared.net.as_ref()).as_str(), cleared.balances[0].bookings), ("0.00", 2));
}

#[tokio::test]
async fn ad_06_a_clearing_is_asked_for_by_its_month() {
    let world = World::without_policy().await;
    for month in ["", "2026", "2026-13", "2026-3", "2026-03-01", "２026-03"] {
        let request = wire::GetClearingRequest { month: month.to_owned() };
        let request = world.caller("insurer-proposer").request(request).await;
        let refused = world.adjudication().get_clearing(request).await.expect_err(month);
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::InvalidArgument, "INVALID_FIELD"), "{month}");
    }
}

#[tokio::test]
async fn ad_06_ad_08_ad_09_what_is_cut_of_care_elsewhere_is_not_owed_by_the_insured_region() {
    let world = World::with_rules().await;
    let (ann, bo) = (world.reviewer("reviewer-ann").await, world.reviewer("reviewer-bo").await);
    let visitor = visitor(&world).await;
    let settled = divided(&world, visitor, COVERED, "1500.00").await;
    let bill = BillId::generate().to_string();
    world.confirm(&settled.settlement_id, &bill).await.expect("confirmed");
    let books = async || {
        let [month]: [_; 1] = world.months_of(RegionCode::DEMONSTRATION).await.try_into().expect("one month");
        let owed = text(clearing(&world, "insurer-proposer").await.net.as_ref());
        (month.pooled_fund.to_string(), month.cut.to_string(), owed)
    };
    let both = |paid: &str, cut: &str, owed: &str| (paid.to_owned(), cut.to_owned(), owed.to_owned());
    assert_eq!(books().await, both("1275.00", "0.00", "1275.00"));

    let found = world.findings(&ann, wire::FindingState::Open).await;
    let finding = found.iter().find(|finding| finding.rule == "N25-014").expect("the price").finding_id.clone();
    let decide = async |by, cut| world.decide(by, &finding, wire::FindingDecision::Cut, Some(cut)).await;
    decide(&ann, "1000.00").await.expect("cut");
    assert_eq!(books().await, both("1275.00", "1000.00", "275.00"));
    // While the appeal is open nothing is cut; of what stands of it the books say so again.
    world.appeal(&world.caller("clinic"), &finding).await.expect("appealed");
    assert_eq!(books().await, both("1275.00", "0.00", "1275.00"));
    decide(&bo, "800.00").await.expect("upheld");
    assert_eq!(books().await, both("1275.00", "800.00", "475.00"));

    world.reverse(&settled.settlement_id, &bill).await.expect("it is in force");
    assert_eq!(books().await, both("0.00", "0.00", "0.00"));
}
