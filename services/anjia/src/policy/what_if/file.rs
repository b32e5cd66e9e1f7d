//! Replays a claims file on all cores: one thread reads it in blocks that end between two households, the others replay blocks.
//!
//! The file is read once and never held as a whole. All claims of a household stand together in it; within, in any order, but for claims
//! of a person that begin on one day.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use adjudication::domain::policy::Policy;
use anyhow::{Context as _, Result, anyhow};
use sha2::{Digest as _, Sha256};

use super::fen::Pair;
use super::judge::Care;
use super::progress::Progress;
use super::record::{Record, Whose};
use super::replay::Replay;
use super::shard::{Shard, household_hash};
use super::tally::Tally;

const BLOCK_BYTES: usize = 1 << 20;
const OTHER_SCHEME: &str = "OTHER_SCHEME";

/// Whole lines of whole households.
struct Block {
    /// Of the first line, from 1.
    line: u64,
    bytes: Vec<u8>,
}

/// What is wrong with the file, and where.
#[derive(Debug)]
struct Wrong {
    line: u64,
    problem: String,
}

/// The tally of this shard's households, and the SHA-256 of the whole file.
pub(super) fn replay(
    path: &Path,
    policies: Pair<&Policy>,
    shard: Shard,
    threads: usize,
    progress: &Progress,
) -> Result<(Tally, String)> {
    let shown = path.display();
    let file = File::open(path).with_context(|| format!("cannot read {shown}"))?;
    progress.expect_bytes(file.metadata().map_or(0, |metadata| metadata.len()));
    let (sender, receiver) = sync_channel::<Block>(2 * threads);
    let blocks = Blocks { receiver: Mutex::new(receiver), is_wrong: AtomicBool::new(false) };
    let (read, replayed) = thread::scope(|scope| {
        let workers: Vec<_> =
            (0..threads).map(|_| scope.spawn(|| work(&blocks, Worker::new(policies, shard, progress)))).collect();
        let read = send_blocks(file, sender, &blocks.is_wrong);
        let replayed: Vec<_> = workers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        (read, replayed)
    });
    let mut tally = Tally::default();
    let (mut wrongs, mut households) = (vec![], vec![]);
    for worker in replayed {
        let worker = worker.map_err(|_| anyhow!("a thread that replays claims died"))?;
        wrongs.extend(worker.wrong);
        households.extend(worker.households);
        tally += worker.replay.tally;
    }
    wrongs.extend(torn(households));
    if let Some(first) = wrongs.into_iter().min_by_key(|wrong| wrong.line) {
        return Err(anyhow!("{shown}:{}: {}", first.line, first.problem));
    }
    Ok((tally, read.with_context(|| format!("cannot read {shown}"))?))
}

/// A household that stands in two places of the file.
fn torn(mut households: Vec<(u64, u64)>) -> Option<Wrong> {
    households.sort_unstable();
    let again = households.windows(2).filter(|pair| pair[0].0 == pair[1].0).map(|pair| pair[1].1).min()?;
    let problem = "this household stood further up already; all claims of a household stand together".to_owned();
    Some(Wrong { line: again, problem })
}

/// Ends early where something is wrong: blocks are taken in order, so whatever is wrong further up is found all the same.
fn send_blocks(file: File, sender: SyncSender<Block>, is_wrong: &AtomicBool) -> Result<String> {
    let mut reader = BufReader::with_capacity(BLOCK_BYTES, file);
    let mut hasher = Sha256::new();
    let (mut bytes, mut first, mut line) = (Vec::with_capacity(2 * BLOCK_BYTES), 1, 1);
    loop {
        let begin = bytes.len();
        if reader.read_until(b'\n', &mut bytes)? == 0 {
            break;
        }
        hasher.update(&bytes[begin..]);
        if begin > BLOCK_BYTES && begins_household(&bytes[..begin], &bytes[begin..]) {
            let rest = bytes.split_off(begin);
            sender.send(Block { line: first, bytes: std::mem::replace(&mut bytes, rest) })?;
            if is_wrong.load(Ordering::Relaxed) {
                break;
            }
            first = line;
        }
        line += 1;
    }
    sender.send(Block { line: first, bytes })?;
    drop(sender);
    Ok(hex::encode(hasher.finalize()))
}

