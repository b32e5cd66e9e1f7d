//! One outgoing call: its deadline, its span, its trace context, and another try while no peer has seen it.

use std::time::{Duration, Instant};

use axum::body::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::request::Parts;
use http::{Request, Response, Uri};
use tonic::body::Body;
use tonic::{Code, Status};
use tower::ServiceExt;
use tracing::{Instrument, Span, field};

use super::pool::Pool;
use super::{CONNECT_TIMEOUT, Channel, DEADLINE_DEFAULT};
use crate::deadline::{self, Deadline};
use crate::ending::Ending;
use crate::methods::Methods;
use crate::telemetry::{self, calls};
use crate::tls::BoundTo;

const FIRST_PAUSE: Duration = Duration::from_millis(10);

pub(super) fn call(channel: Channel, mut request: Request<Body>) -> BoxFuture<'static, Result<Response<Body>, Status>> {
    let method = request.uri().path().trim_start_matches('/').to_owned();
    let allowed = allowed(&method, &request);
    if let Some(allowed) = allowed {
        request.headers_mut().insert(deadline::GRPC_TIMEOUT, deadline::format(allowed));
    }

    let span = span(&method, &channel.0.origin);
    telemetry::inject(&span, request.headers_mut());

    let outcome = span.clone();
    // Every request that is declared is one message: what was sent can be sent again.
    let is_message = Methods::declared().shape(&method).is_some();
    let call = async move {
        let begun_at = Instant::now();
        let answer = bounded(channel.clone(), request, is_message, allowed.map(Deadline::after)).await;
        let code = code_of(&answer);
        record(&outcome, code);
        calls::made(&method, channel.0.origin.host().unwrap_or_default(), code, begun_at.elapsed());
        answer
    };
    Box::pin(call.instrument(span))
}

/// What the caller allows; a stream without a deadline of its own may last.
fn allowed(method: &str, request: &Request<Body>) -> Option<Duration> {
    deadline::parse(request.headers()).or_else(|| {
        let streaming = Methods::declared().shape(method).is_some_and(|shape| shape.server_streaming);
        (!streaming).then_some(DEADLINE_DEFAULT)
    })
}

/// Sends the request and waits for the answer, head and body, never past the deadline.
async fn bounded(
    channel: Channel,
    request: Request<Body>,
    is_message: bool,
    deadline: Option<Deadline>,
) -> Result<Response<Body>, Status> {
    let bound_to = request.extensions().get::<BoundTo>().map(|bound| bound.0);
    let exchange = async {
        let pool = channel.pool(bound_to);
        channel.resolved(&pool).await?;
        if is_message {
            send(&channel, &pool, request, deadline).await
        } else {
            pool.connections().oneshot(request).await.map_err(|lost| lost.status)
        }
    };
    let Some(deadline) = deadline else {
        return exchange.await;
    };
    match tokio::time::timeout_at(deadline.instant(), exchange).await {
        Ok(Ok(answer)) => Ok(answer.map(|body| Body::new(Ending::new(body, deadline::passed(Some(deadline)).boxed())))),
        // Whatever else went wrong in the end, tonic's own timer included, the time was up.
        Ok(Err(_)) if deadline.remaining().is_zero() => Err(deadline::exceeded()),
        Ok(Err(status)) => Err(status),
        Err(_) => Err(deadline::exceeded()),
    }
}

/// Sends a call, and sends it again, over another connection if there is one, while it is certain that no peer has seen it and the
/// channel's budget has it: a replica that leaves costs nobody a call, and peers that are all away get no storm. Whether a call that
/// may have been seen is repeated is its caller's to decide.
async fn send(
    channel: &Channel,
    pool: &Pool,
    request: Request<Body>,
    deadline: Option<Deadline>,
) -> Result<Response<Body>, Status> {
    let (head, body) = request.into_parts();
    let message = axum::body::to_bytes(axum::body::Body::new(body), usize::MAX).await;
    let message = message.map_err(|error| Status::from_error(error.into()))?;
    let began = Instant::now();
    let mut pause = FIRST_PAUSE;
    let mut tries = 1;
    channel.0.budget.put_in();
    loop {
        let lost = match pool.connections().oneshot(again(&head, &message, deadline)).await {
            Ok(answer) => return Ok(answer),
            Err(lost) => lost,
        };
        // A peer that let the connect wait for all its time is no reason to give up on the others.
        let is_soon = tries == 1 || began.elapsed() < CONNECT_TIMEOUT;
        if tries >= lost.tries_max || !is_soon || !channel.0.budget.take_out() {
            return Err(lost.status);
        }
        // Callers that lost the same peer do not come back all at once.
        tokio::time::sleep(pause + rand::random_range(Duration::ZERO..=pause)).await;
        pause *= 2;
        tries += 1;
    }
}

/// The request with the time that is left by now.
fn again(head: &Parts, message: &Bytes, deadline: Option<Deadline>) -> Request<Body> {
    let mut head = head.clone();
    if let Some(deadline) = deadline {
        head.headers.insert(deadline::GRPC_TIMEOUT, deadline::format(deadline.remaining()));
    }
    Request::from_parts(head, Body::new(axum::body::Body::from(message.clone())))
}

fn span(method: &str, origin: &Uri) -> Span {
    tracing::info_span!(
        "call",
        otel.name = method,
        otel.kind = "client",
        otel.status_code = field::Empty,
        rpc.system.name = "grpc",
        rpc.method = method,
        rpc.response.status_code = field::Empty,
        server.address = origin.host(),
        server.port = origin.port_u16(),
    )
}

fn code_of(answer: &Result<Response<Body>, Status>) -> Code {
    match answer {
        Ok(response) => {
            response.headers().get("grpc-status").map_or(Code::Ok, |code| Code::from_bytes(code.as_bytes()))
        }
        Err(status) => status.code(),
    }
}

fn record(span: &Span, code: Code) {
    span.record("rpc.response.status_code", calls::code_name(code));
    if code != Code::Ok {
        span.record("otel.status_code", "ERROR");
    }
}
