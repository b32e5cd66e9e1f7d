//! What services go on doing in a resident's name: under a mandate that a person gave, and nothing without one.

use chassis::auth::{Claims, Mandate};
use chassis::channel::Channel;
use proto::anjia::common::v1::ExportRequest;
use proto::anjia::identity::v1::exchange_token_request::Capacity;
use proto::anjia::identity::v1::mandate_service_client::MandateServiceClient;
use proto::anjia::identity::v1::privacy_service_client::PrivacyServiceClient;
use proto::anjia::identity::v1::revoke_token_request::Target;
use proto::anjia::identity::v1::{
    self as wire, Continuation, DelegatedAction, ExchangeTokenResponse, ExportResidentRequest, GetMandateRequest,
    MandateState, MandatedCredit, RecordMandateRequest, RevokeMandateRequest, RevokeTokenRequest,
};
use testkit::{TestCaller, request_id};
use tonic::{Code, Status};
use types::ids::{CreditLineId, MandateId, ReferralId, ResidentId};
use types::money::Money;
use types::region::RegionCode;

use crate::exchange_token::assertion;
use crate::support::{Person, World, denied, new_consent, refused, wrong_field};

const HOLD: &str = "anjia.scheduling.v1.AppointmentService/HoldSlot";
const CHECK: &str = "anjia.identity.v1.DelegationService/CheckDelegation";
const AUTHORISE: &str = "anjia.payment.v1.BillService/AuthoriseBill";
const CAPTURE: &str = "anjia.payment.v1.BillService/CaptureBill";

pub(crate) fn for_a_referral(resident: ResidentId) -> RecordMandateRequest {
    RecordMandateRequest {
        request_id: request_id(),
        resident_id: resident.to_string(),
        work: format!("referral:{}", ReferralId::generate()),
        valid_days: 90,
        ..RecordMandateRequest::default()
    }
}

fn credit() -> MandatedCredit {
    MandatedCredit {
        credit_line_id: CreditLineId::generate().to_string(),
        own_share_max: Some(proto::convert::to_money(Money::from_fen(100_000))),
    }
}

impl World {
    pub(crate) fn mandates(&self) -> MandateServiceClient<Channel> {
        MandateServiceClient::new(self.channel())
    }

    /// As `service` does: over its own connection, with the token of who gives the mandate.
    pub(crate) async fn record_as(
        &self,
        service: &str,
        giver: &TestCaller,
        message: RecordMandateRequest,
    ) -> Result<wire::Mandate, Status> {
        let mut client = MandateServiceClient::new(self.mesh.channel_as(service, "identity"));
        let token = giver.request(()).await.metadata().get("authorization").unwrap().clone();
        let mut request = tonic::Request::new(message);
        request.metadata_mut().insert("authorization", token);
        Ok(client.record_mandate(request).await?.into_inner().mandate.unwrap())
    }

    pub(crate) async fn continue_as(
        &self,
        client_id: &str,
        mandate_id: &str,
        methods: &[&str],
    ) -> Result<ExchangeTokenResponse, Status> {
        let continuation = Continuation {
            mandate_id: mandate_id.to_owned(),
            methods: methods.iter().map(|method| (*method).to_owned()).collect(),
        };
        let proof = self.sign(client_id, &assertion(client_id));
        self.exchange(proof, Some(Capacity::Continuation(continuation))).await
    }

    async fn take_back(&self, with: &TestCaller, mandate: &wire::Mandate) -> Result<wire::Mandate, Status> {
        let message = RevokeMandateRequest { request_id: request_id(), mandate_id: mandate.mandate_id.clone() };
        Ok(self.mandates().revoke_mandate(with.request(message).await).await?.into_inner().mandate.unwrap())
    }

    async fn bar(&self, party: &str) -> String {
        let message = RevokeTokenRequest {
            request_id: request_id(),
            target: Some(Target::Party(party.to_owned())),
            lasting: true,
            reason: "left".to_owned(),
        };
        let request = self.caller("operator").request(message).await;
        self.tokens().revoke_token(request).await.unwrap().into_inner().revocation.unwrap().revocation_id
    }

    async fn lift(&self, revocation_id: String) {
        let message = wire::LiftRevocationRequest { request_id: request_id(), revocation_id };
        self.tokens().lift_revocation(self.caller("operator").request(message).await).await.unwrap();
    }
}

