//! What Helm makes of the chart.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// The chart's own values files: each a whole answer.
pub(crate) const VALUES: [&str; 2] = ["values-dev.yaml", "values-city.yaml"];
/// The release that is rendered, before each name.
pub(crate) const RELEASE: &str = "anjia";

pub(crate) struct Rendered(Vec<Value>);

impl Rendered {
    pub(crate) fn of(values: &str) -> Self {
        Self::with(values, &[])
    }

    /// With a values file of the chart and further arguments of `helm template`.
    pub(crate) fn with(values: &str, arguments: &[&str]) -> Self {
        let output = template(values, arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{values} {arguments:?}: {said}");
        Self(serde_json::from_slice(&output.stdout).expect("a list of objects"))
    }

    pub(crate) fn all(&self) -> &[Value] {
        &self.0
    }

    pub(crate) fn kind(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.0.iter().filter(move |object| object["kind"] == kind)
    }

    /// The object of a kind with that name behind the release's.
    pub(crate) fn get(&self, kind: &str, name: &str) -> &Value {
        let whole = format!("{RELEASE}-{name}");
        let found = self.kind(kind).find(|object| object["metadata"]["name"] == whole.as_str());
        found.unwrap_or_else(|| panic!("there is no {kind} {whole}"))
    }

    /// By one word, as the Deployments have them. The gateway is none: it runs none of our programs.
    pub(crate) fn services(&self) -> Vec<&str> {
        let names = self.kind("Deployment").map(|object| text(&object["metadata"]["labels"]["app.kubernetes.io/name"]));
        names.filter(|name| *name != "gateway").collect()
    }

    /// The pods that run a program of ours.
    pub(crate) fn own_pods(&self) -> impl Iterator<Item = &Value> {
        let serving = self.services().into_iter().map(|service| self.get("Deployment", service));
        serving.chain(self.kind("Job"))
    }

    /// What a service is told that lies in no Secret.
    pub(crate) fn settings(&self, service: &str) -> &Value {
        &self.get("ConfigMap", service)["data"]
    }
}

/// What Helm says of values that it refuses.
pub(crate) fn refusal(values: &str, arguments: &[&str]) -> String {
    let output = template(values, arguments);
    assert!(!output.status.success(), "{values} {arguments:?} is rendered");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn template(values: &str, arguments: &[&str]) -> Output {
    let file = chart().join(values);
    let mut command = Command::new(root().join("tools/chart.sh"));
    command.arg("objects").arg("--values").arg(file).args(arguments);
    command.output().expect("tools/chart.sh runs")
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate lies in the workspace").to_owned()
}

pub(crate) fn chart() -> PathBuf {
    root().join("charts/anjia")
}

pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("reading {path}: {error}"))
}

/// A pod's only container.
pub(crate) fn container(object: &Value) -> &Value {
    let containers = list(&object["spec"]["template"]["spec"]["containers"]);
    assert_eq!(containers.len(), 1, "{}", object["metadata"]["name"]);
    &containers[0]
}

pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}
