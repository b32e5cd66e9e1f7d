use proto::anjia::identity::v1::{CheckConsentRequest, Consent, ConsentPurpose, GrantConsentRequest};
use testkit::TestCaller;
use tonic::Status;
use types::ids::{OrganisationId, ResidentId};

use crate::support::{World, denied, new_consent, refused, sleep_past, soon};

impl World {
    async fn check_consent(
        &self,
        caller: &TestCaller,
        resident: ResidentId,
        recipient: OrganisationId,
        purpose: ConsentPurpose,
    ) -> Result<Consent, Status> {
        let message = CheckConsentRequest {
            resident_id: resident.to_string(),
            recipient_organisation_id: recipient.to_string(),
            purpose: purpose.into(),
            kinds: vec![],
        };
        let answer = self.consents().check_consent(caller.request(message).await).await?;
        Ok(answer.into_inner().consent.unwrap())
    }
}

#[tokio::test]
async fn id_06_a_consent_holds_for_its_recipient_and_purpose() {
    let world = World::start().await;
    let hospital = world.hospital().await;
    let person = world.person("chen").await;
    let consent = world.consent(&person.caller, new_consent(person.id, hospital)).await.unwrap();
    for caller in [&person.caller, &world.caller("hospital")] {
        let answer = world.check_consent(caller, person.id, hospital, ConsentPurpose::Referral).await;
        assert_eq!(answer.unwrap(), consent);
    }
    assert_eq!(world.audited("identity.consent.check", person.id).await, 2);

    let purpose = world.check_consent(&person.caller, person.id, hospital, ConsentPurpose::Research).await;
    assert_eq!(refused(purpose), denied("NO_CONSENT"));
    let other =
        world.check_consent(&person.caller, person.id, OrganisationId::generate(), ConsentPurpose::Referral).await;
    assert_eq!(refused(other), denied("NO_CONSENT"));
    // Referral asks in the resident's name, under a mandate, and not in its own.
    let referral = world.check_consent(&world.caller("referral"), person.id, hospital, ConsentPurpose::Referral).await;
    assert_eq!(refused(referral), denied("METHOD_NOT_PERMITTED"));
    // Whoever it does not concern learns nothing.
    let outsider = world.check_consent(&world.caller("clinic"), person.id, hospital, ConsentPurpose::Referral).await;
    assert_eq!(refused(outsider), denied("OUTSIDE_SCOPE"));
}

#[tokio::test]
async fn id_06_a_consent_ends_at_its_time() {
    let world = World::start().await;
    let hospital = world.hospital().await;
    let person = world.person("chen").await;
    let short = GrantConsentRequest { until: Some(soon()), ..new_consent(person.id, hospital) };
    let granted = world.consent(&person.caller, short).await.unwrap();
    assert!(world.check_consent(&person.caller, person.id, hospital, ConsentPurpose::Referral).await.is_ok());
    sleep_past(granted.until).await;
    let answer = world.check_consent(&person.caller, person.id, hospital, ConsentPurpose::Referral).await;
    assert_eq!(refused(answer), denied("NO_CONSENT"));
}
