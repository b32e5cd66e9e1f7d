//! The words every service shares: ids, money, tiers, regions, identifiers of persons and organisations, the clock, the caller.
//!
//! Values here cannot be wrong: each is parsed once, at the edge, and trusted afterwards. No I/O, no async, no transport.

pub mod caller;
pub mod care;
pub mod clock;
pub mod credit_code;
pub mod delegation;
pub mod expected;
pub mod icd10;
pub mod identifier;
pub mod ids;
pub mod mandate;
pub mod money;
pub mod national_id;
pub mod place;
pub mod redacted;
pub mod region;
pub mod scheme;
pub mod setting;
pub mod text;
pub mod tier;
mod word;

pub use word::UnknownWord;
