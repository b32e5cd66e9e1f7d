//! Which methods the contracts declare, read from the descriptor set and kept as a small table.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use prost::Message;
use prost_types::FileDescriptorSet;

/// How a method exchanges messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// The answer is a stream: it may last, so it is ended by a drain rather than by a default deadline.
    pub server_streaming: bool,
}

/// Every method of a descriptor set, as `package.Service/Method`.
#[derive(Debug, Default)]
pub struct Methods(BTreeMap<String, Shape>);

static DECLARED: LazyLock<Methods> = LazyLock::new(|| {
    Methods::parse(proto::FILE_DESCRIPTOR_SET).unwrap_or_else(|error| {
        // Without a table every method counts as unary and, on a server, `access` refuses to start.
        tracing::error!(%error, "the embedded descriptor set cannot be read");
        Methods::default()
    })
});

impl Methods {
    /// The methods of Anjia's own contracts.
    pub fn declared() -> &'static Self {
        &DECLARED
    }

    /// Reads an encoded descriptor set.
    pub fn parse(descriptor_set: &[u8]) -> Result<Self, prost::DecodeError> {
        let set = FileDescriptorSet::decode(descriptor_set)?;
        let mut methods = BTreeMap::new();
        for file in &set.file {
            for service in &file.service {
                for method in &service.method {
                    let name = format!("{}.{}/{}", file.package(), service.name(), method.name());
                    methods.insert(name, Shape { server_streaming: method.server_streaming() });
                }
            }
        }
        Ok(Self(methods))
    }

    /// The shape of `package.Service/Method`, if declared.
    pub fn shape(&self, method: &str) -> Option<Shape> {
        self.0.get(method).copied()
    }

    /// The full names of a service's methods.
    pub fn of_service<'a>(&'a self, service: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .keys()
            .map(String::as_str)
            .filter(move |name| name.strip_prefix(service).is_some_and(|rest| rest.starts_with('/')))
    }
}
