//! Compiles the contracts with a Rust compiler (no `protoc` to install), keeping comments and custom options in the
//! descriptor set, and implements `Idempotent` for every request that carries a `request_id`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::Context as _;
use prost::Message as _;
use prost_reflect::{DescriptorPool, Kind, MessageDescriptor};

fn main() -> anyhow::Result<()> {
    // Where the crate lies now, and not where this program was built: target folders are copied.
    let crate_root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").context("cargo sets CARGO_MANIFEST_DIR")?);
    let root = crate_root.join("../../proto");
    println!("cargo:rerun-if-changed={}", root.display());
    let out = PathBuf::from(env::var_os("OUT_DIR").context("cargo sets OUT_DIR")?);

    let mut files = vec![root.join("google/rpc/error_details.proto"), root.join("google/rpc/status.proto")];
    collect(&root.join("anjia"), &mut files)?;
    files.sort();

    let mut compiler = protox::Compiler::new([&root])?;
    compiler.include_imports(true).include_source_info(true).open_files(&files)?;
    // The compiler's own encoding: prost's struct would drop google.api.http silently.
    let descriptors = compiler.encode_file_descriptor_set();
    fs::write(out.join("descriptors.bin"), &descriptors)?;

    tonic_prost_build::configure()
        .out_dir(&out)
        .include_file("mod.rs")
        .compile_well_known_types(false)
        .compile_fds(prost_types(&descriptors)?)?;
    fs::write(out.join("idempotent.rs"), idempotent(&DescriptorPool::decode(descriptors.as_slice())?)?)?;
    Ok(())
}

fn prost_types(descriptors: &[u8]) -> anyhow::Result<prost_types::FileDescriptorSet> {
    Ok(prost_types::FileDescriptorSet::decode(descriptors)?)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path);
        }
    }
    Ok(())
}

fn idempotent(pool: &DescriptorPool) -> anyhow::Result<String> {
    let mut code = String::new();
    for message in pool.all_messages().filter(carries_request_id) {
        let package = message.package_name().split('.').map(|part| format!("{part}::")).collect::<String>();
        writeln!(code, "impl_idempotent!(crate::{package}{});", message.name())?;
    }
    Ok(code)
}

fn carries_request_id(message: &MessageDescriptor) -> bool {
    message.parent_message().is_none()
        && message.get_field_by_name("request_id").is_some_and(|field| matches!(field.kind(), Kind::String))
        && message.package_name().starts_with("anjia.")
}
