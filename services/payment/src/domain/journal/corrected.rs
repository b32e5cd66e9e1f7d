//! Entries that put right what was posted before: always by adding to it.

use types::ids::{OrganisationId, ResidentId};
use types::money::Money;

use super::{Account, AccountKind, JournalEntry, Leg, Parties, Unbalanced, captured, fund_account, settled};
use crate::domain::correction::{GivenBack, Way};
use crate::domain::shares::Share;
use crate::domain::withholding::Withheld;

/// What was posted for these shares, and paid to the provider for them, taken back; none where nothing but its own desk paid it.
pub fn bill_reversed(
    parties: Parties,
    shares: &[Share],
    bank_of: impl Fn(&Share) -> Option<OrganisationId>,
) -> Result<Option<JournalEntry>, Unbalanced> {
    let legs = captured(parties, shares, bank_of)?.into_iter().chain(settled(parties, shares));
    moved(legs.map(|leg| Leg { amount: -leg.amount, ..leg }))
}

/// The shares of a corrected bill as if they were captured and paid now, and what goes back of what was paid before.
pub fn bill_corrected(
    parties: Parties,
    shares: &[Share],
    back: &[GivenBack],
    bank_of: impl Fn(&Share) -> Option<OrganisationId>,
) -> Result<Option<JournalEntry>, Unbalanced> {
    let back = back.iter().flat_map(|back| {
        let (from, to) = match back.way {
            // The bank has paid it, or will: it is owed back apart from that.
            Way::Line { bank, .. } => (
                Account::organisation(AccountKind::BankReceivable, bank),
                Account::organisation(AccountKind::BankRefundable, bank),
            ),
            Way::Declined { bank } => (
                Account::organisation(AccountKind::BankReceivable, bank),
                Account::resident(AccountKind::Arrears, parties.resident),
            ),
            // The desk holds what is no longer the provider's.
            Way::Desk => (
                Account::organisation(AccountKind::DeskCollected, parties.payee),
                Account::resident(AccountKind::ResidentRefundable, parties.resident),
            ),
        };
        [Leg::debit(from, back.amount), Leg::credit(to, back.amount)]
    });
    moved(captured(parties, shares, bank_of)?.into_iter().chain(settled(parties, shares)).chain(back))
}

/// What is withheld and cut goes from one standing to another: withheld, it waits; cut, the funds have it back.
pub fn provider_withheld(
    parties: Parties,
    before: &Withheld,
    after: &Withheld,
) -> Result<Option<JournalEntry>, Unbalanced> {
    let standing = |withheld: &Withheld| -> Vec<Leg> {
        let cut = withheld.cut.iter().filter_map(|cut| Some((fund_account(cut.payer)?, cut.amount)));
        let cut: Vec<Leg> =
            cut.map(|(kind, amount)| Leg::credit(Account::fund(kind, parties.region), amount)).collect();
        let unpaid = Account::organisation(AccountKind::ProviderPaid, parties.payee);
        let waits = Account::organisation(AccountKind::ProviderWithheld, parties.payee);
        let mut legs = vec![Leg::debit(unpaid, withheld.total()), Leg::credit(waits, withheld.questioned)];
        legs.extend(cut);
        legs
    };
    let before = standing(before).into_iter().map(|leg| Leg { amount: -leg.amount, ..leg });
    moved(before.chain(standing(after)))
}

/// An entry, if anything moves at all.
fn moved(legs: impl IntoIterator<Item = Leg>) -> Result<Option<JournalEntry>, Unbalanced> {
    match JournalEntry::new(legs) {
        Ok(entry) => Ok(Some(entry)),
        Err(Unbalanced::TooFewLegs) => Ok(None),
        Err(refused) => Err(refused),
    }
}

/// The bank has put it back onto the line.
pub fn refund_cleared(bank: OrganisationId, amount: Money) -> Result<JournalEntry, Unbalanced> {
    JournalEntry::new([
        Leg::debit(Account::organisation(AccountKind::BankRefundable, bank), amount),
        Leg::credit(Account::organisation(AccountKind::BankClearing, bank), amount),
    ])
}

/// The bank will not put it back: the resident gets it otherwise; or, where it had never paid (`was_paid` is false), they owe less.
pub fn refund_declined(
    bank: OrganisationId,
    resident: ResidentId,
    amount: Money,
    was_paid: bool,
) -> Result<JournalEntry, Unbalanced> {
    let kind = if was_paid { AccountKind::ResidentRefundable } else { AccountKind::Arrears };
    JournalEntry::new([
        Leg::debit(Account::organisation(AccountKind::BankRefundable, bank), amount),
        Leg::credit(Account::resident(kind, resident), amount),
    ])
}

#[cfg(test)]
mod tests {
    use types::ids::CreditLineId;
    use types::region::RegionCode;

    use super::*;
    use crate::domain::journal::{bill_captured, provider_settled};
    use crate::domain::shares::Payer;

    fn money(text: &str) -> Money {
        text.parse().unwrap()
    }

    fn share(payer: Payer, amount: &str) -> Share {
        Share { payer, amount: money(amount) }
    }

    fn parties() -> Parties {
        Parties { region: RegionCode::BEIJING, resident: ResidentId::generate(), payee: OrganisationId::generate() }
    }

    /// What all of it together leaves on the accounts of a kind.
    fn on(entries: &[JournalEntry], kind: AccountKind) -> String {
        let legs = entries.iter().flat_map(JournalEntry::legs).filter(|leg| leg.account.kind == kind);
        legs.map(|leg| leg.amount).sum::<Money>().to_string()
    }

