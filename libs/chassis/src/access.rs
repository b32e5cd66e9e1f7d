//! Who may call what, and see what. `access.toml` names for every method the roles that may call it, the relation to a loaded row that
//! shows it, and the fields of the answer that a role does not see; nothing is allowed that it does not name.

mod peers;
mod permit;
mod policy;
mod rule;
mod sight;
mod veil;

pub use peers::Peers;
pub use permit::{Denied, Guarded, Permitted};
pub(crate) use permit::{OUTSIDE_SCOPE, decide};
pub use policy::{AccessError, Grant, Policies, Policy, Priority};
pub use rule::{ObjectRule, Relation, UnknownRule};
pub(crate) use sight::Sight;
pub use veil::{FieldMask, Veil};
