//! Background loops. Every replica runs each; what one has done the others find done.

pub mod absence;
pub mod calendar;
pub mod delegations;
pub mod expiry;
pub mod quotes;

use std::str::FromStr;

use postgres::{consumer::Failure, events::Event};

/// An id among the event's data; none where there is none of it.
fn id<T: FromStr<Err: ToString>>(event: &Event, key: &str) -> Result<Option<T>, Failure> {
    match event.data.get(key).and_then(serde_json::Value::as_str) {
        None | Some("") => Ok(None),
        Some(id) => id.parse().map(Some).map_err(Failure::refused),
    }
}
