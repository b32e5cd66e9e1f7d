//! What reaches a collector. A binary of its own: telemetry is started once a process.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chassis::TelemetryConfig;
use chassis::telemetry::{self, LogFormat};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::trace::v1::Span;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};
use types::ids::JourneyId;

#[derive(Clone, Default)]
struct Collector {
    spans: Arc<Mutex<Vec<(String, Span)>>>,
    metrics: Arc<Mutex<Vec<ExportMetricsServiceRequest>>>,
}

#[tonic::async_trait]
impl MetricsService for Collector {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        self.metrics.lock().unwrap().push(request.into_inner());
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let mut spans = self.spans.lock().unwrap();
        for resource_spans in request.into_inner().resource_spans {
            let resource = format!("{:?}", resource_spans.resource);
            for span in resource_spans.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                spans.push((resource.clone(), span));
            }
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pl_02_spans_and_metrics_reach_the_collector_at_the_latest_when_the_process_ends() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let collector = Collector::default();
    let services = tonic::transport::Server::builder()
        .add_service(TraceServiceServer::new(collector.clone()))
        .add_service(MetricsServiceServer::new(collector.clone()));
    tokio::spawn(services.serve_with_incoming(TcpListenerStream::new(listener)));

    let config = TelemetryConfig {
        log_format: LogFormat::Json,
        log: "warn".to_owned(),
        otlp_endpoint: Some(endpoint),
        trace_ratio: 1.0,
        metrics_interval_ms: 60_000,
    };
    let guard = telemetry::init("scheduling", &config).unwrap();

    let cause = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let journey = JourneyId::generate();
    let young = telemetry::resume("saga:price", Some(cause), Duration::from_secs(1));
    telemetry::within(young, Some(journey), async {}).await;
    drop(telemetry::resume("saga:late", Some(cause), Duration::from_hours(1)).entered());

    postgres::metrics::seconds("worked.duration", "Of work").record(0.02, &[]);

    let begun = Instant::now();
    guard.shutdown().await;
    assert!(begun.elapsed() < Duration::from_secs(2));

    let spans = collector.spans.lock().unwrap();
    let span = |name: &str| spans.iter().find(|(_, span)| span.name == name).unwrap();
    let (resource, young) = span("saga:price");
    assert!(resource.contains("scheduling"), "{resource}");
    let trace_id = |span: &Span| u128::from_be_bytes(span.trace_id.as_slice().try_into().unwrap());
    assert_eq!(trace_id(young), 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
    assert!(format!("{:?}", young.attributes).contains(&journey.to_string()), "{:?}", young.attributes);

    let late = &span("saga:late").1;
    assert_ne!(trace_id(late), 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
    assert_eq!(late.links.len(), 1);

    let metrics = format!("{:?}", collector.metrics.lock().unwrap());
    assert!(metrics.contains("worked.duration") && metrics.contains("explicit_bounds: [0.005"), "{metrics}");
    assert!(metrics.contains("service.instance.id") && metrics.contains("scheduling"), "{metrics}");
}
