//! What the chain is held against beside the anchor: the checkpoints in the database itself, and what a witness saw.

use sqlx::PgConnection;

use super::{
    anchor::Anchor,
    chain::Sealed,
    merkle::Frontier,
    note::{Checkpoint, NoteVerifier},
    verify::{Against, Finding, Place, Tally},
};
use crate::Error;

const NOT_AS_SIGNED: &str = "the checkpoint in the database is not what was signed of the chain";
const NOT_ANCHORED: &str = "the checkpoint was anchored, and the anchor lacks it";
const BEYOND: &str = "the database has a checkpoint of more entries than are sealed";
const NOT_WITNESSED: &str =
    "what the witness keeps is not a checkpoint that the service signed and the witness cosigned";
const NOT_AS_WITNESSED: &str = "the chain is not the one that its witness saw";
const GONE: &str = "entries that its witness saw are gone from here on";

pub(super) struct Held<'a> {
    anchor: Option<(&'a Anchor, &'a NoteVerifier)>,
    /// Until the chain has come to it.
    witnessed: Option<Checkpoint>,
}

impl<'a> Held<'a> {
    pub(super) fn open(against: Against<'a>, tally: &mut Tally<'_>) -> Self {
        let mut held = Self { anchor: against.anchor, witnessed: None };
        if let (Some(seen), Some((anchor, log))) = (against.witness, against.anchor) {
            for note in seen.anchored {
                let Ok(Checkpoint { size, anchored_since: Some(since), .. }) = log.open(note) else {
                    tally.found(Finding { place: Place::Checkpoint(0), what: NOT_WITNESSED });
                    continue;
                };
                for size in [since, size].into_iter().filter(|size| !anchor.has(*size)) {
                    tally.found(Finding { place: Place::Checkpoint(size), what: NOT_ANCHORED });
                }
            }
            match log.open(seen.note) {
                Ok(checkpoint) if seen.cosigner.cosigned_at(seen.note).is_some() => {
                    tally.verified.witnessed = checkpoint.size;
                    held.witnessed = Some(checkpoint);
                }
                _ => tally.found(Finding { place: Place::Checkpoint(0), what: NOT_WITNESSED }),
            }
            if seen.has_refused {
                let place = Place::Checkpoint(tally.verified.witnessed);
                tally.found(Finding { place, what: "its witness has refused what was signed since" });
            }
        }
        held
    }

    /// Holds the tree up to an entry against the checkpoints of that size.
    pub(super) fn compare(&mut self, sealed: &Sealed, tree: &Frontier, tally: &mut Tally<'_>) {
        let size = sealed.position.unsigned_abs();
        if let Some(note) = &sealed.note {
            let root = tree.root();
            let signed = self.anchor.map(|(anchor, log)| (anchor, log.open(note).ok()));
            let is_signed =
                |signed: &Option<Checkpoint>| signed.as_ref().is_some_and(|it| it.size == size && it.root == root);
            if sealed.root != Some(root) || !signed.as_ref().is_none_or(|(_, signed)| is_signed(signed)) {
                tally.found(Finding { place: Place::Checkpoint(size), what: NOT_AS_SIGNED });
            } else if let Some((anchor, Some(Checkpoint { anchored_since: Some(_), .. }))) = signed
                && !anchor.has(size)
            {
                tally.found(Finding { place: Place::Checkpoint(size), what: NOT_ANCHORED });
            }
        }
        if let Some(seen) = self.witnessed.take_if(|seen| seen.size <= size) {
            // Passed over: there is no entry of that number, which is told where it should be.
            if seen.size == size && seen.root != tree.root() {
                tally.found(Finding { place: Place::Checkpoint(size), what: NOT_AS_WITNESSED });
            }
        }
    }

    /// What lies beyond the end of the chain.
    pub(super) async fn rest(self, conn: &mut PgConnection, last: i64, tally: &mut Tally<'_>) -> Result<(), Error> {
        if self.witnessed.is_some() {
            tally.found(Finding { place: Place::Entry(last.unsigned_abs() + 1), what: GONE });
        }
        let beyond: Vec<i64> = sqlx::query_scalar("SELECT size FROM audit_checkpoints WHERE size > $1 ORDER BY size")
            .bind(last)
            .fetch_all(&mut *conn)
            .await?;
        for size in beyond {
            tally.found(Finding { place: Place::Checkpoint(size.unsigned_abs()), what: BEYOND });
        }
        Ok(())
    }
}

/// Names the entries after the last checkpoint that counts: whoever has the database can still rewrite them. Signing takes an hour at
/// most, however seldom it was told to.
pub(super) async fn uncovered(
    conn: &mut PgConnection,
    covered: u64,
    last: i64,
    tally: &mut Tally<'_>,
) -> Result<(), Error> {
    tally.verified.uncovered = last.unsigned_abs().saturating_sub(covered);
    let left: Option<i64> = sqlx::query_scalar(
        "SELECT min(position) FROM audit_entries WHERE position > $1 AND occurred_at < now() - interval '61 minutes'",
    )
    .bind(i64::try_from(covered).unwrap_or(i64::MAX))
    .fetch_one(conn)
    .await?;
    if let Some(position) = left {
        let what = "entries were not signed in an hour, and whoever has the database can rewrite them";
        tally.found(Finding { place: Place::Entry(position.unsigned_abs()), what });
    }
    Ok(())
}
