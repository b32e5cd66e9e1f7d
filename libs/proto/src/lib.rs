//! The contracts in Rust: generated types, clients and servers, the descriptor set, and the conversions of shared words.
//! No rules live here.

mod generated {
    #![allow(clippy::all, clippy::pedantic, missing_docs, unreachable_pub)]
    include!(concat!(env!("OUT_DIR"), "/mod.rs"));
}

pub mod convert;

pub use generated::{anjia, google};

/// Every contract with its comments and HTTP annotations, as an encoded `FileDescriptorSet`. Reflection, the access check and
/// the transcoder read it.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// A request that may be sent again under its `request_id`.
pub trait Idempotent: prost::Message {
    /// The key its sender chose.
    fn request_id(&self) -> &str;

    /// The same request without the key: what must be equal when the key is used again.
    #[must_use]
    fn without_request_id(&self) -> Self;
}

macro_rules! impl_idempotent {
    ($message:ty) => {
        impl crate::Idempotent for $message {
            fn request_id(&self) -> &str {
                &self.request_id
            }

            fn without_request_id(&self) -> Self {
                Self { request_id: String::new(), ..self.clone() }
            }
        }
    };
}

mod idempotent {
    include!(concat!(env!("OUT_DIR"), "/idempotent.rs"));
}
