use chassis::channel::Channel;
use proto::anjia::common::v1::{Credential, IdentifierKind};
use proto::anjia::identity::v1::merge_service_client::MergeServiceClient;
use proto::anjia::identity::v1::{
    AddIdentifierRequest, CheckDelegationRequest, Coverage, DelegatedAction, FindResidentRequest, GetCoverageRequest,
    GetDelegationRequest, GetMergeRequest, GetResidentRequest, ListMergesRequest, ListPossibleDuplicatesRequest, Merge,
    MergeResidentsRequest, MergeState, ProposeMergeRequest, ProposeUnmergeRequest, ProvisionalKind,
    RegisterResidentRequest, Resident, Sex, UnmergeResidentsRequest, VerifyCredentialRequest,
};
use proto::convert::to_date;
use testkit::callers::Client;
use testkit::{TestCaller, request_id};
use tonic::{Code, Status};
use types::ids::ResidentId;

use crate::support::{NAME, Person, World, day, denied, new_enrolment, new_resident, not_found, refused, wrong_field};

impl World {
    fn merges(&self) -> MergeServiceClient<Channel> {
        MergeServiceClient::new(self.channel())
    }

    /// Somebody brought in without papers, with a client of their own.
    pub(crate) async fn unknown(&self, client_id: &str) -> Person {
        let message = RegisterResidentRequest {
            national_id: String::new(),
            mobile: String::new(),
            birth_date: Some(to_date(day("1954-03-01"))),
            sex: Sex::Female.into(),
            provisional: ProvisionalKind::Unknown.into(),
            ..new_resident()
        };
        let resident = self.register(&self.caller("worker"), message).await.unwrap();
        let id: ResidentId = resident.resident_id.parse().unwrap();
        let caller = self.mesh.register(Client::resident(client_id, id.uuid())).await;
        Person { id, number: String::new(), caller }
    }

    pub(crate) async fn propose_merge(
        &self,
        caller: &TestCaller,
        resident: ResidentId,
        survivor: ResidentId,
    ) -> Result<Merge, Status> {
        let message = ProposeMergeRequest {
            request_id: request_id(),
            merge_id: String::new(),
            resident_id: resident.to_string(),
            survivor_resident_id: survivor.to_string(),
            reason: "registered twice".to_owned(),
            evidence: "户口簿".to_owned(),
        };
        Ok(self.merges().propose_merge(caller.request(message).await).await?.into_inner().merge.unwrap())
    }

    pub(crate) async fn countersign(&self, caller: &TestCaller, merge: &Merge) -> Result<Merge, Status> {
        let message = MergeResidentsRequest {
            request_id: request_id(),
            merge_id: merge.merge_id.clone(),
            revision: merge.revision,
            evidence: "两份档案".to_owned(),
        };
        Ok(self.merges().merge_residents(caller.request(message).await).await?.into_inner().merge.unwrap())
    }

    pub(crate) async fn merged(&self, resident: ResidentId, survivor: ResidentId) -> Merge {
        let proposed = self.propose_merge(&self.caller("worker"), resident, survivor).await.unwrap();
        self.countersign(&self.caller("operator"), &proposed).await.unwrap()
    }

    pub(crate) async fn doubt(&self, caller: &TestCaller, merge: &Merge) -> Result<Merge, Status> {
        let message = ProposeUnmergeRequest {
            request_id: request_id(),
            merge_id: merge.merge_id.clone(),
            revision: merge.revision,
            evidence: "twins".to_owned(),
        };
        Ok(self.merges().propose_unmerge(caller.request(message).await).await?.into_inner().merge.unwrap())
    }

    pub(crate) async fn undo(&self, caller: &TestCaller, merge: &Merge) -> Result<Merge, Status> {
        let message = UnmergeResidentsRequest {
            request_id: request_id(),
            merge_id: merge.merge_id.clone(),
            revision: merge.revision,
            evidence: "two certificates".to_owned(),
        };
        Ok(self.merges().unmerge_residents(caller.request(message).await).await?.into_inner().merge.unwrap())
    }

    /// The same person, logged in again: tokens from before a merge are taken back.
    pub(crate) async fn again(&self, person: &Person, client_id: &str) -> Person {
        let caller = self.mesh.register(Client::resident(client_id, person.id.uuid())).await;
        Person { id: person.id, number: person.number.clone(), caller }
    }

