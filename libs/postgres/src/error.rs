use sqlx::migrate::MigrateError;
use types::{region::RegionCode, setting::BadSetting};

use crate::vault::ProviderError;

/// What the database refused or could not do. Texts name tables and constraints, never values.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    #[error("migration: {0}")]
    Migration(#[from] MigrateError),
    #[error("{0}")]
    Setting(#[source] BadSetting),
    #[error("synchronous_commit is off for role {role}: an acknowledged write could be lost; set it to on")]
    SynchronousCommitOff { role: String },
    #[error(
        "row security does not bind role {role} (superuser, BYPASSRLS or owner of tables): connect as the service's own role"
    )]
    RoleUnbound { role: String },
    #[error("no worker role is configured: set WORKER_DATABASE_URL")]
    WorkerRoleMissing,
    #[error("{table} is at version {found}, this binary needs {needed}: run `migrate`")]
    SchemaOutdated { table: &'static str, found: i64, needed: i64 },
    /// Events, audit entries and requests belong to a region; the transaction was begun for none.
    #[error("the transaction was begun without a region")]
    RegionMissing,
    /// The same request is being worked on elsewhere. The caller repeats it in a moment.
    #[error("a request with this request_id is in progress")]
    RequestInProgress,
    #[error("the request_id was used before, for another request")]
    RequestIdReused,
    /// A bug: a claimed request was committed without its answer.
    #[error("a claimed request must be committed through its call")]
    AnswerMissing,
    /// Another replica has dealt with the event.
    #[error("the cursor of {source_name} has moved")]
    CursorMoved { source_name: String },
    /// Events that a consumer asks for were kept long enough and removed.
    #[error("events are kept from position {lowest_position} on")]
    PositionNotKept { lowest_position: i64 },
    /// A consumer is ahead of what was ever told: an old backup of the database was brought back, or the position is another service's.
    #[error("events were told up to position {head_position} only")]
    PositionNotReached { head_position: i64 },
    /// A bug: the table's migration does not say `CALL audited(…)`.
    #[error("{table} is named in the audit and not audited: its migration must CALL audited('{table}')")]
    TableNotAudited { table: &'static str },
    /// A bug: a row that an entry names is not there, or is still there, or its sealed columns were not given.
    #[error("the audit names rows that are not as it says: {rows}")]
    RowNotAsRecorded { rows: String },
    #[error("the audit's key {}: {cause}", file.display())]
    AuditKey { file: std::path::PathBuf, cause: String },
    #[error("the audit's anchor: {0}")]
    Anchor(#[source] std::io::Error),
    /// Their data may only be kept from now on, or nothing new may begin while they are being erased.
    #[error("the resident was erased")]
    ResidentErased,
    #[error("the lease {name} has another owner")]
    LeaseLost { name: String },
    #[error("keys: {0}")]
    Keys(#[from] ProviderError),
    /// A bug: no transaction of the region has begun in this process yet.
    #[error("the keys of region {region} are not in memory")]
    KeysMissing { region: RegionCode },
    /// A bug: no transaction has begun in this process yet.
    #[error("the keys of the blind indexes are not in memory")]
    IndexKeysMissing,
    #[error("json: {0}")]
    Json(#[from] serde_json::Error),
    /// Its rows would be lost with the key that they are sealed with.
    #[error("{table}.{column} is sealed, but the service does not list it: it cannot be sealed anew")]
    SealedColumnUnlisted { table: String, column: String },
    /// A row that no code of ours could have written.
    #[error("{table}.{column} of row {row} makes no sense")]
    RowInvalid { table: &'static str, column: &'static str, row: String },
}

impl From<BadSetting> for Error {
    fn from(bad: BadSetting) -> Self {
        Self::Setting(bad)
    }
}

impl Error {
    /// An impossible row, named so that it can be found.
    #[expect(clippy::needless_pass_by_value, reason = "callers pass ids, which are Copy")]
    pub fn row_invalid(table: &'static str, column: &'static str, row: impl ToString) -> Self {
        Self::RowInvalid { table, column, row: row.to_string() }
    }

    /// The name of the constraint that refused the row, if one did.
    pub fn constraint(&self) -> Option<&str> {
        match self {
            Self::Database(sqlx::Error::Database(error)) => error.constraint(),
            _ => None,
        }
    }

    /// The transaction lost a race and may succeed when it is run again.
    pub fn is_retryable(&self) -> bool {
        // serialization failure, deadlock, lock timeout
        matches!(self.sqlstate().as_deref(), Some("40001" | "40P01" | "55P03"))
    }

    /// The database could not be reached or had no room; the same call may succeed later. A commit may nevertheless have
    /// taken place, so repeat only under the same `request_id`.
    pub fn is_unavailable(&self) -> bool {
        let error = match self {
            Self::Keys(error) => return matches!(error, ProviderError::Unreachable(_)),
            Self::Database(error) => error,
            _ => return false,
        };
        match error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed => true,
            sqlx::Error::Database(error) => match error.code().as_deref() {
                // statement timeout, a standby that is not promoted yet, idle in transaction, shutdowns and crash recovery
                Some("57014" | "25006" | "25P03" | "25P04" | "57P01" | "57P02" | "57P03" | "57P05") => true,
                // connection exception, insufficient resources (disk full, too many connections)
                Some(code) => code.starts_with("08") || code.starts_with("53"),
                None => false,
            },
            _ => false,
        }
    }

    fn sqlstate(&self) -> Option<std::borrow::Cow<'_, str>> {
        match self {
            Self::Database(sqlx::Error::Database(error)) => error.code(),
            _ => None,
        }
    }

    pub(crate) fn is_lock_timeout(&self) -> bool {
        self.sqlstate().as_deref() == Some("55P03")
    }
}
