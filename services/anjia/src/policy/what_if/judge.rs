//! One claim under one policy, on the engine that settles claims, with the person's year carried from claim to claim.

use adjudication::domain::chain::{self, ChainStay};
use adjudication::domain::circumstances::YearTotals;
use adjudication::domain::engine::{self, Refusal};
use adjudication::domain::input::{Accumulators, Input, age_on};
use adjudication::domain::policy::Policy;
use adjudication::domain::shares::Shares;
use chrono::{Datelike as _, NaiveDate};
use types::care::CareKind;

/// A claim as it is replayed: what the engine is given, less what depends on the policy and on the claims before.
#[derive(Debug, Clone)]
pub(crate) struct Care {
    pub(crate) birth_date: NaiveDate,
    /// Stays of one journey are one referral chain.
    pub(crate) journey: Option<u64>,
    pub(crate) input: Input,
}

/// Where a person stands under one policy.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// By year and kind of care, as claims are accounted: the two kinds never share a deductible or a ceiling.
    accounts: Vec<((i32, CareKind), Accumulators)>,
    /// By year, over all kinds of care.
    years: Vec<(i32, YearTotals)>,
    stays: Vec<(u64, ChainStay)>,
}

/// The answer, not yet counted.
pub(super) struct Judged {
    pub(super) shares: Shares,
    /// Whether the policy has rules for this care at all.
    pub(super) is_covered: bool,
    account: (i32, CareKind),
    after: Accumulators,
    year_after: YearTotals,
    stay: Option<(u64, ChainStay)>,
}

impl Standing {
    pub(super) fn clear(&mut self) {
        self.accounts.clear();
        self.years.clear();
        self.stays.clear();
    }

    /// Judges by the policy as if it had been in force then. Moves nothing yet.
    pub(super) fn judge(&self, policy: &Policy, care: &mut Care) -> Result<Judged, &'static str> {
        let input = &mut care.input;
        let judged_date = policy.judged_date(input.from, input.to);
        let year = judged_date.year();
        let account = (year, policy.account_kind(input.kind).unwrap_or(input.kind));
        input.person.age = age_on(care.birth_date, judged_date);
        input.before = of(&self.accounts, account);
        input.circumstances.year = of(&self.years, year);
        let journey = care.journey.filter(|_| input.referred && input.kind == CareKind::Inpatient);
        input.chain = journey.and_then(|journey| {
            let earlier: Vec<ChainStay> =
                self.stays.iter().filter(|(of, _)| *of == journey).map(|(_, stay)| *stay).collect();
            chain::continued(&earlier, input.tier, year)
        });
        match engine::calculate(policy, input) {
            Ok(answer) => {
                let stay = ChainStay { tier: input.tier, year, deductible: answer.shares.deductible };
                let journey = care.journey.filter(|_| input.kind == CareKind::Inpatient);
                Ok(Judged {
                    shares: answer.shares,
                    is_covered: true,
                    account,
                    after: answer.after,
                    year_after: answer.year_after,
                    stay: journey.map(|journey| (journey, stay)),
                })
            }
            Err(Refusal::NoPolicyInForce { .. }) => {
                let shares = Shares { total: input.total, fully_own: input.total, ..Shares::default() };
                let (after, year_after) = (input.before, input.circumstances.year);
                Ok(Judged { shares, is_covered: false, account, after, year_after, stay: None })
            }
            Err(refusal) => Err(reason(&refusal)),
        }
    }

    pub(super) fn advance(&mut self, judged: &Judged) {
        put(&mut self.accounts, judged.account, judged.after);
        put(&mut self.years, judged.account.0, judged.year_after);
        self.stays.extend(judged.stay);
    }
}

/// Few accounts to a person: nothing is faster than looking through them.
fn of<K: Copy + PartialEq, T: Copy + Default>(accounts: &[(K, T)], key: K) -> T {
    accounts.iter().find(|(of, _)| *of == key).map(|(_, totals)| *totals).unwrap_or_default()
}

fn put<K: PartialEq, T>(accounts: &mut Vec<(K, T)>, key: K, totals: T) {
    match accounts.iter_mut().find(|(of, _)| *of == key) {
        Some((_, before)) => *before = totals,
        None => accounts.push((key, totals)),
    }
}

fn reason(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::NoPolicyInForce { .. } => "NO_POLICY_IN_FORCE",
        Refusal::NotPublished { .. } => "NUMBER_NOT_PUBLISHED",
        Refusal::LineMalformed { .. } => "LINE_MALFORMED",
        Refusal::LineDoesNotMultiply { .. } => "LINE_DOES_NOT_MULTIPLY",
        Refusal::LinesDoNotSum { .. } => "LINES_DO_NOT_SUM",
        Refusal::TotalTooLarge => "TOTAL_TOO_LARGE",
        Refusal::DatesReversed => "DATES_REVERSED",
        Refusal::InconsistentHistory => "INCONSISTENT_HISTORY",
    }
}
