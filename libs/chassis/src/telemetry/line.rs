//! A line of the log says which trace it belongs to.

use std::fmt;

use opentelemetry::trace::TraceContextExt;
use tracing::{Event, Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Puts `trace_id` and `span_id` in front of a line that is one JSON object; also of traces that are not recorded, so that all that
/// was said of a call is found.
pub(super) struct Traced<F>(pub(super) F);

impl<S, N, F> FormatEvent<S, N> for Traced<F>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    N: for<'writer> FormatFields<'writer> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let current = Span::current().context();
        let span = current.span();
        let ids = span.span_context();
        if !ids.is_valid() {
            return self.0.format_event(context, writer, event);
        }
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        let rest = line.strip_prefix('{').ok_or(fmt::Error)?;
        write!(writer, "{{\"trace_id\":\"{}\",\"span_id\":\"{}\",{rest}", ids.trace_id(), ids.span_id())
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::TracerProvider;
    use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;
    use crate::telemetry::current_traceparent;
    use crate::telemetry::written::{Written, alone};

    #[test]
    fn pl_02_a_line_of_the_log_names_the_trace_it_belongs_to_recorded_or_not() {
        let _alone = alone();
        let written = Written::default();
        let logs = tracing_subscriber::fmt::layer().json().flatten_event(true).map_event_format(Traced);
        let unrecorded = SdkTracerProvider::builder().with_sampler(Sampler::AlwaysOff).build().tracer("test");
        let traces = tracing_opentelemetry::layer().with_tracer(unrecorded);
        let subscriber = tracing_subscriber::registry()
            .with(logs.with_writer({
                let written = written.clone();
                move || written.clone()
            }))
            .with(traces);
        tracing::subscriber::set_global_default(subscriber).unwrap();

        tracing::info!("outside");
        let traceparent = tracing::info_span!("call").in_scope(|| {
            tracing::info!(left = 3, "inside");
            current_traceparent().unwrap()
        });

        let lines = written.lines();
        let [outside, inside] = lines.as_slice() else { panic!("{lines:?}") };
        assert_eq!((&outside["message"], &outside["trace_id"]), (&"outside".into(), &serde_json::Value::Null));
        assert_eq!((&inside["message"], &inside["left"]), (&"inside".into(), &3.into()));
        let said = format!("00-{}-{}-00", inside["trace_id"].as_str().unwrap(), inside["span_id"].as_str().unwrap());
        assert_eq!(said, traceparent);
    }
}
