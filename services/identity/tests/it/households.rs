use chassis::channel::Channel;
use proto::anjia::identity::v1::household_service_client::HouseholdServiceClient;
use proto::anjia::identity::v1::{
    AddHouseholdMemberRequest, EndHouseholdRequest, FormHouseholdRequest, GetHouseholdRequest, Household,
    HouseholdMember, HouseholdRelation as Relation, RemoveHouseholdMemberRequest,
};
use proto::convert::to_date;
use testkit::callers::Client;
use testkit::{TestCaller, callers, request_id};
use tonic::{Code, Status};
use types::ids::ResidentId;

use crate::communities::CODE;
use crate::support::{Person, World, day, denied, exists, not_found, refused, wrong_field};

impl World {
    fn households(&self) -> HouseholdServiceClient<Channel> {
        HouseholdServiceClient::new(self.channel())
    }

    pub(crate) async fn form_household(
        &self,
        caller: &TestCaller,
        members: &[(&Person, Relation)],
    ) -> Result<Household, Status> {
        let members = members.iter().map(|(person, relation)| HouseholdMember {
            resident_id: person.id.to_string(),
            relation: (*relation).into(),
            ..HouseholdMember::default()
        });
        let household = Household {
            community_code: CODE.to_owned(),
            from: Some(to_date(day("2026-01-01"))),
            members: members.collect(),
            ..Household::default()
        };
        let message = FormHouseholdRequest { request_id: request_id(), household: Some(household) };
        Ok(self.households().form_household(caller.request(message).await).await?.into_inner().household.unwrap())
    }

    async fn takes_in(&self, household: &Household, person: &Person, from: &str) -> Result<Household, Status> {
        let message = AddHouseholdMemberRequest {
            request_id: request_id(),
            household_id: household.household_id.clone(),
            resident_id: person.id.to_string(),
            relation: Relation::Child.into(),
            from: Some(to_date(day(from))),
        };
        let request = self.caller("worker").request(message).await;
        Ok(self.households().add_household_member(request).await?.into_inner().household.unwrap())
    }

    async fn leaves(&self, household: &Household, person: &Person, until: &str) -> Result<Household, Status> {
        let message = RemoveHouseholdMemberRequest {
            request_id: request_id(),
            household_id: household.household_id.clone(),
            resident_id: person.id.to_string(),
            until: Some(to_date(day(until))),
            reason: "迁出".to_owned(),
        };
        let request = self.caller("worker").request(message).await;
        Ok(self.households().remove_household_member(request).await?.into_inner().household.unwrap())
    }

    pub(crate) async fn lives_with(
        &self,
        caller: &TestCaller,
        resident: ResidentId,
        on: &str,
    ) -> Result<Household, Status> {
        let message = GetHouseholdRequest { resident_id: resident.to_string(), on: Some(to_date(day(on))) };
        Ok(self.households().get_household(caller.request(message).await).await?.into_inner().household.unwrap())
    }
}

fn people(household: &Household) -> Vec<(String, Relation)> {
    household.members.iter().map(|member| (member.resident_id.clone(), member.relation())).collect()
}

