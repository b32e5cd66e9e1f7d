//! Who pays how much of a bill.

use std::collections::BTreeMap;

use types::ids::CreditLineId;
use types::money::Money;

use super::error::PaymentError;

/// Who pays a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Payer {
    PooledFund,
    LargeAmountFund,
    /// Critical illness insurance (大病保险).
    CriticalIllnessFund,
    /// Medical assistance (医疗救助).
    AssistanceFund,
    /// A commercial top-up (补充医疗保险).
    TopUp,
    /// A voucher of the region.
    Voucher,
    /// The resident's personal account (个人账户).
    PersonalAccount,
    /// The account of one of the resident's family (家庭共济).
    MutualAid,
    /// A bank, on the resident's credit line.
    Credit(CreditLineId),
    /// The resident, at the provider's desk.
    Desk,
    /// The resident, later.
    Arrears,
}

impl Payer {
    /// The word in SQL and on receipts.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PooledFund => "POOLED_FUND",
            Self::LargeAmountFund => "LARGE_AMOUNT_FUND",
            Self::CriticalIllnessFund => "CRITICAL_ILLNESS_FUND",
            Self::AssistanceFund => "ASSISTANCE_FUND",
            Self::TopUp => "TOP_UP",
            Self::Voucher => "VOUCHER",
            Self::PersonalAccount => "PERSONAL_ACCOUNT",
            Self::MutualAid => "MUTUAL_AID",
            Self::Credit(_) => "CREDIT",
            Self::Desk => "DESK",
            Self::Arrears => "ARREARS",
        }
    }

    /// The share of a fund, an account or a voucher is adjudication's word; every other is the person's, in money.
    pub const fn is_fund(self) -> bool {
        match self {
            Self::PooledFund
            | Self::LargeAmountFund
            | Self::CriticalIllnessFund
            | Self::AssistanceFund
            | Self::TopUp
            | Self::Voucher
            | Self::PersonalAccount
            | Self::MutualAid => true,
            Self::Credit(_) | Self::Desk | Self::Arrears => false,
        }
    }

    /// A fund of the insurer's: only these withhold what a finding questions. An account or a voucher is the person's own.
    pub const fn is_insurers_fund(self) -> bool {
        matches!(self, Self::PooledFund | Self::LargeAmountFund | Self::CriticalIllnessFund | Self::AssistanceFund)
    }

    pub const fn credit_line(self) -> Option<CreditLineId> {
        match self {
            Self::Credit(line) => Some(line),
            _ => None,
        }
    }
}

/// One payer's share: more than nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    pub payer: Payer,
    pub amount: Money,
}

/// What adjudication says is to be paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Due {
    /// Nothing for a quote: it moves no fund.
    pub pooled_fund: Money,
    pub large_amount_fund: Money,
    pub critical_illness_fund: Money,
    pub assistance_fund: Money,
    pub top_up: Money,
    pub voucher: Money,
    pub personal_account: Money,
    pub mutual_aid: Money,
    /// What is left to the person, in money.
    pub own: Money,
}

impl Due {
    /// All of it; None beyond what money holds.
    pub fn total(self) -> Option<Money> {
        self.funds().iter().try_fold(self.own, |sum, share| sum.checked_add(share.amount))
    }

    fn funds(self) -> [Share; 8] {
        [
            Share { payer: Payer::PooledFund, amount: self.pooled_fund },
            Share { payer: Payer::LargeAmountFund, amount: self.large_amount_fund },
            Share { payer: Payer::CriticalIllnessFund, amount: self.critical_illness_fund },
            Share { payer: Payer::AssistanceFund, amount: self.assistance_fund },
            Share { payer: Payer::TopUp, amount: self.top_up },
            Share { payer: Payer::Voucher, amount: self.voucher },
            Share { payer: Payer::PersonalAccount, amount: self.personal_account },
            Share { payer: Payer::MutualAid, amount: self.mutual_aid },
        ]
    }

    /// Divides it over its payers. `payers` pay the own share and must sum to it; without any, the desk collects it.
    pub fn divide(self, payers: &[Share]) -> Result<Vec<Share>, PaymentError> {
        let own: Vec<Share> =
            if payers.is_empty() { vec![Share { payer: Payer::Desk, amount: self.own }] } else { payers.to_vec() };
        let mut offered = Money::ZERO;
        for share in &own {
            offered = offered.checked_add(share.amount).ok_or(PaymentError::ShareMismatch { own: self.own })?;
        }
        if offered != self.own {
            return Err(PaymentError::ShareMismatch { own: self.own });
        }
        Ok(self.funds().into_iter().chain(own).filter(|share| share.amount.is_positive()).collect())
    }

