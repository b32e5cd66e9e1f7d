use std::fmt;

/// Where the data is, and how much of the database one replica may take.
#[derive(Clone, clap::Args)]
pub struct PostgresConfig {
    /// URL of the service's database as the service's own role (`postgres://<service>@host/<service>`), never owner or superuser.
    #[arg(long, env)]
    pub database_url: String,
    /// URL of the same database as the worker role (`<service>_worker`). Without it background loops cannot run.
    #[arg(long, env)]
    pub worker_database_url: Option<String>,
    /// Connections the service's role may open. The worker role opens a quarter of it, at least two.
    #[arg(long, env, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub pool_size: u32,
    /// Longest time one statement may take, in milliseconds.
    #[arg(long, env, default_value_t = 5000, value_parser = clap::value_parser!(u32).range(10..=60_000))]
    pub statement_timeout_ms: u32,
}

/// A URL may hold a password, so URLs are not shown.
impl fmt::Debug for PostgresConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresConfig")
            .field("pool_size", &self.pool_size)
            .field("statement_timeout_ms", &self.statement_timeout_ms)
            .finish_non_exhaustive()
    }
}
