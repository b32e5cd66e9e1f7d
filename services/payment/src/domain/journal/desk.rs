//! Entries of what a provider's desk takes and gives after a bill was captured.

use types::money::Money;

use super::{Account, AccountKind, JournalEntry, Leg, Parties, Unbalanced};
use crate::domain::desk::Owed;

/// The person owes less. The provider was paid the whole bill before, and keeps what its desk took: it is paid so much less.
pub fn arrears_collected(parties: Parties, amount: Money) -> Result<JournalEntry, Unbalanced> {
    JournalEntry::new([
        Leg::debit(Account::organisation(AccountKind::ProviderPaid, parties.payee), amount),
        Leg::credit(Account::resident(AccountKind::Arrears, parties.resident), amount),
    ])
}

/// The person has it back: first of what the desk itself had collected too much; what it gave beyond that, it is owed.
pub fn desk_refunded(parties: Parties, owed: Owed, amount: Money) -> Result<JournalEntry, Unbalanced> {
    let own = owed.desk.min(amount);
    JournalEntry::new([
        Leg::debit(Account::resident(AccountKind::ResidentRefundable, parties.resident), amount),
        Leg::credit(Account::organisation(AccountKind::DeskCollected, parties.payee), own),
        Leg::credit(Account::organisation(AccountKind::ProviderPayable, parties.payee), amount - own),
    ])
}

#[cfg(test)]
mod tests {
    use types::ids::{OrganisationId, ResidentId};
    use types::region::RegionCode;

    use super::*;

    #[test]
    fn py_06_what_a_desk_gives_beyond_what_it_took_it_is_owed() {
        let parties = Parties {
            region: RegionCode::BEIJING,
            resident: ResidentId::generate(),
            payee: OrganisationId::generate(),
        };
        let money = |text: &str| -> Money { text.parse().unwrap() };
        let owed = Owed { arrears: Money::ZERO, refund: money("50.00"), desk: money("30.00") };
        let legs = |amount| {
            let entry = desk_refunded(parties, owed, money(amount)).unwrap();
            let legs = entry.legs().iter().map(|leg| (leg.account.kind, leg.amount.to_string()));
            legs.collect::<std::collections::BTreeMap<_, _>>()
        };
        assert_eq!(legs("20.00")[&AccountKind::DeskCollected], "-20.00");
        let all = legs("50.00");
        assert_eq!(all[&AccountKind::ResidentRefundable], "50.00");
        assert_eq!(
            (all[&AccountKind::DeskCollected].as_str(), all[&AccountKind::ProviderPayable].as_str()),
            ("-30.00", "-20.00")
        );
    }
}
