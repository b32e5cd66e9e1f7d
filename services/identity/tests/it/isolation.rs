//! Regions are tenants: what one has, another does not see.

use proto::anjia::identity::v1::{DelegatedAction, FindResidentRequest, GetDelegationRequest, RegisterResidentRequest};
use sqlx::{Connection, PgConnection};
use testkit::TestCaller;
use testkit::callers::{CLINIC, Client};
use testkit::request_id;
use tonic_types::StatusExt;

use crate::support::{World, exists, new_resident, not_found, refused};

impl World {
    async fn of_shanghai(&self, client: Client) -> TestCaller {
        self.mesh.register(Client { region: "310000".to_owned(), ..client }).await
    }
}

#[tokio::test]
async fn pl_05_another_region_sees_nothing_of_a_person() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let delegation = world.delegate(&person, &[DelegatedAction::Book]).await;
    let clerk = Client::new("shanghai-clerk", "client:shanghai-clerk".to_owned(), Some(CLINIC), &["clinic_clerk"]);
    let clerk = world.of_shanghai(clerk).await;

    let find = FindResidentRequest {
        national_id: person.number.clone(),
        name: String::new(),
        ..FindResidentRequest::default()
    };
    let found = world.residents().find_resident(clerk.request(find).await).await;
    assert_eq!(refused(found), not_found("RESIDENT_NOT_FOUND"));
    let get = GetDelegationRequest { delegation_id: delegation.to_string() };
    let got = world.delegations().get_delegation(clerk.request(get).await).await;
    assert_eq!(refused(got), not_found("DELEGATION_NOT_FOUND"));

    // And still the person is one.
    let again = RegisterResidentRequest {
        request_id: request_id(),
        national_id: person.number,
        region_code: "310000".to_owned(),
        ..new_resident()
    };
    let status = world.register(&clerk, again).await.unwrap_err();
    assert!(status.get_details_error_info().unwrap().metadata.is_empty());
    assert_eq!(refused::<()>(Err(status)), exists("RESIDENT_EXISTS"));
}

#[tokio::test]
async fn pl_05_without_a_region_the_service_itself_sees_no_person() {
    let world = World::start().await;
    let person = world.person("chen").await;
    world.delegate(&person, &[DelegatedAction::Book]).await;
    let mut service = PgConnection::connect(&world.mesh.database("identity").service).await.unwrap();
    let personal = [
        "SELECT count(*) FROM residents",
        "SELECT count(*) FROM enrolments",
        "SELECT count(*) FROM delegations",
        "SELECT count(*) FROM consents",
        "SELECT count(*) FROM mandates",
        "SELECT count(*) FROM continuations",
        "SELECT count(*) FROM practitioners",
    ];
    for count in personal {
        let seen: i64 = sqlx::query_scalar(count).fetch_one(&mut service).await.unwrap();
        assert_eq!(seen, 0, "{count}");
    }
    let mut worker = PgConnection::connect(&world.mesh.database("identity").worker).await.unwrap();
    assert!(sqlx::query("SELECT FROM residents").fetch_all(&mut worker).await.is_err());
}

#[tokio::test]
async fn id_09_what_was_granted_cannot_be_rewritten_by_the_service() {
    let world = World::start().await;
    let mut service = PgConnection::connect(&world.mesh.database("identity").service).await.unwrap();
    for rewrite in [
        "UPDATE delegations SET until = now() + interval '1 year'",
        "UPDATE consents SET until = now()",
        "UPDATE mandates SET until = now() + interval '1 year'",
        "DELETE FROM delegations",
        "DELETE FROM mandates",
        "DELETE FROM consents",
        "DELETE FROM continuations",
        "DELETE FROM clients",
        "UPDATE assertions SET expires_at = now()",
    ] {
        assert!(sqlx::query(rewrite).execute(&mut service).await.is_err(), "{rewrite}");
    }
}
