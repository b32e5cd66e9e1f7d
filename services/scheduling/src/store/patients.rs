//! Table `patients`: a lock per resident.

use sqlx::PgConnection;
use types::ids::ResidentId;

use crate::domain::error::SchedulingError;

/// Keeps other bookings of the same person, by any id of theirs, out until the end of the transaction, so that limits are counted one at
/// a time.
pub async fn lock(conn: &mut PgConnection, resident: ResidentId) -> Result<(), SchedulingError> {
    lock_all(conn, &[resident]).await
}

/// The same for many persons, in the order in which everybody locks them.
pub async fn lock_all(conn: &mut PgConnection, residents: &[ResidentId]) -> Result<(), SchedulingError> {
    sqlx::query(
        "INSERT INTO patients (region, resident_id) \
         SELECT current_setting('anjia.region'), person.id \
         FROM (SELECT DISTINCT own FROM unnest($1::uuid[]) AS asked CROSS JOIN LATERAL unnest(one_person(asked)) AS own) AS person (id) \
         ORDER BY person.id \
         ON CONFLICT (region, resident_id) DO UPDATE SET resident_id = excluded.resident_id",
    )
    .bind(residents.iter().map(|resident| resident.uuid()).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// Waits for nobody: false if somebody else has one of the person's ids locked, or may be about to write it for the first time. Whoever has
/// places locked, and not the person, locks them in no other way: everybody else locks persons first.
pub async fn try_lock(conn: &mut PgConnection, resident: ResidentId) -> Result<bool, SchedulingError> {
    let is_locked = sqlx::query_scalar(
        "WITH person AS MATERIALIZED (SELECT one_person($1) AS ids), locked AS MATERIALIZED ( \
             SELECT patients.resident_id FROM patients WHERE patients.region = current_setting('anjia.region') \
                 AND patients.resident_id = ANY ((SELECT ids FROM person)::uuid[]) FOR UPDATE SKIP LOCKED) \
         SELECT (SELECT count(*) FROM locked) = cardinality(person.ids) FROM person",
    );
    Ok(is_locked.bind(resident.uuid()).fetch_one(conn).await?)
}
