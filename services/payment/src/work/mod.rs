//! What goes on without being asked, one loop a file. Each ends soon after its token is cancelled.

pub mod appointments;
pub mod captures;
pub mod expiry;
pub mod merges;
pub mod settlements;
