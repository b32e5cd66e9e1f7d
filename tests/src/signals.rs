//! The signals that services declare: `libs/chassis/src/telemetry/signals.toml`.

use std::collections::BTreeSet;

use toml::{Table, Value};

const DECLARED: &str = include_str!("../../libs/chassis/src/telemetry/signals.toml");

/// One kind of measurement.
#[derive(Debug)]
pub struct Metric {
    pub name: String,
    pub kind: String,
    /// As UCUM writes it: `s`, or a word in braces.
    pub unit: String,
    pub about: String,
    pub attributes: BTreeSet<String>,
    /// Those that send it.
    pub services: Vec<String>,
    /// Not sent by a mesh where all goes well.
    pub is_rare: bool,
}

/// All spans of one kind: `server`, `client`, `consumer`, `internal`.
#[derive(Debug)]
pub struct SpanKind {
    pub kind: String,
    pub attributes: BTreeSet<String>,
    pub services: Vec<String>,
    pub is_rare: bool,
}

/// Everything that is declared, in its order.
#[derive(Debug)]
pub struct Signals {
    pub metrics: Vec<Metric>,
    pub spans: Vec<SpanKind>,
}

impl Signals {
    pub fn declared() -> Self {
        let table: Table = DECLARED.parse().expect("signals.toml is TOML");
        let metrics = list(&table["metric"]).iter().map(|metric| Metric {
            name: text(metric, "name"),
            kind: text(metric, "kind"),
            unit: text(metric, "unit"),
            about: text(metric, "about"),
            attributes: attributes(metric),
            services: services(metric),
            is_rare: is_rare(metric),
        });
        let spans = list(&table["span"]).iter().map(|span| SpanKind {
            kind: text(span, "kind"),
            attributes: attributes(span),
            services: services(span),
            is_rare: is_rare(span),
        });
        Self { metrics: metrics.collect(), spans: spans.collect() }
    }

    pub fn metric(&self, name: &str) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.name == name)
    }
}

impl Metric {
    /// What Prometheus calls its series.
    pub fn series(&self) -> Vec<String> {
        let base = self.name.replace('.', "_");
        let base = if self.unit == "s" { format!("{base}_seconds") } else { base };
        match self.kind.as_str() {
            "histogram" => ["_bucket", "_sum", "_count"].map(|part| format!("{base}{part}")).into(),
            "counter" => vec![format!("{base}_total")],
            "gauge" | "up_down_counter" => vec![base],
            other => panic!("{} is a {other}", self.name),
        }
    }
}

fn is_rare(entry: &Value) -> bool {
    entry.get("rare").is_some_and(|rare| rare.as_bool() == Some(true))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(entry: &Value, key: &str) -> String {
    let text = entry.get(key).and_then(Value::as_str);
    text.unwrap_or_else(|| panic!("{entry} has no {key}")).to_owned()
}

fn words(entry: &Value, key: &str) -> Option<Vec<String>> {
    let words = entry.get(key)?.as_array()?.iter().filter_map(Value::as_str);
    Some(words.map(str::to_owned).collect())
}

fn attributes(entry: &Value) -> BTreeSet<String> {
    words(entry, "attributes").unwrap_or_else(|| panic!("{entry} has no attributes")).into_iter().collect()
}

fn services(entry: &Value) -> Vec<String> {
    words(entry, "services").unwrap_or_else(|| devstack::SERVICES.map(str::to_owned).into())
}
