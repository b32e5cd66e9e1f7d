//! `anjia openapi`: the contracts as REST programs read them, and the files that the gateway reads of them. Needs no mesh.

pub(crate) mod comments;
mod document;
mod fields;
mod rules;
mod schemas;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, Value};

use crate::print;

/// Print the `OpenAPI` 3.1 document of the REST API.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Write what the gateway reads into this folder instead: the document, the descriptors for its transcoder, the
    /// services it routes to, and the fields of requests.
    /// In the checkout: charts/anjia/files.
    #[arg(long)]
    files: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let pool = DescriptorPool::decode(proto::FILE_DESCRIPTOR_SET).context("the contracts")?;
    let document = serde_json::to_string_pretty(&document::of(&pool)?)?;
    let Some(folder) = &args.files else {
        print(&document)?;
        return Ok(ExitCode::SUCCESS);
    };
    let files = [
        ("openapi.json", format!("{document}\n").into_bytes()),
        ("fields.lua", fields::of(&pool)?.into_bytes()),
        ("contracts.json", format!("{}\n", serde_json::to_string_pretty(&routed(&pool))?).into_bytes()),
        ("descriptors.binpb", bare(&pool)?),
    ];
    for (name, content) in files {
        let path = folder.join(name);
        std::fs::write(&path, content).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What a service's one word stands for in the contracts, for routes: its services, and the paths of methods that stream.
#[derive(Default, serde::Serialize)]
struct Routed {
    services: Vec<String>,
    streams: Vec<String>,
}

/// By that word, which is the second in the name of its package.
fn routed(pool: &DescriptorPool) -> BTreeMap<String, Routed> {
    let mut routed: BTreeMap<String, Routed> = BTreeMap::new();
    for service in pool.services() {
        let Some(word) = service.package_name().split('.').nth(1) else { continue };
        let of = routed.entry(word.to_owned()).or_default();
        of.services.push(service.full_name().to_owned());
        let streams = service.methods().filter(|method| method.is_server_streaming() || method.is_client_streaming());
        of.streams.extend(streams.map(|method| format!("/{}/{}", service.full_name(), method.name())));
    }
    for of in routed.values_mut() {
        of.services.sort();
        of.streams.sort();
    }
    routed
}

/// The descriptors without comments. As messages of `descriptor.proto`, which keeps the HTTP rules that prost's own structs drop.
fn bare(pool: &DescriptorPool) -> Result<Vec<u8>> {
    let kind = pool.get_message_by_name("google.protobuf.FileDescriptorSet").context("descriptor.proto comes along")?;
    let mut set = DynamicMessage::decode(kind, proto::FILE_DESCRIPTOR_SET).context("the contracts")?;
    let files = set.get_field_by_name_mut("file").and_then(Value::as_list_mut).context("a set has files")?;
    for file in files.iter_mut().filter_map(Value::as_message_mut) {
        file.clear_field_by_name("source_code_info");
    }
    Ok(set.encode_to_vec())
}
