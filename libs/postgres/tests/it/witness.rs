//! What a witness keeps, what it refuses, and what it shows of a log that was rewritten with its own key, anchor and all.

use ed25519_dalek::{
    SigningKey,
    pkcs8::{EncodePrivateKey as _, EncodePublicKey as _, spki::der::pem::LineEnding},
};
use postgres::{
    Database,
    audit::{self, Against, Anchor, Checkpoint, Doubt, NoteSigner, Place, Refused, SeenByWitness, Witness},
    sealer,
};
use types::region::RegionCode;

use crate::harness::TestDb;
use crate::tamper::{Past, add, notarised, run};

const HOME: RegionCode = RegionCode::BEIJING;
const TOLD: &str = "anjia.notes.witness.refused.v1";

/// The key that [`notarised`] signs with: the log witnesses itself in these tests, which is nobody's business but theirs.
fn log() -> NoteSigner {
    NoteSigner::new("anjia/notes", SigningKey::from_bytes(&[3; 32]))
}

/// A witness with a database of its own.
struct World {
    test: TestDb,
    db: Database,
    witness: Witness,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let test = TestDb::new().await;
        let folder = tempfile::tempdir().unwrap();
        let [private, public] = ["own.pem", "log.pub"].map(|name| folder.path().join(name));
        std::fs::write(&private, SigningKey::from_bytes(&[4; 32]).to_pkcs8_pem(LineEnding::LF).unwrap()).unwrap();
        let key = SigningKey::from_bytes(&[3; 32]).verifying_key();
        std::fs::write(&public, key.to_public_key_pem(LineEnding::LF).unwrap()).unwrap();
        let mut config = test.config();
        config.audit.audit_key_file = Some(private);
        config.audit.audit_witnessed_key_file = Some(public);
        let db = Database::connect(&config).await.unwrap();
        let witness = db.witness("notes").unwrap().unwrap();
        Self { test, db, witness, _folder: folder }
    }

    async fn keep(&self, note: &str) {
        let told = self.witness.open(note).unwrap();
        self.witness.keep(&self.db, HOME, &told, note).await.unwrap();
    }

    async fn seen(&self) -> Option<Checkpoint> {
        self.witness.seen(&self.db, HOME).await.unwrap().map(|seen| seen.checkpoint)
    }

    async fn shown(&self) -> audit::Witnessed {
        audit::witnessed(&mut self.test.insider().await).await.unwrap().unwrap()
    }
}

#[test]
fn id_09_a_witness_believes_what_follows_and_nothing_else() {
    let leaves: Vec<_> = (0..5_u8).map(|number| audit::merkle::leaf(&[number])).collect();
    let tree = |count: usize| {
        let mut tree = audit::merkle::Frontier::default();
        leaves[..count].iter().for_each(|leaf| tree.push(1, *leaf));
        Checkpoint { origin: "anjia/notes".to_owned(), size: count as u64, root: tree.root(), anchored_since: None }
    };
    let (older, newer) = (tree(4), tree(5));
    assert_eq!(Witness::judge(None, &newer, &[]), Ok(()), "the first is believed");
    assert_eq!(Witness::judge(Some(&older), &newer, &[leaves[4]]), Ok(()));
    assert_eq!(Witness::judge(Some(&older), &newer, &[]), Err(Doubt::Inconsistent));
    assert_eq!(Witness::judge(Some(&older), &newer, &[leaves[3]]), Err(Doubt::Inconsistent));
    assert_eq!(Witness::judge(Some(&newer), &older, &[]), Err(Doubt::Smaller));
    assert_eq!(Witness::judge(Some(&newer), &newer, &[]), Ok(()));
    let forked = Checkpoint { root: [7; 32], ..newer.clone() };
    assert_eq!(Witness::judge(Some(&newer), &forked, &[]), Err(Doubt::Forked));
}

