use proto::anjia::identity::v1::{DelegatedAction, GetResidentRequest, Resident};
use testkit::TestCaller;
use tonic::Status;
use types::ids::ResidentId;

use crate::support::{NAME, World, denied, not_found, refused};

impl World {
    pub(crate) async fn get(&self, caller: &TestCaller, id: ResidentId) -> Result<Resident, Status> {
        let request = caller.request(GetResidentRequest { resident_id: id.to_string() }).await;
        Ok(self.residents().get_resident(request).await?.into_inner().resident.unwrap())
    }
}

#[tokio::test]
async fn id_08_the_resident_alone_sees_the_full_name() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let delegation = world.delegate(&person, &[DelegatedAction::View]).await;
    let worker = world.caller("worker");
    assert_eq!(world.get(&person.caller, person.id).await.unwrap().display_name, NAME);
    assert_eq!(world.get(&worker, person.id).await.unwrap().display_name, "陈**");
    let acting = worker.acting_for(person.id, delegation);
    assert_eq!(world.get(&acting, person.id).await.unwrap().display_name, "陈**");
    assert_eq!(world.audited("identity.resident.read", person.id).await, 3);
}

#[tokio::test]
async fn id_07_other_peoples_residents_are_not_shown() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let stranger = world.person("wang").await;
    // Whose worker registered both; nobody at the clinic cares for her at this moment, and the hospital has nothing to do with her.
    assert!(world.get(&world.caller("worker"), person.id).await.is_ok());
    for caller in [&world.caller("clinic"), &world.caller("hospital"), &stranger.caller] {
        assert_eq!(refused(world.get(caller, person.id).await), denied("OUTSIDE_SCOPE"));
    }
    let unknown = world.get(&person.caller, ResidentId::generate()).await;
    assert_eq!(refused(unknown), not_found("RESIDENT_NOT_FOUND"));
    assert_eq!(world.audited("identity.resident.read", person.id).await, 1);
}

#[tokio::test]
async fn id_04_who_acts_for_a_resident_sees_her_with_view_only() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let delegation = world.delegate(&person, &[DelegatedAction::Book]).await;
    let acting = world.caller("worker").acting_for(person.id, delegation);
    assert_eq!(refused(world.get(&acting, person.id).await), denied("ACTION_NOT_DELEGATED"));
}
