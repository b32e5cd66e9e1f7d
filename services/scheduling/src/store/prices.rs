//! Table `expected_prices`: the last quotes by tier, kind and department.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection};
use types::{
    ids::{AppointmentId, DepartmentId, ResidentId},
    money::Money,
};
use uuid::Uuid;

use super::word;
use crate::domain::{
    error::SchedulingError,
    price::{Price, Prices, QUOTES_MIN},
};

/// Older quotes are forgotten.
const QUOTES_MAX: i32 = 50;

/// Counts a quote in the department of its appointment, and in its tier as a whole. Of one person only the first of such care there: nobody
/// alone makes the price that everybody is told, and nobody's own can be read from it.
pub async fn learn(
    conn: &mut PgConnection,
    (appointment, resident): (AppointmentId, ResidentId),
    (total, own_share): (Money, Money),
    now: DateTime<Utc>,
) -> Result<(), SchedulingError> {
    sqlx::query(
        "INSERT INTO expected_prices AS known (region, tier, kind, department_id, totals, own_shares, updated_at) \
         SELECT DISTINCT current_setting('anjia.region'), sessions.tier, appointments.kind, part.department_id, \
             ARRAY[$2::text::numeric(16, 2)], ARRAY[$3::text::numeric(16, 2)], $4::timestamptz \
         FROM appointments JOIN sessions ON sessions.id = appointments.session_id \
         CROSS JOIN LATERAL (VALUES (appointments.department_id), (NULL)) AS part (department_id) WHERE appointments.id = $1 \
           AND NOT EXISTS (SELECT FROM appointments had JOIN sessions there ON there.id = had.session_id \
               WHERE had.resident_id = ANY ((SELECT one_person($6))::uuid[]) AND had.id <> $1 AND had.quote_id IS NOT NULL \
                 AND had.expected_lines <> '[]' AND had.kind = appointments.kind AND there.tier = sessions.tier) \
         ON CONFLICT (region, tier, kind, department_id) DO UPDATE SET \
             totals = (known.totals || excluded.totals)[greatest(1, cardinality(known.totals) + 2 - $5):], \
             own_shares = (known.own_shares || excluded.own_shares)[greatest(1, cardinality(known.own_shares) + 2 - $5):], \
             updated_at = excluded.updated_at",
    )
    .bind(appointment.uuid())
    .bind(total.to_string())
    .bind(own_share.to_string())
    .bind(now)
    .bind(QUOTES_MAX)
    .bind(resident.uuid())
    .execute(conn)
    .await?;
    Ok(())
}

/// The medians of everything of which there are enough quotes.
pub async fn all(conn: &mut PgConnection) -> Result<Prices, SchedulingError> {
    #[derive(FromRow)]
    struct Row {
        tier: String,
        kind: String,
        department_id: Option<Uuid>,
        total: String,
        own_share: String,
        quotes: i32,
    }
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT tier, kind, department_id, cardinality(totals) AS quotes, \
             (SELECT (percentile_disc(0.5) WITHIN GROUP (ORDER BY amount))::text FROM unnest(totals) AS amount) AS total, \
             (SELECT (percentile_disc(0.5) WITHIN GROUP (ORDER BY amount))::text FROM unnest(own_shares) AS amount) AS own_share \
         FROM expected_prices WHERE region = current_setting('anjia.region') AND cardinality(totals) >= $1",
    )
    .bind(QUOTES_MIN)
    .fetch_all(conn)
    .await?;
    let mut prices = HashMap::new();
    for row in rows {
        let id = row.department_id.unwrap_or_default();
        let key = (
            word("expected_prices", "tier", id, &row.tier)?,
            word("expected_prices", "kind", id, &row.kind)?,
            row.department_id.map(DepartmentId::from_uuid),
        );
        let price = Price {
            total: word("expected_prices", "totals", id, &row.total)?,
            own_share: word("expected_prices", "own_shares", id, &row.own_share)?,
            quotes: row.quotes,
            is_departments: row.department_id.is_some(),
        };
        prices.insert(key, price);
    }
    Ok(Prices(prices))
}