#[tokio::test]
async fn id_07_a_service_goes_on_under_a_recorded_mandate_with_listed_methods_only() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let given = world.record_as("referral", &person.caller, for_a_referral(person.id)).await.unwrap();
    assert_eq!((given.given_by.as_str(), given.delegation_id.as_str()), (person.caller.party(), ""));
    assert_eq!((given.state(), given.service.as_str()), (MandateState::Active, "referral"));
    assert_eq!(world.audited("identity.mandate.record", person.id).await, 1);

    let issued = world.continue_as("referral", &given.mandate_id, &[HOLD, CHECK]).await.unwrap();
    let claims: Claims = jsonwebtoken::dangerous::insecure_decode_claims(&issued.access_token).unwrap();
    let caller = claims.caller().unwrap();
    assert_eq!((caller.resident(), caller.service()), (Some(person.id), Some("referral")));
    assert_eq!((caller.delegation, claims.methods.as_ref().unwrap().len()), (None, 2));
    assert_eq!(world.audited("identity.token.issue_continuation", person.id).await, 1);
    let evidence: (String, String) =
        sqlx::query_as("SELECT evidence, mandate_id::text FROM continuations WHERE token_id::text = $1")
            .bind(caller.token_id)
            .fetch_one(&mut world.mesh.owner("identity").await)
            .await
            .unwrap();
    assert_eq!(evidence, (given.work.clone(), given.mandate_id.clone()));

    let not_permitted = denied("CONTINUATION_NOT_PERMITTED");
    let id = given.mandate_id.as_str();
    for (client_id, mandate, methods) in [
        ("referral", id, [HOLD, CAPTURE]),
        ("payment", id, [HOLD, HOLD]),
        ("worker", id, [HOLD, HOLD]),
        ("referral", &MandateId::generate().to_string(), [HOLD, HOLD]),
        // It was given no credit.
        ("referral", id, [HOLD, AUTHORISE]),
    ] {
        let answer = world.continue_as(client_id, mandate, &methods).await;
        assert_eq!(refused(answer), not_permitted, "{client_id} {methods:?}");
    }
    let with_credit = RecordMandateRequest { credit: Some(credit()), ..for_a_referral(person.id) };
    let with_credit = world.record_as("referral", &person.caller, with_credit).await.unwrap();
    let issued = world.continue_as("referral", &with_credit.mandate_id, &[HOLD, AUTHORISE]).await.unwrap();
    // The token says what she allowed, as it was recorded.
    let says: Claims = jsonwebtoken::dangerous::insecure_decode_claims(&issued.access_token).unwrap();
    let (terms, recorded) = (says.mandate.unwrap(), with_credit.credit.unwrap());
    assert_eq!((terms.id.to_string(), terms.work.to_string()), (with_credit.mandate_id, with_credit.work));
    let credit = terms.credit.unwrap();
    assert_eq!(credit.line.to_string(), recorded.credit_line_id);
    assert_eq!(Some(proto::convert::to_money(credit.own_share_max)), recorded.own_share_max);
    assert_eq!(claims.mandate.unwrap().credit, None, "the other allows no credit");
    // Nobody's word counts but a mandate's.
    assert_eq!(wrong_field(world.continue_as("referral", "", &[HOLD]).await), "continuation.mandate_id");
}

#[tokio::test]
async fn id_07_a_mandate_is_recorded_by_its_service_for_who_gives_it() {
    let world = World::start().await;
    let (person, other) = (world.person("chen").await, world.person("wang").await);
    let record = async |service: &str, giver: &TestCaller, message| world.record_as(service, giver, message).await;
    // By nobody but the service whose work it is.
    let straight = world.mandates().record_mandate(person.caller.request(for_a_referral(person.id)).await).await;
    assert_eq!(refused(straight), denied("MANDATE_NOT_PERMITTED"));
    let by_payment = record("payment", &person.caller, for_a_referral(person.id)).await;
    assert_eq!(refused(by_payment), denied("PEER_NOT_PERMITTED"));
    // With nobody's token but that of the resident, or of who acts for her.
    let of_another = record("referral", &other.caller, for_a_referral(person.id)).await;
    assert_eq!(refused(of_another), denied("OUTSIDE_SCOPE"));
    let by_itself = record("referral", &world.caller("referral"), for_a_referral(person.id)).await;
    assert_eq!(refused(by_itself), denied("METHOD_NOT_PERMITTED"));

    let good = for_a_referral(person.id);
    for (message, field) in [
        (RecordMandateRequest { work: "bill:1".to_owned(), ..good.clone() }, "work"),
        (RecordMandateRequest { valid_days: 0, ..good.clone() }, "valid_days"),
        (RecordMandateRequest { valid_days: 181, ..good.clone() }, "valid_days"),
        (
            RecordMandateRequest { credit: Some(MandatedCredit { own_share_max: None, ..credit() }), ..good.clone() },
            "credit.own_share_max",
        ),
    ] {
        assert_eq!(wrong_field(record("referral", &person.caller, message).await), field);
    }
    let first = record("referral", &person.caller, good.clone()).await.unwrap();
    assert_eq!(
        record("referral", &person.caller, good.clone()).await.unwrap(),
        first,
        "once, however often it is sent"
    );
    let same = RecordMandateRequest { request_id: request_id(), mandate_id: first.mandate_id.clone(), ..good };
    let again = record("referral", &person.caller, same).await;
    assert_eq!(refused(again), (Code::AlreadyExists, "MANDATE_EXISTS".to_owned()));
}

