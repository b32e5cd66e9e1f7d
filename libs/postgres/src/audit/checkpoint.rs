//! Signs what the chain has come to, keeps that outside the database, and proves from it.

use std::path::PathBuf;
use std::time::Duration;

use sqlx::PgConnection;
use types::setting::OfSetting as _;

use super::{
    anchor::{Anchor, Anchored},
    chain,
    merkle::{self, Hash},
    note::{NoteSigner, NoteVerifier},
    tree,
    witness::Witness,
};
use crate::{Error, Transaction};

/// Checkpoints: who signs them, and where they are kept.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct AuditConfig {
    /// Ed25519 private key (PKCS #8 PEM) that signs checkpoints of the audit. Without it there are none, and whoever has the database
    /// can rewrite the past unseen.
    #[arg(long, env)]
    pub audit_key_file: Option<PathBuf>,
    /// Folder outside the database to which checkpoints are anchored, in a folder for each service; on a disk that whoever has the
    /// database does not have.
    #[arg(long, env)]
    pub audit_anchor_folder: Option<PathBuf>,
    /// A checkpoint is signed at most this long after the entries it covers, in seconds.
    #[arg(long, env, default_value_t = CHECKPOINT_INTERVAL_S, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub audit_checkpoint_interval_s: u32,
    /// Ed25519 public key (SPKI, PEM) of the audit that this service witnesses; which one that is, its README says.
    /// Without it, or without a key of its own, it witnesses none.
    #[arg(long, env)]
    pub audit_witnessed_key_file: Option<PathBuf>,
    /// How often it looks at that audit, in seconds.
    #[arg(long, env, default_value_t = WITNESS_INTERVAL_S, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub audit_witness_interval_s: u32,
}

const CHECKPOINT_INTERVAL_S: u32 = 10;
const WITNESS_INTERVAL_S: u32 = 10;
/// A checkpoint is signed at the latest after this many entries.
pub(crate) const CHECKPOINT_ENTRIES_MAX: u64 = 10_000;
/// What one step signs at most: after a long time without signing, several checkpoints catch up, each in a transaction that ends soon.
const STEP_ENTRIES_MAX: u64 = 100_000;

/// Signs checkpoints of one service.
#[derive(Debug)]
pub(crate) struct Notary {
    signer: NoteSigner,
    anchor: Option<Anchor>,
    pub(crate) interval: Duration,
    witnessed: Option<PathBuf>,
    witness_interval: Duration,
}

impl Notary {
    /// `service` names the log: its checkpoints are of `anjia/<service>`.
    pub(crate) fn load(service: &str, config: &AuditConfig) -> Result<Option<Self>, Error> {
        let Some(file) = &config.audit_key_file else { return Ok(None) };
        let signer = NoteSigner::load(format!("anjia/{service}"), file).of_setting("AUDIT_KEY_FILE")?;
        let anchor = config.audit_anchor_folder.as_ref().map(|folder| Anchor::in_folder(folder.join(service)));
        if let Some(anchor) = &anchor {
            anchor.make().of_setting("AUDIT_ANCHOR_FOLDER")?;
        }
        if let Some(file) = &config.audit_witnessed_key_file {
            // Whose it is, the service says later.
            NoteVerifier::load("", file).of_setting("AUDIT_WITNESSED_KEY_FILE")?;
        }
        let interval = Duration::from_secs(config.audit_checkpoint_interval_s.max(1).into());
        let witness_interval = Duration::from_secs(config.audit_witness_interval_s.max(1).into());
        let witnessed = config.audit_witnessed_key_file.clone();
        Ok(Some(Self { signer, anchor, interval, witnessed, witness_interval }))
    }

    pub(crate) fn verifier(&self) -> NoteVerifier {
        self.signer.verifier()
    }

    /// Who witnesses the audit of another service; none without its key.
    pub(crate) fn witness(&self, service: &str) -> Result<Option<Witness>, Error> {
        let Some(file) = &self.witnessed else { return Ok(None) };
        let log = NoteVerifier::load(format!("anjia/{service}"), file)?;
        Ok(Some(Witness { signer: self.signer.clone(), log, interval: self.witness_interval }))
    }

