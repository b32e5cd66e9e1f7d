use proto::anjia::identity::v1::{
    ListResidentChangesRequest, ListResidentChangesResponse, Resident, UpdateResidentRequest,
};
use testkit::{TestCaller, request_id};
use tonic::{Code, Status};

use crate::support::{MOBILE, NAME, Person, World, denied, not_found, refused, wrong_field};

fn update(person: &Person, revision: i32, paths: &[&str]) -> UpdateResidentRequest {
    UpdateResidentRequest {
        request_id: request_id(),
        resident_id: person.id.to_string(),
        revision,
        update_mask: Some(prost_types::FieldMask { paths: paths.iter().map(|&path| path.to_owned()).collect() }),
        name: "陈桂瑛".to_owned(),
        mobile: "13900000001".to_owned(),
        community: "月坛街道".to_owned(),
        language: "zh".to_owned(),
        address: "百万庄大街1号".to_owned(),
        evidence: "户口簿".to_owned(),
        ..UpdateResidentRequest::default()
    }
}

impl World {
    async fn update(&self, caller: &TestCaller, message: UpdateResidentRequest) -> Result<Resident, Status> {
        let answer = self.residents().update_resident(caller.request(message).await).await?;
        Ok(answer.into_inner().resident.unwrap())
    }

    async fn changes(
        &self,
        caller: &TestCaller,
        person: &Person,
        page_size: i32,
        page_token: &str,
    ) -> Result<ListResidentChangesResponse, Status> {
        let message = ListResidentChangesRequest {
            resident_id: person.id.to_string(),
            page_size,
            page_token: page_token.to_owned(),
        };
        Ok(self.residents().list_resident_changes(caller.request(message).await).await?.into_inner())
    }
}

#[tokio::test]
async fn id_08_a_correction_keeps_who_changed_what_when() {
    let world = World::start().await;
    let worker = world.caller("worker");
    let person = world.person("chen").await;
    let message = update(&person, 1, &["name", "mobile"]);
    let updated = world.update(&worker, message.clone()).await.unwrap();
    assert_eq!((updated.revision, updated.display_name.as_str()), (2, "陈**"));
    assert_eq!(world.update(&worker, message).await.unwrap(), updated);
    assert_eq!(world.audited("identity.resident.update", person.id).await, 1);
    assert_eq!(world.told("anjia.identity.resident.updated.v1", &person.id.to_string()).await, 1);

    let own = world.update(&person.caller, update(&person, 2, &["address", "language"])).await.unwrap();
    assert_eq!((own.revision, own.address.as_str(), own.mobile.as_str()), (3, "百万庄大街1号", "13900000001"));

    let changes = world.changes(&person.caller, &person, 0, "").await.unwrap().changes;
    let seen: Vec<_> = changes.iter().map(|change| (change.field.as_str(), change.old_value.as_str())).collect();
    assert_eq!(seen, [("language", ""), ("address", ""), ("mobile", MOBILE), ("name", NAME)]);
    assert_eq!((changes[3].changed_by.as_str(), changes[3].evidence.as_str()), (worker.party(), "户口簿"));
    // The desk learns that, not what.
    let first = world.changes(&worker, &person, 3, "").await.unwrap();
    assert!(first.changes.len() == 3 && first.changes.iter().all(|change| change.old_value.is_empty()));
    let rest = world.changes(&worker, &person, 3, &first.next_page_token).await.unwrap();
    assert_eq!((rest.changes.len(), rest.next_page_token.as_str()), (1, ""));
}

#[tokio::test]
async fn id_08_what_is_so_already_is_no_change() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let same = UpdateResidentRequest { mobile: MOBILE.to_owned(), ..update(&person, 1, &["mobile"]) };
    assert_eq!(world.update(&person.caller, same).await.unwrap().revision, 1);
    let removed = UpdateResidentRequest { mobile: String::new(), ..update(&person, 1, &["mobile"]) };
    assert_eq!(world.update(&person.caller, removed).await.unwrap().mobile, "");
    assert_eq!(world.changes(&person.caller, &person, 0, "").await.unwrap().changes.len(), 1);
}

#[tokio::test]
async fn id_08_of_two_corrections_of_one_revision_one_is_stale() {
    let world = World::start().await;
    let worker = world.caller("worker");
    let person = world.person("chen").await;
    let tries = futures_util::future::join_all(["13900000001", "13900000002"].map(|mobile| {
        world.update(&worker, UpdateResidentRequest { mobile: mobile.to_owned(), ..update(&person, 1, &["mobile"]) })
    }))
    .await;
    let stale: Vec<_> = tries.into_iter().filter_map(Result::err).collect();
    assert_eq!(stale.len(), 1);
    assert_eq!(refused::<()>(Err(stale[0].clone())), (Code::Aborted, "STALE_REVISION".to_owned()));
}

#[tokio::test]
async fn id_08_who_may_not_correct_is_refused() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let stranger = world.person("wang").await;
    let by_stranger = world.update(&stranger.caller, update(&person, 1, &["mobile"])).await;
    assert_eq!(refused(by_stranger), denied("OUTSIDE_SCOPE"));
    assert_eq!(refused(world.changes(&stranger.caller, &person, 0, "").await), denied("OUTSIDE_SCOPE"));
    assert_eq!(wrong_field(world.update(&person.caller, update(&person, 1, &["name"])).await), "update_mask");

    let unknown = UpdateResidentRequest { resident_id: request_id(), ..update(&person, 1, &["mobile"]) };
    assert_eq!(refused(world.update(&world.caller("worker"), unknown).await), not_found("RESIDENT_NOT_FOUND"));
}

#[tokio::test]
async fn a_wrong_field_of_a_correction_is_named() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let cases = [
        (UpdateResidentRequest { update_mask: None, ..update(&person, 1, &[]) }, "update_mask"),
        (update(&person, 1, &[]), "update_mask"),
        (update(&person, 1, &["birth_date"]), "update_mask"),
        (UpdateResidentRequest { evidence: String::new(), ..update(&person, 1, &["name"]) }, "evidence"),
        (UpdateResidentRequest { mobile: "me".to_owned(), ..update(&person, 1, &["mobile"]) }, "mobile"),
        (UpdateResidentRequest { language: "z".to_owned(), ..update(&person, 1, &["language"]) }, "language"),
    ];
    for (message, field) in cases {
        assert_eq!(wrong_field(world.update(&world.caller("worker"), message).await), field);
    }
}
