//! What a provider's desk takes and gives after a bill was captured: arrears that somebody comes to pay, and what they get back.

use chassis::Guarded;
use chrono::{DateTime, Utc};
use types::caller::{Caller, Party, Role};
use types::ids::{BillId, CreditLineId, OrganisationId, PayoutId, ReceiptId, ResidentId};
use types::money::Money;

use super::bill::{Bill, State};
use super::correction::{Correction, Kind};
use super::error::PaymentError;
use super::shares::{Payer, Share};
use super::words::words;

words! {
    /// In what form money changes hands.
    Means {
        Cash = "CASH",
        /// A card or a QR code, at the desk's own terminal.
        Card = "CARD",
    }
}

/// What of a captured bill is still owed in either direction, by the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Owed {
    /// By the person: the share of ARREARS, and what banks declined to pay.
    pub arrears: Money,
    /// To the person, who paid it too much.
    pub refund: Money,
    /// What of that the desk itself had collected.
    pub desk: Money,
}

/// Arrears that were taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    pub amount: Money,
    pub means: Means,
    /// What the terminal printed; empty for cash.
    pub reference: String,
}

/// Where a payout stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PayoutState {
    Open,
    Paid {
        at: DateTime<Utc>,
        witness: Party,
        receipt: ReceiptId,
        /// Which of the bill's, from 1.
        number: i32,
    },
    Replaced,
}

/// Money that a desk gives back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payout {
    pub id: PayoutId,
    pub bill: BillId,
    pub resident: ResidentId,
    pub payee: OrganisationId,
    pub given: Taken,
    pub opened_by: Party,
    pub opened_at: DateTime<Utc>,
    pub state: PayoutState,
}

impl Guarded for Payout {
    const NOT_FOUND: &'static str = "PAYOUT_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        Some(self.resident)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![self.payee]
    }
}

impl Payout {
    /// Which two of the desk it were is told to that desk and to who supervises it; staff of others may act for the resident.
    pub fn names_desk_to(&self, caller: &Caller) -> bool {
        caller.organisation == Some(self.payee) || caller.has(&Role::Auditor)
    }

    /// Another one than who opened it saw this amount given.
    pub fn witnessed(
        &self,
        witness: &Party,
        seen: Money,
        (receipt, number): (ReceiptId, i32),
        at: DateTime<Utc>,
    ) -> Result<Self, PaymentError> {
        if self.state == PayoutState::Replaced {
            return Err(PaymentError::PayoutReplaced);
        }
        if *witness == self.opened_by {
            return Err(PaymentError::SamePerson);
        }
        if seen != self.given.amount {
            return Err(PaymentError::AmountDiffers);
        }
        Ok(Self { state: PayoutState::Paid { at, witness: witness.clone(), receipt, number }, ..self.clone() })
    }
}

impl Bill {
    /// Only what was captured is owed.
    pub fn check_captured(&self) -> Result<(), PaymentError> {
        match self.state {
            State::Captured { .. } | State::Settled { .. } => Ok(()),
            State::Authorised | State::Capturing | State::Cancelled => Err(PaymentError::BillNotCaptured),
        }
    }

