//! Personal accounts (个人账户), the person's own and the family's (家庭共济): which of them a division may draw on, and how far.

use chrono::{DateTime, NaiveDate, Utc};
use types::caller::Party;
use types::ids::ResidentId;
use types::money::Money;
use uuid::Uuid;

use super::circumstances::Means;
use super::shares::Shares;

/// What the bureau puts into an account (个人账户划入).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credit {
    pub id: Uuid,
    pub holder: ResidentId,
    pub amount: Money,
    /// The bureau's.
    pub reference: String,
    pub by: Party,
    pub at: DateTime<Utc>,
}

/// That one of the family may be paid for from an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountShare {
    pub id: Uuid,
    pub holder: ResidentId,
    pub member: ResidentId,
    /// Last day; none until the holder says otherwise.
    pub until: Option<NaiveDate>,
    pub at: DateTime<Utc>,
}

/// A person's accounts, as they see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub holder: ResidentId,
    pub balance: Money,
    /// What is not promised to a division that waits for its confirmation.
    pub free: Money,
    pub shares: Vec<AccountShare>,
}

/// An account that may pay for a person, as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purse {
    pub holder: ResidentId,
    /// The person's own, by whichever id of theirs; else one of the family's.
    pub is_own: bool,
    /// What no division waiting for its confirmation has been promised.
    pub free: Money,
}

/// Whose accounts a settlement draws on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Drawn {
    pub account: Option<ResidentId>,
    pub mutual_aid: Option<ResidentId>,
}

/// What accounts and vouchers may pay of a claim, and whose accounts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Draw {
    pub means: Means,
    pub drawn: Drawn,
}

impl Draw {
    /// Of the person's own accounts the one with most in it; of the family's the first with anything, in the order in which they were
    /// shared.
    pub fn from_purses(purses: &[Purse]) -> Self {
        let with_any =
            |is_own: bool| purses.iter().filter(move |purse| purse.is_own == is_own && purse.free.is_positive());
        // Of equal ones the first, so that the same accounts always give the same answer.
        let own = with_any(true).rev().max_by_key(|purse| purse.free);
        let family = with_any(false).next();
        let free = |purse: Option<&Purse>| purse.map(|purse| purse.free).unwrap_or_default();
        Self {
            means: Means { account: free(own), mutual_aid: free(family), voucher: None },
            drawn: Drawn { account: own.map(|purse| purse.holder), mutual_aid: family.map(|purse| purse.holder) },
        }
    }

    /// Of a claim that is judged again: at most what paid of it before. What was paid in cash was paid, and is not asked of an account
    /// long after.
    pub fn again(shares: &Shares, drawn: Drawn) -> Self {
        let means = Means { account: shares.account, mutual_aid: shares.mutual_aid, voucher: Some(shares.voucher) };
        Self { means, drawn }
    }
}

impl Drawn {
    /// Those that pay something.
    #[must_use]
    pub fn by(self, shares: &Shares) -> Self {
        Self {
            account: self.account.filter(|_| shares.account.is_positive()),
            mutual_aid: self.mutual_aid.filter(|_| shares.mutual_aid.is_positive()),
        }
    }

    /// How much of whose account.
    pub fn amounts(self, shares: &Shares) -> impl Iterator<Item = (ResidentId, Money)> {
        [(self.account, shares.account), (self.mutual_aid, shares.mutual_aid)]
            .into_iter()
            .filter_map(|(holder, amount)| Some((holder?, amount)))
            .filter(|(_, amount)| amount.is_positive())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn purse(is_own: bool, fen: i64) -> Purse {
        Purse { holder: ResidentId::generate(), is_own, free: Money::from_fen(fen) }
    }

    #[test]
    fn ad_12_the_fullest_own_account_pays_and_the_first_of_the_family_that_can() {
        let purses =
            [purse(true, 5), purse(true, 9), purse(true, 9), purse(false, 0), purse(false, 3), purse(false, 8)];
        let draw = Draw::from_purses(&purses);
        assert_eq!(draw.drawn, Drawn { account: Some(purses[1].holder), mutual_aid: Some(purses[4].holder) });
        assert_eq!((draw.means.account, draw.means.mutual_aid), (Money::from_fen(9), Money::from_fen(3)));
        assert_eq!(Draw::from_purses(&[purse(true, 0), purse(false, -4)]), Draw::default());
    }

    #[test]
    fn ad_12_what_is_judged_again_is_paid_by_the_same_accounts_and_by_none_more_than_before() {
        let holder = ResidentId::generate();
        let shares = Shares { account: Money::from_fen(7), voucher: Money::from_fen(2), ..Shares::default() };
        let drawn = Drawn { account: Some(holder), mutual_aid: Some(ResidentId::generate()) }.by(&shares);
        assert_eq!(drawn, Drawn { account: Some(holder), mutual_aid: None });
        let again = Draw::again(&shares, drawn);
        assert_eq!(again.means.voucher, Some(Money::from_fen(2)));
        assert_eq!(again.means.account, Money::from_fen(7));
        assert_eq!(drawn.amounts(&shares).collect::<Vec<_>>(), [(holder, Money::from_fen(7))]);
    }
}
