//! A collector for the length of one command. Keeps what fits: the oldest trace makes room for a new one.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span as WireSpan, Status as WireStatus};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status as Refusal};

use super::{Kind, Link, Span, Status, Trace};

/// Of all traces together; beyond it whole traces are forgotten, the oldest first.
const SPANS_MAX: usize = 50_000;
/// Of one trace; later ones are dropped.
const SPANS_OF_TRACE_MAX: usize = 5_000;
/// A name is for a person to read.
const NAME_LENGTH_MAX: usize = 200;
const LINKS_MAX: usize = 16;

/// Listens until it is dropped.
#[derive(Debug)]
pub(crate) struct Receiver {
    endpoint: String,
    store: Arc<Store>,
    server: AbortHandle,
}

#[derive(Debug, Default)]
struct Store {
    kept: Mutex<Kept>,
    /// Somebody may wait for a span.
    arrived: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Kept {
    traces: HashMap<String, Vec<Span>>,
    /// An exporter that got no answer sends again.
    seen: HashSet<(String, String)>,
    oldest_first: VecDeque<String>,
    spans: usize,
}

impl Receiver {
    /// Listens on a free port of loopback.
    pub(crate) async fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("listening for traces")?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let store = Arc::new(Store::default());
        let service = TraceServiceServer::new(Collector(Arc::clone(&store)))
            .accept_compressed(tonic::codec::CompressionEncoding::Gzip);
        let serving = tonic::transport::Server::builder()
            .add_service(service)
            .add_service(MetricsServiceServer::new(Unread).accept_compressed(tonic::codec::CompressionEncoding::Gzip))
            .serve_with_incoming(TcpListenerStream::new(listener));
        let server = tokio::spawn(serving).abort_handle();
        Ok(Self { endpoint, store, server })
    }

    /// What services are given as `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Everything that has arrived, the trace that began first in front.
    pub(crate) fn traces(&self) -> Vec<Trace> {
        self.store.traces()
    }

    /// A trace of which `wanted` is true, as soon as there is one. Spans arrive up to a second after they ended.
    pub(crate) async fn wait_for(&self, wanted: impl Fn(&Trace) -> bool, patience: Duration) -> Option<Trace> {
        let mut arrived = self.store.arrived.subscribe();
        let find = async {
            loop {
                arrived.mark_unchanged();
                if let Some(trace) = self.traces().into_iter().find(|trace| wanted(trace)) {
                    return Some(trace);
                }
                arrived.changed().await.ok()?;
            }
        };
        tokio::time::timeout(patience, find).await.ok().flatten()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Store {
    fn traces(&self) -> Vec<Trace> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let trace = |(id, spans): (&String, &Vec<Span>)| {
            let mut spans = spans.clone();
            spans.sort_by(|one, other| (one.start_ns, &one.id).cmp(&(other.start_ns, &other.id)));
            Trace { id: id.clone(), spans }
        };
        let mut traces: Vec<Trace> = kept.traces.iter().map(trace).collect();
        traces.sort_by_key(|trace| trace.spans.first().map(|span| span.start_ns));
        traces
    }

    fn take_in(&self, request: ExportTraceServiceRequest) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        for of_resource in request.resource_spans {
            let service = service_name(&of_resource);
            for span in of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                let trace_id = hex::encode(&span.trace_id);
                kept.add(trace_id, read(span, &service));
            }
        }
        drop(kept);
        self.arrived.send_replace(());
    }
}

impl Kept {
    fn add(&mut self, trace_id: String, span: Span) {
        if !self.seen.insert((trace_id.clone(), span.id.clone())) {
            return;
        }
        if !self.traces.contains_key(&trace_id) {
            self.oldest_first.push_back(trace_id.clone());
        }
        let spans = self.traces.entry(trace_id.clone()).or_default();
        if spans.len() < SPANS_OF_TRACE_MAX {
            spans.push(span);
            self.spans += 1;
        } else {
            self.seen.remove(&(trace_id, span.id));
        }
        while self.spans > SPANS_MAX
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            let forgotten = self.traces.remove(&oldest).unwrap_or_default();
            self.spans -= forgotten.len();
            for span in forgotten {
                self.seen.remove(&(oldest.clone(), span.id));
            }
        }
    }
}

/// Takes metrics, which nobody here reads: refused, every service would say that its collector is away.
struct Unread;

