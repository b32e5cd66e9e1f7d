//! Messages, fields and enums as schemas: the canonical JSON of protobuf.

use std::collections::BTreeMap;

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use super::comments::Comments;

/// The schemas that were asked for, and those they refer to.
pub(super) struct Schemas<'a> {
    comments: &'a Comments,
    made: BTreeMap<String, Value>,
}

impl<'a> Schemas<'a> {
    pub(super) const fn new(comments: &'a Comments) -> Self {
        Self { comments, made: BTreeMap::new() }
    }

    pub(super) fn into_components(self) -> BTreeMap<String, Value> {
        self.made
    }

    /// A reference to a message's schema, which is made on the way.
    pub(super) fn message(&mut self, message: &MessageDescriptor) -> Value {
        if let Some(schema) = well_known(message.full_name()) {
            return schema;
        }
        let name = message.full_name().to_owned();
        if !self.made.contains_key(&name) {
            // Before its fields, which may refer to it again.
            self.made.insert(name.clone(), Value::Null);
            let fields: Vec<FieldDescriptor> = message.fields().collect();
            let mut schema = self.object(&fields);
            describe(&mut schema, self.comments.at(&message.parent_file(), message.path()));
            self.made.insert(name.clone(), schema);
        }
        json!({ "$ref": format!("#/components/schemas/{name}") })
    }

    /// An object with these fields.
    pub(super) fn object(&mut self, fields: &[FieldDescriptor]) -> Value {
        let properties: Map<String, Value> =
            fields.iter().map(|field| (field.json_name().to_owned(), self.field(field))).collect();
        json!({ "type": "object", "properties": properties })
    }

    /// A field, with what is said of it.
    pub(super) fn field(&mut self, field: &FieldDescriptor) -> Value {
        let one = self.kind(&field.kind());
        let mut schema = if field.is_list() { json!({ "type": "array", "items": one }) } else { one };
        let mut comment = self.comments.at(&field.parent_message().parent_file(), field.path()).to_owned();
        if let Some(oneof) = field.containing_oneof().filter(|oneof| !oneof.is_synthetic()) {
            let others: Vec<String> = oneof.fields().map(|other| other.json_name().to_owned()).collect();
            comment = format!("{comment}\n\nAt most one of {}.", others.join(", "));
        }
        describe(&mut schema, &comment);
        schema
    }

    fn kind(&mut self, kind: &Kind) -> Value {
        match kind {
            Kind::Double | Kind::Float => json!({ "type": "number" }),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => json!({ "type": "integer", "format": "int32" }),
            Kind::Uint32 | Kind::Fixed32 => json!({ "type": "integer", "minimum": 0 }),
            // Beyond what a number of JavaScript holds, so JSON has text.
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => json!({ "type": "string", "format": "int64" }),
            Kind::Uint64 | Kind::Fixed64 => json!({ "type": "string", "format": "uint64" }),
            Kind::Bool => json!({ "type": "boolean" }),
            Kind::String => json!({ "type": "string" }),
            Kind::Bytes => json!({ "type": "string", "format": "byte" }),
            Kind::Message(message) => self.message(message),
            Kind::Enum(words) => self.words(words),
        }
    }

    fn words(&mut self, words: &EnumDescriptor) -> Value {
        let name = words.full_name().to_owned();
        if !self.made.contains_key(&name) {
            let file = words.parent_file();
            let values = words.values().map(|value| {
                let comment = self.comments.at(&file, value.path());
                if comment.is_empty() { value.name().to_owned() } else { format!("`{}`: {comment}", value.name()) }
            });
            let said: Vec<String> = values.collect();
            let names: Vec<String> = words.values().map(|value| value.name().to_owned()).collect();
            let comment = format!("{}\n\n{}", self.comments.at(&file, words.path()), said.join("\n"));
            let mut schema = json!({ "type": "string", "enum": names });
            describe(&mut schema, &comment);
            self.made.insert(name.clone(), schema);
        }
        json!({ "$ref": format!("#/components/schemas/{name}") })
    }
}

pub(super) fn describe(schema: &mut Value, comment: &str) {
    if let Some(schema) = schema.as_object_mut().filter(|_| !comment.trim().is_empty()) {
        schema.insert("description".to_owned(), json!(comment.trim()));
    }
}

/// Messages that JSON has a form of its own for.
pub(super) fn well_known(name: &str) -> Option<Value> {
    Some(match name {
        "google.protobuf.Timestamp" => json!({ "type": "string", "format": "date-time" }),
        "google.protobuf.Duration" => json!({ "type": "string", "examples": ["3.5s"] }),
        "google.protobuf.FieldMask" => json!({ "type": "string", "examples": ["name,phone"] }),
        "google.protobuf.Struct" => json!({ "type": "object" }),
        "google.protobuf.Any" => json!({
            "type": "object", "properties": { "@type": { "type": "string" } }, "additionalProperties": true
        }),
        _ => return None,
    })
}
