//! What pods are told, held against what the binaries say of their settings.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::programs::{Manual, binary, variable};
use crate::rendered::{Rendered, VALUES, chart, container, list, text};

/// Read by what looks up the system's CAs, not by the services.
const CAS: &str = "SSL_CERT_FILE";
/// What the chart reckons by itself, so that values do not name it.
const OWN: [&str; 11] = [
    "LISTEN",
    "OPS_LISTEN",
    "TLS_CERT_FILE",
    "TLS_KEY_FILE",
    "TLS_CA_FILE",
    "TLS_PARTNER_CA_FILE",
    "TLS_TRUST_DOMAIN",
    "AUDIT_ANCHOR_FOLDER",
    "DRAIN_NOTICE_MS",
    "DRAIN_MAX_MS",
    "DEADLINE_MAX_MS",
];

/// A container's environment by name; nothing where the value lies in a Secret.
pub(crate) fn environment(rendered: &Rendered, object: &Value) -> BTreeMap<String, Option<String>> {
    let container = container(object);
    let maps = list(&container["envFrom"]).iter().map(|from| text(&from["configMapRef"]["name"]));
    let maps =
        maps.map(|name| rendered.kind("ConfigMap").find(|map| map["metadata"]["name"] == name).expect("the map"));
    let plain = maps.flat_map(|map| map["data"].as_object().expect("settings").clone());
    let plain = plain.map(|(name, value)| (name, Some(text(&value).to_owned())));
    let own = list(&container["env"]).iter().map(|entry| {
        let value = entry["value"].as_str().map(str::to_owned);
        assert_eq!(value.is_none(), entry["valueFrom"]["secretKeyRef"].is_object(), "{entry}");
        (text(&entry["name"]).to_owned(), value)
    });
    plain.chain(own).collect()
}

/// What a pod is told that its command does not know, and what the command requires that it is not told.
fn differences(rendered: &Rendered, object: &Value) -> Vec<String> {
    let service = text(&object["metadata"]["labels"]["app.kubernetes.io/name"]);
    let arguments: Vec<&str> = list(&container(object)["args"]).iter().map(text).collect();
    let manual = Manual::of(service, arguments[0]);
    let given = environment(rendered, object);
    let unknown = given.keys().filter(|name| !manual.known.contains(*name) && *name != CAS);
    let unknown = unknown.map(|name| format!("{service} {} does not know {name}", arguments[0]));
    let missing = manual.required.iter();
    let missing =
        missing.filter(|option| !given.contains_key(&variable(option)) && !arguments.contains(&option.as_str()));
    unknown.chain(missing.map(|option| format!("{service} {} requires {option}", arguments[0]))).collect()
}

fn all_differences(rendered: &Rendered) -> Vec<String> {
    rendered.own_pods().flat_map(|pod| differences(rendered, pod)).collect()
}

#[test]
fn pl_01_every_setting_in_the_chart_is_one_the_service_knows_and_no_required_one_is_missing() {
    for values in VALUES {
        let rendered = Rendered::of(values);
        assert_eq!(all_differences(&rendered), [""; 0], "{values}");
        for service in rendered.services() {
            let given = environment(&rendered, rendered.get("Deployment", service));
            // Not required by the command, but by what a service in a cluster is for.
            let needed = ["WORKER_DATABASE_URL", "TLS_CERT_FILE", "TLS_KEY_FILE", "TLS_CA_FILE", "AUDIT_KEY_FILE"];
            let needed =
                needed.into_iter().chain(["AUDIT_ANCHOR_FOLDER", "AUDIT_WITNESSED_KEY_FILE", "LISTEN", "OPS_LISTEN"]);
            let missing: Vec<&str> = needed.filter(|name| !given.contains_key(*name)).collect();
            assert_eq!(missing, [""; 0], "{values}: {service}");
            let wraps = ["WRAPPING_KEY_FILE", "KMS_URL"].into_iter().filter(|name| given.contains_key(*name)).count();
            assert_eq!(wraps, 1, "{values}: one provider wraps the keys of {service}");
            let peers = Manual::of(service, "serve").known;
            let peers = rendered
                .services()
                .into_iter()
                .map(|peer| format!("{}_URL", peer.to_uppercase()))
                .filter(|url| peers.contains(url));
            let unknown: Vec<String> = peers.filter(|url| !given.contains_key(url)).collect();
            assert_eq!(unknown, [""; 0], "{values}: {service} knows where its peers are");
        }
    }
}

