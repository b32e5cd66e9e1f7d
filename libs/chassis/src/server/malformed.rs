//! Bytes that are no message of the method: the caller's fault, said as such.

use axum::response::Response;
use http::HeaderMap;
use http::header::HeaderValue;
use tonic::{Code, Status};

use crate::error;

/// How prost begins the text of every message it cannot read.
const UNREADABLE: &str = "failed to decode Protobuf message: ";

/// The codec answers INTERNAL, which would send its caller to us: makes it `INVALID_ARGUMENT / MALFORMED_MESSAGE`, with the path of
/// the field where it is known.
pub(super) fn translate(response: Response) -> Response {
    match unreadable(response.headers()) {
        None => response,
        Some(place) => {
            let text = format!("the bytes are not a message of this method: {place}");
            let refused = error::status(error::DOMAIN, Code::InvalidArgument, "MALFORMED_MESSAGE", text);
            super::layers::refuse(&refused)
        }
    }
}

fn unreadable(headers: &HeaderMap) -> Option<String> {
    if headers.get("grpc-status").map(HeaderValue::as_bytes) != Some(b"13") {
        return None;
    }
    let status = Status::from_header_map(headers)?;
    status.message().strip_prefix(UNREADABLE).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use tonic::body::Body;

    use super::*;

    fn answered(status: Status) -> Status {
        let response: http::Response<Body> = status.into_http();
        let response = translate(response.map(axum::body::Body::new));
        Status::from_header_map(response.headers()).unwrap()
    }

    #[test]
    fn an_unreadable_message_is_the_callers_fault() {
        let answer = answered(Status::internal(format!("{UNREADABLE}GetKeysRequest.name: invalid string value")));
        assert_eq!(
            (answer.code(), error::reason(&answer).as_deref()),
            (Code::InvalidArgument, Some("MALFORMED_MESSAGE"))
        );
        assert!(answer.message().contains("GetKeysRequest.name"));
    }

    #[test]
    fn every_other_refusal_passes_as_it_is() {
        assert_eq!(answered(Status::internal("internal error")).code(), Code::Internal);
        assert_eq!(answered(Status::not_found(UNREADABLE)).code(), Code::NotFound);
    }
}
