//! Calls any method with any bytes, as anybody.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chassis::channel::Channel;
use devstack::callers::{CLINIC, Client, INSURER, PLATFORM};
use http::uri::PathAndQuery;
use mesh_tests::{City, Patient};
use prost::bytes::{Buf, BufMut};
use prost_reflect::{DescriptorPool, Kind, MessageDescriptor, MethodDescriptor};
use testkit::TestCaller;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Request, Status};
use uuid::Uuid;

const LONG_POLL: Duration = Duration::from_millis(100);

/// A method of the contracts, and who may call it.
pub(super) struct Method {
    pub(super) service: String,
    /// `/package.Service/Method`.
    pub(super) path: String,
    pub(super) input: MessageDescriptor,
    pub(super) is_streaming: bool,
    /// Empty for anonymous methods.
    pub(super) roles: BTreeSet<String>,
    /// What its contract says may not be found, such as `appointment` for the reason `APPOINTMENT_NOT_FOUND`.
    unknown: BTreeSet<String>,
    /// Our own services that call it.
    peers: BTreeSet<String>,
}

impl Method {
    pub(super) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// What it is about: `appointment` where the first thing that it is told is `appointment_id`.
    pub(super) fn subject(&self) -> Option<String> {
        let first = self.input.fields().find(|field| field.name() != "request_id")?;
        let is_one = matches!(first.kind(), Kind::String) && !first.is_list();
        first.name().strip_suffix("_id").filter(|_| is_one).map(str::to_owned)
    }

    /// Whether that must be there, so the contract, whoever it belongs to: a resident whom one speaks of is.
    pub(super) fn is_about_what_exists(&self) -> bool {
        let subject = self.subject().filter(|subject| subject != "resident");
        subject.is_some_and(|subject| self.unknown.iter().any(|unknown| subject.ends_with(unknown.as_str())))
    }
}

/// By the reasons in the comment of a method.
fn unknown(method: &MethodDescriptor) -> BTreeSet<String> {
    let file = method.parent_file();
    let source = file.file_descriptor_proto().source_code_info.as_ref().expect("the contracts have their comments");
    let own = source.location.iter().find(|location| location.path == method.path());
    let comment = own.map(|location| location.leading_comments().to_owned()).unwrap_or_default();
    let words = comment.split(|letter: char| !letter.is_ascii_uppercase() && letter != '_');
    words.filter_map(|word| word.strip_suffix("_NOT_FOUND")).map(str::to_ascii_lowercase).collect()
}

/// Every method that the contracts declare.
pub(super) fn methods() -> Vec<Method> {
    let pool = DescriptorPool::decode(proto::FILE_DESCRIPTOR_SET).expect("the descriptor set can be read");
    let (access, peers) = (access(), peers());
    let own = pool.services().filter(|service| service.package_name().starts_with("anjia."));
    let methods = own.flat_map(|service| service.methods().collect::<Vec<_>>());
    methods
        .map(|method| {
            let parent = method.parent_service();
            let name = format!("{}/{}", parent.full_name(), method.name());
            Method {
                service: parent.package_name().split('.').nth(1).unwrap_or_default().to_owned(),
                path: format!("/{name}"),
                input: method.input(),
                is_streaming: method.is_server_streaming(),
                roles: access.get(&name).cloned().unwrap_or_default(),
                unknown: unknown(&method),
                peers: peers.get(&name).cloned().unwrap_or_default(),
            }
        })
        .collect()
}

/// The roles of each method, from the services' own `access.toml`.
fn access() -> BTreeMap<String, BTreeSet<String>> {
    let mut access = BTreeMap::new();
    for service in devstack::SERVICES {
        for (method, entry) in access_toml(service) {
            let roles = entry.get("roles").and_then(toml::Value::as_array).into_iter().flatten();
            access.insert(method, roles.filter_map(|role| role.as_str().map(str::to_owned)).collect());
        }
    }
    access
}

/// The services by whose certificate each method may be called.
fn peers() -> BTreeMap<String, BTreeSet<String>> {
    let mut peers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for table in devstack::SERVICES.map(access_toml) {
        for (peer, methods) in table.get("peers").and_then(toml::Value::as_table).into_iter().flatten() {
            for method in methods.as_array().into_iter().flatten().filter_map(toml::Value::as_str) {
                peers.entry(method.to_owned()).or_default().insert(peer.clone());
            }
        }
    }
    peers
}

