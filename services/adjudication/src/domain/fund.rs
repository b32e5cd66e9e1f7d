//! What the fund of a scheme received and paid, month by month.

use chrono::{DateTime, NaiveDate, Utc};
use types::caller::Party;
use types::money::Money;
use types::scheme::Scheme;
use uuid::Uuid;

/// Something a fund received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Income {
    pub id: Uuid,
    pub scheme: Scheme,
    pub kind: &'static str,
    pub on: NaiveDate,
    pub amount: Money,
    /// Voucher or other reference.
    pub reference: String,
    pub by: Party,
    pub at: DateTime<Utc>,
}

/// A scheme's month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FundMonth {
    pub scheme: Scheme,
    /// Its first day.
    pub month: NaiveDate,
    pub income: Money,
    pub pooled_fund: Money,
    pub large_amount_fund: Money,
    pub critical_illness_fund: Money,
    pub assistance_fund: Money,
    pub own_share: Money,
    pub settlements: i64,
    pub persons: i64,
    /// Held back from providers while findings are open.
    pub withheld: Money,
    /// Cut from providers: it stays in the fund.
    pub cut: Money,
    /// At the end of the month.
    pub balance: Money,
}

impl FundMonth {
    /// What all funds paid; None beyond what money holds.
    fn paid(&self) -> Option<Money> {
        let basic = self.pooled_fund.checked_add(self.large_amount_fund)?;
        basic.checked_add(self.critical_illness_fund)?.checked_add(self.assistance_fund)
    }
}

/// The months with their balances: all that was received, less all that was paid, and what was cut kept. What is withheld is owed until
/// somebody decides, so it counts as paid. By scheme and month, in that order; None beyond what money holds.
pub fn with_balances(mut months: Vec<FundMonth>) -> Option<Vec<FundMonth>> {
    months.sort_by_key(|month| (month.scheme, month.month));
    let mut balance = Money::ZERO;
    let mut scheme = None;
    for month in &mut months {
        if scheme != Some(month.scheme) {
            (scheme, balance) = (Some(month.scheme), Money::ZERO);
        }
        balance = balance.checked_add(month.income)?.checked_sub(month.paid()?)?.checked_add(month.cut)?;
        month.balance = balance;
    }
    Some(months)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month(scheme: Scheme, on: &str, income: &str, paid: &str, cut: &str) -> FundMonth {
        let money = |text: &str| text.parse::<Money>().unwrap();
        FundMonth {
            scheme,
            month: on.parse().unwrap(),
            income: money(income),
            pooled_fund: money(paid),
            large_amount_fund: money("1.00"),
            critical_illness_fund: money("0.60"),
            assistance_fund: money("0.40"),
            own_share: Money::ZERO,
            settlements: 1,
            persons: 1,
            withheld: money("5.00"),
            cut: money(cut),
            balance: Money::ZERO,
        }
    }

    #[test]
    fn ad_09_a_balance_runs_on_by_scheme_and_keeps_what_was_cut() {
        let months = vec![
            month(Scheme::Resident, "2026-01-01", "50.00", "10.00", "0.00"),
            month(Scheme::Employee, "2026-02-01", "0.00", "30.00", "4.00"),
            month(Scheme::Employee, "2026-01-01", "100.00", "40.00", "0.00"),
        ];
        let balances: Vec<String> =
            with_balances(months).unwrap().iter().map(|month| month.balance.to_string()).collect();
        assert_eq!(balances, ["58.00", "30.00", "38.00"]);
    }
}
