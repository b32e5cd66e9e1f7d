use proto::anjia::identity::v1::{
    Alliance, AllianceKind, FormAllianceRequest, GetAllianceRequest, GetOrganisationRequest, JoinAllianceRequest,
    LeaveAllianceRequest, ListAlliancesRequest, Organisation, OrganisationKind,
};
use proto::convert::to_date;
use testkit::request_id;
use tonic::{Code, Status};
use types::ids::{AllianceId, OrganisationId};

use crate::support::{World, day, exists, hospital, not_found, refused, wrong_field};

impl World {
    async fn two_hospitals(&self) -> [String; 2] {
        let first = self.register_organisation(hospital("91110000600037341")).await.unwrap();
        let second = self.register_organisation(hospital("12110000400686452")).await.unwrap();
        [first.organisation_id, second.organisation_id]
    }

    async fn form(&self, message: FormAllianceRequest) -> Result<Alliance, Status> {
        let request = self.caller("operator").request(message).await;
        Ok(self.alliances().form_alliance(request).await?.into_inner().alliance.unwrap())
    }

    async fn join(&self, alliance: &str, provider: &str, from: &str) -> Result<Alliance, Status> {
        let message = JoinAllianceRequest {
            request_id: request_id(),
            alliance_id: alliance.to_owned(),
            organisation_id: provider.to_owned(),
            from: Some(to_date(day(from))),
        };
        let request = self.caller("operator").request(message).await;
        Ok(self.alliances().join_alliance(request).await?.into_inner().alliance.unwrap())
    }

    async fn leave(&self, alliance: &str, provider: &str, until: &str) -> Result<Alliance, Status> {
        let message = LeaveAllianceRequest {
            request_id: request_id(),
            alliance_id: alliance.to_owned(),
            organisation_id: provider.to_owned(),
            until: Some(to_date(day(until))),
        };
        let request = self.caller("operator").request(message).await;
        Ok(self.alliances().leave_alliance(request).await?.into_inner().alliance.unwrap())
    }

    async fn alliance_of(&self, provider: &str, on: &str) -> String {
        let get = GetOrganisationRequest { organisation_id: provider.to_owned(), on: Some(to_date(day(on))) };
        let request = self.caller("referral").request(get).await;
        self.organisations().get_organisation(request).await.unwrap().into_inner().organisation.unwrap().alliance
    }
}

fn alliance(lead: &str) -> FormAllianceRequest {
    FormAllianceRequest {
        request_id: request_id(),
        alliance_id: String::new(),
        name: "枫林医联体".to_owned(),
        kind: AllianceKind::Medical.into(),
        lead_organisation_id: lead.to_owned(),
        from: Some(to_date(day("2026-01-01"))),
    }
}

#[tokio::test]
async fn id_02_who_is_in_which_alliance_is_answered_for_any_day() {
    let world = World::start().await;
    let [lead, other] = world.two_hospitals().await;
    let message = alliance(&lead);
    let formed = world.form(message.clone()).await.unwrap();
    assert_eq!(world.form(message).await.unwrap(), formed);
    let id = formed.alliance_id.as_str();
    world.join(id, &other, "2026-03-01").await.unwrap();
    let left = world.leave(id, &other, "2026-06-30").await.unwrap();
    assert_eq!(left.members.len(), 2);
    for (on, name) in
        [("2026-02-28", ""), ("2026-03-01", "枫林医联体"), ("2026-06-30", "枫林医联体"), ("2026-07-01", "")]
    {
        assert_eq!(world.alliance_of(&other, on).await, name, "{on}");
    }
    let get = GetAllianceRequest { alliance_id: id.to_owned() };
    let read = world.alliances().get_alliance(world.caller("resident").request(get).await).await.unwrap();
    assert_eq!(read.into_inner().alliance.as_ref(), Some(&left));
    let request = world.caller("clinic").request(ListAlliancesRequest::default()).await;
    let listed = world.alliances().list_alliances(request).await.unwrap().into_inner();
    assert_eq!(listed.alliances, [left]);
}

#[tokio::test]
async fn id_02_a_provider_is_in_one_alliance_a_day() {
    let world = World::start().await;
    let [lead, other] = world.two_hospitals().await;
    let formed = world.form(alliance(&lead)).await.unwrap();
    let second = world.form(alliance(&other)).await.unwrap();
    let id = formed.alliance_id.as_str();
    assert_eq!(refused(world.join(id, &other, "2026-06-01").await), exists("ALREADY_A_MEMBER"));
    assert_eq!(refused(world.form(alliance(&lead)).await), exists("ALREADY_A_MEMBER"));
    world.leave(&second.alliance_id, &other, "2026-05-31").await.unwrap();
    world.join(id, &other, "2026-06-01").await.unwrap();
    let refusal = refused(world.leave(id, &lead, "2026-12-31").await);
    assert_eq!(refusal, (Code::FailedPrecondition, "ALLIANCE_NEEDS_ITS_LEAD".to_owned()));
}

#[tokio::test]
async fn id_02_an_alliance_that_cannot_be_is_refused() {
    let world = World::start().await;
    let [lead, other] = world.two_hospitals().await;
    let wrong = async |message| wrong_field(world.form(message).await);
    assert_eq!(wrong(FormAllianceRequest { name: String::new(), ..alliance(&lead) }).await, "name");
    assert_eq!(wrong(FormAllianceRequest { kind: 0, ..alliance(&lead) }).await, "kind");
    let nobody = OrganisationId::generate().to_string();
    assert_eq!(refused(world.form(alliance(&nobody)).await), not_found("ORGANISATION_NOT_FOUND"));
    let bank = Organisation {
        kind: OrganisationKind::Bank.into(),
        tier: 0,
        place: None,
        designated_from: None,
        departments: vec![],
        ..hospital("91110000100000013")
    };
    let bank = world.register_organisation(bank).await.unwrap().organisation_id;
    let failed = |reason: &str| (Code::FailedPrecondition, reason.to_owned());
    assert_eq!(refused(world.form(alliance(&bank)).await), failed("NOT_A_PROVIDER"));
    let formed = world.form(alliance(&lead)).await.unwrap();
    assert_eq!(refused(world.leave(&formed.alliance_id, &other, "2026-06-30").await), failed("NOT_A_MEMBER"));
    let unknown = AllianceId::generate().to_string();
    assert_eq!(refused(world.join(&unknown, &other, "2026-06-30").await), not_found("ALLIANCE_NOT_FOUND"));
}
