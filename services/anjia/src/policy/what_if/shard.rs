//! Which households a run takes. Everybody of a household is in the same shard, and with a person all their claims.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Shard `number` of `of`, counted from 0 as Kubernetes counts the pods of an Indexed Job. Written `2/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shard {
    pub(super) number: u32,
    pub(super) of: u32,
}

impl Shard {
    pub(super) const WHOLE: Self = Self { number: 0, of: 1 };

    pub(super) fn new(number: u32, of: u32) -> Option<Self> {
        (number < of).then_some(Self { number, of })
    }

    /// Whether the household of this hash is one of its own.
    pub(super) fn holds(self, household: u64) -> bool {
        self.of == 1 || household % u64::from(self.of) == u64::from(self.number)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, of) = text.split_once('/').ok_or("write K/N, such as 0/4")?;
        let parse = |part: &str| part.parse::<u32>().map_err(|_| format!("{part:?} is not a number"));
        Self::new(parse(number)?, parse(of)?).ok_or_else(|| "shards count from 0 to N − 1".to_owned())
    }
}

/// The first eight bytes of the id's SHA-256, high byte first: the same on every machine and in every version.
pub(super) fn household_hash(id: &str) -> u64 {
    let digest = Sha256::digest(id.as_bytes());
    digest.iter().take(8).fold(0, |hash, byte| (hash << 8) | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ad_10_every_household_is_in_exactly_one_shard() {
        for household in (0..200).map(|number| household_hash(&format!("h{number}"))) {
            let holding = (0..7).filter_map(|number| Shard::new(number, 7)).filter(|shard| shard.holds(household));
            assert_eq!(holding.count(), 1);
        }
        assert_eq!(household_hash(""), 0xe3b0_c442_98fc_1c14);
    }

    #[test]
    fn a_shard_counts_from_nought() {
        assert_eq!("2/8".parse(), Ok(Shard { number: 2, of: 8 }));
        for bad in ["8/8", "1", "/", "-1/2", "0/0"] {
            assert!(bad.parse::<Shard>().is_err(), "{bad}");
        }
    }
}
