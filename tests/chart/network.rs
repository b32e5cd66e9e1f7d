//! Who may reach whom on the network is who may call whom: the `[peers]` of each service's access.toml.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::rendered::{Rendered, VALUES, list, read, text};

/// Callers by whom they call.
type Graph = BTreeSet<(String, String)>;

/// As the code has it.
fn access_lists(services: &[&str]) -> Graph {
    let mut graph = Graph::new();
    for server in services {
        let access: toml::Table = read(&format!("services/{server}/access.toml")).parse().expect("TOML");
        let callers = access.get("peers").and_then(toml::Value::as_table).into_iter().flatten();
        graph.extend(callers.map(|(caller, _)| (caller.clone(), (*server).to_owned())));
    }
    graph
}

/// As the policies have it, seen by the called and by the callers.
fn policies(rendered: &Rendered) -> (Graph, Graph) {
    let (mut taken, mut made) = (Graph::new(), Graph::new());
    for service in rendered.services() {
        let spec = &rendered.get("NetworkPolicy", service)["spec"];
        for rule in
            list(&spec["ingress"]).iter().filter(|rule| rule["ports"] == json!([{"protocol": "TCP", "port": "grpc"}]))
        {
            taken.extend(services(&rule["from"]).map(|caller| (caller.to_owned(), service.to_owned())));
        }
        for rule in
            list(&spec["egress"]).iter().filter(|rule| rule["ports"] == json!([{"protocol": "TCP", "port": 50051}]))
        {
            made.extend(services(&rule["to"]).map(|called| (service.to_owned(), called.to_owned())));
        }
    }
    (taken, made)
}

/// Those peers that are serving pods of this release, but for the gateway, which comes from outside.
fn services(peers: &Value) -> impl Iterator<Item = &str> {
    let labels = list(peers).iter().map(|peer| &peer["podSelector"]["matchLabels"]);
    let ours = labels.filter(|labels| {
        labels["app.kubernetes.io/component"] == "serve" && labels["app.kubernetes.io/instance"] == "anjia"
    });
    ours.map(|labels| text(&labels["app.kubernetes.io/name"])).filter(|name| *name != "gateway")
}

#[test]
fn pl_01_network_policies_are_the_call_graph_of_the_access_lists() {
    for values in VALUES {
        let rendered = Rendered::of(values);
        let graph = access_lists(&rendered.services());
        assert!(graph.len() >= 13 && graph.contains(&("referral".to_owned(), "payment".to_owned())), "{graph:?}");
        let (taken, made) = policies(&rendered);
        assert_eq!(taken, graph, "{values}: who is let in");
        assert_eq!(made, graph, "{values}: who is let out");
        for service in rendered.services() {
            let names = rendered.settings(service).as_object().expect("settings").keys();
            let urls: BTreeSet<String> = names
                .filter_map(|name| name.strip_suffix("_URL").map(str::to_lowercase))
                .filter(|name| graph.iter().any(|(_, called)| called == name))
                .collect();
            let called =
                graph.iter().filter(|(caller, _)| caller == service).map(|(_, called)| called.clone()).collect();
            assert_eq!(urls, called, "{service} has the URLs of whom it calls");
        }
    }
}

