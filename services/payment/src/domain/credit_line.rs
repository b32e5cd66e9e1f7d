//! What a bank lends a resident for care (信用就医).

use chassis::Guarded;
use chrono::{DateTime, Utc};
use types::ids::{CreditLineId, OrganisationId, ResidentId};
use types::money::Money;

use super::error::PaymentError;
use super::words::words;

words! {
    /// What the bank says of the line; that its time has passed shows from the clock.
    Standing {
        Active = "ACTIVE",
        Suspended = "SUSPENDED",
    }
}

/// A line as it can be used at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Active,
    Suspended,
    Expired,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditLine {
    pub id: CreditLineId,
    pub bank: OrganisationId,
    pub resident: ResidentId,
    /// SHA-256 of the signed agreement, lower-case hex.
    pub agreement_sha256: String,
    pub limit: Money,
    pub used: Money,
    pub held: Money,
    pub valid_until: DateTime<Utc>,
    pub standing: Standing,
    pub granted_at: DateTime<Utc>,
    pub version: i64,
}

impl CreditLine {
    /// What can still be authorised; not below zero where the bank lowered the limit.
    pub fn remaining(&self) -> Money {
        self.limit.less_at_most(self.used + self.held)
    }

    pub fn state(&self, now: DateTime<Utc>) -> State {
        match self.standing {
            Standing::Suspended => State::Suspended,
            Standing::Active if self.valid_until <= now => State::Expired,
            Standing::Active => State::Active,
        }
    }

    /// Why `amount` more cannot be held for `resident`. The database's guarded update has already said that it cannot.
    pub fn refusal(&self, resident: ResidentId, now: DateTime<Utc>) -> PaymentError {
        if self.resident != resident {
            PaymentError::CreditLineNotFound
        } else if self.state(now) != State::Active {
            PaymentError::CreditLineNotActive
        } else {
            PaymentError::InsufficientCredit { remaining: self.remaining() }
        }
    }
}

impl Guarded for CreditLine {
    const NOT_FOUND: &'static str = "CREDIT_LINE_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        Some(self.resident)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![self.bank]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn py_02_a_refusal_names_what_remains_and_never_less_than_nothing() {
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let resident = ResidentId::generate();
        let line = CreditLine {
            id: CreditLineId::generate(),
            bank: OrganisationId::generate(),
            resident,
            agreement_sha256: "0".repeat(64),
            limit: "100.00".parse().unwrap(),
            used: "60.00".parse().unwrap(),
            held: "15.00".parse().unwrap(),
            valid_until: now + chrono::TimeDelta::days(1),
            standing: Standing::Active,
            granted_at: now,
            version: 1,
        };
        let remaining = |line: &CreditLine| match line.refusal(resident, now) {
            PaymentError::InsufficientCredit { remaining } => remaining.to_string(),
            other => other.to_string(),
        };
        assert_eq!(remaining(&line), "25.00");
        assert_eq!(remaining(&CreditLine { limit: "50.00".parse().unwrap(), ..line.clone() }), "0.00");

        let other = line.refusal(ResidentId::generate(), now);
        assert!(matches!(other, PaymentError::CreditLineNotFound));
        assert_eq!(line.state(line.valid_until), State::Expired);
        let suspended = CreditLine { standing: Standing::Suspended, ..line };
        assert!(matches!(suspended.refusal(resident, now), PaymentError::CreditLineNotActive));
    }
}
