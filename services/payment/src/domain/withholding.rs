//! What audit rules withhold of what the funds pay a provider for a bill. What the patient pays is never touched.

use types::ids::{FindingId, SettlementId};
use types::money::Money;

use super::shares::Share;
use super::words::words;

words! {
    /// What a finding does to the payment.
    State {
        /// Withheld until a reviewer decides, also about an appeal.
        Questioned = "QUESTIONED",
        /// A reviewer cut it: the funds have it back.
        Cut = "CUT",
        /// Paid after all.
        Released = "RELEASED",
    }
}

/// What a finding does to the payment of its bill, as adjudication told it last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Withholding {
    pub finding: FindingId,
    pub settlement: SettlementId,
    /// Of the claim, from 1; none where it is about the claim as a whole.
    pub line: Option<i32>,
    pub state: State,
    /// Nothing where it is released.
    pub amount: Money,
}

impl Withholding {
    /// As adjudication names where a finding stands; none for a word that is not known.
    pub fn told(
        (finding, settlement): (FindingId, SettlementId),
        line: Option<i32>,
        word: &str,
        withheld: Money,
    ) -> Option<Self> {
        let state = match word {
            _ if withheld.is_zero() => State::Released,
            "OPEN" | "ASKED" | "APPEALED" => State::Questioned,
            "CUT" | "UPHELD" => State::Cut,
            _ => return None,
        };
        (!withheld.is_negative()).then_some(Self { finding, settlement, line, state, amount: withheld })
    }
}

/// What is withheld of a bill altogether.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Withheld {
    pub questioned: Money,
    /// By fund.
    pub cut: Vec<Share>,
}

impl Withheld {
    pub fn total(&self) -> Money {
        self.cut.iter().map(|cut| cut.amount).sum::<Money>() + self.questioned
    }

    /// What findings come to on a bill of these shares, `cut` being a part of what they withhold: never more than the funds pay of it.
    /// Funds have their cuts back in the order in which they pay.
    pub fn of(shares: &[Share], withheld: Money, cut: Money) -> Self {
        let (mut left, mut open) = (cut, Money::ZERO);
        let mut by_fund = Vec::new();
        for share in shares.iter().filter(|share| share.payer.is_insurers_fund()) {
            let amount = share.amount.min(left);
            left -= amount;
            open += share.amount - amount;
            by_fund.push(Share { amount, ..*share });
        }
        by_fund.retain(|cut| cut.amount.is_positive());
        Self { questioned: withheld.less_at_most(cut).min(open), cut: by_fund }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::shares::Payer;

    fn money(text: &str) -> Money {
        text.parse().unwrap()
    }

    fn share(payer: Payer, amount: &str) -> Share {
        Share { payer, amount: money(amount) }
    }

    #[test]
    fn ad_08_never_more_is_withheld_than_the_funds_pay_and_the_patients_share_not_at_all() {
        let shares =
            [share(Payer::PooledFund, "70.00"), share(Payer::AssistanceFund, "10.00"), share(Payer::Desk, "20.00")];
        let of = |withheld, cut| Withheld::of(&shares, money(withheld), money(cut));
        assert_eq!(of("50.00", "0.00"), Withheld { questioned: money("50.00"), cut: vec![] });
        assert_eq!(of("100.00", "0.00").questioned, money("80.00"));
        let all = of("125.00", "75.00");
        assert_eq!(all.cut, [share(Payer::PooledFund, "70.00"), share(Payer::AssistanceFund, "5.00")]);
        assert_eq!((all.questioned, all.total()), (money("5.00"), money("80.00")));
        assert_eq!(Withheld::of(&[share(Payer::Desk, "20.00")], money("5.00"), money("5.00")), Withheld::default());
    }

    #[test]
    fn ad_08_a_word_that_is_not_known_is_taken_for_nothing() {
        let told = |word, withheld| {
            let ids = (FindingId::generate(), SettlementId::generate());
            let told = Withholding::told(ids, Some(1), word, money(withheld));
            told.map(|told| told.state)
        };
        assert_eq!(told("OPEN", "5.00"), Some(State::Questioned));
        assert_eq!(told("APPEALED", "5.00"), Some(State::Questioned));
        assert_eq!(told("UPHELD", "5.00"), Some(State::Cut));
        assert_eq!(told("CLEARED", "0.00"), Some(State::Released));
        assert_eq!(told("DOUBTED", "5.00"), None);
        assert_eq!(told("CUT", "-5.00"), None);
    }
}
