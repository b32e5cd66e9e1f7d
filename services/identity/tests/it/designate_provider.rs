use proto::anjia::identity::v1::{
    DesignateProviderRequest, Designation, DesignationKind, EndDesignationRequest, GetDesignationRequest,
    GetOrganisationRequest, ListDesignationsRequest, Organisation, OrganisationKind, ResumeDesignationRequest,
    SuspendDesignationRequest,
};
use proto::convert::to_date;
use testkit::callers::INSURER;
use testkit::{TestCaller, request_id};
use tonic::{Code, Status};
use types::ids::{DesignationId, OrganisationId};

use crate::support::{World, day, exists, hospital, not_found, refused, wrong_field};

const OFFICER: &str = "insurer-proposer";

impl World {
    /// A hospital without any contract, and the insurer.
    async fn undesignated(&self) -> String {
        let insurer = Organisation {
            organisation_id: INSURER.to_string(),
            kind: OrganisationKind::Insurer.into(),
            tier: 0,
            place: None,
            designated_from: None,
            departments: vec![],
            ..hospital("91110000100000013")
        };
        self.register_organisation(insurer).await.unwrap();
        let hospital = Organisation { designated_from: None, ..hospital("91110000600037341") };
        self.register_organisation(hospital).await.unwrap().organisation_id
    }

    async fn designate(&self, caller: &TestCaller, message: DesignateProviderRequest) -> Result<Designation, Status> {
        let answer = self.designations().designate_provider(caller.request(message).await).await?;
        Ok(answer.into_inner().designation.unwrap())
    }

    async fn suspend_designation(&self, id: &str, from: &str) -> Result<Designation, Status> {
        let message = SuspendDesignationRequest {
            request_id: request_id(),
            designation_id: id.to_owned(),
            from: Some(to_date(day(from))),
            reason: "违规".to_owned(),
        };
        let request = self.caller(OFFICER).request(message).await;
        Ok(self.designations().suspend_designation(request).await?.into_inner().designation.unwrap())
    }

    async fn resume_designation(&self, id: &str, from: &str) -> Result<Designation, Status> {
        let message = ResumeDesignationRequest {
            request_id: request_id(),
            designation_id: id.to_owned(),
            from: Some(to_date(day(from))),
        };
        let request = self.caller(OFFICER).request(message).await;
        Ok(self.designations().resume_designation(request).await?.into_inner().designation.unwrap())
    }

    async fn end_designation(&self, id: &str, until: &str) -> Result<Designation, Status> {
        let message = EndDesignationRequest {
            request_id: request_id(),
            designation_id: id.to_owned(),
            until: Some(to_date(day(until))),
            reason: "协议终止".to_owned(),
        };
        let request = self.caller(OFFICER).request(message).await;
        Ok(self.designations().end_designation(request).await?.into_inner().designation.unwrap())
    }

    async fn designated_on(&self, provider: &str, on: &str) -> Vec<DesignationKind> {
        let get = GetOrganisationRequest { organisation_id: provider.to_owned(), on: Some(to_date(day(on))) };
        let request = self.caller("adjudication").request(get).await;
        let organisation = self.organisations().get_organisation(request).await.unwrap().into_inner().organisation;
        organisation.unwrap().designations.iter().map(Designation::kind).collect()
    }
}

fn contract(provider: &str, from: &str, until: Option<&str>) -> DesignateProviderRequest {
    DesignateProviderRequest {
        request_id: request_id(),
        designation_id: String::new(),
        provider_organisation_id: provider.to_owned(),
        kind: DesignationKind::Inpatient.into(),
        from: Some(to_date(day(from))),
        until: until.map(|until| to_date(day(until))),
    }
}

