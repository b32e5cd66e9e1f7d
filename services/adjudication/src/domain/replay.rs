//! A person's years, claim by claim in the order of service: what each claim finds before it.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;
use types::care::CareKind;
use types::ids::{ClaimId, JourneyId};
use types::money::Money;
use types::scheme::Scheme;
use types::tier::Tier;

use super::chain::ChainStay;
use super::circumstances::YearTotals;
use super::engine::Adjudication;
use super::input::Accumulators;
use super::settlement::Account;

/// Where a claim stands in the order of service: by its first day, and on one day in the order in which claims were first confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Turn {
    pub on: NaiveDate,
    pub first_confirmed_at: DateTime<Utc>,
    pub claim: ClaimId,
}

/// What a settlement moved, on whichever totals.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Moved {
    pub before: Accumulators,
    pub after: Accumulators,
    #[serde(default)]
    pub year_before: YearTotals,
    #[serde(default)]
    pub year_after: YearTotals,
    pub deductible: Money,
}

impl Moved {
    pub fn by(settled: &Adjudication) -> Self {
        Self {
            before: settled.before,
            after: settled.after,
            year_before: settled.year_before,
            year_after: settled.year_after,
            deductible: settled.shares.deductible,
        }
    }
}

/// A settlement that is counted as it stands: one that a replay comes past and does not judge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    pub account: Account,
    pub journey: JourneyId,
    pub tier: Tier,
    pub moved: Moved,
}

/// What has been settled so far.
#[derive(Debug, Clone, Default)]
pub struct Replay {
    years: Vec<(Account, Accumulators)>,
    /// In the order of service, whatever scheme paid them.
    stays: Vec<(JourneyId, Scheme, ChainStay)>,
    /// Over all kinds of care.
    totals: Vec<((i32, Scheme), YearTotals)>,
}

impl Replay {
    /// Begins a replay with the stays of earlier years, oldest first.
    pub fn after(stays: Vec<(JourneyId, Scheme, ChainStay)>) -> Self {
        Self { stays, ..Self::default() }
    }

    /// Where a year stands, of the person by whichever id.
    pub fn standing(&self, account: &Account) -> Accumulators {
        self.years.iter().find(|(of, _)| of.is_same_year(account)).map(|(_, totals)| *totals).unwrap_or_default()
    }

    /// Where the person's year stands over all kinds of care.
    pub fn year(&self, account: &Account) -> YearTotals {
        let of = (account.year, account.scheme);
        self.totals.iter().find(|(key, _)| *key == of).map(|(_, totals)| *totals).unwrap_or_default()
    }

    /// The stays of a journey under a scheme so far, oldest first.
    pub fn stays(&self, journey: JourneyId, scheme: Scheme) -> Vec<ChainStay> {
        self.stays.iter().filter(|(of, by, _)| (*of, *by) == (journey, scheme)).map(|(_, _, stay)| *stay).collect()
    }

    /// Counts a claim that was judged on [`Self::standing`].
    pub fn count(&mut self, account: Account, journey: JourneyId, tier: Tier, adjudication: &Adjudication) {
        self.put(Counted { account, journey, tier, moved: Moved::by(adjudication) });
    }

    /// Counts a claim as it was judged before, on whichever totals.
    pub fn count_as_settled(&mut self, Counted { account, journey, tier, moved }: Counted) {
        let after = self.standing(&account).moved(&moved.before, &moved.after);
        let year_after = self.year(&account).moved(&moved.year_before, &moved.year_after);
        self.put(Counted { account, journey, tier, moved: Moved { after, year_after, ..moved } });
    }

    fn put(&mut self, Counted { account, journey, tier, moved }: Counted) {
        match self.years.iter_mut().find(|(of, _)| of.is_same_year(&account)) {
            Some((_, totals)) => *totals = moved.after,
            None => self.years.push((account, moved.after)),
        }
        let of = (account.year, account.scheme);
        match self.totals.iter_mut().find(|(key, _)| *key == of) {
            Some((_, totals)) => *totals = moved.year_after,
            None => self.totals.push((of, moved.year_after)),
        }
        if account.kind == CareKind::Inpatient {
            let stay = ChainStay { tier, year: account.year, deductible: moved.deductible };
            self.stays.push((journey, account.scheme, stay));
        }
    }
}

#[cfg(test)]
mod tests {
    use types::ids::ResidentId;

    use super::*;
    use crate::domain::shares::Shares;

    fn account(kind: CareKind) -> Account {
        Account { resident: ResidentId::generate(), year: 2026, scheme: Scheme::Employee, kind }
    }

    fn judged(before: i64, after: i64) -> Adjudication {
        let totals =
            |fen: i64, stays: u32| Accumulators { in_scope: Money::from_fen(fen), stays, ..Default::default() };
        Adjudication {
            policy: None,
            judged_date: "2026-03-01".parse().unwrap(),
            shares: Shares::default(),
            settlement: Shares::default().settlement(),
            before: totals(before, 3),
            after: totals(after, 4),
            year_before: YearTotals::default(),
            year_after: YearTotals::default(),
            steps: vec![],
        }
    }

    #[test]
    fn ad_03_turns_go_by_the_day_of_service_and_then_by_the_first_confirmation() {
        let turn = |on: &str, at: &str| Turn {
            on: on.parse().unwrap(),
            first_confirmed_at: at.parse().unwrap(),
            claim: ClaimId::generate(),
        };
        let late = turn("2026-03-01", "2026-06-01T00:00:00Z");
        let early = turn("2026-03-02", "2026-03-02T00:00:00Z");
        let same_day = turn("2026-03-02", "2026-03-02T01:00:00Z");
        assert!(late < early && early < same_day);
    }

    #[test]
    fn ad_03_rf_09_a_year_is_the_persons_by_whichever_id_and_kinds_of_care_and_schemes_are_apart() {
        let mut replay = Replay::default();
        let journey = JourneyId::generate();
        let counted = |judged: Adjudication| Counted {
            account: account(CareKind::Outpatient),
            journey,
            tier: Tier::Community,
            moved: Moved::by(&judged),
        };
        replay.count_as_settled(counted(judged(500, 700)));
        replay.count_as_settled(counted(judged(0, 50)));
        let standing = replay.standing(&account(CareKind::Outpatient));
        assert_eq!((standing.in_scope, standing.stays), (Money::from_fen(250), 2));
        assert_eq!(replay.standing(&account(CareKind::Inpatient)), Accumulators::default());
        assert!(replay.stays(journey, Scheme::Employee).is_empty());
        replay.count(account(CareKind::Inpatient), journey, Tier::District, &judged(0, 9));
        assert_eq!(replay.stays(journey, Scheme::Employee).len(), 1);
        assert!(replay.stays(JourneyId::generate(), Scheme::Employee).is_empty());
        // Another scheme's totals do not count the stay, and its deductible was borne to that scheme.
        assert!(replay.stays(journey, Scheme::Resident).is_empty());
    }
}
