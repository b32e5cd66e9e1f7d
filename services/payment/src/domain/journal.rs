//! Double entry: who owes whom, and the only way to say that money moved.
//!
//! Debits are positive, credits negative. Which event posts which legs stands in the README; the functions at the end, and
//! those of `corrected`, are its only source.

mod corrected;
mod desk;

use types::ids::{OrganisationId, ResidentId};
use types::money::Money;
use types::region::RegionCode;

use super::shares::{Payer, Share};
use super::words::words;

pub use corrected::{bill_corrected, bill_reversed, provider_withheld, refund_cleared, refund_declined};
pub use desk::{arrears_collected, desk_refunded};

words! {
    /// What an account stands for.
    AccountKind {
        /// What the pooled fund of basic insurance owes for captured bills.
        PooledFund = "POOLED_FUND",
        /// What large-amount mutual aid owes.
        LargeAmountFund = "LARGE_AMOUNT_FUND",
        /// What critical illness insurance owes.
        CriticalIllnessFund = "CRITICAL_ILLNESS_FUND",
        /// What medical assistance owes.
        AssistanceFund = "ASSISTANCE_FUND",
        /// What commercial top-ups owe.
        TopUp = "TOP_UP",
        /// What the region owes for vouchers.
        Voucher = "VOUCHER",
        /// What the bureau owes that keeps the personal accounts.
        PersonalAccount = "PERSONAL_ACCOUNT",
        /// The same, of the accounts of the resident's family.
        MutualAid = "MUTUAL_AID",
        /// What a bank owes for captured credit shares.
        BankReceivable = "BANK_RECEIVABLE",
        /// What a bank has paid in.
        BankClearing = "BANK_CLEARING",
        /// What goes back to a bank, for the credit lines of those who paid too much.
        BankRefundable = "BANK_REFUNDABLE",
        /// What a provider took at its desk and has not been netted with yet.
        DeskCollected = "DESK_COLLECTED",
        /// What a resident owes.
        Arrears = "ARREARS",
        /// What a resident paid too much, and gets back at the desk or from whoever is to pay it out.
        ResidentRefundable = "RESIDENT_REFUNDABLE",
        /// What a provider is owed.
        ProviderPayable = "PROVIDER_PAYABLE",
        /// What a provider was paid, beside what it took at its desk.
        ProviderPaid = "PROVIDER_PAID",
        /// What a provider is not paid while a reviewer has not decided about it.
        ProviderWithheld = "PROVIDER_WITHHELD",
    }
}

words! {
    /// Why money moved.
    Purpose {
        /// The shares of a bill fall due: payers owe, the provider is owed.
        BillCaptured = "BILL_CAPTURED",
        /// The provider is paid, netted with what its desk collected.
        ProviderSettled = "PROVIDER_SETTLED",
        /// What a bill has come to so far is taken back, before what it comes to now is posted.
        BillReversed = "BILL_REVERSED",
        /// The shares of a corrected bill, and what goes back of those before.
        BillCorrected = "BILL_CORRECTED",
        /// What is withheld from a provider, or cut, changes.
        ProviderWithheld = "PROVIDER_WITHHELD",
        /// A desk took arrears.
        ArrearsCollected = "ARREARS_COLLECTED",
        /// A desk gave back what was paid too much.
        DeskRefunded = "DESK_REFUNDED",
        /// A bank has paid what it owed for an order.
        BankCleared = "BANK_CLEARED",
        /// A bank has refused an order: the share becomes the resident's arrears.
        BankDeclined = "BANK_DECLINED",
        /// A bank has put back onto a line what was too much.
        RefundCleared = "REFUND_CLEARED",
        /// It will not, or there is nothing that it could put back: the resident gets it otherwise.
        RefundDeclined = "REFUND_DECLINED",
    }
}

/// An account by what it is, whether or not it is open yet. Ordered, so that accounts are always opened in one order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Account {
    pub kind: AccountKind,
    /// Id of the organisation or resident; for funds the region code.
    pub holder: String,
}

impl Account {
    fn fund(kind: AccountKind, region: RegionCode) -> Self {
        Self { kind, holder: region.to_string() }
    }

    fn organisation(kind: AccountKind, organisation: OrganisationId) -> Self {
        Self { kind, holder: organisation.to_string() }
    }

    fn resident(kind: AccountKind, resident: ResidentId) -> Self {
        Self { kind, holder: resident.to_string() }
    }
}

/// One side of a movement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leg {
    pub account: Account,
    /// Debit positive, credit negative, never zero.
    pub amount: Money,
}

impl Leg {
    pub fn debit(account: Account, amount: Money) -> Self {
        Self { account, amount }
    }

    pub fn credit(account: Account, amount: Money) -> Self {
        Self { account, amount: -amount }
    }
}

