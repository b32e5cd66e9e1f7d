//! Whether anything was lost or doubled.

use std::collections::BTreeMap;

use proto::anjia::common::v1::Event;
use proto::anjia::scheduling::v1::{Appointment, AppointmentState};
use serde_json::{Value, json};

use super::journal::{Journal, Outcome, Work};

/// One thing that has to hold.
#[derive(Debug)]
pub(super) struct Check {
    pub(super) zh: &'static str,
    pub(super) en: &'static str,
    pub(super) expected: String,
    pub(super) found: String,
}

impl Check {
    #[expect(clippy::needless_pass_by_value, reason = "numbers and words are said as they come")]
    pub(super) fn new(zh: &'static str, en: &'static str, expected: impl ToString, found: impl ToString) -> Self {
        Self { zh, en, expected: expected.to_string(), found: found.to_string() }
    }

    pub(super) fn holds(&self) -> bool {
        self.expected == self.found
    }

    pub(super) fn as_json(&self) -> Value {
        json!({ "check": self.en, "expected": self.expected, "found": self.found, "holds": self.holds() })
    }
}

fn text<'a>(event: &'a Event, key: &str) -> &'a str {
    let value = event.data.as_ref().and_then(|data| data.fields.get(key)).and_then(|value| value.kind.as_ref());
    match value {
        Some(prost_types::value::Kind::StringValue(text)) => text,
        _ => "",
    }
}

/// The day as the events tell it: each appointment's state by its id.
pub(super) fn day(events: &[Event]) -> BTreeMap<String, &'static str> {
    let mut day = BTreeMap::new();
    for event in events {
        let (subject, state) = match event.r#type.as_str() {
            "anjia.scheduling.appointment.held.v1" => (event.subject.as_str(), "HELD"),
            "anjia.scheduling.appointment.confirmed.v1" => (event.subject.as_str(), "CONFIRMED"),
            "anjia.scheduling.appointment.cancelled.v1" => (event.subject.as_str(), "CANCELLED"),
            "anjia.scheduling.appointment.expired.v1" => (event.subject.as_str(), "EXPIRED"),
            "anjia.scheduling.visit.opened.v1" => (text(event, "appointment_id"), "KEPT"),
            _ => continue,
        };
        if !subject.is_empty() {
            day.insert(subject.to_owned(), state);
        }
    }
    day
}

/// The same as the platform lists it.
pub(super) fn listed(appointments: &[Appointment]) -> BTreeMap<String, &'static str> {
    let state = |appointment: &Appointment| match appointment.state() {
        AppointmentState::Held => "HELD",
        AppointmentState::Confirmed => "CONFIRMED",
        AppointmentState::Kept => "KEPT",
        AppointmentState::Cancelled => "CANCELLED",
        AppointmentState::Expired => "EXPIRED",
        _ => "OTHER",
    };
    appointments.iter().map(|appointment| (appointment.appointment_id.clone(), state(appointment))).collect()
}

/// Of the work that was done, what did not happen exactly once; and visits that nobody asked for.
pub(super) fn not_once(journal: &Journal, events: &[Event]) -> Vec<String> {
    let times = |kind: &str, subject: &str| {
        let kind = format!("anjia.scheduling.{kind}.v1");
        events.iter().filter(|event| event.r#type == kind && event.subject == subject).count()
    };
    let mut wrong = vec![];
    let mut visits = 0;
    for (entry, outcome) in &journal.entries {
        let is_done = matches!(outcome, Some(Outcome::Done { .. }));
        let (kind, subject) = match &entry.work {
            Work::Book { appointment, .. } => ("appointment.confirmed", appointment.to_string()),
            Work::Cancel { appointment } => ("appointment.cancelled", appointment.to_string()),
            Work::CheckIn { visit, .. } => ("visit.opened", visit.to_string()),
            Work::EndVisit { visit, .. } => ("visit.ended", visit.to_string()),
        };
        visits += usize::from(is_done && matches!(entry.work, Work::CheckIn { .. }));
        let happened = times(kind, &subject);
        if happened != usize::from(is_done) {
            wrong.push(format!("{kind} {subject}: {happened} times"));
        }
    }
    let opened = events.iter().filter(|event| event.r#type == "anjia.scheduling.visit.opened.v1").count();
    if opened != visits {
        wrong.push(format!("{opened} visits of {visits}"));
    }
    wrong
}

/// Of everything that was written down: done, refused, unanswered.
pub(super) fn counts(journal: &Journal) -> [usize; 3] {
    let count = |wanted: fn(&Option<Outcome>) -> bool| journal.entries.iter().filter(|(_, it)| wanted(it)).count();
    [
        count(|outcome| matches!(outcome, Some(Outcome::Done { .. }))),
        count(|outcome| matches!(outcome, Some(Outcome::Refused { .. }))),
        count(Option::is_none),
    ]
}

#[cfg(test)]
mod tests {
    use types::ids::{RequestId, VisitId};

    use super::super::journal::Entry;
    use super::*;

    fn event(kind: &str, subject: &str, appointment: &str) -> Event {
        let value = prost_types::Value { kind: Some(prost_types::value::Kind::StringValue(appointment.to_owned())) };
        let data = prost_types::Struct { fields: [("appointment_id".to_owned(), value)].into() };
        Event {
            r#type: format!("anjia.scheduling.{kind}.v1"),
            subject: subject.to_owned(),
            data: Some(data),
            ..Event::default()
        }
    }

    #[test]
    fn sc_14_what_is_lost_or_doubled_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(&folder.path().join("journal")).unwrap();
        let visit = VisitId::generate();
        let work = Work::EndVisit { visit, at: chrono::DateTime::UNIX_EPOCH };
        let done = Outcome::Done { answer: String::new() };
        journal.entries.push((Entry { request_id: RequestId::generate(), work }, Some(done)));
        let ended = event("visit.ended", &visit.to_string(), "");
        assert_eq!(not_once(&journal, std::slice::from_ref(&ended)).len(), 0);
        assert_eq!(not_once(&journal, &[]).len(), 1, "lost");
        assert_eq!(not_once(&journal, &[ended.clone(), ended.clone()]).len(), 1, "doubled");
        assert_eq!(not_once(&journal, &[ended, event("visit.opened", "other", "")]).len(), 1, "slipped in");
        assert_eq!(counts(&journal), [1, 0, 0]);
    }

    #[test]
    fn sc_14_the_day_follows_from_the_events() {
        let told = [
            event("appointment.held", "a", ""),
            event("appointment.confirmed", "a", ""),
            event("visit.opened", "v", "a"),
        ];
        assert_eq!(day(&told), BTreeMap::from([("a".to_owned(), "KEPT")]));
        let cancelled = [event("appointment.held", "a", ""), event("appointment.cancelled", "a", "")];
        assert_eq!(day(&cancelled)["a"], "CANCELLED");
        assert!(day(&[event("visit.opened", "v", "")]).is_empty());
    }
}
