//! The bill: what is owed to a provider for one piece of care, by several payers; all or nothing.

use chassis::Guarded;
use chrono::{DateTime, Utc};
use types::caller::Party;
use types::ids::{
    AppointmentId, BillId, DelegationId, JourneyId, MandateId, OrganisationId, QuoteId, ReceiptId, ReferralId,
    ResidentId, SettlementId,
};
use types::money::Money;

use super::correction::Correction;
use super::desk::Owed;
use super::error::PaymentError;
use super::shares::{Due, Payer, Share};

/// Where a bill stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Authorised,
    Capturing,
    Captured { captured_at: DateTime<Utc>, receipt: ReceiptId },
    Settled { captured_at: DateTime<Utc>, receipt: ReceiptId },
    Cancelled,
}

impl State {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authorised => "AUTHORISED",
            Self::Capturing => "CAPTURING",
            Self::Captured { .. } => "CAPTURED",
            Self::Settled { .. } => "SETTLED",
            Self::Cancelled => "CANCELLED",
        }
    }

    pub const fn captured(self) -> Option<(DateTime<Utc>, ReceiptId)> {
        match self {
            Self::Captured { captured_at, receipt } | Self::Settled { captured_at, receipt } => {
                Some((captured_at, receipt))
            }
            _ => None,
        }
    }
}

/// What a bill is opened from, as adjudication says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basis {
    pub resident: ResidentId,
    pub payee: OrganisationId,
    pub source: Source,
    pub due: Due,
    pub journey: Option<JourneyId>,
    /// The referral that a quote rests on.
    pub referral: Option<ReferralId>,
    /// Care is not expected before.
    pub not_before: DateTime<Utc>,
}

/// Which of the two it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Quote { id: QuoteId, appointment: Option<AppointmentId> },
    Settlement { id: SettlementId, quote: Option<QuoteId> },
}

/// On whose word the shares are committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Who held the credential.
    pub by: Party,
    /// Under which delegation, where they acted for the resident.
    pub delegation: Option<DelegationId>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bill {
    pub id: BillId,
    pub resident: ResidentId,
    pub payee: OrganisationId,
    pub state: State,
    /// As reserved, and from its capture on as captured.
    pub shares: Vec<Share>,
    /// The last one, if its settlement was corrected or taken back since.
    pub correction: Option<Correction>,
    /// By the ledger, when it was read.
    pub owed: Owed,
    /// None on bills from before it was kept.
    pub word: Option<Word>,
    /// Under which a service opened it in the resident's name; it stays, whoever re-bases the bill.
    pub mandate: Option<MandateId>,
    pub quote: Option<QuoteId>,
    pub settlement: Option<SettlementId>,
    pub appointment: Option<AppointmentId>,
    pub journey: Option<JourneyId>,
    pub opened_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub version: i64,
}

