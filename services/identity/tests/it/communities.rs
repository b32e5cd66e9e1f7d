use proto::anjia::identity::v1::{
    Community, ListCommunitiesRequest, ListResidentsRequest, ListResidentsResponse, PutCommunityRequest,
    RegisterResidentRequest, Resident, VulnerabilityKind as Kind,
};
use testkit::callers::Client;
use testkit::{TestCaller, national_id, request_id};
use tonic::Status;

use crate::flags::flag;
use crate::support::{NAME, Person, World, day, denied, hospital, new_resident, not_found, refused, wrong_field};

pub(crate) const CODE: &str = "110102003001";

impl World {
    async fn put(&self, community: Community) -> Result<Community, Status> {
        let message = PutCommunityRequest { request_id: request_id(), community: Some(community) };
        let request = self.caller("operator").request(message).await;
        Ok(self.communities().put_community(request).await?.into_inner().community.unwrap())
    }

    async fn neighbours(
        &self,
        caller: &TestCaller,
        wanted: ListResidentsRequest,
    ) -> Result<ListResidentsResponse, Status> {
        Ok(self.communities().list_residents(caller.request(wanted).await).await?.into_inner())
    }

    async fn neighbour(&self, born: &str, cell: &str) -> Resident {
        let message = RegisterResidentRequest {
            national_id: national_id(day(born)).expose().to_owned(),
            community: String::new(),
            community_code: CODE.to_owned(),
            grid_cell: cell.to_owned(),
            ..new_resident()
        };
        self.register(&self.caller("worker"), message).await.unwrap()
    }

    /// The community that the worker's organisation serves.
    pub(crate) async fn community(&self) -> Community {
        let served_by = self.caller("worker").client().organisation_id.clone().unwrap();
        let organisation = proto::anjia::identity::v1::Organisation {
            organisation_id: served_by.clone(),
            ..hospital("91110000600037341")
        };
        self.register_organisation(organisation).await.unwrap();
        self.put(community(&[&served_by])).await.unwrap()
    }
}

fn community(organisations: &[&str]) -> Community {
    Community {
        community_code: CODE.to_owned(),
        name: "百万庄社区".to_owned(),
        street: "展览路街道".to_owned(),
        grid_cells: vec!["01".to_owned(), "02".to_owned()],
        organisation_ids: organisations.iter().map(|&id| id.to_owned()).collect(),
    }
}

fn all() -> ListResidentsRequest {
    ListResidentsRequest { community_code: CODE.to_owned(), ..ListResidentsRequest::default() }
}

#[tokio::test]
async fn id_01_a_worker_lists_the_residents_of_the_own_community_masked() {
    let world = World::start().await;
    let worker = world.caller("worker");
    world.community().await;
    let old = world.neighbour("1950-01-01", "01").await;
    let young = world.neighbour("1990-01-01", "02").await;
    assert_eq!((old.community.as_str(), old.grid_cell.as_str()), ("百万庄社区", "01"));
    world.person("elsewhere").await;

    let first = world.neighbours(&worker, ListResidentsRequest { page_size: 1, ..all() }).await.unwrap();
    assert_eq!(first.residents.iter().map(|r| &r.resident_id).collect::<Vec<_>>(), [&old.resident_id]);
    assert_eq!((first.residents[0].display_name.as_str(), first.residents[0].mobile.as_str()), ("陈**", "**78"));
    let next = ListResidentsRequest { page_size: 1, page_token: first.next_page_token, ..all() };
    let rest = world.neighbours(&worker, next).await.unwrap();
    assert_eq!(
        (rest.residents[0].resident_id.as_str(), rest.next_page_token.as_str()),
        (young.resident_id.as_str(), "")
    );
    assert_eq!(world.audited("identity.resident.list", old.resident_id.parse().unwrap()).await, 1);
    assert_ne!(rest.residents[0].display_name, NAME);

    let in_cell =
        world.neighbours(&worker, ListResidentsRequest { grid_cell: "02".to_owned(), ..all() }).await.unwrap();
    assert_eq!(in_cell.residents.len(), 1);
    // Of another community's worker it is no business.
    let other = Client::new("other", "client:other".to_owned(), Some(uuid::Uuid::from_u128(77)), &["community_worker"]);
    let other = world.mesh.register(other).await;
    assert_eq!(refused(world.neighbours(&other, all()).await), denied("OUTSIDE_SCOPE"));
    let nowhere = ListResidentsRequest { community_code: "110102003002".to_owned(), ..all() };
    assert_eq!(refused(world.neighbours(&worker, nowhere).await), not_found("COMMUNITY_NOT_FOUND"));
}

#[tokio::test]
async fn id_01_a_worker_lists_the_old_and_the_poor() {
    let world = World::start().await;
    let worker = world.caller("worker");
    world.community().await;
    let old = world.neighbour("1950-01-01", "01").await;
    let young = world.neighbour("1990-01-01", "02").await;
    let id = young.resident_id.parse().unwrap();
    let poor = Person { id, number: String::new(), caller: worker.clone() };
    world.flag(&world.caller("operator"), flag(&poor, Kind::LowIncome, "2020-01-01", None)).await.unwrap();

    for (kind, found) in [(Kind::Elderly, &old), (Kind::LowIncome, &young)] {
        let page = world.neighbours(&worker, ListResidentsRequest { flag: kind.into(), ..all() }).await.unwrap();
        let ids: Vec<_> = page.residents.iter().map(|resident| &resident.resident_id).collect();
        assert_eq!(ids, [&found.resident_id], "{kind:?}");
    }
    let disabled = ListResidentsRequest { flag: Kind::Disabled.into(), ..all() };
    assert!(world.neighbours(&worker, disabled).await.unwrap().residents.is_empty());
}

#[tokio::test]
async fn id_01_communities_are_reference_data_with_cells_of_their_own() {
    let world = World::start().await;
    let worker = world.caller("worker");
    let recorded = world.community().await;
    let renamed = Community { name: "百万庄南社区".to_owned(), ..recorded };
    assert_eq!(world.put(renamed.clone()).await.unwrap(), renamed);
    let list = ListCommunitiesRequest { code_prefix: "110102".to_owned(), ..ListCommunitiesRequest::default() };
    let page = world.communities().list_communities(worker.request(list).await).await.unwrap().into_inner();
    assert_eq!(page.communities, std::slice::from_ref(&renamed));

    let nowhere = RegisterResidentRequest { community_code: "110102003009".to_owned(), ..new_resident() };
    assert_eq!(refused(world.register(&worker, nowhere).await), not_found("COMMUNITY_NOT_FOUND"));
    let no_cell =
        RegisterResidentRequest { community_code: CODE.to_owned(), grid_cell: "09".to_owned(), ..new_resident() };
    assert_eq!(refused(world.register(&worker, no_cell).await), not_found("COMMUNITY_NOT_FOUND"));
    let cell_alone = RegisterResidentRequest { grid_cell: "01".to_owned(), ..new_resident() };
    assert_eq!(wrong_field(world.register(&worker, cell_alone).await), "community_code");
    assert_eq!(refused(world.put(community(&[&request_id()])).await), not_found("ORGANISATION_NOT_FOUND"));
    let wrong = Community { community_code: "1".to_owned(), ..renamed };
    assert_eq!(wrong_field(world.put(wrong).await), "community.community_code");
}
