//! Free ports on loopback.

use std::collections::HashSet;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use anyhow::{Result, bail};
use rand::Rng;

/// Below the range from which Linux takes the ports of outgoing connections (32768 and up), so that a server that is
/// restarted finds its port still free.
const RANGE: Range<u16> = 18_000..32_000;
const TRIES_MAX: u32 = 1_000;

static GIVEN: Mutex<Option<HashSet<u16>>> = Mutex::new(None);

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
