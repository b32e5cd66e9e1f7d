//! A report of abuse of the fund (举报), and what whoever made it receives.

use chrono::{DateTime, Utc};
use serde_json::json;
use types::caller::Party;
use types::ids::{AbuseReportId, OrganisationId};
use types::money::Money;
use types::redacted::Redacted;

use super::error::AdjudicationError;
use super::inspection::Supervision;
use super::supervision::reward;

/// Where a report stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Open,
    Confirmed,
    Dismissed,
}

impl State {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "OPEN",
            Self::Confirmed => "CONFIRMED",
            Self::Dismissed => "DISMISSED",
        }
    }
}

impl std::str::FromStr for State {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Open, Self::Confirmed, Self::Dismissed].into_iter().find(|state| state.as_str() == text).ok_or(())
    }
}

/// A report, without who made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbuseReport {
    pub id: AbuseReportId,
    pub provider: Option<OrganisationId>,
    pub text: Redacted<String>,
    /// Whether whoever made it can be reached, and so be rewarded.
    pub has_contact: bool,
    pub state: State,
    pub recovered: Money,
    pub reward: Money,
    pub reported_at: DateTime<Utc>,
}

/// Who reported. Goes into a sealed column and nowhere else.
#[derive(Debug, Clone)]
pub struct Reporter {
    pub party: Redacted<Party>,
    pub contact: Redacted<String>,
}

impl Reporter {
    pub fn to_json(&self) -> String {
        json!({ "party": self.party.expose().to_string(), "contact": self.contact.expose() }).to_string()
    }
}

impl AbuseReport {
    /// Closes it. Who cannot be reached cannot be rewarded.
    pub fn close(self, is_confirmed: bool, recovered: Money, rules: &Supervision) -> Result<Self, AdjudicationError> {
        if self.state != State::Open {
            return Err(AdjudicationError::AbuseReportClosed(self.id));
        }
        if !is_confirmed {
            return Ok(Self { state: State::Dismissed, ..self });
        }
        let reward = if self.has_contact { reward(rules, recovered) } else { Money::ZERO };
        Ok(Self { state: State::Confirmed, recovered, reward, ..self })
    }
}
