//! The body of an answer that ends when its stream does, or earlier with a status of its own: at a deadline, or in a drain.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use tonic::Status;

pin_project_lite::pin_project! {
    /// `cut` resolves to the status that ends the stream early; whatever it holds is let go when the stream is over.
    pub(crate) struct Ending<B> {
        #[pin]
        body: B,
        cut: Option<BoxFuture<'static, Status>>,
    }
}

impl<B> Ending<B> {
    pub(crate) fn new(body: B, cut: BoxFuture<'static, Status>) -> Self {
        Self { body, cut: Some(cut) }
    }
}

impl<B: Body> Body for Ending<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let Some(cut) = this.cut else {
            return Poll::Ready(None);
        };
        // Asked first, so that a stream that always has more still ends.
        if let Poll::Ready(status) = cut.as_mut().poll(cx) {
            *this.cut = None;
            return Poll::Ready(Some(Ok(Frame::trailers(trailers(&status)))));
        }
        this.body.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.cut.is_none() || self.body.is_end_stream()
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

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tonic::Code;

    use super::*;

    /// A body that never has anything to say.
    struct Silent;

    impl Body for Silent {
        type Data = prost::bytes::Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
            Poll::Pending
        }
    }

    #[tokio::test]
    async fn a_cut_stream_ends_with_its_status_and_lets_go_of_its_place() {
        let place = std::sync::Arc::new(());
        let held = std::sync::Arc::clone(&place);
        let cut = async move {
            tokio::task::yield_now().await;
            drop(held);
            crate::deadline::exceeded()
        };
        let mut body = Box::pin(Ending::new(Silent, cut.boxed()));

        let frame = std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await.unwrap().unwrap();
        let status = Status::from_header_map(frame.trailers_ref().unwrap()).unwrap();
        assert_eq!(status.code(), Code::DeadlineExceeded);
        assert_eq!(std::sync::Arc::strong_count(&place), 1);
        assert!(std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await.is_none());
    }
}
