//! What is measured of every call of the contracts, also of those that are shed, late or given up.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use tonic::{Code, Status};

use super::layers::{code_of, policy};
use crate::access::Policy;
use crate::error;
use crate::telemetry::calls;

pub(super) async fn measure(request: Request, next: Next) -> Response {
    let Some(policy) = policy(&request) else {
        return next.run(request).await;
    };
    let mut measured = Measured { policy, begun_at: Instant::now(), code: Code::Cancelled };
    let response = next.run(request).await;
    measured.code = code_of(&response);
    if measured.code != Code::Ok {
        let reason = Status::from_header_map(response.headers()).and_then(|status| error::reason(&status));
        calls::refused(&measured.policy.method, measured.code, reason.unwrap_or_default());
    }
    response
}

/// Told when the call ends, also by its caller hanging up.
struct Measured {
    policy: Arc<Policy>,
    begun_at: Instant,
    code: Code,
}

impl Drop for Measured {
    fn drop(&mut self) {
        calls::served(&self.policy.method, self.code, self.begun_at.elapsed());
    }
}
