//! The real binaries, started as the chart's pods would be: with what is rendered, and nothing else in their environment.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use devstack::{SERVICES, callers};
use serde_json::Value;
use testkit::Mesh;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::programs::binary;
use crate::rendered::{Rendered, container, list, text};
use crate::settings::environment;

const PATIENCE: Duration = Duration::from_secs(30);

/// Secrets and files of a mesh on this machine, laid where a pod would find them, under a folder in place of `/`.
struct Node<'a> {
    mesh: &'a Mesh,
    rendered: &'a Rendered,
    root: PathBuf,
}

impl Node<'_> {
    /// A pod's process, with the values and files that its Secrets would have.
    fn command(&self, service: &str, object: &Value, ports: Option<(u16, u16)>) -> Command {
        let own: BTreeMap<String, OsString> =
            self.mesh.fleet().environment(service).expect("settings").into_iter().collect();
        let owner = OsString::from(self.mesh.database(service).owner.clone());
        let secret = |name: &str| if name == "OWNER_DATABASE_URL" { owner.clone() } else { own[name].clone() };
        let root = self.root.join(service);
        let mut command = Command::new(binary(service));
        command.env_clear().stdin(Stdio::null()).kill_on_drop(true);
        for (name, value) in environment(self.rendered, object) {
            let value = match value {
                None => secret(&name),
                // A volume that is empty at first.
                Some(path) if path.starts_with("/var/") => {
                    let place = below(&root, &path);
                    std::fs::create_dir_all(&place).expect("made");
                    place.into_os_string()
                }
                Some(path) if path.starts_with("/etc/") => {
                    let place = below(&root, &path);
                    lay(&PathBuf::from(&own[&name]), &place);
                    place.into_os_string()
                }
                // The pod's address, with ports that are free here.
                Some(address) => match (name.as_str(), ports) {
                    ("LISTEN", Some((grpc, _))) => address.replace("50051", &grpc.to_string()).into(),
                    ("OPS_LISTEN", Some((_, ops))) => address.replace("9090", &ops.to_string()).into(),
                    _ => address.into(),
                },
            };
            command.env(name, value);
        }
        for argument in list(&container(object)["args"]).iter().map(text) {
            if argument.starts_with('/') {
                let place = below(&root, argument);
                std::fs::create_dir_all(place.parent().expect("a folder")).expect("made");
                self.mesh.fleet().keys().write_clients(callers::all(), &place).expect("written");
                command.arg(place);
            } else {
                command.arg(argument);
            }
        }
        command
    }

    async fn run(&self, service: &str, job: &str) {
        let output = self.command(service, self.rendered.get("Job", job), None).output().await.expect("it runs");
        assert!(output.status.success(), "{job}: {}", String::from_utf8_lossy(&output.stderr));
    }

    async fn serve(&self, service: &str) -> Child {
        let (grpc, ops) = (free_port(), free_port());
        let log = self.root.join(format!("{service}.log"));
        let mut command = self.command(service, self.rendered.get("Deployment", service), Some((grpc, ops)));
        let mut child = command.stderr(std::fs::File::create(&log).expect("a log")).spawn().expect("it runs");
        let said = || std::fs::read_to_string(&log).expect("a log");
        let ready = async {
            while !answers_ready(ops).await {
                assert!(child.try_wait().expect("a status").is_none(), "{service} ended: {}", said());
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, ready).await.unwrap_or_else(|_| panic!("{service} is not ready: {}", said()));
        child
    }
}

fn below(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

/// Copies a file, or the files of a folder.
fn lay(from: &Path, to: &Path) {
    if from.is_dir() {
        std::fs::create_dir_all(to).expect("made");
        for file in std::fs::read_dir(from).expect("a folder").flatten().filter(|file| file.path().is_file()) {
            std::fs::copy(file.path(), to.join(file.file_name())).expect("copied");
        }
    } else {
        std::fs::create_dir_all(to.parent().expect("a folder")).expect("made");
        std::fs::copy(from, to).expect("copied");
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its address").port()
}

async fn answers_ready(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)).await else { return false };
    let question = b"GET /ready HTTP/1.1\r\nhost: pod\r\nconnection: close\r\n\r\n";
    let mut answer = String::new();
    stream.write_all(question).await.is_ok()
        && stream.read_to_string(&mut answer).await.is_ok()
        && answer.starts_with("HTTP/1.1 200")
}

/// Beyond loopback, so by mutual TLS; their peers' names stand for nobody here, and readiness does not ask.
#[tokio::test]
async fn pl_01_what_the_chart_gives_migrates_registers_and_starts_every_service() {
    let mut mesh = Mesh::start(&SERVICES).await;
    for service in SERVICES {
        mesh.terminate(service).await;
    }
    let rendered = Rendered::of("values-dev.yaml");
    let root = mesh.fleet().root().join("chart");
    let node = Node { mesh: &mesh, rendered: &rendered, root };
    for service in SERVICES {
        node.run(service, &format!("{service}-migrate")).await;
    }
    node.run("identity", "identity-bootstrap").await;
    let mut running = vec![];
    for service in SERVICES {
        running.push(node.serve(service).await);
    }
    assert!(running.iter_mut().all(|child| child.try_wait().expect("a status").is_none()), "none of them ended");
    assert_eq!(running.len(), SERVICES.len());
}
