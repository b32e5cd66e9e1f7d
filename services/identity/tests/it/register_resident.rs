use proto::anjia::identity::v1::RegisterResidentRequest;
use testkit::{callers::Client, national_id, request_id};
use tonic::Code;
use tonic_types::StatusExt;
use types::ids::ResidentId;

use crate::support::{World, day, exists, new_resident, refused, wrong_field};

#[tokio::test]
async fn id_01_a_resident_is_registered_and_shown_masked() {
    let world = World::start().await;
    let id = ResidentId::generate();
    let message = RegisterResidentRequest { resident_id: id.to_string(), ..new_resident() };
    let resident = world.register(&world.caller("worker"), message.clone()).await.unwrap();

    assert_eq!(resident.resident_id, id.to_string());
    assert_eq!(resident.display_name, "陈**");
    let expected = format!("{}****************{}", &message.national_id[..1], &message.national_id[17..]);
    assert_eq!(resident.masked_national_id, expected);
    assert_eq!(resident.birth_date.unwrap().year, 1954);
    assert_eq!(world.audited("identity.resident.register", id).await, 1);
    assert_eq!(world.told("anjia.identity.resident.registered.v1", &id.to_string()).await, 1);
}

#[tokio::test]
async fn id_01_a_number_that_cannot_be_is_refused_and_nothing_is_kept() {
    let world = World::start().await;
    let good = national_id(day("1954-03-01")).expose().to_owned();
    let last = if good.ends_with('1') { "2" } else { "1" };
    let unborn = national_id(day("2190-01-01")).expose().to_owned();
    for wrong in
        [format!("{}{last}", &good[..17]), "123".to_owned(), format!("{}1330{}", &good[..10], &good[14..]), unborn]
    {
        let message = RegisterResidentRequest { national_id: wrong, ..new_resident() };
        let status = world.register(&world.caller("worker"), message).await.unwrap_err();
        assert_eq!(status.get_details_bad_request().unwrap().field_violations[0].field, "national_id");
        assert_eq!(refused::<()>(Err(status)), (Code::InvalidArgument, "INVALID_NATIONAL_ID".to_owned()));
    }
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM residents")
        .fetch_one(&mut world.mesh.owner("identity").await)
        .await
        .unwrap();
    assert_eq!(rows, 0);
}

#[tokio::test]
async fn id_01_the_same_person_is_never_registered_twice() {
    let world = World::start().await;
    let worker = world.caller("worker");
    let message = new_resident();
    let again = || RegisterResidentRequest { request_id: request_id(), ..message.clone() };

    let tries = futures_util::future::join_all((0..8).map(|_| world.register(&worker, again()))).await;
    let registered: Vec<_> = tries.iter().filter_map(|answer| answer.as_ref().ok()).collect();
    assert_eq!(registered.len(), 1);

    let lower = RegisterResidentRequest { national_id: message.national_id.to_lowercase(), ..again() };
    let status = world.register(&worker, lower).await.unwrap_err();
    let info = status.get_details_error_info().unwrap();
    assert_eq!((info.reason.as_str(), info.domain.as_str()), ("RESIDENT_EXISTS", "identity.anjia"));
    assert_eq!(info.metadata["resident_id"], registered[0].resident_id);

    // The operator has not registered her and may not see her.
    let status = world.register(&world.caller("operator"), again()).await.unwrap_err();
    assert!(status.get_details_error_info().unwrap().metadata.is_empty());
    assert_eq!(refused::<()>(Err(status)), exists("RESIDENT_EXISTS"));

    let same_id = RegisterResidentRequest { resident_id: registered[0].resident_id.clone(), ..new_resident() };
    assert_eq!(refused(world.register(&worker, same_id).await), exists("RESIDENT_EXISTS"));
}

#[tokio::test]
async fn a_repeated_request_is_answered_alike_and_changes_nothing() {
    let world = World::start().await;
    let worker = world.caller("worker");
    let message = new_resident();
    let first = world.register(&worker, message.clone()).await.unwrap();
    assert_eq!(world.register(&worker, message.clone()).await.unwrap(), first);
    let id = first.resident_id.parse().unwrap();
    assert_eq!(world.audited("identity.resident.register", id).await, 1);

    let other = RegisterResidentRequest { community: "月坛街道".to_owned(), ..message };
    let answer = world.register(&worker, other).await;
    assert_eq!(refused(answer), (Code::InvalidArgument, "REQUEST_ID_REUSED".to_owned()));
}

#[tokio::test]
async fn a_wrong_field_is_named() {
    let world = World::start().await;
    let good = new_resident;
    let cases = [
        (RegisterResidentRequest { request_id: "1".to_owned(), ..good() }, "request_id"),
        (RegisterResidentRequest { resident_id: "1".to_owned(), ..good() }, "resident_id"),
        (RegisterResidentRequest { national_id: String::new(), ..good() }, "national_id"),
        (RegisterResidentRequest { name: " ".to_owned(), ..good() }, "name"),
        (RegisterResidentRequest { name: "陈".repeat(101), ..good() }, "name"),
        (RegisterResidentRequest { name: "陈\u{202e}桂英".to_owned(), ..good() }, "name"),
        (RegisterResidentRequest { name: "陈\u{200b}桂英".to_owned(), ..good() }, "name"),
        (RegisterResidentRequest { mobile: "call me".to_owned(), ..good() }, "mobile"),
        (RegisterResidentRequest { region_code: "11".to_owned(), ..good() }, "region_code"),
        (RegisterResidentRequest { region_code: "310000".to_owned(), ..good() }, "region_code"),
        (RegisterResidentRequest { community: String::new(), ..good() }, "community"),
    ];
    for (message, field) in cases {
        assert_eq!(wrong_field(world.register(&world.caller("worker"), message).await), field);
    }
}

#[tokio::test]
async fn whoever_works_for_nobody_registers_nobody() {
    let world = World::start().await;
    let lone = Client::new("lone", "client:lone".to_owned(), None, &["clinic_clerk"]);
    let lone = world.mesh.register(lone).await;
    let answer = world.register(&lone, new_resident()).await;
    assert_eq!(refused(answer), crate::support::denied("OUTSIDE_SCOPE"));
}
