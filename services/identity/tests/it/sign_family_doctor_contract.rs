use chrono::{Days, NaiveDate};
use proto::anjia::common::v1::Tier;
use proto::anjia::identity::v1::{
    DelegatedAction, EndFamilyDoctorContractRequest, FamilyDoctorContract, GetCoverageRequest,
    GetFamilyDoctorContractRequest, ListServicePackagesRequest, Organisation, Practitioner,
    RegisterPractitionerRequest, RenewFamilyDoctorContractRequest, SignFamilyDoctorContractRequest,
};
use proto::convert::{to_date, to_timestamp};
use testkit::callers::{CLINIC, DOCTOR};
use testkit::{TestCaller, request_id};
use tonic::{Code, Status};
use types::clock::local_date;
use types::ids::{ContractId, PractitionerId, ResidentId};

use crate::support::{World, denied, exists, hospital, not_found, now, refused, wrong_field};

impl World {
    /// The clinic of the journey with its family doctor.
    async fn clinic(&self) {
        let clinic = Organisation {
            organisation_id: CLINIC.to_string(),
            tier: Tier::Community.into(),
            departments: vec![],
            ..hospital("12110000400686452")
        };
        self.register_organisation(clinic).await.unwrap();
        let practitioner = Practitioner {
            practitioner_id: DOCTOR.to_string(),
            organisation_id: CLINIC.to_string(),
            name: "李医生".to_owned(),
            ..Default::default()
        };
        let message = RegisterPractitionerRequest { request_id: request_id(), practitioner: Some(practitioner) };
        let request = self.caller("operator").request(message).await;
        self.organisations().register_practitioner(request).await.unwrap();
    }

    async fn sign_contract(
        &self,
        caller: &TestCaller,
        message: SignFamilyDoctorContractRequest,
    ) -> Result<FamilyDoctorContract, Status> {
        let answer = self.family_doctors().sign_family_doctor_contract(caller.request(message).await).await?;
        Ok(answer.into_inner().contract.unwrap())
    }

    async fn renew_contract(
        &self,
        caller: &TestCaller,
        id: &str,
        until: NaiveDate,
    ) -> Result<FamilyDoctorContract, Status> {
        let message = RenewFamilyDoctorContractRequest {
            request_id: request_id(),
            contract_id: id.to_owned(),
            until: Some(to_date(until)),
        };
        let answer = self.family_doctors().renew_family_doctor_contract(caller.request(message).await).await?;
        Ok(answer.into_inner().contract.unwrap())
    }

    async fn end_contract(
        &self,
        caller: &TestCaller,
        id: &str,
        last_day: NaiveDate,
    ) -> Result<FamilyDoctorContract, Status> {
        let message = EndFamilyDoctorContractRequest {
            request_id: request_id(),
            contract_id: id.to_owned(),
            last_day: Some(to_date(last_day)),
            reason: "迁出".to_owned(),
        };
        let answer = self.family_doctors().end_family_doctor_contract(caller.request(message).await).await?;
        Ok(answer.into_inner().contract.unwrap())
    }

    /// What contracts say of days, moved by one into the past.
    async fn a_day_of_contracts_passes(&self) {
        sqlx::query(
            "UPDATE family_doctor_contracts SET term_from = term_from - 1, term_until = term_until - 1, ended_on = ended_on - 1",
        )
        .execute(&mut self.mesh.owner("identity").await)
        .await
        .unwrap();
    }

    async fn contract_on(
        &self,
        resident: ResidentId,
        on: NaiveDate,
        known_at: Option<prost_types::Timestamp>,
    ) -> Option<String> {
        let message = GetCoverageRequest { resident_id: resident.to_string(), on: Some(to_date(on)), known_at };
        let request = self.caller("scheduling").request(message).await;
        let coverage = self.enrolments().get_coverage(request).await.unwrap().into_inner().coverage.unwrap();
        coverage.family_doctor_contract.map(|contract| contract.contract_id)
    }
}

fn today() -> NaiveDate {
    local_date(now())
}

fn contract(resident: ResidentId) -> SignFamilyDoctorContractRequest {
    SignFamilyDoctorContractRequest {
        request_id: request_id(),
        contract_id: String::new(),
        resident_id: resident.to_string(),
        organisation_id: CLINIC.to_string(),
        practitioner_ids: vec![DOCTOR.to_string()],
        package_code: "BASIC".to_owned(),
        from: Some(to_date(today())),
        until: Some(to_date(today() + Days::new(364))),
    }
}