/// Whether the line is of another household than the last one before it. One that cannot be read is refused by who replays it.
fn begins_household(before: &[u8], line: &[u8]) -> bool {
    let last = before.strip_suffix(b"\n").unwrap_or(before).rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    match (serde_json::from_slice::<Whose<'_>>(last), serde_json::from_slice::<Whose<'_>>(line)) {
        (Ok(last), Ok(next)) => last.household() != next.household(),
        _ => false,
    }
}

/// What the workers take from.
struct Blocks {
    receiver: Mutex<Receiver<Block>>,
    is_wrong: AtomicBool,
}

/// After something wrong, blocks are only taken away, so that the reader never waits for room.
fn work<'a>(blocks: &Blocks, mut worker: Worker<'a>) -> Worker<'a> {
    loop {
        let next = blocks.receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(block) = next else {
            return worker;
        };
        if worker.wrong.is_none()
            && let Err(wrong) = worker.block(&block)
        {
            worker.wrong = Some(wrong);
            blocks.is_wrong.store(true, Ordering::Relaxed);
        }
    }
}

struct Worker<'a> {
    replay: Replay<'a>,
    shard: Shard,
    progress: &'a Progress,
    scheme: types::scheme::Scheme,
    /// The hash of each household and the line where it begins.
    households: Vec<(u64, u64)>,
    wrong: Option<Wrong>,
}

impl<'a> Worker<'a> {
    fn new(policies: Pair<&'a Policy>, shard: Shard, progress: &'a Progress) -> Self {
        let (replay, scheme) = (Replay::new(policies), policies.proposed.scheme);
        Self { replay, shard, progress, scheme, households: vec![], wrong: None }
    }

    fn block(&mut self, block: &Block) -> Result<(), Wrong> {
        let mut household: Vec<Claim<'_>> = vec![];
        let lines = block.bytes.split(|byte| *byte == b'\n').zip(block.line..);
        for (text, line) in lines.filter(|(text, _)| !text.trim_ascii().is_empty()) {
            let wrong = |problem: String| Wrong { line, problem };
            if self.shard != Shard::WHOLE {
                let whose: Whose<'_> = serde_json::from_slice(text).map_err(|error| wrong(error.to_string()))?;
                if !self.shard.holds(household_hash(whose.household())) {
                    continue;
                }
            }
            let record: Record<'_> = serde_json::from_slice(text).map_err(|error| wrong(error.to_string()))?;
            let care = record.care().map_err(wrong)?;
            let claim = Claim { line, record, care };
            if household.first().is_some_and(|first| first.household() != claim.household()) {
                self.household(std::mem::take(&mut household))?;
            }
            household.push(claim);
        }
        self.household(household)?;
        self.progress.bytes_done(block.bytes.len());
        Ok(())
    }

    fn household(&mut self, mut claims: Vec<Claim<'_>>) -> Result<(), Wrong> {
        let Some(first) = claims.first() else {
            return Ok(());
        };
        let (id, household) = (household_hash(first.household()), first.record.household());
        if let Some(other) = claims.iter().find(|claim| claim.record.household() != household) {
            let problem = "states another income than the first claim of this household".to_owned();
            return Err(Wrong { line: other.line, problem });
        }
        self.households.push((id, first.line));
        // As settlement goes through a year (`Turn`): by the first day, then as they were confirmed, which is as they stand in the file.
        claims.sort_by(|one, other| {
            let order = |claim: &Claim<'_>| (claim.care.input.from, claim.line);
            one.record.person.cmp(&other.record.person).then_with(|| order(one).cmp(&order(other)))
        });
        self.replay.begin_household(household);
        let done = u64::try_from(claims.len()).unwrap_or(u64::MAX);
        for person in claims.chunk_by_mut(|one, next| one.record.person == next.record.person) {
            self.replay.begin_person();
            for claim in person {
                if claim.record.scheme.is_some_and(|scheme| scheme != self.scheme) {
                    self.replay.leave_out(OTHER_SCHEME);
                } else {
                    self.replay.claim(&mut claim.care);
                }
            }
            self.replay.end_person();
        }
        self.replay.end_household();
        self.progress.claims_done(done);
        Ok(())
    }
}

struct Claim<'a> {
    line: u64,
    record: Record<'a>,
    care: Care,
}

impl Claim<'_> {
    fn household(&self) -> &str {
        self.record.household.as_deref().unwrap_or(&self.record.person)
    }
}
