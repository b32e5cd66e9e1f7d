//! Checkpoints as the transparency community writes them (C2SP tlog-checkpoint in a signed-note, Ed25519): what its tools read.

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey, pkcs8::DecodePrivateKey as _};
use sha2::{Digest as _, Sha256};

use super::merkle::Hash;
use crate::Error;

/// The signature type of Ed25519 in a signed note.
const ED25519: u8 = 1;

/// What a log consisted of: its name, how many entries, and the root of the tree over them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    pub origin: String,
    pub size: u64,
    pub root: Hash,
}

/// Why a note is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    #[error("not a signed checkpoint")]
    Malformed,
    #[error("not signed by this key")]
    NotSigned,
    #[error("not a key: expected name+hash+base64")]
    Key,
}

/// Who signs: a name without blanks or plus signs, and the key.
#[derive(Debug, Clone)]
pub struct NoteSigner {
    name: String,
    key: SigningKey,
}

/// Whom to believe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteVerifier {
    name: String,
    key: VerifyingKey,
}

impl NoteSigner {
    pub fn new(name: impl Into<String>, key: SigningKey) -> Self {
        Self { name: name.into(), key }
    }

    /// With the Ed25519 key in a file (PKCS #8 PEM). What stands in the file is not told.
    pub fn load(name: impl Into<String>, file: &Path) -> Result<Self, Error> {
        let unreadable = |cause: String| Error::AuditKey { file: file.to_owned(), cause };
        let pem = std::fs::read_to_string(file).map_err(|error| unreadable(error.to_string()))?;
        let key =
            SigningKey::from_pkcs8_pem(&pem).map_err(|_| unreadable("no Ed25519 key in PKCS #8 PEM".to_owned()))?;
        Ok(Self::new(name, key))
    }

    pub fn verifier(&self) -> NoteVerifier {
        NoteVerifier { name: self.name.clone(), key: self.key.verifying_key() }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The signed note. The origin is the signer's name.
    pub fn sign(&self, size: u64, root: &Hash) -> String {
        let text = format!("{}\n{size}\n{}\n", self.name, STANDARD.encode(root));
        let signature = self.key.sign(text.as_bytes()).to_bytes();
        let signed = [key_hash(&self.name, &self.key.verifying_key()).as_slice(), &signature].concat();
        format!("{text}\n\u{2014} {} {}\n", self.name, STANDARD.encode(signed))
    }
}

impl NoteVerifier {
    /// A key as standard tools write it: `name+hash+base64`.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(hash), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::Key);
        };
        let bytes = STANDARD.decode(key).map_err(|_| NoteError::Key)?;
        let (ED25519, key) = bytes.split_first().map(|(kind, key)| (*kind, key)).ok_or(NoteError::Key)? else {
            return Err(NoteError::Key);
        };
        let key = key.try_into().ok().and_then(|key| VerifyingKey::from_bytes(key).ok()).ok_or(NoteError::Key)?;
        if hex::encode(key_hash(name, &key)) != hash {
            return Err(NoteError::Key);
        }
        Ok(Self { name: name.to_owned(), key })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The checkpoint, if this key signed it. Signatures of others, such as witnesses, may stand beside.
    pub fn open(&self, note: &str) -> Result<Checkpoint, NoteError> {
        let (text, signatures) = note.split_once("\n\n").ok_or(NoteError::Malformed)?;
        let text = format!("{text}\n");
        let wanted = format!("\u{2014} {} ", self.name);
        let hash = key_hash(&self.name, &self.key);
        let is_signed = signatures.lines().filter_map(|line| line.strip_prefix(&wanted)).any(|signed| {
            let signed = STANDARD.decode(signed).unwrap_or_default();
            let Some((key, signature)) = signed.split_first_chunk::<4>() else { return false };
            *key == hash
                && Signature::from_slice(signature)
                    .is_ok_and(|signature| self.key.verify_strict(text.as_bytes(), &signature).is_ok())
        });
        if !is_signed {
            return Err(NoteError::NotSigned);
        }
        let mut lines = text.lines();
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(NoteError::Malformed);
        };
        let root = STANDARD.decode(root).ok().and_then(|root| root.try_into().ok()).ok_or(NoteError::Malformed)?;
        if origin != self.name {
            return Err(NoteError::Malformed);
        }
        let size = size.parse().map_err(|_| NoteError::Malformed)?;
        Ok(Checkpoint { origin: origin.to_owned(), size, root })
    }
}

impl std::fmt::Display for NoteVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let key = [[ED25519].as_slice(), self.key.as_bytes()].concat();
        write!(f, "{}+{}+{}", self.name, hex::encode(key_hash(&self.name, &self.key)), STANDARD.encode(key))
    }
}

fn key_hash(name: &str, key: &VerifyingKey) -> [u8; 4] {
    let digest =
        Sha256::new().chain_update(name).chain_update([b'\n', ED25519]).chain_update(key.as_bytes()).finalize();
    let [a, b, c, d, ..] = <[u8; 32]>::from(digest);
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of golang.org/x/mod/sumdb/note, which the signed-note specification describes.
    const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const SPOKEN: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\n\
        \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    #[test]
    fn id_09_notes_and_keys_are_those_of_the_standard() {
        let peter = NoteVerifier::parse(PETER).unwrap();
        assert_eq!(peter.to_string(), PETER);
        // Signed by him, and no checkpoint.
        assert_eq!(peter.open(SPOKEN), Err(NoteError::Malformed));
        assert_eq!(peter.open(&SPOKEN.replace("answer", "question")), Err(NoteError::NotSigned));
        for wrong in ["", "PeterNeumann", "Peter+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "a+b+c"] {
            assert_eq!(NoteVerifier::parse(wrong), Err(NoteError::Key), "{wrong}");
        }
    }

    #[test]
    fn id_09_a_checkpoint_is_believed_from_its_signer_only() {
        let signer = NoteSigner::new("anjia/notes", SigningKey::from_bytes(&[7; 32]));
        let note = signer.sign(3, &[9; 32]);
        let expected = Checkpoint { origin: "anjia/notes".to_owned(), size: 3, root: [9; 32] };
        assert_eq!(signer.verifier().open(&note), Ok(expected.clone()));
        let cosigned = format!("{note}\u{2014} witness AAAA\n");
        assert_eq!(signer.verifier().open(&cosigned), Ok(expected));
        assert_eq!(signer.verifier().open(&note.replace("\n3\n", "\n4\n")), Err(NoteError::NotSigned));
        let other = NoteSigner::new("anjia/notes", SigningKey::from_bytes(&[8; 32]));
        assert_eq!(other.verifier().open(&note), Err(NoteError::NotSigned));
        assert_eq!(signer.verifier().open("nothing"), Err(NoteError::Malformed));
    }
}