#[tokio::test]
async fn id_01_a_household_is_answered_as_it_was_on_the_day() {
    let world = World::start().await;
    world.community().await;
    let worker = world.caller("worker");
    let (head, spouse, child) = (world.person("head").await, world.person("spouse").await, world.person("child").await);
    let household =
        world.form_household(&worker, &[(&spouse, Relation::Spouse), (&head, Relation::Head)]).await.unwrap();
    let two = vec![(head.id.to_string(), Relation::Head), (spouse.id.to_string(), Relation::Spouse)];
    assert_eq!(people(&household), two);
    world.takes_in(&household, &child, "2026-02-01").await.unwrap();
    let left = world.leaves(&household, &child, "2026-03-31").await.unwrap();
    assert_eq!(left.members.len(), 3);
    // Again changes nothing.
    world.leaves(&household, &child, "2026-02-28").await.unwrap();

    let on = async |caller: &TestCaller, who: &Person, day: &str| world.lives_with(caller, who.id, day).await;
    assert_eq!(people(&on(&head.caller, &head, "2026-01-31").await.unwrap()), two);
    assert_eq!(on(&worker, &child, "2026-03-31").await.unwrap().members.len(), 3);
    assert_eq!(people(&on(&spouse.caller, &spouse, "2026-04-01").await.unwrap()), two);
    assert_eq!(refused(on(&worker, &child, "2026-04-01").await), not_found("HOUSEHOLD_NOT_FOUND"));
    assert_eq!(refused(on(&worker, &head, "2025-12-31").await), not_found("HOUSEHOLD_NOT_FOUND"));

    let end = EndHouseholdRequest {
        request_id: request_id(),
        household_id: household.household_id,
        until: Some(to_date(day("2026-06-30"))),
        reason: "变更户主".to_owned(),
    };
    world.households().end_household(worker.request(end).await).await.unwrap();
    assert_eq!(people(&on(&worker, &spouse, "2026-06-30").await.unwrap()), two);
    assert_eq!(refused(on(&worker, &head, "2026-07-01").await), not_found("HOUSEHOLD_NOT_FOUND"));
    assert_eq!(world.audited("identity.household.end", spouse.id).await, 1);
}

#[tokio::test]
async fn id_01_nobody_belongs_to_two_households_on_one_day() {
    let world = World::start().await;
    world.community().await;
    let worker = world.caller("worker");
    let (head, other, child) = (world.person("head").await, world.person("other").await, world.person("child").await);
    let first = world.form_household(&worker, &[(&head, Relation::Head), (&child, Relation::Child)]).await.unwrap();
    let second = world.form_household(&worker, &[(&other, Relation::Head)]).await.unwrap();
    assert_eq!(refused(world.takes_in(&second, &child, "2026-02-01").await), exists("HOUSEHOLD_OVERLAPS"));
    let again = world.form_household(&worker, &[(&head, Relation::Head)]).await;
    assert_eq!(refused(again), exists("HOUSEHOLD_OVERLAPS"));
    world.leaves(&first, &child, "2026-01-31").await.unwrap();
    assert_eq!(refused(world.takes_in(&second, &child, "2026-01-31").await), exists("HOUSEHOLD_OVERLAPS"));
    assert_eq!(world.takes_in(&second, &child, "2026-02-01").await.unwrap().members.len(), 2);

    let head_leaves = (Code::FailedPrecondition, "HOUSEHOLD_NEEDS_ITS_HEAD".to_owned());
    assert_eq!(refused(world.leaves(&first, &head, "2026-03-01").await), head_leaves);
    assert_eq!(refused(world.leaves(&first, &other, "2026-03-01").await), not_found("MEMBER_NOT_FOUND"));
    assert_eq!(wrong_field(world.form_household(&worker, &[(&child, Relation::Child)]).await), "household.members");
}

#[tokio::test]
async fn id_07_a_household_is_shown_to_its_members_and_to_those_who_look_after_the_community() {
    let world = World::start().await;
    world.community().await;
    let (head, stranger) = (world.person("head").await, world.person("stranger").await);
    let elsewhere =
        Client::new("elsewhere", "client:elsewhere".to_owned(), Some(callers::HOSPITAL), &["community_worker"]);
    let elsewhere = world.mesh.register(elsewhere).await;
    let refusal = world.form_household(&elsewhere, &[(&head, Relation::Head)]).await;
    assert_eq!(refused(refusal), denied("OUTSIDE_SCOPE"));
    world.form_household(&world.caller("worker"), &[(&head, Relation::Head)]).await.unwrap();
    for caller in [&elsewhere, &stranger.caller] {
        assert_eq!(refused(world.lives_with(caller, head.id, "2026-02-01").await), denied("OUTSIDE_SCOPE"));
    }
    for caller in [&head.caller, &world.caller("clinic"), &world.caller("operator")] {
        assert_eq!(world.lives_with(caller, head.id, "2026-02-01").await.unwrap().members.len(), 1);
    }
}