/// Legs that sum to zero, at least two, none of them zero, one to an account. No other value of this type can be built, so none
/// can be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntry(Vec<Leg>);

/// Why legs are no entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unbalanced {
    #[error("a movement has at least two legs")]
    TooFewLegs,
    #[error("the legs do not sum to zero")]
    Sum,
    #[error("a sum does not fit the ledger")]
    TooLarge,
}

impl JournalEntry {
    /// Legs on the same account are joined and those of nothing left out; legs are kept in account order, in which rows are
    /// locked.
    pub fn new(legs: impl IntoIterator<Item = Leg>) -> Result<Self, Unbalanced> {
        let mut joined: std::collections::BTreeMap<Account, Money> = std::collections::BTreeMap::new();
        for leg in legs {
            let amount = joined.entry(leg.account).or_default();
            *amount = amount.checked_add(leg.amount).ok_or(Unbalanced::TooLarge)?;
        }
        let legs: Vec<Leg> = joined
            .into_iter()
            .filter(|(_, amount)| !amount.is_zero())
            .map(|(account, amount)| Leg { account, amount })
            .collect();
        if legs.len() < 2 {
            return Err(Unbalanced::TooFewLegs);
        }
        if !legs.iter().map(|leg| leg.amount).sum::<Money>().is_zero() {
            return Err(Unbalanced::Sum);
        }
        Ok(Self(legs))
    }

    pub fn legs(&self) -> &[Leg] {
        &self.0
    }
}

/// Who takes part in the movements of a bill.
#[derive(Debug, Clone, Copy)]
pub struct Parties {
    pub region: RegionCode,
    pub resident: ResidentId,
    pub payee: OrganisationId,
}

/// The shares fall due: each payer is debited, the provider is credited with the total. `bank_of` names the bank of a line.
pub fn bill_captured(
    parties: Parties,
    shares: &[Share],
    bank_of: impl Fn(&Share) -> Option<OrganisationId>,
) -> Result<JournalEntry, Unbalanced> {
    JournalEntry::new(captured(parties, shares, bank_of)?)
}

fn captured(
    parties: Parties,
    shares: &[Share],
    bank_of: impl Fn(&Share) -> Option<OrganisationId>,
) -> Result<Vec<Leg>, Unbalanced> {
    let total: Money = shares.iter().map(|share| share.amount).sum();
    let mut legs = vec![Leg::credit(Account::organisation(AccountKind::ProviderPayable, parties.payee), total)];
    for share in shares {
        let account = match (share.payer, fund_account(share.payer)) {
            (_, Some(kind)) => Account::fund(kind, parties.region),
            // A line that nobody can name leaves the entry unbalanced, and so refused.
            (Payer::Credit(_), None) => {
                Account::organisation(AccountKind::BankReceivable, bank_of(share).ok_or(Unbalanced::Sum)?)
            }
            (Payer::Desk, None) => Account::organisation(AccountKind::DeskCollected, parties.payee),
            (_, None) => Account::resident(AccountKind::Arrears, parties.resident),
        };
        legs.push(Leg::debit(account, share.amount));
    }
    Ok(legs)
}

/// The account of a fund; none of other payers.
pub const fn fund_account(payer: Payer) -> Option<AccountKind> {
    match payer {
        Payer::PooledFund => Some(AccountKind::PooledFund),
        Payer::LargeAmountFund => Some(AccountKind::LargeAmountFund),
        Payer::CriticalIllnessFund => Some(AccountKind::CriticalIllnessFund),
        Payer::AssistanceFund => Some(AccountKind::AssistanceFund),
        Payer::TopUp => Some(AccountKind::TopUp),
        Payer::Voucher => Some(AccountKind::Voucher),
        Payer::PersonalAccount => Some(AccountKind::PersonalAccount),
        Payer::MutualAid => Some(AccountKind::MutualAid),
        Payer::Credit(_) | Payer::Desk | Payer::Arrears => None,
    }
}

/// The provider is paid the whole: its desk keeps what it collected, the rest is paid out.
pub fn provider_settled(parties: Parties, shares: &[Share]) -> Result<JournalEntry, Unbalanced> {
    JournalEntry::new(settled(parties, shares))
}

fn settled(parties: Parties, shares: &[Share]) -> [Leg; 3] {
    let total: Money = shares.iter().map(|share| share.amount).sum();
    let desk: Money = shares.iter().filter(|share| share.payer == Payer::Desk).map(|share| share.amount).sum();
    [
        Leg::debit(Account::organisation(AccountKind::ProviderPayable, parties.payee), total),
        Leg::credit(Account::organisation(AccountKind::DeskCollected, parties.payee), desk),
        Leg::credit(Account::organisation(AccountKind::ProviderPaid, parties.payee), total - desk),
    ]
}

