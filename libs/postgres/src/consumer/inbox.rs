use crate::{Database, Error, Scope, Transaction};

/// One event's turn: the only way to move the cursor past it.
#[derive(Debug)]
pub struct Inbox {
    pub(super) db: Database,
    pub(super) source: &'static str,
    /// Where the cursor stands; events between it and this one were skipped.
    pub(super) from: i64,
    /// The event's own position.
    pub(super) to: i64,
}

/// Proof that a handler has dealt with its event.
#[derive(Debug)]
pub struct Advanced(pub(super) Progress);

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Committed,
    Skipped,
}

impl Inbox {
    /// Begins the transaction of the effect and keeps other replicas from the cursor until its end.
    pub async fn begin(&self, scope: Scope) -> Result<Transaction, Error> {
        let mut tx = self.db.begin(scope).await?;
        let position: Option<i64> = sqlx::query_scalar("SELECT position FROM cursors WHERE source = $1 FOR UPDATE")
            .bind(self.source)
            .fetch_optional(&mut *tx)
            .await?;
        if position == Some(self.from) { Ok(tx) } else { Err(self.moved()) }
    }

    /// Moves the cursor and commits it together with the effect. `tx` is [`Inbox::begin`]'s, or another of this database; not
    /// that of a call, which only [`crate::Call::commit`] can end.
    pub async fn commit(self, mut tx: Transaction) -> Result<Advanced, Error> {
        let moved = sqlx::query(
            "UPDATE cursors SET position = $2, failures = 0, moved_at = now() WHERE source = $1 AND position = $3",
        )
        .bind(self.source)
        .bind(self.to)
        .bind(self.from)
        .execute(&mut *tx)
        .await?;
        if moved.rows_affected() == 0 {
            return Err(self.moved());
        }
        tx.finish().await?;
        Ok(Advanced(Progress::Committed))
    }

    /// The event has no effect here. The cursor moves with the next effect or at the end of the batch.
    pub fn skip(self) -> Advanced {
        Advanced(Progress::Skipped)
    }

    fn moved(&self) -> Error {
        Error::CursorMoved { source_name: self.source.to_owned() }
    }
}
