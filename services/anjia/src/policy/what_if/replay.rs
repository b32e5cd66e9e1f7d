//! Replays claims under two policies side by side: household by household, person by person, each person's claims in order of service.

use adjudication::domain::policy::Policy;
use chrono::{Datelike as _, NaiveDate};

use super::axis::{Age, Axis as _, Income, Layer, Month};
use super::fen::{Fen, Pair};
use super::judge::{Care, Judged, Standing};
use super::tally::{Effect, PersonSum, Tally};

/// Whose claims these are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Household {
    pub(super) group: Income,
    /// What it has a year, if that is known.
    pub(super) income: Option<Fen>,
}

/// One replay of many: each has its own, and their tallies are added up.
pub(crate) struct Replay<'a> {
    policies: Pair<&'a Policy>,
    pub(super) tally: Tally,
    standing: Pair<Standing>,
    household: Household,
    person: PersonSum,
    /// On the last day of the person's last claim.
    age: Age,
    household_own: Pair<Fen>,
    household_counts: bool,
}

impl<'a> Replay<'a> {
    pub(crate) fn new(policies: Pair<&'a Policy>) -> Self {
        Self {
            policies,
            tally: Tally::default(),
            standing: Pair::default(),
            household: Household { group: Income::Unknown, income: None },
            person: PersonSum::default(),
            age: Age::Child,
            household_own: Pair::default(),
            household_counts: false,
        }
    }

    pub(crate) fn begin_household(&mut self, household: Household) {
        self.household = household;
        self.household_own = Pair::default();
        self.household_counts = false;
    }

    pub(crate) fn begin_person(&mut self) {
        self.standing.against.clear();
        self.standing.proposed.clear();
        self.person = PersonSum::default();
    }

    /// The person's next claim. One that cannot be judged under both policies counts under neither, and moves nothing.
    pub(crate) fn claim(&mut self, care: &mut Care) {
        let against = self.standing.against.judge(self.policies.against, care);
        let proposed = self.standing.proposed.judge(self.policies.proposed, care);
        match (against, proposed) {
            (Ok(against), Ok(proposed)) => {
                self.standing.against.advance(&against);
                self.standing.proposed.advance(&proposed);
                self.count(care, Pair::new(&against, &proposed));
            }
            (Err(reason), _) | (_, Err(reason)) => self.leave_out(reason),
        }
    }

    pub(super) fn leave_out(&mut self, reason: &str) {
        match self.tally.left_out.get_mut(reason) {
            Some(claims) => *claims += 1,
            None => {
                self.tally.left_out.insert(reason.to_owned(), 1);
            }
        }
    }

    pub(crate) fn end_person(&mut self) {
        if self.person.claims == 0 {
            return;
        }
        self.tally.person(self.age, self.household.group, self.person);
        self.household_own += self.person.own;
        self.household_counts = true;
    }

    pub(crate) fn end_household(&mut self) {
        if self.household_counts {
            self.tally.household(self.household.group, self.household.income, self.household_own);
        }
    }

    fn count(&mut self, care: &Care, judged: Pair<&Judged>) {
        let input = &care.input;
        let billed = Fen::from(input.total);
        let fund = judged.map(|judged| Fen::from(judged.shares.fund()));
        let own = fund.map(|fund| billed - fund);
        let effect = Effect { claims: 1, billed, fund, own };
        let tally = &mut self.tally;
        self.age = Age::of(input.person.age);
        tally.lines += u64::try_from(input.lines.len()).unwrap_or(u64::MAX);
        tally.not_covered += judged.map(|judged| u64::from(!judged.is_covered));
        tally.effect += effect;
        *tally.by_tier.at(input.tier) += effect;
        *tally.by_kind.at(input.kind) += effect;
        *tally.by_income.at(self.household.group) += effect;
        *tally.by_age.at(self.age) += effect;
        *tally.by_month.at(month(input.to)) += effect;
        for layer in Layer::ALL {
            *tally.by_layer.at(*layer) += judged.map(|judged| paid_by(*layer, judged));
        }
        self.person.claims += 1;
        self.person.billed += billed;
        self.person.own += own;
    }
}

fn month(day: NaiveDate) -> Month {
    Month::of(day.month0())
}

fn paid_by(layer: Layer, judged: &Judged) -> Fen {
    let shares = &judged.shares;
    Fen::from(match layer {
        Layer::Pooled => shares.pooled_fund,
        Layer::LargeAmount => shares.large_amount_fund,
        Layer::CriticalIllness => shares.critical_illness_fund,
        Layer::Assistance => shares.assistance_fund,
    })
}
