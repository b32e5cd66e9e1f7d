//! Free ports on loopback.

use std::collections::HashSet;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::{Result, bail};
use rand::Rng;
use sha2::{Digest as _, Sha256};

/// Below the range from which Linux takes the ports of outgoing connections (32768 and up), so that a server that is
/// restarted finds its port still free.
const RANGE: Range<u16> = 18_000..32_000;
const TRIES_MAX: u32 = 1_000;

static GIVEN: Mutex<Option<HashSet<u16>>> = Mutex::new(None);

/// The port that a server of this root had the last time, and the time before: known addresses stay good over a restart. Where
/// somebody listens on it, any free one.
pub(crate) fn usual(root: &Path, server: &str) -> Result<u16> {
    let digest = Sha256::digest(format!("{}\0{server}", root.display()));
    let port = RANGE.start + u16::from_be_bytes([digest[0], digest[1]]) % (RANGE.end - RANGE.start);
    let mut guard = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    let is_free = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    if is_free && guard.get_or_insert_default().insert(port) {
        return Ok(port);
    }
    drop(guard);
    free()
}

/// A port nobody listens on and this process has not given away before. Another process may still take it first, so a
/// server that finds it taken must ask again.
pub(crate) fn free() -> Result<u16> {
    let mut guard = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    let given = guard.get_or_insert_default();
    for _ in 0..TRIES_MAX {
        let port = rand::rng().random_range(RANGE);
        if !given.contains(&port) && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            given.insert(port);
            return Ok(port);
        }
    }
    bail!("no free port between {} and {}", RANGE.start, RANGE.end)
}
