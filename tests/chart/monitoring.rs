//! Dashboards and alerts: every query is one that Prometheus understands, over series that services declare.

use std::collections::{BTreeMap, BTreeSet};

use mesh_tests::Signals;
use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{Expr, LabelModifier, VectorSelector};
use promql_parser::util::{ExprVisitor, walk_expr};
use serde_json::{Value, json};

use crate::rendered::{RELEASE, Rendered, list, read, refusal, root, text};

const CITY: &str = "values-city.yaml";
/// What Prometheus and the `PodMonitor` add to every series.
const TARGET: [&str; 4] = ["job", "service", "pod", "container"];
/// What the `PodMonitor` of the rendered release calls all it has read.
const JOB: &str = "anjia/anjia-monitoring";

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
    /// Series that are asked for of other installations, too.
    of_others: BTreeSet<String>,
}

impl Named {
    fn select(&mut self, selector: &VectorSelector) {
        let name = selector.name.clone().unwrap_or_default();
        let matchers = &selector.matchers.matchers;
        let is_own = |of: &Matcher| of.name == "job" && of.op == MatchOp::Equal && of.value == JOB;
        if !matchers.iter().any(is_own) || !selector.matchers.or_matchers.is_empty() {
            self.of_others.insert(name.clone());
        }
        let labels = matchers.iter().map(|matcher| matcher.name.clone());
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
    let asked = query.replace("$__rate_interval", "5m").replace("$service", ".+").replace("$job", JOB);
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
    faults.extend(named.of_others.iter().map(|series| format!("{query}: {series} of every installation")));
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
        ("anjia_event_parked", "anjia_event_parked of every installation"),
        ("anjia_event_parked{service=\"payment\"}", "anjia_event_parked of every installation"),
        ("anjia_event_parked{job=~\"anjia/.*\"}", "anjia_event_parked of every installation"),
        ("anjia_event_parked{job=\"$job\"} unless anjia_event_parked offset 5m", "of every installation"),
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
fn pl_02_a_service_that_falls_silent_is_told_while_the_others_go_on() {
    let rules = rules(&Rendered::of(CITY));
    for rule in &rules {
        let expression = text(&rule["expr"]);
        assert!(!expression.contains("absent("), "{}: silent only when all are", rule["alert"]);
    }
    let silent = rules.iter().find(|rule| rule["alert"] == "AnjiaSealerSilent").expect("an alert of silence");
    let Ok(Expr::Binary(of)) = promql_parser::parser::parse(text(&silent["expr"])) else { panic!("{silent}") };
    let matching = of.modifier.and_then(|modifier| modifier.matching).expect("matched by");
    assert_eq!((of.op.to_string().as_str(), matching.labels().labels.clone()), ("unless", vec!["service".to_owned()]));
    assert!(of.lhs.to_string().contains("up{") && of.rhs.to_string().contains("anjia_sealer_lag_seconds{"), "{silent}");
}

#[test]
fn pl_02_what_to_do_about_an_alert_stands_by_its_name_under_when_it_pages() {
    let services = std::fs::read_dir(root().join("services")).expect("services").flatten();
    let readmes = services.map(|service| format!("services/{}/README.md", service.file_name().display()));
    let readmes = readmes.filter(|path| root().join(path).is_file()).chain(["charts/anjia/README.md".to_owned()]);
    let said: Vec<String> = readmes
        .filter_map(|path| read(&path).split_once("When it pages").map(|(_, rest)| rest.to_owned()))
        .map(|rest| rest.split("\n## ").next().unwrap_or_default().to_owned())
        .collect();
    assert!(said.len() >= 6, "five services and the chart");
    let rendered = Rendered::of(CITY);
    let rules = rules(&rendered);
    let names: BTreeSet<&str> = rules.iter().map(|rule| text(&rule["alert"])).collect();
    let missing = names.iter().filter(|name| !said.iter().any(|said| said.contains(&format!("**{name}**"))));
    assert_eq!(missing.collect::<Vec<_>>(), [&""; 0], "nobody says what to do");
    // And none that is no alert any more.
    let words = said.iter().flat_map(|said| said.split("**Anjia").skip(1));
    for word in words.filter_map(|rest| rest.split_once("**")).map(|(word, _)| format!("Anjia{word}")) {
        assert!(names.contains(word.as_str()), "there is no alert {word}");
    }
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
    let own = list(&endpoint["relabelings"]).iter().find(|rule| rule["targetLabel"] == "job").expect("a job");
    assert_eq!(own["replacement"], JOB, "what alerts go by");
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
    let values = read("charts/anjia/values.yaml");
    assert!(values.contains("\n  OTEL_TRACES_SAMPLER_ARG: \"0.1\"\n"), "the shipped share is another");
}
