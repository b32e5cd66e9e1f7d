//! What is measured of every call, served and made, by OpenTelemetry's semantic conventions for RPC, stable in version 1.45.

use std::sync::LazyLock;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram};
use postgres::metrics::{meter, seconds};
use tonic::Code;

static SERVED: LazyLock<Histogram<f64>> =
    LazyLock::new(|| seconds("rpc.server.call.duration", "Of a served call, until its answer begins"));
static MADE: LazyLock<Histogram<f64>> =
    LazyLock::new(|| seconds("rpc.client.call.duration", "Of a call to a peer, until its answer begins"));
static REFUSED: LazyLock<Counter<u64>> = LazyLock::new(|| {
    let counter = meter().u64_counter("anjia.rpc.refusals").with_unit("{refusal}");
    counter.with_description("Served calls that were refused, by reason").build()
});

/// A call of `package.Service/Method` was answered.
pub(crate) fn served(method: &str, code: Code, took: Duration) {
    let error = is_fault(code).then_some(code);
    SERVED.record(took.as_secs_f64(), &[&common(method, code)[..], &failed(error)].concat());
}

/// A served call was refused. Reasons are those of the contracts: a few hundred words.
pub(crate) fn refused(method: &str, code: Code, reason: String) {
    let attributes = [
        KeyValue::new("rpc.method", method.to_owned()),
        KeyValue::new("rpc.response.status_code", code_name(code)),
        KeyValue::new("anjia.reason", reason),
    ];
    REFUSED.add(1, &attributes);
}

/// A call to a peer was answered, or given up.
pub(crate) fn made(method: &str, host: &str, code: Code, took: Duration) {
    let error = (code != Code::Ok).then_some(code);
    let address = [KeyValue::new("server.address", host.to_owned())];
    MADE.record(took.as_secs_f64(), &[&common(method, code)[..], &address, &failed(error)].concat());
}

fn common(method: &str, code: Code) -> [KeyValue; 3] {
    [
        KeyValue::new("rpc.system.name", "grpc"),
        KeyValue::new("rpc.method", method.to_owned()),
        KeyValue::new("rpc.response.status_code", code_name(code)),
    ]
}

fn failed(error: Option<Code>) -> Vec<KeyValue> {
    error.map(|code| KeyValue::new("error.type", code_name(code))).into_iter().collect()
}

/// By the semantic conventions only what is the server's own fault is an error of the server.
pub(crate) fn is_fault(code: Code) -> bool {
    matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    )
}

/// As the conventions and gRPC's own documents write it.
pub(crate) fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
