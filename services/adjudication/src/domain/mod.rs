//! What insurance pays and why: policies as data, and the engine that applies them.
//!
//! Pure: no async, no SQL, no protobuf, no clock. The same input always gives the same result, byte for byte.
//! Read `engine` first; it applies a `policy` to an `input` and answers `shares` with an `explanation`.

pub mod abuse;
pub mod account;
pub mod adjustment;
pub mod appointment;
pub mod benefits;
pub mod chain;
pub mod change;
pub mod circumstances;
pub mod claim;
pub mod clearing;
pub mod coverage;
pub mod designation;
pub mod document;
pub mod drift;
pub mod engine;
pub mod entitlement;
pub mod error;
pub mod example;
pub mod explanation;
pub mod finding;
pub mod fund;
pub mod input;
pub mod inspection;
pub mod line;
pub mod localized;
pub mod mandate;
pub mod national;
pub mod policy;
pub mod provider;
pub mod provider_payment;
pub mod quote;
pub mod readjudication;
pub mod referral;
pub mod remote_care;
pub mod replay;
pub mod settlement;
pub mod shares;
pub mod supervision;
pub mod visit;
pub mod vocabulary;
mod wording;
mod words;
