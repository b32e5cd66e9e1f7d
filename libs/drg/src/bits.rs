//! A set of small numbers for each code, side by side in one allocation.

#[derive(Debug, Default)]
pub(crate) struct BitRows {
    stride: usize,
    words: Vec<u64>,
}

impl BitRows {
    /// Rows of sets that may hold numbers below `columns`.
    pub(crate) fn new(columns: usize) -> Self {
        Self { stride: columns.div_ceil(64), words: Vec::new() }
    }

    /// The row is made if it is not there yet. A column that was not announced is not kept.
    pub(crate) fn set(&mut self, row: u32, column: usize) {
        if column >= self.stride * 64 {
            return;
        }
        let needed = (row as usize + 1) * self.stride;
        if self.words.len() < needed {
            self.words.resize(needed, 0);
        }
        if let Some(word) = self.words.get_mut(row as usize * self.stride + column / 64) {
            *word |= 1 << (column % 64);
        }
    }

    pub(crate) fn has(&self, row: u32, column: usize) -> bool {
        let within = column < self.stride * 64;
        let word = self.words.get(row as usize * self.stride + column / 64);
        within && word.is_some_and(|word| word >> (column % 64) & 1 == 1)
    }
}

#[test]
fn what_was_set_is_there_and_nothing_beside_it() {
    let mut rows = BitRows::new(100);
    rows.set(2, 70);
    rows.set(0, 0);
    rows.set(1, 128);
    let found: Vec<(u32, usize)> =
        (0..4).flat_map(|row| (0..200).map(move |column| (row, column))).filter(|at| rows.has(at.0, at.1)).collect();
    assert_eq!(found, [(0, 0), (2, 70)]);
}
