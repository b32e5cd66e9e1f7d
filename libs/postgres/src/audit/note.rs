//! Checkpoints as the transparency community writes them (C2SP tlog-checkpoint in a signed-note, Ed25519), and what witnesses add to
//! them (C2SP tlog-cosignature): what its tools read.

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::{
    Signature, Signer as _, SigningKey, VerifyingKey,
    pkcs8::{DecodePrivateKey as _, DecodePublicKey as _},
};
use sha2::{Digest as _, Sha256};

use super::merkle::Hash;
use crate::Error;

/// The signature type of Ed25519 in a signed note.
const ED25519: u8 = 1;
/// That of a cosignature/v1.
const COSIGNATURE: u8 = 4;

/// What a log consisted of: its name, how many entries, and the root of the tree over them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    pub origin: String,
    pub size: u64,
    pub root: Hash,
    /// The checkpoint of this size and every later one up to this, itself included, was anchored when it was signed; none if nothing is
    /// said of an anchor.
    pub anchored_since: Option<u64>,
}

/// Begins the line (an extension line of tlog-checkpoint) that says from which size on checkpoints are anchored.
pub(super) const ANCHORED_SINCE: &str = "anchored since ";

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
    pub fn sign(&self, size: u64, root: &Hash, anchored_since: Option<u64>) -> String {
        let since = anchored_since.map(|since| format!("{ANCHORED_SINCE}{since}\n")).unwrap_or_default();
        let text = format!("{}\n{size}\n{}\n{since}", self.name, STANDARD.encode(root));
        let signature = self.key.sign(text.as_bytes()).to_bytes();
        let signed = [key_hash(&self.name, ED25519, &self.key.verifying_key()).as_slice(), &signature].concat();
        format!("{text}\n\u{2014} {} {}\n", self.name, STANDARD.encode(signed))
    }

    /// The note with our cosignature: that at a moment, in seconds of Unix time, we knew it to follow from all that we had seen of its
    /// log. `None` if it is no note.
    pub fn cosign(&self, note: &str, at: i64) -> Option<String> {
        let at = u64::try_from(at).ok()?;
        let signature = self.key.sign(cosigned(text(note)?.0.as_str(), at).as_bytes()).to_bytes();
        let key = key_hash(&self.name, COSIGNATURE, &self.key.verifying_key());
        let signed = [key.as_slice(), &at.to_be_bytes(), &signature].concat();
        Some(format!("{note}\u{2014} {} {}\n", self.name, STANDARD.encode(signed)))
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
        if hex::encode(key_hash(name, ED25519, &key)) != hash {
            return Err(NoteError::Key);
        }
        Ok(Self { name: name.to_owned(), key })
    }

    /// The public key in a file (SPKI, PEM) of whoever signs as `name`.
    pub fn load(name: impl Into<String>, file: &Path) -> Result<Self, Error> {
        let unreadable = |cause: String| Error::AuditKey { file: file.to_owned(), cause };
        let pem = std::fs::read_to_string(file).map_err(|error| unreadable(error.to_string()))?;
        let key = VerifyingKey::from_public_key_pem(&pem)
            .map_err(|_| unreadable("no Ed25519 public key in PEM".to_owned()))?;
        Ok(Self { name: name.into(), key })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key as a cosigner's, as standard tools write it.
    pub fn as_cosigner(&self) -> String {
        self.written(COSIGNATURE)
    }

    /// When this key cosigned a note, in seconds of Unix time; `None` if it did not.
    pub fn cosigned_at(&self, note: &str) -> Option<u64> {
        let (text, signatures) = text(note)?;
        self.signatures(COSIGNATURE, signatures).find_map(|signed| {
            let (at, signature) = signed.split_first_chunk()?;
            let at = u64::from_be_bytes(*at);
            let signature = Signature::from_slice(signature).ok()?;
            self.key.verify_strict(cosigned(&text, at).as_bytes(), &signature).ok().map(|()| at)
        })
    }

    /// The checkpoint, if this key signed it. Signatures of others, such as witnesses, may stand beside.
    pub fn open(&self, note: &str) -> Result<Checkpoint, NoteError> {
        let (text, signatures) = text(note).ok_or(NoteError::Malformed)?;
        let is_signed = self.signatures(ED25519, signatures).any(|signature| {
            Signature::from_slice(&signature)
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
        let since = lines.find_map(|line| line.strip_prefix(ANCHORED_SINCE)).map(str::parse).transpose();
        let anchored_since = since.map_err(|_| NoteError::Malformed)?;
        Ok(Checkpoint { origin: origin.to_owned(), size, root, anchored_since })
    }

    /// What stands behind the hash of this key in signatures of a kind under its name.
    fn signatures<'a>(&'a self, kind: u8, signatures: &'a str) -> impl Iterator<Item = Vec<u8>> + 'a {
        let hash = key_hash(&self.name, kind, &self.key);
        let wanted = format!("\u{2014} {} ", self.name);
        signatures.lines().filter_map(move |line| {
            let signed = STANDARD.decode(line.strip_prefix(&wanted)?).ok()?;
            let (key, signature) = signed.split_first_chunk::<4>()?;
            (*key == hash).then(|| signature.to_vec())
        })
    }

    fn written(&self, kind: u8) -> String {
        let key = [[kind].as_slice(), self.key.as_bytes()].concat();
        format!("{}+{}+{}", self.name, hex::encode(key_hash(&self.name, kind, &self.key)), STANDARD.encode(key))
    }
}

/// The text of a note, which is what is signed, and its signatures.
fn text(note: &str) -> Option<(String, &str)> {
    let (text, signatures) = note.split_once("\n\n")?;
    Some((format!("{text}\n"), signatures))
}

/// What a cosignature/v1 is made over.
fn cosigned(text: &str, at: u64) -> String {
    format!("cosignature/v1\ntime {at}\n{text}")
}

impl std::fmt::Display for NoteVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.written(ED25519))
    }
}