#[test]
fn pl_01_a_setting_that_is_strange_or_missing_is_found() {
    let strange = ["--set-string", "services.payment.settings.HOLD_DURATION_S=300"];
    let rendered = Rendered::with("values-dev.yaml", &strange);
    assert_eq!(all_differences(&rendered), ["payment serve does not know HOLD_DURATION_S"]);
    let rendered = Rendered::with("values-dev.yaml", &["--set-json", "services.scheduling.calls=[]"]);
    assert_eq!(all_differences(&rendered), ["scheduling serve requires --identity-url"]);
}

#[test]
fn pl_01_values_may_name_every_setting_that_services_have_and_no_other() {
    let schema = std::fs::read_to_string(chart().join("values.schema.json")).expect("the schema");
    let schema: Value = serde_json::from_str(&schema).expect("JSON");
    let names = |path: &str| -> BTreeSet<String> {
        let properties = schema.pointer(path).and_then(Value::as_object).unwrap_or_else(|| panic!("{path}"));
        properties.keys().cloned().collect()
    };
    let service = "/$defs/service/properties";
    let mut allowed = names("/$defs/settings/properties");
    for kind in ["secrets", "files", "folders"] {
        allowed.extend(names(&format!("{service}/{kind}/properties")));
    }
    let mut known: BTreeSet<String> =
        devstack::SERVICES.iter().flat_map(|service| Manual::of(service, "serve").known).collect();
    for service in devstack::SERVICES {
        known.remove(&format!("{}_URL", service.to_uppercase()));
    }
    for own in OWN {
        assert!(known.remove(own), "{own} is no setting");
    }
    assert_eq!(allowed, known);
    assert_eq!(names(&format!("{service}/migrate/properties")), Manual::of("payment", "migrate").known);
}

/// The values are read before any file is, and before anything is connected or listened on. Where they are accepted, the first file that
/// would lie in the pod is missed.
#[test]
fn pl_01_services_accept_every_value_they_are_given() {
    let rendered = Rendered::of("values-city.yaml");
    let exits = |service: &str, more: &[(&str, &str)]| {
        let mut command = Command::new(binary(service));
        command.arg("serve").env_clear().stdin(Stdio::null());
        for (name, value) in environment(&rendered, rendered.get("Deployment", service)) {
            // Nobody is there, and no file of the pod is here.
            command.env(name, value.unwrap_or_else(|| format!("postgres://{service}@127.0.0.1:1/{service}")));
        }
        let output = command.envs(more.iter().copied()).output().expect("it runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    std::thread::scope(|scope| {
        for service in rendered.services() {
            let exits = &exits;
            scope.spawn(move || {
                let (code, said) = exits(service, &[]);
                let misses_a_file = said.contains(": No such file") && said.contains("/etc/anjia/");
                assert!(code == Some(2) && misses_a_file && !said.contains("invalid value"), "{service}: {said}");
            });
        }
    });
    let (code, said) = exits("payment", &[("POOL_SIZE", "0")]);
    assert!(code == Some(2) && said.contains("--pool-size"), "{code:?}: {said}");
}

/// The gateway passes a caller's certificate on, and whoever it calls checks it again: a bank that it lets in is nobody to a service
/// that does not know the bank's CA.
#[test]
fn pl_03_every_service_knows_the_cas_of_the_partners_whom_the_gateway_lets_in() {
    let rendered = Rendered::of("values-city.yaml");
    let gateway = rendered.get("Deployment", "gateway").to_string();
    assert!(gateway.contains("\"anjia-caller-cas\""), "partners come in with certificates of their own CAs");
    for service in rendered.services() {
        let pod = rendered.get("Deployment", service);
        let file = environment(&rendered, pod).remove("TLS_PARTNER_CA_FILE").flatten();
        assert_eq!(file.as_deref(), Some("/etc/anjia/tls-partner-ca-file/partners.pem"), "{service}");
        let mount = list(&container(pod)["volumeMounts"]).iter().find(|it| it["name"] == "tls-partner-ca-file");
        assert_eq!(mount.map(|mount| text(&mount["mountPath"])), Some("/etc/anjia/tls-partner-ca-file"), "{service}");
        let volume =
            list(&pod["spec"]["template"]["spec"]["volumes"]).iter().find(|it| it["name"] == "tls-partner-ca-file");
        assert!(volume.is_some_and(|volume| volume.to_string().contains("\"anjia-partner-cas\"")), "{service}");
    }
    // Who has no partners' CAs has none to name.
    let without = Rendered::of("values-dev.yaml");
    assert!(without.services().iter().all(|service| {
        !environment(&without, without.get("Deployment", service)).contains_key("TLS_PARTNER_CA_FILE")
    }));
}
