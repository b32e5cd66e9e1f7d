//! What a refusal looks like on the wire: a code, an `ErrorInfo` with a stable reason, and details that programs can read.
//! Nothing here puts a cause's text on the wire; an internal error is logged once, where it is mapped.

use std::error::Error as StdError;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// Domain of the reasons that the chassis itself gives, the same in every service.
pub const DOMAIN: &str = "chassis.anjia";

/// A refusal with a stable reason. `domain` is `<service>.anjia`.
pub fn status(domain: &str, code: Code, reason: &str, message: impl Into<String>) -> Status {
    let details = ErrorDetails::with_error_info(reason, domain, std::collections::HashMap::new());
    Status::with_error_details(code, message, details)
}

/// A request that is wrong in itself: `INVALID_ARGUMENT / INVALID_FIELD`, naming the field in `BadRequest`.
pub fn invalid(error: proto::convert::FieldError) -> Status {
    let message = format!("{}: {}", error.field, error.description);
    let mut details = ErrorDetails::with_bad_request_violation(error.field, error.description);
    details.set_error_info("INVALID_FIELD", DOMAIN, std::collections::HashMap::new());
    Status::with_error_details(Code::InvalidArgument, message, details)
}

/// Adds a fact to the `ErrorInfo` of a refusal, such as what is left of a limit.
#[must_use]
#[expect(clippy::needless_pass_by_value, reason = "refusals are built as a chain of values")]
pub fn with_metadata(status: Status, key: &str, value: impl Into<String>) -> Status {
    let mut details = status.get_error_details();
    if let Some(info) = details.error_info().cloned() {
        let mut metadata = info.metadata;
        metadata.insert(key.to_owned(), value.into());
        details.set_error_info(info.reason, info.domain, metadata);
    }
    Status::with_error_details(status.code(), status.message(), details)
}

/// Names the field that a refusal with a reason of its own is about, such as an identifier with a wrong check digit.
#[must_use]
#[expect(clippy::needless_pass_by_value, reason = "refusals are built as a chain of values")]
pub fn with_field(status: Status, field: &str) -> Status {
    let mut details = status.get_error_details();
    details.add_bad_request_violation(field, status.message());
    Status::with_error_details(status.code(), status.message(), details)
}

/// Tells the caller when the same call is worth repeating.
#[must_use]
#[expect(clippy::needless_pass_by_value, reason = "refusals are built as a chain of values")]
pub fn retry_info(status: Status, delay: Duration) -> Status {
    let mut details = status.get_error_details();
    details.set_retry_info(Some(delay));
    Status::with_error_details(status.code(), status.message(), details)
}

/// Our own fault: the cause is logged here, once, and the caller learns nothing but that.
pub fn internal(cause: &(dyn StdError + 'static)) -> Status {
    tracing::error!(error = %chain(cause), "internal error");
    status(DOMAIN, Code::Internal, "INTERNAL", "internal error")
}

/// What storage refused. Only what every service maps alike: a constraint that means something in the domain is the service's to
/// map, before this.
pub fn storage(cause: &postgres::Error) -> Status {
    match cause {
        postgres::Error::RequestInProgress => retry_info(
            status(DOMAIN, Code::Aborted, "REQUEST_IN_PROGRESS", "the same request is being worked on"),
            Duration::from_millis(500),
        ),
        postgres::Error::RequestIdReused => {
            status(DOMAIN, Code::InvalidArgument, "REQUEST_ID_REUSED", "this request_id was used for another request")
        }
        postgres::Error::ResidentErased => {
            status(DOMAIN, Code::FailedPrecondition, "RESIDENT_ERASED", "the resident was erased at their own request")
        }
        postgres::Error::PositionNotKept { lowest_position } => {
            let refused = status(DOMAIN, Code::FailedPrecondition, "POSITION_NO_LONGER_KEPT", cause.to_string());
            with_metadata(refused, "lowest_position", lowest_position.to_string())
        }
        postgres::Error::PositionNotReached { head_position } => {
            let refused = status(DOMAIN, Code::FailedPrecondition, "POSITION_NOT_REACHED", cause.to_string());
            with_metadata(refused, "head_position", head_position.to_string())
        }
        cause if cause.is_retryable() => retry_info(
            status(DOMAIN, Code::Aborted, "LOST_RACE", "another change came first; try again"),
            Duration::from_millis(100),
        ),
        cause if cause.is_unavailable() => {
            tracing::warn!(error = %chain(cause), "storage unavailable");
            retry_info(
                status(DOMAIN, Code::Unavailable, "STORAGE_UNAVAILABLE", "storage cannot be reached now"),
                Duration::from_secs(1),
            )
        }
        cause => internal(cause),
    }
}

/// The stable reason of a refusal, as peers and tests read it.
pub fn reason(status: &Status) -> Option<String> {
    status.get_details_error_info().map(|info| info.reason)
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_carries_reason_domain_metadata_and_delay() {
        let refused = status("payment.anjia", Code::FailedPrecondition, "INSUFFICIENT_CREDIT", "credit is short");
        let refused = retry_info(with_metadata(refused, "left", "12.00"), Duration::from_secs(1));

        let info = refused.get_details_error_info().unwrap();
        assert_eq!(reason(&refused).as_deref(), Some("INSUFFICIENT_CREDIT"));
        assert_eq!(info.domain, "payment.anjia");
        assert_eq!(info.metadata["left"], "12.00");
        assert_eq!(refused.get_details_retry_info().unwrap().retry_delay, Some(Duration::from_secs(1)));
        assert_eq!(refused.message(), "credit is short");
    }

    #[test]
    fn storage_refusals_have_the_same_reasons_everywhere() {
        let expected = [
            (postgres::Error::RequestInProgress, Code::Aborted, "REQUEST_IN_PROGRESS"),
            (postgres::Error::RequestIdReused, Code::InvalidArgument, "REQUEST_ID_REUSED"),
            (postgres::Error::ResidentErased, Code::FailedPrecondition, "RESIDENT_ERASED"),
            (
                postgres::Error::PositionNotKept { lowest_position: 7 },
                Code::FailedPrecondition,
                "POSITION_NO_LONGER_KEPT",
            ),
            (
                postgres::Error::PositionNotReached { head_position: 7 },
                Code::FailedPrecondition,
                "POSITION_NOT_REACHED",
            ),
            (postgres::Error::Database(sqlx::Error::PoolTimedOut), Code::Unavailable, "STORAGE_UNAVAILABLE"),
            (postgres::Error::RegionMissing, Code::Internal, "INTERNAL"),
        ];
        for (cause, code, name) in expected {
            let refused = storage(&cause);
            assert_eq!((refused.code(), reason(&refused).as_deref()), (code, Some(name)));
        }
    }

    #[test]
    fn an_internal_error_tells_the_caller_nothing() {
        let refused = internal(&std::io::Error::other("password is hunter2"));
        assert_eq!(refused.code(), Code::Internal);
        assert!(!refused.message().contains("hunter2"));
    }
}
