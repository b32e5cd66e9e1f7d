//! What a bank is asked to do, and what its word makes of it. A timeout is UNKNOWN; only the bank's explicit word is a failure.

use chassis::Guarded;
use chrono::{DateTime, Utc};
use types::ids::{BillId, CreditLineId, OrderId, OrganisationId, ResidentId};
use types::money::Money;

use super::bill::{self, Bill};
use super::error::PaymentError;
use super::shares::Payer;
use super::words::words;

words! {
    /// Where an order stands.
    State {
        Intent = "INTENT",
        Sent = "SENT",
        Unknown = "UNKNOWN",
        Succeeded = "SUCCEEDED",
        Failed = "FAILED",
    }
}

impl State {
    /// Whether the bank's word is still awaited.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Intent | Self::Sent | Self::Unknown)
    }
}

words! {
    /// What a bank is asked to do.
    Kind {
        /// To pay a captured credit share.
        Capture = "CAPTURE",
        /// To put back onto the line what a correction of the bill found to be too much.
        Refund = "REFUND",
    }
}

/// What a bank is asked to do for a bill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BankOrder {
    pub id: OrderId,
    pub kind: Kind,
    pub bank: OrganisationId,
    pub bill: BillId,
    pub credit_line: CreditLineId,
    /// Of a refund: by which correction of the bill. 0: of its capture.
    pub correction: i32,
    pub state: State,
    pub amount: Money,
    pub bank_reference: Option<String>,
    pub created_at: DateTime<Utc>,
    pub reported_at: Option<DateTime<Utc>>,
}

/// A bank's word about an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    Succeeded { amount: Money, reference: String },
    Failed { reference: Option<String> },
    Unknown,
}

impl Word {
    pub const fn state(&self) -> State {
        match self {
            Self::Succeeded { .. } => State::Succeeded,
            Self::Failed { .. } => State::Failed,
            Self::Unknown => State::Unknown,
        }
    }

    /// The bank's own reference, where it says one.
    pub fn reference(&self) -> Option<&str> {
        match self {
            Self::Succeeded { reference, .. } => Some(reference),
            Self::Failed { reference } => reference.as_deref(),
            Self::Unknown => None,
        }
    }
}

impl BankOrder {
    pub fn intent(
        id: OrderId,
        bank: OrganisationId,
        bill: BillId,
        credit_line: CreditLineId,
        amount: Money,
        created_at: DateTime<Utc>,
    ) -> Self {
        Self {
            id,
            kind: Kind::Capture,
            bank,
            bill,
            credit_line,
            correction: 0,
            state: State::Intent,
            amount,
            bank_reference: None,
            created_at,
            reported_at: None,
        }
    }

    /// To put back what is too much of what this one is to pay, or has paid.
    #[must_use]
    pub fn refund(&self, id: OrderId, correction: i32, amount: Money, created_at: DateTime<Utc>) -> Self {
        let order = Self::intent(id, self.bank, self.bill, self.credit_line, amount, created_at);
        Self { kind: Kind::Refund, correction, ..order }
    }

    /// The capture that it would put back was never paid: there is nothing that the bank could do.
    #[must_use]
    pub fn withdraw(self) -> Self {
        Self { state: State::Failed, ..self }
    }

    /// Takes the bank's word; `None` where it is the word we have already.
    pub fn report(self, word: &Word, occurred_at: DateTime<Utc>) -> Result<Option<Self>, PaymentError> {
        if let Word::Succeeded { amount, .. } = word
            && *amount != self.amount
        {
            return Err(PaymentError::AmountDiffers);
        }
        if self.state == word.state() {
            let is_another =
                word.reference().is_some_and(|said| self.bank_reference.as_deref().is_some_and(|known| known != said));
            return if is_another { Err(PaymentError::ReferenceDiffers) } else { Ok(None) };
        }
        if !self.state.is_open() {
            return Err(PaymentError::OrderResolved(self.state));
        }
        let bank_reference = word.reference().map(str::to_owned);
        Ok(Some(Self { state: word.state(), bank_reference, reported_at: Some(occurred_at), ..self }))
    }
}

impl Bill {
    /// The bill, settled by these orders, which are all of it: each that is to pay has succeeded, or what its bank declined to pay is owed no
    /// longer, since a desk took it or a correction let it fall away. What is still to be put back does not hinder. None where that is not so
    /// yet, or was so before.
    pub fn settled(&self, orders: &[BankOrder]) -> Option<Self> {
        let bill::State::Captured { captured_at, receipt } = self.state else { return None };
        let is_owed = |line| self.present_shares().iter().any(|share| share.payer == Payer::Credit(line));
        let is_over = |order: &BankOrder| match order.state {
            State::Intent | State::Sent | State::Unknown => false,
            State::Succeeded => true,
            State::Failed => !is_owed(order.credit_line),
        };
        let is_settled = orders.iter().filter(|order| order.kind == Kind::Capture).all(is_over);
        let state = bill::State::Settled { captured_at, receipt };
        is_settled.then(|| Self { state, version: self.version + 1, ..self.clone() })
    }
}

