//! The body of a streamed answer, which ends when the stream does, at its deadline, or when the server drains.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use tokio::time::Sleep;
use tokio_util::sync::WaitForCancellationFutureOwned;
use tonic::Status;

use super::shed::Place;

pin_project_lite::pin_project! {
    pub(super) struct Ending {
        #[pin]
        body: Body,
        #[pin]
        draining: WaitForCancellationFutureOwned,
        deadline: Option<Pin<Box<Sleep>>>,
        // Held until the stream is over, whoever ends it.
        place: Option<Arc<Place>>,
        ended: bool,
    }
}

impl Ending {
    pub(super) fn new(
        body: Body,
        draining: WaitForCancellationFutureOwned,
        deadline: Option<tokio::time::Instant>,
        place: Option<Arc<Place>>,
    ) -> Self {
        let deadline = deadline.map(|at| Box::pin(tokio::time::sleep_until(at)));
        Self { body, draining, deadline, place, ended: false }
    }
}

impl http_body::Body for Ending {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.project();
        if *this.ended {
            return Poll::Ready(None);
        }
        let cut = if this.draining.poll(cx).is_ready() {
            Some(super::layers::draining())
        } else if this.deadline.as_mut().is_some_and(|deadline| deadline.as_mut().poll(cx).is_ready()) {
            Some(crate::deadline::exceeded())
        } else {
            None
        };
        if let Some(status) = cut {
            *this.ended = true;
            *this.place = None;
            return Poll::Ready(Some(Ok(Frame::trailers(trailers(&status)))));
        }
        this.body.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

fn trailers(status: &Status) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    // Fails only for details that are no header value; then the client sees a stream without a status, which is an error too.
    let _ = status.add_header(&mut trailers);
    trailers
}
