use proto::anjia::identity::v1::{Consent, DelegatedAction, GetConsentRequest, GrantConsentRequest};
use proto::convert::to_timestamp;
use testkit::TestCaller;
use tonic::{Code, Status};
use types::ids::{ConsentId, OrganisationId};

use crate::support::{World, denied, exists, new_consent, not_found, now, refused, wrong_field};

impl World {
    async fn get_consent(&self, caller: &TestCaller, id: &str) -> Result<Consent, Status> {
        let request = caller.request(GetConsentRequest { consent_id: id.to_owned() }).await;
        Ok(self.consents().get_consent(request).await?.into_inner().consent.unwrap())
    }
}

#[tokio::test]
async fn id_06_a_resident_consents() {
    let world = World::start().await;
    let hospital = world.hospital().await;
    let person = world.person("chen").await;
    let message = new_consent(person.id, hospital);
    let consent = world.consent(&person.caller, message.clone()).await.unwrap();
    assert_eq!(world.consent(&person.caller, message.clone()).await.unwrap(), consent);
    assert_eq!(world.told("anjia.identity.consent.granted.v1", &consent.consent_id).await, 1);
    assert_eq!(world.audited("identity.consent.grant", person.id).await, 1);
    let other = GrantConsentRequest { purpose: 2, ..message };
    let answer = world.consent(&person.caller, other).await;
    assert_eq!(refused(answer), (Code::InvalidArgument, "REQUEST_ID_REUSED".to_owned()));

    for caller in [&person.caller, &world.caller("hospital")] {
        assert_eq!(world.get_consent(caller, &consent.consent_id).await.unwrap(), consent);
    }
    let outsider = world.get_consent(&world.caller("clinic"), &consent.consent_id).await;
    assert_eq!(refused(outsider), denied("OUTSIDE_SCOPE"));
    let unknown = world.get_consent(&person.caller, &ConsentId::generate().to_string()).await;
    assert_eq!(refused(unknown), not_found("CONSENT_NOT_FOUND"));
    let same_id = GrantConsentRequest { consent_id: consent.consent_id, ..new_consent(person.id, hospital) };
    assert_eq!(refused(world.consent(&person.caller, same_id).await), exists("CONSENT_EXISTS"));
}

#[tokio::test]
async fn id_06_a_delegate_consents_only_if_they_may_refer() {
    let world = World::start().await;
    let hospital = world.hospital().await;
    let person = world.person("chen").await;
    let worker = world.caller("worker");
    let refer = world.delegate(&person, &[DelegatedAction::Refer]).await;
    world.consent(&worker.acting_for(person.id, refer), new_consent(person.id, hospital)).await.unwrap();
    let book = world.delegate(&person, &[DelegatedAction::Book]).await;
    let answer = world.consent(&worker.acting_for(person.id, book), new_consent(person.id, hospital)).await;
    assert_eq!(refused(answer), denied("ACTION_NOT_DELEGATED"));
    let answer = world.consent(&worker, new_consent(person.id, hospital)).await;
    assert_eq!(refused(answer), denied("OUTSIDE_SCOPE"));

    // A token of the time before the revocation.
    let before = worker.acting_for(person.id, refer).context().await.unwrap();
    world.revoke(&person, refer).await.unwrap();
    let answer = world.consents().grant_consent(before.request(new_consent(person.id, hospital))).await;
    assert_eq!(refused(answer), denied("NO_DELEGATION"));
}

#[tokio::test]
async fn a_wrong_field_is_named_and_unknown_ids_are_not_found() {
    let world = World::start().await;
    let hospital = world.hospital().await;
    let person = world.person("chen").await;
    let good = || new_consent(person.id, hospital);
    let cases = [
        (GrantConsentRequest { resident_id: String::new(), ..good() }, "resident_id"),
        (GrantConsentRequest { recipient_organisation_id: "1".to_owned(), ..good() }, "recipient_organisation_id"),
        (GrantConsentRequest { purpose: 0, ..good() }, "purpose"),
        (GrantConsentRequest { until: None, ..good() }, "until"),
        (GrantConsentRequest { until: Some(to_timestamp(now())), ..good() }, "until"),
    ];
    for (message, field) in cases {
        assert_eq!(wrong_field(world.consent(&person.caller, message).await), field);
    }
    let nobody = new_consent(person.id, OrganisationId::generate());
    assert_eq!(refused(world.consent(&person.caller, nobody).await), not_found("ORGANISATION_NOT_FOUND"));
}
