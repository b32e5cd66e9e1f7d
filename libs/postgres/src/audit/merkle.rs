//! The Merkle tree of RFC 6962 over audit entries: hashes, what a proof is made of, and whether it proves. No I/O.
//!
//! Own code because what the crates offer keeps the whole tree in memory or hashes leaves of its own making; this one is fed with
//! hashes that stand in the database, and tested with the vectors of the transparency community.

use std::ops::Range;

use sha2::{Digest as _, Sha256};

pub type Hash = [u8; 32];

/// The hash of a tree without leaves.
pub fn empty() -> Hash {
    Sha256::digest([]).into()
}

/// The hash of a leaf, which is the hash of an audit entry.
pub fn leaf(entry: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(entry).finalize().into()
}

fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The hashes of the largest whole subtrees of a tree, left to right: all that growing it needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier(Vec<(u64, Hash)>);

impl Frontier {
    /// Adds a whole subtree of `size` leaves, a power of two that divides what is there already.
    pub fn push(&mut self, mut size: u64, mut hash: Hash) {
        while let Some((_, left)) = self.0.pop_if(|(last, _)| *last == size) {
            hash = node(&left, &hash);
            size *= 2;
        }
        self.0.push((size, hash));
    }

    pub fn size(&self) -> u64 {
        self.0.iter().map(|(size, _)| size).sum()
    }

    pub fn root(&self) -> Hash {
        let mut peaks = self.0.iter().rev().map(|(_, hash)| *hash);
        let Some(last) = peaks.next() else { return empty() };
        peaks.fold(last, |right, left| node(&left, &right))
    }
}

/// Leaves before the split of a tree of `size` leaves: the largest power of two below.
const fn split(size: u64) -> u64 {
    1 << (u64::BITS - 1 - (size - 1).leading_zeros())
}

/// The subtrees whose hashes prove that a leaf is in the tree; `index` is below `size`.
pub fn inclusion(index: u64, size: u64) -> Vec<Range<u64>> {
    let (mut within, mut path) = (0..size, vec![]);
    while within.end - within.start > 1 {
        let middle = within.start + split(within.end - within.start);
        if index < middle {
            path.push(middle..within.end);
            within.end = middle;
        } else {
            path.push(within.start..middle);
            within.start = middle;
        }
    }
    path.reverse();
    path
}

/// The subtrees whose hashes prove that a tree of `old` leaves is the beginning of one of `new`; `old` is not above `new`.
pub fn consistency(old: u64, new: u64) -> Vec<Range<u64>> {
    if old == 0 || old == new {
        return vec![];
    }
    let (mut within, mut path) = (0..new, vec![]);
    while within.end != old {
        let middle = within.start + split(within.end - within.start);
        if old <= middle {
            path.push(middle..within.end);
            within.end = middle;
        } else {
            path.push(within.start..middle);
            within.start = middle;
        }
    }
    // The whole old tree is known to whoever asks.
    if within.start > 0 {
        path.push(within);
    }
    path.reverse();
    path
}

/// Whether `proof` leads from a leaf to the root (RFC 9162, 2.1.3.2).
pub fn is_included(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut place, mut last, mut hash) = (index, size - 1, *leaf);
    for step in proof {
        if last == 0 {
            return false;
        }
        if place & 1 == 1 || place == last {
            hash = node(step, &hash);
            while place & 1 == 0 && place != 0 {
                (place, last) = (place >> 1, last >> 1);
            }
        } else {
            hash = node(&hash, step);
        }
        (place, last) = (place >> 1, last >> 1);
    }
    last == 0 && hash == *root
}