#[tokio::test]
async fn id_09_what_a_witness_keeps_is_cosigned_and_audited_itself() {
    let world = World::new().await;
    assert_eq!(world.seen().await, None);
    let notes = [log().sign(3, &[1; 32], None), log().sign(9, &[2; 32], None)];
    for note in &notes {
        world.keep(note).await;
        // Another replica.
        world.keep(note).await;
    }
    let shown = world.shown().await;
    assert_eq!((shown.origin.as_str(), shown.size, shown.refused), ("anjia/notes", 9, None));
    assert!(shown.note.starts_with(&notes[1]));
    assert!(world.db.audit_verifier().unwrap().cosigned_at(&shown.note).is_some());
    assert_eq!(world.seen().await.map(|seen| (seen.size, seen.root)), Some((9, [2; 32])));
    let entries =
        world.test.count("SELECT count(*) FROM audit_entries WHERE action = 'platform.checkpoint.witness'").await;
    assert_eq!(entries, 2, "one for each");

    // Whoever has the witness's database, too, is found in its own audit; what it no longer holds for signed is not gone on from.
    sealer::seal_all(&world.db).await.unwrap();
    let mut insider = world.test.insider().await;
    assert!(audit::verify(&mut insider, Against::default()).await.unwrap().is_whole());
    let forged = "ALTER TABLE witnessed_checkpoints DISABLE TRIGGER ALL; UPDATE witnessed_checkpoints SET note = replace(note, '9', '8')";
    sqlx::raw_sql(forged).execute(&mut insider).await.unwrap();
    let verified = audit::verify(&mut insider, Against::default()).await.unwrap();
    let place = Place::Row { table: "witnessed_checkpoints".to_owned(), id: audit::id(&[&"anjia/notes", &9]) };
    assert!(verified.findings.iter().any(|finding| finding.place == place), "{verified:?}");
    assert!(world.witness.seen(&world.db, HOME).await.is_err());
}

#[tokio::test]
async fn id_09_what_a_witness_refuses_is_kept_as_evidence_and_told_once() {
    let world = World::new().await;
    world.keep(&log().sign(9, &[2; 32], None)).await;
    assert_eq!(world.witness.open(&log().sign(9, &[2; 32], None).replace("\n9\n", "\n10\n")), Err(Doubt::NotSigned));
    let forked = log().sign(9, &[3; 32], None);
    let refused = Refused { doubt: Doubt::Forked, seen_size: 9, note: &forked };
    assert!(world.witness.refuse(&world.db, HOME, refused, TOLD).await.unwrap());
    assert!(!world.witness.refuse(&world.db, HOME, refused, TOLD).await.unwrap(), "it is known");
    assert_eq!(world.shown().await.refused.as_deref(), Some("FORKED"));
    assert_eq!(world.test.count("SELECT count(*) FROM events WHERE kind = 'anjia.notes.witness.refused.v1'").await, 1);
    sealer::seal_all(&world.db).await.unwrap();
    let verified = audit::verify(&mut world.test.insider().await, Against::default()).await.unwrap();
    assert!(verified.is_whole() && verified.rows == 12, "{verified:?}");
}

