//! A table with a `region` shows each region its own rows only: the migration that makes it protects it.

use crate::finding::Finding;
use crate::tree;

/// Tables with a region that everybody may read, each with a reason.
const PUBLIC: [(&str, &str); 7] = [
    ("clients", "looked up before anybody knows its region"),
    ("organisations", "people travel for care"),
    ("alliances", "who refers among each other is public, as organisations are"),
    ("alliance_members", "who refers among each other is public, as organisations are"),
    ("designations", "what a provider is designated for is public, as it is"),
    ("policies", "a claim is judged by the policy of the insured region"),
    ("catalogue_items", "a claim is judged by the catalogue of the region of care"),
];

pub(crate) fn check_service(service: &str) -> Vec<Finding> {
    let files = tree::files_under(&format!("services/{service}/migrations"));
    files.iter().flat_map(|path| check(path, &tree::read(path))).collect()
}

fn check(path: &str, sql: &str) -> Vec<Finding> {
    let statements = without_comments(sql);
    let tables = tables(&statements).into_iter().filter(|table| table.has_region);
    let open = tables.filter(|table| !PUBLIC.iter().any(|(public, _)| *public == table.name));
    open.filter(|table| !statements.contains(&format!("CALL protect_by_region('{}')", table.name)))
        .map(|table| {
            let call = format!("add CALL protect_by_region('{}') to the same migration", table.name);
            Finding::new(path, table.line, format!("{} has a region, but shows it to everybody", table.name), call)
        })
        .collect()
}

struct Created {
    name: String,
    line: usize,
    has_region: bool,
}

/// Tables made, or given a region, in these statements.
fn tables(sql: &str) -> Vec<Created> {
    let mut offset = 0;
    let mut found = vec![];
    for statement in sql.split_inclusive(';') {
        let words: Vec<&str> = statement.split_whitespace().collect();
        let upper: Vec<String> = words.iter().take(6).map(|word| word.to_uppercase()).collect();
        let upper: Vec<&str> = upper.iter().map(String::as_str).collect();
        let name = match upper.as_slice() {
            ["CREATE", "TABLE", "IF", "NOT", "EXISTS", ..] => words.get(5),
            ["CREATE", "TABLE", ..] | ["ALTER", "TABLE", _, "ADD", ..] => words.get(2),
            ["CREATE", "UNLOGGED", "TABLE", ..] => words.get(3),
            _ => None,
        };
        if let Some(name) = name {
            let start = offset + (statement.len() - statement.trim_start().len());
            found.push(Created {
                name: name.trim_end_matches('(').to_owned(),
                line: sql[..start].lines().count().max(1) + usize::from(sql[..start].ends_with('\n')),
                has_region: has_column(statement, "region"),
            });
        }
        offset += statement.len();
    }
    found
}

/// A column stands at the start of a line, after a bracket or comma, or after ADD COLUMN.
fn has_column(statement: &str, column: &str) -> bool {
    let words: Vec<&str> = statement.split([' ', '\n', '\t', '(', ',']).filter(|word| !word.is_empty()).collect();
    words.windows(2).any(|pair| pair[0] == column && pair[1].to_lowercase().starts_with("text"))
}

fn without_comments(sql: &str) -> String {
    let lines = sql.lines().map(|line| line.split_once("--").map_or(line, |(code, _)| code));
    lines.flat_map(|line| [line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(sql: &str) -> Vec<String> {
        check("m.sql", sql).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_open_table_is_found_with_its_line() {
        let sql = "-- Beds.\nCREATE INDEX x ON y (z);\n\nCREATE TABLE beds (\n    id uuid,\n    region text NOT NULL\n);\n-- CALL protect_by_region('beds');";
        assert_eq!(
            found(sql),
            [
                "m.sql:4: beds has a region, but shows it to everybody; add CALL protect_by_region('beds') to the same migration"
            ]
        );
        assert_eq!(found("ALTER TABLE beds ADD COLUMN region text;").len(), 1);
    }

    #[test]
    fn protected_public_and_regionless_tables_pass() {
        assert_eq!(found("CREATE TABLE beds (region text NOT NULL);\nCALL protect_by_region('beds');"), [""; 0]);
        assert_eq!(found("CREATE TABLE policies (region text NOT NULL);"), [""; 0]);
        assert_eq!(found("CREATE TABLE beds (region_code text NOT NULL);"), [""; 0]);
    }
}
