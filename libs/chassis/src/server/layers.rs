//! What every call goes through, top to bottom, before its handler.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use futures_util::FutureExt;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use postgres::Refusals;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};
use tower::ServiceBuilder;
use tracing::{Instrument, Span, field};
use types::redacted::Redacted;

use super::shed::{Budget, Place};
use super::veiled::Veiled;
use super::{ServerConfig, measured, passage};
use crate::access::{self, Policies, Policy};
use crate::auth::{self, Shown, Verifier};
use crate::context::Admitted;
use crate::deadline::{self, Deadline};
use crate::ending::Ending;
use crate::telemetry::calls;
use crate::tls::{Peer, ThroughGateway, Tls};
use crate::{error, telemetry};

/// What the layers of one server share.
pub(super) struct Shared {
    /// `<service>.anjia`, the domain of this server's reasons.
    domain: Arc<str>,
    policies: Policies,
    verifier: Verifier,
    refusals: Option<Refusals>,
    budget: Budget,
    deadline_default: Duration,
    deadline_max: Duration,
    draining: CancellationToken,
    pub(super) tls: Tls,
}

impl Shared {
    pub(super) fn new(
        name: &str,
        config: &ServerConfig,
        policies: Policies,
        verifier: Verifier,
        refusals: Option<Refusals>,
        draining: CancellationToken,
        tls: Tls,
    ) -> Arc<Self> {
        Arc::new(Self {
            domain: format!("{name}.anjia").into(),
            policies,
            verifier,
            refusals,
            budget: Budget::new(config.in_flight_max, config.waiting_max).observed(),
            deadline_default: config.deadline_default(),
            deadline_max: config.deadline_max(),
            draining,
            tls,
        })
    }
}

/// Puts the layers around the services.
pub(super) fn stack(routes: tonic::service::Routes, shared: &Arc<Shared>) -> axum::Router {
    let layers = ServiceBuilder::new()
        // Which method is it? Unknown ones end here; health and reflection pass by everything below.
        .layer(from_fn_with_state(Arc::clone(shared), route))
        // How often, how long, with what outcome? Whatever happens to a call below is counted.
        .layer(from_fn(measured::measure))
        // Is there room? If not, say so before any work is spent.
        .layer(from_fn_with_state(Arc::clone(shared), shed))
        // How long may it take? Nothing below runs on after that.
        .layer(from_fn_with_state(Arc::clone(shared), limit))
        // What is it part of? From here on, logs and calls belong to the caller's trace.
        .layer(from_fn(trace))
        // Over whose connection? The gateway's caller's, where it came through that.
        .layer(from_fn_with_state(Arc::clone(shared), passage::see_through))
        // One of our services calls what is listed for it, whatever token it carries.
        .layer(from_fn_with_state(Arc::clone(shared), know_peer))
        // Who calls? A call that is refused for who called is recorded.
        .layer(from_fn_with_state(Arc::clone(shared), authenticate))
        // May they call this, and which fields of the answer do they see? Which rows is decided on the row, by `Context::permit`.
        .layer(from_fn(admit));
    routes.prepare().into_axum_router().layer(layers)
}

/// Health and reflection tell nothing of anybody and must answer also when everything else is shed.
fn is_open(service: &str) -> bool {
    ["grpc.health.v1.", "grpc.reflection.v1.", "grpc.reflection.v1alpha."].iter().any(|open| service.starts_with(open))
}

async fn route(State(shared): State<Arc<Shared>>, mut request: Request, next: Next) -> Response {
    let method = request.uri().path().trim_start_matches('/');
    if let Some(policy) = shared.policies.get(method) {
        let policy = Arc::clone(policy);
        request.extensions_mut().insert(policy);
        return next.run(request).await;
    }
    if is_open(method) {
        return until_drained(next.run(request).await, &shared, None, None);
    }
    refuse(&error::status(error::DOMAIN, Code::Unimplemented, "METHOD_UNKNOWN", "this server has no such method"))
}

async fn shed(State(shared): State<Arc<Shared>>, mut request: Request, next: Next) -> Response {
    let Some(policy) = policy(&request) else {
        return next.run(request).await;
    };
    let Some(place) = shared.budget.enter(&policy) else {
        let overloaded = error::status(error::DOMAIN, Code::ResourceExhausted, "OVERLOADED", "too many calls at once");
        return refuse(&error::retry_info(overloaded, Duration::from_secs(1)));
    };
    let place = Arc::new(place);
    if policy.shape.server_streaming {
        request.extensions_mut().insert(Arc::clone(&place));
    }
    let response = next.run(request).await;
    drop(place);
    response
}

