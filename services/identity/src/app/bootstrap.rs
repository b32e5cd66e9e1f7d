//! `identity bootstrap`: registers clients from a file, repeatably.

use std::path::Path;

use anyhow::{Context, ensure};
use postgres::audit::{self, Entry};
use postgres::{Database, Scope};
use serde::Deserialize;
use types::clock::Clock;

use super::assertion::public_key;
use crate::domain::client::{self, Client};
use crate::store::clients;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClientFile {
    clients: Vec<Client>,
}

/// Registers or updates every client of the file, or none if one of them is wrong. How many changed.
pub async fn bootstrap(db: &Database, clock: &dyn Clock, file: &Path) -> anyhow::Result<usize> {
    let text = std::fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    let clients = parse(&text).with_context(|| format!("in {}", file.display()))?;

    let mut changed = 0;
    for client in &clients {
        let mut tx = db.begin(Scope::Region(client.region)).await?;
        if clients::upsert(&mut tx, client, clock.now()).await? {
            let entry = Entry::by_service("identity", "identity.client.register");
            audit::record(&mut tx, clients::audited(entry, client)).await?;
            changed += 1;
        }
        tx.commit().await?;
    }
    Ok(changed)
}

fn parse(text: &[u8]) -> anyhow::Result<Vec<Client>> {
    let file: ClientFile = serde_json::from_slice(text)?;
    for client in &file.clients {
        let id = &client.client_id;
        ensure!(client::is_id(id), "client_id {id:?} must be 1 to 64 lower-case letters, digits and hyphens");
        ensure!(!client.roles.is_empty(), "client {id} has no role");
        ensure!(public_key(&client.public_key_pem).is_some(), "client {id} has no Ed25519 public key in PEM");
    }
    Ok(file.clients)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "-----BEGIN PUBLIC KEY-----\\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\\n-----END PUBLIC KEY-----\\n";

    fn file(id: &str, party: &str, role: &str, key: &str) -> String {
        format!(
            r#"{{"clients":[{{"client_id":"{id}","party":"{party}","organisation_id":null,"roles":["{role}"],
            "region":"110000","public_key_pem":"{key}"}}]}}"#
        )
    }

    #[test]
    fn a_client_is_read() {
        let clients = parse(file("bank", "client:bank", "bank", KEY).as_bytes()).unwrap();
        assert_eq!((clients.len(), clients[0].client_id.as_str()), (1, "bank"));
    }

    #[test]
    fn a_client_that_could_never_prove_itself_is_refused() {
        for text in [
            file("Bank", "client:bank", "bank", KEY),
            file("bank", "bank", "bank", KEY),
            file("bank", "client:bank", "root", KEY),
            file("bank", "client:bank", "bank", "none"),
        ] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
