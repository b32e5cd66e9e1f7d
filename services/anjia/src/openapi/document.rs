//! The `OpenAPI` document: a path for each HTTP rule, a schema for each message, and what all of them share.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor};
use serde_json::{Map, Value, json};

use super::comments::{Comments, summary};
use super::rules::Rule;
use super::schemas::{Schemas, describe, well_known};
use crate::access;

const ABOUT: &str = "The REST/JSON form of Anjia's gRPC contracts, as the gateway serves it: the canonical JSON of protobuf. \
    Fields are in lowerCamelCase, 64-bit integers are text, and what has its default value may be left out. A field that a request \
    does not have is refused. Streams are gRPC only.\n\n\
    People's apps call without a certificate, banks and hospitals with theirs at an address of their own; a token is good as it was asked \
    for, without a certificate or with that one. A refusal is a `google.rpc.Status`, whose `details` hold a `google.rpc.ErrorInfo` with a \
    stable `reason`, and for wrong input a `google.rpc.BadRequest` that names the field. Writes carry a `requestId`: sent again they are \
    answered alike.";

pub(super) fn of(pool: &DescriptorPool) -> Result<Value> {
    let comments = Comments::of(pool.files());
    let mut schemas = Schemas::new(&comments);
    let (mut paths, mut tags) = (Map::new(), vec![]);
    let anonymous = anonymous()?;
    for service in pool.services().filter(|service| service.package_name().starts_with("anjia.")) {
        let tag = tag(service.full_name());
        let mut has_any = false;
        for method in service.methods() {
            let Some(rule) = Rule::of(&method)? else { continue };
            let is_anonymous = anonymous.contains(&format!("{}/{}", service.full_name(), method.name()));
            let operation = operation(&method, &rule, &tag, is_anonymous, &comments, &mut schemas)?;
            let path = paths.entry(rule.path.clone()).or_insert_with(|| json!({}));
            let earlier = path.as_object_mut().and_then(|path| path.insert(rule.verb.to_owned(), operation));
            anyhow::ensure!(earlier.is_none(), "{} {} is two methods", rule.verb, rule.path);
            has_any = true;
        }
        if has_any {
            tags.push(json!({ "name": tag, "description": comments.at(&service.parent_file(), service.path()) }));
        }
    }
    for name in ["google.rpc.Status", "google.rpc.ErrorInfo", "google.rpc.BadRequest", "google.rpc.RetryInfo"] {
        schemas.message(&pool.get_message_by_name(name).with_context(|| format!("{name} comes along"))?);
    }
    Ok(json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Anjia 安家", "version": env!("CARGO_PKG_VERSION"), "description": ABOUT,
            "license": { "name": "Apache 2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "token": [] }, { "token": [], "certificate": [] }],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas.into_components(),
            "responses": { "Refusal": {
                "description": "Refused, or failed: the reason stands in an ErrorInfo among the details.",
                "content": { "application/json": { "schema": { "$ref": "#/components/schemas/google.rpc.Status" } } },
            } },
            "securitySchemes": {
                "token": {
                    "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                    "description": "An access token of `POST /v1/tokens:exchange`, good for at most five minutes.",
                },
                "certificate": {
                    "type": "mutualTLS", "description": "The client certificate that the token is bound to (RFC 8705).",
                },
            },
        },
    }))
}

/// Full names of the methods that need no token.
fn anonymous() -> Result<BTreeSet<String>> {
    let policies = access::policies()?;
    let all = policies.iter().flat_map(|(_, policies)| policies.iter());
    Ok(all.filter(|policy| policy.anonymous).map(|policy| policy.method.clone()).collect())
}

/// `identity.TokenService` of `anjia.identity.v1.TokenService`.
fn tag(service: &str) -> String {
    service.trim_start_matches("anjia.").replacen(".v1.", ".", 1)
}

fn operation(
    method: &MethodDescriptor,
    rule: &Rule,
    tag: &str,
    is_anonymous: bool,
    comments: &Comments,
    schemas: &mut Schemas<'_>,
) -> Result<Value> {
    let comment = comments.at(&method.parent_service().parent_file(), method.path());
    let mut parameters = vec![];
    for name in &rule.bound {
        let field = field_at(&method.input(), name).with_context(|| format!("{} has no {name}", rule.path))?;
        parameters.push(parameter(name, "path", &field, schemas));
    }
    let (within, input) = (|field: &FieldDescriptor| !rule.bound.contains(&field.name().to_owned()), method.input());
    if !rule.has_body {
        for field in input.fields().filter(within) {
            query(&field, "", &mut parameters, schemas);
        }
    }
    let answer = schemas.message(&method.output());
    let mut operation = json!({
        "operationId": format!("{tag}.{}", method.name()),
        "tags": [tag],
        "summary": summary(comment),
        "description": comment,
        "parameters": parameters,
        "responses": {
            "200": { "description": "Done.", "content": { "application/json": { "schema": answer } } },
            "default": { "$ref": "#/components/responses/Refusal" },
        },
    });
    if rule.has_body {
        let fields: Vec<FieldDescriptor> = input.fields().filter(within).collect();
        let mut body = schemas.object(&fields);
        body["additionalProperties"] = json!(false);
        describe(&mut body, comments.at(&input.parent_file(), input.path()));
        operation["requestBody"] = json!({ "required": true, "content": { "application/json": { "schema": body } } });
    }
    if is_anonymous {
        operation["security"] = json!([{}]);
    }
    Ok(operation)
}

/// A field by its path, such as `community.community_code`.
fn field_at(message: &MessageDescriptor, path: &str) -> Option<FieldDescriptor> {
    match path.split_once('.') {
        None => message.get_field_by_name(path),
        Some((first, rest)) => match message.get_field_by_name(first)?.kind() {
            Kind::Message(inner) => field_at(&inner, rest),
            _ => None,
        },
    }
}

fn parameter(name: &str, place: &str, field: &FieldDescriptor, schemas: &mut Schemas<'_>) -> Value {
    let mut schema = schemas.field(field);
    // Said of the parameter.
    let said = schema.as_object_mut().and_then(|schema| schema.remove("description")).unwrap_or_else(|| json!(""));
    json!({ "name": name, "in": place, "required": place == "path", "description": said, "schema": schema })
}

/// A field in the query; of a message in it each field, as `from.year`.
fn query(field: &FieldDescriptor, prefix: &str, parameters: &mut Vec<Value>, schemas: &mut Schemas<'_>) {
    let name = format!("{prefix}{}", field.json_name());
    match field.kind() {
        Kind::Message(message) if well_known(message.full_name()).is_none() => {
            for inner in message.fields() {
                query(&inner, &format!("{name}."), parameters, schemas);
            }
        }
        _ => parameters.push(parameter(&name, "query", field, schemas)),
    }
}