impl Guarded for BankOrder {
    const NOT_FOUND: &'static str = "ORDER_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        None
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![self.bank]
    }
}

#[cfg(test)]
mod tests {
    use types::caller::Party;
    use types::ids::{ReceiptId, SettlementId};

    use super::*;
    use crate::domain::bill::{Basis, Source};
    use crate::domain::shares::{Due, Share};

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000, 0).unwrap()
    }

    fn order(state: State) -> BankOrder {
        let (bank, bill, line) = (OrganisationId::generate(), BillId::generate(), CreditLineId::generate());
        let order = BankOrder::intent(OrderId::generate(), bank, bill, line, "24.00".parse().unwrap(), now());
        BankOrder { state, ..order }
    }

    fn captured(orders: &[&BankOrder]) -> Bill {
        let basis = Basis {
            resident: ResidentId::generate(),
            payee: OrganisationId::generate(),
            source: Source::Settlement { id: SettlementId::generate(), quote: None },
            due: Due::default(),
            journey: None,
            referral: None,
            not_before: now(),
        };
        let word = bill::Word { by: Party::Resident(basis.resident), delegation: None };
        let shares = orders.iter().map(|order| Share { payer: Payer::Credit(order.credit_line), amount: order.amount });
        let bill = Bill::open(BillId::generate(), &basis, (shares.collect(), word), now(), now());
        Bill { state: bill::State::Captured { captured_at: now(), receipt: ReceiptId::generate() }, ..bill }
    }

    fn succeeded(amount: &str) -> Word {
        Word::Succeeded { amount: amount.parse().unwrap(), reference: "R1".to_owned() }
    }

    #[test]
    fn py_05_an_open_order_takes_any_word_and_unknown_stays_open() {
        let words = [succeeded("24.00"), Word::Failed { reference: None }, Word::Unknown];
        for state in [State::Intent, State::Sent, State::Unknown] {
            for word in words.iter().filter(|word| word.state() != state) {
                let told = order(state).report(word, now()).unwrap().unwrap();
                assert_eq!((told.state, told.reported_at), (word.state(), Some(now())));
            }
        }
    }

    #[test]
    fn py_05_the_same_word_again_changes_nothing_and_another_is_refused() {
        for word in [succeeded("24.00"), Word::Failed { reference: None }] {
            assert_eq!(order(word.state()).report(&word, now()).unwrap(), None);
            for other in [succeeded("24.00"), Word::Failed { reference: None }, Word::Unknown] {
                if other.state() != word.state() {
                    let refused = order(word.state()).report(&other, now());
                    assert!(matches!(refused, Err(PaymentError::OrderResolved(_))));
                }
            }
        }
    }

    #[test]
    fn py_05_another_reference_is_another_word() {
        let failed = |reference: &str| Word::Failed { reference: Some(reference.to_owned()) };
        let known = |word: &Word| order(State::Sent).report(word, now()).unwrap().unwrap();
        for (word, other) in [
            (failed("R1"), failed("R2")),
            (succeeded("24.00"), Word::Succeeded { amount: "24.00".parse().unwrap(), reference: "R2".to_owned() }),
        ] {
            assert_eq!(known(&word).report(&word, now()).unwrap(), None);
            assert!(matches!(known(&word).report(&other, now()), Err(PaymentError::ReferenceDiffers)));
        }
        assert_eq!(known(&failed("R1")).report(&Word::Failed { reference: None }, now()).unwrap(), None);
    }

    #[test]
    fn py_05_another_amount_is_refused_even_when_said_again() {
        for state in [State::Sent, State::Succeeded] {
            assert!(matches!(order(state).report(&succeeded("24.01"), now()), Err(PaymentError::AmountDiffers)));
        }
    }

    #[test]
    fn py_02_a_bill_is_settled_once_no_bank_is_awaited_and_nothing_is_owed_that_one_declined() {
        let (one, other) = (order(State::Succeeded), order(State::Succeeded));
        let settled = |bill: &Bill, state| bill.settled(&[one.clone(), BankOrder { state, ..other.clone() }]);
        let bill = captured(&[&one, &other]);
        let paid = settled(&bill, State::Succeeded).unwrap();
        assert!(matches!(paid.state, bill::State::Settled { .. }));
        assert_eq!((paid.version, settled(&paid, State::Succeeded)), (bill.version + 1, None));
        for state in [State::Intent, State::Sent, State::Unknown, State::Failed] {
            assert_eq!(settled(&bill, state), None, "{state}");
        }
        assert!(captured(&[]).settled(&[]).is_some(), "no bank has to pay");
        // A desk took what the other line was to pay.
        let taken = captured(&[&one]);
        assert!(settled(&taken, State::Failed).is_some());
        assert_eq!(settled(&taken, State::Unknown), None, "its bank may still pay");
        // What goes back is nothing that anybody waits for.
        assert!(taken.settled(&[one.refund(OrderId::generate(), 1, one.amount, now())]).is_some());
    }
}
