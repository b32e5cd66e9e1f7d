//! Receipts: an entry of the audit, with what proves it to whoever has nothing but the public key of the service.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;

use super::{
    EntryTold, chain, checkpoint,
    merkle::{self, Hash},
    note::{NoteError, NoteVerifier},
};
use crate::Error;

/// A receipt as it is handed out, in JSON. Holds no salt: it tells which rows were touched, and nothing of what stands in them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// The bytes that the entry's hash is taken over, in base64.
    pub entry: String,
    /// From the entry to the root, in base64.
    pub proof: Vec<String>,
    /// The signed checkpoint (C2SP tlog-checkpoint).
    pub checkpoint: String,
}

/// Why a receipt proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    #[error("its checkpoint is {0}")]
    Checkpoint(#[from] NoteError),
    #[error("it holds no entry of an audit")]
    Malformed,
    #[error("its entry is not among those that were signed")]
    NotIncluded,
}

/// The receipt of the entry at `position`; `None` until a checkpoint covers it.
pub async fn receipt(conn: &mut PgConnection, position: u64) -> Result<Option<Receipt>, Error> {
    let Some((size, note)) = checkpoint::latest(&mut *conn).await? else { return Ok(None) };
    let Some(proof) = checkpoint::prove_inclusion(&mut *conn, position, size).await? else { return Ok(None) };
    let entry = chain::canonical(conn, i64::try_from(position).unwrap_or(i64::MAX)).await?;
    Ok(entry.map(|entry| Receipt {
        entry: STANDARD.encode(entry),
        proof: proof.iter().map(|hash| STANDARD.encode(hash)).collect(),
        checkpoint: note,
    }))
}

impl Receipt {
    /// What it proves, if it does. Asks nobody.
    pub fn check(&self, key: &NoteVerifier) -> Result<EntryTold, ReceiptError> {
        let checkpoint = key.open(&self.checkpoint)?;
        let entry = STANDARD.decode(&self.entry).map_err(|_| ReceiptError::Malformed)?;
        let told = chain::told(&entry).ok_or(ReceiptError::Malformed)?;
        let hash = |text: &String| STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        let proof: Option<Vec<Hash>> = self.proof.iter().map(hash).collect();
        let leaf = merkle::leaf(&Sha256::digest(&entry));
        let index = told.position.checked_sub(1).ok_or(ReceiptError::Malformed)?;
        let is_included =
            proof.is_some_and(|proof| merkle::is_included(&leaf, index, checkpoint.size, &proof, &checkpoint.root));
        if is_included { Ok(told) } else { Err(ReceiptError::NotIncluded) }
    }
}