    /// Whether shares already reserved say the same of funds and person.
    pub fn agrees_with(self, shares: &[Share]) -> bool {
        let of = |wanted: &dyn Fn(Payer) -> bool| -> Money {
            shares.iter().filter(|share| wanted(share.payer)).map(|share| share.amount).sum()
        };
        self.funds().iter().all(|fund| fund.amount == of(&|payer| payer == fund.payer))
            && self.own == of(&|payer| !payer.is_fund())
    }
}

/// By how much what is reserved on each credit line changes, in the order in which lines are locked.
pub fn credit_changes(before: &[Share], after: &[Share]) -> Vec<(CreditLineId, Money)> {
    let mut changes: BTreeMap<CreditLineId, Money> = BTreeMap::new();
    for (shares, is_added) in [(before, false), (after, true)] {
        for share in shares {
            if let Some(line) = share.payer.credit_line() {
                *changes.entry(line).or_default() += if is_added { share.amount } else { -share.amount };
            }
        }
    }
    changes.into_iter().filter(|(_, change)| !change.is_zero()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(text: &str) -> Money {
        text.parse().unwrap()
    }

    fn due() -> Due {
        Due {
            pooled_fund: money("91759.51"),
            large_amount_fund: money("53631.70"),
            own: money("43694.64"),
            ..Due::default()
        }
    }

    #[test]
    fn py_01_the_desk_collects_where_nobody_else_is_named() {
        let shares = due().divide(&[]).unwrap();
        assert_eq!(shares.last(), Some(&Share { payer: Payer::Desk, amount: money("43694.64") }));
        assert_eq!(shares.iter().map(|share| share.amount).sum::<Money>(), money("189085.85"));
        assert!(due().agrees_with(&shares));
    }

    #[test]
    fn ad_02_every_fund_pays_its_own_share_and_another_funds_is_not_the_same() {
        let (critical_illness_fund, assistance_fund) = (money("6565.00"), money("9474.50"));
        let layered = Due { critical_illness_fund, assistance_fund, ..due() };
        let shares = layered.divide(&[]).unwrap();
        let payers: Vec<&str> = shares.iter().map(|share| share.payer.as_str()).collect();
        assert_eq!(payers, ["POOLED_FUND", "LARGE_AMOUNT_FUND", "CRITICAL_ILLNESS_FUND", "ASSISTANCE_FUND", "DESK"]);
        assert_eq!(layered.total(), Some(shares.iter().map(|share| share.amount).sum()));
        assert!(layered.agrees_with(&shares) && !due().agrees_with(&shares));
        let swapped = Due { critical_illness_fund: assistance_fund, assistance_fund: critical_illness_fund, ..layered };
        assert!(!swapped.agrees_with(&shares), "the sum is the same, the funds are not");
        assert_eq!(shares.iter().filter(|share| !share.payer.is_fund()).count(), 1);
    }

    #[test]
    fn py_01_payers_must_sum_to_the_own_share_to_the_fen() {
        let line = Payer::Credit(CreditLineId::generate());
        for amount in ["43694.63", "43694.65"] {
            let refused = due().divide(&[Share { payer: line, amount: money(amount) }]).unwrap_err();
            assert!(matches!(refused, PaymentError::ShareMismatch { .. }));
        }
        let largest = Share { payer: line, amount: money("99999999999999.99") };
        assert!(due().divide(&[largest, largest]).is_err());
    }

    #[test]
    fn py_01_shares_of_nothing_are_left_out() {
        let free = Due { pooled_fund: money("10.00"), ..Due::default() };
        assert_eq!(free.divide(&[]).unwrap(), [Share { payer: Payer::PooledFund, amount: money("10.00") }]);
        assert_eq!(Due::default().divide(&[]).unwrap(), []);
    }

    #[test]
    fn py_02_a_re_based_bill_changes_its_lines_by_the_difference_in_line_order() {
        let (first, second, kept) = (CreditLineId::generate(), CreditLineId::generate(), CreditLineId::generate());
        let on = |line, amount: &str| Share { payer: Payer::Credit(line), amount: money(amount) };
        let before = [on(second, "30.00"), on(kept, "5.00")];
        let after = [on(kept, "5.00"), on(first, "20.00"), on(second, "10.00")];
        let mut expected = [(first, money("20.00")), (second, -money("20.00"))];
        expected.sort_by_key(|(line, _)| *line);
        assert_eq!(credit_changes(&before, &after), expected);
    }
}