#[tonic::async_trait]
impl MetricsService for Unread {
    async fn export(
        &self,
        _: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Refusal> {
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

struct Collector(Arc<Store>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Refusal> {
        self.0.take_in(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

fn read(span: WireSpan, service: &str) -> Span {
    let kind = match span.kind() {
        SpanKind::Client => Kind::Client,
        SpanKind::Server => Kind::Server,
        _ => Kind::Other,
    };
    let status = match span.status.as_ref().map(WireStatus::code) {
        Some(StatusCode::Error) => Status::Failed,
        Some(StatusCode::Ok) => Status::Ok,
        _ => Status::Unset,
    };
    let link = |link: &opentelemetry_proto::tonic::trace::v1::span::Link| Link {
        trace_id: hex::encode(&link.trace_id),
        span_id: hex::encode(&link.span_id),
    };
    Span {
        id: hex::encode(&span.span_id),
        parent: (!span.parent_span_id.is_empty()).then(|| hex::encode(&span.parent_span_id)),
        service: service.to_owned(),
        kind,
        start_ns: span.start_time_unix_nano,
        duration_ns: span.end_time_unix_nano.saturating_sub(span.start_time_unix_nano),
        status,
        links: span.links.iter().take(LINKS_MAX).map(link).collect(),
        journey: text(&span.attributes, "journey_id"),
        name: short(span.name),
    }
}

fn service_name(spans: &ResourceSpans) -> String {
    let attributes = spans.resource.as_ref().map(|resource| resource.attributes.as_slice()).unwrap_or_default();
    text(attributes, "service.name").unwrap_or_else(|| "unknown".to_owned())
}

fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    let value = attributes.iter().find(|attribute| attribute.key == key)?.value.as_ref()?.value.as_ref()?;
    match value {
        any_value::Value::StringValue(text) => Some(short(text.clone())),
        _ => None,
    }
}

fn short(text: String) -> String {
    if text.chars().count() <= NAME_LENGTH_MAX { text } else { text.chars().take(NAME_LENGTH_MAX).collect() }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
    use opentelemetry_proto::tonic::common::v1::AnyValue;
    use opentelemetry_proto::tonic::resource::v1::Resource;
    use opentelemetry_proto::tonic::trace::v1::ScopeSpans;

    use super::*;

    fn attribute(key: &str, value: &str) -> KeyValue {
        let value = AnyValue { value: Some(any_value::Value::StringValue(value.to_owned())) };
        KeyValue { key: key.to_owned(), value: Some(value), ..KeyValue::default() }
    }

    fn export(service: &str, spans: Vec<WireSpan>) -> ExportTraceServiceRequest {
        let resource = Resource { attributes: vec![attribute("service.name", service)], ..Resource::default() };
        let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
        let spans = ResourceSpans { resource: Some(resource), scope_spans, ..ResourceSpans::default() };
        ExportTraceServiceRequest { resource_spans: vec![spans] }
    }

    fn wire(trace: u8, id: u8, parent: &[u8]) -> WireSpan {
        WireSpan {
            trace_id: vec![trace; 16],
            span_id: vec![id; 8],
            parent_span_id: parent.to_vec(),
            name: "HoldSlot".to_owned(),
            start_time_unix_nano: 1_000 - u64::from(id),
            end_time_unix_nano: 2_000,
            ..WireSpan::default()
        }
    }

    #[tokio::test]
    async fn a_trace_is_put_together_from_what_several_services_send() {
        let receiver = Receiver::start().await.unwrap();
        let mut client = TraceServiceClient::connect(receiver.endpoint().to_owned()).await.unwrap();
        let child = WireSpan {
            kind: SpanKind::Server.into(),
            status: Some(WireStatus { code: StatusCode::Error.into(), ..WireStatus::default() }),
            attributes: vec![attribute("journey_id", "j-1")],
            ..wire(7, 1, &[2; 8])
        };
        let waiting =
            async { receiver.wait_for(|trace| trace.services().len() == 2, Duration::from_secs(5)).await.unwrap() };
        let sending = async {
            client.export(export("scheduling", vec![child.clone()])).await.unwrap();
            // Sent again because the answer was lost, with the rest.
            client.export(export("scheduling", vec![child.clone()])).await.unwrap();
            client.export(export("referral", vec![wire(7, 2, &[])])).await.unwrap();
        };
        let (trace, ()) = tokio::join!(waiting, sending);
        assert_eq!(trace.id, "07".repeat(16));
        assert_eq!(trace.services(), ["referral", "scheduling"]);
        assert_eq!(trace.journey(), Some("j-1"));
        assert!(trace.has_span("HoldSlot") && !trace.has_span("HoldSlots"));
        let [root, child] = trace.spans.as_slice() else { panic!("{trace:?}") };
        assert_eq!((root.parent.as_ref(), child.parent.as_ref()), (None, Some(&root.id)));
        assert_eq!((child.kind, child.status, child.duration_ns), (Kind::Server, Status::Failed, 1_001));
        assert!(receiver.wait_for(|trace| trace.spans.len() > 2, Duration::from_millis(50)).await.is_none());
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_trace_goes_first() {
        let mut kept = Kept::default();
        let span = |number: usize| Span { id: number.to_string(), ..read(wire(1, 1, &[]), "referral") };
        for number in 0..SPANS_OF_TRACE_MAX + 10 {
            kept.add("long".to_owned(), span(number));
        }
        assert_eq!(kept.traces["long"].len(), SPANS_OF_TRACE_MAX);
        for number in 0..SPANS_MAX {
            kept.add(format!("trace {}", number / 100), span(number));
        }
        assert!(kept.spans <= SPANS_MAX && kept.seen.len() == kept.spans);
        assert!(!kept.traces.contains_key("long"), "the oldest is forgotten");
        assert!(kept.traces.contains_key(&format!("trace {}", (SPANS_MAX - 1) / 100)));
    }
}
