//! What arrived at a collector, put in order.

use std::collections::{BTreeMap, BTreeSet};

use mesh_tests::Signals;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::metrics::v1::{Metric, metric::Data};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;

use crate::collector::Collector;

/// A call of one service by another, as one trace shows it from both sides.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Edge {
    pub(super) caller: String,
    pub(super) callee: String,
    pub(super) method: String,
}

impl Edge {
    pub(super) fn pair(&self) -> (String, String) {
        (self.caller.clone(), self.callee.clone())
    }
}

/// How a metric was seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    kind: String,
    unit: String,
    /// Values by attribute.
    attributes: BTreeMap<String, BTreeSet<String>>,
}

#[derive(Debug, Default)]
pub(super) struct Told {
    /// By service, and by name.
    metrics: BTreeMap<String, BTreeMap<String, Seen>>,
    /// Attributes by service and kind.
    pub(super) spans: BTreeMap<(String, String), BTreeSet<String>>,
    pub(super) edges: BTreeSet<Edge>,
    /// In hexadecimal digits.
    pub(super) traces: BTreeSet<String>,
}

impl Told {
    pub(super) fn of(collector: &Collector) -> Self {
        let mut told = Self::default();
        for of_resource in collector.metrics().into_iter().flat_map(|request| request.resource_metrics) {
            let service = service(of_resource.resource.as_ref());
            let metrics = told.metrics.entry(service).or_default();
            for metric in of_resource.scope_metrics.into_iter().flat_map(|scope| scope.metrics) {
                take_metric(metrics.entry(metric.name.clone()).or_default(), metric);
            }
        }
        told.take_spans(collector);
        told
    }

    pub(super) fn metrics_of(&self, service: &str) -> &BTreeMap<String, Seen> {
        static NONE: BTreeMap<String, Seen> = BTreeMap::new();
        self.metrics.get(service).unwrap_or(&NONE)
    }

    fn take_spans(&mut self, collector: &Collector) {
        let mut callers = BTreeMap::new();
        let mut served = vec![];
        for of_resource in collector.traces().into_iter().flat_map(|request| request.resource_spans) {
            let service = service(of_resource.resource.as_ref());
            for span in of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                self.traces.insert(hex::encode(&span.trace_id));
                let kind = span.kind();
                let seen = self.spans.entry((service.clone(), word(kind).to_owned())).or_default();
                seen.extend(span.attributes.iter().map(|attribute| attribute.key.clone()));
                let whole = |id: Vec<u8>| (span.trace_id.clone(), id);
                match kind {
                    SpanKind::Client => drop(callers.insert(whole(span.span_id), service.clone())),
                    SpanKind::Server => served.push((whole(span.parent_span_id), service.clone(), span.name)),
                    _ => {}
                }
            }
        }
        let edges = served.into_iter().filter_map(|(parent, callee, method)| {
            Some(Edge { caller: callers.get(&parent)?.clone(), callee, method })
        });
        self.edges = edges.collect();
    }

    /// Whatever was sent otherwise than declared.
    pub(super) fn undeclared(&self, declared: &Signals) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for (service, metrics) in &self.metrics {
            for (name, seen) in metrics {
                let Some(metric) = declared.metric(name).filter(|metric| metric.services.contains(service)) else {
                    found.insert(format!("{service} sends {name}"));
                    continue;
                };
                if (&seen.kind, &seen.unit) != (&metric.kind, &metric.unit) {
                    found.insert(format!("{name} is a {} in {}", seen.kind, seen.unit));
                }
                let strange = seen.attributes.keys().filter(|key| !metric.attributes.contains(*key));
                found.extend(strange.map(|key| format!("{service}: {name} has an attribute {key}")));
            }
        }
        for ((service, kind), attributes) in &self.spans {
            let Some(span) = declared.spans.iter().find(|span| span.kind == *kind && span.services.contains(service))
            else {
                found.insert(format!("{service} sends {kind} spans"));
                continue;
            };
            let strange = attributes.difference(&span.attributes);
            found.extend(strange.map(|key| format!("{service}: a {kind} span has an attribute {key}")));
        }
        found
    }

    /// Values of metrics that are an id or a number of somebody or something.
    pub(super) fn who_is_named(&self) -> BTreeSet<String> {
        let is_id = |value: &str| {
            let digits = value.chars().filter(char::is_ascii_digit).count();
            digits >= 8 || value.split(|letter: char| !letter.is_ascii_hexdigit()).any(|part| part.len() >= 12)
        };
        let seen = self.metrics.values().flatten();
        let values = seen.flat_map(|(name, seen)| {
            seen.attributes.iter().flat_map(move |(key, values)| values.iter().map(move |value| (name, key, value)))
        });
        values.filter(|(_, _, value)| is_id(value)).map(|(name, key, value)| format!("{name} {key}={value}")).collect()
    }
}

fn take_metric(seen: &mut Seen, metric: Metric) {
    let (kind, attributes): (&str, Vec<Vec<KeyValue>>) = match metric.data {
        Some(Data::Histogram(data)) => {
            ("histogram", data.data_points.into_iter().map(|point| point.attributes).collect())
        }
        Some(Data::Gauge(data)) => ("gauge", data.data_points.into_iter().map(|point| point.attributes).collect()),
        Some(Data::Sum(data)) => {
            let kind = if data.is_monotonic { "counter" } else { "up_down_counter" };
            (kind, data.data_points.into_iter().map(|point| point.attributes).collect())
        }
        other => panic!("{}: {other:?}", metric.name),
    };
    kind.clone_into(&mut seen.kind);
    seen.unit = metric.unit;
    for attribute in attributes.into_iter().flatten() {
        let value = text(&attribute);
        seen.attributes.entry(attribute.key).or_default().insert(value);
    }
}

fn service(resource: Option<&Resource>) -> String {
    let attributes = resource.map(|resource| resource.attributes.as_slice()).unwrap_or_default();
    let find = |key: &str| attributes.iter().find(|attribute| attribute.key == key).map(text);
    assert!(find("service.instance.id").is_some(), "replicas cannot be told apart: {attributes:?}");
    find("service.name").expect("every signal says whose it is")
}

fn text(attribute: &KeyValue) -> String {
    match attribute.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        other => format!("{other:?}"),
    }
}

fn word(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Server => "server",
        SpanKind::Client => "client",
        SpanKind::Consumer => "consumer",
        SpanKind::Internal => "internal",
        SpanKind::Producer => "producer",
        SpanKind::Unspecified => "unspecified",
    }
}
