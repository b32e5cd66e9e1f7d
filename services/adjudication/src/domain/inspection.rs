//! Intelligent audit (智能审核) of a claim before the provider is paid.
//!
//! Pure. [`Library`] is the national rule library; a [`RuleBook`] is what one region configured of it; [`inspect`] answers what a
//! [`Case`] gives cause to ask about. A [`Finding`] names its rule, its line and the facts that prove it: it withholds the provider's
//! payment until a reviewer decides, and never changes what the patient pays.

mod book;
mod case;
mod check;
mod code;
mod document;
mod evidence;
mod library;
mod lookback;
pub mod money;
mod read;
mod review;
mod standing;
#[cfg(test)]
mod tests;

pub use book::{Configured, RuleBook, Supervision};
pub use case::{BilledItem, Case, Past, Patient, Sex};
pub use check::inspect;
pub use document::{Criterion, Settings, Standard};
pub use evidence::{Fact, Finding};
pub use library::{Kind, Library, Rule};
pub use lookback::{Lookback, lookback};
pub use read::RuleBookError;
pub use review::{Decision, FindingError, FindingState, Review};
pub use standing::{Standing, standings};
