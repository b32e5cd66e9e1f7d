//! A database per service, its three roles, and who may enter.

use anyhow::{Context, Result};
use sqlx::{Connection, PgConnection};

use crate::cluster::Cluster;

/// The superuser of a private cluster. No service ever connects as it.
pub(crate) const ROLE_ADMIN: &str = "admin";

/// How a service reaches one database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseUrls {
    pub service: String,
    pub worker: String,
    pub owner: String,
}

pub fn urls(cluster: &Cluster, service: &str, database: &str) -> DatabaseUrls {
    DatabaseUrls {
        service: cluster.url(service, database),
        worker: cluster.url(&format!("{service}_worker"), database),
        owner: cluster.url(&format!("{service}_owner"), database),
    }
}

/// Makes `<service>_owner`, `<service>` and `<service>_worker` where they are missing. Several may ask at once.
async fn create_roles(admin: &mut PgConnection, service: &str) -> Result<()> {
    for role in [format!("{service}_owner"), service.to_owned(), format!("{service}_worker")] {
        let sql = format!(
            "DO $$ BEGIN
                CREATE ROLE {role} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION;
            EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
            END $$"
        );
        run(admin, sql).await?;
    }
    Ok(())
}

/// Makes a database owned by `<service>_owner` that only the service's roles may enter, empty or as a copy of `template`.
/// Returns false if it was there already.
pub async fn create_database(cluster: &Cluster, service: &str, database: &str, template: Option<&str>) -> Result<bool> {
    let mut admin = cluster.admin("postgres").await?;
    let found: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
        .bind(database)
        .fetch_one(&mut admin)
        .await?;
    if !found {
        create_roles(&mut admin, service).await?;
        let template = template.unwrap_or("template0");
        run(&mut admin, format!("CREATE DATABASE {database} OWNER {service}_owner TEMPLATE {template}")).await?;
    }
    // Also for one that was there: an interrupted start may have come only this far. A setting of a database, unlike its content,
    // is not copied from a template. Without a region row security shows nothing.
    run(
        &mut admin,
        format!(
            "ALTER DATABASE {database} SET anjia.region = '';
             REVOKE ALL ON DATABASE {database} FROM PUBLIC;
             GRANT CONNECT ON DATABASE {database} TO {service}, {service}_worker"
        ),
    )
    .await?;
    admin.close().await?;
    if template.is_none() {
        let mut inside = cluster.admin(database).await?;
        run(
            &mut inside,
            format!(
                "ALTER SCHEMA public OWNER TO {service}_owner;
                 REVOKE ALL ON SCHEMA public FROM PUBLIC;
                 GRANT USAGE ON SCHEMA public TO {service}, {service}_worker"
            ),
        )
        .await?;
        inside.close().await?;
    }
    Ok(!found)
}

/// Removes a database, whoever is still connected.
pub async fn remove_database(cluster: &Cluster, database: &str) -> Result<()> {
    let mut admin = cluster.admin("postgres").await?;
    run(&mut admin, format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)")).await?;
    Ok(admin.close().await?)
}

/// Names cannot be bound as parameters. All of them come from our own constants, none from outside.
async fn run(connection: &mut PgConnection, sql: String) -> Result<()> {
    let shown = sql.clone();
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(connection).await.with_context(|| format!("running {shown}"))?;
    Ok(())
}