    async fn shown(&self, caller: &TestCaller, id: ResidentId) -> Result<Resident, Status> {
        let request = caller.request(GetResidentRequest { resident_id: id.to_string() }).await;
        Ok(self.residents().get_resident(request).await?.into_inner().resident.unwrap())
    }

    async fn cover(&self, person: &Person, id: ResidentId) -> Coverage {
        let message =
            GetCoverageRequest { resident_id: id.to_string(), on: Some(to_date(day("2026-05-01"))), known_at: None };
        let request = person.caller.request(message).await;
        self.enrolments().get_coverage(request).await.unwrap().into_inner().coverage.unwrap()
    }

    async fn is_credential(&self, id: ResidentId, credential: Credential) -> bool {
        let message = VerifyCredentialRequest { resident_id: id.to_string(), credential: Some(credential) };
        let request = self.caller("clinic").request(message).await;
        self.residents().verify_credential(request).await.unwrap().into_inner().matches
    }
}

pub(crate) fn failed(reason: &str) -> (Code, String) {
    (Code::FailedPrecondition, reason.to_owned())
}

fn passport() -> Credential {
    Credential { kind: IdentifierKind::Passport.into(), number: "E12345678".to_owned(), country_code: "CHN".to_owned() }
}

#[tokio::test]
async fn id_01_two_people_merge_two_registrations_and_either_id_is_the_person() {
    let world = World::start().await;
    let (worker, operator) = (world.caller("worker"), world.caller("operator"));
    let (old, person) = (world.unknown("old").await, world.person("person").await);
    let message = AddIdentifierRequest {
        request_id: request_id(),
        resident_id: old.id.to_string(),
        credential: Some(passport()),
        evidence: "desk".to_owned(),
        ..AddIdentifierRequest::default()
    };
    world.residents().add_identifier(worker.request(message).await).await.unwrap();

    let proposed = world.propose_merge(&worker, old.id, person.id).await.unwrap();
    assert_eq!((proposed.state(), proposed.revision), (MergeState::Proposed, 1));
    assert_eq!(world.shown(&worker, old.id).await.unwrap().resident_id, old.id.to_string(), "nothing is in force yet");
    let own = world.propose_merge(&operator, old.id, person.id).await.unwrap();
    assert_eq!(refused(world.countersign(&operator, &own).await), denied("SAME_PERSON"));
    let stale = Merge { revision: 2, ..proposed.clone() };
    assert_eq!(refused(world.countersign(&operator, &stale).await), (Code::Aborted, "STALE_REVISION".to_owned()));
    assert_eq!(refused(world.countersign(&worker, &proposed).await), denied("METHOD_NOT_PERMITTED"));

    let merged = world.countersign(&operator, &proposed).await.unwrap();
    assert_eq!((merged.state(), merged.revision), (MergeState::Merged, 2));
    assert_eq!(merged.merged.as_ref().unwrap().by, operator.party());
    assert_eq!(refused(world.countersign(&operator, &merged).await), failed("MERGE_NOT_PROPOSED"));
    assert_eq!(refused(world.countersign(&world.caller("operator"), &own).await), denied("SAME_PERSON"));

    // By either id, and by either document, the survivor.
    for id in [old.id, person.id] {
        assert_eq!(world.shown(&worker, id).await.unwrap().resident_id, person.id.to_string());
        assert!(world.is_credential(id, passport()).await);
        assert!(world.is_credential(id, testkit::id_card(&person.number.parse().unwrap())).await);
    }
    let find = FindResidentRequest { credential: Some(passport()), ..FindResidentRequest::default() };
    let found = world.residents().find_resident(worker.request(find).await).await.unwrap().into_inner();
    assert_eq!(found.resident.unwrap().resident_id, person.id.to_string());
    // No pair to decide about is left of the two.
    let pairs = ListPossibleDuplicatesRequest { resident_id: old.id.to_string(), ..Default::default() };
    let pairs = world.residents().list_possible_duplicates(worker.request(pairs).await).await.unwrap().into_inner();
    assert_eq!(pairs.duplicates, []);

    assert_eq!(world.told("anjia.identity.resident.merged.v1", &old.id.to_string()).await, 1);
    for id in [old.id, person.id] {
        assert_eq!(world.audited("identity.merge.merge", id).await, 1);
    }
    let get = GetMergeRequest { merge_id: merged.merge_id.clone() };
    let got = world.merges().get_merge(worker.request(get).await).await.unwrap().into_inner().merge;
    assert_eq!(got, Some(merged.clone()));
    let list = ListMergesRequest { resident_id: old.id.to_string(), ..Default::default() };
    let listed = world.merges().list_merges(operator.request(list.clone()).await).await.unwrap().into_inner();
    assert_eq!(listed.merges, [own, merged.clone()]);
    let listed = world.merges().list_merges(worker.request(list).await).await.unwrap().into_inner();
    assert_eq!(listed.merges, [merged], "a desk lists what it proposed");
}

