use super::*;

const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

fn requested() -> Erasure {
    let resident = ResidentId::generate();
    let by = Party::Resident(resident);
    Erasure::request(ErasureId::generate(), RegionCode::BEIJING, resident, by, String::new(), NOW)
}

fn said(word: Word) -> Report {
    let open = Obligation { kind: "BILL".to_owned(), id: "b".to_owned() };
    Report { word, open: if word == Word::Open { vec![open] } else { vec![] }, kept: vec![] }
}

fn hear(erasure: Erasure, service: &str, word: Word) -> (Erasure, Step) {
    hear_at(erasure, service, word, NOW)
}

fn hear_at(erasure: Erasure, service: &str, word: Word, now: DateTime<Utc>) -> (Erasure, Step) {
    erasure.hear(service, said(word), now).unwrap()
}

fn all(erasure: Erasure, word: Word) -> Erasure {
    SERVICES.iter().fold(erasure, |erasure, service| hear(erasure, service, word).0)
}

#[test]
fn id_08_nothing_is_erased_before_every_service_has_closed() {
    let erasure = all(requested(), Word::Clear);
    assert_eq!(erasure.state, State::Closing { since: NOW });
    let (erasure, step) = hear(erasure, "payment", Word::Closed);
    assert_eq!((erasure.state, step), (State::Closing { since: NOW }, Step::Close));
    let (erasure, step) = hear(erasure, "scheduling", Word::Clear);
    assert_eq!((erasure.is_carried_out(), step), (false, Step::Close));
    let erasure = ["scheduling", "referral"].into_iter().fold(erasure, |erasure, service| {
        let (erasure, _) = hear(erasure, service, Word::Closed);
        assert!(!erasure.is_carried_out(), "{service}");
        erasure
    });
    let (erasure, step) = hear(erasure, "adjudication", Word::Closed);
    assert_eq!((erasure.state, step), (State::Erased { at: NOW }, Step::Erase));
    let erasure = all(erasure, Word::Erased);
    assert_eq!(erasure.state, State::Completed { erased_at: NOW, at: NOW });
    assert_eq!(hear(erasure, "payment", Word::Erased).1, Step::Rest);
}

#[test]
fn id_08_what_is_open_blocks_and_its_end_lets_the_request_go_on() {
    let (erasure, step) = hear(requested(), "payment", Word::Open);
    assert_eq!((erasure.state, step), (State::Blocked, Step::Watch));
    assert_eq!(erasure.standings[3].open, said(Word::Open).open);
    let erasure = ["scheduling", "referral", "adjudication"]
        .into_iter()
        .fold(erasure, |erasure, service| hear(erasure, service, Word::Clear).0);
    assert_eq!(erasure.state, State::Blocked);
    assert_eq!(hear(erasure, "payment", Word::Clear).0.state, State::Closing { since: NOW });
}

#[test]
fn id_08_what_begins_while_services_close_opens_them_again() {
    let erasure = all(requested(), Word::Clear);
    let (erasure, _) = hear(erasure, "payment", Word::Closed);
    let (erasure, step) = hear(erasure, "scheduling", Word::Open);
    assert_eq!((erasure.state, step), (State::Blocked, Step::Watch));
    // Who had closed is not counted before it has opened again.
    let (erasure, _) = hear(erasure, "scheduling", Word::Clear);
    assert_eq!(erasure.state, State::Requested);
    let (erasure, step) = hear(erasure, "payment", Word::Closed);
    assert_eq!((erasure.state, step), (State::Requested, Step::Watch));
    assert_eq!(hear(erasure, "payment", Word::Clear).0.state, State::Closing { since: NOW });
}

#[test]
fn id_08_a_service_that_stays_away_does_not_keep_the_others_closed() {
    let erasure = all(requested(), Word::Clear);
    let late = NOW + CLOSING_MAX + TimeDelta::seconds(1);
    let (erasure, step) = hear_at(erasure, "payment", Word::Closed, late);
    assert_eq!((erasure.state, step), (State::Requested, Step::Watch));
    assert!(erasure.standings.iter().all(|standing| standing.word.is_none()), "everybody is asked anew");
}

#[test]
fn id_08_a_request_is_taken_back_before_it_is_carried_out_only() {
    let cancelled = requested().cancel(NOW).unwrap();
    assert_eq!(cancelled.clone().cancel(NOW + TimeDelta::days(1)).unwrap(), cancelled);
    assert_eq!(hear(cancelled, "payment", Word::Closed).1, Step::Cancel);
    let erased = all(all(requested(), Word::Clear), Word::Closed);
    assert!(matches!(erased.cancel(NOW), Err(IdentityError::ErasureCarriedOut)));
}

#[test]
fn id_08_a_word_that_arrives_late_undoes_nothing_and_a_stranger_has_none() {
    let erased = all(all(requested(), Word::Clear), Word::Closed);
    let (erased, _) = hear(erased, "payment", Word::Erased);
    let (erased, step) = hear(erased, "payment", Word::Closed);
    assert_eq!((erased.standings[3].word, step), (Some(Word::Erased), Step::Erase));
    let refused = requested().hear("identity", said(Word::Clear), NOW);
    assert!(matches!(refused, Err(IdentityError::ErasureNotFound)));
}

#[test]
fn id_08_the_receipt_says_in_both_languages_what_is_kept_by_which_law_and_until_when() {
    let mut erasure = requested();
    let kept = |rows, until| Kept { rule: "accounting".to_owned(), rows, until };
    erasure.standings[0].kept = vec![kept(2, Some(NOW))];
    erasure.standings[3].kept =
        vec![kept(3, Some(NOW + TimeDelta::days(31))), Kept { rule: "audit".to_owned(), rows: 1, until: None }];
    let reason = |rule: &str| {
        let why = if rule == "accounting" { ["会计凭证", "vouchers"] } else { ["日志", "the log"] };
        Some(Reason { why, source: "《会计档案管理办法》" })
    };
    let text = receipt(&erasure, NOW, reason);
    let id = erasure.id.to_string();
    for part in [&*id, "保留5条：会计凭证", "《会计档案管理办法》", "至1970-02-01", "起算日未到"]
    {
        assert!(text.zh.contains(part), "{part}: {}", text.zh);
    }
    for part in [&*id, "Kept, 5 rows: vouchers", "until 1970-02-01", "its time has not begun"] {
        assert!(text.en.contains(part), "{part}: {}", text.en);
    }
}