/// Whether `proof` shows that the tree of `old` leaves is the beginning of that of `new` (RFC 9162, 2.1.4.2).
pub fn is_consistent(old: (u64, &Hash), new: (u64, &Hash), proof: &[Hash]) -> bool {
    let ((old, old_root), (new, new_root)) = (old, new);
    if old > new {
        return false;
    }
    if old == new || old == 0 {
        return proof.is_empty() && (old == 0 && *old_root == empty() || old == new && old_root == new_root);
    }
    // A whole tree of a power of two is the first step of its own proof.
    let steps = if old.is_power_of_two() { [std::slice::from_ref(old_root), proof].concat() } else { proof.to_vec() };
    let Some((first, steps)) = steps.split_first() else { return false };
    let (mut place, mut last) = (old - 1, new - 1);
    while place & 1 == 1 {
        (place, last) = (place >> 1, last >> 1);
    }
    let (mut old_hash, mut new_hash) = (*first, *first);
    for step in steps {
        if last == 0 {
            return false;
        }
        if place & 1 == 1 || place == last {
            old_hash = node(step, &old_hash);
            new_hash = node(step, &new_hash);
            while place & 1 == 0 && place != 0 {
                (place, last) = (place >> 1, last >> 1);
            }
        } else {
            new_hash = node(&new_hash, step);
        }
        (place, last) = (place >> 1, last >> 1);
    }
    last == 0 && old_hash == *old_root && new_hash == *new_root
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Vectors {
        inclusion: Vec<Inclusion>,
        consistency: Vec<Consistency>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Inclusion {
        leaf_idx: u64,
        tree_size: u64,
        root: String,
        leaf_hash: String,
        proof: Option<Vec<String>>,
        desc: String,
        want_err: bool,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Consistency {
        size1: u64,
        size2: u64,
        root1: Option<String>,
        root2: Option<String>,
        proof: Option<Vec<String>>,
        desc: String,
        want_err: bool,
    }

    /// What is no hash at all stands for a hash that nothing has.
    fn hash(text: &str) -> Hash {
        let bytes = STANDARD.decode(text).unwrap();
        bytes.as_slice().try_into().unwrap_or_else(|_| leaf(&bytes))
    }

    fn hashes(texts: Option<Vec<String>>) -> Vec<Hash> {
        texts.unwrap_or_default().iter().map(|text| hash(text)).collect()
    }

    #[test]
    fn id_09_proofs_are_judged_as_the_vectors_of_the_transparency_community_say() {
        let vectors: Vectors = serde_json::from_str(include_str!("vectors/merkle.json")).unwrap();
        assert!(vectors.inclusion.len() > 50 && vectors.consistency.len() > 50);
        for case in vectors.inclusion {
            let is_hash = |text: &String| STANDARD.decode(text).is_ok_and(|bytes| bytes.len() == 32);
            let (leaf, root) = (hash(&case.leaf_hash), hash(&case.root));
            let proves = is_hash(&case.leaf_hash)
                && is_hash(&case.root)
                && is_included(&leaf, case.leaf_idx, case.tree_size, &hashes(case.proof), &root);
            assert_eq!(proves, !case.want_err, "{} of {}: {}", case.leaf_idx, case.tree_size, case.desc);
        }
        for case in vectors.consistency {
            let [root1, root2] = [case.root1, case.root2].map(|root| hash(&root.unwrap_or_default()));
            let proves = is_consistent((case.size1, &root1), (case.size2, &root2), &hashes(case.proof));
            // Of an empty tree the community's verifier asks for no root; ours does.
            let is_of_nothing = case.size1 == 0;
            assert!(proves != case.want_err || is_of_nothing, "{} to {}: {}", case.size1, case.size2, case.desc);
        }
    }

    fn leaves(count: u64) -> Vec<Hash> {
        (0..count).map(|number| leaf(&number.to_be_bytes())).collect()
    }

    fn place(index: u64) -> usize {
        usize::try_from(index).unwrap()
    }

    fn root(leaves: &[Hash]) -> Hash {
        let mut frontier = Frontier::default();
        for leaf in leaves {
            frontier.push(1, *leaf);
        }
        assert_eq!(frontier.size(), leaves.len() as u64);
        frontier.root()
    }

    fn of(leaves: &[Hash], ranges: Vec<Range<u64>>) -> Vec<Hash> {
        ranges.into_iter().map(|range| root(&leaves[place(range.start)..place(range.end)])).collect()
    }

    #[test]
    fn id_09_every_leaf_and_every_beginning_of_a_tree_can_be_proved() {
        let all = leaves(40);
        for size in 1..=40 {
            let whole = root(&all[..place(size)]);
            for index in 0..size {
                let (leaf, proof) = (all[place(index)], of(&all, inclusion(index, size)));
                assert!(is_included(&leaf, index, size, &proof, &whole), "{index} of {size}");
                assert!(!is_included(&leaf, index + 1, size, &proof, &whole), "{index} of {size}");
            }
            for old in 1..=size {
                let proof = of(&all, consistency(old, size));
                let before = root(&all[..place(old)]);
                assert!(is_consistent((old, &before), (size, &whole), &proof), "{old} to {size}");
                let other = leaf(b"other");
                assert!(!is_consistent((old, &other), (size, &whole), &proof), "{old} to {size}");
            }
        }
    }
}
