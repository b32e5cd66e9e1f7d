//! Codes as small numbers: each stands once, and is found by one hash and one comparison.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// FNV-1a. What is stored comes from the tables alone, so nobody can crowd a bucket with codes of their own.
#[derive(Clone, Copy)]
pub(crate) struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        // The table takes the upper bits, which FNV mixes least.
        self.0 ^ self.0.rotate_left(32)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Codes {
    numbers: HashMap<Box<str>, u32, BuildHasherDefault<Fnv>>,
    texts: Vec<Box<str>>,
}

impl Codes {
    /// The number of a code, given now if it has none.
    pub(crate) fn intern(&mut self, code: &str) -> u32 {
        if let Some(number) = self.find(code) {
            return number;
        }
        let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        self.texts.push(code.into());
        self.numbers.insert(code.into(), number);
        number
    }

    pub(crate) fn find(&self, code: &str) -> Option<u32> {
        self.numbers.get(code).copied()
    }

    pub(crate) fn text(&self, number: u32) -> &str {
        self.texts.get(number as usize).map_or("", |text| text)
    }

    pub(crate) fn len(&self) -> usize {
        self.texts.len()
    }
}
