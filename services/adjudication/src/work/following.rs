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

/// What an error means to a consumer: a peer or the database that is away passes, and so does a token that ran out; everything else lies in
/// the event.
pub(super) fn failure(error: AdjudicationError) -> Failure {
    match error {
        AdjudicationError::Storage(cause) => cause.into(),
        error @ (AdjudicationError::PeerUnavailable { .. } | AdjudicationError::TokenExpired) => {
            Failure::not_now(error)
        }
        error => Failure::refused(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_waited_for_and_what_lies_in_the_event_is_refused() {
        let in_progress = AdjudicationError::Storage(postgres::Error::RequestInProgress);
        let away = AdjudicationError::PeerUnavailable { peer: "identity" };
        for passes in [away, AdjudicationError::TokenExpired, in_progress] {
            assert!(matches!(failure(passes), Failure::NotNow(_)));
        }
        let without_region = AdjudicationError::Storage(postgres::Error::RegionMissing);
        for lies_in_it in [AdjudicationError::SamePerson, without_region] {
            assert!(matches!(failure(lies_in_it), Failure::Refused(_)));
        }
    }
}
