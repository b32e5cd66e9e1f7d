use proto::anjia::identity::v1::{FindResidentRequest, Resident};
use testkit::{TestCaller, national_id};
use tonic::{Code, Status};

use crate::support::{NAME, World, day, not_found, refused, wrong_field};

impl World {
    async fn find(&self, caller: &TestCaller, number: &str, name: &str) -> Result<Resident, Status> {
        let message = FindResidentRequest {
            national_id: number.to_owned(),
            name: name.to_owned(),
            ..FindResidentRequest::default()
        };
        let answer = self.residents().find_resident(caller.request(message).await).await?;
        Ok(answer.into_inner().resident.unwrap())
    }
}

#[tokio::test]
async fn id_08_a_resident_is_found_by_the_whole_number() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let clerk = world.caller("clinic");
    let found = world.find(&clerk, &person.number, "").await.unwrap();
    assert_eq!((found.resident_id, found.display_name.as_str()), (person.id.to_string(), "陈**"));
    assert_eq!(world.audited("identity.resident.find", person.id).await, 1);

    let nobody = national_id(day("1960-01-01"));
    assert_eq!(refused(world.find(&clerk, nobody.expose(), "").await), not_found("RESIDENT_NOT_FOUND"));
}

#[tokio::test]
async fn py_02_a_bank_means_this_person_when_the_name_fits() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let payment = world.caller("payment");
    assert!(world.find(&payment, &person.number, NAME).await.is_ok());
    assert_eq!(refused(world.find(&payment, &person.number, "陈桂").await), not_found("RESIDENT_NOT_FOUND"));
    assert_eq!(world.audited("identity.resident.find", person.id).await, 1);
}

#[tokio::test]
async fn part_of_a_number_finds_nobody() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let part = world.find(&world.caller("clinic"), &person.number[..17], "").await;
    assert_eq!(refused(part), (Code::InvalidArgument, "INVALID_NATIONAL_ID".to_owned()));
    assert_eq!(wrong_field(world.find(&world.caller("clinic"), "", "").await), "national_id");
}
