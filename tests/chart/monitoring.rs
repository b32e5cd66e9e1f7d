//! Dashboards and alerts: every query is one that Prometheus understands, over series that services declare.

use std::collections::{BTreeMap, BTreeSet};

use mesh_tests::Signals;
use promql_parser::parser::{Expr, LabelModifier, VectorSelector};
use promql_parser::util::{ExprVisitor, walk_expr};
use serde_json::{Value, json};

use crate::rendered::{RELEASE, Rendered, list, refusal, text};

const CITY: &str = "values-city.yaml";
/// What Prometheus and the `PodMonitor` add to every series.
const TARGET: [&str; 3] = ["service", "pod", "container"];

/// The series there are, each with its labels.
fn known() -> BTreeMap<String, BTreeSet<String>> {
    let mut known: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for metric in Signals::declared().metrics {
        let labels = metric.attributes.iter().map(|attribute| attribute.replace('.', "_"));
        let mut labels: BTreeSet<String> = labels.chain(TARGET.map(str::to_owned)).collect();
        for series in metric.series() {
            if series.ends_with("_bucket") {
                labels.insert("le".to_owned());
            }
            known.insert(series, labels.clone());
        }
    }
    // Prometheus's own, of every target.
    known.insert("up".to_owned(), TARGET.map(str::to_owned).into());
    known
}

/// Series and labels that a query names.
#[derive(Default)]
struct Named {
    series: BTreeMap<String, BTreeSet<String>>,
    grouped_by: BTreeSet<String>,
}

impl Named {
    fn select(&mut self, selector: &VectorSelector) {
        let name = selector.name.clone().unwrap_or_default();
        let labels = selector.matchers.matchers.iter().map(|matcher| matcher.name.clone());
        self.series.entry(name).or_default().extend(labels);
    }

    fn group(&mut self, modifier: Option<&LabelModifier>) {
        self.grouped_by.extend(modifier.into_iter().flat_map(|modifier| modifier.labels().labels.clone()));
    }
}

impl ExprVisitor for Named {
    type Error = String;

    fn pre_visit(&mut self, expression: &Expr) -> Result<bool, String> {
        match expression {
            Expr::VectorSelector(selector) => self.select(selector),
            Expr::MatrixSelector(selector) => self.select(&selector.vs),
            Expr::Aggregate(aggregate) => self.group(aggregate.modifier.as_ref()),
            Expr::Binary(binary) => {
                self.group(binary.modifier.as_ref().and_then(|modifier| modifier.matching.as_ref()));
            }
            _ => {}
        }
        Ok(true)
    }
}

/// What is wrong with a query.
fn faults(query: &str) -> Vec<String> {
    // What Grafana puts in before it asks.
    let asked = query.replace("$__rate_interval", "5m").replace("$service", ".+");
    let mut named = Named::default();
    let read = promql_parser::parser::parse(&asked).and_then(|expression| walk_expr(&mut named, &expression));
    if let Err(error) = read {
        return vec![format!("{query}: {error}")];
    }
    let known = known();
    let mut faults = vec![];
    let mut labels = BTreeSet::new();
    for (series, matched) in &named.series {
        let Some(of_series) = known.get(series) else {
            faults.push(format!("{query}: nobody declares {series}"));
            continue;
        };
        faults.extend(matched.difference(of_series).map(|label| format!("{query}: {series} has no {label}")));
        labels.extend(of_series);
    }
    if named.series.is_empty() {
        faults.push(format!("{query}: asks for nothing"));
    }
    faults.extend(
        named
            .grouped_by
            .iter()
            .filter(|label| !labels.contains(label))
            .map(|label| format!("{query}: no {label} to group by")),
    );
    faults
}

fn rules(rendered: &Rendered) -> Vec<Value> {
    let groups = list(&rendered.get("PrometheusRule", "monitoring")["spec"]["groups"]);
    groups.iter().flat_map(|group| list(&group["rules"]).to_vec()).collect()
}

fn dashboards(rendered: &Rendered) -> Vec<Value> {
    let maps = rendered.kind("ConfigMap").filter(|map| map["metadata"]["labels"]["grafana_dashboard"] == "1");
    let files = maps.flat_map(|map| map["data"].as_object().expect("files").clone());
    files
        .map(|(name, file)| serde_json::from_str(text(&file)).unwrap_or_else(|error| panic!("{name}: {error}")))
        .collect()
}

