use chrono::{Days, NaiveDate};
use proto::anjia::identity::v1::{
    DelegatedAction, FileRemoteCareRequest, GetCoverageRequest, GetRemoteCareFilingRequest, RemoteCareFiling,
    RemoteCareKind, WithdrawRemoteCareRequest,
};
use proto::convert::{to_date, to_timestamp};
use testkit::{TestCaller, request_id};
use tonic::{Code, Status};
use types::clock::local_date;
use types::ids::{RemoteCareFilingId, ResidentId};

use crate::support::{World, denied, exists, not_found, now, refused, wrong_field};

impl World {
    async fn file_care(&self, caller: &TestCaller, filing: RemoteCareFiling) -> Result<RemoteCareFiling, Status> {
        let message = FileRemoteCareRequest { request_id: request_id(), filing: Some(filing) };
        let answer = self.enrolments().file_remote_care(caller.request(message).await).await?;
        Ok(answer.into_inner().filing.unwrap())
    }

    async fn withdraw_care(&self, caller: &TestCaller, filing_id: &str) -> Result<RemoteCareFiling, Status> {
        let message = WithdrawRemoteCareRequest { request_id: request_id(), filing_id: filing_id.to_owned() };
        let answer = self.enrolments().withdraw_remote_care(caller.request(message).await).await?;
        Ok(answer.into_inner().filing.unwrap())
    }

    async fn filings(
        &self,
        caller: &TestCaller,
        resident: ResidentId,
        on: NaiveDate,
        known_at: Option<prost_types::Timestamp>,
    ) -> Vec<RemoteCareFiling> {
        let message = GetCoverageRequest { resident_id: resident.to_string(), on: Some(to_date(on)), known_at };
        let answer = self.enrolments().get_coverage(caller.request(message).await).await.unwrap();
        answer.into_inner().coverage.unwrap().remote_care_filings
    }
}

fn today() -> NaiveDate {
    local_date(now())
}

fn filing(resident: ResidentId, kind: RemoteCareKind, from: NaiveDate) -> RemoteCareFiling {
    RemoteCareFiling {
        resident_id: resident.to_string(),
        kind: kind.into(),
        care_region_code: "310000".to_owned(),
        from: Some(to_date(from)),
        until: Some(to_date(from + Days::new(180))),
        evidence: "居住证".to_owned(),
        ..Default::default()
    }
}

#[tokio::test]
async fn id_03_remote_care_is_filed_and_shown_with_the_cover() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let message = FileRemoteCareRequest {
        request_id: request_id(),
        filing: Some(filing(person.id, RemoteCareKind::LongTermResident, today())),
    };
    let mut answers = vec![];
    for _ in 0..2 {
        let request = person.caller.request(message.clone()).await;
        answers.push(world.enrolments().file_remote_care(request).await.unwrap().into_inner().filing.unwrap());
    }
    assert_eq!(answers[0], answers[1]);
    assert!(!answers[0].supplementary);
    assert_eq!(world.told("anjia.identity.coverage.changed.v1", &person.id.to_string()).await, 1);
    assert_eq!(world.audited("identity.remote_care.file", person.id).await, 1);

    let adjudication = world.caller("adjudication");
    assert_eq!(world.filings(&adjudication, person.id, today(), None).await, answers[..1]);
    assert!(world.filings(&adjudication, person.id, today() + Days::new(181), None).await.is_empty());
}

#[tokio::test]
async fn id_03_who_files_after_the_first_day_is_in_time_for_a_year() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let officer = world.caller("insurer-proposer");
    let admitted = today() - Days::new(20);
    let filed = world.file_care(&officer, filing(person.id, RemoteCareKind::Emergency, admitted)).await.unwrap();
    assert!(filed.supplementary);
    let last_year = filing(person.id, RemoteCareKind::LongTermResident, today() - Days::new(400));
    assert_eq!(wrong_field(world.file_care(&officer, last_year).await), "filing.from");
    let get = GetRemoteCareFilingRequest { filing_id: filed.filing_id.clone() };
    let read = world.enrolments().get_remote_care_filing(officer.request(get).await).await.unwrap();
    assert_eq!(read.into_inner().filing.unwrap(), filed);
}

#[tokio::test]
async fn id_03_a_withdrawn_filing_is_good_for_no_day_but_was_believed() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let filed =
        world.file_care(&person.caller, filing(person.id, RemoteCareKind::LongTermResident, today())).await.unwrap();
    let before = to_timestamp(now());
    let withdrawn = world.withdraw_care(&person.caller, &filed.filing_id).await.unwrap();
    assert!(withdrawn.withdrawn_at.is_some());
    let adjudication = world.caller("adjudication");
    assert!(world.filings(&adjudication, person.id, today(), None).await.is_empty());
    assert_eq!(world.filings(&adjudication, person.id, today(), Some(before)).await.len(), 1);

    let again = world.withdraw_care(&person.caller, &filed.filing_id).await;
    assert_eq!(refused(again), (Code::FailedPrecondition, "FILING_WITHDRAWN".to_owned()));
    world.file_care(&person.caller, filing(person.id, RemoteCareKind::LongTermResident, today())).await.unwrap();
}

#[tokio::test]
async fn id_03_a_filing_that_cannot_be_is_refused() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let good = || filing(person.id, RemoteCareKind::TemporaryReferral, today());
    world.file_care(&person.caller, good()).await.unwrap();
    assert_eq!(refused(world.file_care(&person.caller, good()).await), exists("FILING_OVERLAPS"));
    let cases = [
        (RemoteCareFiling { kind: 0, ..good() }, "filing.kind"),
        (RemoteCareFiling { care_region_code: "x".to_owned(), ..good() }, "filing.care_region_code"),
        (RemoteCareFiling { until: None, ..good() }, "filing.until"),
        (RemoteCareFiling { evidence: String::new(), ..good() }, "filing.evidence"),
    ];
    for (wrong, field) in cases {
        assert_eq!(wrong_field(world.file_care(&person.caller, wrong).await), field);
    }
    let nobody = RemoteCareFiling { resident_id: ResidentId::generate().to_string(), ..good() };
    let answer = world.file_care(&world.caller("insurer-proposer"), nobody).await;
    assert_eq!(refused(answer), not_found("RESIDENT_NOT_FOUND"));
    let unknown = RemoteCareFilingId::generate().to_string();
    assert_eq!(refused(world.withdraw_care(&person.caller, &unknown).await), not_found("FILING_NOT_FOUND"));
}

#[tokio::test]
async fn id_04_a_delegate_files_only_with_refer_and_a_worker_without_delegation_never() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let good = || filing(person.id, RemoteCareKind::LongTermResident, today());
    let worker = world.caller("worker");
    assert_eq!(refused(world.file_care(&worker, good()).await), denied("OUTSIDE_SCOPE"));
    let booking = world.delegate(&person, &[DelegatedAction::Book]).await;
    let answer = world.file_care(&worker.acting_for(person.id, booking), good()).await;
    assert_eq!(refused(answer), denied("ACTION_NOT_DELEGATED"));
    let referring = world.delegate(&person, &[DelegatedAction::Refer]).await;
    let filed = world.file_care(&worker.acting_for(person.id, referring), good()).await.unwrap();
    let stranger = world.person("wang").await;
    assert_eq!(refused(world.withdraw_care(&stranger.caller, &filed.filing_id).await), denied("OUTSIDE_SCOPE"));
}
