//! What one call has come to see: whether a row was refused, and what the roles that opened its rows leave veiled.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use types::caller::Caller;

use super::permit::Guarded;
use super::policy::Policy;
use super::veil::FieldMask;

/// Shared by the call's context, which notes, and the server's layers, which act on it.
#[derive(Debug, Default)]
pub(crate) struct Sight {
    denied: AtomicBool,
    /// `None` where every role of the caller shows every field.
    mask: Option<Mutex<Mask>>,
}

#[derive(Debug)]
struct Mask {
    mask: Arc<FieldMask>,
    /// Until a row is opened, the mask is what none of the caller's roles shows.
    is_of_rows: bool,
}

impl Sight {
    pub(crate) fn new(policy: &Policy, caller: &Caller) -> Self {
        let mask = policy.veils(caller).then(|| policy.mask(caller));
        let mask = mask.map(|mask| Mutex::new(Mask { mask: Arc::new(mask), is_of_rows: false }));
        Self { denied: AtomicBool::default(), mask }
    }

    /// A row was refused.
    pub(crate) fn deny(&self) {
        self.denied.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_denied(&self) -> bool {
        self.denied.load(Ordering::Relaxed)
    }

    /// A row was opened. What is veiled to the roles that opened one of the rows is veiled in the whole answer: another role of the
    /// caller, which does not open it, shows nothing of it either.
    pub(crate) fn open(&self, policy: &Policy, caller: &Caller, row: &impl Guarded) {
        let Some(seen) = &self.mask else { return };
        let of_row = policy.mask_of(caller, row);
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mask = if seen.is_of_rows { seen.mask.union(&of_row) } else { of_row };
        *seen = Mask { mask: Arc::new(mask), is_of_rows: true };
    }

    pub(crate) const fn is_veiled(&self) -> bool {
        self.mask.is_some()
    }

    /// What is veiled as far as rows were opened by now.
    pub(crate) fn mask(&self) -> Arc<FieldMask> {
        let mask = self.mask.as_ref().map(|seen| Arc::clone(&seen.lock().unwrap_or_else(PoisonError::into_inner).mask));
        mask.unwrap_or_default()
    }
}