    /// Signs and anchors what is sealed, if it is more than at the last checkpoint; a long backlog in several steps, of which each but
    /// the last is answered by true. The caller holds the sealer's lease in this transaction; what was sealed is committed.
    pub(crate) async fn sign(&self, tx: &mut Transaction) -> Result<bool, Error> {
        let conn = &mut **tx;
        let (sealed, _) = chain::head(&mut *conn).await?;
        let last = latest(&mut *conn).await?;
        let kept = last.as_ref().map_or(0, |(size, _)| *size);
        let Some(new) = sealed.unsigned_abs().checked_sub(kept) else {
            // Nobody signs what is not sealed: somebody wants that nothing is signed any more.
            return Err(Error::row_invalid("audit_checkpoints", "size", kept));
        };
        let mut anchored_since = None;
        if let Some((_, note)) = &last {
            // What follows would rest on it.
            let opened = self.signer.verifier().open(note).ok().filter(|checkpoint| checkpoint.size == kept);
            anchored_since =
                opened.ok_or_else(|| Error::row_invalid("audit_checkpoints", "note", kept))?.anchored_since;
        }
        if new == 0 {
            return Ok(false);
        }
        let size = kept + new.min(STEP_ENTRIES_MAX);
        tree::grow(&mut *conn, size).await?;
        let root = tree::root(&mut *conn, size).await?;
        // An anchor holds from the first checkpoint on that is kept in it; what it lacks from there on was removed.
        let note = self.signer.sign(size, &root, self.anchor.as_ref().map(|_| anchored_since.unwrap_or(size)));
        if let Some(anchor) = &self.anchor {
            let hashes: Vec<Hash> = sqlx::query_scalar(
                "SELECT hash FROM audit_entries WHERE position > $1 AND position <= $2 ORDER BY position",
            )
            .bind(signed(kept))
            .bind(signed(size))
            .fetch_all(&mut *conn)
            .await?;
            let (anchor, anchored) = (anchor.clone(), Anchored { size, note: note.clone(), hashes });
            // Kept outside before it is told inside: what the database says was signed, can be held against it.
            let anchoring = tokio::task::spawn_blocking(move || anchor.keep(&anchored)).await;
            anchoring.map_err(std::io::Error::other).flatten().map_err(Error::Anchor)?;
        }
        sqlx::query("INSERT INTO audit_checkpoints (size, root, note) VALUES ($1, $2, $3)")
            .bind(signed(size))
            .bind(root.as_slice())
            .bind(&note)
            .execute(conn)
            .await?;
        Ok(new > STEP_ENTRIES_MAX)
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The newest checkpoint, and its size; `None` before the first.
pub async fn latest(conn: &mut PgConnection) -> Result<Option<(u64, String)>, Error> {
    let found: Option<(i64, String)> =
        sqlx::query_as("SELECT size, note FROM audit_checkpoints ORDER BY size DESC LIMIT 1")
            .fetch_optional(conn)
            .await?;
    Ok(found.map(|(size, note)| (size.unsigned_abs(), note)))
}

/// The hashes that prove the entry at `position` (from 1) to be in the tree of `size` entries; `None` if it is not.
pub async fn prove_inclusion(conn: &mut PgConnection, position: u64, size: u64) -> Result<Option<Vec<Hash>>, Error> {
    if position == 0 || position > size || size > sealed(&mut *conn).await? {
        return Ok(None);
    }
    Ok(Some(tree::hashes(conn, &merkle::inclusion(position - 1, size)).await?))
}

/// The hashes that prove the tree of `old` entries to be the beginning of that of `new`; `None` if there are not that many.
pub async fn prove_consistency(conn: &mut PgConnection, old: u64, new: u64) -> Result<Option<Vec<Hash>>, Error> {
    if old > new || new > sealed(&mut *conn).await? {
        return Ok(None);
    }
    Ok(Some(tree::hashes(conn, &merkle::consistency(old, new)).await?))
}

/// How many entries have tiles: those up to the newest checkpoint.
async fn sealed(conn: &mut PgConnection) -> Result<u64, Error> {
    Ok(latest(conn).await?.map_or(0, |(size, _)| size))
}
