//! Which tables are left out of the audit on purpose: `undigested.toml`, with the reason of each.

use serde::Deserialize;
use sqlx::PgConnection;

use crate::Error;

/// A table that no entry digests.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Undigested {
    /// None: every service has it.
    pub service: Option<String>,
    pub name: String,
    pub why: String,
}

#[derive(Deserialize)]
struct List {
    table: Vec<Undigested>,
}

/// All of them.
pub fn undigested() -> Result<Vec<Undigested>, toml::de::Error> {
    Ok(toml::from_str::<List>(include_str!("undigested.toml"))?.table)
}

/// Tables of a service's database about which nobody has decided: neither audited nor among `listed`; and those of which both is said.
pub async fn undecided(conn: &mut PgConnection, service: &str, listed: &[Undigested]) -> Result<Vec<String>, Error> {
    let tables: Vec<(String, bool)> = sqlx::query_as(
        "SELECT relname::text, EXISTS (SELECT FROM audited_tables WHERE name = relname) FROM pg_class \
         WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') ORDER BY 1",
    )
    .fetch_all(conn)
    .await?;
    let is_listed = |name: &str| {
        listed.iter().any(|table| table.name == name && table.service.as_deref().is_none_or(|of| of == service))
    };
    let undecided = tables.into_iter().filter(|(name, is_audited)| *is_audited == is_listed(name));
    Ok(undecided.map(|(name, _)| name).collect())
}