#[tokio::test]
async fn id_04_a_delegate_mandates_what_they_may_do_and_as_long_as_they_may_act() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let worker = world.caller("worker");
    let books = world.delegate(&person, &[DelegatedAction::Book]).await;
    let refers = world.delegate(&person, &[DelegatedAction::Refer]).await;
    let record = async |delegation, message| {
        world.record_as("referral", &worker.acting_for(person.id, delegation), message).await
    };
    assert_eq!(refused(record(books, for_a_referral(person.id)).await), denied("ACTION_NOT_DELEGATED"));
    let with_credit = RecordMandateRequest { credit: Some(credit()), ..for_a_referral(person.id) };
    assert_eq!(refused(record(refers, with_credit).await), denied("ACTION_NOT_DELEGATED"));

    let given = record(refers, for_a_referral(person.id)).await.unwrap();
    assert_eq!((given.given_by.as_str(), given.delegation_id), (worker.party(), refers.to_string()));
    let issued = world.continue_as("referral", &given.mandate_id, &[HOLD]).await.unwrap();
    let claims: Claims = jsonwebtoken::dangerous::insecure_decode_claims(&issued.access_token).unwrap();
    let behind: Vec<String> = claims.actors().map(|actor| actor.sub.to_string()).collect();
    assert_eq!(behind, ["service:referral", worker.party()]);
    assert_eq!(claims.dlg, Some(refers));

    world.revoke(&person, refers).await.unwrap();
    assert_eq!(refused(world.continue_as("referral", &given.mandate_id, &[HOLD]).await), denied("NO_DELEGATION"));
}

#[tokio::test]
async fn id_07_barring_who_gave_a_mandate_or_for_whom_stops_what_goes_on_under_it() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let worker = world.caller("worker");
    let delegation = world.delegate(&person, &[DelegatedAction::Refer]).await;
    let acting = worker.acting_for(person.id, delegation);
    let by_delegate = world.record_as("referral", &acting, for_a_referral(person.id)).await.unwrap();
    let by_herself = world.record_as("referral", &person.caller, for_a_referral(person.id)).await.unwrap();
    for (party, stopped, goes_on) in [
        (worker.party(), vec![&by_delegate], vec![&by_herself]),
        (person.caller.party(), vec![&by_delegate, &by_herself], vec![]),
    ] {
        let bar = world.bar(party).await;
        for mandate in stopped {
            let answer = world.continue_as("referral", &mandate.mandate_id, &[HOLD]).await;
            assert_eq!(refused(answer), denied("PERSON_BARRED"), "{party}");
        }
        for mandate in goes_on {
            world.continue_as("referral", &mandate.mandate_id, &[HOLD]).await.unwrap();
        }
        world.lift(bar).await;
        world.continue_as("referral", &by_delegate.mandate_id, &[HOLD]).await.unwrap();
    }
}

#[tokio::test]
async fn id_07_a_mandate_is_taken_back_by_the_resident_or_who_gave_it_and_expires() {
    let world = World::start().await;
    let (person, other) = (world.person("chen").await, world.person("wang").await);
    let worker = world.caller("worker");
    let delegation = world.delegate(&person, &[DelegatedAction::Refer]).await;
    let acting = worker.acting_for(person.id, delegation);
    let by_delegate = world.record_as("referral", &acting, for_a_referral(person.id)).await.unwrap();
    let by_herself = world.record_as("referral", &person.caller, for_a_referral(person.id)).await.unwrap();

    assert_eq!(refused(world.take_back(&other.caller, &by_herself).await), denied("OUTSIDE_SCOPE"));
    assert_eq!(refused(world.take_back(&acting, &by_herself).await), denied("ACTION_NOT_DELEGATED"));
    for (with, mandate) in [(&acting, &by_delegate), (&person.caller, &by_herself)] {
        let revoked = world.take_back(with, mandate).await.unwrap();
        assert!(revoked.state() == MandateState::Revoked && revoked.ended_at.is_some());
        assert_eq!(world.take_back(&person.caller, mandate).await.unwrap(), revoked, "again changes nothing");
        let answer = world.continue_as("referral", &mandate.mandate_id, &[HOLD]).await;
        assert_eq!(refused(answer), denied("MANDATE_ENDED"));
    }
    assert_eq!(world.audited("identity.mandate.revoke", person.id).await, 2);

    let third = world.record_as("referral", &person.caller, for_a_referral(person.id)).await.unwrap();
    sqlx::query("UPDATE mandates SET given_at = given_at - interval '91 days', until = until - interval '91 days' WHERE id = $1::uuid")
        .bind(&third.mandate_id)
        .execute(&mut world.mesh.owner("identity").await)
        .await
        .unwrap();
    let answer = world.continue_as("referral", &third.mandate_id, &[HOLD]).await;
    assert_eq!(refused(answer), (Code::FailedPrecondition, "MANDATE_EXPIRED".to_owned()));
    let get = GetMandateRequest { mandate_id: third.mandate_id.clone() };
    let read = world.mandates().get_mandate(person.caller.request(get.clone()).await).await.unwrap().into_inner();
    assert_eq!(read.mandate.unwrap().state(), MandateState::Expired);
    let by_another = world.mandates().get_mandate(other.caller.request(get).await).await;
    assert_eq!(refused(by_another), denied("OUTSIDE_SCOPE"));
    let unknown = GetMandateRequest { mandate_id: MandateId::generate().to_string() };
    let unknown = world.mandates().get_mandate(person.caller.request(unknown).await).await;
    assert_eq!(refused(unknown), (Code::NotFound, "MANDATE_NOT_FOUND".to_owned()));
}

