//! What one statement does to the release before.

use super::schema::{Schema, altered, qualified};
use crate::statements::{self, Word, split_at_commas};

pub(super) enum Verdict {
    Adds,
    /// Something that the release before may need.
    Takes(String),
    /// Right in itself, but not like this.
    Form {
        what: String,
        instead: String,
    },
}

use Verdict::{Adds, Form, Takes};

/// Verbs that begin a statement which may take something; in a body of a block they are looked for.
const TAKING: [&str; 7] = ["alter", "create", "drop", "truncate", "delete", "revoke", "call"];

/// `is_alone`: the only statement of a migration without a transaction.
pub(super) fn judge(words: &[Word], schema: &Schema, is_alone: bool) -> Verdict {
    let plain: Vec<&str> = words.iter().map(Word::plain).collect();
    let gone = |what: &str| Takes(format!("{what} of a release"));
    match plain.as_slice() {
        ["create", ..] => created(words, schema, is_alone),
        ["comment" | "grant" | "insert" | "update" | "select" | "set" | "analyze", ..] | [] => Adds,
        ["alter", "default", "privileges", rest @ ..] if rest.contains(&"grant") => Adds,
        ["alter", "table", ..] => match altered(words) {
            Some((table, _)) if !schema.has_table(Some(table)) => Adds,
            Some((table, actions)) => {
                let verdicts = split_at_commas(actions).into_iter().map(|action| alteration(table, action, schema));
                verdicts.fold(Adds, |worst, verdict| if matches!(worst, Adds) { verdict } else { worst })
            }
            None => Takes("a table is altered whose name is not told".to_owned()),
        },
        ["drop", "table", ..] => {
            let theirs = names(&words[2..]).into_iter().any(|name| schema.has_table(name));
            if theirs { gone("drops a table") } else { Adds }
        }
        ["drop", "index", ..] => {
            let theirs = names(&words[2..]).into_iter().any(|name| name.is_none_or(|name| schema.is_unique(name)));
            if theirs { gone("drops what makes rows unique, for a table") } else { Adds }
        }
        ["truncate", ..] => {
            let theirs = names(&words[1..]).into_iter().any(|name| schema.has_table(name));
            if theirs { gone("empties a table") } else { Adds }
        }
        ["delete", "from", ..] => {
            let theirs = names(&words[2..]).into_iter().any(|name| schema.has_table(name));
            if theirs { gone("deletes rows from a table") } else { Adds }
        }
        ["revoke", ..] => {
            let on = plain.iter().position(|word| *word == "on").map_or(words.len(), |at| at + 1);
            let theirs = names(&words[on..]).into_iter().any(|name| schema.has_table(name));
            if theirs { gone("takes rights on a table") } else { Adds }
        }
        ["call", _, "(", ..] => match words.get(3) {
            Some(Word::Text(table)) if !schema.has_table(Some(table)) => Adds,
            _ => gone("changes what may be done to a table"),
        },
        ["do", ..] => block(words, schema),
        [first, ..] => Takes(format!("`{first}` is not known here to leave a release what it has")),
    }
}

fn created(words: &[Word], schema: &Schema, is_alone: bool) -> Verdict {
    const BESIDE: [&str; 4] = ["or", "replace", "constraint", "unique"];
    let plain: Vec<&str> = words.iter().map(Word::plain).collect();
    let on = plain.iter().position(|word| *word == "on").map_or(words.len(), |at| at + 1);
    if !schema.has_table(names(&words[on..]).into_iter().next().flatten()) {
        return Adds;
    }
    let what = || "an index on a table of a release keeps it from writing while it is built".to_owned();
    let made: Vec<&str> = plain[1..].iter().copied().skip_while(|word| BESIDE.contains(word)).collect();
    match made.as_slice() {
        ["index", "concurrently", "if", "not", "exists", ..] if !is_alone => {
            Form { what: what(), instead: "put it alone in a file whose first line is `-- no-transaction`".to_owned() }
        }
        ["index", "concurrently", "if", "not", "exists", ..] if plain[1] != "unique" => Adds,
        ["index", "concurrently", "if", "not", "exists", ..] => {
            Takes("refuses rows that are alike in a table of a release".to_owned())
        }
        ["index", ..] => {
            let instead =
                "CREATE INDEX CONCURRENTLY IF NOT EXISTS, in a file of its own that begins with `-- no-transaction`";
            Form { what: what(), instead: instead.to_owned() }
        }
        ["trigger", ..] => Takes("has a say in what is written to a table of a release".to_owned()),
        ["policy", ..] if plain[on..].windows(2).any(|window| window == ["as", "restrictive"]) => {
            Takes("hides rows of a table of a release".to_owned())
        }
        _ => Adds,
    }
}

