//! A year as settlement judges it, and the same year from a file.

use std::collections::HashMap;

use adjudication::domain::input::{Input, age_on};
use adjudication::domain::policy::Policy;
use adjudication::domain::replay::{Replay, Turn};
use adjudication::domain::settlement::Account;
use adjudication::domain::shares::Shares;
use adjudication::domain::{chain, engine};
use chrono::{DateTime, Datelike as _, TimeDelta};
use types::care::CareKind;
use types::ids::{ClaimId, JourneyId, ResidentId};
use types::money::Money;

use super::super::axis::Month;
use super::super::record::Record;
use super::{BEIJING, Fen, Shard, dearer_in_beijing, replayed};

/// A retired person's year in Beijing, in the order in which the claims were confirmed: stays that lie within others, two referred on from one
/// another, and visits on one day. The first claims of a kind bear most of the deductible, so that the order decides who pays what.
const CONFIRMED: [(&str, &str); 8] = [
    (r#""kind":"OUTPATIENT","tier":"COMMUNITY","from":"2025-01-03""#, "1500.00"),
    (r#""kind":"INPATIENT","tier":"TERTIARY","from":"2025-01-10","to":"2025-01-14""#, "1000.00"),
    (r#""kind":"INPATIENT","tier":"TERTIARY","from":"2025-01-05","to":"2025-02-20""#, "61234.56"),
    (r#""kind":"OUTPATIENT","tier":"TERTIARY","from":"2025-03-02""#, "777.77"),
    (r#""kind":"OUTPATIENT","tier":"COMMUNITY","from":"2025-03-02""#, "333.33"),
    (
        r#""kind":"INPATIENT","tier":"TERTIARY","from":"2025-06-01","to":"2025-08-29","journey":"j","referred":true"#,
        "130000.01",
    ),
    (
        r#""kind":"INPATIENT","tier":"TERTIARY","from":"2025-06-20","to":"2025-06-25","journey":"j","referred":true"#,
        "5000.05",
    ),
    (r#""kind":"OUTPATIENT","tier":"COMMUNITY","from":"2025-02-11""#, "450.00"),
];

fn line((care, amount): (&str, &str)) -> String {
    format!(
        r#"{{"person":"p","birth_date":"1950-05-01","retired":true,{care},"lines":[{{"class":"A","amount":"{amount}"}}]}}"#
    )
}

/// What settlement comes to where claims are judged in the order of these keys.
fn settled<K: Ord>(policy: &Policy, key: impl Fn(&Input, Turn) -> K) -> Vec<(Input, Shares)> {
    let resident = ResidentId::generate();
    let mut journeys = HashMap::new();
    let mut due: Vec<_> = (0_i32..)
        .zip(CONFIRMED)
        .map(|(minute, claim)| {
            let text = line(claim);
            let care = serde_json::from_str::<Record<'_>>(&text).unwrap().care().unwrap();
            let first_confirmed_at = DateTime::UNIX_EPOCH + TimeDelta::minutes(minute.into());
            let turn = Turn { on: care.input.from, first_confirmed_at, claim: ClaimId::generate() };
            (turn, care)
        })
        .collect();
    due.sort_by_key(|(turn, care)| key(&care.input, *turn));
    let mut replay = Replay::default();
    due.into_iter()
        .map(|(_, care)| {
            let journey = match care.journey {
                Some(journey) => *journeys.entry(journey).or_insert_with(JourneyId::generate),
                None => JourneyId::generate(),
            };
            let mut input = care.input;
            let judged = policy.judged_date(input.from, input.to);
            let kind = policy.account_kind(input.kind).unwrap();
            let account = Account { resident, year: judged.year(), scheme: policy.scheme, kind };
            input.person.age = age_on(care.birth_date, judged);
            input.before = replay.standing(&account);
            input.circumstances.year = replay.year(&account);
            if input.referred && input.kind == CareKind::Inpatient {
                input.chain = chain::continued(&replay.stays(journey, policy.scheme), input.tier, account.year);
            }
            let answer = engine::adjudicate(policy, &input).unwrap();
            replay.count(account, journey, input.tier, &answer);
            (input, answer.shares)
        })
        .collect()
}

fn funds<'a>(settled: impl IntoIterator<Item = &'a (Input, Shares)>) -> Money {
    settled.into_iter().map(|(_, shares)| shares.fund()).sum()
}

#[test]
fn ad_10_ad_03_a_file_of_settled_claims_replays_to_the_shares_they_were_settled_by() {
    let policy = Policy::read(BEIJING).unwrap();
    let stored = settled(&policy, |_, turn| turn);
    let by_last_day = settled(&policy, |input, turn| (input.to, turn));
    assert_ne!(funds(&stored), funds(&by_last_day), "the order decides");

    // As confirmed, and turned about wherever claims begin on different days.
    let turned = [7, 6, 5, 3, 4, 2, 1, 0].map(|place: usize| CONFIRMED[place]);
    for file in [CONFIRMED, turned] {
        let tally = replayed(&file.map(line), &dearer_in_beijing(), Shard::WHOLE).unwrap().result;
        assert_eq!(tally.effect.claims, 8);
        assert_eq!(tally.effect.fund.against, Fen::from(funds(&stored)));
        for (month, effect) in tally.by_month.iter() {
            let of_month = stored.iter().filter(|(input, _)| Month::of(input.to.month0()) == month);
            assert_eq!(effect.fund.against, Fen::from(funds(of_month)), "{month:?}");
        }
        for (kind, effect) in tally.by_kind.iter() {
            let of_kind = stored.iter().filter(|(input, _)| input.kind == kind);
            assert_eq!(effect.fund.against, Fen::from(funds(of_kind)), "{kind}");
        }
    }
}
