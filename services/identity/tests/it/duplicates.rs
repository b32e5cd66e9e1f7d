use proto::anjia::identity::v1::{
    DismissDuplicateRequest, ListPossibleDuplicatesRequest, ListPossibleDuplicatesResponse, ProvisionalKind,
    RegisterResidentRequest, Sex,
};
use proto::convert::to_date;
use testkit::{TestCaller, callers::Client, national_id, request_id};

use crate::identifiers::guest;
use crate::support::{MOBILE, NAME, World, day, new_resident, not_found, refused};

impl World {
    async fn duplicates(
        &self,
        caller: &TestCaller,
        page_size: i32,
        page_token: &str,
    ) -> ListPossibleDuplicatesResponse {
        let message =
            ListPossibleDuplicatesRequest { resident_id: String::new(), page_size, page_token: page_token.to_owned() };
        self.residents().list_possible_duplicates(caller.request(message).await).await.unwrap().into_inner()
    }
}

/// Somebody without papers, who was brought in.
fn unknown(name: &str, birth_date: &str) -> RegisterResidentRequest {
    RegisterResidentRequest {
        national_id: String::new(),
        name: name.to_owned(),
        mobile: String::new(),
        birth_date: Some(to_date(day(birth_date))),
        sex: Sex::Female.into(),
        provisional: ProvisionalKind::Unknown.into(),
        ..new_resident()
    }
}

#[tokio::test]
async fn id_01_who_may_be_one_person_is_listed_for_the_desk_page_by_page() {
    let world = World::start().await;
    let worker = world.caller("worker");
    let first = world.register(&worker, new_resident()).await.unwrap();
    // The same name and birthday without papers; a guest with the same telephone; a stranger.
    let second = world.register(&worker, unknown(NAME, "1954-03-01")).await.unwrap();
    let third = RegisterResidentRequest { mobile: MOBILE.to_owned(), ..guest("E1234567") };
    let third = world.register(&worker, third).await.unwrap();
    world.register(&worker, unknown(NAME, "1954-03-02")).await.unwrap();

    let page = world.duplicates(&worker, 1, "").await;
    let by_phone = &page.duplicates[0];
    let ids = |pair: &proto::anjia::identity::v1::PossibleDuplicate| {
        let id =
            |resident: &Option<proto::anjia::identity::v1::Resident>| resident.as_ref().unwrap().resident_id.clone();
        (id(&pair.resident), id(&pair.other))
    };
    assert_eq!(ids(by_phone), (third.resident_id, first.resident_id.clone()));
    assert!(by_phone.same_mobile && !by_phone.same_name_and_birth_date);
    let rest = world.duplicates(&worker, 1, &page.next_page_token).await;
    assert_eq!(ids(&rest.duplicates[0]), (second.resident_id, first.resident_id));
    assert!(rest.duplicates[0].same_name_and_birth_date && rest.next_page_token.is_empty());

    // A desk that registered neither sees neither; an operator sees the region.
    let clerk = Client::new("clerk", "client:clerk".to_owned(), Some(uuid::Uuid::from_u128(77)), &["clinic_clerk"]);
    let elsewhere = world.mesh.register(clerk).await;
    assert!(world.duplicates(&elsewhere, 0, "").await.duplicates.is_empty());
    assert_eq!(world.duplicates(&world.caller("operator"), 0, "").await.duplicates.len(), 2);

    let dismiss = |caller: TestCaller, id: String| {
        let message =
            DismissDuplicateRequest { request_id: request_id(), duplicate_id: id, evidence: "两人到场".to_owned() };
        let mut residents = world.residents();
        async move { residents.dismiss_duplicate(caller.request(message).await).await }
    };
    let id = by_phone.duplicate_id.clone();
    assert_eq!(refused(dismiss(elsewhere, id.clone()).await), not_found("DUPLICATE_NOT_FOUND"));
    dismiss(worker.clone(), id.clone()).await.unwrap();
    dismiss(worker.clone(), id).await.unwrap();
    assert_eq!(world.duplicates(&worker, 0, "").await.duplicates.len(), 1);
    assert_eq!(refused(dismiss(worker, request_id()).await), not_found("DUPLICATE_NOT_FOUND"));
}

#[tokio::test]
async fn id_01_two_proven_names_on_one_telephone_are_two_people() {
    let world = World::start().await;
    let worker = world.caller("worker");
    world.register(&worker, new_resident()).await.unwrap();
    let husband = RegisterResidentRequest {
        national_id: national_id(day("1950-07-07")).expose().to_owned(),
        name: "李建国".to_owned(),
        ..new_resident()
    };
    world.register(&worker, husband).await.unwrap();
    assert!(world.duplicates(&worker, 0, "").await.duplicates.is_empty());
}