#[tokio::test]
async fn id_05_a_contract_is_signed_told_and_shown_with_the_cover() {
    let world = World::start().await;
    world.clinic().await;
    let person = world.person("chen").await;
    let message = contract(person.id);
    let signed = world.sign_contract(&person.caller, message.clone()).await.unwrap();
    assert_eq!(world.sign_contract(&person.caller, message).await.unwrap(), signed);
    let package = signed.package.clone().unwrap();
    assert!(!package.services.is_empty() && package.price.is_some());
    assert_eq!(world.told("anjia.identity.contract.signed.v1", &signed.contract_id).await, 1);
    assert_eq!(world.told("anjia.identity.coverage.changed.v1", &person.id.to_string()).await, 1);
    assert_eq!(world.audited("identity.contract.sign", person.id).await, 1);
    assert_eq!(world.contract_on(person.id, today(), None).await, Some(signed.contract_id.clone()));
    assert_eq!(world.contract_on(person.id, today() + Days::new(365), None).await, None);

    let get = || GetFamilyDoctorContractRequest { contract_id: signed.contract_id.clone() };
    let request = world.caller("clinic").request(get()).await;
    let read = world.family_doctors().get_family_doctor_contract(request).await.unwrap().into_inner();
    assert_eq!(read.contract.as_ref(), Some(&signed));
    let stranger = world.person("wang").await;
    let answer = world.family_doctors().get_family_doctor_contract(stranger.caller.request(get()).await).await;
    assert_eq!(refused(answer), denied("OUTSIDE_SCOPE"));
}

#[tokio::test]
async fn id_05_one_contract_is_in_force_a_day() {
    let world = World::start().await;
    world.clinic().await;
    let person = world.person("chen").await;
    let tries = (0..4).map(|_| world.sign_contract(&person.caller, contract(person.id)));
    let answers = futures_util::future::join_all(tries).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    for answer in answers.into_iter().filter(Result::is_err) {
        assert_eq!(refused(answer), exists("CONTRACT_OVERLAPS"));
    }
}

#[tokio::test]
async fn id_05_a_contract_is_renewed_and_ended() {
    let world = World::start().await;
    world.clinic().await;
    let person = world.person("chen").await;
    let signed = world.sign_contract(&person.caller, contract(person.id)).await.unwrap();
    let next_year = today() + Days::new(700);
    let renewed = world.renew_contract(&person.caller, &signed.contract_id, next_year).await.unwrap();
    assert_eq!(renewed.renewed_contract_id, signed.contract_id);
    assert_eq!(renewed.from, Some(to_date(today() + Days::new(365))));
    let again = world.renew_contract(&person.caller, &signed.contract_id, next_year).await;
    assert_eq!(refused(again), exists("CONTRACT_OVERLAPS"));

    let before = to_timestamp(now());
    // By the provider.
    let ended = world.end_contract(&world.caller("clinic"), &signed.contract_id, today()).await.unwrap();
    assert_eq!(ended.ended_on, Some(to_date(today())));
    assert_eq!(world.told("anjia.identity.contract.ended.v1", &signed.contract_id).await, 1);
    let tomorrow = today() + Days::new(1);
    assert_eq!(world.contract_on(person.id, tomorrow, None).await, None);
    assert_eq!(world.contract_on(person.id, tomorrow, Some(before)).await, Some(signed.contract_id.clone()));
    let again = world.end_contract(&person.caller, &signed.contract_id, today()).await;
    assert_eq!(refused(again), (Code::FailedPrecondition, "CONTRACT_ENDED".to_owned()));
    let again = world.renew_contract(&person.caller, &signed.contract_id, next_year).await;
    assert_eq!(refused(again), (Code::FailedPrecondition, "CONTRACT_ENDED".to_owned()));
}

