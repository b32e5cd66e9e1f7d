use proto::anjia::identity::v1::{
    EndFlagRequest, ListFlagsRequest, SetFlagRequest, VulnerabilityFlag, VulnerabilityKind as Kind,
};
use proto::convert::to_date;
use testkit::{TestCaller, request_id};
use tonic::Status;

use crate::support::{Person, World, day, denied, exists, not_found, refused, wrong_field};

impl World {
    pub(crate) async fn flag(&self, caller: &TestCaller, flag: VulnerabilityFlag) -> Result<VulnerabilityFlag, Status> {
        let message = SetFlagRequest { request_id: request_id(), flag: Some(flag) };
        let answer = self.vulnerabilities().set_flag(caller.request(message).await).await?;
        Ok(answer.into_inner().flag.unwrap())
    }

    async fn end_flag(&self, caller: &TestCaller, id: &str, last_day: &str) -> Result<VulnerabilityFlag, Status> {
        let message = EndFlagRequest {
            request_id: request_id(),
            flag_id: id.to_owned(),
            last_day: Some(to_date(day(last_day))),
            reason: "收入超标".to_owned(),
        };
        let answer = self.vulnerabilities().end_flag(caller.request(message).await).await?;
        Ok(answer.into_inner().flag.unwrap())
    }

    async fn flags_on(&self, person: &Person, on: &str) -> Vec<Kind> {
        let coverage = self.coverage(&self.caller("adjudication"), person.id, on).await.unwrap();
        coverage.flags.iter().map(VulnerabilityFlag::kind).collect()
    }
}

pub(crate) fn flag(person: &Person, kind: Kind, from: &str, until: Option<&str>) -> VulnerabilityFlag {
    VulnerabilityFlag {
        resident_id: person.id.to_string(),
        kind: kind.into(),
        document_reference: "低保证 2026-001".to_owned(),
        from: Some(to_date(day(from))),
        until: until.map(|until| to_date(day(until))),
        ..VulnerabilityFlag::default()
    }
}

#[tokio::test]
async fn id_01_flags_hold_from_their_first_to_their_last_day() {
    let world = World::start().await;
    let operator = world.caller("operator");
    // Born on 1954-03-01.
    let person = world.person("chen").await;
    let low = world.flag(&operator, flag(&person, Kind::LowIncome, "2010-01-01", Some("2010-12-31"))).await.unwrap();
    world.flag(&operator, flag(&person, Kind::Disabled, "2010-06-01", None)).await.unwrap();

    assert_eq!(world.flags_on(&person, "2009-12-31").await, []);
    assert_eq!(world.flags_on(&person, "2010-01-01").await, [Kind::LowIncome]);
    assert_eq!(world.flags_on(&person, "2010-12-31").await, [Kind::Disabled, Kind::LowIncome]);
    assert_eq!(world.flags_on(&person, "2011-01-01").await, [Kind::Disabled]);
    assert_eq!(world.flags_on(&person, "2019-03-01").await, [Kind::Disabled, Kind::Elderly]);
    // Late flags tell from when cover changed.
    assert_eq!(world.told("anjia.identity.coverage.changed.v1", &person.id.to_string()).await, 2);

    let again = world.flag(&operator, flag(&person, Kind::LowIncome, "2010-12-31", None)).await;
    assert_eq!(refused(again), exists("FLAG_OVERLAPS"));
    let ended = world.end_flag(&operator, &low.flag_id, "2010-03-31").await.unwrap();
    assert_eq!((ended.until.unwrap().month, ended.end_reason.as_str()), (3, "收入超标"));
    assert_eq!(world.end_flag(&operator, &low.flag_id, "2010-03-31").await.unwrap(), ended);
    assert_eq!(world.flags_on(&person, "2010-04-01").await, []);
    world.flag(&operator, flag(&person, Kind::LowIncome, "2010-04-01", None)).await.unwrap();
    assert_eq!(world.audited("identity.flag.set", person.id).await, 3);

    let list = ListFlagsRequest { resident_id: person.id.to_string(), page_size: 2, page_token: String::new() };
    let page = world.vulnerabilities().list_flags(person.caller.request(list).await).await.unwrap().into_inner();
    assert!(page.flags.len() == 2 && !page.next_page_token.is_empty());
}

#[tokio::test]
async fn id_01_a_flag_taken_back_never_held() {
    let world = World::start().await;
    let operator = world.caller("operator");
    let person = world.person("chen").await;
    let wrong = world.flag(&operator, flag(&person, Kind::Destitute, "2010-01-01", None)).await.unwrap();
    assert_eq!(wrong_field(world.end_flag(&operator, &wrong.flag_id, "2009-12-30").await), "last_day");
    world.end_flag(&operator, &wrong.flag_id, "2009-12-31").await.unwrap();
    assert_eq!(world.flags_on(&person, "2010-01-01").await, []);
    world.flag(&operator, flag(&person, Kind::Destitute, "2009-01-01", None)).await.unwrap();
}

#[tokio::test]
async fn id_01_of_flags_set_at_once_for_the_same_days_one_holds() {
    let world = World::start().await;
    let operator = world.caller("operator");
    let person = world.person("chen").await;
    let tries = (0..8).map(|_| world.flag(&operator, flag(&person, Kind::Migrant, "2010-01-01", None)));
    let tries = futures_util::future::join_all(tries).await;
    assert_eq!(tries.iter().filter(|answer| answer.is_ok()).count(), 1);
}

#[tokio::test]
async fn id_01_a_flag_that_cannot_be_is_refused() {
    let world = World::start().await;
    let operator = world.caller("operator");
    let person = world.person("chen").await;
    let good = || flag(&person, Kind::LowIncome, "2010-01-01", None);
    for (wrong, field) in [
        (VulnerabilityFlag { kind: Kind::Elderly.into(), ..good() }, "flag.kind"),
        (VulnerabilityFlag { kind: 0, ..good() }, "flag.kind"),
        (VulnerabilityFlag { document_reference: String::new(), ..good() }, "flag.document_reference"),
        (VulnerabilityFlag { from: None, ..good() }, "flag.from"),
        (VulnerabilityFlag { until: Some(to_date(day("2009-01-01"))), ..good() }, "flag.until"),
    ] {
        assert_eq!(wrong_field(world.flag(&operator, wrong).await), field);
    }
    let unknown = VulnerabilityFlag { resident_id: request_id(), ..good() };
    assert_eq!(refused(world.flag(&operator, unknown).await), not_found("RESIDENT_NOT_FOUND"));
    assert_eq!(refused(world.end_flag(&operator, &request_id(), "2010-01-01").await), not_found("FLAG_NOT_FOUND"));
    assert_eq!(refused(world.flag(&person.caller, good()).await), denied("METHOD_NOT_PERMITTED"));
}
