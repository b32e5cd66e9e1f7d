//! Which fields the messages of requests have, as a table in Lua: the gateway refuses others. Envoy's transcoder would drop them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Result;
use prost_reflect::{DescriptorPool, Kind, MessageDescriptor};

use super::rules::Rule;
use super::schemas::well_known;

pub(super) fn of(pool: &DescriptorPool) -> Result<String> {
    let mut methods = String::new();
    let mut messages = BTreeMap::new();
    for method in pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()) {
        if !Rule::of(&method)?.is_some_and(|rule| rule.has_body) {
            continue;
        }
        let (service, input) = (method.parent_service().full_name().to_owned(), method.input());
        writeln!(methods, "    [\"/{service}/{}\"] = \"{}\",", method.name(), input.full_name())?;
        add(&input, &mut messages);
    }
    let messages: String = messages.into_values().collect();
    Ok(format!(
        "-- Made by `anjia openapi --files` of the contracts. Methods that take a body, and their requests; of each message its fields, by\n\
         -- both of their names, with the message that lies in one.\n\
         return {{\n  methods = {{\n{methods}  }},\n  messages = {{\n{messages}  }},\n}}\n"
    ))
}

fn add(message: &MessageDescriptor, messages: &mut BTreeMap<String, String>) {
    if messages.contains_key(message.full_name()) {
        return;
    }
    messages.insert(message.full_name().to_owned(), String::new());
    let mut line = format!("    [\"{}\"] = {{", message.full_name());
    for field in message.fields() {
        let inner = match field.kind() {
            Kind::Message(inner) if well_known(inner.full_name()).is_none() && !field.is_map() => {
                add(&inner, messages);
                format!("\"{}\"", inner.full_name())
            }
            _ => "true".to_owned(),
        };
        // In brackets: some names, such as `until`, are Lua's own words.
        let _ = write!(line, " [\"{}\"] = {inner},", field.json_name());
        if field.name() != field.json_name() {
            let _ = write!(line, " [\"{}\"] = {inner},", field.name());
        }
    }
    line += " },\n";
    messages.insert(message.full_name().to_owned(), line);
}
