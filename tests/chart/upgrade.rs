//! That an upgrade loses no call, and what happens in which order.

use std::path::Path;

use serde_json::{Value, json};

use crate::rendered::{RELEASE, Rendered, VALUES, chart, container, list, read, text};
use crate::settings::environment;

/// Clients look a name up again this often, after whatever their DNS remembers.
const RESOLVE_EVERY_MS: u64 = 2_000;
/// What a service does after its last call: send spans, close the database.
const CLOSING_MS: u64 = 5_000;

#[test]
fn pl_01_who_leaves_outlasts_dns_and_its_longest_call() {
    for (dns_ttl_s, values) in [(5, "values-dev.yaml"), (30, "values-city.yaml")] {
        let rendered = Rendered::of(values);
        for service in rendered.services() {
            let deployment = rendered.get("Deployment", service);
            let settings = rendered.settings(service);
            let ms = |name: &str| text(&settings[name]).parse::<u64>().expect("milliseconds");
            assert!(ms("DRAIN_NOTICE_MS") > dns_ttl_s * 1000 + RESOLVE_EVERY_MS, "{service}: calls to where nobody is");
            assert!(ms("DRAIN_MAX_MS") >= ms("DEADLINE_MAX_MS"), "{service}: a call is dropped within its deadline");
            let pod = &deployment["spec"]["template"]["spec"];
            let grace_ms = pod["terminationGracePeriodSeconds"].as_u64().expect("a grace") * 1000;
            assert!(
                grace_ms >= ms("DRAIN_NOTICE_MS") + ms("DRAIN_MAX_MS") + CLOSING_MS,
                "{service}: killed while it drains"
            );
            let strategy = &deployment["spec"]["strategy"];
            assert_eq!(strategy["rollingUpdate"]["maxUnavailable"], 0, "{service}");
            assert!(deployment["spec"]["minReadySeconds"].as_u64() >= Some(5), "{service}");
        }
    }
}

#[test]
fn pl_01_a_name_stands_for_every_ready_pod_and_for_no_other() {
    let rendered = Rendered::of("values-city.yaml");
    for service in rendered.services() {
        let (name, deployment) = (rendered.get("Service", service), rendered.get("Deployment", service));
        assert_eq!(name["spec"]["clusterIP"], "None", "{service}: HTTP/2 would be pinned to one pod");
        assert!(name["spec"]["publishNotReadyAddresses"].is_null());
        assert_eq!(name["spec"]["selector"], deployment["spec"]["selector"]["matchLabels"]);
        let labels = deployment["spec"]["template"]["metadata"]["labels"].as_object().expect("labels");
        let selector = name["spec"]["selector"].as_object().expect("a selector");
        assert!(selector.iter().all(|(key, value)| labels.get(key) == Some(value)), "{service}");
        let port = &list(&name["spec"]["ports"])[0];
        let served = list(&container(deployment)["ports"]).iter().find(|served| served["name"] == port["targetPort"]);
        assert_eq!(served.map(|served| &served["containerPort"]), Some(&port["port"]));
        assert_eq!(rendered.settings(service)["LISTEN"], format!("0.0.0.0:{}", port["port"]));
    }
    for (caller, called) in [("scheduling", "identity"), ("referral", "payment")] {
        let url = text(&rendered.settings(caller)[format!("{}_URL", called.to_uppercase())]);
        let service = rendered.get("Service", called);
        let wanted =
            format!("https://{}:{}", text(&service["metadata"]["name"]), list(&service["spec"]["ports"])[0]["port"]);
        assert_eq!(url, wanted);
    }
}

fn weight(object: &Value) -> i64 {
    let annotations = &object["metadata"]["annotations"];
    assert_eq!(annotations["helm.sh/hook"], "pre-install,pre-upgrade", "{}", object["metadata"]["name"]);
    text(&annotations["helm.sh/hook-weight"]).parse().expect("a weight")
}