#[tokio::test]
async fn id_05_a_contract_that_cannot_be_is_refused() {
    let world = World::start().await;
    world.clinic().await;
    let hospital = world.hospital().await;
    let person = world.person("chen").await;
    let good = || contract(person.id);
    let cases = [
        (SignFamilyDoctorContractRequest { practitioner_ids: vec![], ..good() }, "practitioner_ids"),
        (SignFamilyDoctorContractRequest { practitioner_ids: vec!["x".to_owned()], ..good() }, "practitioner_ids[0]"),
        (SignFamilyDoctorContractRequest { from: Some(to_date(today() - Days::new(1))), ..good() }, "from"),
        (SignFamilyDoctorContractRequest { until: Some(to_date(today() - Days::new(1))), ..good() }, "until"),
        (SignFamilyDoctorContractRequest { package_code: String::new(), ..good() }, "package_code"),
    ];
    for (wrong, field) in cases {
        assert_eq!(wrong_field(world.sign_contract(&person.caller, wrong).await), field);
    }
    let sign = async |message| refused(world.sign_contract(&person.caller, message).await);
    let package_code = "GOLD".to_owned();
    assert_eq!(sign(SignFamilyDoctorContractRequest { package_code, ..good() }).await, not_found("PACKAGE_NOT_FOUND"));
    let practitioner_ids = vec![PractitionerId::generate().to_string()];
    let unknown = SignFamilyDoctorContractRequest { practitioner_ids, ..good() };
    assert_eq!(sign(unknown).await, not_found("PRACTITIONER_NOT_FOUND"));
    let tertiary = SignFamilyDoctorContractRequest { organisation_id: hospital.to_string(), ..good() };
    assert_eq!(sign(tertiary).await, (Code::FailedPrecondition, "NOT_A_COMMUNITY_PROVIDER".to_owned()));
    let nobody = ContractId::generate().to_string();
    assert_eq!(refused(world.end_contract(&person.caller, &nobody, today()).await), not_found("CONTRACT_NOT_FOUND"));
}

#[tokio::test]
async fn id_04_a_doctor_signs_for_a_resident_only_with_a_delegation_to_book() {
    let world = World::start().await;
    world.clinic().await;
    let person = world.person("chen").await;
    let worker = world.caller("worker");
    assert_eq!(refused(world.sign_contract(&worker, contract(person.id)).await), denied("OUTSIDE_SCOPE"));
    let viewing = world.delegate(&person, &[DelegatedAction::View]).await;
    let answer = world.sign_contract(&worker.acting_for(person.id, viewing), contract(person.id)).await;
    assert_eq!(refused(answer), denied("ACTION_NOT_DELEGATED"));
    let booking = world.delegate(&person, &[DelegatedAction::Book]).await;
    world.sign_contract(&worker.acting_for(person.id, booking), contract(person.id)).await.unwrap();
}

#[tokio::test]
async fn id_05_id_07_a_contract_opens_a_person_to_her_clinic_from_its_first_day_to_its_last() {
    let world = World::start().await;
    world.clinic().await;
    world.hospital().await;
    let person = world.person("chen").await;
    let (clinic, hospital) = (world.caller("clinic"), world.caller("hospital"));
    let outside = || denied("OUTSIDE_SCOPE");
    assert_eq!(refused(world.get(&clinic, person.id).await), outside());

    let ahead = SignFamilyDoctorContractRequest { from: Some(to_date(today() + Days::new(1))), ..contract(person.id) };
    let signed = world.sign_contract(&person.caller, ahead).await.unwrap();
    assert_eq!(refused(world.get(&clinic, person.id).await), outside(), "it has not begun");
    world.a_day_of_contracts_passes().await;
    world.get(&clinic, person.id).await.unwrap();
    assert_eq!(refused(world.get(&hospital, person.id).await), outside(), "it is the clinic's contract");

    world.end_contract(&person.caller, &signed.contract_id, today()).await.unwrap();
    world.get(&clinic, person.id).await.unwrap();
    world.a_day_of_contracts_passes().await;
    assert_eq!(refused(world.get(&clinic, person.id).await), outside(), "yesterday was its last day");
}

#[tokio::test]
async fn id_05_packages_say_what_they_contain_and_cost() {
    let world = World::start().await;
    let request = world.caller("resident").request(ListServicePackagesRequest::default()).await;
    let packages = world.family_doctors().list_service_packages(request).await.unwrap().into_inner().packages;
    let codes: Vec<&str> = packages.iter().map(|package| package.code.as_str()).collect();
    assert_eq!(codes, ["BASIC", "CHRONIC"]);
    assert!(packages.iter().all(|package| package.name.as_ref().is_some_and(|name| name.zh.contains("演示"))));
}

#[tokio::test]
async fn id_08_the_contract_of_who_is_erased_ends_and_its_end_is_told() {
    let world = World::start().await;
    world.clinic().await;
    let person = world.person("chen").await;
    let signed = world.sign_contract(&person.caller, contract(person.id)).await.unwrap();
    world.erase(&person).await;
    assert_eq!(world.told("anjia.identity.contract.ended.v1", &signed.contract_id).await, 1);
}
