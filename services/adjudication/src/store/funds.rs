//! What the funds received and paid: `fund_incomes`, and sums over `settlements` and `findings`.

use chrono::NaiveDate;
use postgres::Error;
use rust_decimal::Decimal;
use sqlx::{FromRow, PgConnection};
use types::ids::OrganisationId;
use types::money::Money;
use types::region::RegionCode;
use uuid::Uuid;

use crate::domain::designation::Days;
use crate::domain::fund::{FundMonth, Income};
use crate::domain::supervision::YearFigures;

/// Writes what a fund received.
pub async fn receive(conn: &mut PgConnection, region: RegionCode, income: &Income) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO fund_incomes (id, region, scheme, kind, on_date, amount, reference, recorded_by, recorded_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(income.id)
    .bind(region.as_str())
    .bind(income.scheme.as_str())
    .bind(income.kind)
    .bind(income.on)
    .bind(income.amount.decimal())
    .bind(&income.reference)
    .bind(income.by.to_string())
    .bind(income.at)
    .execute(conn)
    .await?;
    Ok(())
}

#[derive(FromRow)]
struct MonthRow {
    scheme: String,
    month: NaiveDate,
    income: Decimal,
    pooled_fund: Decimal,
    large_amount_fund: Decimal,
    critical_illness_fund: Decimal,
    assistance_fund: Decimal,
    own_share: Decimal,
    settlements: i64,
    persons: i64,
    withheld: Decimal,
    cut: Decimal,
}

/// The funds of a region by scheme and month, from the first month with anything on, to a day. What was settled counts in the local month
/// of its confirmation, and what was taken back or replaced goes back in the month in which that happened: a month that is over keeps what was
/// paid in it. Care of the region's people elsewhere counts as it was cleared, with the fund's shares alone, and what was cut of it by the
/// month of the decision: who had it is the other region's to know. What is withheld of a settlement, and what is cut, is what
/// `withheld_by_claim` says, and never more than the funds pay.
pub async fn months(conn: &mut PgConnection, region: RegionCode, until: NaiveDate) -> Result<Vec<FundMonth>, Error> {
    let rows: Vec<MonthRow> = sqlx::query_as(
        "WITH paid AS ( \
             SELECT settlement.*, settlement.pooled_fund + settlement.large_amount_fund + settlement.critical_illness_fund \
                        + settlement.assistance_fund AS fund \
             FROM settlements settlement JOIN claims claim ON claim.id = settlement.claim_id \
             WHERE settlement.confirmed_at IS NOT NULL AND settlement.scheme IS NOT NULL AND claim.insured_region = $1 \
         ), booked AS ( \
             SELECT id, confirmed_at AS at, 1 AS sign FROM paid \
             UNION ALL SELECT id, ended_at, -1 FROM paid WHERE ended_at IS NOT NULL \
         ), all_of_it AS ( \
             SELECT paid.scheme, date_trunc('month', booked.at AT TIME ZONE 'Asia/Shanghai')::date AS month, 0::numeric AS income, \
                    sign * paid.pooled_fund AS pooled_fund, sign * paid.large_amount_fund AS large_amount_fund, \
                    sign * paid.critical_illness_fund AS critical_illness_fund, sign * paid.assistance_fund AS assistance_fund, \
                    sign * (paid.total - paid.fund) AS own_share, sign AS settlements, \
                    CASE WHEN sign > 0 THEN paid.resident_id END AS resident_id, \
                    sign * (least(coalesce(found.withheld, 0), paid.fund) - least(coalesce(found.cut, 0), paid.fund)) AS withheld, \
                    sign * least(coalesce(found.cut, 0), paid.fund) AS cut \
             FROM booked JOIN paid ON paid.id = booked.id LEFT JOIN withheld_by_claim found ON found.settlement_id = booked.id \
             UNION ALL \
             SELECT scheme, month, 0, \
                    CASE WHEN is_cut THEN 0 ELSE amount - large_amount_fund - critical_illness_fund - assistance_fund END, \
                    large_amount_fund, critical_illness_fund, assistance_fund, 0, 0, NULL, 0, CASE WHEN is_cut THEN -amount ELSE 0 END \
             FROM clearing_entries CROSS JOIN LATERAL (SELECT booking IN ('CUT', 'CUT_LIFTED') AS is_cut) AS told \
             WHERE insured_region = $1 AND scheme IS NOT NULL \
             UNION ALL \
             SELECT scheme, date_trunc('month', on_date)::date, amount, 0, 0, 0, 0, 0, 0, NULL, 0, 0 FROM fund_incomes WHERE region = $1 \
         ) \
         SELECT scheme, month, sum(income) AS income, sum(pooled_fund) AS pooled_fund, sum(large_amount_fund) AS large_amount_fund, \
                sum(critical_illness_fund) AS critical_illness_fund, sum(assistance_fund) AS assistance_fund, sum(own_share) AS own_share, \
                sum(settlements)::bigint AS settlements, count(DISTINCT resident_id) AS persons, sum(withheld) AS withheld, sum(cut) AS cut \
         FROM all_of_it WHERE month <= $2 GROUP BY scheme, month ORDER BY scheme, month",
    )
    .bind(region.as_str())
    .bind(until)
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let invalid = |column| Error::row_invalid("settlements", column, row.month);
            let money = |column, amount| Money::from_decimal(amount).map_err(|_| invalid(column));
            Ok(FundMonth {
                scheme: row.scheme.parse().map_err(|_| invalid("scheme"))?,
                month: row.month,
                income: money("income", row.income)?,
                pooled_fund: money("pooled_fund", row.pooled_fund)?,
                large_amount_fund: money("large_amount_fund", row.large_amount_fund)?,
                critical_illness_fund: money("critical_illness_fund", row.critical_illness_fund)?,
                assistance_fund: money("assistance_fund", row.assistance_fund)?,
                own_share: money("own_share", row.own_share)?,
                settlements: row.settlements,
                persons: row.persons,
                withheld: money("withheld", row.withheld)?,
                cut: money("cut", row.cut)?,
                balance: Money::ZERO,
            })
        })
        .collect()
}

