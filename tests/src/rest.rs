//! REST/JSON through the gateway, as another organisation's program speaks it: by the `OpenAPI` document.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use chassis::auth::{AUDIENCE_IDENTITY, Assertion, Claims};
use devstack::{GatewayRecord, Keys};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{City, now};

const DOCUMENT: &str = include_str!("../../charts/anjia/files/openapi.json");
const TOKEN_EXCHANGE: &str = "/v1/tokens:exchange";

/// The way in from outside.
pub struct Rest {
    gateway: GatewayRecord,
    keys: Keys,
}

/// Somebody outside, with or without a certificate and a token.
#[derive(Clone)]
pub struct RestCaller {
    http: reqwest::Client,
    url: String,
    pub token: Option<String>,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl City {
    /// With the gateway before it. `None` where there is no [`envoy`].
    pub async fn behind_gateway() -> Option<(Self, Rest)> {
        Self::behind_gateway_with(None, &[]).await
    }

    /// The same, with a collector of traces and with settings for every service.
    pub async fn behind_gateway_with(otlp_endpoint: Option<String>, settings: &[(&str, &str)]) -> Option<(Self, Rest)> {
        envoy()?;
        let city = Self::in_mesh(testkit::whole_mesh_with_gateway(otlp_endpoint, settings).await).await;
        let gateway = city.mesh.gateway().expect("it was asked for");
        let rest = Rest { gateway, keys: city.mesh.fleet().keys().clone() };
        Some((city, rest))
    }
}

impl Rest {
    /// An app without a certificate, and without a token.
    pub fn nobody(&self) -> RestCaller {
        RestCaller { http: self.client(None), url: self.gateway.url.clone(), token: None }
    }

    /// The same by HTTP/1.1.
    pub fn nobody_by_http1(&self) -> RestCaller {
        let http = self.builder().http1_only().build().expect("a client");
        RestCaller { http, ..self.nobody() }
    }

    /// What it counts, as Prometheus reads it.
    pub async fn metrics(&self) -> String {
        let url = format!("{}/metrics", self.gateway.ops_url);
        reqwest::get(url).await.expect("its ops port").text().await.expect("text")
    }

    /// A partner with this client's certificate, and without a token.
    pub fn certified(&self, client_id: &str) -> RestCaller {
        RestCaller { http: self.client(Some(client_id)), url: self.gateway.partners_url.clone(), token: None }
    }

    /// A partner's address, without a certificate.
    pub fn uncertified(&self) -> RestCaller {
        RestCaller { url: self.gateway.partners_url.clone(), ..self.nobody() }
    }

    /// An app for whom this client's key vouches: its token is bound to no certificate.
    pub async fn app(&self, client_id: &str) -> RestCaller {
        self.log_in(self.nobody(), client_id).await
    }

    /// A partner with a token that is bound to its certificate.
    pub async fn partner(&self, client_id: &str) -> RestCaller {
        self.log_in(self.certified(client_id), client_id).await
    }

    async fn log_in(&self, caller: RestCaller, client_id: &str) -> RestCaller {
        let body = json!({ "clientAssertion": self.assertion(client_id) });
        let answer = caller.send("post", TOKEN_EXCHANGE, Some(body.to_string())).await;
        let token = answer.body["accessToken"].as_str().unwrap_or_else(|| panic!("{client_id}: {answer:?}"));
        RestCaller { token: Some(token.to_owned()), ..caller }
    }

    /// These claims, signed with the key that signed this token.
    pub fn signed(&self, like: &str, claims: &Claims) -> String {
        let header = jsonwebtoken::decode_header(like).expect("a token");
        let signing = self.keys.signing().expect("the keys of tokens");
        let file = std::fs::read_dir(signing).expect("a folder").flatten().next().expect("a key").path();
        let key = EncodingKey::from_ed_pem(&std::fs::read(file).expect("it is readable")).expect("an Ed25519 key");
        jsonwebtoken::encode(&header, claims, &key).expect("it signs")
    }

    fn assertion(&self, client_id: &str) -> String {
        let claims = Assertion {
            iss: client_id.to_owned(),
            sub: client_id.to_owned(),
            aud: AUDIENCE_IDENTITY.to_owned(),
            jti: Uuid::now_v7().to_string(),
            exp: now().timestamp() + 50,
        };
        let pem = std::fs::read(self.keys.private(client_id).expect("a key")).expect("it is readable");
        let key = EncodingKey::from_ed_pem(&pem).expect("an Ed25519 key");
        jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims, &key).expect("it signs")
    }

    fn builder(&self) -> reqwest::ClientBuilder {
        let ca = std::fs::read(self.keys.certificates().ca().expect("a CA")).expect("it is readable");
        reqwest::Client::builder()
            .timeout(Duration::from_secs(40))
            .tls_built_in_root_certs(false)
            .add_root_certificate(reqwest::Certificate::from_pem(&ca).expect("a certificate"))
    }

    fn client(&self, certificate_of: Option<&str>) -> reqwest::Client {
        let client = self.builder();
        let client = match certificate_of {
            None => client,
            Some(name) => {
                let pem =
                    std::fs::read(self.keys.certificates().of(name).expect("a certificate")).expect("it is readable");
                client.identity(reqwest::Identity::from_pem(&pem).expect("a certificate and its key"))
            }
        };
        client.build().expect("a client")
    }
}

