//! How long a call may still take. A deadline travels as `grpc-timeout`, shrinks on the way and is enforced on both sides by the
//! chassis, because tonic's own timeout answers CANCELLED where the contract says `DEADLINE_EXCEEDED`.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use tokio::time::Instant;
use tonic::{Code, Status};

use crate::error;

/// Name of the header that carries a relative deadline.
pub const GRPC_TIMEOUT: &str = "grpc-timeout";

/// The moment after which nobody waits for the answer any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline(Instant);

impl Deadline {
    /// A deadline this far from now.
    pub fn after(duration: Duration) -> Self {
        Self(Instant::now() + duration)
    }

    /// What is left; zero when it has passed.
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// The moment itself, to sleep until.
    pub fn instant(self) -> Instant {
        self.0
    }
}

/// Reads `grpc-timeout`: at most eight digits and a unit. A malformed value counts as absent.
pub fn parse(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(GRPC_TIMEOUT)?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let well_formed = (1..=8).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if !well_formed {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(amount * 3600)),
        "M" => Some(Duration::from_secs(amount * 60)),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

/// Writes a duration as `grpc-timeout`, in milliseconds while eight digits hold them (27 hours), else in seconds.
pub fn format(duration: Duration) -> HeaderValue {
    const EIGHT_DIGITS: u128 = 99_999_999;
    let millis = duration.as_millis();
    let text = if millis <= EIGHT_DIGITS {
        format!("{millis}m")
    } else {
        format!("{}S", u128::from(duration.as_secs()).min(EIGHT_DIGITS))
    };
    // Digits and one letter are always a legal header value; zero is the safe reading of the impossible.
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("0m"))
}

/// How long a server works on a call whose caller waits for `asked`: a little less, so that the answer says what happened before the
/// caller, or tonic's own timer, gives up with a poorer one.
pub fn served_within(asked: Duration) -> Duration {
    asked.saturating_sub((asked / 10).min(Duration::from_millis(10)))
}

/// Waits until the deadline has passed and answers with what to say then; without a deadline, for ever.
pub(crate) async fn passed(deadline: Option<Deadline>) -> Status {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.instant()).await,
        None => std::future::pending().await,
    }
    exceeded()
}

/// The answer to a call that took too long.
pub fn exceeded() -> Status {
    error::status(
        error::DOMAIN,
        Code::DeadlineExceeded,
        "DEADLINE_EXCEEDED",
        "the call did not finish within its deadline",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &'static str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(GRPC_TIMEOUT, HeaderValue::from_static(text));
        parse(&headers)
    }

    #[test]
    fn a_timeout_survives_the_wire() {
        for duration in [Duration::ZERO, Duration::from_millis(1500), Duration::from_secs(200_000)] {
            let mut headers = HeaderMap::new();
            headers.insert(GRPC_TIMEOUT, format(duration));
            assert_eq!(parse(&headers), Some(duration));
        }
    }

    #[test]
    fn a_server_answers_shortly_before_its_caller_gives_up() {
        assert_eq!(served_within(Duration::from_secs(5)), Duration::from_millis(4990));
        assert_eq!(served_within(Duration::from_millis(10)), Duration::from_millis(9));
        assert_eq!(served_within(Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn malformed_timeouts_count_as_absent() {
        for text in ["", "S", "10", "123456789m", "-1S", "1.5S", "10x", "é"] {
            let mut headers = HeaderMap::new();
            headers.insert(GRPC_TIMEOUT, HeaderValue::from_bytes(text.as_bytes()).unwrap());
            assert_eq!(parse(&headers), None, "{text:?}");
        }
        assert_eq!(parsed("2H"), Some(Duration::from_hours(2)));
    }
}
