use proto::anjia::common::v1::{PageRequest, Tier};
use proto::anjia::identity::v1::{ListOrganisationsRequest, ListOrganisationsResponse, Organisation, OrganisationKind};
use testkit::callers::Client;
use tonic::Status;

use crate::support::{World, hospital, wrong_field};

impl World {
    async fn list(
        &self,
        client_id: &str,
        message: ListOrganisationsRequest,
    ) -> Result<ListOrganisationsResponse, Status> {
        let request = self.caller(client_id).request(message).await;
        Ok(self.organisations().list_organisations(request).await?.into_inner())
    }

    async fn three(&self) {
        let named = |name: &str, body: &str| Organisation { name: name.to_owned(), ..hospital(body) };
        let bank = Organisation {
            kind: OrganisationKind::Bank.into(),
            tier: 0,
            place: None,
            designated_from: None,
            departments: vec![],
            ..named("a bank", "91110000100000013")
        };
        let clinic = Organisation {
            tier: Tier::Community.into(),
            departments: vec![],
            ..named("b clinic", "12110000400686452")
        };
        for organisation in [named("c hospital", "91110000600037341"), bank, clinic] {
            self.register_organisation(organisation).await.unwrap();
        }
    }
}

fn names(answer: &ListOrganisationsResponse) -> Vec<&str> {
    answer.organisations.iter().map(|organisation| organisation.name.as_str()).collect()
}

#[tokio::test]
async fn id_02_organisations_are_listed_by_kind_tier_and_capability() {
    let world = World::start().await;
    world.three().await;
    let list = async |message| world.list("clinic", message).await.unwrap();
    let all = ListOrganisationsRequest::default;
    assert_eq!(names(&list(all()).await), ["a bank", "b clinic", "c hospital"]);
    let kind = OrganisationKind::Provider.into();
    assert_eq!(names(&list(ListOrganisationsRequest { kind, ..all() }).await), ["b clinic", "c hospital"]);
    let tier = Tier::Community.into();
    assert_eq!(names(&list(ListOrganisationsRequest { tier, ..all() }).await), ["b clinic"]);
    for (code, found) in [("I25.103", 1), ("I25", 1), ("I2", 0), ("C34", 0)] {
        let answer = list(ListOrganisationsRequest { capability: code.to_owned(), ..all() }).await;
        assert_eq!(answer.organisations.len(), found, "{code}");
    }
}

#[tokio::test]
async fn pages_follow_each_other_and_belong_to_their_query() {
    let world = World::start().await;
    world.three().await;
    let page = |page_token: &str| Some(PageRequest { page_size: 2, page_token: page_token.to_owned() });
    let first = ListOrganisationsRequest { page: page(""), ..Default::default() };
    let first = world.list("clinic", first).await.unwrap();
    assert_eq!(names(&first), ["a bank", "b clinic"]);
    let next = ListOrganisationsRequest { page: page(&first.next_page_token), ..Default::default() };
    let second = world.list("clinic", next.clone()).await.unwrap();
    assert_eq!((names(&second), second.next_page_token.as_str()), (vec!["c hospital"], ""));

    let other_query = ListOrganisationsRequest { tier: Tier::Tertiary.into(), ..next };
    assert_eq!(wrong_field(world.list("clinic", other_query).await), "page.page_token");
}

#[tokio::test]
async fn pl_05_a_list_shows_the_callers_region() {
    let world = World::start().await;
    world.three().await;
    let elsewhere = Client::new("elsewhere", "client:elsewhere".to_owned(), None, &["platform"]);
    world.mesh.register(Client { region: "310000".to_owned(), ..elsewhere.clone() }).await;
    let caller = world.mesh.register(Client { region: "310000".to_owned(), ..elsewhere }).await;
    let request = caller.request(ListOrganisationsRequest::default()).await;
    let answer = world.organisations().list_organisations(request).await.unwrap().into_inner();
    assert!(answer.organisations.is_empty());
}