#[test]
fn pl_01_a_call_that_is_missing_in_the_chart_is_found() {
    let rendered = Rendered::with("values-dev.yaml", &["--set-json", r#"services.payment.calls=["identity"]"#]);
    let graph = access_lists(&rendered.services());
    let (taken, made) = policies(&rendered);
    let missing = ["adjudication", "scheduling"].map(|called| ("payment".to_owned(), called.to_owned()));
    assert_eq!(graph.difference(&taken).cloned().collect::<Vec<_>>(), missing);
    assert_eq!(graph.difference(&made).cloned().collect::<Vec<_>>(), missing);
}

#[test]
fn pl_01_no_pod_is_without_a_policy_and_no_rule_is_for_everybody() {
    for values in VALUES {
        let rendered = Rendered::of(values);
        for pod in rendered.all().iter().filter(|object| !object["spec"]["template"].is_null()) {
            let labels = &pod["spec"]["template"]["metadata"]["labels"];
            let covering =
                rendered.kind("NetworkPolicy").filter(|policy| selects(&policy["spec"]["podSelector"], labels));
            assert_eq!(covering.count(), 1, "{values}: {}", pod["metadata"]["name"]);
        }
        for policy in rendered.kind("NetworkPolicy") {
            let (name, spec) = (&policy["metadata"]["name"], &policy["spec"]);
            assert_eq!(spec["policyTypes"], json!(["Ingress", "Egress"]), "{name}");
            let ingress = list(&spec["ingress"]).iter().map(|rule| (rule, &rule["from"]));
            let egress = list(&spec["egress"]).iter().map(|rule| (rule, &rule["to"]));
            for (rule, peers) in ingress.chain(egress) {
                // Without peers or ports a rule is for all of them.
                assert!(!list(peers).is_empty() && !list(&rule["ports"]).is_empty(), "{name}: {rule}");
                // The one way in from outside is open to whom the installation says, and that may be everybody.
                let is_way_in = name == "anjia-gateway" && !rule["from"].is_null() && ports_of(rule) == WAY_IN;
                assert!(is_way_in || !list(peers).iter().any(is_for_everybody), "{name}: {rule}");
            }
        }
    }
}

/// The gateway's ports for apps and for partners.
const WAY_IN: [&str; 2] = ["public", "partners"];

fn ports_of(rule: &Value) -> Vec<&str> {
    list(&rule["ports"]).iter().map(|port| text(&port["port"])).collect()
}

/// Whether a peer is all pods of a namespace or of all of them, or all addresses. As Kubernetes reads it: an empty selector selects all,
/// and two beside each other must both select.
fn is_for_everybody(peer: &Value) -> bool {
    let is_empty = |selector: &Value| {
        let labels = selector["matchLabels"].as_object().map_or(0, serde_json::Map::len);
        labels + list(&selector["matchExpressions"]).len() == 0
    };
    if let Some(cidr) = peer["ipBlock"]["cidr"].as_str() {
        // Nothing wider than the private networks: 10.0.0.0/8 and fc00::/7.
        let bits: u8 = cidr.rsplit_once('/').and_then(|(_, bits)| bits.parse().ok()).expect("a network");
        return bits < if cidr.contains(':') { 7 } else { 8 };
    }
    let selectors = ["podSelector", "namespaceSelector"].map(|kind| &peer[kind]);
    selectors.iter().all(|selector| selector.is_null()) || selectors.iter().any(|it| it.is_object() && is_empty(it))
}

#[test]
fn pl_01_a_peer_that_is_everybody_is_known_in_every_form() {
    for peer in [
        json!({}),
        json!({"podSelector": {}}),
        json!({"podSelector": {"matchLabels": {}}}),
        json!({"podSelector": {"matchExpressions": []}}),
        json!({"namespaceSelector": {}}),
        json!({"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "gateway"}}}),
        json!({"namespaceSelector": {"matchLabels": {"team": "edge"}}, "podSelector": {}}),
        json!({"ipBlock": {"cidr": "0.0.0.0/0"}}),
        json!({"ipBlock": {"cidr": "0.0.0.0/1"}}),
        json!({"ipBlock": {"cidr": "::/0"}}),
    ] {
        assert!(is_for_everybody(&peer), "{peer}");
    }
    for peer in [
        json!({"podSelector": {"matchLabels": {"app": "gateway"}}}),
        json!({"namespaceSelector": {"matchLabels": {"team": "edge"}}}),
        json!({"ipBlock": {"cidr": "10.0.0.0/8"}}),
        json!({"ipBlock": {"cidr": "192.0.2.7/32"}}),
    ] {
        assert!(!is_for_everybody(&peer), "{peer}");
    }
    let open = r#"networkPolicy.clients=[{"podSelector": {}}]"#;
    let rendered = Rendered::with("values-city.yaml", &["--set-json", open]);
    let rules = list(&rendered.get("NetworkPolicy", "payment")["spec"]["ingress"]).to_vec();
    assert!(rules.iter().flat_map(|rule| list(&rule["from"])).any(is_for_everybody), "one that is let in is found");
}

#[test]
fn pl_01_besides_its_peers_a_pod_reaches_what_it_was_told_to_use() {
    let rendered = Rendered::of("values-city.yaml");
    let ports = |policy: &Value| -> BTreeSet<u64> {
        let rules = list(&policy["spec"]["egress"]).iter();
        rules.flat_map(|rule| list(&rule["ports"])).filter_map(|port| port["port"].as_u64()).collect()
    };
    let reached: BTreeMap<&str, BTreeSet<u64>> = rendered
        .services()
        .into_iter()
        .map(|service| (service, ports(rendered.get("NetworkPolicy", service))))
        .collect();
    // DNS, Postgres, the key management service, the collector, peers.
    let common = [53, 5432, 8200, 4317, 50051];
    assert_eq!(reached["payment"], common.into());
    assert_eq!(reached["scheduling"], [common.as_slice(), &[6379]].concat().into_iter().collect(), "and Redis");
    assert_eq!(
        reached["identity"],
        [common.as_slice(), &[443]].concat().into_iter().collect(),
        "and the city's logins"
    );
    assert_eq!(ports(rendered.get("NetworkPolicy", "jobs")), [53, 5432, 8200].into());
    let jobs = &rendered.get("NetworkPolicy", "jobs")["spec"];
    assert!(list(&jobs["ingress"]).is_empty(), "nobody calls a job");

    let small = Rendered::of("values-dev.yaml");
    assert_eq!(ports(small.get("NetworkPolicy", "payment")), [53, 5432, 50051].into());
    let off = Rendered::with("values-dev.yaml", &["--set", "networkPolicy.enabled=false"]);
    assert_eq!(off.kind("NetworkPolicy").count(), 0);
}

#[test]
fn pl_01_who_else_may_call_is_named_by_the_installation() {
    let outside = |rendered: &Rendered| -> Vec<Value> {
        let rules = rendered
            .services()
            .into_iter()
            .flat_map(|service| list(&rendered.get("NetworkPolicy", service)["spec"]["ingress"]).to_vec());
        rules.filter(|rule| services(&rule["from"]).count() == 0).collect()
    };
    let without = ["--set", "gateway.enabled=false", "--set", "monitoring.podMonitor.enabled=false"];
    let nobody = Rendered::with("values-city.yaml", &without);
    assert_eq!(outside(&nobody), [Value::Null; 0]);
    let apart = r#"networkPolicy.clients=[{"namespaceSelector": {"matchLabels": {"name": "edge"}}}]"#;
    let edge = outside(&Rendered::with("values-city.yaml", &[without.as_slice(), &["--set-json", apart]].concat()));
    assert_eq!(edge.len(), 5);
    assert!(edge.iter().all(|rule| rule["ports"] == json!([{"protocol": "TCP", "port": "grpc"}])), "{edge:?}");
    let nodes = r#"networkPolicy.nodes=["10.0.0.0/16"]"#;
    let nodes = outside(&Rendered::with("values-city.yaml", &[without.as_slice(), &["--set-json", nodes]].concat()));
    assert_eq!(nodes[0]["ports"], json!([{"protocol": "TCP", "port": "ops"}]));
    assert_eq!(nodes[0]["from"], json!([{"ipBlock": {"cidr": "10.0.0.0/16"}}]));
}

/// As Kubernetes compares them, for what the chart uses of it.
fn selects(selector: &Value, labels: &Value) -> bool {
    let equal = selector["matchLabels"].as_object().into_iter().flatten().all(|(key, value)| labels[key] == *value);
    let among = list(&selector["matchExpressions"]).iter().all(|expression| {
        assert_eq!(expression["operator"], "In");
        list(&expression["values"]).contains(&labels[text(&expression["key"])])
    });
    equal && among
}
