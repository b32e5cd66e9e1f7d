//! What every pod must be: probed, limited, without rights.

use serde_json::{Value, json};

use crate::rendered::{RELEASE, Rendered, VALUES, list, text};

/// Beside these, a Deployment's pods are probed and spread, and a Job's end.
fn rules(kind: &str) -> Vec<(&'static str, Value)> {
    let mut rules = vec![
        ("/spec/template/spec/automountServiceAccountToken", json!(false)),
        ("/spec/template/spec/enableServiceLinks", json!(false)),
        ("/spec/template/spec/securityContext/runAsNonRoot", json!(true)),
        ("/spec/template/spec/securityContext/runAsUser", json!(65532)),
        ("/spec/template/spec/securityContext/runAsGroup", json!(65532)),
        ("/spec/template/spec/securityContext/seccompProfile", json!({"type": "RuntimeDefault"})),
        ("/spec/template/spec/containers/0/securityContext/allowPrivilegeEscalation", json!(false)),
        ("/spec/template/spec/containers/0/securityContext/readOnlyRootFilesystem", json!(true)),
        ("/spec/template/spec/containers/0/securityContext/capabilities", json!({"drop": ["ALL"]})),
    ];
    if kind == "Deployment" {
        rules.extend([
            ("/spec/template/spec/containers/0/startupProbe/httpGet", json!({"path": "/live", "port": "ops"})),
            ("/spec/template/spec/containers/0/livenessProbe/httpGet", json!({"path": "/live", "port": "ops"})),
            ("/spec/template/spec/containers/0/readinessProbe/httpGet", json!({"path": "/ready", "port": "ops"})),
            ("/spec/template/spec/topologySpreadConstraints/0/topologyKey", json!("topology.kubernetes.io/zone")),
            ("/spec/template/spec/topologySpreadConstraints/1/topologyKey", json!("kubernetes.io/hostname")),
        ]);
    }
    rules
}

/// Of any value, as long as there is one.
fn given(kind: &str) -> Vec<&'static str> {
    let mut given = vec![
        "/spec/template/spec/containers/0/resources/requests/cpu",
        "/spec/template/spec/containers/0/resources/requests/memory",
        "/spec/template/spec/containers/0/resources/limits/cpu",
        "/spec/template/spec/containers/0/resources/limits/memory",
    ];
    if kind == "Job" {
        given.push("/spec/activeDeadlineSeconds");
    }
    given
}

fn findings(object: &Value) -> Vec<String> {
    let kind = text(&object["kind"]);
    let name = &object["metadata"]["name"];
    let pod = &object["spec"]["template"]["spec"];
    let wrong = rules(kind).into_iter().filter(|(path, wanted)| object.pointer(path) != Some(wanted));
    let mut found: Vec<String> = wrong.map(|(path, wanted)| format!("{name}: {path} is not {wanted}")).collect();
    let missing = given(kind).into_iter().filter(|path| object.pointer(path).is_none_or(Value::is_null));
    found.extend(missing.map(|path| format!("{name}: {path} is missing")));
    let host = ["hostNetwork", "hostPID", "hostIPC"].into_iter().filter(|key| !pod[*key].is_null());
    found.extend(host.map(|key| format!("{name}: {key} is given")));
    let paths = list(&pod["volumes"]).iter().filter(|volume| !volume["hostPath"].is_null());
    found.extend(paths.map(|volume| format!("{name}: {} is a path of the host", volume["name"])));
    if list(&pod["containers"]).len() != 1 {
        found.push(format!("{name}: not one container"));
    }
    found
}

fn pods(rendered: &Rendered) -> impl Iterator<Item = &Value> {
    rendered.all().iter().filter(|object| !object["spec"]["template"]["spec"].is_null())
}

#[test]
fn pl_01_every_pod_is_probed_limited_unprivileged_and_read_only() {
    for values in VALUES {
        let rendered = Rendered::of(values);
        let found: Vec<String> = pods(&rendered).flat_map(findings).collect();
        assert!(found.is_empty(), "{values}:\n{}", found.join("\n"));
        assert_eq!(pods(&rendered).count(), 12, "five services, the gateway, five migrations, and the clients");
        let accounts: Vec<&str> =
            rendered.kind("ServiceAccount").map(|account| text(&account["metadata"]["name"])).collect();
        for pod in pods(&rendered) {
            let account = text(&pod["spec"]["template"]["spec"]["serviceAccountName"]);
            assert!(accounts.contains(&account), "{account}");
        }
    }
}

#[test]
fn pl_01_a_pod_that_lacks_any_of_it_is_found() {
    let rendered = Rendered::of("values-city.yaml");
    for (kind, name) in [("Deployment", "payment"), ("Job", "payment-migrate")] {
        let whole = rendered.get(kind, name);
        assert_eq!(findings(whole), [""; 0]);
        let paths = rules(kind).into_iter().map(|(path, _)| path).chain(given(kind));
        for path in paths {
            let mut broken = whole.clone();
            *broken.pointer_mut(path).expect("it was there") = Value::Null;
            let found = findings(&broken);
            assert!(found.len() == 1 && found[0].contains(path), "{path}: {found:?}");
        }
        let mut broken = whole.clone();
        broken["spec"]["template"]["spec"]["hostNetwork"] = json!(true);
        assert_eq!(findings(&broken), [format!("\"{RELEASE}-{name}\": hostNetwork is given")]);
    }
}

#[test]
fn pl_01_replicas_are_several_scaled_and_kept_through_drains_of_nodes() {
    let rendered = Rendered::of("values-city.yaml");
    for service in rendered.services() {
        let deployment = rendered.get("Deployment", service);
        let scaler = rendered.get("HorizontalPodAutoscaler", service);
        let budget = rendered.get("PodDisruptionBudget", service);
        assert!(deployment["spec"]["replicas"].is_null(), "{service}: two would set its replicas");
        let (least, most) = (scaler["spec"]["minReplicas"].as_u64(), scaler["spec"]["maxReplicas"].as_u64());
        assert!(least >= Some(2) && most > least, "{service}: {least:?} to {most:?}");
        assert_eq!(scaler["spec"]["scaleTargetRef"]["name"], deployment["metadata"]["name"]);
        assert_eq!(budget["spec"]["maxUnavailable"], 1);
        assert_eq!(budget["spec"]["selector"], deployment["spec"]["selector"], "{service}");
    }
    let small = Rendered::of("values-dev.yaml");
    assert_eq!(small.kind("HorizontalPodAutoscaler").count() + small.kind("PodDisruptionBudget").count(), 0);
    assert!(small.kind("Deployment").all(|deployment| deployment["spec"]["replicas"] == 1));
}
