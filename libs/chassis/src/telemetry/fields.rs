//! The fields of a span as the log keeps them: one JSON object. What comes with tracing-subscriber reads and writes the whole object again for
//! each field that is added, and every call adds some.

use std::fmt::{self, Write as _};

use serde::Serialize;
use tracing::field::{Field, Visit};
use tracing::span::Record;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormattedFields;
use tracing_subscriber::fmt::format::{FormatFields, Writer};

/// Writes fields as the members of an object. A field that is recorded twice stands there twice, and the later value counts to whoever reads
/// it: this is for spans whose fields are recorded once or twice, as those of calls and of work are.
pub(super) struct Members;

impl<'a> FormatFields<'a> for Members {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'_>, fields: R) -> fmt::Result {
        writer.write_char('{')?;
        let mut members = Written { text: String::new(), outcome: Ok(()) };
        fields.record(&mut members);
        members.outcome?;
        writer.write_str(&members.text)?;
        writer.write_char('}')
    }

    fn add_fields(&self, current: &'a mut FormattedFields<Self>, fields: &Record<'_>) -> fmt::Result {
        let mut members = Written { text: std::mem::take(&mut current.fields), outcome: Ok(()) };
        if members.text.pop().is_none() {
            members.text.push('{');
        }
        fields.record(&mut members);
        members.text.push('}');
        current.fields = members.text;
        members.outcome
    }
}

struct Written {
    text: String,
    outcome: fmt::Result,
}

impl Written {
    fn member(&mut self, field: &Field, value: &impl Serialize) {
        let (Ok(name), Ok(value)) = (serde_json::to_string(field.name()), serde_json::to_string(value)) else {
            self.outcome = Err(fmt::Error);
            return;
        };
        let comma = if self.text.is_empty() || self.text.ends_with('{') { "" } else { "," };
        // Cannot fail: it writes into memory.
        let _ = write!(self.text, "{comma}{name}:{value}");
    }
}

impl Visit for Written {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.member(field, &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.member(field, &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.member(field, &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.member(field, &value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.member(field, &value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.member(field, &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tracing::field;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;
    use crate::telemetry::written::{Written, alone};

    #[test]
    fn pl_02_a_line_has_the_fields_of_its_span_whenever_they_were_recorded() {
        let _alone = alone();
        let log = Written::default();
        let writer = log.clone();
        let json = tracing_subscriber::fmt::layer().json().flatten_event(true).fmt_fields(Members);
        let subscriber = tracing_subscriber::registry().with(json.with_writer(move || writer.clone()));
        tracing::subscriber::with_default(subscriber, || {
            let span =
                tracing::info_span!("call", method = "a\"b", left = field::Empty, by = field::Empty, late = false);
            span.in_scope(|| tracing::info!("begun"));
            tracing::record_all!(span, left = 3, by = ?Some("x"));
            span.record("left", 2);
            span.in_scope(|| tracing::info!("over"));
            let bare = tracing::info_span!("bare", left = field::Empty);
            bare.in_scope(|| tracing::info!("nothing"));
            bare.record("left", 1.5);
            bare.in_scope(|| tracing::info!("something"));
        });
        let spans: Vec<Value> = log.lines().into_iter().map(|mut line| line["span"].take()).collect();
        let expected = [
            json!({ "name": "call", "method": "a\"b", "late": false }),
            json!({ "name": "call", "method": "a\"b", "late": false, "left": 2, "by": "Some(\"x\")" }),
            json!({ "name": "bare" }),
            json!({ "name": "bare", "left": 1.5 }),
        ];
        assert_eq!(spans, expected);
    }
}
