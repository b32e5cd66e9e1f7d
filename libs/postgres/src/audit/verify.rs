//! Verifies a whole audit: the chain, the rows it tells of, and both against what was anchored outside the database.

use futures_util::TryStreamExt as _;
use sqlx::{Connection as _, PgConnection};

use super::{
    anchor::Anchor,
    chain::{self, Sealed},
    held::{self, Held},
    merkle::{self, Frontier, Hash},
    note::{Checkpoint, NoteVerifier},
    rows::{self, Opener},
};
use crate::Error;

/// How many findings are kept; all are counted.
const FINDINGS_KEPT: usize = 1000;

/// Where something is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// An entry of the chain, by position.
    Entry(u64),
    /// A row, by its table and id.
    Row { table: String, id: String },
    /// A checkpoint, by the number of entries it covers.
    Checkpoint(u64),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Entry(position) => write!(f, "audit/{position}"),
            Self::Row { table, id } => write!(f, "{table}/{id}"),
            Self::Checkpoint(size) => write!(f, "checkpoint/{size}"),
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub place: Place,
    pub what: &'static str,
}

/// What became of an audit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// Sealed entries.
    pub entries: u64,
    /// Hash of the last one: stands for all of them.
    pub hash: Hash,
    /// Root of the tree over them.
    pub root: Hash,
    /// Rows that were re-digested.
    pub rows: u64,
    /// Of these, rows whose salt was erased with their person: nobody can check them any more.
    pub erased: u64,
    /// Of these, rows with sealed columns for which no keys were at hand.
    pub unopened: u64,
    /// Checkpoints outside the database that the chain was held against.
    pub anchored: u64,
    /// How many entries its witness saw; 0 if no witness was brought along.
    pub witnessed: u64,
    /// Entries after the last checkpoint outside the database: chained and compared, and until it is signed nobody else vouches for them.
    pub uncovered: u64,
    /// All that is wrong; the first of them in `findings`.
    pub wrong: u64,
    pub findings: Vec<Finding>,
}

impl Verified {
    pub fn is_whole(&self) -> bool {
        self.wrong == 0
    }
}

/// What the witness of an audit saw last.
#[derive(Debug, Clone, Copy)]
pub struct SeenByWitness<'a> {
    /// The checkpoint, with the witness's cosignature.
    pub note: &'a str,
    pub cosigner: &'a NoteVerifier,
    /// What it saw said of the anchor: [`super::anchored_as_witnessed`].
    pub anchored: &'a [String],
    /// It refused what the log showed since.
    pub has_refused: bool,
}

/// What a verifier brings along.
#[derive(Default, Clone, Copy)]
pub struct Against<'a> {
    /// Checkpoints outside the database, and whose signature they must bear.
    pub anchor: Option<(&'a Anchor, &'a NoteVerifier)>,
    /// What its witness saw; counts beside an anchor, whose key it is checked with.
    pub witness: Option<SeenByWitness<'a>>,
    /// Opens sealed columns.
    pub opener: Option<&'a Opener<'a>>,
    /// Told from time to time how many entries and rows were looked at.
    pub progress: Option<&'a (dyn Fn(u64, u64) + Send + Sync)>,
}

const PROGRESS_STEP: u64 = 10_000;

/// Counts while verifying.
pub(super) struct Tally<'a> {
    pub(super) verified: Verified,
    progress: Option<&'a (dyn Fn(u64, u64) + Send + Sync)>,
}

impl Tally<'_> {
    pub(super) fn found(&mut self, finding: Finding) {
        self.verified.wrong += 1;
        if self.verified.findings.len() < FINDINGS_KEPT {
            self.verified.findings.push(finding);
        }
    }

    fn entry(&mut self) {
        self.verified.entries += 1;
        self.tell();
    }

    pub(super) fn row(&mut self) {
        self.verified.rows += 1;
        self.tell();
    }

    pub(super) fn erased(&mut self) {
        self.verified.erased += 1;
    }

    pub(super) fn unopened(&mut self) {
        self.verified.unopened += 1;
    }

    fn tell(&self) {
        if let Some(progress) = self.progress
            && (self.verified.entries + self.verified.rows).is_multiple_of(PROGRESS_STEP)
        {
            progress(self.verified.entries, self.verified.rows);
        }
    }
}

/// Verifies everything, in one snapshot and in bounded memory: entries and rows are streamed, and Postgres sorts on disk. `conn` is the
/// owner's, who sees all regions. Every fault is located: an entry by its position, a row by its table and id.
pub async fn verify(conn: &mut PgConnection, against: Against<'_>) -> Result<Verified, Error> {
    let mut tx = conn.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ").await?;
    let verified = verify_in(&mut tx, against).await?;
    tx.rollback().await?;
    Ok(verified)
}

/// As [`verify`], in the snapshot of a transaction that is open already and is rolled back afterwards.
pub async fn verify_in(conn: &mut PgConnection, against: Against<'_>) -> Result<Verified, Error> {
    let mut tally = Tally { verified: Verified::default(), progress: against.progress };
    verify_chain(&mut *conn, against, &mut tally).await?;
    rows::verify(conn, against.opener, &mut tally).await?;
    Ok(tally.verified)
}

