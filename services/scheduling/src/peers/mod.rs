//! The services scheduling calls.

pub mod adjudication;
pub mod identity;