fn access_toml(service: &str) -> toml::Table {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../services").join(service).join("access.toml");
    let text = std::fs::read_to_string(path).expect("a service has an access.toml");
    text.parse().expect("access.toml is TOML")
}

/// Callers of every role.
pub(super) struct Probe<'a> {
    patient: Patient,
    callers: Vec<TestCaller>,
    channels: BTreeMap<&'static str, Channel>,
    _city: &'a City,
}

impl<'a> Probe<'a> {
    pub(super) async fn new(city: &'a City) -> Self {
        let patient = city.patient().await;
        let others = vec![
            Client::practitioner("reviewer", Uuid::now_v7(), INSURER, &["insurer_reviewer"]),
            Client::new("city-app", "client:city-app".to_owned(), Some(PLATFORM), &["platform"]).told_of(&["anjia."]),
            Client::new("auditor", "client:auditor".to_owned(), Some(PLATFORM), &["auditor"]),
            Client::practitioner("nurse", Uuid::now_v7(), CLINIC, &["clinic_clerk"]),
        ];
        let others = testkit::register_in(&city.mesh, others).await;
        let known = ["worker", "clinic", "hospital", "bank", "operator", "insurer-proposer"];
        // Identity asks nobody for a token.
        let services = devstack::SERVICES.into_iter().filter(|service| *service != "identity");
        let known = known.into_iter().chain(services).map(|id| city.caller(id).clone());
        let callers = [patient.caller.clone()].into_iter().chain(known).chain(others).collect();
        let channels = devstack::SERVICES.map(|service| (service, city.channel(service))).into();
        Self { patient, callers, channels, _city: city }
    }

    pub(super) fn resident(&self) -> String {
        self.patient.id.to_string()
    }

    /// Somebody who has none of the method's roles, if there is anybody.
    pub(super) fn stranger_to(&self, method: &Method) -> Option<&TestCaller> {
        self.callers.iter().find(|caller| !caller.client().roles.iter().any(|role| method.roles.contains(role)))
    }

    /// Calls as somebody who may; the patient first, for whom object rules hold.
    pub(super) async fn permitted(&self, method: &Method, bytes: Vec<u8>) -> Result<Vec<u8>, Status> {
        if method.roles.is_empty() {
            return self.anonymously(method, bytes).await;
        }
        let mut callers = self.callers.iter();
        let caller = callers.find(|caller| {
            let client = caller.client();
            let is_peer = !client.party.starts_with("service:") || method.peers.contains(&client.client_id);
            is_peer && client.roles.iter().any(|role| method.roles.contains(role))
        });
        let caller = caller.unwrap_or_else(|| panic!("nobody has a role for {}", method.path));
        self.call(caller, method, bytes).await
    }

    pub(super) async fn call(&self, caller: &TestCaller, method: &Method, bytes: Vec<u8>) -> Result<Vec<u8>, Status> {
        self.send(method, caller.request(bytes).await).await
    }

    pub(super) async fn anonymously(&self, method: &Method, bytes: Vec<u8>) -> Result<Vec<u8>, Status> {
        self.send(method, Request::new(bytes)).await
    }

    async fn send(&self, method: &Method, mut request: Request<Vec<u8>>) -> Result<Vec<u8>, Status> {
        if method.name() == "PullEvents" {
            // It waits as long as it is asked to.
            request.set_timeout(LONG_POLL);
        }
        let mut grpc = tonic::client::Grpc::new(self.channels[method.service.as_str()].clone());
        grpc.ready().await?;
        let path: PathAndQuery = method.path.parse().expect("a method's path");
        if method.is_streaming {
            // Answered is enough: a stream has no end of its own.
            return grpc.server_streaming(request, path, Bytes).await.map(|_| vec![]);
        }
        Ok(grpc.unary(request, path, Bytes).await?.into_inner())
    }
}

/// Messages as their bytes.
#[derive(Clone, Copy)]
pub(crate) struct Bytes;

impl Codec for Bytes {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let mut item = vec![0; buffer.remaining()];
        buffer.copy_to_slice(&mut item);
        Ok(Some(item))
    }
}
