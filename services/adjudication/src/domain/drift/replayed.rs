//! A quote priced again with one thing after another as it was at the settlement: what each of them moved.

use chrono::Datelike as _;

use super::{Cause, paid};
use crate::domain::circumstances::OwnClinic;
use crate::domain::engine;
use crate::domain::input::Input;
use crate::domain::line::Line;
use crate::domain::policy::Policy;
use crate::domain::shares::Shares;

/// In which order things change. A bill is what it is wherever and whenever; who insures, by which rules, and what came before follow.
const ORDER: [Cause; 11] = [
    Cause::Lines,
    Cause::Catalogue,
    Cause::Provider,
    Cause::Cover,
    Cause::Day,
    Cause::Policy,
    Cause::Referral,
    Cause::FamilyDoctor,
    Cause::Accumulator,
    Cause::Chain,
    Cause::Means,
];

/// What a price is made by.
#[derive(Debug, Clone, Copy)]
pub(super) enum Payer<'a> {
    /// A policy, with its digest.
    Policy(&'a Policy, &'a str),
    /// Nobody insures the person that day, or not yet.
    Nobody,
    NotDesignated,
    /// The person is insured, and no policy has a price.
    NoPolicy,
}

/// Quote or settlement: what the engine is given, and who pays.
#[derive(Debug, Clone)]
pub(super) struct Side<'a> {
    pub(super) input: Input,
    pub(super) payer: Payer<'a>,
}

/// What a cause moved: shares before and after it. Before there was a price, none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Move {
    pub(super) cause: Cause,
    pub(super) before: Option<Shares>,
    pub(super) after: Shares,
}

/// From what was quoted to what is settled: each move begins where the one before ended, and moves something.
///
/// Where things changed that have a price only together, the last of them is the cause. What no cause explains is [`Cause::Other`]'s, such as an
/// answer that the engine gives no more.
pub(super) fn moves<'a>(mut then: Side<'a>, mut now: Side<'a>, quoted: Option<&Shares>, settled: &Shares) -> Vec<Move> {
    know_the_same(&mut then, &mut now);
    let (payer, history) = (payer_changed_by(then.payer, now.payer), history_changed_by(&then, &now));
    let mut moves = Vec::new();
    let mut last = quoted.copied();
    if let Some(again) = then.price() {
        go(&mut moves, Cause::Other, &mut last, &again);
    }
    for cause in ORDER {
        then.take(cause, &now);
        if payer == Some(cause) {
            then.payer = now.payer;
        }
        if history == Some(cause) {
            then.take(Cause::Accumulator, &now);
            then.take(Cause::Chain, &now);
        }
        if let Some(priced) = then.price() {
            go(&mut moves, cause, &mut last, &priced);
        }
    }
    go(&mut moves, Cause::Other, &mut last, settled);
    moves
}

fn go(moves: &mut Vec<Move>, cause: Cause, last: &mut Option<Shares>, after: &Shares) {
    if last.is_none_or(|last| paid(&last) != paid(after)) {
        moves.push(Move { cause, before: *last, after: *after });
    }
    *last = Some(*after);
}

