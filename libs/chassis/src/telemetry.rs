//! Logs to stderr, metrics at the ops port, and traces and metrics to a collector when one is named.
//!
//! Without a collector a trace is still named: its ids stand in the log, in events and sagas, and in the calls made, but nothing of it is
//! recorded. With one, spans wait in a bounded queue and are sent in the background: a collector that is away costs spans, never a call.
//! Metrics are sums, so what it missed it learns later. `signals.toml` declares them all.

pub(crate) mod calls;
mod context;
mod exporter;
mod fields;
mod line;
mod metrics;
#[cfg(test)]
mod written;

use std::io::IsTerminal;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{RetryPolicy, WithExportConfig, WithTonicConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider};
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{EnvFilter, Layer};

pub use context::{CONTINUED_AT_MOST, current_traceparent, journey, resume, taking_in, within};
pub(crate) use context::{accept, inject, journey_from, mark, name_caller, with_journey};
use exporter::Watched;
use fields::Members;
use line::Traced;
pub(crate) use metrics::exposition;

/// Spans that wait for the collector at most; later ones are dropped.
const QUEUE_MAX: usize = 2048;
/// How long a span waits before it is sent: a trace is complete soon after its call.
const SEND_EVERY: Duration = Duration::from_millis(500);
/// How long the collector may take to accept a batch.
const SEND_LIMIT: Duration = Duration::from_secs(2);
/// How long the process waits at its end for the last spans.
const FLUSH_LIMIT: Duration = Duration::from_secs(2);

/// What is logged and traced, and where it goes.
#[derive(Debug, Clone, clap::Args)]
pub struct TelemetryConfig {
    /// Form of the log lines on stderr.
    #[arg(long, env, value_enum, default_value_t = LogFormat::Json)]
    pub log_format: LogFormat,
    /// What is logged, as `level` or `target=level,…`.
    #[arg(long = "log", env = "RUST_LOG", default_value = "info", value_parser = log_filter)]
    pub log: String,
    /// Collector that receives traces and metrics by OTLP over gRPC, such as `http://127.0.0.1:4317`; none: traces have ids and are recorded nowhere.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_parser = collector)]
    pub otlp_endpoint: Option<String>,
    /// Share of new traces that are recorded, 0 to 1; a trace begun elsewhere is recorded if it is there.
    #[arg(long, env = "OTEL_TRACES_SAMPLER_ARG", default_value = "1", value_parser = ratio)]
    pub trace_ratio: f64,
    /// How often metrics are sent to the collector, in milliseconds.
    #[arg(long, env = "OTEL_METRIC_EXPORT_INTERVAL", default_value = "15000", value_parser = clap::value_parser!(u64).range(100..))]
    pub metrics_interval_ms: u64,
}

impl TelemetryConfig {
    fn endpoint(&self) -> Option<&str> {
        self.otlp_endpoint.as_deref().filter(|endpoint| !endpoint.is_empty())
    }
}

/// Form of the log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line, for machines.
    Json,
    /// Coloured text, for people.
    Pretty,
}

fn log_filter(text: &str) -> Result<String, TelemetryError> {
    filter(text).map(|_| text.to_owned())
}

/// Empty is as good as none.
fn collector(url: &str) -> Result<String, &'static str> {
    let is_address = url.parse::<http::Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty())
    });
    if url.is_empty() || is_address { Ok(url.to_owned()) } else { Err("not an address such as http://127.0.0.1:4317") }
}

fn ratio(text: &str) -> Result<f64, &'static str> {
    text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio)).ok_or("not a number from 0 to 1")
}

/// Why telemetry cannot start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error("the log filter is not understood: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    #[error("an exporter cannot be built: {0}")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
    #[error("telemetry was started twice: {0}")]
    Twice(#[from] tracing::subscriber::SetGlobalDefaultError),
}

/// Keeps telemetry alive; sends what is left when shut down or dropped.
#[must_use = "telemetry ends when the guard is dropped"]
#[derive(Debug)]
pub struct Guard {
    traces: Option<SdkTracerProvider>,
    metrics: Option<SdkMeterProvider>,
}