/// The average cost of a claim of every provider, by tier and kind of care.
pub async fn provider_averages(
    conn: &mut PgConnection,
    days: (NaiveDate, NaiveDate),
) -> Result<Vec<(String, Uuid, Decimal)>, Error> {
    Ok(sqlx::query_as(
        "SELECT settlement.tier || '/' || claim.kind, settlement.provider_organisation_id, round(avg(settlement.total), 2) \
         FROM settlements settlement JOIN claims claim ON claim.id = settlement.claim_id \
         WHERE settlement.state = 'CONFIRMED' AND (settlement.confirmed_at AT TIME ZONE 'Asia/Shanghai')::date BETWEEN $1 AND $2 \
         GROUP BY 1, 2 ORDER BY 1, 2",
    )
    .bind(days.0)
    .bind(days.1)
    .fetch_all(conn)
    .await?)
}

/// How many claims every person had. Somebody registered twice counts by the ids they were claimed for.
pub async fn person_counts(
    conn: &mut PgConnection,
    days: (NaiveDate, NaiveDate),
) -> Result<Vec<(String, Uuid, Decimal)>, Error> {
    Ok(sqlx::query_as(
        "SELECT '', resident_id, count(*)::numeric FROM settlements \
         WHERE state = 'CONFIRMED' AND (confirmed_at AT TIME ZONE 'Asia/Shanghai')::date BETWEEN $1 AND $2 \
         GROUP BY resident_id ORDER BY resident_id",
    )
    .bind(days.0)
    .bind(days.1)
    .fetch_all(conn)
    .await?)
}

/// Of every provider: what it charged for items whose codes are like these, and what altogether.
pub async fn shares_of_items(
    conn: &mut PgConnection,
    patterns: &[String],
    days: (NaiveDate, NaiveDate),
) -> Result<Vec<(Uuid, Decimal, Decimal)>, Error> {
    Ok(sqlx::query_as(
        "SELECT settlement.provider_organisation_id, coalesce(sum(line.amount) FILTER (WHERE line.item_code LIKE ANY ($1)), 0), \
         sum(line.amount) \
         FROM settlements settlement \
         JOIN claim_lines line ON line.claim_id = settlement.claim_id AND line.claim_version = settlement.claim_version \
         WHERE settlement.state = 'CONFIRMED' AND (settlement.confirmed_at AT TIME ZONE 'Asia/Shanghai')::date BETWEEN $2 AND $3 \
         GROUP BY 1 ORDER BY 1",
    )
    .bind(patterns)
    .bind(days.0)
    .bind(days.1)
    .fetch_all(conn)
    .await?)
}

