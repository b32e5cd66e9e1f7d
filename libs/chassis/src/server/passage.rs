//! Who is behind the gateway.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tonic::{Code, Status};

use super::layers::{Shared, policy, refuse};
use crate::error;
use crate::tls::{FORWARDED, GATEWAY, Peer, ThroughGateway, Unbelievable};

/// Puts the gateway's caller in the gateway's place: whoever its certificate says, or nobody. What anybody else tells of certificates is
/// forgotten unread.
pub(super) async fn see_through(State(shared): State<Arc<Shared>>, mut request: Request, next: Next) -> Response {
    let told = request.headers_mut().remove(FORWARDED);
    let direct = request.extensions().get::<Option<Peer>>().and_then(Option::as_ref).and_then(Peer::service);
    if direct == Some(GATEWAY) {
        let material = shared.tls.current();
        let caller = told.map(|told| material.ok_or(Unbelievable)?.forwarded(&told)).transpose();
        let Ok(caller) = caller else {
            let response = refuse(&unbelievable());
            if let Some(policy) = policy(&request) {
                shared.note(&response, &policy, None);
            }
            return response;
        };
        request.extensions_mut().insert(caller);
        request.extensions_mut().insert(ThroughGateway);
    }
    next.run(request).await
}

fn unbelievable() -> Status {
    let text = "the certificate that the gateway tells of is not one that is let in";
    error::status(error::DOMAIN, Code::Unauthenticated, "CERTIFICATE_INVALID", text)
}
