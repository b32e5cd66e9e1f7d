//! What becomes of a captured bill whose settlement is corrected or taken back. What was captured stays as it was; a correction says who
//! pays how much from then on, and what goes back follows from the two.

use chrono::{DateTime, Utc};
use types::ids::{CreditLineId, OrganisationId, ReceiptId, SettlementId};
use types::money::Money;

use super::bill::{Bill, State};
use super::error::PaymentError;
use super::shares::{Due, Payer, Share};
use super::words::words;

words! {
    /// What happened to the settlement.
    Kind {
        /// Another one of the same claim took its place.
        Corrected = "CORRECTED",
        /// It was taken back: nothing is to be paid any more.
        Reversed = "REVERSED",
        /// Nothing: the payee's desk took arrears of its bill.
        Collected = "COLLECTED",
    }
}

/// Why a provider's desk takes a bill back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundReason {
    ItemsReturned,
    CareNotGiven,
    BilledWrong,
    WrongPerson,
}

/// What adjudication says is to be paid instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    pub kind: Kind,
    /// The settlement that took the place; of a reversal, the one that was taken back.
    pub settlement: SettlementId,
    pub claim_version: i32,
    /// Nothing where it was taken back.
    pub due: Due,
}

/// A bill as a correction left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// Of the bill, from 1.
    pub number: i32,
    pub kind: Kind,
    pub settlement: SettlementId,
    pub claim_version: i32,
    pub shares: Vec<Share>,
    /// What desks have taken of the share of ARREARS so far.
    pub collected: Money,
    pub receipt: ReceiptId,
    pub at: DateTime<Utc>,
}

/// How what was paid too much goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Onto the line, by its bank.
    Line { line: CreditLineId, bank: OrganisationId },
    /// The bank had declined to pay it, so that the resident owes it: they owe less.
    Declined { bank: OrganisationId },
    /// At the desk that collected it.
    Desk,
}

/// What goes back to the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GivenBack {
    pub amount: Money,
    pub way: Way,
}

impl Bill {
    /// Who pays how much as things stand.
    pub fn present_shares(&self) -> &[Share] {
        self.correction.as_ref().map_or(&self.shares, |correction| &correction.shares)
    }

    /// The settlement that it rests on as things stand.
    pub fn present_settlement(&self) -> Option<SettlementId> {
        self.correction.as_ref().map(|correction| correction.settlement).or(self.settlement)
    }

    /// The receipt that is valid as things stand.
    pub fn present_receipt(&self) -> Option<ReceiptId> {
        let captured = || self.state.captured().map(|(_, receipt)| receipt);
        self.correction.as_ref().map(|correction| correction.receipt).or_else(captured)
    }

    pub fn is_refunded(&self) -> bool {
        self.correction.as_ref().is_some_and(|correction| correction.kind == Kind::Reversed)
    }

    /// When its last correction was made, if that is of this kind.
    pub fn corrected_at(&self, kind: Kind) -> Option<DateTime<Utc>> {
        self.correction.as_ref().filter(|correction| correction.kind == kind).map(|correction| correction.at)
    }

    /// What corrections have added to what the person owes later. Nobody is charged it without being asked.
    pub fn supplementary_due(&self) -> Money {
        let of = |shares| sum(shares, |payer| payer == Payer::Arrears);
        let collected = self.correction.as_ref().map_or(Money::ZERO, |correction| correction.collected);
        of(self.present_shares()).less_at_most(of(&self.shares).less_at_most(collected))
    }

    /// The correction that a verdict comes to; none where the bill has followed it or a later one. Only a captured bill can.
    pub fn follow(
        &self,
        verdict: &Verdict,
        receipt: ReceiptId,
        at: DateTime<Utc>,
    ) -> Result<Option<Correction>, PaymentError> {
        if !matches!(self.state, State::Captured { .. } | State::Settled { .. }) {
            return Err(PaymentError::BillNotCaptured);
        }
        let followed = self.correction.as_ref();
        let newest = followed.map(|correction| (correction.claim_version, correction.kind == Kind::Reversed));
        if newest.is_some_and(|newest| newest >= (verdict.claim_version, verdict.kind == Kind::Reversed)) {
            return Ok(None);
        }
        Ok(Some(Correction {
            number: followed.map_or(0, |correction| correction.number) + 1,
            kind: verdict.kind,
            settlement: verdict.settlement,
            claim_version: verdict.claim_version,
            shares: due_now(self.present_shares(), verdict.due)?,
            collected: followed.map_or(Money::ZERO, |correction| correction.collected),
            receipt,
            at,
        }))
    }

    /// The same bill, corrected.
    #[must_use]
    pub fn corrected(self, correction: Correction) -> Self {
        Self { version: self.version + 1, correction: Some(correction), ..self }
    }
}

