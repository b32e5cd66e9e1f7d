//! Services act in the region of the item they work on, and in no region that this installation does not serve.

use chassis::auth::Mandate;
use proto::anjia::identity::v1::enrolment_service_client::EnrolmentServiceClient;
use proto::anjia::identity::v1::privacy_service_client::PrivacyServiceClient;
use proto::anjia::identity::v1::{
    DelegatedAction, ErasureWord, GetCoverageRequest, RegisterResidentRequest, ReportErasureRequest,
};
use testkit::Mesh;
use testkit::callers::{CLINIC, Client};
use tonic::Code;
use types::ids::ResidentId;
use types::region::RegionCode;

use crate::mandates::for_a_referral;
use crate::support::{Person, World, day, denied, new_delegation, new_resident, not_found, refused};

const HOLD: &str = "anjia.scheduling.v1.AppointmentService/HoldSlot";

fn shanghai() -> RegionCode {
    "310000".parse().unwrap()
}

async fn of_two_regions() -> World {
    World { mesh: Mesh::start_with(&["identity"], &[("REGIONS", "310000")]).await }
}

impl World {
    async fn shanghainese(&self) -> Person {
        let clerk = Client::new("shanghai-clerk", "client:shanghai-clerk".to_owned(), Some(CLINIC), &["clinic_clerk"]);
        let clerk = self.mesh.register(Client { region: "310000".to_owned(), ..clerk }).await;
        let message = RegisterResidentRequest { region_code: "310000".to_owned(), ..new_resident() };
        let number = message.national_id.clone();
        let id: ResidentId = self.register(&clerk, message).await.unwrap().resident_id.parse().unwrap();
        let client = Client { region: "310000".to_owned(), ..Client::resident("shanghainese", id.uuid()) };
        Person { id, number, caller: self.mesh.register(client).await }
    }
}

#[tokio::test]
async fn pl_05_a_service_gets_tokens_for_the_regions_of_the_installation_and_for_no_other() {
    let world = of_two_regions().await;
    let (here, there) = (world.person("chen").await, world.shanghainese().await);
    let scheduling = world.mesh.fleet().credentials("scheduling").unwrap();
    let (own, in_shanghai) = (scheduling.own().await.unwrap(), scheduling.own_in(shanghai()).await.unwrap());
    assert_eq!((own.caller.region, in_shanghai.caller.region), (RegionCode::BEIJING, shanghai()));
    let mut enrolments = EnrolmentServiceClient::new(world.mesh.channel_as("scheduling", "identity"));
    for (ctx, seen, unseen) in [(&own, &here, &there), (&in_shanghai, &there, &here)] {
        let of = |person: &Person| GetCoverageRequest {
            resident_id: person.id.to_string(),
            on: Some(proto::convert::to_date(day("2026-01-01"))),
            ..Default::default()
        };
        enrolments.get_coverage(ctx.request(of(seen))).await.unwrap();
        let hidden = enrolments.get_coverage(ctx.request(of(unseen))).await.map(drop);
        assert_eq!(refused(hidden), (Code::NotFound, "RESIDENT_NOT_FOUND".to_owned()));
    }
    let guangzhou = "440100".parse().unwrap();
    assert_eq!(refused(scheduling.own_in(guangzhou).await.map(drop)), denied("REGION_NOT_PERMITTED"));
    // Whoever is no service is of one region.
    for client_id in ["worker", "operator", "bank"] {
        let credentials = world.mesh.fleet().credentials(client_id).unwrap();
        let answer = credentials.own_in(shanghai()).await.map(drop);
        assert_eq!(refused(answer), denied("REGION_NOT_PERMITTED"), "{client_id}");
        assert_eq!(credentials.own_in(RegionCode::BEIJING).await.unwrap().caller.region, RegionCode::BEIJING);
    }
}

#[tokio::test]
async fn pl_05_what_goes_on_under_a_mandate_goes_on_in_its_region() {
    let world = of_two_regions().await;
    let there = world.shanghainese().await;
    let given = world.record_as("referral", &there.caller, for_a_referral(there.id)).await.unwrap();
    let referral = world.mesh.fleet().credentials("referral").unwrap();
    let mandate = |region| Mandate { id: given.mandate_id.parse().unwrap(), region, methods: vec![HOLD.to_owned()] };
    let ctx = referral.continuation(&mandate(shanghai())).await.unwrap();
    assert_eq!((ctx.caller.region, ctx.caller.resident()), (shanghai(), Some(there.id)));
    let elsewhere = referral.continuation(&mandate(RegionCode::BEIJING)).await.map(drop);
    assert_eq!(refused(elsewhere), denied("CONTINUATION_NOT_PERMITTED"));
    // Who acts for somebody does so in their own region.
    let here = world.person("chen").await;
    let worker = world.caller("worker");
    let message = new_delegation(here.id, worker.party(), &[DelegatedAction::Book]);
    let delegation = world.grant(&here.caller, message).await.unwrap().delegation_id.parse().unwrap();
    let acting = worker.acting_for(here.id, delegation).context().await.unwrap();
    assert_eq!(acting.caller.region, RegionCode::BEIJING);
}

#[tokio::test]
async fn id_08_a_service_speaks_of_erasures_of_the_region_its_token_is_for_and_of_no_other() {
    let world = of_two_regions().await;
    let there = world.shanghainese().await;
    let id = world.ask_to_erase(&there.caller, there.id, "").await.unwrap().erasure_id;
    let scheduling = world.mesh.fleet().credentials("scheduling").unwrap();
    let mut privacy = PrivacyServiceClient::new(world.mesh.channel_as("scheduling", "identity"));
    let told =
        || ReportErasureRequest { erasure_id: id.clone(), word: ErasureWord::Clear.into(), ..Default::default() };
    let from_here = privacy.report_erasure(scheduling.own().await.unwrap().request(told())).await.map(drop);
    assert_eq!(refused(from_here), not_found("ERASURE_NOT_FOUND"));
    privacy.report_erasure(scheduling.own_in(shanghai()).await.unwrap().request(told())).await.unwrap();
}
