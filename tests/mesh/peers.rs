//! What a pod that was taken over can do with its certificate, and what is answered outside of TLS.

use std::collections::BTreeSet;
use std::time::Duration;

use chassis::access::Policies;
use chassis::channel::Channel;
use chassis::methods::Methods;
use devstack::SERVICES;
use http::uri::PathAndQuery;
use testkit::{Mesh, reason};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::client::Grpc;
use tonic::{Code, Request, Status};

/// The services of a package, as its contract declares them.
fn declared(service: &str) -> BTreeSet<String> {
    let pool = prost_reflect::DescriptorPool::decode(proto::FILE_DESCRIPTOR_SET).expect("the descriptor set");
    let package = format!("anjia.{service}.v1");
    pool.services().filter(|it| it.package_name() == package).map(|it| it.full_name().to_owned()).collect()
}

/// Calls with an empty message.
pub(crate) async fn call(channel: Channel, method: &str, request: Request<()>) -> Result<(), Status> {
    let path: PathAndQuery = format!("/{method}").parse().expect("a path");
    let mut grpc = Grpc::new(channel);
    grpc.ready().await?;
    grpc.unary(request, path, tonic_prost::ProstCodec::<(), ()>::default()).await.map(drop)
}

#[tokio::test]
async fn pl_05_each_service_calls_by_its_certificate_what_is_listed_for_it() {
    let mesh = Mesh::start(&SERVICES).await;
    let operator = mesh.caller("operator").context().await.expect("a token").request(());
    let stolen = operator.metadata().get("authorization").expect("a bearer token").clone();
    for server in SERVICES {
        let text = std::fs::read_to_string(format!("{}/../services/{server}/access.toml", env!("CARGO_MANIFEST_DIR")));
        let services = declared(server);
        let services: Vec<&str> = services.iter().map(String::as_str).collect();
        let policies = Policies::check(&text.expect("an access.toml"), &services, Methods::declared()).expect("loads");
        for pod in SERVICES {
            let channel = mesh.channel_as(pod, server);
            for method in services.iter().flat_map(|service| Methods::declared().of_service(service)) {
                let mut request = Request::new(());
                request.metadata_mut().insert("authorization", stolen.clone());
                request.set_timeout(Duration::from_secs(5));
                let refusal = call(channel.clone(), method, request).await.err().map(|status| reason(&status));
                let is_refused = refusal.as_deref() == Some("PEER_NOT_PERMITTED");
                assert_eq!(is_refused, !policies.peers().may(pod, method), "{pod} calls {method}: {refusal:?}");
            }
        }
    }
}

#[tokio::test]
async fn pl_05_a_stolen_token_is_worth_nothing_without_its_certificate() {
    let mesh = Mesh::start(&["identity"]).await;
    let method = "anjia.identity.v1.OrganisationService/RegisterOrganisation";
    let operator = mesh.caller("operator").request(()).await;
    let token = operator.metadata().get("authorization").expect("a bearer token").clone();
    let with = async |channel: Channel| {
        let mut request = Request::new(());
        request.metadata_mut().insert("authorization", token.clone());
        let status = call(channel, method, request).await.expect_err("refused");
        (status.code(), reason(&status))
    };
    let own = call(mesh.channel("identity"), method, operator).await.expect_err("an empty request");
    assert_eq!(reason(&own), "INVALID_FIELD");
    let pod = with(mesh.channel_as("scheduling", "identity")).await;
    assert_eq!(pod, (Code::PermissionDenied, "PEER_NOT_PERMITTED".to_owned()));
    let bank = with(mesh.channel_as("bank", "identity")).await;
    assert_eq!(bank, (Code::Unauthenticated, "TOKEN_BOUND_ELSEWHERE".to_owned()));
    let nobody = with(mesh.channel_without_certificate("identity")).await;
    assert_eq!(nobody, (Code::Unavailable, "PEER_UNAVAILABLE".to_owned()));
}

/// Everything that listens in a mesh's service, spoken to without TLS: only the ops port has an answer.
#[tokio::test]
async fn pl_05_nothing_but_the_ops_port_answers_in_plain_text() {
    let mesh = Mesh::start(&SERVICES).await;
    for service in SERVICES {
        let pid = mesh.fleet().process(service).expect("it runs").pid;
        let ports = listening(pid);
        let port = |url: String| url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
        let ops: u16 = port(mesh.fleet().ops_url(service).expect("known"));
        let grpc: u16 = port(mesh.fleet().url(service).expect("known"));
        assert_eq!(ports, BTreeSet::from([ops, grpc]), "{service} listens elsewhere, too");
        assert!(answer(ops, b"GET /live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.starts_with(b"HTTP"));
        for words in
            [&b"GET /live HTTP/1.1\r\nhost: x\r\n\r\n"[..], b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"]
        {
            let said = answer(grpc, words).await;
            // At most a TLS alert.
            assert!(said.len() <= 7, "{service}: {said:?}");
        }
    }
}

/// The ports that a process listens on, of any address.
fn listening(pid: u32) -> BTreeSet<u16> {
    const LISTEN: &str = "0A";
    let links = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("its descriptors").flatten();
    let sockets: BTreeSet<String> =
        links.filter_map(|link| Some(std::fs::read_link(link.path()).ok()?.to_str()?.to_owned())).collect();
    let mut ports = BTreeSet::new();
    for table in ["tcp", "tcp6"] {
        let table = std::fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        for line in table.lines().skip(1) {
            let fields: Vec<&str> = line.split_ascii_whitespace().collect();
            let is_own = fields.get(9).is_some_and(|inode| sockets.contains(&format!("socket:[{inode}]")));
            if is_own && fields.get(3) == Some(&LISTEN) {
                let port = fields[1].rsplit(':').next().and_then(|port| u16::from_str_radix(port, 16).ok());
                ports.extend(port);
            }
        }
    }
    ports
}

async fn answer(port: u16, words: &[u8]) -> Vec<u8> {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await.expect("it listens");
    // It may hang up before all is said.
    let _ = socket.write_all(words).await;
    let mut said = vec![];
    let hung_up = tokio::time::timeout(Duration::from_secs(10), socket.read_to_end(&mut said)).await;
    assert!(hung_up.is_ok(), "still waits for more");
    said
}