#[tokio::test]
async fn id_02_what_a_provider_was_designated_for_is_answered_for_any_day() {
    let world = World::start().await;
    let provider = world.undesignated().await;
    let officer = world.caller(OFFICER);
    let message = contract(&provider, "2026-01-01", Some("2026-12-31"));
    let made = world.designate(&officer, message.clone()).await.unwrap();
    assert_eq!(world.designate(&officer, message).await.unwrap(), made);
    assert_eq!(made.insurer_organisation_id, INSURER.to_string());
    let id = made.designation_id.as_str();

    world.suspend_designation(id, "2026-03-01").await.unwrap();
    world.resume_designation(id, "2026-05-01").await.unwrap();
    world.end_designation(id, "2026-09-30").await.unwrap();
    for (on, is_designated) in [
        ("2025-12-31", false),
        ("2026-02-28", true),
        ("2026-03-01", false),
        ("2026-04-30", false),
        ("2026-05-01", true),
        ("2026-09-30", true),
        ("2026-10-01", false),
    ] {
        assert_eq!(!world.designated_on(&provider, on).await.is_empty(), is_designated, "{on}");
    }
    assert_eq!(world.told("anjia.identity.designation.changed.v1", id).await, 4);

    let get = GetDesignationRequest { designation_id: id.to_owned() };
    let read = world.designations().get_designation(world.caller("resident").request(get).await).await.unwrap();
    let read = read.into_inner().designation.unwrap();
    assert_eq!((read.suspensions.len(), read.end_reason.as_str()), (1, "协议终止"));
    let list = ListDesignationsRequest { provider_organisation_id: provider, ..Default::default() };
    let listed = world.designations().list_designations(officer.request(list).await).await.unwrap().into_inner();
    assert_eq!(listed.designations, [read]);
}

#[tokio::test]
async fn id_02_who_says_so_on_registration_is_designated_for_everything() {
    let world = World::start().await;
    let provider = world.hospital().await.to_string();
    assert_eq!(world.designated_on(&provider, "2020-01-01").await.len(), 4);
    assert!(world.designated_on(&provider, "2019-12-31").await.is_empty());
}

#[tokio::test]
async fn id_02_a_contract_that_cannot_be_is_refused() {
    let world = World::start().await;
    let provider = world.undesignated().await;
    let officer = world.caller(OFFICER);
    let made = world.designate(&officer, contract(&provider, "2026-01-01", None)).await.unwrap();
    let overlapping = world.designate(&officer, contract(&provider, "2027-01-01", None)).await;
    assert_eq!(refused(overlapping), exists("DESIGNATION_OVERLAPS"));
    let outpatient = DesignateProviderRequest {
        kind: DesignationKind::Outpatient.into(),
        ..contract(&provider, "2026-01-01", None)
    };
    world.designate(&officer, outpatient).await.unwrap();

    let reversed = contract(&provider, "2026-01-01", Some("2025-12-31"));
    assert_eq!(wrong_field(world.designate(&officer, reversed).await), "until");
    let unsaid = DesignateProviderRequest { kind: 0, ..contract(&provider, "2026-01-01", None) };
    assert_eq!(wrong_field(world.designate(&officer, unsaid).await), "kind");
    let nobody = contract(&OrganisationId::generate().to_string(), "2026-01-01", None);
    assert_eq!(refused(world.designate(&officer, nobody).await), not_found("ORGANISATION_NOT_FOUND"));
    let insurer = contract(&INSURER.to_string(), "2026-01-01", None);
    let failed = |reason: &str| (Code::FailedPrecondition, reason.to_owned());
    assert_eq!(refused(world.designate(&officer, insurer).await), failed("NOT_A_PROVIDER"));

    let id = made.designation_id.as_str();
    assert_eq!(refused(world.resume_designation(id, "2026-03-01").await), failed("DESIGNATION_NOT_SUSPENDED"));
    world.suspend_designation(id, "2026-03-01").await.unwrap();
    assert_eq!(refused(world.suspend_designation(id, "2026-04-01").await), failed("DESIGNATION_SUSPENDED"));
    let unknown = DesignationId::generate().to_string();
    assert_eq!(refused(world.end_designation(&unknown, "2026-03-01").await), not_found("DESIGNATION_NOT_FOUND"));
}
