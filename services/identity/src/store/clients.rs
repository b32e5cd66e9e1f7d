use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use postgres::audit::Entry;
use sqlx::{FromRow, PgConnection};
use types::caller::{Party, Role};
use types::ids::OrganisationId;
use uuid::Uuid;

use super::column;
use crate::domain::client::Client;

const TABLE: &str = "clients";

#[derive(FromRow)]
struct Row {
    client_id: String,
    party: String,
    organisation_id: Option<Uuid>,
    roles: Vec<String>,
    region: String,
    public_key_pem: Option<String>,
    certificate: Option<String>,
    exchanges: Vec<String>,
    events: Vec<String>,
}

pub async fn get(conn: &mut PgConnection, client_id: &str) -> Result<Option<Client>, postgres::Error> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT client_id, party, organisation_id, roles, region, public_key_pem, certificate, exchanges, events FROM clients \
         WHERE client_id = $1",
    )
    .bind(client_id)
    .fetch_optional(conn)
    .await?;
    row.map(Row::client).transpose()
}

/// One of the clients of a party.
pub async fn of_party(conn: &mut PgConnection, party: &Party) -> Result<Option<Client>, postgres::Error> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT client_id, party, organisation_id, roles, region, public_key_pem, certificate, exchanges, events FROM clients \
         WHERE party = $1 ORDER BY client_id LIMIT 1",
    )
    .bind(party.to_string())
    .fetch_optional(conn)
    .await?;
    row.map(Row::client).transpose()
}

/// Whom a certificate proves, by its name or its thumbprint.
pub async fn of_certificate(conn: &mut PgConnection, shown: &[String]) -> Result<Option<Client>, postgres::Error> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT client_id, party, organisation_id, roles, region, public_key_pem, certificate, exchanges, events FROM clients \
         WHERE certificate = ANY($1) ORDER BY client_id LIMIT 1",
    )
    .bind(shown)
    .fetch_optional(conn)
    .await?;
    row.map(Row::client).transpose()
}

/// Registers a client or brings it up to date; false if it is as it was.
pub async fn upsert(conn: &mut PgConnection, client: &Client, now: DateTime<Utc>) -> Result<bool, postgres::Error> {
    let done = sqlx::query(
        "INSERT INTO clients AS known (client_id, party, organisation_id, roles, region, public_key_pem, registered_at, \
         exchanges, certificate, events) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (client_id) DO UPDATE \
         SET party = $2, organisation_id = $3, roles = $4, region = $5, public_key_pem = $6, registered_at = $7, \
         exchanges = $8, certificate = $9, events = $10 \
         WHERE (known.party, known.organisation_id, known.roles, known.region, known.public_key_pem, known.exchanges, \
         known.certificate, known.events) IS DISTINCT FROM ($2, $3, $4, $5, $6, $8, $9, $10)",
    )
    .bind(&client.client_id)
    .bind(client.party.to_string())
    .bind(client.organisation.map(OrganisationId::uuid))
    .bind(words(&client.roles))
    .bind(client.region.as_str())
    .bind(&client.public_key_pem)
    .bind(now)
    .bind(words(&client.exchanges))
    .bind(&client.certificate)
    .bind(client.events.iter().cloned().collect::<Vec<String>>())
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub fn audited(entry: Entry, client: &Client) -> Entry {
    entry.row(TABLE, &client.client_id)
}

fn words(roles: &BTreeSet<Role>) -> Vec<String> {
    roles.iter().map(Role::to_string).collect()
}

impl Row {
    fn client(self) -> Result<Client, postgres::Error> {
        let id = &self.client_id;
        let roles = |name, words: &[String]| -> Result<BTreeSet<Role>, postgres::Error> {
            words.iter().map(|role| column(TABLE, name, id, role)).collect()
        };
        Ok(Client {
            party: column(TABLE, "party", id, &self.party)?,
            organisation: self.organisation_id.map(OrganisationId::from_uuid),
            roles: roles("roles", &self.roles)?,
            exchanges: roles("exchanges", &self.exchanges)?,
            region: column(TABLE, "region", id, &self.region)?,
            public_key_pem: self.public_key_pem,
            certificate: self.certificate,
            events: self.events.into_iter().collect(),
            client_id: self.client_id,
        })
    }
}
