//! Which methods the contracts declare, and the fields of their answers, read from the descriptor set and kept as small tables.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use prost::Message;
use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, FileDescriptorSet};

/// How a method exchanges messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// The answer is a stream: it may last, so it is ended by a drain rather than by a default deadline.
    pub server_streaming: bool,
    /// Its request has a `request_id`: what it does is done once, and stays.
    pub writes: bool,
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
        let writing: BTreeSet<String> = set
            .file
            .iter()
            .flat_map(|file| file.message_type.iter().map(move |message| (file, message)))
            .filter(|(_, message)| message.field.iter().any(|field| field.name() == "request_id"))
            .map(|(file, message)| format!(".{}.{}", file.package(), message.name()))
            .collect();
        for file in &set.file {
            for service in &file.service {
                for method in &service.method {
                    let name = format!("{}.{}/{}", file.package(), service.name(), method.name());
                    let shape = Shape {
                        server_streaming: method.server_streaming(),
                        writes: writing.contains(method.input_type()),
                    };
                    methods.insert(name, shape);
                }
            }
        }
        Ok(Self(methods))
    }

    /// The shape of `package.Service/Method`, if declared.
    pub fn shape(&self, method: &str) -> Option<Shape> {
        self.0.get(method).copied()
    }

    /// The services of a package, by full name.
    pub fn services_of(&self, package: &str) -> Vec<&str> {
        let of_package = |name: &&str| name.strip_prefix(package).is_some_and(|rest| rest.starts_with('.'));
        let mut services: Vec<&str> =
            self.0.keys().filter_map(|name| Some(name.split_once('/')?.0)).filter(of_package).collect();
        services.dedup();
        services
    }

    /// The full names of a service's methods.
    pub fn of_service<'a>(&'a self, service: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .keys()
            .map(String::as_str)
            .filter(move |name| name.strip_prefix(service).is_some_and(|rest| rest.starts_with('/')))
    }
}

/// The fields of every message, and which message each method answers. Read when a path is looked up for the first time: most
/// servers of a test, and every tool, need none.
#[derive(Debug, Default)]
pub struct Fields {
    /// By full name with a leading dot, as descriptors refer to them; fields by name.
    messages: BTreeMap<String, BTreeMap<String, Field>>,
    /// By `package.Service/Method`.
    answers: BTreeMap<String, String>,
}

#[derive(Debug)]
struct Field {
    number: u32,
    is_text: bool,
    /// Full name of the message it holds; empty for every other type.
    message: String,
}

/// Where a path leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resolved {
    /// Of each field on the way, and of the field itself.
    pub(crate) numbers: Vec<u32>,
    pub(crate) is_text: bool,
}

static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    Fields::parse(proto::FILE_DESCRIPTOR_SET).unwrap_or_else(|error| {
        // Then no path can be resolved, and a server that veils a field does not start.
        tracing::error!(%error, "the embedded descriptor set cannot be read");
        Fields::default()
    })
});

impl Fields {
    /// The fields of Anjia's own contracts.
    pub fn declared() -> &'static Self {
        &FIELDS
    }

    fn parse(descriptor_set: &[u8]) -> Result<Self, prost::DecodeError> {
        let set = FileDescriptorSet::decode(descriptor_set)?;
        let mut fields = Self::default();
        for file in &set.file {
            for message in &file.message_type {
                fields.add(&format!(".{}", file.package()), message);
            }
            for service in &file.service {
                for method in &service.method {
                    let name = format!("{}.{}/{}", file.package(), service.name(), method.name());
                    fields.answers.insert(name, method.output_type().to_owned());
                }
            }
        }
        Ok(fields)
    }

    fn add(&mut self, parent: &str, message: &DescriptorProto) {
        let name = format!("{parent}.{}", message.name());
        for nested in &message.nested_type {
            self.add(&name, nested);
        }
        let fields = message.field.iter().map(|field| {
            let number = u32::try_from(field.number()).unwrap_or_default();
            let message = if field.r#type() == Type::Message { field.type_name().to_owned() } else { String::new() };
            (field.name().to_owned(), Field { number, is_text: field.r#type() == Type::String, message })
        });
        self.messages.insert(name, fields.collect());
    }

    /// Where a path such as `resident.mobile` leads to in a method's answer.
    pub(crate) fn resolve(&self, method: &str, path: &str) -> Option<Resolved> {
        let mut message = self.answers.get(method)?;
        let mut resolved = Resolved { numbers: Vec::new(), is_text: false };
        for name in path.split('.') {
            let field = self.messages.get(message)?.get(name)?;
            resolved.numbers.push(field.number);
            resolved.is_text = field.is_text;
            message = &field.message;
        }
        Some(resolved)
    }
}
