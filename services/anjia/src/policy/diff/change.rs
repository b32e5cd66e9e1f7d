//! One change: where, for whom, from what, to what, and whether it is better for people.

use serde_json::{Value, json};

use super::facts::{Fact, facts};
use super::words::{For, Words, effect, joined, place, term, value};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    /// In the document.
    pub(super) path: String,
    pub(super) place: Words,
    /// None where the old document has no such rule.
    pub(super) old: Option<Words>,
    /// None where the new one has none.
    pub(super) new: Option<Words>,
    pub(super) for_people: For,
}

impl Change {
    /// The sentence, in Chinese and English.
    pub(super) fn words(&self) -> Words {
        let [zh, en] = &self.place;
        let [good_zh, good_en] = self.for_people.words();
        match (&self.old, &self.new) {
            (Some([old_zh, old_en]), Some([new_zh, new_en])) => {
                [format!("{zh}：由{old_zh}改为{new_zh}{good_zh}"), format!("{en}: from {old_en} to {new_en}{good_en}")]
            }
            (None, Some([new_zh, new_en])) => {
                [format!("{zh}：新增，{new_zh}{good_zh}"), format!("{en}: new, {new_en}{good_en}")]
            }
            (Some([old_zh, old_en]), None) => {
                [format!("{zh}：取消，原为{old_zh}{good_zh}"), format!("{en}: no longer, it was {old_en}{good_en}")]
            }
            (None, None) => [zh.clone(), en.clone()],
        }
    }

    pub(super) fn json(&self) -> Value {
        let [zh, en] = self.words();
        let english = |words: &Option<Words>| words.as_ref().map(|[_, en]| en.clone());
        json!({
            "path": self.path,
            "zh": zh,
            "en": en,
            "old": english(&self.old),
            "new": english(&self.new),
            "for_people": self.for_people.word(),
        })
    }
}

/// Every fact that is not the same, in the order of the documents' words.
pub(super) fn compare(old: &Value, new: &Value) -> Vec<Change> {
    let (old, new) = (facts(old), facts(new));
    let mut paths: Vec<_> = old.keys().chain(new.keys()).collect();
    paths.sort_unstable();
    paths.dedup();
    let changed = paths.into_iter().filter(|path| old.get(*path) != new.get(*path));
    changed.map(|path| change(path, old.get(path), new.get(path))).collect()
}

fn change(path: &[String], old: Option<&Fact>, new: Option<&Fact>) -> Change {
    let words = |fact: Option<&Fact>| {
        fact.map(|fact| match fact {
            Fact::One(written) => value(path, written),
            Fact::Some(written) if written.is_empty() => ["无".to_owned(), "none".to_owned()],
            Fact::Some(written) => joined(&written.iter().map(|word| term(word)).collect::<Vec<_>>(), ["、", ", "]),
        })
    };
    let for_people = match (old, new) {
        (Some(Fact::One(old)), Some(Fact::One(new))) => effect(path, old, new),
        _ => For::Unclear,
    };
    Change { path: path.join("."), place: place(path), old: words(old), new: words(new), for_people }
}
