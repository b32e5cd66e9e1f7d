use proto::anjia::identity::v1::break_glass_service_client::BreakGlassServiceClient;
use proto::anjia::identity::v1::{
    BreakGlass, BreakGlassReason, BreakGlassState, BreakGlassVerdict, CheckBreakGlassRequest, ListBreakGlassRequest,
    ListUnreviewedBreakGlassRequest, OpenBreakGlassRequest, ReviewBreakGlassRequest,
};
use proto::convert::timestamp;
use testkit::callers::{CLINIC, Client, HOSPITAL, PLATFORM};
use testkit::{Mesh, TestCaller, request_id};
use tonic::{Code, Status};
use types::ids::{BreakGlassId, ResidentId};

use crate::support::{Person, World, denied, exists, not_found, refused, wrong_field};

impl World {
    fn break_glasses(&self) -> BreakGlassServiceClient<chassis::channel::Channel> {
        BreakGlassServiceClient::new(self.channel())
    }

    async fn open(&self, caller: &TestCaller, message: OpenBreakGlassRequest) -> Result<BreakGlass, Status> {
        let answer = self.break_glasses().open_break_glass(caller.request(message).await).await?;
        Ok(answer.into_inner().break_glass.unwrap())
    }

    async fn is_open(&self, caller: &TestCaller, resident: ResidentId, to: uuid::Uuid) -> Result<BreakGlass, Status> {
        let message = CheckBreakGlassRequest { resident_id: resident.to_string(), organisation_id: to.to_string() };
        let answer = self.break_glasses().check_break_glass(caller.request(message).await).await?;
        Ok(answer.into_inner().break_glass.unwrap())
    }

    async fn opened(&self, caller: &TestCaller, message: ListBreakGlassRequest) -> Result<Vec<BreakGlass>, Status> {
        let answer = self.break_glasses().list_break_glass(caller.request(message).await).await?;
        Ok(answer.into_inner().break_glasses)
    }

    pub(crate) async fn auditor(&self) -> TestCaller {
        let client = Client::new("auditor", "client:auditor".to_owned(), Some(PLATFORM), &["auditor"]);
        self.mesh.register(client).await
    }
}

fn emergency(person: &Person) -> OpenBreakGlassRequest {
    OpenBreakGlassRequest {
        request_id: request_id(),
        break_glass_id: String::new(),
        resident_id: person.id.to_string(),
        reason: BreakGlassReason::CannotConsent.into(),
        justification: "急诊送来，昏迷，无家属陪同".to_owned(),
        minutes: 30,
    }
}

#[tokio::test]
async fn id_06_break_glass_opens_one_persons_records_to_one_organisation_and_everybody_concerned_sees_it() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let doctor = world.caller("hospital");
    assert_eq!(refused(world.is_open(&doctor, person.id, HOSPITAL).await), denied("BREAK_GLASS_NOT_OPEN"));

    let message = emergency(&person);
    let opened = world.open(&doctor, message.clone()).await.unwrap();
    assert_eq!((opened.state(), opened.opened_by.as_str()), (BreakGlassState::Open, doctor.party()));
    assert_eq!(opened.organisation_id, HOSPITAL.to_string());
    let length = timestamp("", opened.closes_at.as_ref()).unwrap() - timestamp("", opened.opened_at.as_ref()).unwrap();
    assert_eq!(length.num_minutes(), 30);
    assert_eq!(world.open(&doctor, message).await.unwrap(), opened);
    assert_eq!(world.told("anjia.identity.break_glass.opened.v1", &opened.break_glass_id).await, 1);
    assert_eq!(world.audited("identity.break_glass.open", person.id).await, 1);

    // For that person and that organisation, and nobody learns of another's.
    assert_eq!(world.is_open(&doctor, person.id, HOSPITAL).await.unwrap(), opened);
    // A service asks with the clinician's token.
    let in_its_own_name = world.is_open(&world.caller("referral"), person.id, HOSPITAL).await;
    assert_eq!(refused(in_its_own_name), denied("METHOD_NOT_PERMITTED"));
    let other = world.person("wang").await;
    assert_eq!(refused(world.is_open(&doctor, other.id, HOSPITAL).await), denied("BREAK_GLASS_NOT_OPEN"));
    let clinic = world.caller("clinic");
    assert_eq!(refused(world.is_open(&clinic, person.id, CLINIC).await), denied("BREAK_GLASS_NOT_OPEN"));
    assert_eq!(refused(world.is_open(&clinic, person.id, HOSPITAL).await), denied("OUTSIDE_SCOPE"));

    let of_person = ListBreakGlassRequest { resident_id: person.id.to_string(), ..Default::default() };
    assert_eq!(world.opened(&person.caller, of_person.clone()).await.unwrap(), std::slice::from_ref(&opened));
    assert_eq!(refused(world.opened(&other.caller, of_person).await), denied("OUTSIDE_SCOPE"));
    let of_hospital = ListBreakGlassRequest { organisation_id: HOSPITAL.to_string(), ..Default::default() };
    assert_eq!(world.opened(&doctor, of_hospital.clone()).await.unwrap(), [opened]);
    assert_eq!(refused(world.opened(&clinic, of_hospital).await), denied("OUTSIDE_SCOPE"));
    assert_eq!(wrong_field(world.opened(&doctor, ListBreakGlassRequest::default()).await), "resident_id");
}

