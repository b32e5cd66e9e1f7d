use prost_types::FieldMask;
use proto::anjia::common::v1::Place;
use proto::anjia::identity::v1::{
    Campus, Department, GetOrganisationRequest, ListOrganisationsRequest, Organisation, UpdateOrganisationRequest,
};
use testkit::request_id;
use tonic::{Code, Status};
use types::ids::OrganisationId;

use crate::support::{World, hospital, not_found, refused, wrong_field};

impl World {
    async fn update_organisation(&self, new: Organisation, paths: &[&str]) -> Result<Organisation, Status> {
        let request = self.caller("operator").request(update(new, paths)).await;
        Ok(self.organisations().update_organisation(request).await?.into_inner().organisation.unwrap())
    }
}

fn update(new: Organisation, paths: &[&str]) -> UpdateOrganisationRequest {
    UpdateOrganisationRequest {
        request_id: request_id(),
        organisation: Some(new),
        update_mask: Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() }),
    }
}

#[tokio::test]
async fn id_02_what_the_mask_names_is_changed_and_nothing_else() {
    let world = World::start().await;
    let before = world.register_organisation(hospital("91110000600037341")).await.unwrap();
    let campus = Campus {
        name: "通州院区".to_owned(),
        region_code: "110112".to_owned(),
        place: Some(Place { latitude: 39.9, longitude: 116.65 }),
    };
    let known = Department { name: "心血管内科".to_owned(), ..before.departments[0].clone() };
    let added = Department {
        department_id: String::new(),
        code: "0501".to_owned(),
        name: "骨科".to_owned(),
        capabilities: vec!["S".to_owned()],
    };
    let new = Organisation {
        name: "不在掩码之中".to_owned(),
        campuses: vec![campus.clone()],
        departments: vec![known.clone(), added],
        ..before.clone()
    };
    let message = update(new, &["campuses", "departments"]);
    let operator = world.caller("operator");
    let mut answers = vec![];
    for _ in 0..2 {
        let request = operator.request(message.clone()).await;
        answers.push(world.organisations().update_organisation(request).await.unwrap().into_inner());
    }
    assert_eq!(answers[0], answers[1]);
    let after = answers.remove(0).organisation.unwrap();
    assert_eq!((after.revision, &after.name), (2, &before.name));
    assert_eq!(after.campuses, [campus]);
    assert_eq!((after.departments.len(), &after.departments[0]), (2, &known));

    let get = GetOrganisationRequest { organisation_id: before.organisation_id, on: None };
    let read = world.organisations().get_organisation(operator.request(get).await).await.unwrap();
    assert_eq!(read.into_inner().organisation.unwrap(), after);
}

#[tokio::test]
async fn id_02_a_change_that_cannot_be_is_refused() {
    let world = World::start().await;
    let before = world.register_organisation(hospital("91110000600037341")).await.unwrap();
    let update = async |new, paths: &[&str]| world.update_organisation(new, paths).await;
    assert_eq!(wrong_field(update(before.clone(), &[]).await), "update_mask");
    assert_eq!(wrong_field(update(before.clone(), &["credit_code"]).await), "update_mask");
    let nameless = Organisation { name: String::new(), ..before.clone() };
    assert_eq!(wrong_field(update(nameless, &["name"]).await), "organisation.name");
    let homeless = Organisation { place: None, ..before.clone() };
    assert_eq!(wrong_field(update(homeless, &["place"]).await), "organisation.place");
    let unknown = Organisation { organisation_id: OrganisationId::generate().to_string(), ..before.clone() };
    assert_eq!(refused(update(unknown, &["name"]).await), not_found("ORGANISATION_NOT_FOUND"));
    update(before.clone(), &["name"]).await.unwrap();
    let stale = (Code::Aborted, "STALE_REVISION".to_owned());
    assert_eq!(refused(update(before, &["name"]).await), stale);
}

#[tokio::test]
async fn id_02_organisations_are_listed_by_where_they_stand() {
    let world = World::start().await;
    world.register_organisation(hospital("91110000600037341")).await.unwrap();
    for (region, found) in [("110000", 1), ("110102", 1), ("110105", 0), ("310000", 0)] {
        let list = ListOrganisationsRequest { region_code: region.to_owned(), ..Default::default() };
        let request = world.caller("clinic").request(list).await;
        let listed = world.organisations().list_organisations(request).await.unwrap().into_inner();
        assert_eq!(listed.organisations.len(), found, "{region}");
    }
}
