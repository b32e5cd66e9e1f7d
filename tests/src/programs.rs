//! The command line, as people and programs run it.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use devstack::Mesh;
use serde_json::Value;
use tokio::process::Command;

/// `anjia <arguments>`, run in a folder: what it printed, read as JSON. Fails unless it succeeds.
pub async fn run_anjia(folder: &Path, arguments: &[&str]) -> Value {
    let (succeeds, printed) = ask_anjia(folder, arguments).await;
    assert!(succeeds, "anjia {}: {printed:#}", arguments.join(" "));
    printed
}

/// `anjia <arguments>`, run in a folder: its exit code, and what it printed and said.
pub async fn anjia(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(program());
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
    let ran = command.output().await;
    ran.unwrap_or_else(|error| panic!("anjia does not run: {error}; `cargo build --workspace --bins` makes it"))
}

/// `anjia <arguments>`, run in a folder: whether it succeeds, and what it printed, read as JSON.
pub async fn ask_anjia(folder: &Path, arguments: &[&str]) -> (bool, Value) {
    let output = anjia(folder, arguments).await;
    let printed = String::from_utf8_lossy(&output.stdout);
    let said = String::from_utf8_lossy(&output.stderr);
    let told = serde_json::from_str(&printed);
    let told =
        told.unwrap_or_else(|error| panic!("anjia {}: not JSON: {error}\n{printed}\n{said}", arguments.join(" ")));
    (output.status.success(), told)
}

/// Every invariant holds, says `anjia verify`.
pub async fn assert_invariants(mesh: &Mesh) {
    let report = run_anjia(mesh.fleet().root(), &["verify", "--json", "--root", "."]).await;
    assert_none_violated(&report["invariants"]);
}

/// Invariants as `verify` and `demo` list them, by name.
pub fn assert_none_violated(invariants: &Value) {
    let listed = invariants.as_object().expect("a list of invariants by name");
    assert!(listed.len() >= 10, "all of I1 to I10: {invariants:#}");
    for (name, verdict) in listed {
        assert_eq!(verdict["violations"], 0, "{name}: {verdict:#}");
    }
}

/// `target/debug/anjia`, from `target/debug/deps/<test>-<hash>`.
fn program() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let folder = test.parent().expect("a test lies in a folder");
    folder.parent().filter(|_| folder.ends_with("deps")).unwrap_or(folder).join("anjia")
}
