//! Services that payment asks: one file each. A peer's refusal is translated, never forwarded.

pub mod adjudication;
pub mod identity;
pub mod scheduling;

use chassis::error;
use tonic::{Code, Status};

use crate::domain::error::PaymentError;

/// What a refusal means that is not one of the call's own.
fn translate(peer: &'static str, status: &Status) -> PaymentError {
    match status.code() {
        _ if error::reason(status).as_deref() == Some("RESIDENT_ERASED") => {
            PaymentError::Storage(postgres::Error::ResidentErased)
        }
        Code::PermissionDenied => PaymentError::OutsideScope,
        Code::Unavailable
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::ResourceExhausted
        | Code::Cancelled
        | Code::Unauthenticated => PaymentError::PeerUnavailable { peer },
        _ => broken(peer, error::reason(status).unwrap_or_else(|| status.code().to_string())),
    }
}

fn broken(peer: &'static str, reason: impl Into<String>) -> PaymentError {
    PaymentError::PeerBroken { peer, reason: reason.into() }
}