    /// A desk took arrears: of the share of ARREARS first, then of what banks declined to pay on these lines. It is a share of the desk now.
    pub fn collect(
        &self,
        amount: Money,
        declined: &[CreditLineId],
        receipt: ReceiptId,
        at: DateTime<Utc>,
    ) -> Result<Correction, PaymentError> {
        self.check_captured()?;
        if amount > self.owed.arrears {
            return Err(PaymentError::AboveDue { due: self.owed.arrears });
        }
        let settlement = self.present_settlement().ok_or(PaymentError::SettlementMissing)?;
        let mut shares = self.present_shares().to_vec();
        let mut left = amount;
        let is_declined = |payer: Payer| payer.credit_line().is_some_and(|line| declined.contains(&line));
        let taken_of_arrears = take(&mut shares, &mut left, |payer| payer == Payer::Arrears);
        take(&mut shares, &mut left, is_declined);
        // The ledger knows of more than the shares do: nothing is taken that nobody could account for.
        if !left.is_zero() {
            return Err(PaymentError::AboveDue { due: amount - left });
        }
        match shares.iter_mut().find(|share| share.payer == Payer::Desk) {
            Some(desk) => desk.amount += amount,
            None => shares.push(Share { payer: Payer::Desk, amount }),
        }
        shares.retain(|share| share.amount.is_positive());
        let former = self.correction.as_ref();
        Ok(Correction {
            number: former.map_or(0, |correction| correction.number) + 1,
            kind: Kind::Collected,
            settlement,
            claim_version: former.map_or(1, |correction| correction.claim_version),
            shares,
            collected: former.map_or(Money::ZERO, |correction| correction.collected) + taken_of_arrears,
            receipt,
            at,
        })
    }

    /// That so much may be given back.
    pub fn check_refund(&self, amount: Money) -> Result<(), PaymentError> {
        self.check_captured()?;
        if amount > self.owed.refund {
            return Err(PaymentError::AboveDue { due: self.owed.refund });
        }
        Ok(())
    }
}

/// Takes what is left to be taken from shares of some payers; answers how much that was.
fn take(shares: &mut [Share], left: &mut Money, is_meant: impl Fn(Payer) -> bool) -> Money {
    let before = *left;
    for share in shares.iter_mut().filter(|share| is_meant(share.payer)) {
        let part = share.amount.min(*left);
        share.amount -= part;
        *left -= part;
    }
    before - *left
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(text: &str) -> Money {
        text.parse().unwrap()
    }

    fn payout() -> Payout {
        Payout {
            id: PayoutId::generate(),
            bill: BillId::generate(),
            resident: ResidentId::generate(),
            payee: OrganisationId::generate(),
            given: Taken { amount: money("30.00"), means: Means::Cash, reference: String::new() },
            opened_by: Party::Resident(ResidentId::generate()),
            opened_at: DateTime::UNIX_EPOCH,
            state: PayoutState::Open,
        }
    }

    #[test]
    fn py_06_a_payout_is_witnessed_by_another_who_saw_the_same() {
        let open = payout();
        let paid = (ReceiptId::generate(), 1);
        let at = DateTime::UNIX_EPOCH;
        let witness = Party::Resident(ResidentId::generate());
        let same = open.witnessed(&open.opened_by, money("30.00"), paid, at);
        assert!(matches!(same, Err(PaymentError::SamePerson)));
        let other = open.witnessed(&witness, money("29.99"), paid, at);
        assert!(matches!(other, Err(PaymentError::AmountDiffers)));
        let replaced = Payout { state: PayoutState::Replaced, ..open.clone() };
        let replaced = replaced.witnessed(&witness, money("30.00"), paid, at);
        assert!(matches!(replaced, Err(PaymentError::PayoutReplaced)));
        assert!(matches!(
            open.witnessed(&witness, money("30.00"), paid, at).unwrap().state,
            PayoutState::Paid { number: 1, .. }
        ));
    }

    #[test]
    fn py_02_what_is_taken_comes_from_arrears_first_and_never_more_than_there_is() {
        let line = Payer::Credit(CreditLineId::generate());
        let mut shares = vec![
            Share { payer: Payer::PooledFund, amount: money("100.00") },
            Share { payer: line, amount: money("20.00") },
            Share { payer: Payer::Arrears, amount: money("10.00") },
        ];
        let mut left = money("15.00");
        assert_eq!(take(&mut shares, &mut left, |payer| payer == Payer::Arrears), money("10.00"));
        assert_eq!((left, shares[2].amount), (money("5.00"), Money::ZERO));
        assert_eq!(take(&mut shares, &mut left, |payer| payer == line), money("5.00"));
        assert_eq!((left, shares[1].amount), (Money::ZERO, money("15.00")));
    }
}
