//! What services tell of themselves while somebody is seen, referred and paid for: all that `signals.toml` declares, and nothing else.

mod told;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use chassis::access::Policies;
use chassis::methods::Methods;
use devstack::SERVICES;
use mesh_tests::{City, Signals};
use proto::anjia::scheduling::v1::CancelAppointmentRequest;
use proto::anjia::scheduling::v1::appointment_service_client::AppointmentServiceClient;
use testkit::request_id;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::Request;

use self::told::{Edge, Told};
use crate::audited::at_work;
use crate::collector::Collector;
use crate::peers::call;

/// Long polls last up to 20 seconds, and the span of one is sent when it ends.
const TOLD_WITHIN: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(500);
/// What the journey cannot do without: who calls whom, and for what.
const JOURNEY: [(&str, &str); 10] = [
    ("adjudication", "anjia.identity.v1.EnrolmentService/GetCoverage"),
    ("adjudication", "anjia.scheduling.v1.VisitService/GetVisit"),
    ("payment", "anjia.adjudication.v1.AdjudicationService/ConfirmSettlement"),
    ("payment", "anjia.adjudication.v1.AdjudicationService/GetSettlement"),
    ("referral", "anjia.adjudication.v1.AdjudicationService/QuoteCare"),
    ("referral", "anjia.identity.v1.ConsentService/CheckConsent"),
    ("referral", "anjia.payment.v1.BillService/AuthoriseBill"),
    ("referral", "anjia.scheduling.v1.AppointmentService/ConfirmAppointment"),
    ("referral", "anjia.scheduling.v1.AppointmentService/HoldSlot"),
    ("scheduling", "anjia.identity.v1.EnrolmentService/GetCoverage"),
];