impl RestCaller {
    /// The same with another token, or none.
    #[must_use]
    pub fn with_token(&self, token: Option<&str>) -> Self {
        Self { token: token.map(str::to_owned), ..self.clone() }
    }

    /// One request as it is written here.
    pub async fn send(&self, verb: &str, path: &str, body: Option<String>) -> Answer {
        self.send_with(verb, path, body, &[]).await
    }

    /// The same with further headers.
    pub async fn send_with(&self, verb: &str, path: &str, body: Option<String>, headers: &[(&str, &str)]) -> Answer {
        self.try_send(verb, path, body, headers).await.unwrap_or_else(|error| panic!("{verb} {path}: {error:?}"))
    }

    /// The same, where there may be no answer at all.
    pub async fn try_send(
        &self,
        verb: &str,
        path: &str,
        body: Option<String>,
        headers: &[(&str, &str)],
    ) -> Result<Answer, reqwest::Error> {
        let verb = verb.to_uppercase().parse().expect("an HTTP method");
        let mut request = self.http.request(verb, format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let text = response.text().await?;
        let body = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status} {path}: no JSON: {text}"));
        Ok(Answer { status, body })
    }

    /// A call of an operation of the document, such as `scheduling.AppointmentService.HoldSlot`.
    pub async fn call<A: Message + Default>(&self, operation: &str, request: &impl Message) -> Result<A, Answer> {
        let (input, output) = messages(operation);
        let message = DynamicMessage::decode(input, request.encode_to_vec().as_slice()).expect("its request");
        let fields = serde_json::to_value(&message).expect("JSON");
        let (verb, path, body) = as_documented(operation, fields);
        let answer = self.send(&verb, &path, body).await;
        if answer.status != 200 {
            return Err(answer);
        }
        // Strict: every field of the answer is one of the contract.
        let message =
            DynamicMessage::deserialize(output, &answer.body).unwrap_or_else(|error| panic!("{error}: {answer:?}"));
        Ok(A::decode(message.encode_to_vec().as_slice()).expect("its answer"))
    }
}

impl Answer {
    /// The reason in the `ErrorInfo`; empty if there is none.
    pub fn reason(&self) -> &str {
        let mut details = self.body["details"].as_array().into_iter().flatten();
        details.find_map(|detail| detail["reason"].as_str()).unwrap_or_default()
    }
}

/// The gateway's program. `None`, said in a line, where it is not installed; `make test` installs it, or fails.
pub fn envoy() -> Option<PathBuf> {
    match devstack::envoy() {
        Ok(envoy) => Some(envoy),
        Err(error) => {
            // Of a test that passes nobody sees what `eprintln!` says.
            let _ = writeln!(std::io::stderr(), "skipped: {error:#}");
            None
        }
    }
}

/// The document that clients are made from.
pub fn document() -> Value {
    serde_json::from_str(DOCUMENT).expect("the document is JSON")
}

/// Where and how the document says that an operation is called with these fields.
fn as_documented(operation: &str, mut fields: Value) -> (String, String, Option<String>) {
    let document = document();
    let all = document["paths"].as_object().expect("paths").iter();
    let mut found = all
        .flat_map(|(path, verbs)| verbs.as_object().into_iter().flatten().map(move |(verb, said)| (path, verb, said)));
    let (path, verb, said) =
        found.find(|(_, _, said)| said["operationId"] == operation).unwrap_or_else(|| panic!("no {operation}"));
    let mut path = path.clone();
    let mut query = vec![];
    for parameter in said["parameters"].as_array().into_iter().flatten() {
        let name = parameter["name"].as_str().expect("a parameter has a name");
        if parameter["in"] == "path" {
            let value = take(&mut fields, &name.split('.').map(camel).collect::<Vec<_>>());
            path = path.replace(&format!("{{{name}}}"), value.as_str().expect("ids are text"));
        } else {
            let values = match take(&mut fields, &name.split('.').map(str::to_owned).collect::<Vec<_>>()) {
                Value::Null => vec![],
                Value::Array(values) => values,
                value => vec![value],
            };
            let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            query.extend(values.into_iter().map(|value| format!("{name}={}", text(value).replace('+', "%2B"))));
        }
    }
    if !query.is_empty() {
        path = format!("{path}?{}", query.join("&"));
    }
    let body = (!said["requestBody"].is_null()).then(|| fields.to_string());
    (verb.clone(), path, body)
}

/// Takes out what lies there.
fn take(fields: &mut Value, path: &[String]) -> Value {
    let Some((last, before)) = path.split_last() else { return Value::Null };
    let mut object = fields;
    for step in before {
        object = match object.get_mut(step) {
            Some(inner) => inner,
            None => return Value::Null,
        };
    }
    object.as_object_mut().and_then(|object| object.remove(last)).unwrap_or(Value::Null)
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let (head, tail) = word.split_at(word.len().min(1));
        name + head.to_uppercase().as_str() + tail
    })
}

/// The messages of an operation.
fn messages(operation: &str) -> (MessageDescriptor, MessageDescriptor) {
    let pool = DescriptorPool::decode(proto::FILE_DESCRIPTOR_SET).expect("the contracts");
    let (service, method) = operation.rsplit_once('.').expect("a method of a service");
    let (package, service) = service.split_once('.').expect("a service of a package");
    let service = pool.get_service_by_name(&format!("anjia.{package}.v1.{service}")).expect("a service");
    let method = service.methods().find(|known| known.name() == method).expect("a method");
    (method.input(), method.output())
}
