//! What the databases of a made release have, as far as it is asked for.

use std::collections::BTreeSet;

use crate::statements::{Statement, Word, split_at_commas};

#[derive(Default)]
pub(super) struct Schema {
    tables: BTreeSet<String>,
    /// Indexes and constraints by which a release tells what is there already: `ON CONFLICT` names them, or their columns.
    unique: BTreeSet<String>,
    /// Constraints `CHECK (column IS NOT NULL)`: name, table, column.
    wanted: BTreeSet<(String, String, String)>,
    /// Columns, by table, where such a constraint was held against every row.
    never_null: BTreeSet<(String, String)>,
}

impl Schema {
    /// Without a name nobody can say; it counts as one of theirs.
    pub(super) fn has_table(&self, name: Option<&str>) -> bool {
        name.is_none_or(|name| name.starts_with('%') || self.tables.contains(bare(name)))
    }

    pub(super) fn is_unique(&self, name: &str) -> bool {
        self.unique.contains(bare(name)) || name.ends_with("_pkey")
    }

    pub(super) fn is_never_null(&self, table: &str, column: &str) -> bool {
        self.never_null.contains(&(bare(table).to_owned(), column.to_owned()))
    }

    /// Learns what a migration of a release made.
    pub(super) fn take(&mut self, statement: &Statement) {
        let words: Vec<&str> = statement.words.iter().map(Word::plain).collect();
        match words.as_slice() {
            ["create", "table", "if", "not", "exists", name, ..]
            | ["create", "unlogged", "table", name, ..]
            | ["create", "table", name, ..] => {
                self.tables.insert(bare(name).to_owned());
            }
            ["create", "unique", "index", rest @ ..] => {
                let name = rest.iter().find(|word| !["concurrently", "if", "not", "exists"].contains(word));
                self.unique.extend(name.map(|name| (*name).to_owned()));
            }
            _ => {}
        }
        let named =
            words.windows(3).filter(|three| three[0] == "constraint" && ["unique", "primary"].contains(&three[2]));
        self.unique.extend(named.map(|three| three[1].to_owned()));
        self.take_checks(statement);
    }

    /// Learns what is checked from now on.
    pub(super) fn take_checks(&mut self, statement: &Statement) {
        let Some((table, actions)) = altered(&statement.words) else { return };
        for action in split_at_commas(actions) {
            let words: Vec<&str> = action.iter().map(Word::plain).collect();
            match words.as_slice() {
                ["add", "constraint", name, "check", "(", column, "is", "not", "null", ")", ..] => {
                    self.wanted.insert(((*name).to_owned(), bare(table).to_owned(), (*column).to_owned()));
                }
                ["validate", "constraint", name] => {
                    let here = |wanted: &&(String, String, String)| wanted.0 == *name && wanted.1 == bare(table);
                    let held =
                        self.wanted.iter().filter(here).map(|(_, table, column)| (table.clone(), column.clone()));
                    self.never_null.extend(held);
                }
                _ => {}
            }
        }
    }
}

/// The table that an `ALTER TABLE` is about, and what it does to it.
pub(super) fn altered(words: &[Word]) -> Option<(&str, &[Word])> {
    let is_about = |word: &&Word| !["if", "exists", "only"].contains(&word.plain());
    match words {
        [alter, table, rest @ ..] if alter.plain() == "alter" && table.plain() == "table" => {
            let at = rest.iter().position(|word| is_about(&word))?;
            let (name, actions) = qualified(&rest[at..])?;
            Some((name, actions))
        }
        _ => None,
    }
}

/// A name, without its schema, and what follows it.
pub(super) fn qualified(words: &[Word]) -> Option<(&str, &[Word])> {
    match words {
        [_, dot, name, rest @ ..] if dot.plain() == "." => Some((name.plain(), rest)),
        [name, rest @ ..] => Some((name.plain(), rest)),
        [] => None,
    }
}

fn bare(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}
