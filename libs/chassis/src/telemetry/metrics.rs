//! Metrics: kept in this process, where Prometheus reads them at the ops port, and sent to a collector when one is named.

use std::sync::OnceLock;
use std::time::Duration;

use opentelemetry::global;
use opentelemetry_otlp::{MetricExporter, RetryPolicy, WithExportConfig, WithTonicConfig};
use opentelemetry_prometheus_text_exporter::PrometheusExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};

use super::exporter::Watched;
use super::{SEND_LIMIT, TelemetryConfig, TelemetryError};

static EXPOSED: OnceLock<PrometheusExporter> = OnceLock::new();

/// Instruments made from now on measure.
pub(super) fn start(config: &TelemetryConfig, resource: Resource) -> Result<SdkMeterProvider, TelemetryError> {
    let exposed = PrometheusExporter::builder().without_scope_info().build();
    let mut provider = SdkMeterProvider::builder().with_resource(resource).with_reader(exposed.clone());
    if let Some(endpoint) = config.endpoint() {
        let exporter = MetricExporter::builder()
            .with_tonic()
            .with_endpoint(endpoint)
            .with_timeout(SEND_LIMIT)
            // What could not be sent now is in the sums that are sent next.
            .with_retry_policy(RetryPolicy::disabled())
            .build()?;
        let interval = Duration::from_millis(config.metrics_interval_ms);
        let reader = PeriodicReader::builder(Watched::new(exporter, "metrics")).with_interval(interval).build();
        provider = provider.with_reader(reader);
    }
    let provider = provider.build();
    // Telemetry is started once: a second start fails by itself.
    let _ = EXPOSED.set(exposed);
    global::set_meter_provider(provider.clone());
    Ok(provider)
}

/// Everything as it stands, in the text format of Prometheus; nothing where telemetry was not started.
pub(crate) fn exposition() -> std::io::Result<Vec<u8>> {
    let mut text = vec![];
    if let Some(exposed) = EXPOSED.get() {
        exposed.export(&mut text)?;
    }
    Ok(text)
}
