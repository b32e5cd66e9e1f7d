use proto::anjia::common::v1::PageRequest;
use proto::anjia::identity::v1::{
    CorrectEnrolmentRequest, Coverage, EndEnrolmentRequest, Enrolment, GetCoverageRequest, GetEnrolmentRequest,
    ListEnrolmentsRequest,
};
use proto::convert::{to_date, to_timestamp};
use testkit::{TestCaller, request_id};
use tonic::{Code, Status};
use types::ids::{EnrolmentId, ResidentId};

use crate::support::{World, day, denied, exists, new_enrolment, not_found, now, refused, wrong_field};

const OFFICER: &str = "insurer-proposer";

impl World {
    async fn correct_enrolment(
        &self,
        caller: &TestCaller,
        message: CorrectEnrolmentRequest,
    ) -> Result<Enrolment, Status> {
        let answer = self.enrolments().correct_enrolment(caller.request(message).await).await?;
        Ok(answer.into_inner().enrolment.unwrap())
    }

    async fn end_enrolment(&self, caller: &TestCaller, message: EndEnrolmentRequest) -> Result<Enrolment, Status> {
        let answer = self.enrolments().end_enrolment(caller.request(message).await).await?;
        Ok(answer.into_inner().enrolment.unwrap())
    }

    async fn list_enrolments(
        &self,
        caller: &TestCaller,
        message: ListEnrolmentsRequest,
    ) -> Result<Vec<Enrolment>, Status> {
        let answer = self.enrolments().list_enrolments(caller.request(message).await).await?;
        Ok(answer.into_inner().enrolments)
    }

    async fn believed(&self, resident: ResidentId, on: &str, known_at: Option<prost_types::Timestamp>) -> Coverage {
        let message = GetCoverageRequest { resident_id: resident.to_string(), on: Some(to_date(day(on))), known_at };
        let request = self.caller("adjudication").request(message).await;
        self.enrolments().get_coverage(request).await.unwrap().into_inner().coverage.unwrap()
    }
}

fn correction(right: Enrolment, version: i32) -> CorrectEnrolmentRequest {
    CorrectEnrolmentRequest {
        request_id: request_id(), enrolment: Some(right), version, reason: "单位补报".to_owned()
    }
}

fn ending(enrolment: &Enrolment, until: &str) -> EndEnrolmentRequest {
    EndEnrolmentRequest {
        request_id: request_id(),
        enrolment_id: enrolment.enrolment_id.clone(),
        version: enrolment.version,
        until: Some(to_date(day(until))),
        reason: "离职".to_owned(),
    }
}

#[tokio::test]
async fn id_03_what_was_believed_then_is_answered_after_a_correction() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let officer = world.caller(OFFICER);
    let first = world.enrol(&officer, new_enrolment(person.id, "2026-01-01", None)).await.unwrap();
    let before_correction = to_timestamp(now());

    let right =
        Enrolment { from: Some(to_date(day("2026-03-01"))), retired: false, retired_from: None, ..first.clone() };
    let message = correction(right, 1);
    let second = world.correct_enrolment(&officer, message.clone()).await.unwrap();
    assert_eq!(world.correct_enrolment(&officer, message).await.unwrap(), second);
    assert_eq!((second.version, second.retired), (2, false));
    assert_eq!(second.enrolment_id, first.enrolment_id);

    // What do we believe of February now, and what did we believe of it then?
    assert!(world.believed(person.id, "2026-02-01", None).await.enrolments.is_empty());
    let then = world.believed(person.id, "2026-02-01", Some(before_correction)).await;
    assert_eq!(then.enrolments.len(), 1);
    assert!(then.enrolments[0].retired);
    assert_eq!(then.enrolments[0].superseded_at, second.recorded_at);
    let long_ago = Some(to_timestamp(now() - chrono::TimeDelta::days(1)));
    assert!(world.believed(person.id, "2026-02-01", long_ago).await.enrolments.is_empty());

    let get = GetEnrolmentRequest { enrolment_id: first.enrolment_id.clone(), known_at: Some(before_correction) };
    let read = world.enrolments().get_enrolment(person.caller.request(get).await).await.unwrap();
    assert_eq!(read.into_inner().enrolment.unwrap().version, 1);
    let get = GetEnrolmentRequest { enrolment_id: first.enrolment_id.clone(), known_at: long_ago };
    let unknown = world.enrolments().get_enrolment(person.caller.request(get).await).await;
    assert_eq!(refused(unknown), not_found("ENROLMENT_NOT_FOUND"));

    assert_eq!(world.told("anjia.identity.coverage.changed.v1", &person.id.to_string()).await, 2);
    assert_eq!(world.audited("identity.enrolment.correct", person.id).await, 1);
}

