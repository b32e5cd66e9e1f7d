//! Who may call what, and see what. `access.toml` names for every method the roles that may call it and the rule by which a loaded
//! row is shown; nothing is allowed that it does not name.

mod permit;
mod policy;

pub(crate) use permit::decide;
pub use permit::{Denied, Guarded, Permitted};
pub use policy::{AccessError, ObjectRule, Policies, Policy, Priority};