/// Of every provider: stays that ended on these days and after which the person was admitted again, unreferred, so many days later at most;
/// and stays altogether.
pub async fn readmissions(
    conn: &mut PgConnection,
    window_days: i32,
    days: (NaiveDate, NaiveDate),
) -> Result<Vec<(Uuid, Decimal, Decimal)>, Error> {
    Ok(sqlx::query_as(
        "SELECT stay.provider_organisation_id, count(*) FILTER (WHERE EXISTS ( \
             SELECT FROM claims again JOIN settlements settled ON settled.id = again.settlement_id \
             WHERE again.resident_id = stay.resident_id AND again.kind = 'INPATIENT' AND again.id <> stay.id \
             AND again.referral_id IS NULL AND settled.state = 'CONFIRMED' \
             AND again.from_date >= stay.until_date AND again.from_date - stay.until_date <= $1))::numeric, count(*)::numeric \
         FROM claims stay JOIN settlements settlement ON settlement.id = stay.settlement_id \
         WHERE stay.kind = 'INPATIENT' AND settlement.state = 'CONFIRMED' AND stay.until_date BETWEEN $2 AND $3 \
         GROUP BY 1 ORDER BY 1",
    )
    .bind(window_days)
    .bind(days.0)
    .bind(days.1)
    .fetch_all(conn)
    .await?)
}

#[derive(FromRow)]
struct YearRow {
    claims: i64,
    total: Decimal,
    fund_paid: Decimal,
    own_paid: Decimal,
    cut: Decimal,
    upheld_claims: i64,
    stays: i64,
    readmissions: i64,
}

/// What a provider's confirmed settlements of care that began on these days come to, where insurance paid for it. What it did not pay for, of
/// whom nobody insures, in a waiting period or without a contract, is no figure of a contract.
pub async fn year_of_provider(
    conn: &mut PgConnection,
    provider: OrganisationId,
    days: &[Days],
) -> Result<YearFigures, Error> {
    let (first_days, last_days): (Vec<NaiveDate>, Vec<NaiveDate>) = days.iter().copied().unzip();
    let row: YearRow = sqlx::query_as(
        "WITH year AS ( \
             SELECT settlement.id, settlement.total, settlement.pooled_fund + settlement.large_amount_fund \
                        + settlement.critical_illness_fund + settlement.assistance_fund AS fund, \
                    claim.kind, claim.resident_id, claim.until_date \
             FROM claims claim JOIN settlements settlement ON settlement.id = claim.settlement_id \
             WHERE claim.provider_organisation_id = $1 AND settlement.state = 'CONFIRMED' AND settlement.scheme IS NOT NULL \
             AND claim.from_date BETWEEN (SELECT min(first_day) FROM unnest($2::date[]) AS first_day) \
                 AND (SELECT max(last_day) FROM unnest($3::date[]) AS last_day) \
             AND EXISTS (SELECT FROM unnest($2::date[], $3::date[]) AS contract (first_day, last_day) \
                         WHERE claim.from_date BETWEEN contract.first_day AND contract.last_day) \
         ), cut AS ( \
             SELECT found.settlement_id, found.cut FROM withheld_by_claim found \
             WHERE EXISTS (SELECT FROM findings WHERE findings.settlement_id = found.settlement_id \
                           AND findings.provider_organisation_id = $1 AND findings.state IN ('CUT', 'UPHELD')) \
         ) \
         SELECT count(*) AS claims, coalesce(sum(year.total), 0) AS total, coalesce(sum(year.fund), 0) AS fund_paid, \
                coalesce(sum(year.total - year.fund), 0) AS own_paid, coalesce(sum(least(cut.cut, year.fund)), 0) AS cut, \
                count(cut.settlement_id) AS upheld_claims, count(*) FILTER (WHERE year.kind = 'INPATIENT') AS stays, \
                count(*) FILTER (WHERE year.kind = 'INPATIENT' AND EXISTS ( \
                    SELECT FROM claims again JOIN settlements settled ON settled.id = again.settlement_id \
                    WHERE again.resident_id = year.resident_id AND again.kind = 'INPATIENT' AND again.referral_id IS NULL \
                    AND settled.state = 'CONFIRMED' AND settled.id <> year.id AND again.from_date >= year.until_date \
                    AND again.from_date - year.until_date <= 31)) AS readmissions \
         FROM year LEFT JOIN cut ON cut.settlement_id = year.id",
    )
    .bind(provider.uuid())
    .bind(first_days)
    .bind(last_days)
    .fetch_one(conn)
    .await?;
    let money =
        |column, amount| Money::from_decimal(amount).map_err(|_| Error::row_invalid("settlements", column, provider));
    Ok(YearFigures {
        claims: row.claims,
        total: money("total", row.total)?,
        fund_paid: money("pooled_fund", row.fund_paid)?,
        own_paid: money("total", row.own_paid)?,
        cut: money("cut", row.cut)?,
        upheld_claims: row.upheld_claims,
        stays: row.stays,
        readmissions: row.readmissions,
    })
}
