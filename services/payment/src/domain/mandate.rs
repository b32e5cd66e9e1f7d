//! What one of our services may commit of a resident's money: what the resident's mandate says, and nothing else.

use types::caller::Party;
use types::ids::MandateId;
use types::mandate::Terms;

use super::bill::{Basis, Bill};
use super::error::PaymentError;
use super::shares::{Payer, Share};

/// Refuses other care than that of the mandate's referral, another payer than its credit line, and a dearer own share than its highest.
pub fn check(terms: Terms, basis: &Basis, payers: &[Share]) -> Result<(), PaymentError> {
    let credit = terms.credit.filter(|_| terms.covers(basis.referral)).ok_or(PaymentError::OutsideMandate)?;
    let is_its_line = |share: &Share| share.payer == Payer::Credit(credit.line);
    // Nobody named means that the desk collects.
    if payers.is_empty() || !payers.iter().all(is_its_line) {
        return Err(PaymentError::OutsideMandate);
    }
    if basis.due.own > credit.own_share_max { Err(PaymentError::OwnShareAboveMandate) } else { Ok(()) }
}

/// Refuses a service what it did not arrange: under a mandate every bill but that one's, in its own name what was opened under none; bills of
/// before they named their mandate are those that stand on its word.
pub fn check_arranged(bill: &Bill, by: &Party, mandate: Option<MandateId>) -> Result<(), PaymentError> {
    let is_theirs = match bill.mandate {
        Some(own) => mandate.is_none_or(|named| named == own),
        None => bill.word.as_ref().is_some_and(|word| word.by == *by),
    };
    if is_theirs { Ok(()) } else { Err(PaymentError::OutsideMandate) }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use types::ids::{BillId, CreditLineId, OrganisationId, QuoteId, ReferralId, ResidentId};
    use types::mandate::{Credit, Work};
    use types::money::Money;

    use super::*;
    use crate::domain::bill::{Source, Word};
    use crate::domain::shares::Due;

    fn basis(referral: Option<ReferralId>, own: Money) -> Basis {
        Basis {
            resident: ResidentId::generate(),
            payee: OrganisationId::generate(),
            source: Source::Quote { id: QuoteId::generate(), appointment: None },
            due: Due { own, ..Due::default() },
            journey: None,
            referral,
            not_before: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn rf_04_a_mandate_commits_its_own_line_for_its_own_referral_up_to_its_highest_own_share() {
        let (referral, line, max) = (ReferralId::generate(), CreditLineId::generate(), Money::from_fen(10_000));
        let credit = Credit { line, own_share_max: max };
        let terms = Terms { id: MandateId::generate(), work: Work::Referral(referral), credit: Some(credit) };
        let on = |payer, amount| [Share { payer, amount }];
        let its_own = basis(Some(referral), max);
        assert!(check(terms, &its_own, &on(Payer::Credit(line), max)).is_ok());

        let dearer = basis(Some(referral), Money::from_fen(10_001));
        let above = check(terms, &dearer, &on(Payer::Credit(line), Money::from_fen(10_001)));
        assert!(matches!(above, Err(PaymentError::OwnShareAboveMandate)));

        let outside = |terms, basis: &Basis, payers: &[Share]| {
            assert!(matches!(check(terms, basis, payers), Err(PaymentError::OutsideMandate)), "{payers:?}");
        };
        let other = Payer::Credit(CreditLineId::generate());
        outside(terms, &its_own, &on(other, max));
        outside(
            terms,
            &its_own,
            &[on(Payer::Credit(line), Money::from_fen(1)), on(other, Money::from_fen(1))].concat(),
        );
        outside(terms, &its_own, &on(Payer::Arrears, max));
        outside(terms, &its_own, &[]);
        outside(terms, &basis(Some(ReferralId::generate()), max), &on(Payer::Credit(line), max));
        outside(terms, &basis(None, max), &on(Payer::Credit(line), max));
        outside(Terms { credit: None, ..terms }, &its_own, &on(Payer::Credit(line), max));
    }

    #[test]
    fn rf_04_a_service_gives_up_what_it_arranged_and_nothing_else() {
        let referral = Party::Service("referral".to_owned());
        let (own, other) = (MandateId::generate(), MandateId::generate());
        let basis = basis(None, Money::from_fen(1));
        let hers = Word { by: Party::Resident(basis.resident), delegation: None };
        let shares = basis.due.divide(&[]).unwrap();
        let now = DateTime::UNIX_EPOCH;
        let hers = Bill::open(BillId::generate(), &basis, (shares, hers), now, now);
        assert!(check_arranged(&hers, &referral, Some(own)).is_err());
        assert!(check_arranged(&hers, &referral, None).is_err());
        let mandated = Bill { mandate: Some(own), ..hers };
        assert!(check_arranged(&mandated, &referral, Some(own)).is_ok());
        assert!(check_arranged(&mandated, &referral, None).is_ok(), "what it owes, whatever became of the mandate");
        let others = check_arranged(&mandated, &referral, Some(other));
        assert!(matches!(others, Err(PaymentError::OutsideMandate)));
        let word = Some(Word { by: referral.clone(), delegation: None });
        assert!(check_arranged(&Bill { mandate: None, word, ..mandated }, &referral, Some(own)).is_ok());
    }
}
