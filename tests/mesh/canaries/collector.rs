//! A collector of traces that keeps every span as it came.

use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use prost::Message;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::codec::CompressionEncoding;
use tonic::{Request, Response, Status};

/// What arrived, encoded: names, attributes, events, links and resources alike.
#[derive(Clone, Default)]
pub(super) struct Collector(Arc<Mutex<Vec<u8>>>);

impl Collector {
    /// Listens for as long as the test runs; answers where.
    pub(super) async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port of loopback");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let service = TraceServiceServer::new(self.clone()).accept_compressed(CompressionEncoding::Gzip);
        let serving = tonic::transport::Server::builder().add_service(service);
        tokio::spawn(serving.serve_with_incoming(TcpListenerStream::new(listener)));
        endpoint
    }

    pub(super) fn spans(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn take(&self, spans: &ExportTraceServiceRequest) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(spans.encode_to_vec());
    }
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.take(&request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}
