//! Where a trace comes from and where it goes on: W3C headers, stored traceparents, the journey that a trace belongs to.

use std::cell::Cell;
use std::collections::HashMap;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::TraceContextExt;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use postgres::events::Event;
use tracing::{Instrument, Span, field};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use types::caller::Caller;
use types::ids::JourneyId;

/// Work that begins later than this after its cause is a new trace with a link, so that traces stay finite.
pub const CONTINUED_AT_MOST: Duration = Duration::from_mins(15);

const TRACEPARENT: &str = "traceparent";
const BAGGAGE: &str = "baggage";
const JOURNEY_KEY: &str = "journey_id";

tokio::task_local! {
    /// The journey of the call being served, for the calls it makes.
    static JOURNEY: Cell<Option<JourneyId>>;
}

/// The span of background work that an earlier call caused. `traceparent` is the stored one, `age` how long ago it was stored.
///
/// Run the work by [`within`]: within 15 minutes the work is a child of its cause, later a new trace linked to it.
pub fn resume(name: &str, traceparent: Option<&str>, age: Duration) -> Span {
    let span =
        tracing::info_span!(parent: None, "work", otel.name = name, otel.kind = "internal", journey_id = field::Empty);
    caused(span, traceparent, age)
}

/// The span of taking in another service's event, as [`resume`].
pub fn taking_in(name: &str, event: &Event, age: Duration) -> Span {
    let span = tracing::info_span!(
        parent: None,
        "work",
        otel.name = name,
        otel.kind = "consumer",
        messaging.system = "anjia",
        messaging.operation.name = "process",
        messaging.destination.name = event.kind.split('.').nth(1),
        messaging.message.id = %event.id,
        journey_id = field::Empty,
    );
    caused(span, event.traceparent.as_deref(), age)
}

fn caused(span: Span, traceparent: Option<&str>, age: Duration) -> Span {
    let Some(cause) = traceparent.map(remote) else {
        return span;
    };
    if age <= CONTINUED_AT_MOST {
        // Fails only outside a service, where there are no traces to continue.
        let _ = span.set_parent(cause);
    } else {
        span.add_link(cause.span().span_context().clone());
    }
    span
}

/// The current span as a W3C `traceparent`, to be stored beside work that will go on with it.
pub fn current_traceparent() -> Option<String> {
    let mut carrier = HashMap::new();
    TraceContextPropagator::new().inject_context(&Span::current().context(), &mut carrier);
    carrier.remove(TRACEPARENT)
}

/// Says which journey the current call belongs to: an attribute of its span, and baggage of the calls it makes.
pub fn journey(id: JourneyId) {
    mark(&Span::current(), id);
    // Outside a served call and `within` there is no baggage to fill.
    let _ = JOURNEY.try_with(|journey| journey.set(Some(id)));
}

/// Runs background work in its span, as a part of its journey.
pub async fn within<F: Future>(span: Span, journey: Option<JourneyId>, work: F) -> F::Output {
    if let Some(id) = journey {
        mark(&span, id);
    }
    with_journey(journey, work).instrument(span).await
}

pub(crate) fn mark(span: &Span, id: JourneyId) {
    if span.has_field(JOURNEY_KEY) {
        span.record(JOURNEY_KEY, field::display(id));
    } else {
        span.set_attribute(JOURNEY_KEY, id.to_string());
    }
}

/// Names on the served call's span who acts, for whom, and under which delegation: opaque ids, as in the audit.
pub(crate) fn name_caller(caller: &Caller) {
    tracing::record_all!(
        Span::current(),
        actor = %caller.acting(),
        subject = %caller.subject,
        delegation_id = caller.delegation.map(field::display),
    );
}

/// Runs a served call with a place for its journey.
pub(crate) async fn with_journey<F: Future>(journey: Option<JourneyId>, call: F) -> F::Output {
    JOURNEY.scope(Cell::new(journey), call).await
}

/// The journey in a call's baggage. Baggage is for telemetry alone: a foreign value is ignored, never an error.
pub(crate) fn journey_from(headers: &HeaderMap) -> Option<JourneyId> {
    let baggage = headers.get(BAGGAGE)?.to_str().ok()?;
    baggage.split(',').filter_map(|member| member.trim().split_once('=')).find_map(|(key, value)| {
        (key == JOURNEY_KEY).then(|| value.split(';').next().unwrap_or_default().trim().parse().ok())?
    })
}

/// Makes `span` a child of whatever span made the call.
pub(crate) fn accept(span: &Span, headers: &HeaderMap) {
    if headers.contains_key(TRACEPARENT) {
        let parent = TraceContextPropagator::new().extract(&Headers(headers));
        let _ = span.set_parent(parent);
    }
}

/// Writes `span` and the journey into the headers of an outgoing call.
pub(crate) fn inject(span: &Span, headers: &mut HeaderMap) {
    TraceContextPropagator::new().inject_context(&span.context(), &mut HeadersMut(headers));
    let journey = JOURNEY.try_with(Cell::get).ok().flatten();
    if let Some(id) = journey
        && let Ok(value) = HeaderValue::try_from(format!("{JOURNEY_KEY}={id}"))
    {
        headers.insert(BAGGAGE, value);
    }
}

fn remote(traceparent: &str) -> Context {
    let carrier = HashMap::from([(TRACEPARENT.to_owned(), traceparent.to_owned())]);
    TraceContextPropagator::new().extract_with_context(&Context::new(), &carrier)
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

struct HeadersMut<'a>(&'a mut HeaderMap);

impl Injector for HeadersMut<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(key), HeaderValue::try_from(value)) {
            self.0.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn baggage_names_a_journey_or_nothing() {
        let id = JourneyId::generate();
        let mut headers = HeaderMap::new();
        assert_eq!(journey_from(&headers), None);
        for (text, expected) in [
            (format!("a=b, journey_id={id};p=1"), Some(id)),
            ("journey_id=DROP TABLE".to_owned(), None),
            ("journey_id".to_owned(), None),
        ] {
            headers.insert(BAGGAGE, text.parse().unwrap());
            assert_eq!(journey_from(&headers), expected, "{text}");
        }
    }

    #[tokio::test]
    async fn a_journey_named_in_a_call_goes_with_its_calls() {
        let id = JourneyId::generate();
        let mut headers = HeaderMap::new();
        with_journey(None, async {
            journey(id);
            inject(&Span::none(), &mut headers);
        })
        .await;
        assert_eq!(journey_from(&headers), Some(id));
    }
}
