use proto::anjia::identity::v1::{CoverLayer, EnrolResidentRequest, Enrolment, GetEnrolmentRequest};
use testkit::request_id;
use tonic::{Code, Status};
use types::ids::{EnrolmentId, OrganisationId, ResidentId};

use crate::support::{World, denied, exists, new_enrolment, not_found, refused, wrong_field};

const OFFICER: &str = "insurer-proposer";

impl World {
    async fn get_enrolment(&self, caller: &testkit::TestCaller, id: &str) -> Result<Enrolment, Status> {
        let request = caller.request(GetEnrolmentRequest { enrolment_id: id.to_owned(), known_at: None }).await;
        Ok(self.enrolments().get_enrolment(request).await?.into_inner().enrolment.unwrap())
    }
}

#[tokio::test]
async fn id_03_an_enrolment_is_recorded_and_told() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let officer = world.caller(OFFICER);
    let message = EnrolResidentRequest {
        request_id: request_id(),
        enrolment: Some(new_enrolment(person.id, "2026-01-01", None)),
    };
    let mut answers = vec![];
    for _ in 0..2 {
        let request = officer.request(message.clone()).await;
        answers.push(world.enrolments().enrol_resident(request).await.unwrap().into_inner().enrolment.unwrap());
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(world.told("anjia.identity.coverage.changed.v1", &person.id.to_string()).await, 1);
    assert_eq!(world.audited("identity.enrolment.record", person.id).await, 1);

    let id = &answers[0].enrolment_id;
    assert_eq!(world.get_enrolment(&person.caller, id).await.unwrap(), answers[0]);
    assert_eq!(world.get_enrolment(&officer, id).await.unwrap(), answers[0]);
    let stranger = world.person("wang").await;
    assert_eq!(refused(world.get_enrolment(&stranger.caller, id).await), denied("OUTSIDE_SCOPE"));
    let unknown = EnrolmentId::generate().to_string();
    assert_eq!(refused(world.get_enrolment(&officer, &unknown).await), not_found("ENROLMENT_NOT_FOUND"));

    let other = EnrolResidentRequest { enrolment: Some(new_enrolment(person.id, "2025-01-01", None)), ..message };
    let answer = world.enrolments().enrol_resident(officer.request(other).await).await;
    assert_eq!(refused(answer), (Code::InvalidArgument, "REQUEST_ID_REUSED".to_owned()));
}

#[tokio::test]
async fn id_03_days_of_one_layer_do_not_overlap() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let officer = world.caller(OFFICER);
    let enrol = async |from, until| world.enrol(&officer, new_enrolment(person.id, from, until)).await;
    enrol("2026-01-01", Some("2026-06-30")).await.unwrap();
    assert_eq!(refused(enrol("2026-06-30", None).await), exists("ENROLMENT_OVERLAPS"));
    assert_eq!(refused(enrol("2025-01-01", None).await), exists("ENROLMENT_OVERLAPS"));
    assert_eq!(refused(enrol("2025-01-01", Some("2026-01-01")).await), exists("ENROLMENT_OVERLAPS"));
    enrol("2026-07-01", None).await.unwrap();
    enrol("2025-01-01", Some("2025-12-31")).await.unwrap();

    let other_layer =
        Enrolment { layer: CoverLayer::Assistance.into(), ..new_enrolment(person.id, "2026-01-01", None) };
    world.enrol(&officer, other_layer).await.unwrap();
}

#[tokio::test]
async fn id_03_of_concurrent_enrolments_one_wins() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let officer = world.caller(OFFICER);
    let tries = (0..8).map(|_| world.enrol(&officer, new_enrolment(person.id, "2026-01-01", None)));
    let answers = futures_util::future::join_all(tries).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    for answer in answers.into_iter().filter(Result::is_err) {
        assert_eq!(refused(answer), exists("ENROLMENT_OVERLAPS"));
    }
}

#[tokio::test]
async fn a_wrong_field_is_named_and_unknown_ids_are_not_found() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let officer = world.caller(OFFICER);
    let good = || new_enrolment(person.id, "2026-01-01", Some("2026-12-31"));
    let cases = [
        (Enrolment { resident_id: String::new(), ..good() }, "enrolment.resident_id"),
        (Enrolment { scheme: 0, ..good() }, "enrolment.scheme"),
        (Enrolment { insured_region_code: "1".to_owned(), ..good() }, "enrolment.insured_region_code"),
        (Enrolment { layer: 0, ..good() }, "enrolment.layer"),
        (Enrolment { from: None, ..good() }, "enrolment.from"),
        (new_enrolment(person.id, "2026-01-01", Some("2025-12-31")), "enrolment.until"),
    ];
    for (enrolment, field) in cases {
        assert_eq!(wrong_field(world.enrol(&officer, enrolment).await), field);
    }
    let nobody = new_enrolment(ResidentId::generate(), "2026-01-01", None);
    assert_eq!(refused(world.enrol(&officer, nobody).await), not_found("RESIDENT_NOT_FOUND"));
    let payer = Enrolment { payer_organisation_id: OrganisationId::generate().to_string(), ..good() };
    assert_eq!(refused(world.enrol(&officer, payer).await), not_found("ORGANISATION_NOT_FOUND"));
}