/// Starts telemetry for the whole process. Must be called within a runtime, once.
pub fn init(service_name: &'static str, config: &TelemetryConfig) -> Result<Guard, TelemetryError> {
    let logs = match config.log_format {
        LogFormat::Json => {
            let json = tracing_subscriber::fmt::layer().json().flatten_event(true).map_event_format(Traced);
            let json = json.fmt_fields(Members);
            json.with_writer(std::io::stderr).boxed()
        }
        LogFormat::Pretty => {
            let is_terminal = std::io::stderr().is_terminal();
            tracing_subscriber::fmt::layer().with_ansi(is_terminal).with_writer(std::io::stderr).boxed()
        }
    };
    let logs = logs.with_filter(filter(&config.log)?);

    let resource = resource(service_name);
    let provider = provider(config, resource.clone())?;
    // Events go into recorded spans only.
    let is_recorded = config.endpoint().is_some();
    let traces = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer(service_name))
        // Places and threads of code would triple a span; the name says enough.
        .with_location(false)
        .with_target(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_filter(
            filter_fn(move |metadata| ours(metadata) && (is_recorded || metadata.is_span()))
                .with_max_level_hint(LevelFilter::INFO),
        );

    // Not `try_init`: that also takes records of the `log` crate, whose mere question whether a level is logged (sqlx asks for each
    // statement) leaves the answer in the filters of this thread, where it swallows our next span or event.
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(logs).with(traces))?;
    std::panic::set_hook(Box::new(log_panic));
    Ok(Guard { traces: Some(provider), metrics: Some(metrics::start(config, resource)?) })
}

/// The exporter's own complaints are left out unless asked for: `Watched` says the same once.
fn filter(log: &str) -> Result<EnvFilter, TelemetryError> {
    const TARGET: &str = "opentelemetry";
    let text = if log.contains(TARGET) { log.to_owned() } else { format!("{log},{TARGET}=off") };
    Ok(EnvFilter::try_new(text)?)
}

/// Says where a panic was, and not what it said: that may quote a person's data.
fn log_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let backtrace = std::backtrace::Backtrace::capture();
    tracing::error!(place, %backtrace, "panic");
}

/// Our own spans and events. Those of the transport stay out: sending them would make more of them, without end.
fn ours(metadata: &tracing::Metadata<'_>) -> bool {
    const FOREIGN: [&str; 8] = ["h2", "hyper", "hyper_util", "tonic", "tower", "opentelemetry", "sqlx", "rustls"];
    let origin = metadata.target().split("::").next().unwrap_or_default();
    *metadata.level() <= tracing::Level::INFO && !FOREIGN.iter().any(|foreign| origin.starts_with(foreign))
}

/// Who says all this: a service, and which of its processes.
fn resource(service_name: &'static str) -> Resource {
    let attributes = [
        KeyValue::new("service.name", service_name),
        KeyValue::new("service.namespace", "anjia"),
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("service.instance.id", uuid::Uuid::new_v4().to_string()),
    ];
    Resource::builder_empty().with_attributes(attributes).build()
}

/// Gives spans their ids, and sends what is sampled of them where there is a collector.
fn provider(config: &TelemetryConfig, resource: Resource) -> Result<SdkTracerProvider, TelemetryError> {
    let Some(endpoint) = config.endpoint() else {
        // What the caller records may be recorded further on, by those who have a collector: that it is sampled is passed on.
        let sampler = Sampler::ParentBased(Box::new(Sampler::AlwaysOff));
        return Ok(SdkTracerProvider::builder().with_sampler(sampler).build());
    };
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint)
        .with_timeout(SEND_LIMIT)
        // A batch that cannot be delivered is dropped; trying again would only hold up the next, and the end of the process.
        .with_retry_policy(RetryPolicy::disabled())
        .build()?;
    let limits = BatchConfigBuilder::default()
        .with_max_queue_size(QUEUE_MAX)
        .with_max_export_batch_size(QUEUE_MAX / 4)
        .with_scheduled_delay(SEND_EVERY)
        .build();
    let provider = SdkTracerProvider::builder()
        .with_span_processor(
            BatchSpanProcessor::builder(Watched::new(exporter, "spans")).with_batch_config(limits).build(),
        )
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(config.trace_ratio))))
        .with_resource(resource)
        .build();
    Ok(provider)
}

impl Guard {
    /// Sends what is left, for at most two seconds each, without holding up the runtime that does the sending.
    pub async fn shutdown(mut self) {
        let (traces, metrics) = (self.traces.take(), self.metrics.take());
        let spans = tokio::task::spawn_blocking(move || traces.map(|traces| traces.shutdown_with_timeout(FLUSH_LIMIT)));
        let sums =
            tokio::task::spawn_blocking(move || metrics.map(|metrics| metrics.shutdown_with_timeout(FLUSH_LIMIT)));
        for flushed in [spans.await, sums.await] {
            if let Ok(Some(Err(error))) = flushed {
                tracing::warn!(%error, "the last spans or metrics were not delivered");
            }
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Also on the way out of an error: the spans that explain it matter most.
        if let Some(traces) = self.traces.take() {
            let _ = traces.shutdown_with_timeout(FLUSH_LIMIT);
        }
        if let Some(metrics) = self.metrics.take() {
            let _ = metrics.shutdown_with_timeout(FLUSH_LIMIT);
        }
    }
}
