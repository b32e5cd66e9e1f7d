//! Worked examples (`anjia.example/1`): published arithmetic in a file, replayed on the engine and compared to the fen.
//!
//! An example says what was published and what of it the engine is to reproduce. Published figures that do not add up among themselves are
//! reported as a difference, never computed away. The format is explained in `policies/examples/README.md`.

mod claim;
mod document;
mod replay;
#[cfg(test)]
mod tests;

use types::money::Money;

use super::{engine::Refusal, localized::Localized, policy::PolicyError};

pub use document::Kind;

/// One example, read.
#[derive(Debug, Clone)]
pub struct Example {
    pub id: String,
    pub title: Localized,
    /// Where the figures were published.
    pub source: String,
    /// The policy's file, relative to the example's folder; none where no policy is needed.
    pub policy: Option<String>,
    case: document::Case,
}

/// What came of an example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Reproduced to the fen.
    Exact,
    /// The published figures do not add up among themselves: by this much, as the example says.
    Difference { published: Money, adds_up_to: Money },
    /// At least one figure is another than expected.
    Off(Vec<Off>),
    /// The engine gives no answer.
    Refused(Refusal),
}

/// One figure that is another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Off {
    pub figure: String,
    pub expected: String,
    pub found: String,
}

/// Why an example cannot be replayed at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExampleError {
    #[error("{path}: {what}")]
    Malformed { path: String, what: String },
    #[error("its policy: {0}")]
    Policy(#[from] PolicyError),
    #[error("names a policy, and was given none")]
    NoPolicy,
}

impl Example {
    /// Reads an example (JSON).
    pub fn read(text: &str) -> Result<Self, ExampleError> {
        document::read(text)
    }

    pub const fn kind(&self) -> Kind {
        self.case.kind()
    }

    /// Replays it. `policy` is the text of the document that it names.
    pub fn replay(&self, policy: Option<&str>) -> Result<Outcome, ExampleError> {
        replay::outcome(&self.case, policy)
    }
}