/// The bank has paid.
pub fn bank_cleared(bank: OrganisationId, amount: Money) -> Result<JournalEntry, Unbalanced> {
    JournalEntry::new([
        Leg::debit(Account::organisation(AccountKind::BankClearing, bank), amount),
        Leg::credit(Account::organisation(AccountKind::BankReceivable, bank), amount),
    ])
}

/// The bank will not pay: what it owed, the resident owes.
pub fn bank_declined(bank: OrganisationId, resident: ResidentId, amount: Money) -> Result<JournalEntry, Unbalanced> {
    JournalEntry::new([
        Leg::debit(Account::resident(AccountKind::Arrears, resident), amount),
        Leg::credit(Account::organisation(AccountKind::BankReceivable, bank), amount),
    ])
}

#[cfg(test)]
mod tests {
    use types::ids::CreditLineId;

    use super::*;

    fn money(text: &str) -> Money {
        text.parse().unwrap()
    }

    fn parties() -> Parties {
        Parties { region: RegionCode::BEIJING, resident: ResidentId::generate(), payee: OrganisationId::generate() }
    }

    fn share(payer: Payer, amount: &str) -> Share {
        Share { payer, amount: money(amount) }
    }

    fn on(entry: &JournalEntry, kind: AccountKind) -> Money {
        entry.legs().iter().filter(|leg| leg.account.kind == kind).map(|leg| leg.amount).sum()
    }

    #[test]
    fn py_04_only_balanced_entries_can_be_built() {
        let bank = OrganisationId::generate();
        let account = |kind| Account::organisation(kind, bank);
        let debit = Leg::debit(account(AccountKind::BankClearing), money("1.00"));
        assert_eq!(JournalEntry::new([]), Err(Unbalanced::TooFewLegs));
        assert_eq!(JournalEntry::new([debit.clone()]), Err(Unbalanced::TooFewLegs));
        let short = Leg::credit(account(AccountKind::BankReceivable), money("0.99"));
        assert_eq!(JournalEntry::new([debit.clone(), short]), Err(Unbalanced::Sum));
        let same_account = Leg::credit(account(AccountKind::BankClearing), money("1.00"));
        assert_eq!(JournalEntry::new([debit, same_account]), Err(Unbalanced::TooFewLegs));
        assert_eq!(bank_cleared(bank, Money::ZERO), Err(Unbalanced::TooFewLegs));
    }

    #[test]
    fn py_04_the_legs_of_a_bill_are_those_of_the_chart() {
        let (parties, bank) = (parties(), OrganisationId::generate());
        let shares = [
            share(Payer::PooledFund, "91759.51"),
            share(Payer::LargeAmountFund, "53631.70"),
            share(Payer::Credit(CreditLineId::generate()), "40000.00"),
            share(Payer::Desk, "3000.00"),
            share(Payer::Arrears, "694.64"),
        ];
        let captured = bill_captured(parties, &shares, |_| Some(bank)).unwrap();
        assert_eq!(on(&captured, AccountKind::PooledFund), money("91759.51"));
        assert_eq!(on(&captured, AccountKind::LargeAmountFund), money("53631.70"));
        assert_eq!(on(&captured, AccountKind::BankReceivable), money("40000.00"));
        assert_eq!(on(&captured, AccountKind::DeskCollected), money("3000.00"));
        assert_eq!(on(&captured, AccountKind::Arrears), money("694.64"));
        assert_eq!(on(&captured, AccountKind::ProviderPayable), -money("189085.85"));

        let settled = provider_settled(parties, &shares).unwrap();
        assert_eq!(on(&settled, AccountKind::ProviderPayable), money("189085.85"));
        assert_eq!(on(&settled, AccountKind::DeskCollected), -money("3000.00"));
        assert_eq!(on(&settled, AccountKind::ProviderPaid), -money("186085.85"));
    }

    #[test]
    fn py_04_legs_are_in_account_order_and_one_to_an_account() {
        let parties = parties();
        let line = || Payer::Credit(CreditLineId::generate());
        let bank = OrganisationId::generate();
        let shares = [share(line(), "1.00"), share(Payer::Desk, "2.00"), share(line(), "3.00")];
        let entry = bill_captured(parties, &shares, |_| Some(bank)).unwrap();
        assert_eq!(entry.legs().len(), 3);
        assert!(entry.legs().is_sorted_by(|a, b| a.account < b.account));
    }

    #[test]
    fn py_02_a_declined_order_becomes_arrears() {
        let (bank, resident) = (OrganisationId::generate(), ResidentId::generate());
        let entry = bank_declined(bank, resident, money("24.00")).unwrap();
        assert_eq!(on(&entry, AccountKind::Arrears), money("24.00"));
        assert_eq!(on(&entry, AccountKind::BankReceivable), -money("24.00"));
    }
}