#[tokio::test]
async fn id_09_a_log_rewritten_with_its_own_key_and_without_its_anchor_is_told_by_its_witness() {
    let past = Past::new().await;
    let world = World::new().await;
    let mut insider = past.test.insider().await;
    let (_, note) = audit::latest(&mut insider).await.unwrap().unwrap();
    world.keep(&note).await;
    let (seen, cosigner) = (world.shown().await.note, world.db.audit_verifier().unwrap());
    let anchor = Anchor::in_folder(past.folder.path().join("notes"));
    let witness = SeenByWitness { note: &seen, cosigner: &cosigner, anchored: &[], has_refused: false };
    let against = Against { anchor: Some((&anchor, &past.verifier)), witness: Some(witness), ..Against::default() };
    let verified = audit::verify(&mut insider, against).await.unwrap();
    assert!(verified.is_whole() && verified.witnessed == past.entries.unsigned_abs(), "{verified:?}");
    let other = SeenByWitness { cosigner: &past.verifier, ..witness };
    let unsigned = audit::verify(&mut insider, Against { witness: Some(other), ..against }).await.unwrap();
    assert_eq!(unsigned.findings.len(), 1, "{unsigned:?}");

    // The anchor goes, the log is written anew from its first entry, and signed with the real key.
    std::fs::remove_dir_all(anchor.folder()).unwrap();
    let rewrite = "SET session_replication_role = replica; DELETE FROM audit_tiles; DELETE FROM audit_checkpoints; \
        UPDATE audit_entries SET position = NULL, previous_hash = NULL, hash = NULL; \
        UPDATE audit_entries SET actor = 'service:nobody' WHERE sequence = 1; \
        UPDATE chain_heads SET position = 0, hash = decode(repeat('00', 32), 'hex') WHERE chain = 'audit_entries'";
    let admin = past.test.owner_url().replacen("notes_owner@", "admin@", 1);
    let mut admin = <sqlx::PgConnection as sqlx::Connection>::connect(&admin).await.unwrap();
    sqlx::raw_sql(rewrite).execute(&mut admin).await.unwrap();
    sealer::seal_all(&notarised(&past.test, &past.folder).await).await.unwrap();
    let alone = audit::verify(&mut insider, Against { witness: None, ..against }).await.unwrap();
    assert!(alone.is_whole(), "nothing else tells: {alone:?}");
    let verified = audit::verify(&mut insider, against).await.unwrap();
    let places: Vec<&Place> = verified.findings.iter().map(|finding| &finding.place).collect();
    assert_eq!(places, [&Place::Checkpoint(past.entries.unsigned_abs())], "{verified:?}");

    // Cut shorter than what was seen, too.
    let cut = "DELETE FROM audit_checkpoints WHERE size > 5; DELETE FROM audit_entries WHERE position > 5; \
        UPDATE chain_heads SET position = 5, hash = (SELECT hash FROM audit_entries WHERE position = 5) WHERE chain = 'audit_entries'";
    sqlx::raw_sql(cut).execute(&mut admin).await.unwrap();
    let verified = audit::verify(&mut insider, against).await.unwrap();
    assert!(verified.findings.iter().any(|finding| finding.place == Place::Entry(6)), "{verified:?}");
}

#[tokio::test]
async fn id_09_an_anchor_that_is_removed_with_all_that_tells_of_it_here_is_told_by_the_witness() {
    let past = Past::new().await;
    let world = World::new().await;
    let mut insider = past.insider().await;
    let (signed, note) = audit::latest(&mut insider).await.unwrap().unwrap();
    world.keep(&note).await;
    let anchored = audit::anchored_as_witnessed(&mut world.test.insider().await).await.unwrap();
    assert_eq!(anchored.len(), 1);
    let began_at = past.verifier.open(&anchored[0]).unwrap().anchored_since.unwrap();
    let (seen, cosigner) = (world.shown().await.note, world.db.audit_verifier().unwrap());
    let anchor = Anchor::in_folder(past.folder.path().join("notes"));
    let witness = SeenByWitness { note: &seen, cosigner: &cosigner, anchored: &anchored, has_refused: false };
    let against = Against { anchor: Some((&anchor, &past.verifier)), witness: Some(witness), ..Against::default() };
    assert!(audit::verify(&mut insider, against).await.unwrap().is_whole());

    // As if it had never been: the entries stay, and are signed again once there is an anchor anew.
    std::fs::remove_dir_all(anchor.folder()).unwrap();
    run(&mut insider, "DELETE FROM audit_tiles; DELETE FROM audit_checkpoints".to_owned()).await;
    let db = notarised(&past.test, &past.folder).await;
    add(&db, "goes on").await;
    sealer::seal_all(&db).await.unwrap();
    let alone = audit::verify(&mut insider, Against { witness: None, ..against }).await.unwrap();
    assert!(alone.is_whole(), "nothing else tells: {alone:?}");
    let verified = audit::verify(&mut insider, against).await.unwrap();
    let places: Vec<&Place> = verified.findings.iter().map(|finding| &finding.place).collect();
    assert_eq!(places, [&Place::Checkpoint(began_at), &Place::Checkpoint(signed)], "{verified:?}");
}
