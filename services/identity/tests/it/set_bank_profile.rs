use chrono::TimeDelta;
use proto::anjia::identity::v1::{
    BankKey, BankKeyAlgorithm, BankProfile, GetBankProfileRequest, Organisation, OrganisationKind,
    SetBankProfileRequest,
};
use proto::convert::to_timestamp;
use testkit::callers::{BANK, HOSPITAL};
use testkit::{TestCaller, request_id};
use tonic::{Code, Status};
use types::ids::OrganisationId;

use crate::support::{World, hospital, not_found, now, refused, wrong_field};

const KEY: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----";
const OTHER_KEY: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAI2vWVYvPzYxA0fSUQrZnmbWcRu0yGUo3dJ1hKc8gCdo=\n-----END PUBLIC KEY-----";

impl World {
    async fn bank(&self) {
        let bank = Organisation {
            organisation_id: BANK.to_string(),
            kind: OrganisationKind::Bank.into(),
            tier: 0,
            place: None,
            designated_from: None,
            departments: vec![],
            ..hospital("91110000100000013")
        };
        self.register_organisation(bank).await.unwrap();
    }

    async fn set_profile(&self, profile: BankProfile) -> Result<BankProfile, Status> {
        let message = SetBankProfileRequest { request_id: request_id(), profile: Some(profile) };
        let request = self.caller("operator").request(message).await;
        Ok(self.bank_profiles().set_bank_profile(request).await?.into_inner().profile.unwrap())
    }

    async fn profile(&self, caller: &TestCaller, bank: impl ToString) -> Result<BankProfile, Status> {
        let request = caller.request(GetBankProfileRequest { organisation_id: bank.to_string() }).await;
        Ok(self.bank_profiles().get_bank_profile(request).await?.into_inner().profile.unwrap())
    }
}

fn key(id: &str, pem: &str) -> BankKey {
    BankKey {
        key_id: id.to_owned(),
        algorithm: BankKeyAlgorithm::Ed25519.into(),
        public_key_pem: pem.to_owned(),
        from: Some(to_timestamp(now())),
        until: None,
    }
}

fn profile(revision: i32, keys: Vec<BankKey>) -> BankProfile {
    BankProfile {
        organisation_id: BANK.to_string(),
        networks: vec!["203.0.113.0/24".to_owned(), "2001:db8::/32".to_owned()],
        keys,
        revision,
    }
}

#[tokio::test]
async fn id_02_a_bank_rotates_its_key_with_both_good_meanwhile() {
    let world = World::start().await;
    world.bank().await;
    let first = world.set_profile(profile(0, vec![key("2026", KEY)])).await.unwrap();
    assert_eq!(first.revision, 1);
    let ending = BankKey { until: Some(to_timestamp(now() + TimeDelta::days(7))), ..first.keys[0].clone() };
    let both = world.set_profile(profile(1, vec![ending, key("2027", OTHER_KEY)])).await.unwrap();
    assert_eq!((both.revision, both.keys.len()), (2, 2));

    assert_eq!(world.profile(&world.caller("bank"), BANK).await.unwrap(), both);
    // A bank learns nothing of another, not even that there is none.
    let other = world.profile(&world.caller("bank"), OrganisationId::generate()).await;
    assert_eq!(refused(other), not_found("BANK_PROFILE_NOT_FOUND"));
}

#[tokio::test]
async fn id_02_a_profile_that_cannot_be_is_refused() {
    let world = World::start().await;
    world.bank().await;
    world.hospital().await;
    let good = || profile(0, vec![key("2026", KEY)]);
    let with_key = |key: BankKey| BankProfile { keys: vec![key], ..good() };
    let cases = [
        (BankProfile { networks: vec![], ..good() }, "profile.networks"),
        (BankProfile { networks: vec!["203.0.113.7/24".to_owned()], ..good() }, "profile.networks[0]"),
        (BankProfile { keys: vec![], ..good() }, "profile.keys"),
        (with_key(key("a b", KEY)), "profile.keys[0].key_id"),
        (with_key(BankKey { algorithm: 0, ..key("2026", KEY) }), "profile.keys[0].algorithm"),
        (with_key(key("2026", "secret")), "profile.keys[0].public_key_pem"),
        (profile(0, vec![key("2026", KEY), key("2026", KEY)]), "profile.keys[1].key_id"),
    ];
    for (wrong, field) in cases {
        assert_eq!(wrong_field(world.set_profile(wrong).await), field);
    }
    let of = |id: String| BankProfile { organisation_id: id, ..good() };
    let hospital = world.set_profile(of(HOSPITAL.to_string())).await;
    assert_eq!(refused(hospital), (Code::FailedPrecondition, "NOT_A_BANK".to_owned()));
    let nobody = world.set_profile(of(OrganisationId::generate().to_string())).await;
    assert_eq!(refused(nobody), not_found("ORGANISATION_NOT_FOUND"));

    world.set_profile(good()).await.unwrap();
    let stale = (Code::Aborted, "STALE_REVISION".to_owned());
    assert_eq!(refused(world.set_profile(good()).await), stale);
    let lost = profile(1, vec![key("2027", OTHER_KEY)]);
    assert_eq!(wrong_field(world.set_profile(lost).await), "profile.keys");
    let swapped = profile(1, vec![key("2026", OTHER_KEY)]);
    assert_eq!(wrong_field(world.set_profile(swapped).await), "profile.keys[0].public_key_pem");
}
