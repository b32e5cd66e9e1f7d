use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// Takes the assertion, once; false if it was taken before, by whichever replica.
pub async fn take(
    conn: &mut PgConnection,
    client_id: &str,
    jti: &str,
    expires_at: DateTime<Utc>,
) -> Result<bool, postgres::Error> {
    let done =
        sqlx::query("INSERT INTO assertions (client_id, jti, expires_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
            .bind(client_id)
            .bind(jti)
            .bind(expires_at)
            .execute(conn)
            .await?;
    Ok(done.rows_affected() == 1)
}

/// Forgets assertions that expired before `before`; how many.
pub async fn forget(conn: &mut PgConnection, before: DateTime<Utc>) -> Result<u64, postgres::Error> {
    let done = sqlx::query("DELETE FROM assertions WHERE expires_at < $1").bind(before).execute(conn).await?;
    Ok(done.rows_affected())
}
