//! By which means the person's share is paid, beside cash: a commercial top-up, a voucher, the personal account and the family's. None of
//! them changes what the share is, and none pays more than is left of it or of itself.

use types::money::Money;

use super::{
    Detail, Entry, Place,
    above::{left_of, part_of_year, take_of_year},
    calculation::{Work, entry},
};
use crate::domain::{
    explanation::{Accumulator, Change, Rule},
    policy::{Account, Part, TopUp, Voucher},
};

impl Work<'_> {
    pub(super) fn pay_by_means(&mut self) {
        let above = &self.policy.above;
        if let Some(top_up) = above.top_up.as_ref().filter(|_| self.input.circumstances.topped_up) {
            self.pay_top_up(&top_up.value);
        }
        if let Some(voucher) = &above.voucher {
            self.pay_voucher(&voucher.value);
        }
        if let Some(account) = &above.account {
            self.pay_from_accounts(&account.value);
        }
    }

    /// In-scope expenses that no fund bears.
    fn own_in_scope_left(&self) -> Money {
        self.shares.own_in_scope() - self.shares.critical_illness_fund - self.shares.assistance_fund
    }

    fn pay_top_up(&mut self, top_up: &TopUp) {
        let base = self.own_in_scope_left();
        let left = left_of(top_up.ceiling, self.year.top_up);
        let (axis, taken) = take_of_year(self.year.top_up_base, base, top_up.deductible, top_up.ratio, left);
        self.year.top_up_base += base;
        if taken.fund.is_positive() {
            let before = self.year.top_up;
            self.year.top_up += taken.fund;
            self.shares.top_up = taken.fund;
            let change = Change { accumulator: Accumulator::TopUp, before, after: self.year.top_up };
            self.entries.push(Entry {
                ratio: Some(top_up.ratio),
                axis: Some(part_of_year(top_up.deductible, axis, taken)),
                detail: Detail::Limit(top_up.deductible),
                ..paid_by(Rule::TopUp, taken.fund, Place::TopUp, change)
            });
        }
    }

    fn pay_voucher(&mut self, voucher: &Voucher) {
        let input = self.input;
        let may_use = !voucher.groups.is_disjoint(&input.circumstances.groups)
            && voucher.kinds.contains(&input.kind)
            && voucher.tiers.contains(&input.tier);
        let left = voucher.per_year.less_at_most(self.year.voucher);
        let most = input.circumstances.means.voucher.map_or(left, |most| most.min(left));
        let paid = self.shares.cash().min(most);
        if may_use && paid.is_positive() {
            let before = self.year.voucher;
            self.year.voucher += paid;
            self.shares.voucher = paid;
            let change = Change { accumulator: Accumulator::Voucher, before, after: self.year.voucher };
            let detail = Detail::Limit(voucher.per_year);
            self.entries.push(Entry { detail, ..paid_by(Rule::Voucher, paid, Place::Voucher, change) });
        }
    }

    fn pay_from_accounts(&mut self, account: &Account) {
        let means = &self.input.circumstances.means;
        let part = |part: Part| match part {
            Part::InScope => self.own_in_scope_left(),
            Part::FirstSelfPay => self.shares.first_self_pay,
            Part::FullyOwn => self.shares.fully_own,
        };
        let coverable: Money = account.covers.iter().map(|covered| part(*covered)).sum();
        let coverable = coverable.min(self.shares.cash());
        let own = coverable.min(means.account);
        if own.is_positive() {
            self.shares.account = own;
            let change = drawn(Accumulator::AccountBalance, means.account, own);
            self.entries.push(paid_by(Rule::Account, own, Place::Account, change));
        }
        let family = (coverable - own).min(means.mutual_aid);
        if account.family_mutual_aid && family.is_positive() {
            self.shares.mutual_aid = family;
            let change = drawn(Accumulator::MutualAidBalance, means.mutual_aid, family);
            self.entries.push(paid_by(Rule::MutualAid, family, Place::Account, change));
        }
    }
}

/// A part of the person's share, and by what it is paid.
fn paid_by(rule: Rule, amount: Money, place: Place, change: Change) -> Entry {
    Entry { accumulator: Some(change), place: Some(place), ..entry(rule, amount) }
}

fn drawn(accumulator: Accumulator, before: Money, paid: Money) -> Change {
    Change { accumulator, before, after: before - paid }
}