/// What funds pay is adjudication's word. What the person owes more is due later; what they owe less falls away where nothing was paid
/// for it yet, then goes back onto their credit lines, then to what the desk collected.
fn due_now(present: &[Share], due: Due) -> Result<Vec<Share>, PaymentError> {
    let mut own: Vec<Share> = present.iter().filter(|share| !share.payer.is_fund()).copied().collect();
    let owed: Money = own.iter().map(|share| share.amount).sum();
    if due.own > owed {
        let more = due.own - owed;
        match own.iter_mut().find(|share| share.payer == Payer::Arrears) {
            Some(arrears) => arrears.amount += more,
            None => own.push(Share { payer: Payer::Arrears, amount: more }),
        }
    }
    let mut less = owed.less_at_most(due.own);
    let steps: [fn(Payer) -> bool; 3] =
        [|payer| payer == Payer::Arrears, |payer| matches!(payer, Payer::Credit(_)), |payer| payer == Payer::Desk];
    for step in steps {
        for share in own.iter_mut().filter(|share| step(share.payer)) {
            let back = share.amount.min(less);
            share.amount -= back;
            less -= back;
        }
    }
    own.retain(|share| share.amount.is_positive());
    due.divide(&own)
}

/// By how much lines and desk pay less than before, in the order of the shares.
pub fn paid_back(before: &[Share], after: &[Share]) -> Vec<Share> {
    let paid = before.iter().filter(|share| matches!(share.payer, Payer::Credit(_) | Payer::Desk));
    let less = paid.map(|share| {
        let now = sum(after, |payer| payer == share.payer);
        Share { amount: share.amount.less_at_most(now), ..*share }
    });
    less.filter(|share| share.amount.is_positive()).collect()
}

fn sum(shares: &[Share], is_meant: impl Fn(Payer) -> bool) -> Money {
    shares.iter().filter(|share| is_meant(share.payer)).map(|share| share.amount).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(text: &str) -> Money {
        text.parse().unwrap()
    }

    fn share(payer: Payer, amount: &str) -> Share {
        Share { payer, amount: money(amount) }
    }

    fn due(pooled: &str, own: &str) -> Due {
        Due { pooled_fund: money(pooled), own: money(own), ..Due::default() }
    }

    fn present(line: CreditLineId) -> Vec<Share> {
        vec![
            share(Payer::PooledFund, "100.00"),
            share(Payer::Credit(line), "60.00"),
            share(Payer::Desk, "30.00"),
            share(Payer::Arrears, "10.00"),
        ]
    }

    #[test]
    fn py_06_what_is_owed_less_falls_away_first_then_goes_to_the_line_then_to_the_desk() {
        let line = CreditLineId::generate();
        let present = present(line);
        let own = |pooled, own| due_now(&present, due(pooled, own)).unwrap().split_off(1);
        assert_eq!(
            own("104.00", "96.00"),
            [share(Payer::Credit(line), "60.00"), share(Payer::Desk, "30.00"), share(Payer::Arrears, "6.00")]
        );
        assert_eq!(own("115.00", "85.00"), [share(Payer::Credit(line), "55.00"), share(Payer::Desk, "30.00")]);
        assert_eq!(own("175.00", "25.00"), [share(Payer::Desk, "25.00")]);
        assert_eq!(own("200.00", "0.00"), []);
        // The bill itself may have come to less.
        assert_eq!(due_now(&present, Due::default()).unwrap(), []);
    }

    #[test]
    fn py_06_what_is_owed_more_is_due_later_and_charged_to_nobody() {
        let line = CreditLineId::generate();
        let now = due_now(&present(line), due("80.00", "120.00")).unwrap();
        assert_eq!(
            now[1..],
            [share(Payer::Credit(line), "60.00"), share(Payer::Desk, "30.00"), share(Payer::Arrears, "30.00")]
        );
        let free = [share(Payer::PooledFund, "100.00")];
        assert_eq!(due_now(&free, due("99.99", "0.01")).unwrap()[1..], [share(Payer::Arrears, "0.01")]);
    }

    #[test]
    fn py_06_shares_always_add_up_to_what_is_due() {
        let line = CreditLineId::generate();
        let present = present(line);
        for own in 0..=300 {
            let due = Due { pooled_fund: Money::from_fen(20_000), own: Money::from_fen(own * 100), ..Due::default() };
            let shares = due_now(&present, due).unwrap();
            assert!(due.agrees_with(&shares), "{own}");
            let back: Money = paid_back(&present, &shares).iter().map(|share| share.amount).sum();
            assert_eq!(back, Money::from_fen(9_000).less_at_most(due.own), "{own}");
        }
    }
}