impl Side<'_> {
    fn is_by_policy(&self) -> bool {
        matches!(self.payer, Payer::Policy(..))
    }

    fn price(&self) -> Option<Shares> {
        match self.payer {
            Payer::Policy(policy, _) => engine::calculate(policy, &self.input).ok().map(|answer| answer.shares),
            Payer::Nobody | Payer::NotDesignated => {
                let total = self.input.total;
                Some(Shares { total, fully_own: total, ..Shares::default() })
            }
            Payer::NoPolicy => None,
        }
    }

    /// Takes over what a cause stands for.
    fn take(&mut self, cause: Cause, now: &Side<'_>) {
        let (to, from) = (&mut self.input, &now.input);
        match cause {
            Cause::Lines => {
                to.total = from.total;
                to.lines = from.lines.iter().map(|line| classed_as_quoted(line, &to.lines)).collect();
            }
            Cause::Catalogue => to.lines.clone_from(&from.lines),
            Cause::Provider => (to.tier, to.kind) = (from.tier, from.kind),
            Cause::Cover => {
                to.person.retired = from.person.retired;
                to.circumstances.groups.clone_from(&from.circumstances.groups);
                to.circumstances.area = from.circumstances.area;
                to.circumstances.topped_up = from.circumstances.topped_up;
            }
            Cause::Day => (to.from, to.to, to.person.age) = (from.from, from.to, from.person.age),
            Cause::Referral => {
                to.referred = from.referred;
                to.circumstances.referred_on = from.circumstances.referred_on;
                let clinics = [to.circumstances.own_clinic, from.circumstances.own_clinic];
                if clinics.contains(&OwnClinic::ReferredBy) {
                    to.circumstances.own_clinic = from.circumstances.own_clinic;
                }
            }
            Cause::FamilyDoctor => {
                to.family_doctor = from.family_doctor;
                to.circumstances.contracted = from.circumstances.contracted;
                to.circumstances.own_clinic = from.circumstances.own_clinic;
            }
            Cause::Accumulator => {
                to.before = from.before;
                to.circumstances.year = from.circumstances.year;
            }
            Cause::Chain => to.chain = from.chain,
            Cause::Means => to.circumstances.means = from.circumstances.means,
            // Whoever pays changes beside these.
            Cause::Policy | Cause::Other => {}
        }
    }
}

/// Without a policy nobody looks at the year, nor at whatever else only a policy asks about: what one side does not know is no difference.
fn know_the_same(then: &mut Side<'_>, now: &mut Side<'_>) {
    let (knows, learns) = match (then.is_by_policy(), now.is_by_policy()) {
        (true, false) => (&then.input, &mut now.input),
        (false, true) => (&now.input, &mut then.input),
        (true, true) | (false, false) => return,
    };
    *learns = Input {
        tier: learns.tier,
        kind: learns.kind,
        from: learns.from,
        to: learns.to,
        total: learns.total,
        lines: std::mem::take(&mut learns.lines),
        family_doctor: learns.family_doctor,
        ..knows.clone()
    };
}

fn payer_changed_by(then: Payer<'_>, now: Payer<'_>) -> Option<Cause> {
    match (then, now) {
        (Payer::Policy(_, then), Payer::Policy(_, now)) if then == now => None,
        (Payer::Policy(then, _), Payer::Policy(now, _)) if (then.region, then.scheme) != (now.region, now.scheme) => {
            Some(Cause::Cover)
        }
        (Payer::Policy(..) | Payer::NoPolicy, Payer::Policy(..) | Payer::NoPolicy) => Some(Cause::Policy),
        (Payer::Nobody, Payer::Nobody) | (Payer::NotDesignated, Payer::NotDesignated) => None,
        (Payer::NotDesignated, _) | (_, Payer::NotDesignated) => Some(Cause::Provider),
        (Payer::Nobody, _) | (_, Payer::Nobody) => Some(Cause::Cover),
    }
}

/// Why the care counts in another year, or in another kind of care's: what came before it there is no other claim in between.
fn history_changed_by(then: &Side<'_>, now: &Side<'_>) -> Option<Cause> {
    let (Payer::Policy(quoted_by, _), Payer::Policy(settled_by, _)) = (then.payer, now.payer) else { return None };
    if (quoted_by.region, quoted_by.scheme) != (settled_by.region, settled_by.scheme) {
        return Some(Cause::Cover);
    }
    let year = |policy: &Policy, input: &Input| policy.judged_date(input.from, input.to).year();
    if year(quoted_by, &then.input) != year(settled_by, &now.input) {
        return Some(Cause::Day);
    }
    let is_other_kind = quoted_by.account_kind(then.input.kind) != settled_by.account_kind(now.input.kind);
    is_other_kind.then_some(Cause::Provider)
}

/// A line as it was billed, in the class that its item had in the quote.
fn classed_as_quoted(line: &Line, quoted: &[Line]) -> Line {
    let item = quoted.iter().find(|item| item.code == line.code).unwrap_or(line);
    Line { class: item.class, price_limit: item.price_limit, ..line.clone() }
}