async fn verify_chain(conn: &mut PgConnection, against: Against<'_>, tally: &mut Tally<'_>) -> Result<(), Error> {
    // Before the snapshot, which begins with the first query: the chain has at least what is anchored by now.
    let mut anchored = Anchors::open(against)?;
    let (head_position, head_hash) = chain::head(&mut *conn).await?;
    let mut held = Held::open(against, tally);
    let mut tree = Frontier::default();
    let (mut position, mut hash) = (0, [0; 32]);
    {
        let mut entries = chain::sealed(&mut *conn);
        while let Some(sealed) = entries.try_next().await? {
            tally.entry();
            position += 1;
            if sealed.position != position {
                // Also where one position is taken twice. What follows is judged by itself.
                tally.found(at(position, "no audit entry at this position"));
                position = sealed.position;
                hash = sealed.previous();
            }
            if let Err(what) = sealed.check(&hash) {
                tally.found(at(position, what));
            }
            hash = sealed.hash();
            tree.push(1, merkle::leaf(&hash));
            anchored.compare(&sealed, &tree, tally)?;
            held.compare(&sealed, &tree, tally);
        }
    }
    if position != head_position || hash != head_hash {
        let what = if position < head_position {
            "no audit entry at this position"
        } else {
            "the chain does not end where it was sealed to"
        };
        tally.found(at(position.min(head_position) + i64::from(position != head_position), what));
    }
    let covered = anchored.covered.max(tally.verified.witnessed);
    anchored.rest(position, tally)?;
    held.rest(&mut *conn, position, tally).await?;
    if against.anchor.is_some() {
        held::uncovered(&mut *conn, covered, position, tally).await?;
    }
    if are_entries_left(&mut *conn).await? {
        tally.found(at(head_position + 1, "entries were not sealed in a minute, and nobody can vouch for them"));
    }
    tally.verified.hash = hash;
    tally.verified.root = tree.root();
    Ok(())
}

/// Sealing takes a second. Until it is sealed an entry can be edited together with its rows.
async fn are_entries_left(conn: &mut PgConnection) -> Result<bool, Error> {
    let left = "SELECT EXISTS (SELECT FROM audit_entries WHERE position IS NULL AND occurred_at < now() - interval '1 minute')";
    Ok(sqlx::query_scalar(left).fetch_one(conn).await?)
}

fn at(position: i64, what: &'static str) -> Finding {
    Finding { place: Place::Entry(position.unsigned_abs()), what }
}

/// The checkpoints outside the database, beside the chain as it is read.
struct Anchors<'a> {
    all: Box<dyn Iterator<Item = std::io::Result<super::anchor::Anchored>> + Send + 'a>,
    verifier: Option<&'a NoteVerifier>,
    current: Option<super::anchor::Anchored>,
    /// Entries covered by the checkpoints before, and so the size of the last of these.
    covered: u64,
    /// The history was rewritten from some entry on; everything later differs and is not told again.
    is_rewritten: bool,
}

impl<'a> Anchors<'a> {
    fn open(against: Against<'a>) -> Result<Self, Error> {
        let mut opened = match against.anchor {
            None => Self {
                all: Box::new(std::iter::empty()),
                verifier: None,
                current: None,
                covered: 0,
                is_rewritten: false,
            },
            Some((anchor, verifier)) => {
                let all = Box::new(anchor.all().map_err(Error::Anchor)?);
                Self { all, verifier: Some(verifier), current: None, covered: 0, is_rewritten: false }
            }
        };
        opened.next()?;
        Ok(opened)
    }

    fn next(&mut self) -> Result<(), Error> {
        self.current = self.all.next().transpose().map_err(Error::Anchor)?;
        Ok(())
    }

    /// Holds an entry against what was anchored of it.
    fn compare(&mut self, sealed: &Sealed, tree: &Frontier, tally: &mut Tally<'_>) -> Result<(), Error> {
        let position = sealed.position.unsigned_abs();
        let Some(anchored) = &self.current else { return Ok(()) };
        let known = position
            .checked_sub(anchored.first() + 1)
            .and_then(|index| anchored.hashes.get(usize::try_from(index).ok()?));
        if let Some(known) = known
            && *known != sealed.hash()
            && !self.is_rewritten
        {
            tally.found(at(sealed.position, "the entry is not the one that was anchored"));
            self.is_rewritten = true;
        }
        if position < anchored.size {
            return Ok(());
        }
        if let Some(what) = self.fault(tree) {
            tally.found(Finding { place: Place::Checkpoint(anchored.size), what });
        }
        tally.verified.anchored += 1;
        self.covered = anchored.size;
        self.next()
    }

    /// What is wrong with the current checkpoint, now that the chain has come to it.
    fn fault(&self, tree: &Frontier) -> Option<&'static str> {
        let (anchored, verifier) = (self.current.as_ref()?, self.verifier?);
        match verifier.open(&anchored.note) {
            Err(_) => Some("the checkpoint is not signed by the service"),
            Ok(checkpoint) if checkpoint.size != anchored.size => Some("the checkpoint is kept under another size"),
            Ok(Checkpoint { anchored_since: Some(since), .. })
                if since <= anchored.first() && self.covered < anchored.first() =>
            {
                Some("a checkpoint that was anchored before it is gone from the anchor")
            }
            Ok(checkpoint) if checkpoint.root != tree.root() && !self.is_rewritten => {
                Some("the chain is not what was signed")
            }
            Ok(_) => None,
        }
    }

    /// Checkpoints beyond the end of the chain: it was cut, or an old backup was brought back.
    fn rest(&mut self, last: i64, tally: &mut Tally<'_>) -> Result<(), Error> {
        let mut is_told = false;
        while let Some(anchored) = self.current.take() {
            if !is_told {
                tally.found(at(last + 1, "entries that were anchored are gone from here on"));
                is_told = true;
            }
            let signed = self.verifier.and_then(|verifier| verifier.open(&anchored.note).ok());
            if signed.is_none_or(|checkpoint| checkpoint.size != anchored.size) {
                let place = Place::Checkpoint(anchored.size);
                tally.found(Finding { place, what: "the checkpoint is not signed by the service" });
            }
            tally.verified.anchored += 1;
            self.next()?;
        }
        Ok(())
    }
}