impl Bill {
    pub fn open(
        id: BillId,
        basis: &Basis,
        (shares, word): (Vec<Share>, Word),
        now: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> Self {
        let (quote, settlement, appointment) = match basis.source {
            Source::Quote { id, appointment } => (Some(id), None, appointment),
            Source::Settlement { id, quote } => (quote, Some(id), None),
        };
        Self {
            id,
            resident: basis.resident,
            payee: basis.payee,
            state: State::Authorised,
            shares,
            correction: None,
            owed: Owed::default(),
            word: Some(word),
            mandate: None,
            quote,
            settlement,
            appointment,
            journey: basis.journey,
            opened_at: now,
            expires_at,
            version: 1,
        }
    }

    pub fn total(&self) -> Money {
        self.shares.iter().map(|share| share.amount).sum()
    }

    /// What the person owes of it: all but the funds' shares.
    pub fn own_share(&self) -> Money {
        self.shares.iter().filter(|share| !share.payer.is_fund()).map(|share| share.amount).sum()
    }

    fn is_authorised(&self, now: DateTime<Utc>) -> Result<(), PaymentError> {
        match self.state {
            State::Authorised if self.expires_at > now => Ok(()),
            _ => Err(PaymentError::BillNotAuthorised),
        }
    }

    /// The same bill, resting on something else: from its quote to the settlement, or to a newer one of either. Never back.
    pub fn rebase(
        self,
        basis: &Basis,
        (shares, word): (Vec<Share>, Word),
        now: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> Result<Self, PaymentError> {
        if self.state == State::Cancelled {
            return Err(PaymentError::BillCancelled);
        }
        self.is_authorised(now)?;
        if (self.resident, self.payee) != (basis.resident, basis.payee) {
            return Err(PaymentError::field("bill_id", "is the bill of other care"));
        }
        let (quote, settlement, appointment) = match basis.source {
            Source::Quote { .. } if self.settlement.is_some() => {
                return Err(PaymentError::field("quote_id", "the bill rests on a settlement already"));
            }
            Source::Quote { id, appointment } => (Some(id), None, appointment.or(self.appointment)),
            Source::Settlement { id, quote } => (self.quote.or(quote), Some(id), self.appointment),
        };
        let journey = self.journey.or(basis.journey);
        let version = self.version + 1;
        let word = Some(word);
        Ok(Self { shares, word, quote, settlement, appointment, journey, expires_at, version, ..self })
    }

    /// A share that the desk collects falls due on the word of the payee's staff alone: nobody else knows that it was collected.
    pub fn capturable_by(&self, organisation: Option<OrganisationId>) -> Result<(), PaymentError> {
        let is_collected = self.shares.iter().any(|share| share.payer == Payer::Desk);
        if is_collected && organisation != Some(self.payee) {
            return Err(PaymentError::DeskOutsideScope);
        }
        Ok(())
    }

    /// The intent to capture, committed before anything is asked of anybody.
    pub fn begin_capture(self, now: DateTime<Utc>) -> Result<(Self, SettlementId), PaymentError> {
        self.is_authorised(now)?;
        let settlement = self.settlement.ok_or(PaymentError::SettlementMissing)?;
        Ok((self.becoming(State::Capturing), settlement))
    }

    /// Whoever acts for the resident and pays stands by what is paid, also where others had authorised it.
    #[must_use]
    pub fn on_the_word_of(self, word: Word) -> Self {
        if word.delegation.is_some() { Self { word: Some(word), ..self } } else { self }
    }

    /// The settlement could not be confirmed: the reservation stands again, long enough to divide the claim anew.
    pub fn fall_back(self, expires_at: DateTime<Utc>) -> Result<Self, PaymentError> {
        match self.state {
            State::Capturing => {
                Ok(Self { expires_at: self.expires_at.max(expires_at), ..self.becoming(State::Authorised) })
            }
            _ => Err(PaymentError::BillNotAuthorised),
        }
    }

    /// Its shares are posted.
    pub fn capture(self, captured_at: DateTime<Utc>, receipt: ReceiptId) -> Result<Self, PaymentError> {
        match self.state {
            State::Capturing => Ok(self.becoming(State::Captured { captured_at, receipt })),
            _ => Err(PaymentError::BillNotAuthorised),
        }
    }

    /// Gives the reservation up; `None` where that was done before.
    pub fn cancel(self) -> Result<Option<Self>, PaymentError> {
        match self.state {
            State::Authorised => Ok(Some(self.becoming(State::Cancelled))),
            State::Cancelled => Ok(None),
            State::Capturing | State::Captured { .. } | State::Settled { .. } => Err(PaymentError::BillCaptured),
        }
    }

    fn becoming(self, state: State) -> Self {
        Self { state, version: self.version + 1, ..self }
    }
}

impl Guarded for Bill {
    const NOT_FOUND: &'static str = "BILL_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        Some(self.resident)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![self.payee]
    }
}

impl Guarded for Basis {
    fn resident(&self) -> Option<ResidentId> {
        Some(self.resident)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![self.payee]
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000, 0).unwrap()
    }

    fn later() -> DateTime<Utc> {
        now() + TimeDelta::days(30)
    }

    fn basis(source: Source) -> Basis {
        let due = Due { own: "24.00".parse().unwrap(), ..Due::default() };
        let (resident, payee) = (ResidentId::generate(), OrganisationId::generate());
        Basis { resident, payee, source, due, journey: None, referral: None, not_before: now() }
    }

    fn quote() -> Source {
        Source::Quote { id: QuoteId::generate(), appointment: Some(AppointmentId::generate()) }
    }

    fn settlement() -> Source {
        Source::Settlement { id: SettlementId::generate(), quote: None }
    }

