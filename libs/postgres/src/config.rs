use std::fmt;

use crate::audit::AuditConfig;
use crate::events::EventsConfig;
use crate::vault::VaultConfig;

/// Where the data is, and how much of the database one replica may take.
#[derive(Clone, clap::Args)]
pub struct PostgresConfig {
    /// URL of the service's database as the service's own role (`postgres://<service>@host/<service>`), never owner or superuser.
    #[arg(long, env, hide_env_values = true)]
    pub database_url: String,
    /// URL of the same database as the worker role (`<service>_worker`). Without it background loops cannot run.
    #[arg(long, env, hide_env_values = true)]
    pub worker_database_url: Option<String>,
    /// Connections the service's role may open. The worker role opens a quarter of it, at least two.
    #[arg(long, env, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub pool_size: u32,
    /// Longest time one statement may take, in milliseconds.
    #[arg(long, env, default_value_t = 5000, value_parser = clap::value_parser!(u32).range(10..=60_000))]
    pub statement_timeout_ms: u32,
    #[command(flatten)]
    pub vault: VaultConfig,
    #[command(flatten)]
    pub audit: AuditConfig,
    #[command(flatten)]
    pub events: EventsConfig,
}

/// A URL may hold a password, so URLs are not shown, neither here nor in `--help`.
impl fmt::Debug for PostgresConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresConfig")
            .field("pool_size", &self.pool_size)
            .field("statement_timeout_ms", &self.statement_timeout_ms)
            .finish_non_exhaustive()
    }
}

/// The owner's URL and nothing else: a service never migrates itself.
#[derive(clap::Args)]
pub struct MigrateConfig {
    /// URL of the service's database as its owner (`postgres://<service>_owner@host/<service>`).
    #[arg(long, env, hide_env_values = true)]
    pub owner_database_url: String,
}

/// A URL may hold a password, so URLs are not shown.
impl fmt::Debug for MigrateConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MigrateConfig").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Command {
        #[command(flatten)]
        _postgres: PostgresConfig,
    }

    #[test]
    fn the_manual_does_not_print_the_urls_that_are_set() {
        let command = Command::command();
        let urls = command.get_arguments().filter(|argument| argument.get_id().as_str().ends_with("database_url"));
        let hidden: Vec<bool> = urls.map(clap::Arg::is_hide_env_values_set).collect();
        assert_eq!(hidden, [true, true]);
    }
}