#[tokio::test]
async fn id_08_why_a_record_was_opened_is_readable_for_the_person_and_not_at_rest() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let message = emergency(&person);
    world.open(&world.caller("hospital"), message.clone()).await.unwrap();
    let at_rest: String = sqlx::query_scalar("SELECT b::text FROM break_glasses b")
        .fetch_one(&mut world.mesh.owner("identity").await)
        .await
        .unwrap();
    let said = &message.justification;
    assert!(!at_rest.contains(said) && !at_rest.contains(&hex::encode(said)), "{at_rest}");
    let of_person = ListBreakGlassRequest { resident_id: person.id.to_string(), ..Default::default() };
    let seen = world.opened(&person.caller, of_person.clone()).await.unwrap();
    assert_eq!(&seen[0].justification, said);
    // Sealed anew it says the same.
    world.mesh.fleet().run("identity", &["data-keys", "rotate", "--json"]).await.unwrap();
    assert_eq!(world.opened(&person.caller, of_person).await.unwrap(), seen);
}

#[tokio::test]
async fn id_08_a_broken_glass_is_kept_of_an_erased_person_and_an_edit_of_it_is_found() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let opened = world.open(&world.caller("hospital"), emergency(&person)).await.unwrap();
    world.erase(&person).await;
    let told = world.verified_after(None).await;
    assert!(told.is_whole() && told.unopened == 0, "{told:#?}");
    let id = &opened.break_glass_id;
    let edited =
        world.verified_after(Some(format!("UPDATE break_glasses SET reason = 'LIFE_AT_RISK' WHERE id = '{id}'"))).await;
    let places: Vec<String> = edited.findings.iter().map(|finding| finding.place.to_string()).collect();
    assert_eq!(places, [format!("break_glasses/{id}")]);
}

#[tokio::test]
async fn id_06_break_glass_closes_by_itself() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let doctor = world.caller("hospital");
    let opened = world.open(&doctor, emergency(&person)).await.unwrap();
    // As if it had been opened an hour ago.
    sqlx::query(
        "UPDATE break_glasses SET opened_at = opened_at - interval '1 hour', closes_at = closes_at - interval '1 hour'",
    )
    .execute(&mut world.mesh.owner("identity").await)
    .await
    .unwrap();
    assert_eq!(refused(world.is_open(&doctor, person.id, HOSPITAL).await), denied("BREAK_GLASS_NOT_OPEN"));
    let of_person = ListBreakGlassRequest { resident_id: person.id.to_string(), ..Default::default() };
    let seen = world.opened(&person.caller, of_person).await.unwrap();
    assert_eq!((&seen[0].break_glass_id, seen[0].state()), (&opened.break_glass_id, BreakGlassState::Closed));
}

