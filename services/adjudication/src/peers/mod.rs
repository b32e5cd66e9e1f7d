//! The services adjudication calls. Each file calls one and translates its refusals; a peer's status is never passed on.

mod identity;
mod referral;
mod scheduling;

pub use identity::Identity;
pub use referral::referral_events;
pub use scheduling::{Scheduling, SchedulingAudit};

use chassis::error::reason;
use proto::convert::FieldError;
use tonic::{Code, Status};

use crate::domain::error::AdjudicationError;

/// What every refusal of a peer comes to when it has no meaning of its own here.
fn translate(peer: &'static str, status: &Status) -> AdjudicationError {
    match status.code() {
        _ if reason(status).as_deref() == Some("RESIDENT_ERASED") => {
            AdjudicationError::Storage(postgres::Error::ResidentErased)
        }
        Code::Unauthenticated => AdjudicationError::TokenExpired,
        Code::PermissionDenied => AdjudicationError::PeerDenied { peer },
        Code::Unavailable | Code::DeadlineExceeded | Code::ResourceExhausted | Code::Aborted | Code::Cancelled => {
            AdjudicationError::PeerUnavailable { peer }
        }
        code => {
            AdjudicationError::PeerBroken { peer, what: format!("{code:?} {}", reason(status).unwrap_or_default()) }
        }
    }
}

/// A peer's answer that does not keep its contract.
fn broken(peer: &'static str) -> impl Fn(FieldError) -> AdjudicationError {
    move |error| AdjudicationError::PeerBroken { peer, what: format!("a wrong {}", error.field) }
}
