//! The keys of a mesh: one Ed25519 key per client and service, the one that signs tokens, and those of the data at rest.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey, KeypairBytes};
use rand::RngCore;
use serde::Serialize;

use crate::callers::{Client, Login};
use crate::certificates::Certificates;

const SECRET_BYTES: usize = 32;
/// Keys that sign tokens are named after the moment from which they do.
const FIRST_SIGNING: &str = "20200101T000000Z";

/// One key is made at a time: of two made at once for one name, one would be published and the other kept. Other processes are
/// kept away by the lock of the mesh.
static MAKING: Mutex<()> = Mutex::new(());

/// A folder of keys; what is there stays, what is missing is made.
#[derive(Debug, Clone)]
pub struct Keys {
    folder: PathBuf,
}

/// What identity is told about a client.
#[derive(Debug, Clone, Serialize)]
pub struct PublicClient {
    #[serde(flatten)]
    pub client: Client,
    pub public_key_pem: String,
}

impl Keys {
    pub fn in_folder(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
        Ok(Self { folder: folder.to_owned() })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What proves in TLS who is who.
    pub fn certificates(&self) -> Certificates {
        Certificates::in_folder(self.folder.join("tls"))
    }

    /// The private key (PKCS #8 PEM) of a client or a service.
    pub fn private(&self, name: &str) -> Result<PathBuf> {
        let path = self.folder.join(format!("{name}.pem"));
        let _one_at_a_time = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
        if !path.exists() {
            let mut seed = [0; SECRET_BYTES];
            rand::rng().fill_bytes(&mut seed);
            // PKCS #8 version 1, without the public key: OpenSSL and what rests on it read no other.
            let key = KeypairBytes { secret_key: seed, public_key: None };
            let pem = key.to_pkcs8_pem(LineEnding::LF).context("encoding a key")?;
            write_secret(&path, pem.as_bytes())?;
        }
        Ok(path)
    }

    /// The public key (SPKI, PEM) of a private one, beside it.
    pub fn public(&self, name: &str) -> Result<PathBuf> {
        let path = self.folder.join(format!("{name}.pub"));
        let pem = self.public_pem(name)?;
        // Not written again while somebody may be reading it.
        if fs::read_to_string(&path).ok().as_ref() != Some(&pem) {
            fs::write(&path, pem).with_context(|| format!("writing {}", path.display()))?;
        }
        Ok(path)
    }

    fn public_pem(&self, name: &str) -> Result<String> {
        let path = self.private(name)?;
        let pem = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let key =
            SigningKey::from_pkcs8_pem(&pem).with_context(|| format!("{} holds no Ed25519 key", path.display()))?;
        key.verifying_key().to_public_key_pem(LineEnding::LF).context("encoding a key")
    }

    /// The folder of the keys that sign tokens, with a first one that has always signed; `identity keys rotate` adds others.
    pub fn signing(&self) -> Result<PathBuf> {
        let tokens = Self::in_folder(&self.folder.join("tokens"))?;
        let has_any = fs::read_dir(&tokens.folder)?
            .flatten()
            .any(|entry| entry.path().extension().is_some_and(|extension| extension == "pem"));
        if !has_any {
            tokens.private(FIRST_SIGNING)?;
        }
        Ok(tokens.folder)
    }

    /// A symmetric key, 32 bytes in hexadecimal.
    pub fn secret(&self, name: &str) -> Result<PathBuf> {
        let path = self.folder.join(format!("{name}.key"));
        let _one_at_a_time = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
        if !path.exists() {
            let mut secret = [0; SECRET_BYTES];
            rand::rng().fill_bytes(&mut secret);
            write_secret(&path, hex::encode(secret).as_bytes())?;
        }
        Ok(path)
    }

    /// What identity is told about a client, whose key and certificate are made on the way.
    pub fn publish(&self, client: Client) -> Result<PublicClient> {
        self.certificates().of(&client.client_id)?;
        let public_key_pem = self.public_pem(&client.client_id)?;
        Ok(PublicClient { client, public_key_pem })
    }

    /// Removes the private key and the certificate of a client.
    pub fn forget(&self, name: &str) -> Result<()> {
        for path in [self.folder.join(format!("{name}.pem")), self.folder.join("tls").join(format!("{name}.pem"))] {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("removing {}", path.display()));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Writes the file that `identity bootstrap` reads, with the keys of these clients.
    pub fn write_clients(&self, clients: Vec<Client>, file: &Path) -> Result<()> {
        self.write_town(clients, &[], file)
    }

    /// As [`Self::write_clients`], with people who log in elsewhere.
    pub fn write_town(&self, clients: Vec<Client>, logins: &[Login], file: &Path) -> Result<()> {
        let clients: Vec<PublicClient> =
            clients.into_iter().map(|client| self.publish(client)).collect::<Result<_>>()?;
        let text = serde_json::to_vec_pretty(&serde_json::json!({ "clients": clients, "logins": logins }))?;
        fs::write(file, text).with_context(|| format!("writing {}", file.display()))
    }
}

/// Nobody else may read it, not even for the moment between making and protecting it, and nobody ever finds half a key.
pub(crate) fn write_secret(path: &Path, secret: &[u8]) -> Result<()> {
    let next = path.with_extension(format!("next-{}", std::process::id()));
    let _ = fs::remove_file(&next);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&next)
        .with_context(|| format!("writing {}", next.display()))?;
    file.write_all(secret)?;
    fs::rename(&next, path).with_context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::callers;

    #[test]
    fn keys_are_made_once_and_only_their_owner_reads_them() {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::in_folder(folder.path()).unwrap();
        let first = fs::read(keys.private("worker").unwrap()).unwrap();
        assert_eq!(first, fs::read(keys.private("worker").unwrap()).unwrap());
        for path in [keys.private("worker").unwrap(), keys.secret("data").unwrap()] {
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(fs::read(keys.secret("data").unwrap()).unwrap().len(), 2 * SECRET_BYTES);
    }

    #[test]
    fn a_key_asked_for_by_many_at_once_is_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::in_folder(folder.path()).unwrap();
        let read = || fs::read(keys.private("scheduling").unwrap()).unwrap();
        let found: Vec<Vec<u8>> = std::thread::scope(|scope| {
            let asking: Vec<_> = (0..8).map(|_| scope.spawn(read)).collect();
            asking.into_iter().map(|asked| asked.join().unwrap()).collect()
        });
        assert!(found.iter().all(|key| *key == read()));
    }

    #[test]
    fn what_is_published_holds_no_private_key() {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::in_folder(folder.path()).unwrap();
        let file = folder.path().join("clients.json");
        keys.write_clients(callers::all(), &file).unwrap();
        let text = fs::read_to_string(file).unwrap();
        assert!(text.contains("BEGIN PUBLIC KEY") && !text.contains("PRIVATE"));
    }
}