fn key_hash(name: &str, kind: u8, key: &VerifyingKey) -> [u8; 4] {
    let digest = Sha256::new().chain_update(name).chain_update([b'\n', kind]).chain_update(key.as_bytes()).finalize();
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
        let note = signer.sign(3, &[9; 32], None);
        let expected = Checkpoint { origin: "anjia/notes".to_owned(), size: 3, root: [9; 32], anchored_since: None };
        assert_eq!(signer.verifier().open(&note), Ok(expected.clone()));
        let anchored = signer.sign(3, &[9; 32], Some(2));
        assert_eq!(signer.verifier().open(&anchored).unwrap().anchored_since, Some(2));
        let unsaid = anchored.replace("anchored since 2\n", "");
        assert_eq!(signer.verifier().open(&unsaid), Err(NoteError::NotSigned), "what is said of the anchor is signed");
        let cosigned = format!("{note}\u{2014} witness AAAA\n");
        assert_eq!(signer.verifier().open(&cosigned), Ok(expected));
        assert_eq!(signer.verifier().open(&note.replace("\n3\n", "\n4\n")), Err(NoteError::NotSigned));
        let other = NoteSigner::new("anjia/notes", SigningKey::from_bytes(&[8; 32]));
        assert_eq!(other.verifier().open(&note), Err(NoteError::NotSigned));
        assert_eq!(signer.verifier().open("nothing"), Err(NoteError::Malformed));
    }

    #[test]
    fn id_09_a_cosignature_is_that_of_the_standard_and_of_its_moment() {
        let log = NoteSigner::new("anjia/notes", SigningKey::from_bytes(&[7; 32]));
        let witness = NoteSigner::new("anjia/others", SigningKey::from_bytes(&[8; 32]));
        let note = log.sign(3, &[9; 32], None);
        let cosigned = witness.cosign(&note, 1_700_000_000).unwrap();
        assert_eq!(witness.verifier().cosigned_at(&cosigned), Some(1_700_000_000));
        assert_eq!(log.verifier().open(&cosigned), log.verifier().open(&note));

        // Made by hand as the specification says: key id, moment and signature in one line of their own.
        let line = cosigned.strip_prefix(&note).unwrap().strip_prefix("\u{2014} anjia/others ").unwrap().trim_end();
        let signed = STANDARD.decode(line).unwrap();
        let key = SigningKey::from_bytes(&[8; 32]).verifying_key();
        let id = Sha256::digest([b"anjia/others\n\x04".as_slice(), key.as_bytes()].concat());
        assert_eq!((signed.len(), &signed[..4], &signed[4..12]), (76, &id[..4], &1_700_000_000_u64.to_be_bytes()[..]));
        let (text, _) = note.split_once("\n\n").unwrap();
        let message = format!("cosignature/v1\ntime 1700000000\n{text}\n");
        let signature = Signature::from_slice(&signed[12..]).unwrap();
        assert!(key.verify_strict(message.as_bytes(), &signature).is_ok());
        let public = STANDARD.encode([[4].as_slice(), key.as_bytes()].concat());
        assert_eq!(witness.verifier().as_cosigner(), format!("anjia/others+{}+{public}", hex::encode(&id[..4])));

        assert_eq!(witness.verifier().cosigned_at(&note), None);
        assert_eq!(witness.verifier().cosigned_at(&cosigned.replace("\n3\n", "\n4\n")), None);
        assert_eq!(log.verifier().cosigned_at(&cosigned), None);
        assert_eq!(witness.cosign("no note", 1), None);
    }
}
