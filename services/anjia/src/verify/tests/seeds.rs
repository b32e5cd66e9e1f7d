//! The bugs: for each checker at least one, and what it must say. `md5('…')::uuid` stands for an id.

mod money;
mod records;
mod sagas;

use crate::verify::check::{Check, Look};
use crate::verify::events::Times;

/// Checker, service (or two, `one|other`), how the bug is seeded (two parts, between them ` || ---- || `), what must be found.
pub(super) type Seed = (&'static str, &'static str, &'static str, &'static str);

/// A seed that follows from the checker.
pub(super) type Made = (&'static str, (&'static str, String, &'static str));

pub(super) fn all() -> Vec<Seed> {
    [money::SEEDS, sagas::SEEDS, records::SEEDS].concat()
}

/// A change that is not told, one that is told twice, and one that is told and did not happen.
pub(super) fn of_events(check: &'static Check) -> Option<Vec<Made>> {
    let Look::Told(told) = &check.look else {
        return None;
    };
    let table = told.table;
    let change = match told.when {
        "true" | "corrects IS NULL" => String::new(),
        "revision > 1" => format!("UPDATE {table} SET revision = 2;"),
        "corrects IS NOT NULL" => format!("UPDATE {table} SET corrects = md5('v')::uuid;"),
        "confirmed_at IS NOT NULL AND corrects IS NULL" => format!("UPDATE {table} SET confirmed_at = now();"),
        "visit_id IS NOT NULL" => format!("UPDATE {table} SET visit_id = md5('v')::uuid;"),
        when if when.contains("sagas") => {
            "INSERT INTO sagas (id, referral_id, state) VALUES (md5('s')::uuid, md5('x')::uuid, 'COMPLETED');"
                .to_owned()
        }
        when => match (when.strip_suffix(" IS NOT NULL"), when.split_once(" IN ('")) {
            (Some(column), _) => format!("UPDATE {table} SET {column} = now();"),
            (_, Some((column, words))) => {
                format!("UPDATE {table} SET {column} = '{}';", words.split('\'').next().unwrap_or_default())
            }
            _ => format!("UPDATE {table} SET {when};"),
        },
    };
    let changed = format!("INSERT INTO {table} (id) VALUES (md5('x')::uuid); {change}");
    let event = |id: &str| {
        format!(
            "INSERT INTO events (id, kind, subject) VALUES (md5('{id}')::uuid, 'anjia.{}.{}.v1', md5('x')::uuid::text);",
            told.service,
            told.kind.split(' ').next().unwrap_or_default()
        )
    };
    let mut made = vec![
        (check.name, (told.service, changed.clone(), "told 0 times")),
        (check.name, (told.service, event("1"), "tells of what did not happen")),
    ];
    if told.times == Times::Once {
        made.push((check.name, (told.service, format!("{changed} {} {}", event("1"), event("2")), "told 2 times")));
    }
    Some(made)
}