#[tokio::test]
async fn id_03_every_version_can_be_listed() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let officer = world.caller(OFFICER);
    let first = world.enrol(&officer, new_enrolment(person.id, "2026-01-01", None)).await.unwrap();
    let ended = world.end_enrolment(&officer, ending(&first, "2026-06-30")).await.unwrap();
    assert_eq!(ended.until, Some(to_date(day("2026-06-30"))));
    world.enrol(&officer, new_enrolment(person.id, "2026-07-01", None)).await.unwrap();

    let all = || ListEnrolmentsRequest { resident_id: person.id.to_string(), ..Default::default() };
    let versions = |rows: &[Enrolment]| rows.iter().map(|row| row.version).collect::<Vec<_>>();
    let now_believed = world.list_enrolments(&person.caller, all()).await.unwrap();
    assert_eq!(versions(&now_believed), [2, 1]);
    let ever = ListEnrolmentsRequest { all_versions: true, ..all() };
    assert_eq!(versions(&world.list_enrolments(&officer, ever.clone()).await.unwrap()), [1, 2, 1]);
    let then = ListEnrolmentsRequest { known_at: first.recorded_at, ..all() };
    assert_eq!(versions(&world.list_enrolments(&officer, then).await.unwrap()), [1]);

    let page = |page_token| Some(PageRequest { page_size: 2, page_token });
    let request = officer.request(ListEnrolmentsRequest { page: page(String::new()), ..ever.clone() }).await;
    let answer = world.enrolments().list_enrolments(request).await.unwrap().into_inner();
    assert_eq!(versions(&answer.enrolments), [1, 2]);
    let rest = ListEnrolmentsRequest { page: page(answer.next_page_token), ..ever.clone() };
    assert_eq!(versions(&world.list_enrolments(&officer, rest).await.unwrap()), [1]);

    let both = ListEnrolmentsRequest { known_at: first.recorded_at, ..ever };
    assert_eq!(wrong_field(world.list_enrolments(&officer, both).await), "known_at");
    let stranger = world.person("wang").await;
    assert_eq!(refused(world.list_enrolments(&stranger.caller, all()).await), denied("OUTSIDE_SCOPE"));
}

#[tokio::test]
async fn id_03_of_two_corrections_of_one_version_one_wins() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let officer = world.caller(OFFICER);
    let first = world.enrol(&officer, new_enrolment(person.id, "2026-01-01", None)).await.unwrap();
    let tries =
        (0..4).map(|_| world.correct_enrolment(&officer, correction(Enrolment { retired: false, ..first.clone() }, 1)));
    let answers = futures_util::future::join_all(tries).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    for answer in answers.into_iter().filter(Result::is_err) {
        assert_eq!(refused(answer), (Code::Aborted, "STALE_VERSION".to_owned()));
    }
}

#[tokio::test]
async fn id_03_a_correction_that_cannot_be_is_refused() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let officer = world.caller(OFFICER);
    let year = world.enrol(&officer, new_enrolment(person.id, "2026-01-01", Some("2026-12-31"))).await.unwrap();
    world.enrol(&officer, new_enrolment(person.id, "2027-01-01", None)).await.unwrap();

    let open = Enrolment { until: None, ..year.clone() };
    assert_eq!(refused(world.correct_enrolment(&officer, correction(open, 1)).await), exists("ENROLMENT_OVERLAPS"));
    let later = ending(&year, "2026-12-31");
    assert_eq!(
        refused(world.end_enrolment(&officer, later).await),
        (Code::FailedPrecondition, "ENROLMENT_ENDED".to_owned())
    );
    assert_eq!(wrong_field(world.end_enrolment(&officer, ending(&year, "2025-12-31")).await), "until");
    let unknown = Enrolment { enrolment_id: EnrolmentId::generate().to_string(), ..year.clone() };
    let answer = world.correct_enrolment(&officer, correction(unknown, 1)).await;
    assert_eq!(refused(answer), not_found("ENROLMENT_NOT_FOUND"));
    let other = Enrolment { resident_id: ResidentId::generate().to_string(), ..year.clone() };
    assert_eq!(wrong_field(world.correct_enrolment(&officer, correction(other, 1)).await), "enrolment.resident_id");
    let nameless = CorrectEnrolmentRequest { reason: String::new(), ..correction(year.clone(), 1) };
    assert_eq!(wrong_field(world.correct_enrolment(&officer, nameless).await), "reason");
    assert_eq!(wrong_field(world.correct_enrolment(&officer, correction(year.clone(), 0)).await), "version");
    // An operator of another organisation did not record it.
    let answer = world.correct_enrolment(&world.caller("operator"), correction(year, 1)).await;
    assert_eq!(refused(answer), denied("OUTSIDE_SCOPE"));
}