#[tokio::test]
async fn id_06_break_glass_is_reviewed_once_by_an_auditor() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let doctor = world.caller("hospital");
    let auditor = world.auditor().await;
    let opened = world.open(&doctor, emergency(&person)).await.unwrap();
    let unreviewed = async || {
        let request = auditor.request(ListUnreviewedBreakGlassRequest { page: None }).await;
        world.break_glasses().list_unreviewed_break_glass(request).await.unwrap().into_inner().break_glasses
    };
    let review = async |caller: &TestCaller, id: &str, verdict: i32| {
        let message = ReviewBreakGlassRequest { request_id: request_id(), break_glass_id: id.to_owned(), verdict };
        world.break_glasses().review_break_glass(caller.request(message).await).await
    };
    let unjustified = BreakGlassVerdict::Unjustified.into();
    assert_eq!(unreviewed().await, std::slice::from_ref(&opened));
    let id = &opened.break_glass_id;
    assert_eq!(refused(review(&doctor, id, unjustified).await), denied("METHOD_NOT_PERMITTED"));
    assert_eq!(wrong_field(review(&auditor, id, 0).await), "verdict");
    let unknown = BreakGlassId::generate().to_string();
    assert_eq!(refused(review(&auditor, &unknown, unjustified).await), not_found("BREAK_GLASS_NOT_FOUND"));

    let reviewed = review(&auditor, id, unjustified).await.unwrap().into_inner().break_glass.unwrap();
    assert_eq!(reviewed.verdict(), BreakGlassVerdict::Unjustified);
    assert!(reviewed.reviewed_at.is_some());
    assert!(unreviewed().await.is_empty());
    assert_eq!(world.told("anjia.identity.break_glass.reviewed.v1", id).await, 1);
    let again = review(&auditor, id, BreakGlassVerdict::Justified.into()).await;
    assert_eq!(refused(again), (Code::FailedPrecondition, "BREAK_GLASS_REVIEWED".to_owned()));
}

#[tokio::test]
async fn id_06_break_glass_is_for_clinicians_with_a_reason_and_not_too_often() {
    let mesh = Mesh::start_with(&["identity"], &[("BREAK_GLASS_PER_DAY_MAX", "2")]).await;
    let world = World { mesh };
    let person = world.person("chen").await;
    let doctor = world.caller("hospital");
    for outsider in ["worker", "operator", "bank"] {
        let answer = world.open(&world.caller(outsider), emergency(&person)).await;
        assert_eq!(refused(answer), denied("METHOD_NOT_PERMITTED"), "{outsider}");
    }
    let good = || emergency(&person);
    let cases = [
        (OpenBreakGlassRequest { reason: 0, ..good() }, "reason"),
        (OpenBreakGlassRequest { justification: "急".to_owned(), ..good() }, "justification"),
        (OpenBreakGlassRequest { justification: "x".repeat(201), ..good() }, "justification"),
        (OpenBreakGlassRequest { minutes: 241, ..good() }, "minutes"),
        (OpenBreakGlassRequest { minutes: -1, ..good() }, "minutes"),
        (OpenBreakGlassRequest { resident_id: String::new(), ..good() }, "resident_id"),
    ];
    for (message, field) in cases {
        assert_eq!(wrong_field(world.open(&doctor, message).await), field);
    }
    let nobody = OpenBreakGlassRequest { resident_id: ResidentId::generate().to_string(), ..good() };
    assert_eq!(refused(world.open(&doctor, nobody).await), not_found("RESIDENT_NOT_FOUND"));

    let first = world.open(&doctor, good()).await.unwrap();
    let same_id = OpenBreakGlassRequest { break_glass_id: first.break_glass_id, ..good() };
    assert_eq!(refused(world.open(&doctor, same_id).await), exists("BREAK_GLASS_EXISTS"));
    // The refusal counted for nothing: a second one, and no third. Others have a day of their own.
    world.open(&doctor, good()).await.unwrap();
    let limit = (Code::ResourceExhausted, "BREAK_GLASS_LIMIT".to_owned());
    assert_eq!(refused(world.open(&doctor, good()).await), limit);
    assert!(world.open(&world.caller("clinic"), good()).await.is_ok());
}
