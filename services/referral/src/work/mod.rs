//! Loops: one file each. They say when; the use cases they call say what.

pub mod acceptances;
pub mod changes;
pub mod merges;
pub mod scheduling_events;
