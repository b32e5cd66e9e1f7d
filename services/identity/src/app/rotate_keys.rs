//! `identity keys rotate`: a new key for access tokens, published at once and signing later; old ones go when nothing needs them.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{EncodePrivateKey, KeypairBytes};
use rand::RngCore;

use super::signer::{files, name, signs_from};

/// The longest life of a token, and more than clocks may differ.
const VERIFIES_AFTER: TimeDelta = TimeDelta::minutes(10);

/// What a rotation did.
#[derive(Debug)]
pub struct Rotated {
    pub added: PathBuf,
    pub signs_from: DateTime<Utc>,
    pub removed: Vec<PathBuf>,
}

impl fmt::Display for Rotated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} signs from {}", self.added.display(), self.signs_from)?;
        self.removed.iter().try_for_each(|file| write!(f, "\n{} removed", file.display()))
    }
}

pub fn rotate(folder: &Path, ahead: TimeDelta, now: DateTime<Utc>) -> anyhow::Result<Rotated> {
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    let mut known =
        files(folder)?.into_iter().map(|file| Ok((signs_from(&file)?, file))).collect::<anyhow::Result<Vec<_>>>()?;
    known.sort();

    let signs_from = (now + ahead).trunc_subsecs(0);
    let added = folder.join(name(signs_from));
    write_key(&added)?;

    // A key is done with when its successor has signed for longer than its own tokens live.
    let successors = known.iter().skip(1);
    let over = successors.take_while(|(from, _)| *from + VERIFIES_AFTER <= now).count();
    let removed: Vec<PathBuf> = known.into_iter().take(over).map(|(_, file)| file).collect();
    for file in &removed {
        fs::remove_file(file).with_context(|| format!("removing {}", file.display()))?;
    }
    Ok(Rotated { added, signs_from, removed })
}

/// Nobody else may read it, and no replica ever finds half of it. One that is there is never overwritten.
fn write_key(path: &Path) -> anyhow::Result<()> {
    let mut seed = [0; 32];
    rand::rng().fill_bytes(&mut seed);
    // PKCS #8 version 1, without the public key: OpenSSL and what rests on it read no other.
    let pem = KeypairBytes { secret_key: seed, public_key: None }.to_pkcs8_pem(LineEnding::LF)?;
    let half = path.with_file_name(format!(".{}", name_of(path)));
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&half)
        .with_context(|| format!("writing {}", half.display()))?;
    file.write_all(pem.as_bytes())?;
    file.sync_all()?;
    let linked = fs::hard_link(&half, path).with_context(|| format!("writing {}", path.display()));
    fs::remove_file(&half)?;
    linked
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_goes_when_its_last_token_has_long_lapsed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |minutes: i64| DateTime::from_timestamp(1_800_000_000 + minutes * 60, 0).unwrap();
        let first = rotate(folder.path(), TimeDelta::zero(), at(0)).unwrap();
        let second = rotate(folder.path(), TimeDelta::minutes(10), at(1)).unwrap();
        assert!(second.removed.is_empty());
        assert!(rotate(folder.path(), TimeDelta::minutes(10), at(1)).is_err(), "one is never overwritten");
        assert!(rotate(folder.path(), TimeDelta::minutes(10), at(20)).unwrap().removed.is_empty());
        let fourth = rotate(folder.path(), TimeDelta::minutes(10), at(21)).unwrap();
        assert_eq!(fourth.removed, [first.added]);
        assert!(second.added.is_file() && fourth.to_string().contains("removed"));
    }
}