#[tokio::test]
async fn id_01_what_was_recorded_for_either_is_the_persons_until_the_merge_is_undone() {
    let world = World::start().await;
    let (worker, operator) = (world.caller("worker"), world.caller("operator"));
    let (old, person) = (world.unknown("old").await, world.person("person").await);
    let enrolment = world.enrol(&operator, new_enrolment(old.id, "2020-01-01", None)).await.unwrap();
    let delegation = world.delegate(&old, &[DelegatedAction::Book]).await;
    let before = [world.cover(&old, old.id).await, world.cover(&person, person.id).await];
    assert_eq!((before[0].enrolments.len(), before[1].enrolments.len()), (1, 0));

    let merged = world.merged(old.id, person.id).await;
    let merged_at = std::time::Instant::now();
    while world.shown(&person.caller, person.id).await.is_ok() {
        assert!(merged_at.elapsed().as_secs() < 3, "the token says one id only and is good still");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let old_token = world.shown(&person.caller, person.id).await;
    assert_eq!(refused(old_token), (Code::Unauthenticated, "TOKEN_REVOKED".to_owned()));
    let person = world.again(&person, "person-again").await;
    assert_eq!(world.cover(&person, person.id).await.enrolments, std::slice::from_ref(&enrolment));
    let acting = |id| worker.acting_for(id, delegation);
    for id in [old.id, person.id] {
        let check = CheckDelegationRequest {
            delegation_id: delegation.to_string(),
            resident_id: id.to_string(),
            action: DelegatedAction::Book.into(),
            ..CheckDelegationRequest::default()
        };
        world.delegations().check_delegation(acting(id).request(check).await).await.unwrap();
    }
    // What belongs to the id given up is the person's to read, under their own token.
    let get = GetDelegationRequest { delegation_id: delegation.to_string() };
    world.delegations().get_delegation(person.caller.request(get.clone()).await).await.unwrap();
    let again = world.enrol(&operator, new_enrolment(person.id, "2026-01-01", None)).await;
    assert_eq!(refused(again), (Code::AlreadyExists, "ENROLMENT_OVERLAPS".to_owned()));

    assert_eq!(refused(world.undo(&operator, &merged).await), failed("UNMERGE_NOT_PROPOSED"));
    let doubted = world.doubt(&operator, &merged).await.unwrap();
    assert_eq!(refused(world.doubt(&worker, &doubted).await), failed("NOT_MERGED"));
    assert_eq!(refused(world.undo(&operator, &doubted).await), denied("SAME_PERSON"));
    assert_eq!(world.shown(&worker, old.id).await.unwrap().resident_id, person.id.to_string(), "still in force");

    let second = Client::new("second-operator", "client:second-operator".to_owned(), None, &["operator"]);
    let second = world.mesh.register(second).await;
    let undone = world.undo(&second, &doubted).await.unwrap();
    assert_eq!(undone.state(), MergeState::Unmerged);
    assert_eq!(world.shown(&worker, old.id).await.unwrap().resident_id, old.id.to_string());
    let (old, person) = (world.again(&old, "old-alone").await, world.again(&person, "person-alone").await);
    let after = [world.cover(&old, old.id).await, world.cover(&person, person.id).await];
    assert_eq!(after, before);
    let get = world.delegations().get_delegation(person.caller.request(get).await).await;
    assert_eq!(refused(get), denied("OUTSIDE_SCOPE"));
    assert_eq!(world.told("anjia.identity.resident.unmerged.v1", &old.id.to_string()).await, 1);
    // And may be made one again.
    let again = world.merged(old.id, person.id).await;
    assert_eq!(again.state(), MergeState::Merged);
}

#[tokio::test]
async fn id_01_a_chain_of_merges_leads_to_its_last_and_makes_no_ring() {
    let world = World::start().await;
    let (worker, operator) = (world.caller("worker"), world.caller("operator"));
    let (first, second, third) =
        (world.unknown("first").await.id, world.unknown("second").await.id, world.person("third").await.id);
    let merge = world.merged(first, second).await;
    let ring = world.propose_merge(&worker, second, first).await;
    assert_eq!(refused(ring), failed("RESIDENT_MERGED"));
    world.merged(second, third).await;
    for id in [first, second, third] {
        assert_eq!(world.shown(&worker, id).await.unwrap().resident_id, third.to_string());
    }
    assert_eq!(refused(world.propose_merge(&worker, third, first).await), failed("RESIDENT_MERGED"));
    assert_eq!(refused(world.propose_merge(&worker, first, third).await), failed("RESIDENT_MERGED"));

    let doubted = world.doubt(&worker, &merge).await.unwrap();
    world.undo(&operator, &doubted).await.unwrap();
    let shown = |id| world.shown(&worker, id);
    assert_eq!(shown(first).await.unwrap().resident_id, first.to_string());
    assert_eq!(shown(second).await.unwrap().resident_id, third.to_string());
}

#[tokio::test]
async fn id_01_of_two_who_merge_each_into_the_other_at_once_one_does() {
    let world = World::start().await;
    let (one, other) = (world.unknown("one").await.id, world.unknown("other").await.id);
    let (worker, operator) = (world.caller("worker"), world.caller("operator"));
    let there = world.propose_merge(&worker, one, other).await.unwrap();
    let back = world.propose_merge(&worker, other, one).await.unwrap();
    let (there, back) = tokio::join!(world.countersign(&operator, &there), world.countersign(&operator, &back));
    let (done, lost) = if there.is_ok() { (there, back) } else { (back, there) };
    assert_eq!(done.unwrap().state(), MergeState::Merged);
    assert_eq!(refused(lost), failed("RESIDENT_MERGED"));
}

#[tokio::test]
async fn id_01_what_would_have_two_answers_is_not_merged() {
    let world = World::start().await;
    let (worker, operator) = (world.caller("worker"), world.caller("operator"));
    let (person, other) = (world.person("person").await, world.person("other").await);
    let (unknown, newborn) = (world.unknown("unknown").await, world.unknown("unborn").await);
    let sign = async |resident: ResidentId, survivor: ResidentId| {
        let proposed = world.propose_merge(&worker, resident, survivor).await.unwrap();
        refused(world.countersign(&operator, &proposed).await)
    };
    assert_eq!(sign(person.id, other.id).await, failed("MERGE_DOCUMENTS_CONFLICT"));
    assert_eq!(sign(person.id, unknown.id).await, failed("MERGE_WRONG_WAY"));
    world.enrol(&operator, new_enrolment(unknown.id, "2020-01-01", None)).await.unwrap();
    world.enrol(&operator, new_enrolment(person.id, "2024-01-01", None)).await.unwrap();
    assert_eq!(sign(unknown.id, person.id).await, failed("MERGE_ENROLMENTS_OVERLAP"));
    // What is over hinders nobody.
    world.enrol(&operator, new_enrolment(newborn.id, "2019-01-01", Some("2025-12-31"))).await.unwrap();
    assert_eq!(world.merged(newborn.id, person.id).await.state(), MergeState::Merged);

    assert_eq!(wrong_field(world.propose_merge(&worker, person.id, person.id).await), "survivor_resident_id");
    let nobody = ResidentId::generate();
    assert_eq!(refused(world.propose_merge(&worker, nobody, person.id).await), not_found("RESIDENT_NOT_FOUND"));
    let desk = Client::new("desk", "client:desk".to_owned(), Some(testkit::callers::HOSPITAL), &["clinic_clerk"]);
    let desk = world.mesh.register(desk).await;
    assert_eq!(refused(world.propose_merge(&desk, unknown.id, other.id).await), not_found("RESIDENT_NOT_FOUND"));
}

#[tokio::test]
async fn id_01_a_mother_is_not_merged_with_her_child() {
    let world = World::start().await;
    let mother = world.person("mother").await;
    let message = RegisterResidentRequest {
        national_id: String::new(),
        name: format!("{NAME}之女"),
        mobile: String::new(),
        birth_date: Some(to_date(types::clock::local_date(crate::support::now()))),
        sex: Sex::Female.into(),
        provisional: ProvisionalKind::Newborn.into(),
        mother_resident_id: mother.id.to_string(),
        ..new_resident()
    };
    let child = world.register(&world.caller("worker"), message).await.unwrap();
    let proposed =
        world.propose_merge(&world.caller("worker"), child.resident_id.parse().unwrap(), mother.id).await.unwrap();
    assert_eq!(refused(world.countersign(&world.caller("operator"), &proposed).await), failed("MERGE_OF_RELATIVES"));
}
