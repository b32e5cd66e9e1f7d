//! What insurance pays and why: policies as data, and the engine that applies them.
//!
//! Pure: no async, no SQL, no protobuf, no clock. The same input always gives the same result, byte for byte.
//! Read `engine` first; it applies a `policy` to an `input` and answers `shares` with an `explanation`.

pub mod abuse;
pub mod appointment;
pub mod chain;
pub mod claim;
pub mod coverage;
pub mod drift;
pub mod engine;
pub mod error;
pub mod explanation;
pub mod finding;
pub mod fund;
pub mod input;
pub mod inspection;
pub mod line;
pub mod localized;
pub mod mandate;
pub mod policy;
pub mod provider;
pub mod quote;
pub mod release;
pub mod rule_book;
pub mod settlement;
pub mod shares;
pub mod supervision;
pub mod visit;
mod wording;