#[tokio::test]
async fn id_04_whoever_acts_for_a_resident_reads_her_mandates_and_consents_with_view_alone() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let given = world.record_as("referral", &person.caller, for_a_referral(person.id)).await.unwrap();
    let consent = new_consent(person.id, world.hospital().await);
    let consent = world.consent(&person.caller, consent).await.unwrap();
    let reads = async |actions: &[DelegatedAction]| {
        let acting = world.caller("worker").acting_for(person.id, world.delegate(&person, actions).await);
        let mandate = GetMandateRequest { mandate_id: given.mandate_id.clone() };
        let mandate = world.mandates().get_mandate(acting.request(mandate).await).await;
        let consent = wire::GetConsentRequest { consent_id: consent.consent_id.clone() };
        let consent = world.consents().get_consent(acting.request(consent).await).await;
        (mandate.map(drop), consent.map(drop))
    };
    let (mandate, shared) = reads(&[DelegatedAction::Refer, DelegatedAction::Book]).await;
    assert_eq!(refused(mandate), denied("ACTION_NOT_DELEGATED"));
    assert_eq!(refused(shared), denied("ACTION_NOT_DELEGATED"));
    let (mandate, shared) = reads(&[DelegatedAction::View]).await;
    mandate.unwrap();
    shared.unwrap();
}

#[tokio::test]
async fn id_08_a_person_is_shown_what_they_mandated() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let message = RecordMandateRequest { credit: Some(credit()), ..for_a_referral(person.id) };
    let given = world.record_as("referral", &person.caller, message).await.unwrap();
    let asked = ExportRequest { resident_id: person.id.to_string(), page_size: 200, ..ExportRequest::default() };
    let request = person.caller.request(ExportResidentRequest { export: Some(asked) }).await;
    let page = PrivacyServiceClient::new(world.channel()).export_resident(request).await.unwrap().into_inner().page;
    let shown: Vec<String> = page.unwrap().rows.into_iter().map(|row| row.json).collect();
    assert!(
        shown.iter().any(|row| row.contains(&given.mandate_id) && row.contains("\"own_share_max\":1000.0")),
        "{shown:#?}"
    );
}

#[tokio::test]
async fn id_07_a_continuation_token_calls_nothing_but_its_methods() {
    let world = World::start().await;
    let person: Person = world.person("chen").await;
    let delegation = world.delegate(&person, &[DelegatedAction::Refer]).await;
    let acting = world.caller("worker").acting_for(person.id, delegation);
    let given = world.record_as("referral", &acting, for_a_referral(person.id)).await.unwrap();
    let mandate =
        Mandate { id: given.mandate_id.parse().unwrap(), region: RegionCode::BEIJING, methods: vec![CHECK.to_owned()] };
    let credentials = world.mesh.fleet().credentials("referral").unwrap();
    let ctx = credentials.continuation(&mandate).await.unwrap();

    let question = wire::CheckDelegationRequest {
        delegation_id: delegation.to_string(),
        resident_id: person.id.to_string(),
        delegate: world.caller("worker").party().to_owned(),
        action: DelegatedAction::Refer.into(),
        ..Default::default()
    };
    world.delegations().check_delegation(ctx.request(question)).await.unwrap();
    let refusal = world.consents().check_consent(ctx.request(wire::CheckConsentRequest::default())).await;
    assert_eq!(refused(refusal), denied("METHOD_NOT_PERMITTED"));
}