    #[test]
    fn py_06_a_correction_leaves_the_ledger_as_if_it_had_been_so_from_the_beginning_and_owes_what_was_paid_too_much() {
        let (parties, bank, line) = (parties(), OrganisationId::generate(), CreditLineId::generate());
        let before = [
            share(Payer::PooledFund, "100.00"),
            share(Payer::Credit(line), "60.00"),
            share(Payer::Desk, "30.00"),
            share(Payer::Arrears, "10.00"),
        ];
        let after =
            [share(Payer::PooledFund, "130.00"), share(Payer::AssistanceFund, "45.00"), share(Payer::Desk, "25.00")];
        let returned = [
            GivenBack { amount: money("60.00"), way: Way::Line { line, bank } },
            GivenBack { amount: money("5.00"), way: Way::Desk },
        ];
        let bank_of = |_: &Share| Some(bank);
        let entries = [
            bill_captured(parties, &before, bank_of).unwrap(),
            provider_settled(parties, &before).unwrap(),
            bill_reversed(parties, &before, bank_of).unwrap().unwrap(),
            bill_corrected(parties, &after, &returned, bank_of).unwrap().unwrap(),
        ];
        for (kind, left) in [
            (AccountKind::PooledFund, "130.00"),
            (AccountKind::AssistanceFund, "45.00"),
            // The bank still owes what it was asked for, and gets it back.
            (AccountKind::BankReceivable, "60.00"),
            (AccountKind::BankRefundable, "-60.00"),
            (AccountKind::DeskCollected, "5.00"),
            (AccountKind::ResidentRefundable, "-5.00"),
            (AccountKind::Arrears, "0.00"),
            (AccountKind::ProviderPayable, "0.00"),
            (AccountKind::ProviderPaid, "-175.00"),
        ] {
            assert_eq!(on(&entries, kind), left, "{kind}");
        }
        let whole: Money = entries.iter().flat_map(JournalEntry::legs).map(|leg| leg.amount).sum();
        assert!(whole.is_zero());
    }

    #[test]
    fn py_06_what_the_bank_never_paid_is_not_asked_back_of_it() {
        let (parties, bank, line) = (parties(), OrganisationId::generate(), CreditLineId::generate());
        let before = [share(Payer::Credit(line), "60.00")];
        let after = [share(Payer::PooledFund, "40.00"), share(Payer::Credit(line), "20.00")];
        let returned = [GivenBack { amount: money("40.00"), way: Way::Declined { bank } }];
        let bank_of = |_: &Share| Some(bank);
        let entries = [
            bill_captured(parties, &before, bank_of).unwrap(),
            super::super::bank_declined(bank, parties.resident, money("60.00")).unwrap(),
            bill_reversed(parties, &before, bank_of).unwrap().unwrap(),
            bill_corrected(parties, &after, &returned, bank_of).unwrap().unwrap(),
        ];
        assert_eq!(on(&entries, AccountKind::BankReceivable), "0.00");
        assert_eq!(on(&entries, AccountKind::BankRefundable), "0.00");
        assert_eq!(on(&entries, AccountKind::Arrears), "20.00");
    }

    #[test]
    fn py_06_a_bill_of_the_desk_alone_moves_nothing_but_what_goes_back() {
        let parties = parties();
        let before = [share(Payer::Desk, "24.00")];
        let nobody = |_: &Share| None;
        assert_eq!(bill_reversed(parties, &before, nobody).unwrap(), None);
        assert_eq!(bill_corrected(parties, &before, &[], nobody).unwrap(), None);
        let returned = [GivenBack { amount: money("24.00"), way: Way::Desk }];
        let taken_back = bill_corrected(parties, &[], &returned, nobody).unwrap().unwrap();
        assert_eq!(on(std::slice::from_ref(&taken_back), AccountKind::ResidentRefundable), "-24.00");
    }

    #[test]
    fn ad_08_what_is_withheld_waits_what_is_cut_goes_to_its_fund_and_what_is_released_leaves_no_trace() {
        let parties = parties();
        let nothing = Withheld::default();
        let questioned = Withheld { questioned: money("50.00"), cut: vec![] };
        let cut = Withheld { questioned: Money::ZERO, cut: vec![share(Payer::PooledFund, "20.00")] };
        let moves = |before: &Withheld, after: &Withheld| provider_withheld(parties, before, after).unwrap().unwrap();
        let mut entries = vec![moves(&nothing, &questioned)];
        assert_eq!(on(&entries, AccountKind::ProviderPaid), "50.00");
        assert_eq!(on(&entries, AccountKind::ProviderWithheld), "-50.00");
        entries.push(moves(&questioned, &cut));
        assert_eq!(on(&entries, AccountKind::ProviderPaid), "20.00");
        assert_eq!(on(&entries, AccountKind::ProviderWithheld), "0.00");
        assert_eq!(on(&entries, AccountKind::PooledFund), "-20.00");
        entries.push(moves(&cut, &nothing));
        for kind in [AccountKind::ProviderPaid, AccountKind::ProviderWithheld, AccountKind::PooledFund] {
            assert_eq!(on(&entries, kind), "0.00", "{kind}");
        }
        assert_eq!(provider_withheld(parties, &cut, &cut).unwrap(), None);
    }

    #[test]
    fn py_06_a_refund_that_its_bank_declines_is_owed_to_the_resident_or_owed_less_by_them() {
        let (bank, resident) = (OrganisationId::generate(), ResidentId::generate());
        let declined = |was_paid| [refund_declined(bank, resident, money("7.00"), was_paid).unwrap()];
        assert_eq!(on(&declined(true), AccountKind::ResidentRefundable), "-7.00");
        assert_eq!(on(&declined(false), AccountKind::Arrears), "-7.00");
        assert_eq!(on(&[refund_cleared(bank, money("7.00")).unwrap()], AccountKind::BankClearing), "-7.00");
    }
}
