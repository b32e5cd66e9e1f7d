use proto::anjia::common::v1::Tier;
use proto::anjia::identity::v1::{GetOrganisationRequest, Organisation, OrganisationKind, RegisterOrganisationRequest};
use proto::convert::to_date;
use testkit::request_id;
use tonic::Code;
use types::ids::{DepartmentId, OrganisationId};

use crate::support::{World, day, exists, hospital, not_found, refused, wrong_field};

const CODE: &str = "91110000600037341";
const OTHER_CODE: &str = "12110000400686452";

#[tokio::test]
async fn id_02_an_organisation_is_registered_and_read_back() {
    let world = World::start().await;
    let registered = world.register_organisation(hospital(CODE)).await.unwrap();
    assert!(registered.organisation_id.parse::<OrganisationId>().is_ok());
    assert!(registered.departments[0].department_id.parse::<DepartmentId>().is_ok());

    let get = GetOrganisationRequest { organisation_id: registered.organisation_id.clone(), on: None };
    let request = world.caller("resident").request(get).await;
    let read = world.organisations().get_organisation(request).await.unwrap().into_inner().organisation.unwrap();
    assert_eq!(read, registered);

    let get = GetOrganisationRequest { organisation_id: OrganisationId::generate().to_string(), on: None };
    let request = world.caller("resident").request(get).await;
    let unknown = world.organisations().get_organisation(request).await;
    assert_eq!(refused(unknown), not_found("ORGANISATION_NOT_FOUND"));
}

#[tokio::test]
async fn id_02_a_wrong_credit_code_is_refused() {
    let world = World::start().await;
    for wrong in ["911100006000373410", "9111", "91110000600037341l"] {
        let organisation = Organisation { credit_code: wrong.to_owned(), ..hospital(CODE) };
        let status = world.register_organisation(organisation).await.unwrap_err();
        assert_eq!(testkit::reason(&status), "INVALID_CREDIT_CODE");
        assert_eq!(wrong_field::<()>(Err(status)), "organisation.credit_code");
    }
}

#[tokio::test]
async fn id_02_a_credit_code_and_an_id_are_registered_once() {
    let world = World::start().await;
    let first = world.register_organisation(hospital(CODE)).await.unwrap();
    let same_code = world.register_organisation(hospital(CODE)).await;
    assert_eq!(refused(same_code), exists("ORGANISATION_EXISTS"));
    let same_id = Organisation { organisation_id: first.organisation_id, ..hospital(OTHER_CODE) };
    assert_eq!(refused(world.register_organisation(same_id).await), exists("ORGANISATION_EXISTS"));
    let same_department = Organisation { departments: first.departments, ..hospital(OTHER_CODE) };
    let answer = world.register_organisation(same_department).await;
    assert_eq!(wrong_field(answer), "organisation.departments[0].department_id");
}

#[tokio::test]
async fn a_repeated_request_is_answered_alike() {
    let world = World::start().await;
    let operator = world.caller("operator");
    let message = RegisterOrganisationRequest { request_id: request_id(), organisation: Some(hospital(CODE)) };
    let mut answers = vec![];
    for _ in 0..2 {
        let request = operator.request(message.clone()).await;
        answers.push(world.organisations().register_organisation(request).await.unwrap().into_inner());
    }
    assert_eq!(answers[0], answers[1]);
    let other = RegisterOrganisationRequest { organisation: Some(hospital(OTHER_CODE)), ..message };
    let answer = world.organisations().register_organisation(operator.request(other).await).await;
    assert_eq!(refused(answer), (Code::InvalidArgument, "REQUEST_ID_REUSED".to_owned()));
}

#[tokio::test]
async fn a_wrong_field_is_named() {
    let world = World::start().await;
    let good = || hospital(CODE);
    let mut bad_department = good();
    bad_department.departments[0].capabilities.push("heart".to_owned());
    let mut bad_place = good();
    bad_place.place.as_mut().unwrap().latitude = f64::NAN;
    let cases = [
        (Organisation { kind: 0, ..good() }, "organisation.kind"),
        (Organisation { kind: 99, ..good() }, "organisation.kind"),
        (Organisation { name: String::new(), ..good() }, "organisation.name"),
        (Organisation { credit_code: String::new(), ..good() }, "organisation.credit_code"),
        (Organisation { tier: 0, ..good() }, "organisation.tier"),
        (
            Organisation { kind: OrganisationKind::Bank.into(), tier: Tier::District.into(), ..good() },
            "organisation.tier",
        ),
        (Organisation { region_code: "x".to_owned(), ..good() }, "organisation.region_code"),
        (
            Organisation { designated_until: Some(to_date(day("2019-12-31"))), ..good() },
            "organisation.designated_until",
        ),
        (bad_department, "organisation.departments[0].capabilities[2]"),
        (bad_place, "organisation.place.latitude"),
    ];
    for (organisation, field) in cases {
        assert_eq!(wrong_field(world.register_organisation(organisation).await), field);
    }
}
