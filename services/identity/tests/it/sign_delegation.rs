//! How the resident signs: by themself what was proposed, or at a desk with credential and witness.

use proto::anjia::identity::v1::{
    ConfirmDelegationRequest, DelegatedAction, Delegation, DelegationReceipt, DelegationSigning, DelegationState,
    DeskSigning, GetDelegationReceiptRequest, GrantDelegationRequest, Practitioner, ProposeDelegationRequest,
    RegisterPractitionerRequest,
};
use testkit::callers::{CLINIC, Client, HOSPITAL, WORKER};
use testkit::{TestCaller, request_id};
use tonic::{Code, Status};
use types::ids::{DelegationId, PractitionerId, ResidentId};

use crate::support::{Person, World, denied, hospital, new_delegation, not_found, refused, wrong_field};

use DelegatedAction::{Book, View};

impl World {
    async fn workers_clinic(&self) {
        let clinic = proto::anjia::identity::v1::Organisation {
            organisation_id: CLINIC.to_string(),
            name: "展览路社区卫生服务中心".to_owned(),
            ..hospital("91110000600037342")
        };
        self.register_organisation(clinic).await.unwrap();
    }

    async fn practitioner(&self, id: uuid::Uuid, organisation: uuid::Uuid, name: &str) -> String {
        let practitioner = Practitioner {
            practitioner_id: id.to_string(),
            organisation_id: organisation.to_string(),
            name: name.to_owned(),
            ..Default::default()
        };
        let message = RegisterPractitionerRequest { request_id: request_id(), practitioner: Some(practitioner) };
        let request = self.caller("operator").request(message).await;
        self.organisations().register_practitioner(request).await.unwrap();
        id.to_string()
    }

    async fn propose(&self, caller: &TestCaller, message: ProposeDelegationRequest) -> Result<Delegation, Status> {
        let answer = self.delegations().propose_delegation(caller.request(message).await).await?;
        Ok(answer.into_inner().delegation.unwrap())
    }

    async fn confirm(&self, caller: &TestCaller, id: &str) -> Result<Delegation, Status> {
        let message = ConfirmDelegationRequest { request_id: request_id(), delegation_id: id.to_owned() };
        let answer = self.delegations().confirm_delegation(caller.request(message).await).await?;
        Ok(answer.into_inner().delegation.unwrap())
    }

    async fn receipt(&self, caller: &TestCaller, id: &str) -> Result<DelegationReceipt, Status> {
        let message = GetDelegationReceiptRequest { delegation_id: id.to_owned() };
        let answer = self.delegations().get_delegation_receipt(caller.request(message).await).await?;
        Ok(answer.into_inner().receipt.unwrap())
    }
}

fn proposal(resident: ResidentId, delegate: &str) -> ProposeDelegationRequest {
    let granted = new_delegation(resident, delegate, &[Book]);
    ProposeDelegationRequest {
        request_id: granted.request_id,
        resident_id: granted.resident_id,
        delegate: granted.delegate,
        actions: granted.actions,
        until: granted.until,
        ..Default::default()
    }
}

/// At the clinic's desk, before a witness, for the worker.
fn at_desk(person: &Person, number: &str, witness: &str) -> GrantDelegationRequest {
    GrantDelegationRequest {
        desk: Some(DeskSigning { national_id: number.to_owned(), witness_practitioner_id: witness.to_owned() }),
        evidence: "desk:credential".to_owned(),
        ..new_delegation(person.id, &format!("practitioner:{WORKER}"), &[Book, View])
    }
}

#[tokio::test]
async fn id_04_what_a_desk_proposes_lets_nobody_act_until_the_resident_confirms_it() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let worker = world.caller("worker");
    let message = proposal(person.id, worker.party());
    let proposed = world.propose(&worker, message.clone()).await.unwrap();
    assert_eq!((proposed.state(), proposed.signing()), (DelegationState::Proposed, DelegationSigning::Proposed));
    assert_eq!(proposed.recorder_organisation_id, CLINIC.to_string());
    assert_eq!(world.propose(&worker, message).await.unwrap(), proposed);
    let id = proposed.delegation_id.as_str();
    assert_eq!(world.told("anjia.identity.delegation.proposed.v1", id).await, 1);

    let acting = worker.acting_for(person.id, id.parse().unwrap());
    assert_eq!(refused(acting.context().await.map(drop)), denied("NO_DELEGATION"));
    let unconfirmed = (Code::FailedPrecondition, "DELEGATION_NOT_CONFIRMED".to_owned());
    assert_eq!(refused(world.receipt(&person.caller, id).await), unconfirmed);
    let stranger = world.person("wang").await;
    assert_eq!(refused(world.confirm(&stranger.caller, id).await), denied("OUTSIDE_SCOPE"));
    assert_eq!(refused(world.confirm(&worker, id).await), denied("METHOD_NOT_PERMITTED"));
    let unknown = DelegationId::generate().to_string();
    assert_eq!(refused(world.confirm(&person.caller, &unknown).await), not_found("DELEGATION_NOT_FOUND"));

    let confirmed = world.confirm(&person.caller, id).await.unwrap();
    assert_eq!((confirmed.state(), confirmed.signing()), (DelegationState::Active, DelegationSigning::Own));
    assert!(acting.context().await.is_ok());
    assert_eq!(world.confirm(&person.caller, id).await.unwrap(), confirmed);
    assert_eq!(world.told("anjia.identity.delegation.granted.v1", id).await, 1);
    assert_eq!(world.audited("identity.delegation.confirm", person.id).await, 1);
}

