use proto::anjia::common::v1::{Credential, IdentifierKind};
use proto::anjia::identity::v1::{
    AddIdentifierRequest, FindResidentRequest, ProvisionalKind, RegisterResidentRequest, Resident, ResidentState, Sex,
    VerifyCredentialRequest, WithdrawIdentifierRequest,
};
use proto::convert::to_date;
use testkit::{TestCaller, national_id, request_id};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::support::{MOBILE, NAME, World, day, exists, new_resident, not_found, refused, wrong_field};

pub(crate) fn passport(number: &str) -> Credential {
    Credential { kind: IdentifierKind::Passport.into(), number: number.to_owned(), country_code: "JPN".to_owned() }
}

fn electronic(number: &str) -> Credential {
    Credential { kind: IdentifierKind::ElectronicCredential.into(), number: number.to_owned(), ..Credential::default() }
}

fn card(number: &str) -> Credential {
    Credential { kind: IdentifierKind::IdCard.into(), number: number.to_owned(), ..Credential::default() }
}

/// A guest with a passport.
pub(crate) fn guest(number: &str) -> RegisterResidentRequest {
    RegisterResidentRequest {
        national_id: String::new(),
        credential: Some(passport(number)),
        name: "SATO Hanako".to_owned(),
        mobile: String::new(),
        birth_date: Some(to_date(day("1980-05-05"))),
        sex: Sex::Female.into(),
        provisional: ProvisionalKind::Foreign.into(),
        ..new_resident()
    }
}

impl World {
    pub(crate) async fn add(&self, caller: &TestCaller, resident: &str, shown: Credential) -> Result<Resident, Status> {
        let message = AddIdentifierRequest {
            request_id: request_id(),
            resident_id: resident.to_owned(),
            credential: Some(shown),
            evidence: "desk:card_reader".to_owned(),
            ..AddIdentifierRequest::default()
        };
        let answer = self.residents().add_identifier(caller.request(message).await).await?;
        Ok(answer.into_inner().resident.unwrap())
    }

    async fn find_by(&self, shown: Credential) -> Result<Resident, Status> {
        let message = FindResidentRequest { credential: Some(shown), ..FindResidentRequest::default() };
        let answer = self.residents().find_resident(self.caller("clinic").request(message).await).await?;
        Ok(answer.into_inner().resident.unwrap())
    }

    async fn withdraw(&self, caller: &TestCaller, identifier: &str) -> Result<Resident, Status> {
        let message = WithdrawIdentifierRequest {
            request_id: request_id(),
            identifier_id: identifier.to_owned(),
            reason: "LOST".to_owned(),
        };
        let answer = self.residents().withdraw_identifier(caller.request(message).await).await?;
        Ok(answer.into_inner().resident.unwrap())
    }

    pub(crate) async fn verify(&self, resident: &str, shown: Credential) -> Result<bool, Status> {
        let message = VerifyCredentialRequest { resident_id: resident.to_owned(), credential: Some(shown) };
        let answer = self.residents().verify_credential(self.caller("clinic").request(message).await).await?;
        Ok(answer.into_inner().matches)
    }
}

#[tokio::test]
async fn id_01_a_person_is_found_by_any_document_until_it_is_withdrawn() {
    let world = World::start().await;
    let worker = world.caller("worker");
    let person = world.person("chen").await;
    let id = person.id.to_string();
    world.add(&worker, &id, electronic("110100000012345678")).await.unwrap();
    let with_all = world.add(&worker, &id, passport("e 1234567")).await.unwrap();
    assert_eq!(with_all.identifiers.len(), 3);
    assert_eq!(with_all.identifiers[2].masked_number, "E******7");

    for shown in [card(&person.number), electronic("110100000012345678"), passport("E1234567")] {
        assert_eq!(world.find_by(shown).await.unwrap().resident_id, id);
    }
    let elsewhere = Credential { country_code: "KOR".to_owned(), ..passport("E1234567") };
    assert_eq!(refused(world.find_by(elsewhere).await), not_found("RESIDENT_NOT_FOUND"));

    let passport_id = &with_all.identifiers[2].identifier_id;
    let left = world.withdraw(&worker, passport_id).await.unwrap();
    assert_eq!(left.identifiers[2].withdrawal_reason, "LOST");
    assert_eq!(world.withdraw(&worker, passport_id).await.unwrap(), left);
    assert_eq!(refused(world.find_by(passport("E1234567")).await), not_found("RESIDENT_NOT_FOUND"));
    assert_eq!(world.audited("identity.identifier.withdraw", person.id).await, 1);
    // It is free for whoever it belongs to.
    let other = world.person("wang").await;
    assert!(world.add(&worker, &other.id.to_string(), passport("E1234567")).await.is_ok());
    assert_eq!(refused(world.withdraw(&worker, &request_id()).await), not_found("IDENTIFIER_NOT_FOUND"));
}

