//! Whom identity asks: trusted providers, for their published keys; and of the mesh scheduling and referral, for their events, and referral's audit, which it witnesses.

pub mod provider;
pub mod referral;
pub mod scheduling;

use chassis::Context;
use chassis::auth::Own;
use tonic::Status;

use crate::app::App;

/// Identity signs its own tokens.
impl Own for App {
    async fn own(&self) -> Result<Context, Status> {
        self.own_context().ok_or_else(|| Status::unavailable("no token of our own"))
    }
}
