use proto::anjia::identity::v1::{CoverLayer, Coverage, Enrolment, GetCoverageRequest};
use proto::convert::to_date;
use testkit::TestCaller;
use tonic::Status;
use types::ids::ResidentId;

use crate::support::{World, day, denied, new_enrolment, not_found, refused, wrong_field};

impl World {
    async fn coverage(&self, caller: &TestCaller, id: ResidentId, on: &str) -> Result<Coverage, Status> {
        let message = GetCoverageRequest { resident_id: id.to_string(), on: Some(to_date(day(on))) };
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
    assert_eq!(refused(answer), denied("METHOD_NOT_PERMITTED"));

    let unknown = world.coverage(&world.caller("scheduling"), ResidentId::generate(), "2026-01-01").await;
    assert_eq!(refused(unknown), not_found("RESIDENT_NOT_FOUND"));
    let message = GetCoverageRequest { resident_id: person.id.to_string(), on: None };
    let dayless = world.enrolments().get_coverage(person.caller.request(message).await).await;
    assert_eq!(wrong_field(dayless), "on");
}
