//! `personal_accounts`, `account_entries` and `account_shares`: what stands in personal accounts, what moved them, and for whom they pay. An
//! account pays in every region: what a settlement does with it goes through functions of the database.

use chrono::{DateTime, NaiveDate, Utc};
use postgres::Error;
use rust_decimal::Decimal;
use sqlx::{FromRow, PgConnection};
use types::caller::Party;
use types::ids::{ResidentId, SettlementId};
use types::money::Money;
use types::region::RegionCode;
use uuid::Uuid;

use crate::domain::account::{AccountShare, Credit, Purse};
use crate::domain::settlement::Settlement;

const TABLE: &str = "personal_accounts";

/// Locks the accounts that may pay for a person on a day until the end of the transaction, so that nobody else promises or takes what is in
/// them. After every other lock. False if there are none.
pub async fn lock_purses(conn: &mut PgConnection, person: ResidentId, on: NaiveDate) -> Result<bool, Error> {
    Ok(sqlx::query_scalar("SELECT lock_purses($1, $2)").bind(person.uuid()).bind(on).fetch_one(conn).await?)
}

/// Locks accounts in the order of their ids.
pub async fn lock(conn: &mut PgConnection, holders: impl Iterator<Item = ResidentId>) -> Result<(), Error> {
    let holders: Vec<Uuid> = holders.map(ResidentId::uuid).collect();
    if !holders.is_empty() {
        sqlx::query("SELECT lock_accounts($1)").bind(holders).execute(conn).await?;
    }
    Ok(())
}

/// The accounts that may pay for a person on a day, in the order in which they were shared: less what divisions that may still be confirmed
/// have been promised.
pub async fn purses(
    conn: &mut PgConnection,
    person: ResidentId,
    on: NaiveDate,
    now: DateTime<Utc>,
) -> Result<Vec<Purse>, Error> {
    let rows: Vec<(Uuid, bool, Decimal)> = sqlx::query_as("SELECT holder, is_own, free FROM purses($1, $2, $3)")
        .bind(person.uuid())
        .bind(on)
        .bind(now)
        .fetch_all(conn)
        .await?;
    rows.into_iter()
        .map(|(holder, is_own, free)| {
            let free = Money::from_decimal(free).map_err(|_| Error::row_invalid(TABLE, "balance", holder))?;
            Ok(Purse { holder: ResidentId::from_uuid(holder), is_own, free })
        })
        .collect()
}

/// What stands in the accounts of a person, by every id of theirs.
pub async fn balance(conn: &mut PgConnection, person: ResidentId) -> Result<Money, Error> {
    let balance: Decimal = sqlx::query_scalar(
        "SELECT coalesce(sum(balance), 0) FROM personal_accounts WHERE resident_id = ANY ((SELECT one_person($1))::uuid[])",
    )
    .bind(person.uuid())
    .fetch_one(conn)
    .await?;
    Money::from_decimal(balance).map_err(|_| Error::row_invalid(TABLE, "balance", person))
}

/// Credits an account, which begins with its first credit.
pub async fn credit(conn: &mut PgConnection, region: RegionCode, credit: &Credit) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO personal_accounts (resident_id, region, balance, moved_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (resident_id) DO UPDATE SET balance = personal_accounts.balance + $3, moved_at = $4",
    )
    .bind(credit.holder.uuid())
    .bind(region.as_str())
    .bind(credit.amount.decimal())
    .bind(credit.at)
    .execute(&mut *conn)
    .await?;
    let booked = Booked { id: credit.id, holder: credit.holder, amount: credit.amount.decimal(), at: credit.at };
    book(conn, "CREDITED", &booked, None, Some((credit.reference.as_str(), &credit.by))).await
}

/// Takes what a settlement was promised. Answers the entries' ids; none where an account does not hold it, and then nothing may be written.
pub async fn take(
    conn: &mut PgConnection,
    settlement: &Settlement,
    at: DateTime<Utc>,
) -> Result<Option<Vec<Uuid>>, Error> {
    let mut entries = Vec::new();
    for (holder, amount) in settlement.takes() {
        let booked = Booked { id: Uuid::now_v7(), holder, amount: -amount.decimal(), at };
        if !shift(conn, settlement.id, &booked).await? {
            return Ok(None);
        }
        book(conn, "TAKEN", &booked, Some(settlement.id), None).await?;
        entries.push(booked.id);
    }
    Ok(Some(entries))
}

