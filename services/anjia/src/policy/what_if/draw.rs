//! Draws whole numbers, the same on every machine and in every version: `SplitMix64` (Steele, Lea and Flood, 2014).

const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

#[derive(Debug, Clone)]
pub(super) struct Draw {
    state: u64,
}

impl Draw {
    /// What is drawn for one number tells nothing about another's.
    pub(super) fn of(seed: u64, number: u64) -> Self {
        let mut seeded = Self { state: seed };
        let salt = seeded.next();
        let mut numbered = Self { state: salt ^ number.wrapping_mul(GAMMA) };
        Self { state: numbered.next() }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GAMMA);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to, not including, `end`.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        u64::try_from((u128::from(self.next()) * u128::from(end)) >> 64).unwrap_or_default()
    }

    pub(super) fn index(&mut self, length: usize) -> usize {
        let end = u64::try_from(length).unwrap_or_default();
        usize::try_from(self.below(end)).unwrap_or_default()
    }

    pub(super) fn is_per_mille(&mut self, share: u64) -> bool {
        self.below(1000) < share
    }

    /// One of a table whose shares are per mille and add up to 1000.
    pub(super) fn pick<T: Copy>(&mut self, table: &[(u64, T)]) -> T {
        let mut left = self.below(1000);
        for (share, value) in table {
            if left < *share {
                return *value;
            }
            left -= share;
        }
        table[table.len() - 1].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_those_of_the_published_generator() {
        let mut draw = Draw { state: 1_234_567 };
        let first = [draw.next(), draw.next(), draw.next()];
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn a_table_is_drawn_from_by_its_shares() {
        let table = [(250, 'a'), (0, 'b'), (750, 'c')];
        let mut draw = Draw::of(7, 7);
        let drawn: Vec<char> = (0..4000).map(|_| draw.pick(&table)).collect();
        let count = |what| drawn.iter().filter(|one| **one == what).count();
        assert_eq!(count('b'), 0);
        assert!((850..1150).contains(&count('a')), "{}", count('a'));
    }
}