/// One action of an `ALTER TABLE` of a release's table.
fn alteration(table: &str, action: &[Word], schema: &Schema) -> Verdict {
    let words: Vec<&str> = action.iter().map(Word::plain).collect();
    let has = |wanted: &[&str]| words.windows(wanted.len()).any(|window| window == wanted);
    let takes = |what: &str| Takes(format!("{what} of {table}, which a release has"));
    match words.as_slice() {
        ["validate", "constraint", _] => Adds,
        ["add", "constraint", _, kind, ..]
        | ["add", kind @ ("check" | "foreign" | "unique" | "primary" | "exclude"), ..] => {
            constraint(kind, &has, &takes)
        }
        ["add", ..] => column(&has),
        ["drop", "constraint", rest @ ..] => match rest.iter().find(|word| !["if", "exists"].contains(word)) {
            Some(name) if !schema.is_unique(name) => Adds,
            _ => takes("drops what makes rows unique"),
        },
        ["drop", ..] => takes("drops a column"),
        ["rename", ..] => takes("renames something"),
        ["alter", "column", column, change @ ..] | ["alter", column, change @ ..] => match change {
            ["drop", "not", "null"] | ["set", "default", ..] => Adds,
            ["set", "not", "null"] if schema.is_never_null(table, column) => Adds,
            ["set", "not", "null"] => takes("without a validated CHECK (… IS NOT NULL) sets NOT NULL a column"),
            ["drop", "default"] => takes("drops a default"),
            ["type", ..] | ["set", "data", "type", ..] => takes("changes the type of a column"),
            _ => takes("changes a column"),
        },
        _ => takes("changes how it is read or written"),
    }
}

fn constraint(kind: &str, has: &dyn Fn(&[&str]) -> bool, takes: &dyn Fn(&str) -> Verdict) -> Verdict {
    let what = "every row of a release's table is checked while it may not write".to_owned();
    match kind {
        "unique" | "primary" | "exclude" if has(&["using", "index"]) => takes("refuses rows that are alike"),
        "unique" | "primary" | "exclude" => {
            let instead = "build the index CONCURRENTLY in a file before, and add the constraint USING INDEX";
            Form { what, instead: instead.to_owned() }
        }
        _ if !has(&["not", "valid"]) => {
            Form { what, instead: "add it NOT VALID, and VALIDATE CONSTRAINT in a file after".to_owned() }
        }
        // It holds for every row written from now on, also by the release before.
        _ => takes("tightens rows"),
    }
}

fn column(has: &dyn Fn(&[&str]) -> bool) -> Verdict {
    if has(&["unique"]) || has(&["primary", "key"]) {
        let what = "an index on a table of a release keeps it from writing while it is built".to_owned();
        return Form { what, instead: "build it CONCURRENTLY in a file after".to_owned() };
    }
    if has(&["not", "null"]) && !has(&["default"]) && !has(&["generated"]) {
        let what = "the release before does not fill a column that may not be null".to_owned();
        return Form {
            what,
            instead: "give it a DEFAULT, or let it be null and tighten it a release later".to_owned(),
        };
    }
    Adds
}

/// What a block does: its own statements, and those it puts together as text.
fn block(words: &[Word], schema: &Schema) -> Verdict {
    let bodies = words.iter().filter_map(|word| match word {
        Word::Text(body) => Some(body),
        Word::Plain(_) => None,
    });
    for body in bodies {
        for statement in statements::read(body) {
            let texts = statement.words.iter().filter_map(|word| match word {
                Word::Text(text) if begins(&statements::read(text)) => Some(statements::read(text)),
                _ => None,
            });
            let texts: Vec<_> = texts.flatten().map(|statement| statement.words).collect();
            let own = statement.words.iter().position(|word| TAKING.contains(&word.plain()));
            let own = own.map(|at| statement.words[at..].to_vec());
            for part in texts.iter().chain(&own) {
                let verdict = judge(part, schema, false);
                if !matches!(verdict, Adds) {
                    return verdict;
                }
            }
        }
    }
    Adds
}

fn begins(read: &[statements::Statement]) -> bool {
    let first = read.first().and_then(|statement| statement.words.first());
    first.is_some_and(|word| TAKING.contains(&word.plain()))
}

/// The names in a list of them. What is put together from pieces has none.
fn names(words: &[Word]) -> Vec<Option<&str>> {
    const BESIDE: [&str; 6] = ["if", "exists", "only", "table", "concurrently", "all"];
    let list = words.split(|word| word.plain() == ",").map(|part| {
        let at = part.iter().position(|word| !BESIDE.contains(&word.plain()))?;
        qualified(&part[at..]).map(|(name, _)| name)
    });
    list.collect()
}
