use proto::anjia::common::v1::Scheme;
use proto::anjia::identity::v1::{
    ContributionState, CoverLayer, Coverage, Enrolment, GetCoverageRequest, WaitingCause,
};
use proto::convert::to_date;
use testkit::TestCaller;
use tonic::Status;
use types::ids::ResidentId;

use crate::support::{World, day, denied, exists, new_enrolment, not_found, refused, wrong_field};

impl World {
    pub(crate) async fn coverage(&self, caller: &TestCaller, id: ResidentId, on: &str) -> Result<Coverage, Status> {
        let message = GetCoverageRequest { resident_id: id.to_string(), on: Some(to_date(day(on))), known_at: None };
        let answer = self.enrolments().get_coverage(caller.request(message).await).await?;
        Ok(answer.into_inner().coverage.unwrap())
    }
}

#[tokio::test]
async fn id_03_cover_is_what_is_in_force_on_the_day_in_the_order_of_layers() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let operator = world.caller("operator");
    let basic = new_enrolment(person.id, "2026-01-01", Some("2026-12-31"));
    let assistance = Enrolment { layer: CoverLayer::Assistance.into(), ..new_enrolment(person.id, "2026-06-01", None) };
    for enrolment in [assistance, basic] {
        world.enrol(&operator, enrolment).await.unwrap();
    }

    let adjudication = world.caller("adjudication");
    let layers = async |on| {
        let coverage = world.coverage(&adjudication, person.id, on).await.unwrap();
        assert_eq!(coverage.birth_date, Some(to_date(day("1954-03-01"))));
        coverage.enrolments.iter().map(Enrolment::layer).collect::<Vec<_>>()
    };
    assert_eq!(layers("2025-12-31").await, []);
    assert_eq!(layers("2026-01-01").await, [CoverLayer::Basic]);
    assert_eq!(layers("2026-12-31").await, [CoverLayer::Basic, CoverLayer::Assistance]);
    assert_eq!(layers("2027-01-01").await, [CoverLayer::Assistance]);
    assert_eq!(world.audited("identity.coverage.read", person.id).await, 4);
}

#[tokio::test]
async fn id_07_cover_is_shown_to_the_resident_and_to_the_services_that_need_it() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let stranger = world.person("wang").await;
    assert!(world.coverage(&person.caller, person.id, "2026-01-01").await.is_ok());
    assert!(world.coverage(&world.caller("scheduling"), person.id, "2026-01-01").await.is_ok());
    let answer = world.coverage(&stranger.caller, person.id, "2026-01-01").await;
    assert_eq!(refused(answer), denied("OUTSIDE_SCOPE"));
    let answer = world.coverage(&world.caller("payment"), person.id, "2026-01-01").await;
    assert_eq!(refused(answer), denied("PEER_NOT_PERMITTED"));

    let unknown = world.coverage(&world.caller("scheduling"), ResidentId::generate(), "2026-01-01").await;
    assert_eq!(refused(unknown), not_found("RESIDENT_NOT_FOUND"));
    let message = GetCoverageRequest { resident_id: person.id.to_string(), on: None, known_at: None };
    let dayless = world.enrolments().get_coverage(person.caller.request(message).await).await;
    assert_eq!(wrong_field(dayless), "on");
}

#[tokio::test]
async fn id_03_cover_says_whether_contributions_stand_and_by_which_rule() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let operator = world.caller("operator");
    let demonstration = |from, until| Enrolment {
        insured_region_code: "990000".to_owned(),
        retired: false,
        ..new_enrolment(person.id, from, until)
    };
    world.enrol(&operator, demonstration("2024-01-01", Some("2025-12-31"))).await.unwrap();
    world.enrol(&operator, demonstration("2026-06-01", None)).await.unwrap();

    let adjudication = world.caller("adjudication");
    let standing = async |on| world.coverage(&adjudication, person.id, on).await.unwrap().contribution.unwrap();
    assert_eq!(standing("2023-12-31").await.state(), ContributionState::NotEnrolled);
    assert_eq!(standing("2025-12-31").await.state(), ContributionState::InForce);
    let gap = standing("2026-03-01").await;
    assert_eq!((gap.state(), gap.since), (ContributionState::InGap, Some(to_date(day("2026-01-01")))));
    let waiting = standing("2026-06-01").await;
    assert_eq!((waiting.state(), waiting.cause()), (ContributionState::Waiting, WaitingCause::BrokenCover));
    assert_eq!(waiting.until, Some(to_date(day("2026-11-30"))));
    assert!(!waiting.source.is_empty());
    assert_eq!(standing("2026-12-01").await.state(), ContributionState::InForce);
}

#[tokio::test]
async fn id_03_several_pay_in_one_layer_in_their_order() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let payer = world.hospital().await.to_string();
    let operator = world.caller("operator");
    let top_up = |order| Enrolment {
        layer: CoverLayer::Commercial.into(),
        scheme: Scheme::Resident.into(),
        payer_organisation_id: payer.clone(),
        order,
        retired: false,
        ..new_enrolment(person.id, "2026-01-01", None)
    };
    for order in [2, 0] {
        world.enrol(&operator, top_up(order)).await.unwrap();
    }
    let coverage = world.coverage(&world.caller("adjudication"), person.id, "2026-01-01").await.unwrap();
    assert_eq!(coverage.enrolments.iter().map(|row| row.order).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(refused(world.enrol(&operator, top_up(2)).await), exists("ENROLMENT_OVERLAPS"));
    let unpaid = Enrolment { payer_organisation_id: String::new(), ..top_up(3) };
    assert_eq!(wrong_field(world.enrol(&operator, unpaid).await), "enrolment.payer_organisation_id");
    assert_eq!(wrong_field(world.enrol(&operator, top_up(10)).await), "enrolment.order");
}

#[tokio::test]
async fn id_03_retirement_counts_from_its_day() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let retired_from = Some(to_date(day("2026-07-01")));
    let enrolment = Enrolment { retired: false, retired_from, ..new_enrolment(person.id, "2026-01-01", None) };
    world.enrol(&world.caller("operator"), enrolment).await.unwrap();
    let retired = async |on| {
        let coverage = world.coverage(&world.caller("adjudication"), person.id, on).await.unwrap();
        coverage.enrolments[0].retired
    };
    assert!(!retired("2026-06-30").await);
    assert!(retired("2026-07-01").await);
}
