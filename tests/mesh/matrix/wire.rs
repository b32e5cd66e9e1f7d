//! Calls any method with a message made of JSON, over anybody's certificate and with anybody's token.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chassis::channel::Channel;
use http::uri::PathAndQuery;
use mesh_tests::City;
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor, SerializeOptions};
use serde_json::Value;
use tonic::client::Grpc;
use tonic::{Code, Request, Status};

use crate::bad_input::Bytes;

/// How long a stream is listened to for what it begins with.
const LISTENED: Duration = Duration::from_millis(400);

/// Every method that the contracts declare, by `<service>.<Service>/<Method>`.
pub(crate) struct Methods(BTreeMap<String, MethodDescriptor>);

impl Methods {
    pub(crate) fn declared() -> Self {
        let pool = DescriptorPool::decode(proto::FILE_DESCRIPTOR_SET).expect("the descriptor set can be read");
        let own = pool.services().filter(|service| service.package_name().starts_with("anjia."));
        let methods = own.flat_map(|service| service.methods().collect::<Vec<_>>());
        Self(methods.map(|method| (short(&method), method)).collect())
    }

    pub(crate) fn names(&self) -> BTreeSet<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    pub(crate) fn get(&self, name: &str) -> &MethodDescriptor {
        self.0.get(name).unwrap_or_else(|| panic!("the contracts have no {name}"))
    }
}

/// `identity.ResidentService/GetResident`.
fn short(method: &MethodDescriptor) -> String {
    let service = method.parent_service();
    let package = service.package_name().split('.').nth(1).unwrap_or_default();
    format!("{package}.{}/{}", service.name(), method.name())
}

/// A certificate to show, none of it, and the token beside.
#[derive(Clone, Copy)]
pub(crate) struct Credentials<'a> {
    /// Whose certificate; none is shown without.
    pub(crate) certificate: Option<&'a str>,
    pub(crate) token: Option<&'a str>,
}

pub(crate) struct Wire<'a> {
    city: &'a City,
    pub(crate) methods: Methods,
    /// By certificate and service.
    channels: Mutex<BTreeMap<(Option<String>, String), Channel>>,
}

impl<'a> Wire<'a> {
    pub(crate) fn new(city: &'a City) -> Self {
        Self { city, methods: Methods::declared(), channels: Mutex::default() }
    }

    /// A service's database, as its owner.
    pub(crate) async fn owner(&self, service: &str) -> sqlx::PgConnection {
        let database = self.city.mesh.fleet().database(service).expect("its database");
        <sqlx::PgConnection as sqlx::Connection>::connect(&database.owner).await.expect("its owner")
    }

    /// What the method answers, as JSON; of a stream what it begins with.
    pub(crate) async fn call(&self, with: Credentials<'_>, method: &str, message: &Value) -> Result<Value, Status> {
        let method = self.methods.get(method);
        let bytes = DynamicMessage::deserialize(method.input(), message)
            .unwrap_or_else(|error| panic!("{}: {error}: {message}", method.full_name()))
            .encode_to_vec();
        let service = method.parent_service();
        let package = service.package_name().split('.').nth(1).unwrap_or_default();
        let mut request = Request::new(bytes);
        if let Some(token) = with.token {
            let token = format!("Bearer {token}").parse().expect("a token is ASCII");
            request.metadata_mut().insert("authorization", token);
        }
        let path = format!("/{}/{}", service.full_name(), method.name());
        let path: PathAndQuery = path.parse().expect("a method's path");
        let mut grpc = Grpc::new(self.channel(with.certificate, package));
        grpc.ready().await?;
        if !method.is_server_streaming() {
            return Ok(json(method, &grpc.unary(request, path, Bytes).await?.into_inner()));
        }
        let mut stream = grpc.server_streaming(request, path, Bytes).await?.into_inner();
        let mut begun = vec![];
        while let Ok(next) = tokio::time::timeout(LISTENED, stream.message()).await {
            match next? {
                Some(message) => begun.push(json(method, &message)),
                None => break,
            }
        }
        Ok(Value::Array(begun))
    }

    fn channel(&self, certificate: Option<&str>, service: &str) -> Channel {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        let fleet = self.city.mesh.fleet();
        let made = channels.entry((certificate.map(str::to_owned), service.to_owned())).or_insert_with(|| {
            let made = match certificate {
                Some(name) => fleet.channel_as(name, service),
                None => fleet.channel_without_certificate(service),
            };
            made.expect("a channel to a service of the mesh")
        });
        made.clone()
    }
}

fn json(method: &MethodDescriptor, bytes: &[u8]) -> Value {
    let answer = DynamicMessage::decode(method.output(), bytes).expect("an answer of the contracts");
    let options = SerializeOptions::new().use_proto_field_name(true);
    answer.serialize_with_options(serde_json::value::Serializer, &options).expect("an answer is JSON")
}

/// A refusal within an answer, as one of a call.
pub(crate) fn refusal(told: &Value) -> Status {
    let code = told["code"].as_i64().and_then(|code| i32::try_from(code).ok()).map_or(Code::Unknown, Code::from_i32);
    let reason = told.pointer("/details/0/reason").and_then(Value::as_str).unwrap_or_default();
    chassis::error::status("scheduling.anjia", code, reason, told["message"].as_str().unwrap_or_default())
}
