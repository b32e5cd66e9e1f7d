use types::ids::PolicyId;

use super::*;
use crate::domain::inspection::RuleBook;
use crate::domain::policy::Policy;

fn proposed<D: Document>(text: &str) -> Version<D> {
    Version {
        id: D::id(Uuid::now_v7()),
        content: D::from_text(text).unwrap(),
        text: text.to_owned(),
        digest: String::new(),
        proposed_by: Party::Client("one".to_owned()),
        proposed_at: DateTime::UNIX_EPOCH,
        state: State::Proposed,
    }
}

fn policy() -> Version<Policy> {
    proposed(include_str!("../../../policies/beijing-employee.json"))
}

#[test]
fn ad_01_a_policy_is_released_by_another_person_and_once() {
    let version = policy();
    let refused = version.clone().release(Party::Client("one".to_owned()), DateTime::UNIX_EPOCH);
    assert!(matches!(refused, Err(AdjudicationError::SamePerson)));

    let released = version.release(Party::Client("two".to_owned()), DateTime::UNIX_EPOCH).unwrap();
    let again = released.release(Party::Client("three".to_owned()), DateTime::UNIX_EPOCH);
    assert!(matches!(again, Err(AdjudicationError::DocumentNotProposed(Kind::Policy, _))));
}

fn of(from: &str, to: Option<&str>, state: State) -> Version<Policy> {
    let mut version = policy();
    version.content.effective_from = from.parse().unwrap();
    version.content.effective_to = to.map(|to| to.parse().unwrap());
    Version { state, ..version }
}

fn release() -> Release {
    Release { by: Party::Client("two".to_owned()), at: DateTime::UNIX_EPOCH }
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

#[test]
fn ad_01_what_was_superseded_does_not_come_back_when_its_successor_ends() {
    let first = of("2023-01-01", None, State::Superseded(release()));
    let bounded = of("2026-01-01", Some("2026-06-30"), State::Released(release()));
    let judges = |from: &str, to: &str| judging([&bounded.content, &first.content], day(from), day(to));
    let (of_first, of_bounded) = (Some(1), Some(0));
    assert_eq!(judges("2025-12-31", "2025-12-31"), of_first);
    // Judged on discharge.
    assert_eq!(judges("2025-12-31", "2026-01-01"), of_bounded);
    assert_eq!(judges("2026-06-30", "2026-06-30"), of_bounded);
    assert_eq!(judges("2026-07-01", "2026-07-01"), None, "nobody decided what holds now");
    assert_eq!(judges("2022-12-31", "2022-12-31"), None);
}

#[test]
fn ad_01_a_policy_takes_over_from_tomorrow_at_the_earliest() {
    let first = of("2023-01-01", None, State::Released(release()));
    let today = day("2026-03-10");
    let takes_over = |from: &str, to: Option<&str>, siblings: &[Version<Policy>]| {
        of(from, to, State::Released(release())).superseded(siblings, today)
    };
    let siblings = [first.clone(), policy()];
    assert_eq!(takes_over("2026-03-11", None, &siblings).unwrap(), [first.id]);
    for from in ["2026-03-10", "2025-01-01"] {
        let refused = takes_over(from, None, &siblings);
        assert!(matches!(refused, Err(AdjudicationError::PolicyBackdated(on)) if on == day(from)), "{refused:?}");
    }
    let same_day = takes_over("2023-01-01", None, &siblings);
    let is_first = |id: Uuid| PolicyId::from_uuid(id) == first.id;
    assert!(matches!(same_day, Err(AdjudicationError::DocumentOverlaps(Kind::Policy, id)) if is_first(id)));
    // Days that one judged which is superseded by now are settled as well.
    let superseded = Version { state: State::Superseded(release()), ..first.clone() };
    let later = of("2027-01-01", None, State::Released(release()));
    let between = takes_over("2024-01-01", Some("2024-12-31"), &[superseded, later]);
    assert!(matches!(between, Err(AdjudicationError::PolicyBackdated(_))), "{between:?}");
    // Where nothing was judged, nothing is overtaken.
    assert_eq!(takes_over("2020-01-01", None, &[]).unwrap(), []);
}

#[test]
fn ad_08_rule_books_follow_one_another_and_only_the_first_day_is_taken() {
    let from = |from: &str, state: State| {
        let mut version = proposed::<RuleBook>(include_str!("../../../rules/demonstration-city.json"));
        version.content.effective_from = day(from);
        Version { state, ..version }
    };
    let siblings = [from("2026-01-01", State::Released(release())), from("2026-09-01", State::Released(release()))];
    let today = day("2026-03-10");
    let takes_over = |first: &str| from(first, State::Released(release())).superseded(&siblings, today);
    assert_eq!(takes_over("2026-02-01").unwrap(), [], "nothing is superseded, nor is the past closed");
    let taken = takes_over("2026-09-01");
    assert!(matches!(taken, Err(AdjudicationError::DocumentOverlaps(Kind::RuleBook, _))), "{taken:?}");

    let latest_first = [&siblings[1].content, &siblings[0].content];
    assert_eq!(judging(latest_first, today, today), Some(1));
    assert_eq!(judging(latest_first, today, day("2026-09-01")), Some(0));
}
