//! `identity bootstrap`: registers clients from a file, repeatably.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, ensure};
use postgres::audit::{self, Entry};
use postgres::{Database, Scope};
use serde::Deserialize;
use types::caller::{Party, Role};
use types::clock::Clock;
use types::ids::OrganisationId;
use types::region::RegionCode;
use uuid::Uuid;

use super::assertion::public_key;
use crate::domain::client::{self, Client};
use crate::domain::link::{Basis, Link};
use crate::store::{clients, logins};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    clients: Vec<Client>,
    #[serde(default)]
    logins: Vec<Login>,
}

/// A person's login at a trusted provider, and who it is here.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Login {
    issuer: String,
    subject: String,
    party: Party,
    organisation_id: Option<OrganisationId>,
    roles: BTreeSet<Role>,
    region: RegionCode,
}

/// Registers or updates every client and login of the file, or none if one of them is wrong. How many changed.
pub async fn bootstrap(db: &Database, clock: &dyn Clock, file: &Path) -> anyhow::Result<usize> {
    let text = std::fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    let File { clients, logins: people } = parse(&text).with_context(|| format!("in {}", file.display()))?;

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
    for login in people {
        changed += usize::from(link(db, clock, login).await?);
    }
    Ok(changed)
}

async fn link(db: &Database, clock: &dyn Clock, login: Login) -> anyhow::Result<bool> {
    let link = Link {
        id: Uuid::now_v7(),
        region: login.region,
        issuer: login.issuer,
        subject: login.subject,
        party: login.party,
        organisation: login.organisation_id,
        roles: login.roles,
        basis: Basis::Operator,
        linked_at: clock.now(),
    };
    let mut tx = db.begin(Scope::Region(link.region)).await?;
    let changed = logins::upsert(&mut tx, &link).await?;
    if let Some(row) = changed {
        let entry = Entry::by_service("identity", "identity.login.link");
        audit::record(&mut tx, logins::audited(entry, &link.party, row)).await?;
    }
    tx.commit().await?;
    Ok(changed.is_some())
}

fn parse(text: &[u8]) -> anyhow::Result<File> {
    let file: File = serde_json::from_slice(text)?;
    for client in &file.clients {
        let id = &client.client_id;
        ensure!(client::is_id(id), "client_id {id:?} must be 1 to 64 lower-case letters, digits and hyphens");
        ensure!(!client.roles.is_empty(), "client {id} has no role");
        let has_services = client.exchanges.iter().any(|role| matches!(role, Role::Service(_)));
        ensure!(!has_services, "client {id} may not exchange for a service: nobody logs in as one");
        let selections =
            "events must be at most 32 types, or beginnings of types that end in a full stop, as `anjia.scheduling.`";
        let are_selections = client.events.len() <= client::EVENTS_MAX
            && client.events.iter().all(|text| client::is_event_selection(text));
        ensure!(are_selections, "client {id}: {selections}");
        let (key, certificate) = (client.public_key_pem.as_deref(), client.certificate.as_deref());
        ensure!(
            key.is_some() || certificate.is_some(),
            "client {id} has neither key nor certificate to prove itself by"
        );
        ensure!(key.is_none_or(|pem| public_key(pem).is_some()), "client {id} has no Ed25519 public key in PEM");
        let text = "certificate must be client/<name> or a SHA-256 thumbprint in base64url";
        ensure!(certificate.is_none_or(client::is_certificate), "client {id}: {text}");
    }
    for login in &file.logins {
        let Login { issuer, subject, party, roles, .. } = login;
        let is_person = matches!(party, Party::Resident(_) | Party::Practitioner(_));
        ensure!(is_person, "login {subject:?} of {issuer} is nobody's: its party must be a resident or practitioner");
        let is_role = |role: &Role| !matches!(role, Role::Service(_));
        ensure!(!roles.is_empty() && roles.iter().all(is_role), "login {subject:?} of {issuer} needs a person's roles");
    }
    Ok(file)
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
        let clients = parse(file("bank", "client:bank", "bank", KEY).as_bytes()).unwrap().clients;
        assert_eq!((clients.len(), clients[0].client_id.as_str()), (1, "bank"));
    }

    #[test]
    fn id_07_a_client_may_have_a_certificate_and_no_key() {
        let text = |certificate: &str| {
            file("bank", "client:bank", "bank", KEY)
                .replace(&format!(r#""public_key_pem":"{KEY}""#), &format!(r#""certificate":{certificate}"#))
        };
        for certificate in [r#""client/bank""#, &format!(r#""{}""#, "A".repeat(43))] {
            assert!(parse(text(certificate).as_bytes()).is_ok(), "{certificate}");
        }
        for certificate in ["null", r#""""#, r#""bank""#, r#""service/referral""#, r#""client/""#] {
            assert!(parse(text(certificate).as_bytes()).is_err(), "{certificate}");
        }
    }

    #[test]
    fn pl_04_a_client_is_told_of_events_by_their_types() {
        let told = |events: &str| {
            let text = file("app", "client:app", "platform", KEY)
                .replace(r#""region""#, &format!(r#""events":{events},"region""#));
            parse(text.as_bytes()).map(|file| file.clients[0].events.len())
        };
        assert_eq!(told(r#"["anjia.scheduling.","anjia.referral.referral.booked.v1"]"#).unwrap(), 2);
        assert!(told(r#"["anjia.sched"]"#).unwrap_err().to_string().contains("events must be"));
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
