use proto::anjia::identity::v1::{GetPractitionerRequest, Practitioner, RegisterPractitionerRequest};
use testkit::request_id;
use tonic::{Code, Status};
use types::ids::{DepartmentId, OrganisationId, PractitionerId};

use crate::support::{World, exists, hospital, not_found, refused, wrong_field};

impl World {
    async fn employ(&self, message: RegisterPractitionerRequest) -> Result<Practitioner, Status> {
        let request = self.caller("operator").request(message).await;
        Ok(self.organisations().register_practitioner(request).await?.into_inner().practitioner.unwrap())
    }

    async fn doctor(&self) -> Practitioner {
        let hospital = self.register_organisation(hospital("91110000600037341")).await.unwrap();
        Practitioner {
            practitioner_id: String::new(),
            organisation_id: hospital.organisation_id,
            name: "李医生".to_owned(),
            title: "主任医师".to_owned(),
            department_ids: vec![hospital.departments[0].department_id.clone()],
        }
    }
}

fn new(practitioner: Practitioner) -> RegisterPractitionerRequest {
    RegisterPractitionerRequest { request_id: request_id(), practitioner: Some(practitioner) }
}

#[tokio::test]
async fn id_02_a_practitioner_is_registered_once_and_read_back() {
    let world = World::start().await;
    let message = new(world.doctor().await);
    let doctor = world.employ(message.clone()).await.unwrap();
    assert_eq!(world.employ(message.clone()).await.unwrap(), doctor);

    let get = GetPractitionerRequest { practitioner_id: doctor.practitioner_id.clone() };
    let request = world.caller("resident").request(get).await;
    let read = world.organisations().get_practitioner(request).await.unwrap().into_inner().practitioner.unwrap();
    assert_eq!(read, doctor);

    let other = Practitioner { title: "护士".to_owned(), ..doctor.clone() };
    let reused = RegisterPractitionerRequest { practitioner: Some(other.clone()), ..message };
    assert_eq!(refused(world.employ(reused).await), (Code::InvalidArgument, "REQUEST_ID_REUSED".to_owned()));
    assert_eq!(refused(world.employ(new(other)).await), exists("PRACTITIONER_EXISTS"));
}

#[tokio::test]
async fn a_practitioner_works_in_departments_of_their_organisation() {
    let world = World::start().await;
    let doctor = world.doctor().await;
    let nowhere = Practitioner { organisation_id: OrganisationId::generate().to_string(), ..doctor.clone() };
    assert_eq!(refused(world.employ(new(nowhere)).await), not_found("ORGANISATION_NOT_FOUND"));
    let elsewhere = Practitioner { department_ids: vec![DepartmentId::generate().to_string()], ..doctor.clone() };
    assert_eq!(refused(world.employ(new(elsewhere)).await), not_found("DEPARTMENT_NOT_FOUND"));
    let nameless = Practitioner { name: String::new(), ..doctor.clone() };
    assert_eq!(wrong_field(world.employ(new(nameless)).await), "practitioner.name");
    let garbled = Practitioner { department_ids: vec!["1".to_owned()], ..doctor };
    assert_eq!(wrong_field(world.employ(new(garbled)).await), "practitioner.department_ids[0]");

    let get = GetPractitionerRequest { practitioner_id: PractitionerId::generate().to_string() };
    let request = world.caller("resident").request(get).await;
    let unknown = world.organisations().get_practitioner(request).await;
    assert_eq!(refused(unknown), not_found("PRACTITIONER_NOT_FOUND"));
}