#[tokio::test]
async fn id_04_the_last_proposal_counts_and_one_that_is_refused_cannot_be_confirmed() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let worker = world.caller("worker");
    let first = world.propose(&worker, proposal(person.id, worker.party())).await.unwrap().delegation_id;
    let second = world.propose(&worker, proposal(person.id, worker.party())).await.unwrap().delegation_id;
    assert_eq!(refused(world.confirm(&person.caller, &first).await), denied("NO_DELEGATION"));
    world.revoke(&person, second.parse().unwrap()).await.unwrap();
    assert_eq!(refused(world.confirm(&person.caller, &second).await), denied("NO_DELEGATION"));

    let oneself = proposal(person.id, person.caller.party());
    assert_eq!(wrong_field(world.propose(&worker, oneself).await), "delegate");
    let nobody = proposal(person.id, &format!("practitioner:{}", PractitionerId::generate()));
    assert_eq!(refused(world.propose(&worker, nobody).await), not_found("DELEGATE_NOT_FOUND"));
}

#[tokio::test]
async fn id_04_a_desk_records_a_signature_with_credential_and_witness_and_not_without() {
    let world = World::start().await;
    world.workers_clinic().await;
    world.hospital().await;
    let person = world.person("chen").await;
    let other = world.person("wang").await;
    let nurse = world.practitioner(uuid::Uuid::now_v7(), CLINIC, "赵护士").await;
    let stranger = world.practitioner(uuid::Uuid::now_v7(), HOSPITAL, "钱医生").await;
    let worker = world.practitioner(WORKER, CLINIC, "李社工").await;
    let clerk_id = uuid::Uuid::now_v7();
    let clerk = Client::practitioner("clerk", clerk_id, CLINIC, &["clinic_clerk"]);
    let clerk = world.mesh.register(clerk).await;
    let clerk_id = world.practitioner(clerk_id, CLINIC, "周窗口").await;

    let neither = GrantDelegationRequest { desk: None, ..at_desk(&person, "", "") };
    assert_eq!(refused(world.grant(&clerk, neither).await), denied("NOT_SIGNED"));
    let anothers = at_desk(&person, &other.number, &nurse);
    assert_eq!(refused(world.grant(&clerk, anothers).await), denied("CREDENTIAL_MISMATCH"));
    let unknown = PractitionerId::generate().to_string();
    // Unknown, of another organisation, the delegate, the clerk.
    for witness in [&unknown, &stranger, &worker, &clerk_id] {
        let answer = world.grant(&clerk, at_desk(&person, &person.number, witness)).await;
        assert_eq!(refused(answer), denied("WITNESS_NOT_ACCEPTED"));
    }
    let own = world.grant(&person.caller, at_desk(&person, &person.number, &nurse)).await;
    assert_eq!(wrong_field(own), "desk");

    let signed = world.grant(&clerk, at_desk(&person, &person.number, &nurse)).await.unwrap();
    assert_eq!((signed.state(), signed.signing()), (DelegationState::Active, DelegationSigning::Desk));
    assert_eq!((&signed.witness_practitioner_id, signed.recorder_organisation_id), (&nurse, CLINIC.to_string()));
    let acting = world.caller("worker").acting_for(person.id, signed.delegation_id.parse().unwrap());
    assert!(acting.context().await.is_ok());

    // The desk prints the receipt; what it says, the audit proves by its hash.
    let receipt = world.receipt(&clerk, &signed.delegation_id).await.unwrap();
    assert_eq!(receipt, world.receipt(&person.caller, &signed.delegation_id).await.unwrap());
    let text = receipt.text.clone().unwrap();
    assert!(text.zh.contains("李社工") && text.zh.contains("见证"), "{}", text.zh);
    assert!(text.en.contains("take it back") && text.en.contains(&signed.delegation_id), "{}", text.en);
    let named: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM audit_entries, jsonb_array_elements(rows) AS named \
         WHERE action = 'identity.delegation.grant' AND named->>'table' = 'delegation_receipts' AND named->>'id' = $1",
    )
    .bind(&receipt.receipt_id)
    .fetch_one(&mut world.mesh.owner("identity").await)
    .await
    .unwrap();
    assert_eq!(named, 1);
    assert_eq!(receipt.hash, hash_of(&receipt));
    let denied_to_strangers = world.receipt(&other.caller, &signed.delegation_id).await;
    assert_eq!(refused(denied_to_strangers), denied("OUTSIDE_SCOPE"));
}

/// As the contract says it, so that anybody can.
fn hash_of(receipt: &DelegationReceipt) -> String {
    use sha2::{Digest as _, Sha256};
    let text = receipt.text.as_ref().unwrap();
    let issued_at_s = receipt.issued_at.as_ref().unwrap().seconds.to_string();
    let lines = [&receipt.receipt_id, &receipt.delegation_id, &text.zh, &text.en, &issued_at_s];
    let said: String = lines.into_iter().flat_map(|line| [line.as_str(), "\n"]).collect();
    hex::encode(Sha256::digest(said))
}