async fn limit(State(shared): State<Arc<Shared>>, mut request: Request, next: Next) -> Response {
    let Some(policy) = policy(&request) else {
        return next.run(request).await;
    };
    let asked = deadline::parse(request.headers()).map(deadline::served_within);
    let deadline = if policy.shape.server_streaming {
        // A stream lasts as long as its caller wants.
        asked.map(Deadline::after)
    } else {
        Some(Deadline::after(asked.unwrap_or(shared.deadline_default).min(shared.deadline_max)))
    };
    // The handler's copy of the place is taken out again, so that it ends with the stream and not before.
    let place = request.extensions_mut().remove::<Arc<Place>>();
    if let Some(deadline) = deadline {
        request.extensions_mut().insert(deadline);
    }

    let cut_by_drain = async {
        // Only what waits by design is cut; work in flight is finished.
        if policy.waits() { shared.draining.cancelled().await } else { std::future::pending().await }
    };
    tokio::select! {
        // A finished answer wins over a deadline in the same moment.
        biased;
        response = next.run(request) => {
            if policy.shape.server_streaming { until_drained(response, &shared, deadline, place) } else { response }
        }
        late = deadline::passed(deadline) => refuse(&late),
        () = cut_by_drain => refuse(&draining()),
    }
}

async fn trace(request: Request, next: Next) -> Response {
    let Some(policy) = policy(&request) else {
        return next.run(request).await;
    };
    let span = tracing::info_span!(
        "serve",
        otel.name = policy.method,
        otel.kind = "server",
        otel.status_code = field::Empty,
        rpc.system.name = "grpc",
        rpc.method = policy.method,
        rpc.response.status_code = field::Empty,
        journey_id = field::Empty,
        actor = field::Empty,
        subject = field::Empty,
        delegation_id = field::Empty,
    );
    telemetry::accept(&span, request.headers());
    let journey = telemetry::journey_from(request.headers());
    if let Some(id) = journey {
        telemetry::mark(&span, id);
    }

    let mut unanswered =
        Unanswered { span: span.clone(), deadline: request.extensions().get().copied(), is_answered: false };
    // A handler that panics fails its own call, not every call of the connection.
    let handled = AssertUnwindSafe(next.run(request)).catch_unwind();
    let answer = telemetry::with_journey(journey, handled).instrument(span.clone()).await;
    let response = answer.unwrap_or_else(|_| {
        span.in_scope(|| tracing::error!("a handler panicked"));
        refuse(&error::status(error::DOMAIN, Code::Internal, "INTERNAL", "internal error"))
    });
    let response = super::malformed::translate(response);
    unanswered.is_answered = true;
    record(&span, code_of(&response));
    response
}

/// Completes the span of a call that was given up: by the deadline, or because its caller hung up.
struct Unanswered {
    span: Span,
    deadline: Option<Deadline>,
    is_answered: bool,
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        if !self.is_answered {
            let is_late = self.deadline.is_some_and(|deadline| deadline.remaining().is_zero());
            record(&self.span, if is_late { Code::DeadlineExceeded } else { Code::Cancelled });
        }
    }
}

/// The code is in the head of a refused answer; an answer with a body began well, and how a stream ends its client knows.
pub(super) fn code_of(response: &Response) -> Code {
    response.headers().get("grpc-status").map_or(Code::Ok, |code| Code::from_bytes(code.as_bytes()))
}

fn record(span: &Span, code: Code) {
    span.record("rpc.response.status_code", calls::code_name(code));
    if calls::is_fault(code) {
        span.record("otel.status_code", "ERROR");
    }
}

async fn know_peer(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let Some(policy) = policy(&request) else {
        return next.run(request).await;
    };
    let service = peer(&request).and_then(Peer::service);
    if service.is_none_or(|service| shared.policies.peers().may(service, &policy.method)) {
        return next.run(request).await;
    }
    tracing::warn!(service, method = policy.method, "a service called what it has no business with");
    let text = "this service does not call this method";
    let response = refuse(&error::status(error::DOMAIN, Code::PermissionDenied, "PEER_NOT_PERMITTED", text));
    shared.note(&response, &policy, None);
    response
}

async fn authenticate(State(shared): State<Arc<Shared>>, mut request: Request, next: Next) -> Response {
    let Some(policy) = policy(&request) else {
        return next.run(request).await;
    };
    if policy.anonymous {
        let response = next.run(request).await;
        shared.note(&response, &policy, None);
        return response;
    }
    let is_through_gateway = request.extensions().get::<ThroughGateway>().is_some();
    let shown = Shown { peer: peer(&request), is_through_gateway };
    let admitted = match identify(&shared, request.headers(), shown, &policy).await {
        Ok((admitted, methods)) => {
            if !policy.confidential {
                telemetry::name_caller(&admitted.caller);
            }
            let admitted = Arc::new(admitted);
            request.extensions_mut().insert(Arc::clone(&admitted));
            request.extensions_mut().insert(Continued(methods));
            admitted
        }
        Err(status) => {
            let response = refuse(&status);
            shared.note(&response, &policy, None);
            return response;
        }
    };
    let response = next.run(request).await;
    shared.note(&response, &policy, Some(&admitted));
    response
}

