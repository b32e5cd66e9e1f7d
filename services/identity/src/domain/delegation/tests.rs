use chrono::TimeDelta;
use types::ids::PractitionerId;

use super::*;
use crate::domain::practitioner::Practitioner;

pub(super) const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

pub(super) fn delegation() -> Delegation {
    Delegation {
        id: DelegationId::generate(),
        region: RegionCode::BEIJING,
        resident: ResidentId::generate(),
        known_as: KnownAs::default(),
        delegate: Party::Practitioner(PractitionerId::generate()),
        basis: Basis::Granted,
        actions: BTreeSet::from([Action::Book, Action::Refer]),
        limits: Limits::default(),
        from: NOW,
        until: NOW + TimeDelta::days(1),
        evidence: "SELF".to_owned(),
        signing: Signing::Own,
        recorder: None,
        rests_on: None,
        granted_at: NOW,
        revoked_at: None,
    }
}

#[test]
fn id_04_a_delegate_may_do_what_was_delegated_and_nothing_else() {
    let delegation = delegation();
    let may = |action| delegation.check_action(delegation.resident, &delegation.delegate, action, NOW);
    assert!(may(Action::Book).is_ok());
    assert!(matches!(may(Action::Pay), Err(IdentityError::ActionNotDelegated)));
}

#[test]
fn id_04_nobody_else_may_act_and_for_nobody_else() {
    let delegation = delegation();
    let stranger = Party::Practitioner(PractitionerId::generate());
    let by_stranger = delegation.check_action(delegation.resident, &stranger, Action::Book, NOW);
    assert!(matches!(by_stranger, Err(IdentityError::NoDelegation)));
    let for_stranger = delegation.check_action(ResidentId::generate(), &delegation.delegate, Action::Book, NOW);
    assert!(matches!(for_stranger, Err(IdentityError::NoDelegation)));
}

#[test]
fn id_04_it_ends_at_its_time_and_when_revoked() {
    let delegation = delegation();
    assert_eq!(delegation.state(delegation.until - TimeDelta::microseconds(1)), State::Active);
    assert_eq!(delegation.state(delegation.until), State::Expired);
    let late = delegation.check_in_force(delegation.resident, delegation.until);
    assert!(matches!(late, Err(IdentityError::DelegationExpired)));

    let revoked = delegation.clone().revoke(NOW);
    assert_eq!(revoked.state(revoked.until), State::Revoked);
    let refused = revoked.check_in_force(revoked.resident, NOW);
    assert!(matches!(refused, Err(IdentityError::NoDelegation)));
    assert_eq!(revoked.clone().revoke(NOW + TimeDelta::hours(1)), revoked);
}

#[test]
fn id_04_a_guardian_passes_on_no_more_than_they_have() {
    let guardianship = Delegation { basis: Basis::Guardian, ..delegation() };
    let less = Delegation { actions: BTreeSet::from([Action::Book]), ..delegation() };
    assert!(guardianship.check_passes_on(&less).is_ok());
    let more = Delegation { actions: BTreeSet::from([Action::Book, Action::Pay]), ..less.clone() };
    assert!(matches!(guardianship.check_passes_on(&more), Err(IdentityError::ActionNotDelegated)));
    let longer = Delegation { until: guardianship.until + TimeDelta::microseconds(1), ..less.clone() };
    assert!(
        matches!(guardianship.check_passes_on(&longer), Err(IdentityError::Field(wrong)) if wrong.field == "until")
    );
    assert!(matches!(delegation().check_passes_on(&less), Err(IdentityError::ActionNotDelegated)));
}

#[test]
fn id_04_what_may_not_be_granted_names_the_field() {
    let field = |delegation: Delegation| delegation.check_grant().unwrap_err().field;
    let good = delegation();
    assert_eq!(good.check_grant(), Ok(()));
    assert_eq!(field(Delegation { delegate: Party::Resident(good.resident), ..good.clone() }), "delegate");
    assert_eq!(field(Delegation { delegate: Party::Service("referral".to_owned()), ..good.clone() }), "delegate");
    assert_eq!(field(Delegation { actions: BTreeSet::new(), ..good.clone() }), "actions");
    assert_eq!(field(Delegation { until: NOW, ..good }), "until");
}

#[test]
fn id_04_it_begins_at_its_time() {
    let later = Delegation { from: NOW + TimeDelta::hours(1), ..delegation() };
    assert_eq!(later.state(later.from - TimeDelta::microseconds(1)), State::NotBegun);
    assert_eq!(later.state(later.from), State::Active);
    assert!(matches!(later.check_in_force(later.resident, NOW), Err(IdentityError::DelegationNotBegun)));
    let backwards = Delegation { from: NOW + TimeDelta::days(2), ..later };
    assert_eq!(backwards.check_grant().unwrap_err().field, "until");
}

