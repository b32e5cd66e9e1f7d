//! Locks on what is judged over several persons, and so is kept from changing by no row: a journey, who books for others, or a device. Taken before the
//! locks of persons and of places, in the order of words, until the end of the transaction. More are the database's own: `stay <id>`, of each
//! id of the person in the order of ids, which it takes when a stay is told (`migrations/0400_stays_apart.sql`): after those of persons,
//! of places and of the visit, and before anything is told of it.

use std::collections::BTreeSet;

use sqlx::PgConnection;
use types::{caller::Party, ids::JourneyId};

use crate::domain::error::SchedulingError;

/// Of a journey, which is one person's.
pub fn journey(id: JourneyId) -> String {
    format!("journey {id}")
}

/// Of who books for others, whose bookings are counted.
pub fn booker(party: &Party) -> String {
    format!("booker {party}")
}

/// Of a device from which bookings are counted.
pub fn device(hash: &str) -> String {
    format!("device {hash}")
}

/// Waits for each in turn.
pub async fn lock(conn: &mut PgConnection, words: &BTreeSet<String>) -> Result<(), SchedulingError> {
    for word in words {
        sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))").bind(word).execute(&mut *conn).await?;
    }
    Ok(())
}

/// False if somebody else has it; waits for nobody.
pub async fn try_lock(conn: &mut PgConnection, word: &str) -> Result<bool, SchedulingError> {
    let is_locked = sqlx::query_scalar("SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))");
    Ok(is_locked.bind(word).fetch_one(conn).await?)
}