#[test]
fn pl_01_databases_are_migrated_by_their_owners_and_clients_registered_before_any_pod_is_replaced() {
    for values in VALUES {
        let rendered = Rendered::of(values);
        let earliest = rendered.kind("Job").map(weight).min().expect("jobs");
        for (kind, name) in [("ServiceAccount", "jobs"), ("NetworkPolicy", "jobs")] {
            assert!(weight(rendered.get(kind, name)) < earliest, "{kind} is there before who needs it");
        }
        for service in rendered.services() {
            let job = rendered.get("Job", &format!("{service}-migrate"));
            assert_eq!(container(job)["args"], json!(["migrate"]));
            let given: Vec<String> =
                environment(&rendered, job).into_keys().filter(|name| name != "SSL_CERT_FILE").collect();
            assert_eq!(given, ["OWNER_DATABASE_URL"], "{service}: the owner's URL and nothing else");
            let owner = format!("{RELEASE}-{service}-owner");
            let seeing = rendered.all().iter().filter(|object| object.to_string().contains(&format!("\"{owner}\"")));
            let seeing: Vec<&Value> = seeing.map(|object| &object["metadata"]["name"]).collect();
            assert_eq!(seeing, [&job["metadata"]["name"]], "nobody else sees it");
        }
        let clients = rendered.get("Job", "identity-bootstrap");
        let last = rendered.kind("Job").filter(|job| container(job)["args"][0] == "migrate").map(weight).max();
        assert!(Some(weight(clients)) > last, "the table of clients is there");
        assert_eq!(container(clients)["args"][0], "bootstrap");
    }
}

#[test]
fn pl_01_every_file_a_pod_is_told_of_is_mounted_there_and_followed() {
    for values in VALUES {
        let rendered = Rendered::of(values);
        for pod in rendered.own_pods() {
            let name = &pod["metadata"]["name"];
            let mounts = list(&container(pod)["volumeMounts"]);
            let volumes = list(&pod["spec"]["template"]["spec"]["volumes"]);
            let is_file = |value: &String| value.starts_with("/etc/") || value.starts_with("/var/");
            let arguments = list(&container(pod)["args"]).iter().map(|argument| text(argument).to_owned());
            let paths: Vec<String> =
                environment(&rendered, pod).into_values().flatten().chain(arguments).filter(is_file).collect();
            for path in &paths {
                let mount = mounts.iter().find(|mount| Path::new(path).starts_with(text(&mount["mountPath"])));
                let mount = mount.unwrap_or_else(|| panic!("{name}: {path} is not mounted"));
                assert!(mount["subPath"].is_null(), "{name}: {path} would stay as it was");
                let volume = volumes.iter().find(|volume| volume["name"] == mount["name"]).expect("a volume");
                let file = path.rsplit('/').next().unwrap_or_default();
                let is_one = volume["projected"].is_object();
                assert!(
                    !is_one || volume.to_string().contains(&format!("\"path\":\"{file}\"")),
                    "{name}: {path}: {volume}"
                );
            }
            assert!(
                mounts
                    .iter()
                    .all(|mount| paths.iter().any(|path| Path::new(path).starts_with(text(&mount["mountPath"])))),
                "{name}"
            );
            assert_eq!(mounts.len(), volumes.len(), "{name}: every volume is mounted");
        }
    }
}

#[test]
fn pl_01_a_certificate_names_its_service_and_anchors_outlive_the_release() {
    let rendered = Rendered::of("values-city.yaml");
    for service in rendered.services() {
        let certificate = &rendered.get("Certificate", service)["spec"];
        let domain = text(&rendered.settings(service)["TLS_TRUST_DOMAIN"]);
        assert_eq!(certificate["uris"], json!([format!("spiffe://{domain}/service/{service}")]));
        assert_eq!(certificate["privateKey"]["encoding"], "PKCS8", "{service} reads no other");
        assert_eq!(certificate["usages"], json!(["digital signature", "client auth", "server auth"]));
        let volumes = &rendered.get("Deployment", service)["spec"]["template"]["spec"]["volumes"];
        assert!(volumes.to_string().contains(&format!("\"{}\"", text(&certificate["secretName"]))), "{service}");
        let anchor = rendered.get("PersistentVolumeClaim", &format!("{service}-anchor"));
        assert_eq!(anchor["metadata"]["annotations"]["helm.sh/resource-policy"], "keep");
        assert_eq!(anchor["spec"]["accessModes"], json!(["ReadWriteMany"]), "any replica seals");
    }
}

#[test]
fn pl_01_the_chart_is_of_the_version_it_lies_beside() {
    let workspace: toml::Table = read("Cargo.toml").parse().expect("TOML");
    let version = workspace["workspace"]["package"]["version"].as_str().expect("a version");
    let manifest = std::fs::read_to_string(chart().join("Chart.yaml")).expect("the manifest");
    assert!(manifest.contains(&format!("\nappVersion: {version}\n")), "{version}: {manifest}");
    let rendered = Rendered::of("values-city.yaml");
    for service in rendered.services() {
        let image = text(&container(rendered.get("Deployment", service))["image"]);
        assert_eq!(image, format!("registry.example/anjia/{service}:{version}"));
        assert_eq!(image, text(&container(rendered.get("Job", &format!("{service}-migrate")))["image"]));
    }
}