#[tokio::test]
async fn id_01_of_sixty_four_registrations_at_once_one_registers() {
    let world = World::start().await;
    let worker = world.caller("worker");
    let message = new_resident();
    let again = || RegisterResidentRequest { request_id: request_id(), ..message.clone() };
    let tries = futures_util::future::join_all((0..64).map(|_| async {
        // Whoever is told to come again does.
        loop {
            match world.register(&worker, again()).await {
                Err(status) if matches!(status.code(), Code::ResourceExhausted | Code::Unavailable) => {
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                }
                answer => return answer,
            }
        }
    }))
    .await;
    let (registered, refusals): (Vec<_>, Vec<_>) = tries.into_iter().partition(Result::is_ok);
    assert_eq!((registered.len(), refusals.len()), (1, 63));
    let id = registered.into_iter().next().unwrap().unwrap().resident_id;
    for refusal in refusals {
        let status = refusal.unwrap_err();
        assert_eq!(status.get_details_error_info().unwrap().metadata["resident_id"], id);
        assert_eq!(refused::<()>(Err(status)), exists("RESIDENT_EXISTS"));
    }
}

#[tokio::test]
async fn id_01_two_people_with_one_number_are_refused_and_audited() {
    let world = World::start().await;
    let worker = world.caller("worker");
    let person = world.person("chen").await;
    let impostor =
        RegisterResidentRequest { national_id: person.number.clone(), name: "王秀兰".to_owned(), ..new_resident() };
    assert_eq!(refused(world.register(&worker, impostor).await), exists("IDENTIFIER_OF_ANOTHER"));
    assert_eq!(world.audited("identity.identifier.collide", person.id).await, 1);

    let other = world.register(&worker, guest("E7654321")).await.unwrap();
    let answer = world.add(&worker, &other.resident_id, card(&person.number)).await;
    assert_eq!(refused(answer), exists("IDENTIFIER_OF_ANOTHER"));
    assert_eq!(world.audited("identity.identifier.collide", person.id).await, 2);
    // A name that is written otherwise is the same name.
    let same = RegisterResidentRequest { national_id: person.number, name: format!(" {NAME} "), ..new_resident() };
    assert_eq!(refused(world.register(&worker, same).await), exists("RESIDENT_EXISTS"));
}

#[tokio::test]
async fn id_01_documents_that_cannot_be_are_refused_by_reason() {
    let world = World::start().await;
    let worker = world.caller("worker");
    let invalid = |reason: &str| (Code::InvalidArgument, reason.to_owned());
    let good = national_id(day("1954-03-01")).expose().to_owned();
    let old = RegisterResidentRequest { national_id: "110105540301002".to_owned(), ..new_resident() };
    assert_eq!(refused(world.register(&worker, old).await), invalid("NATIONAL_ID_OBSOLETE"));

    let permit = Credential { kind: IdentifierKind::ResidencePermit.into(), ..card(&good) };
    for (shown, reason) in [
        (permit, "INVALID_IDENTIFIER"),
        (card(&good[..17]), "INVALID_NATIONAL_ID"),
        (passport("12-34"), "INVALID_IDENTIFIER"),
        (Credential { country_code: "JP".to_owned(), ..passport("E1234567") }, "INVALID_IDENTIFIER"),
        (electronic("1234"), "INVALID_IDENTIFIER"),
    ] {
        assert_eq!(refused(world.find_by(shown).await), invalid(reason));
    }
    // Which digit would be right is not told.
    let last = if good.ends_with('1') { "2" } else { "1" };
    let wrong = RegisterResidentRequest { national_id: format!("{}{last}", &good[..17]), ..new_resident() };
    let status = world.register(&worker, wrong).await.unwrap_err();
    assert!(!status.message().chars().any(|character| character.is_ascii_digit() || character == 'X'), "{status:?}");

    let both = RegisterResidentRequest { credential: Some(passport("E1234567")), ..new_resident() };
    assert_eq!(wrong_field(world.register(&worker, both).await), "credential");
    assert_eq!(wrong_field(world.find_by(Credential::default()).await), "credential.kind");
    let unborn = RegisterResidentRequest { birth_date: Some(to_date(day("2190-01-01"))), ..guest("E1234567") };
    assert_eq!(wrong_field(world.register(&worker, unborn).await), "birth_date");
}

