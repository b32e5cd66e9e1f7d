//! What everybody does alike who follows other services' events.

use chassis::telemetry;
use postgres::consumer::Failure;
use postgres::events::Event;
use tracing::Span;

use crate::app::App;
use crate::domain::error::AdjudicationError;

/// The span in which an event is taken in; `doing` says what is done with it.
pub(super) fn span(app: &App, doing: &str, event: &Event) -> Span {
    let age = (app.clock.now() - event.occurred_at).to_std().unwrap_or_default();
    telemetry::taking_in(doing, event, age)
}

/// A text among the event's data that must be there.
pub(super) fn told<'a>(event: &'a Event, field: &str) -> Result<&'a str, Failure> {
    let text = event.data.get(field).and_then(serde_json::Value::as_str);
    text.ok_or_else(|| Failure::refused(format!("no {field}")))
}

/// A peer or the database that is away passes, and so does a token that ran out; everything else lies in the event.
impl From<AdjudicationError> for Failure {
    fn from(error: AdjudicationError) -> Self {
        match error {
            AdjudicationError::PeerUnavailable { .. } | AdjudicationError::TokenExpired => Self::not_now(error),
            AdjudicationError::Storage(cause) => cause.into(),
            error => Self::refused(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_waited_for_and_what_lies_in_the_event_is_refused() {
        for passes in [AdjudicationError::PeerUnavailable { peer: "identity" }, AdjudicationError::TokenExpired] {
            assert!(matches!(Failure::from(passes), Failure::NotNow(_)));
        }
        assert!(matches!(Failure::from(AdjudicationError::SamePerson), Failure::Refused(_)));
    }
}
