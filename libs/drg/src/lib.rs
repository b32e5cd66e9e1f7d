#![doc = include_str!("../README.md")]

mod bits;
mod codes;
mod decide;
mod error;
mod explanation;
mod files;
pub mod payment;
mod read;
mod record;
mod rule;
mod tables;

pub use error::{Problem, TableError};
pub use explanation::{Explanation, Step};
pub use files::{Files, OPTIONAL, REQUIRED};
pub use record::{Record, Sex};
pub use tables::{Group, Level, Tables, UNGROUPABLE};