#[test]
fn pl_02_alerts_and_dashboards_ask_only_for_what_services_declare() {
    let rendered = Rendered::of(CITY);
    let alerts = rules(&rendered).into_iter().map(|rule| text(&rule["expr"]).to_owned());
    let panels = dashboards(&rendered).into_iter().flat_map(|board| list(&board["panels"]).to_vec());
    let panels = panels.flat_map(|panel| list(&panel["targets"]).to_vec());
    let queries: Vec<String> = alerts.chain(panels.map(|target| text(&target["expr"]).to_owned())).collect();
    assert!(queries.len() > 40, "{}", queries.len());
    let faults: Vec<String> = queries.iter().flat_map(|query| faults(query)).collect();
    assert!(faults.is_empty(), "{faults:#?}");
    // And whatever is measured is shown somewhere.
    let shown = |metric: &mesh_tests::Metric| {
        metric.series().iter().any(|series| queries.iter().any(|query| query.contains(series)))
    };
    let unseen = Signals::declared().metrics.into_iter().filter(|metric| !shown(metric)).map(|metric| metric.name);
    assert_eq!(unseen.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn pl_02_a_query_that_asks_for_what_nobody_sends_is_found() {
    for (query, fault) in [
        ("sum(rate(rpc_server_call_duration_count[5m]))", "nobody declares rpc_server_call_duration_count"),
        ("anjia_event_lag_seconds{consumer=\"identity\"}", "anjia_event_lag_seconds has no consumer"),
        ("sum by (method) (anjia_event_lag_seconds)", "no method to group by"),
        ("sum by (service (anjia_event_lag_seconds)", "sum by"),
        ("time()", "asks for nothing"),
    ] {
        let found = faults(query);
        assert!(found.iter().any(|found| found.contains(fault)), "{query}: {found:?}");
    }
}

#[test]
fn pl_02_the_promises_that_a_metric_can_show_have_an_alert_that_says_how_urgent_it_is() {
    let rules = rules(&Rendered::of(CITY));
    let promises: BTreeSet<&str> = rules.iter().filter_map(|rule| rule["labels"]["promise"].as_str()).collect();
    for promise in ["I6", "I8", "I9", "I11"] {
        assert!(promises.contains(promise), "{promises:?}");
    }
    let mut names = BTreeSet::new();
    for rule in &rules {
        assert!(names.insert(text(&rule["alert"])), "{} stands twice", rule["alert"]);
        assert!(["page", "ticket"].contains(&text(&rule["labels"]["severity"])), "{}", rule["alert"]);
        assert!(!text(&rule["annotations"]["summary"]).is_empty(), "{}", rule["alert"]);
    }
    // A counter is there from its first occurrence on, which is no increase yet.
    for rule in rules.iter().filter(|rule| text(&rule["expr"]).contains("increase(")) {
        assert!(text(&rule["expr"]).contains(" unless "), "{} misses the first", rule["alert"]);
    }
    // I8: lag within 30 seconds.
    let lag = rules.iter().find(|rule| rule["alert"] == "AnjiaEventsLag").expect("an alert of lag");
    assert!(text(&lag["expr"]).ends_with("> 30"), "{}", lag["expr"]);
}

#[test]
fn pl_02_prometheus_reads_every_serving_pod_at_the_port_that_its_policy_opens_for_it() {
    let rendered = Rendered::of(CITY);
    let monitor = &rendered.get("PodMonitor", "monitoring")["spec"];
    let selected = monitor["selector"]["matchLabels"].as_object().expect("labels");
    let endpoint = &monitor["podMetricsEndpoints"][0];
    assert_eq!((&endpoint["port"], &endpoint["path"]), (&json!("ops"), &json!("/metrics")));
    for service in rendered.services().into_iter().chain(["gateway"]) {
        let pod = &rendered.get("Deployment", service)["spec"]["template"];
        assert!(
            selected.iter().all(|(label, value)| pod["metadata"]["labels"][label] == *value),
            "{service} is not read"
        );
        let ports = list(&pod["spec"]["containers"][0]["ports"]);
        assert!(ports.iter().any(|port| port["name"] == endpoint["port"]), "{service} has no such port");
        let rules = list(&rendered.get("NetworkPolicy", service)["spec"]["ingress"]);
        let opened = rules.iter().any(|rule| {
            rule["from"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/name"] == "prometheus"
                && rule["ports"] == json!([{"protocol": "TCP", "port": "ops"}])
        });
        assert!(opened, "{service} does not let Prometheus in");
    }
    let shut = refusal(CITY, &["--set-json", "networkPolicy.prometheus=[]"]);
    assert!(shut.contains("networkPolicy.prometheus is empty"), "{shut}");
}

#[test]
fn pl_02_what_watches_is_switched_on_one_by_one_and_off_as_shipped() {
    let kinds = |rendered: &Rendered| {
        let boards = rendered
            .kind("ConfigMap")
            .filter(|map| text(&map["metadata"]["name"]).starts_with(&format!("{RELEASE}-monitoring-")));
        [rendered.kind("PodMonitor").count(), rendered.kind("PrometheusRule").count(), boards.count()]
    };
    assert_eq!(kinds(&Rendered::of("values-dev.yaml")), [0, 0, 0]);
    for (switch, expected) in [("alerts", [0, 1, 0]), ("dashboards", [0, 0, 2])] {
        let switched = Rendered::with("values-dev.yaml", &["--set", &format!("monitoring.{switch}.enabled=true")]);
        assert_eq!(kinds(&switched), expected, "{switch}");
    }
    assert_eq!(kinds(&Rendered::of(CITY)), [1, 1, 2]);
    // One trace in ten as shipped, every one where somebody tries things out.
    assert_eq!(Rendered::of("values-dev.yaml").settings("payment")["OTEL_TRACES_SAMPLER_ARG"], "1");
    let values = crate::rendered::read("charts/anjia/values.yaml");
    assert!(values.contains("\n  OTEL_TRACES_SAMPLER_ARG: \"0.1\"\n"), "the shipped share is another");
}