/// Tries until nothing is missing any more; answers what is.
async fn until_nothing_misses(missing: impl Fn() -> BTreeSet<String>) -> BTreeSet<String> {
    let began_at = Instant::now();
    loop {
        let misses = missing();
        if misses.is_empty() || began_at.elapsed() > TOLD_WITHIN {
            return misses;
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Somebody is seen, claimed for, referred and accepted; each service is asked by somebody without a token.
async fn worked(collector: &Collector) -> City {
    let settings = [
        ("RUST_LOG", "debug"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "500"),
        ("AUDIT_CHECKPOINT_INTERVAL_S", "1"),
        ("AUDIT_WITNESS_INTERVAL_S", "1"),
    ];
    let mesh = testkit::whole_mesh_with(Some(collector.start().await), &settings).await;
    let city = at_work(City::in_mesh(mesh).await).await;
    let patient = city.patient().await;
    let offers = city.search(&patient).await.expect("places are offered");
    let held = city.hold(&patient, &offers[0].slot.as_ref().expect("a slot").slot_id).await.expect("a place is held");
    // Referral and payment hear of it, too.
    let cancel = CancelAppointmentRequest {
        request_id: request_id(),
        appointment_id: held.appointment_id,
        ..CancelAppointmentRequest::default()
    };
    let cancelling = patient.caller.request(cancel).await;
    AppointmentServiceClient::new(city.channel("scheduling")).cancel_appointment(cancelling).await.expect("cancelled");
    for service in SERVICES {
        let method = format!("anjia.{service}.v1.EventService/PullEvents");
        call(city.channel(service), &method, Request::new(())).await.expect_err("nobody may without a token");
    }
    city
}

#[tokio::test]
async fn pl_02_services_tell_all_they_declare_and_the_traces_show_every_edge_of_the_journey() {
    let collector = Collector::default();
    let city = worked(&collector).await;
    let declared = Signals::declared();

    // Every signal of every service, and every pair of `[peers]`.
    let pairs = pairs();
    let misses = until_nothing_misses(|| {
        let told = Told::of(&collector);
        let metrics = declared.metrics.iter().filter(|metric| !metric.is_rare).flat_map(|metric| {
            let silent = metric.services.iter().filter(|service| !told.metrics_of(service).contains_key(&metric.name));
            silent.map(|service| format!("{service} tells no {}", metric.name))
        });
        let spans = declared.spans.iter().filter(|span| !span.is_rare).flat_map(|span| {
            let silent = span
                .services
                .iter()
                .filter(|service| !told.spans.contains_key(&((*service).clone(), span.kind.clone())));
            silent.map(|service| format!("{service} has no {} span", span.kind))
        });
        let edges = told.edges.iter().map(Edge::pair).collect::<BTreeSet<_>>();
        let edges = pairs.difference(&edges).map(|(caller, callee)| format!("no trace shows {caller} call {callee}"));
        let called: BTreeSet<(&str, &str)> =
            told.edges.iter().map(|edge| (edge.caller.as_str(), edge.method.as_str())).collect();
        let journey =
            JOURNEY.iter().filter(|edge| !called.contains(*edge)).map(|edge| format!("no trace shows {edge:?}"));
        metrics.chain(spans).chain(edges).chain(journey).collect()
    });
    let misses = misses.await;
    assert!(misses.is_empty(), "{misses:#?}");

    // And no other; nobody calls what is not listed for them.
    let told = Told::of(&collector);
    assert_eq!(told.undeclared(&declared), BTreeSet::new());
    let policies = policies();
    for edge in &told.edges {
        let is_listed = policies[&edge.callee].peers().may(&edge.caller, &edge.method);
        assert!(is_listed, "{edge:?} is not in the callee's access.toml");
    }
    assert_eq!(told.who_is_named(), BTreeSet::new(), "metrics name somebody");

    for service in SERVICES {
        let text = scraped(&city, service).await;
        for metric in
            declared.metrics.iter().filter(|metric| !metric.is_rare && metric.services.iter().any(|it| it == service))
        {
            for series in metric.series() {
                let has = |line: &str| line.strip_prefix(&series).is_some_and(|rest| rest.starts_with(['{', ' ']));
                assert!(text.lines().any(has), "{service} shows Prometheus no {series}:\n{text}");
            }
        }
    }
    logs_name_their_traces(&city, &collector).await;
}

/// Lines that were written within a call say which trace it was, and that trace is sent once the call has ended.
async fn logs_name_their_traces(city: &City, collector: &Collector) {
    let named = SERVICES.map(|service| {
        let log = std::fs::read_to_string(city.mesh.fleet().log(service)).expect("a log");
        let lines = log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let named: BTreeSet<String> = lines.filter_map(|line| Some(line["trace_id"].as_str()?.to_owned())).collect();
        assert!(!named.is_empty(), "no line of {service} names a trace");
        named
    });
    let named: BTreeSet<String> = named.into_iter().flatten().collect();
    let unknown = until_nothing_misses(|| named.difference(&Told::of(collector).traces).cloned().collect()).await;
    assert!(unknown.is_empty(), "lines name traces that were never sent: {unknown:?}");
}

/// Caller and callee, as `[peers]` list them.
fn pairs() -> BTreeSet<(String, String)> {
    let policies = policies();
    let pairs = policies.iter().flat_map(|(callee, policies)| {
        let callers = SERVICES.into_iter().filter(|caller| policies.peers().of(caller).next().is_some());
        callers.map(|caller| (caller.to_owned(), callee.clone()))
    });
    let pairs: BTreeSet<_> = pairs.collect();
    assert!(pairs.len() >= 10, "{pairs:?}");
    pairs
}

fn policies() -> BTreeMap<String, Policies> {
    let policies = SERVICES.into_iter().map(|service| {
        let path = format!("{}/../services/{service}/access.toml", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).expect("an access.toml");
        let services = Methods::declared().services_of(&format!("anjia.{service}.v1"));
        let policies = Policies::check(&text, &services, Methods::declared()).expect("it loads");
        (service.to_owned(), policies)
    });
    policies.collect()
}

async fn scraped(city: &City, service: &str) -> String {
    let url = city.mesh.fleet().ops_url(service).expect("known");
    let address = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let mut stream = TcpStream::connect(address).await.expect("the ops port listens");
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.expect("asked");
    let mut text = String::new();
    stream.read_to_string(&mut text).await.expect("answered");
    text
}