/// Gives back what a settlement took. Answers the entries' ids.
pub async fn give_back(
    conn: &mut PgConnection,
    settlement: &Settlement,
    at: DateTime<Utc>,
) -> Result<Vec<Uuid>, Error> {
    let mut entries = Vec::new();
    for (holder, amount) in settlement.takes() {
        let booked = Booked { id: Uuid::now_v7(), holder, amount: amount.decimal(), at };
        if !shift(conn, settlement.id, &booked).await? {
            return Err(Error::row_invalid(TABLE, "balance", holder));
        }
        book(conn, "RETURNED", &booked, Some(settlement.id), None).await?;
        entries.push(booked.id);
    }
    Ok(entries)
}

/// A movement of an account.
struct Booked {
    id: Uuid,
    holder: ResidentId,
    /// Negative where it takes.
    amount: Decimal,
    at: DateTime<Utc>,
}

/// Whether the account holds it.
async fn shift(conn: &mut PgConnection, settlement: SettlementId, booked: &Booked) -> Result<bool, Error> {
    let is_moved = sqlx::query_scalar("SELECT move_account($1, $2, $3, $4)")
        .bind(booked.holder.uuid())
        .bind(settlement.uuid())
        .bind(booked.amount)
        .bind(booked.at)
        .fetch_one(conn)
        .await?;
    Ok(is_moved)
}

/// Books it in the region of the transaction.
async fn book(
    conn: &mut PgConnection,
    booking: &'static str,
    booked: &Booked,
    settlement: Option<SettlementId>,
    credit: Option<(&str, &Party)>,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO account_entries (id, region, resident_id, booking, amount, settlement_id, reference, booked_by, booked_at) \
         VALUES ($1, current_setting('anjia.region'), $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(booked.id)
    .bind(booked.holder.uuid())
    .bind(booking)
    .bind(booked.amount)
    .bind(settlement.map(SettlementId::uuid))
    .bind(credit.map(|(reference, _)| reference))
    .bind(credit.map(|(_, by)| by.to_string()))
    .bind(booked.at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes for whom an account pays, and until when; once more for the same two, the last word counts. Answers the row's id.
pub async fn share(conn: &mut PgConnection, region: RegionCode, share: &AccountShare) -> Result<Uuid, Error> {
    let id = sqlx::query_scalar(
        "INSERT INTO account_shares (id, region, resident_id, member_resident_id, until, shared_at) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (resident_id, member_resident_id) DO UPDATE SET until = $5 RETURNING id",
    )
    .bind(share.id)
    .bind(region.as_str())
    .bind(share.holder.uuid())
    .bind(share.member.uuid())
    .bind(share.until)
    .bind(share.at)
    .fetch_one(conn)
    .await?;
    Ok(id)
}

#[derive(FromRow)]
struct ShareRow {
    id: Uuid,
    resident_id: Uuid,
    member_resident_id: Uuid,
    until: Option<NaiveDate>,
    shared_at: DateTime<Utc>,
}

/// For whom a person's accounts pay, and did.
pub async fn shares(conn: &mut PgConnection, person: ResidentId) -> Result<Vec<AccountShare>, Error> {
    let rows: Vec<ShareRow> = sqlx::query_as(
        "SELECT id, resident_id, member_resident_id, until, shared_at FROM account_shares \
         WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) ORDER BY shared_at, id",
    )
    .bind(person.uuid())
    .fetch_all(conn)
    .await?;
    let share = |row: ShareRow| AccountShare {
        id: row.id,
        holder: ResidentId::from_uuid(row.resident_id),
        member: ResidentId::from_uuid(row.member_resident_id),
        until: row.until,
        at: row.shared_at,
    };
    Ok(rows.into_iter().map(share).collect())
}
