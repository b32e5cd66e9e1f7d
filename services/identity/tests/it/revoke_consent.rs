use proto::anjia::identity::v1::{
    CheckConsentRequest, Consent, ConsentPurpose, ConsentRecipientClass, ConsentState, DelegatedAction,
    GrantConsentRequest, HealthDataKind, ListConsentsRequest, RevokeConsentRequest,
};
use proto::convert::to_timestamp;
use testkit::{TestCaller, request_id};
use tonic::Status;
use types::ids::{ConsentId, OrganisationId};

use crate::support::{Person, World, denied, new_consent, not_found, now, refused, wrong_field};

use HealthDataKind::{Hiv, MentalHealth, Results, Summary};

impl World {
    async fn revoke_consent(&self, caller: &TestCaller, id: &str) -> Result<Consent, Status> {
        let message = RevokeConsentRequest { request_id: request_id(), consent_id: id.to_owned() };
        let answer = self.consents().revoke_consent(caller.request(message).await).await?;
        Ok(answer.into_inner().consent.unwrap())
    }

    /// Whether the hospital may see these kinds.
    async fn may_see(
        &self,
        person: &Person,
        recipient: OrganisationId,
        kinds: &[HealthDataKind],
    ) -> Result<Consent, Status> {
        let message = CheckConsentRequest {
            resident_id: person.id.to_string(),
            recipient_organisation_id: recipient.to_string(),
            purpose: ConsentPurpose::Referral.into(),
            kinds: kinds.iter().map(|kind| (*kind).into()).collect(),
        };
        let request = self.caller("hospital").request(message).await;
        Ok(self.consents().check_consent(request).await?.into_inner().consent.unwrap())
    }
}

#[tokio::test]
async fn id_06_a_consent_taken_back_is_none_from_the_next_call_on() {
    let world = World::start().await;
    let hospital = world.hospital().await;
    let person = world.person("chen").await;
    let consent = world.consent(&person.caller, new_consent(person.id, hospital)).await.unwrap();
    assert!(world.may_see(&person, hospital, &[]).await.is_ok());

    let stranger = world.person("wang").await;
    assert_eq!(refused(world.revoke_consent(&stranger.caller, &consent.consent_id).await), denied("OUTSIDE_SCOPE"));
    let unknown = ConsentId::generate().to_string();
    assert_eq!(refused(world.revoke_consent(&person.caller, &unknown).await), not_found("CONSENT_NOT_FOUND"));
    let delegation = world.delegate(&person, &[DelegatedAction::Book]).await;
    let booker = world.caller("worker").acting_for(person.id, delegation);
    let without_refer = world.revoke_consent(&booker, &consent.consent_id).await;
    assert_eq!(refused(without_refer), denied("ACTION_NOT_DELEGATED"));

    let revoked = world.revoke_consent(&person.caller, &consent.consent_id).await.unwrap();
    assert_eq!(revoked.state(), ConsentState::Revoked);
    assert_eq!(refused(world.may_see(&person, hospital, &[]).await), denied("NO_CONSENT"));
    assert_eq!(world.revoke_consent(&person.caller, &consent.consent_id).await.unwrap(), revoked);
    assert_eq!(world.told("anjia.identity.consent.revoked.v1", &consent.consent_id).await, 1);
    assert_eq!(world.audited("identity.consent.revoke", person.id).await, 1);

    let message = ListConsentsRequest { resident_id: person.id.to_string(), page: None };
    let listed = world.consents().list_consents(person.caller.request(message.clone()).await).await.unwrap();
    assert_eq!(listed.into_inner().consents, [revoked]);
    let by_stranger = world.consents().list_consents(stranger.caller.request(message).await).await;
    assert_eq!(refused(by_stranger), denied("OUTSIDE_SCOPE"));
}

#[tokio::test]
async fn id_06_a_sensitive_kind_is_shared_only_where_it_is_named() {
    let world = World::start().await;
    let hospital = world.hospital().await;
    let person = world.person("chen").await;
    let ordinary = world.consent(&person.caller, new_consent(person.id, hospital)).await.unwrap();
    assert_eq!(ordinary.kinds, [1, 2, 3, 4]);
    assert!(world.may_see(&person, hospital, &[Summary, Results]).await.is_ok());
    assert_eq!(refused(world.may_see(&person, hospital, &[Summary, Hiv]).await), denied("NO_CONSENT"));

    let hiv = GrantConsentRequest { kinds: vec![Hiv.into()], ..new_consent(person.id, hospital) };
    let hiv = world.consent(&person.caller, hiv).await.unwrap();
    assert_eq!(hiv.kinds, [i32::from(Hiv)]);
    // Two separate consents, together.
    assert!(world.may_see(&person, hospital, &[Summary, Hiv]).await.is_ok());
    assert_eq!(refused(world.may_see(&person, hospital, &[MentalHealth]).await), denied("NO_CONSENT"));
}

#[tokio::test]
async fn id_06_a_class_of_organisations_may_see_what_it_was_shown() {
    let world = World::start().await;
    let hospital = world.hospital().await;
    let person = world.person("chen").await;
    let to_class = |class: ConsentRecipientClass| GrantConsentRequest {
        recipient_organisation_id: String::new(),
        recipient_class: class.into(),
        ..new_consent(person.id, hospital)
    };
    world.consent(&person.caller, to_class(ConsentRecipientClass::CommunityProviders)).await.unwrap();
    assert_eq!(refused(world.may_see(&person, hospital, &[]).await), denied("NO_CONSENT"));
    world.consent(&person.caller, to_class(ConsentRecipientClass::TertiaryProviders)).await.unwrap();
    let allowing = world.may_see(&person, hospital, &[]).await.unwrap();
    assert_eq!(allowing.recipient_class(), ConsentRecipientClass::TertiaryProviders);
}

#[tokio::test]
async fn id_06_a_consent_for_nobody_or_for_no_time_is_refused() {
    let world = World::start().await;
    let hospital = world.hospital().await;
    let person = world.person("chen").await;
    let good = || new_consent(person.id, hospital);
    let class = ConsentRecipientClass::Providers.into();
    let end = good().until;
    let cases = [
        (GrantConsentRequest { recipient_organisation_id: String::new(), ..good() }, "recipient_organisation_id"),
        (GrantConsentRequest { recipient_class: class, ..good() }, "recipient_class"),
        (GrantConsentRequest { recipient_class: 99, ..good() }, "recipient_class"),
        (GrantConsentRequest { kinds: vec![1, 0], ..good() }, "kinds[1]"),
        (GrantConsentRequest { from: end, until: end, ..good() }, "until"),
    ];
    for (message, field) in cases {
        assert_eq!(wrong_field(world.consent(&person.caller, message).await), field);
    }
    let later = to_timestamp(now() + chrono::TimeDelta::hours(1));
    let later = GrantConsentRequest { from: Some(later), ..good() };
    assert_eq!(world.consent(&person.caller, later).await.unwrap().state(), ConsentState::NotBegun);
    assert_eq!(refused(world.may_see(&person, hospital, &[]).await), denied("NO_CONSENT"));
}