impl Shared {
    /// Has a refusal recorded that is for who calls; also one that tells a bank `NOT_FOUND`: it does not learn what there is. And one
    /// that is for what a caller wanted to have done.
    pub(super) fn note(&self, response: &Response, policy: &Policy, admitted: Option<&Admitted>) {
        let Some(refusals) = &self.refusals else { return };
        let reason = || Status::from_header_map(response.headers()).and_then(|status| error::reason(&status));
        let caller = admitted.map(|admitted| &admitted.caller).filter(|_| !policy.confidential);
        match code_of(response) {
            Code::Unauthenticated | Code::PermissionDenied => {
                if let Some(reason) = reason() {
                    refusals.note(caller, &policy.method, &reason);
                }
            }
            Code::NotFound if admitted.is_some_and(|admitted| admitted.sight.has_denied()) => {
                refusals.note(caller, &policy.method, access::OUTSIDE_SCOPE);
            }
            // Too many calls at once never come here: they are shed above, and a limit is what is told of as exhausted.
            Code::InvalidArgument
            | Code::FailedPrecondition
            | Code::NotFound
            | Code::AlreadyExists
            | Code::ResourceExhausted
                if policy.shape.writes =>
            {
                if let Some(reason) = reason() {
                    refusals.note_vain(caller, &policy.method, &reason);
                }
            }
            _ => {}
        }
    }
}

/// The only methods a continuation token may call; `None` for every other token.
#[derive(Clone)]
struct Continued(Option<Vec<String>>);

async fn identify(
    shared: &Shared,
    headers: &HeaderMap,
    shown: Shown<'_>,
    policy: &Arc<Policy>,
) -> Result<(Admitted, Option<Vec<String>>), Status> {
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = header.and_then(bearer).ok_or_else(auth::missing)?.to_owned();
    let verified = shared.verifier.verify(&token).await?;
    auth::check_binding(shown, verified.bound_to, verified.caller.acting())?;
    let methods = verified.methods.clone();
    let (policy, domain) = (Arc::clone(policy), Arc::clone(&shared.domain));
    Ok((Admitted::new(verified, Redacted::new(token.into()), policy, domain), methods))
}

/// The token of `Bearer <token>`; the scheme's case does not matter (RFC 9110).
fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

async fn admit(mut request: Request, next: Next) -> Response {
    let Some(policy) = policy(&request).filter(|policy| !policy.anonymous) else {
        return next.run(request).await;
    };
    let continued = request.extensions_mut().remove::<Continued>().and_then(|continued| continued.0);
    let admitted = request.extensions().get::<Arc<Admitted>>().cloned();
    match admitted.filter(|admitted| policy.admits(&admitted.caller, continued.as_deref())) {
        None => refuse(&error::status(
            error::DOMAIN,
            Code::PermissionDenied,
            "METHOD_NOT_PERMITTED",
            "the caller may not call this method",
        )),
        Some(admitted) => {
            let response = next.run(request).await;
            if !admitted.sight.is_veiled() {
                return response;
            }
            response.map(|body| Body::new(Veiled::new(body, Arc::clone(&admitted.sight))))
        }
    }
}

fn peer(request: &Request) -> Option<&Peer> {
    request.extensions().get::<Option<Peer>>()?.as_ref()
}

pub(super) fn policy(request: &Request) -> Option<Arc<Policy>> {
    request.extensions().get::<Arc<Policy>>().cloned()
}

/// Lets a stream end with the drain or its deadline, whichever comes first; its place is held as long.
fn until_drained(
    response: Response,
    shared: &Shared,
    deadline: Option<Deadline>,
    place: Option<Arc<Place>>,
) -> Response {
    let drained = shared.draining.clone().cancelled_owned();
    let cut = async move {
        let _held = place;
        tokio::select! {
            () = drained => draining(),
            status = deadline::passed(deadline) => status,
        }
    };
    response.map(|body| Body::new(Ending::new(body, cut.boxed())))
}

/// The answer to what waits while the server drains: the same call elsewhere goes on.
fn draining() -> Status {
    error::status(error::DOMAIN, Code::Unavailable, "DRAINING", "the server is going away")
}

pub(super) fn refuse(status: &Status) -> Response {
    status.clone().into_http()
}
