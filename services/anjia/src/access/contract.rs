//! What a contract masks or leaves out by itself, whatever the policy says: as the comments of the answer's fields tell it.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use prost_reflect::{DescriptorPool, Kind, MessageDescriptor};

use crate::openapi::comments::{Comments, summary};

/// The contracts and their comments.
pub(super) struct Contracts {
    pool: DescriptorPool,
    comments: Comments,
}

impl Contracts {
    pub(super) fn read() -> Result<Self> {
        let pool = DescriptorPool::decode(proto::FILE_DESCRIPTOR_SET).context("reading the contracts")?;
        let comments = Comments::of(pool.files());
        Ok(Self { pool, comments })
    }

    /// Fields of a method's answer that are masked, by their path, and the first sentence about each: `Name, masked unless …`.
    pub(super) fn masked(&self, method: &str) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        let answer = method.split_once('/').and_then(|(service, name)| {
            let service = self.pool.get_service_by_name(service)?;
            service.methods().find(|method| method.name() == name).map(|method| method.output())
        });
        if let Some(answer) = answer {
            self.look(&answer, "", &mut vec![], &mut found);
        }
        found
    }

    fn look(
        &self,
        message: &MessageDescriptor,
        path: &str,
        above: &mut Vec<String>,
        found: &mut BTreeMap<String, String>,
    ) {
        // A message that lies in itself is told once.
        if above.iter().any(|name| name == message.full_name()) {
            return;
        }
        above.push(message.full_name().to_owned());
        for field in message.fields() {
            let path = if path.is_empty() { field.name().to_owned() } else { format!("{path}.{}", field.name()) };
            let said = summary(self.comments.at(&message.parent_file(), field.path()));
            if said.contains("masked") {
                found.insert(path.clone(), said);
            }
            if let Kind::Message(inner) = field.kind() {
                self.look(&inner, &path, above, found);
            }
        }
        above.pop();
    }
}