    fn word() -> Word {
        Word { by: Party::Resident(ResidentId::generate()), delegation: None }
    }

    fn open(basis: &Basis) -> Bill {
        Bill::open(BillId::generate(), basis, (basis.due.divide(&[]).unwrap(), word()), now(), later())
    }

    #[test]
    fn py_01_a_bill_goes_from_its_quote_to_the_settlement_and_never_back() {
        let quoted = basis(quote());
        let settled = Basis { source: settlement(), ..quoted.clone() };
        let bill = open(&quoted);
        let appointment = bill.appointment;
        let bill = bill.rebase(&settled, (vec![], word()), now(), later()).unwrap();
        assert_eq!((bill.version, bill.appointment), (2, appointment));
        assert!(bill.settlement.is_some() && bill.quote.is_some());
        let bill =
            bill.rebase(&Basis { source: settlement(), ..quoted.clone() }, (vec![], word()), now(), later()).unwrap();
        assert!(matches!(bill.rebase(&quoted, (vec![], word()), now(), later()), Err(PaymentError::Field(_))));
    }

    #[test]
    fn py_01_other_care_cannot_be_put_on_a_bill() {
        let bill = open(&basis(quote()));
        assert!(matches!(
            bill.rebase(&basis(settlement()), (vec![], word()), now(), later()),
            Err(PaymentError::Field(_))
        ));
    }

    #[test]
    fn py_01_only_a_live_reservation_on_a_settlement_is_captured() {
        let quoted = open(&basis(quote()));
        assert!(matches!(quoted.begin_capture(now()), Err(PaymentError::SettlementMissing)));
        let bill = open(&basis(settlement()));
        assert!(matches!(bill.clone().begin_capture(later()), Err(PaymentError::BillNotAuthorised)));
        let (capturing, _) = bill.begin_capture(now()).unwrap();
        assert!(matches!(capturing.clone().cancel(), Err(PaymentError::BillCaptured)));
        assert!(matches!(capturing.clone().begin_capture(now()), Err(PaymentError::BillNotAuthorised)));
        let receipt = ReceiptId::generate();
        let captured = capturing.capture(now(), receipt).unwrap();
        assert!(matches!(captured.state, State::Captured { .. }));
        assert!(matches!(captured.capture(now(), receipt), Err(PaymentError::BillNotAuthorised)));
    }

    #[test]
    fn py_01_what_the_desk_collects_is_captured_on_the_payees_word_alone() {
        let bill = open(&basis(settlement()));
        assert!(bill.capturable_by(Some(bill.payee)).is_ok());
        for other in [None, Some(OrganisationId::generate())] {
            assert!(matches!(bill.capturable_by(other), Err(PaymentError::DeskOutsideScope)));
        }
        let later = Share { payer: Payer::Arrears, amount: bill.total() };
        assert!(Bill { shares: vec![later], ..bill }.capturable_by(None).is_ok());
    }

    #[test]
    fn id_04_a_bill_stands_on_the_word_of_whoever_committed_it_last() {
        let quoted = basis(quote());
        let delegated = Word { delegation: Some(DelegationId::generate()), ..word() };
        let bill = open(&quoted).on_the_word_of(delegated.clone());
        assert_eq!(bill.word, Some(delegated.clone()));
        // The payee's staff capture it; the delegate's word stays.
        assert_eq!(bill.clone().on_the_word_of(word()).word, Some(delegated));
        let desk = word();
        let rebased = bill.rebase(&quoted, (vec![], desk.clone()), now(), later()).unwrap();
        assert_eq!(rebased.word, Some(desk));
    }

    #[test]
    fn id_04_the_own_share_is_all_but_the_funds() {
        let due = Due { pooled_fund: "70.00".parse().unwrap(), own: "24.00".parse().unwrap(), ..Due::default() };
        let bill = open(&Basis { due, ..basis(settlement()) });
        assert_eq!((bill.total(), bill.own_share()), ("94.00".parse().unwrap(), "24.00".parse().unwrap()));
    }

    #[test]
    fn py_06_cancelling_again_changes_nothing() {
        let cancelled = open(&basis(quote())).cancel().unwrap().unwrap();
        assert_eq!(cancelled.cancel().unwrap(), None);
    }
}
