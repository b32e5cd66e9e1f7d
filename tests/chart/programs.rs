//! The service binaries: what they say of their own settings.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

/// `target/debug/<service>`, from `target/debug/deps/<test>-<hash>`.
pub(crate) fn binary(service: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let folder = test.parent().expect("a test lies in a folder");
    let binary = folder.parent().filter(|_| folder.ends_with("deps")).unwrap_or(folder).join(service);
    assert!(binary.is_file(), "{} is missing; `cargo build --workspace --bins` makes it", binary.display());
    binary
}

/// A command's settings, as its `--help` has them.
pub(crate) struct Manual {
    /// Names in the environment.
    pub(crate) known: BTreeSet<String>,
    /// Options without which it does not start, such as `--database-url`.
    pub(crate) required: Vec<String>,
}

impl Manual {
    pub(crate) fn of(service: &str, command: &str) -> Self {
        let output = Command::new(binary(service)).args([command, "--help"]).env_clear().output().expect("it runs");
        assert!(output.status.success(), "{service} {command} --help: {}", output.status);
        Self::parse(&String::from_utf8_lossy(&output.stdout))
    }

    fn parse(help: &str) -> Self {
        let names = help.split("[env: ").skip(1).filter_map(|rest| rest.split(['=', ']']).next());
        let usage = help.lines().find(|line| line.starts_with("Usage:")).expect("a usage");
        let required = usage.split_whitespace().filter(|word| word.starts_with("--"));
        Self { known: names.map(str::to_owned).collect(), required: required.map(str::to_owned).collect() }
    }
}

/// `--database-url` in the environment.
pub(crate) fn variable(option: &str) -> String {
    option.trim_start_matches('-').replace('-', "_").to_uppercase()
}

#[test]
fn a_manual_is_read() {
    let manual = Manual::parse(
        "Usage: payment serve [OPTIONS] --database-url <DATABASE_URL>\n\n  --database-url <DATABASE_URL>\n  [env: DATABASE_URL]\n  [env: POOL_SIZE=] [default: 16]",
    );
    assert_eq!(manual.known, ["DATABASE_URL", "POOL_SIZE"].map(str::to_owned).into());
    assert_eq!(manual.required.iter().map(|option| variable(option)).collect::<Vec<_>>(), ["DATABASE_URL"]);
}

#[test]
fn pl_01_binaries_need_only_what_the_image_has() {
    // What distroless/cc-debian12 brings.
    const THERE: [&str; 5] = ["linux-vdso.so", "ld-linux", "libc.so.6", "libm.so.6", "libgcc_s.so.1"];
    let dockerfile = crate::rendered::read("charts/Dockerfile");
    assert!(dockerfile.contains("FROM gcr.io/distroless/cc-debian12:nonroot\n"), "another image has other libraries");
    for service in devstack::SERVICES {
        assert!(dockerfile.contains(&format!("--package {service} ")), "no image of {service}");
        assert!(dockerfile.contains("\nUSER 65532:65532\n"), "the pods' user is another");
        let output = Command::new("ldd").arg(binary(service)).output().expect("ldd runs");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("libc.so.6"), "{service}: {said}");
        for line in said.lines() {
            let library = line.trim().trim_start_matches("/lib64/");
            assert!(THERE.iter().any(|there| library.starts_with(there)), "{service} needs {line}");
        }
    }
}
