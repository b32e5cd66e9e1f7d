use super::*;
use crate::trace::{Kind, Link, Span};

const MS: u64 = 1_000_000;
/// Some moment.
const THEN: u64 = 1_780_000_000_000 * MS;

fn span(id: &str, parent: &str, service: &str, name: &str, start_ms: u64, end_ms: u64) -> Span {
    Span {
        id: id.to_owned(),
        parent: (!parent.is_empty()).then(|| parent.to_owned()),
        service: service.to_owned(),
        name: name.to_owned(),
        kind: Kind::Other,
        start_ns: THEN + start_ms * MS,
        duration_ns: (end_ms - start_ms) * MS,
        status: Status::Unset,
        links: vec![],
        journey: None,
    }
}

fn drawn(spans: Vec<Span>) -> String {
    waterfall(&Trace { id: "0af7".to_owned(), spans }, 72, false)
}

fn client(span: Span) -> Span {
    Span { kind: Kind::Client, ..span }
}

fn server(span: Span) -> Span {
    Span { kind: Kind::Server, ..span }
}

#[test]
fn a_chain_of_calls_is_a_staircase() {
    let text = drawn(vec![
        server(span("1", "", "referral", "anjia.referral.v1.ReferralService/AcceptReferral", 0, 100)),
        client(span("2", "1", "referral", "anjia.scheduling.v1.AppointmentService/HoldSlot", 10, 40)),
        server(span("3", "2", "scheduling", "anjia.scheduling.v1.AppointmentService/HoldSlot", 12, 38)),
        client(span("4", "3", "scheduling", "anjia.identity.v1.EnrolmentService/GetCoverage", 15, 25)),
        server(span("5", "4", "identity", "anjia.identity.v1.EnrolmentService/GetCoverage", 16, 24)),
        span("6", "1", "referral", "audit", 20, 30),
        client(span("7", "1", "referral", "anjia.payment.v1.BillService/AuthoriseBill", 50, 90)),
        Span {
            status: Status::Failed,
            ..server(span("8", "7", "payment", "anjia.payment.v1.BillService/AuthoriseBill", 55, 85))
        },
    ]);
    assert_eq!(
        text,
        "\
trace 0af7: 4 services, 8 spans, 100.0 ms   █ critical path  ▒ beside it
referral    AcceptReferral   ████▒▒▒▒▒▒▒▒████▒▒▒▒▒▒▒▒▒▒▒████    100.0 ms
scheduling  ├ HoldSlot          ██▒▒██████                       30.0 ms
identity    │ └ GetCoverage      ████                            10.0 ms
referral    ├ audit                ▒▒▒▒                          10.0 ms
payment     └ AuthoriseBill                 █████████████        40.0 ms ✗
"
    );
}

#[test]
fn work_that_goes_on_after_its_cause_was_answered_stays_where_it_was() {
    let mut late = span("2", "1", "payment", "capture", 60, 100);
    late.links.push(Link { trace_id: "beef".to_owned(), span_id: "01".to_owned() });
    let text = drawn(vec![server(span("1", "", "payment", "anjia.payment.v1.BillService/CaptureBill", 0, 20)), late]);
    assert_eq!(
        text,
        "\
trace 0af7: 1 service, 2 spans, 100.0 ms   █ critical path  ▒ beside it
payment  CaptureBill  ████████                                   20.0 ms
payment  └ capture                          ████████████████     40.0 ms
goes on from trace beef, span 01
"
    );
}

#[test]
fn clocks_that_disagree_are_put_right() {
    let text = drawn(vec![
        client(span("1", "", "referral", "HoldSlot", 1_000, 1_100)),
        // Its clock is a second behind, and so is that of what it caused.
        server(span("2", "1", "scheduling", "HoldSlot", 20, 80)),
        span("3", "2", "scheduling", "lock", 30, 40),
        // Ahead of its cause, which cannot be.
        span("4", "1", "identity", "prepare", 990, 1_010),
    ]);
    assert_eq!(
        text,
        "\
trace 0af7: 3 services, 4 spans, 100.0 ms   █ critical path  ▒ beside it
scheduling  HoldSlot   ▒▒▒▒▒▒▒█████▒▒███████████████████████    100.0 ms
identity    ├ prepare  ████████                                  20.0 ms
scheduling  └ lock                ████                           10.0 ms
"
    );
}

#[test]
fn what_lost_its_cause_or_runs_in_circles_is_shown_all_the_same() {
    let text = drawn(vec![
        span("1", "gone", "payment", "post", 0, 50),
        span("2", "3", "referral", "chicken", 50, 100),
        span("3", "2", "referral", "egg", 60, 70),
        span("4", "4", "referral", "self", 80, 90),
    ]);
    for part in ["post (its cause is missing)", "chicken", "└ egg", "self"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert_eq!(drawn(vec![]).lines().count(), 1);
}

#[test]
fn hundreds_of_repeats_are_folded() {
    let mut spans = vec![span("root", "", "referral", "rush", 0, 1_000)];
    for number in 0..300 {
        let end = if number == 40 { 139 } else { number * 3 + 2 };
        let mut hold = span(&number.to_string(), "root", "scheduling", "HoldSlot", number * 3, end);
        if number % 100 == 1 {
            hold.status = Status::Failed;
        }
        spans.push(hold);
    }
    let text = drawn(spans);
    assert_eq!(text.lines().count(), 4, "{text}");
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[2].contains("├ HoldSlot") && lines[2].ends_with("19.0 ms"), "{text}");
    assert!(lines[3].contains("└ … 299 more, 3 failed") && lines[3].ends_with("598.0 ms ✗"), "{text}");
}

#[test]
fn a_narrow_terminal_cuts_names_and_not_bars() {
    let name = "a_name_that_is_much_longer_than_any_column_could_be";
    let trace = Trace { id: "0af7".to_owned(), spans: vec![span("1", "", "adjudication-of-claims", name, 0, 1)] };
    let line = waterfall(&trace, 20, false).lines().nth(1).unwrap().to_owned();
    assert!(line.starts_with("adjudication-…  a_name") && line.contains("…  ████████████████  "), "{line}");
    assert!(line.chars().count() <= WIDTH_MIN, "{line}");
}

#[test]
fn colours_tell_services_apart() {
    let spans = vec![span("1", "", "referral", "accept", 0, 2), span("2", "1", "payment", "authorise", 0, 1)];
    let text = waterfall(&Trace { id: "0af7".to_owned(), spans }, 72, true);
    assert!(text.contains("\x1b[36mreferral\x1b[0m") && text.contains("\x1b[33mpayment "), "{text:?}");
    assert!(!drawn(vec![span("1", "", "a", "b", 0, 1)]).contains('\x1b'));
}
