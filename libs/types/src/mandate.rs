//! What a resident lets one of our services go on doing in their name. Identity records mandates and writes their terms into the tokens
//! that rest on them; whoever acts on such a token holds it to them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    ids::{CreditLineId, IdError, MandateId, ReferralId},
    money::Money,
};

/// The one piece of work that a mandate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Work {
    Referral(ReferralId),
}

/// Credit that may be taken in the resident's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credit {
    pub line: CreditLineId,
    /// The highest own share that may be committed, all bills of the work together.
    pub own_share_max: Money,
}

/// What a mandate allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    pub id: MandateId,
    pub work: Work,
    /// None: nothing may be paid in the resident's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credit: Option<Credit>,
}

impl Terms {
    /// Whether this is about the referral that the mandate is for.
    pub fn covers(&self, referral: Option<ReferralId>) -> bool {
        referral.map(Work::Referral) == Some(self.work)
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Referral(id) => write!(f, "referral:{id}"),
        }
    }
}

impl FromStr for Work {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        text.strip_prefix("referral:").ok_or(IdError)?.parse().map(Self::Referral)
    }
}

impl TryFrom<String> for Work {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<Work> for String {
    fn from(work: Work) -> Self {
        work.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_reads_back_as_written_and_other_work_is_none() {
        let work = Work::Referral(ReferralId::generate());
        assert_eq!(work.to_string().parse(), Ok(work));
        for text in ["", "referral:", "referral:1", "bill:01930000-0000-7000-8000-000000000001"] {
            assert!(text.parse::<Work>().is_err(), "{text}");
        }
    }

    #[test]
    fn rf_04_a_mandate_covers_its_own_referral_and_nothing_else() {
        let referral = ReferralId::generate();
        let terms = Terms { id: MandateId::generate(), work: Work::Referral(referral), credit: None };
        assert!(terms.covers(Some(referral)));
        assert!(!terms.covers(Some(ReferralId::generate())));
        assert!(!terms.covers(None));
    }
}