#[test]
fn id_04_a_proposal_lets_nobody_act_until_the_resident_confirms_it_in_time() {
    let proposed = Delegation { signing: Signing::Proposed, until: NOW + TimeDelta::days(30), ..delegation() };
    assert!(matches!(proposed.check_in_force(proposed.resident, NOW), Err(IdentityError::NoDelegation)));
    let confirmed = proposed.clone().confirm(NOW + TimeDelta::days(6)).unwrap();
    assert_eq!(confirmed.state(NOW + TimeDelta::days(6)), State::Active);
    assert_eq!(confirmed.clone().confirm(NOW + TimeDelta::days(8)).unwrap(), confirmed);
    assert!(matches!(proposed.clone().confirm(NOW + PROPOSAL_TERM), Err(IdentityError::DelegationExpired)));
    assert!(matches!(proposed.revoke(NOW).confirm(NOW), Err(IdentityError::NoDelegation)));
}

#[test]
fn id_04_a_delegation_reaches_the_care_and_the_providers_it_names() {
    let provider = OrganisationId::generate();
    let limits = Limits { care_kinds: [CareKind::Exam].into(), organisations: [provider].into(), ..Limits::default() };
    let delegation = Delegation { limits, ..delegation() };
    assert!(delegation.check_reach(Some(CareKind::Exam), Some(provider)).is_ok());
    assert!(delegation.check_reach(None, None).is_ok());
    let kind = delegation.check_reach(Some(CareKind::Outpatient), None);
    assert!(matches!(kind, Err(IdentityError::ServiceKindNotDelegated)));
    let elsewhere = delegation.check_reach(None, Some(OrganisationId::generate()));
    assert!(matches!(elsewhere, Err(IdentityError::OrganisationNotDelegated)));
}

#[test]
fn id_04_a_guardian_passes_on_no_wider_limits() {
    let limits = Limits { uses_max: Some(2), ..Limits::default() };
    let guardianship = Delegation { basis: Basis::Guardian, limits: limits.clone(), ..delegation() };
    let less = Delegation { actions: BTreeSet::from([Action::Book]), limits, ..delegation() };
    assert!(guardianship.check_passes_on(&less).is_ok());
    let wider = Delegation { limits: Limits::default(), ..less };
    let refused = guardianship.check_passes_on(&wider);
    assert!(matches!(refused, Err(IdentityError::Field(wrong)) if wrong.field == "limits"));
}

#[test]
fn id_04_the_guardian_of_a_minor_is_one_until_the_eighteenth_birthday() {
    let birth_date = NaiveDate::from_ymd_opt(1952, 1, 2).unwrap();
    // Eighteen on 2 January 1970, which begins eight hours before UTC's.
    let guardianship = Delegation { basis: Basis::Guardian, ..delegation() };
    let birthday = NOW + TimeDelta::hours(16);
    assert!(Delegation { until: birthday, ..guardianship.clone() }.check_of_age(birth_date).is_ok());
    let longer = Delegation { until: birthday + TimeDelta::microseconds(1), ..guardianship.clone() };
    assert_eq!(longer.check_of_age(birth_date).unwrap_err().field, "until");
    let adult = NaiveDate::from_ymd_opt(1940, 1, 2).unwrap();
    assert!(longer.check_of_age(adult).is_ok());
    assert!(delegation().check_of_age(birth_date).is_ok());
}

#[test]
fn id_04_a_witness_is_a_third_person_of_the_same_desk() {
    let (desk, clerk) = (OrganisationId::generate(), Party::Practitioner(PractitionerId::generate()));
    let witness = |id, organisation| Practitioner {
        id,
        region: RegionCode::BEIJING,
        organisation,
        name: "王护士".to_owned(),
        title: String::new(),
        departments: vec![],
        registered_at: NOW,
    };
    let delegation = delegation();
    let accepts = |witness: Practitioner| delegation.check_witness(&witness, desk, &clerk).is_ok();
    let of = |party: &Party| match party {
        Party::Practitioner(id) => *id,
        other => panic!("{other}"),
    };
    assert!(accepts(witness(PractitionerId::generate(), desk)));
    assert!(!accepts(witness(PractitionerId::generate(), OrganisationId::generate())));
    assert!(!accepts(witness(of(&delegation.delegate), desk)), "a delegate is not their own witness");
    assert!(!accepts(witness(of(&clerk), desk)));
}
