use std::collections::BTreeSet;

use types::caller::{Party, Role};
use types::identifier::{Identifier, IdentifierKind};
use types::ids::{IdentifierId, PractitionerId};
use types::national_id::NationalId;

use super::*;
use crate::domain::identifier::Validity;

fn card() -> Identifier {
    NationalId::parse("11010519491231002X").unwrap().into()
}

fn passport() -> Identifier {
    Identifier::parse(IdentifierKind::Passport, "E1234567", "JPN").unwrap()
}

fn person() -> Person {
    let resident = Resident {
        id: ResidentId::generate(),
        region: RegionCode::BEIJING,
        revision: 1,
        name: Redacted::new("陈桂英".to_owned()),
        birth_date: Redacted::new(NaiveDate::from_ymd_opt(1949, 12, 31).unwrap()),
        sex: Redacted::new(Sex::Female),
        mobile: Some(Redacted::new("13800138000".to_owned())),
        address: Some(Redacted::new("百万庄大街1号".to_owned())),
        language: None,
        community: "展览路街道".to_owned(),
        neighbourhood: None,
        provisional: None,
        mother: None,
        registrar: None,
        registered_at: DateTime::UNIX_EPOCH,
    };
    let document = Document::first(IdentifierId::generate(), card(), Validity::default(), &resident);
    Person { resident, documents: vec![document] }
}

fn caller(subject: Party, actor: Option<Party>) -> Caller {
    Caller { actor, roles: BTreeSet::from([Role::Resident]), ..Caller::new(subject, RegionCode::BEIJING) }
}

#[test]
fn id_08_only_the_resident_sees_the_full_name_mobile_and_address() {
    let person = person();
    let worker = Party::Practitioner(PractitionerId::generate());
    let own = Party::Resident(person.resident.id);
    let seen_by = |caller: &Caller| {
        let shown = person.shown_to(caller);
        (shown.display_name.into_inner(), shown.mobile.into_inner(), shown.address.into_inner())
    };
    let all = ("陈桂英".to_owned(), "13800138000".to_owned(), "百万庄大街1号".to_owned());
    let masked = ("陈**".to_owned(), "**00".to_owned(), "**".to_owned());
    assert_eq!(seen_by(&caller(own.clone(), None)), all);
    assert_eq!(seen_by(&caller(own, Some(worker.clone()))), masked);
    assert_eq!(seen_by(&caller(worker, None)), masked);
}

#[test]
fn id_08_the_number_is_masked_for_everybody() {
    let person = person();
    let own = person.shown_to(&caller(Party::Resident(person.resident.id), None));
    assert_eq!(own.masked_national_id, "1****************X");
}

#[test]
fn id_08_a_resident_cannot_be_printed() {
    let person = person();
    let shown = person.shown_to(&caller(Party::Practitioner(PractitionerId::generate()), None));
    let printed = format!("{person:?} {:?}", shown.documents);
    for secret in ["陈桂英", "11010519491231002X", "1949", "FEMALE", "Female", "13800138000", "百万庄"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

#[test]
fn id_01_nobody_is_registered_before_birth() {
    let mut resident = person().resident;
    assert!(resident.check_born("1949-12-30T16:00:00Z".parse().unwrap()).is_ok());
    let early = resident.check_born("1949-12-30T15:59:59Z".parse().unwrap());
    assert!(matches!(early, Err(IdentityError::BornAhead)));
    resident.provisional = Some(Provisional::Unknown);
    let early = resident.check_born(DateTime::UNIX_EPOCH - chrono::TimeDelta::days(20_000));
    assert!(matches!(early, Err(IdentityError::Field(wrong)) if wrong.field == "birth_date"));
}

#[test]
fn id_01_a_number_says_birth_date_and_sex_and_nobody_says_otherwise() {
    let born = NaiveDate::from_ymd_opt(1949, 12, 31).unwrap();
    let nature = Said::default().nature(Some(&card())).unwrap();
    assert_eq!(nature, Nature { birth_date: born, sex: Sex::Female, provisional: None, mother: None });
    let agreeing = Said { birth_date: Some(born), sex: Some(Sex::Female), ..Said::default() };
    assert_eq!(agreeing.nature(Some(&card())).unwrap(), nature);
    for (said, field) in [
        (Said { birth_date: born.succ_opt(), ..Said::default() }, "birth_date"),
        (Said { sex: Some(Sex::Male), ..Said::default() }, "sex"),
        (Said { provisional: Some(Provisional::Foreign), ..Said::default() }, "provisional"),
        (Said { mother: Some(ResidentId::generate()), ..Said::default() }, "mother_resident_id"),
    ] {
        assert_eq!(wrong(said.nature(Some(&card()))), field);
    }
}

#[test]
fn id_01_whoever_has_no_number_is_provisional_for_a_reason_that_fits() {
    let of = |provisional| Said {
        birth_date: NaiveDate::from_ymd_opt(2026, 1, 1),
        sex: Some(Sex::Male),
        provisional: Some(provisional),
        mother: None,
    };
    let mother = Some(ResidentId::generate());
    assert!(of(Provisional::Unknown).nature(None).is_ok());
    assert!(of(Provisional::Foreign).nature(Some(&passport())).is_ok());
    assert_eq!(Said { mother, ..of(Provisional::Newborn) }.nature(None).unwrap().mother, mother);

    assert_eq!(wrong(of(Provisional::Unknown).nature(Some(&passport()))), "credential");
    assert_eq!(wrong(of(Provisional::Foreign).nature(None)), "credential");
    assert_eq!(wrong(of(Provisional::Newborn).nature(None)), "mother_resident_id");
    assert_eq!(wrong(Said { mother, ..of(Provisional::Unknown) }.nature(None)), "mother_resident_id");
    assert_eq!(wrong(Said { birth_date: None, ..of(Provisional::Unknown) }.nature(None)), "birth_date");
    assert_eq!(wrong(Said { sex: None, ..of(Provisional::Unknown) }.nature(None)), "sex");
    assert_eq!(wrong(Said::default().nature(None)), "provisional");
}

#[test]
fn id_01_one_name_is_one_name_however_it_is_written() {
    assert_eq!(folded("阿依古丽·买买提"), folded("阿依古丽•买买提"));
    assert_eq!(folded("SMITH  John"), folded("ｓｍｉｔｈ john"));
    assert_ne!(folded("陈桂英"), folded("陈桂芳"));
}

fn wrong(nature: Result<Nature, IdentityError>) -> String {
    match nature {
        Err(IdentityError::Field(wrong)) => wrong.field,
        other => panic!("{other:?}"),
    }
}