#[tokio::test]
async fn id_01_a_guest_a_newborn_and_an_unknown_patient_are_known_provisionally() {
    let world = World::start().await;
    let worker = world.caller("worker");
    let guest = world.register(&worker, guest("E1234567")).await.unwrap();
    assert_eq!((guest.state(), guest.provisional()), (ResidentState::Provisional, ProvisionalKind::Foreign));
    assert_eq!((guest.sex(), guest.birth_date.unwrap().year), (Sex::Female, 1980));

    let mother = world.person("chen").await;
    let newborn = RegisterResidentRequest {
        national_id: String::new(),
        name: format!("{NAME}之女"),
        birth_date: Some(to_date(day("2026-01-02"))),
        sex: Sex::Female.into(),
        provisional: ProvisionalKind::Newborn.into(),
        mother_resident_id: mother.id.to_string(),
        ..new_resident()
    };
    let orphan = RegisterResidentRequest { mother_resident_id: request_id(), ..newborn.clone() };
    assert_eq!(refused(world.register(&worker, orphan).await), not_found("RESIDENT_NOT_FOUND"));
    let child = world.register(&worker, newborn).await.unwrap();
    assert_eq!(child.mother_resident_id, mother.id.to_string());

    let unknown = RegisterResidentRequest {
        national_id: String::new(),
        name: "无名氏".to_owned(),
        mobile: String::new(),
        birth_date: Some(to_date(day("1960-01-01"))),
        sex: Sex::Male.into(),
        provisional: ProvisionalKind::Unknown.into(),
        ..new_resident()
    };
    let unknown = world.register(&worker, unknown).await.unwrap();
    assert!(unknown.identifiers.is_empty() && unknown.masked_national_id.is_empty());

    // A first number registers them, and says who they are.
    let number = national_id(day("1961-02-03"));
    let proven = world.add(&worker, &unknown.resident_id, card(number.expose())).await.unwrap();
    assert_eq!((proven.state(), proven.revision), (ResidentState::Registered, 2));
    assert_eq!(proven.birth_date.unwrap().year, 1961);
    let second = national_id(day("1961-02-03"));
    let answer = world.add(&worker, &unknown.resident_id, card(second.expose())).await;
    assert_eq!(refused(answer), exists("IDENTIFIER_EXISTS"));
    assert_eq!(world.told("anjia.identity.resident.updated.v1", &unknown.resident_id).await, 1);
}

#[tokio::test]
async fn id_10_a_credential_matches_its_holder_only_and_the_question_is_on_record() {
    let world = World::start().await;
    let (person, other) = (world.person("chen").await, world.person("wang").await);
    let (id, number) = (person.id.to_string(), card(&person.number));
    assert!(world.verify(&id, number.clone()).await.unwrap());
    assert!(!world.verify(&id, card(&other.number)).await.unwrap());
    assert!(!world.verify(&id, passport("E1234567")).await.unwrap());
    assert_eq!(world.audited("identity.credential.match", person.id).await, 1);
    assert_eq!(world.audited("identity.credential.mismatch", person.id).await, 2);

    let lapsed = AddIdentifierRequest {
        request_id: request_id(),
        resident_id: id.clone(),
        credential: Some(passport("E1234567")),
        valid_until: Some(to_date(day("2020-01-01"))),
        evidence: "desk".to_owned(),
        ..AddIdentifierRequest::default()
    };
    world.residents().add_identifier(world.caller("worker").request(lapsed).await).await.unwrap();
    assert!(!world.verify(&id, passport("E1234567")).await.unwrap(), "it has expired");
    assert_eq!(refused(world.verify(&request_id(), number).await), not_found("RESIDENT_NOT_FOUND"));
}

#[tokio::test]
async fn id_08_no_document_and_no_contact_stands_in_the_log() {
    let world = World::start().await;
    let worker = world.caller("worker");
    let guest = world.register(&worker, guest("E9876543")).await.unwrap();
    world.add(&worker, &guest.resident_id, electronic("110100000087654321")).await.unwrap();
    world.find_by(passport("E9876543")).await.unwrap();
    let log = world.mesh.log("identity");
    for secret in ["E9876543", "110100000087654321", "SATO", MOBILE] {
        assert!(!log.contains(secret), "{secret}");
    }
}
