//! Bills, each with its shares.

use chrono::{DateTime, Utc};
use postgres::Error;
use postgres::audit::{self, Entry};
use rust_decimal::Decimal;
use sqlx::{FromRow, PgConnection};
use types::caller::Party;
use types::ids::{
    AppointmentId, BillId, DelegationId, JourneyId, MandateId, OrganisationId, QuoteId, ReceiptId, ResidentId,
    SettlementId,
};
use types::region::RegionCode;
use uuid::Uuid;

use super::{ListKey, Whose, corrections, money, shares};
use crate::domain::bill::{Bill, State, Word};
use crate::domain::correction::Kind;
use crate::domain::desk::Owed;

const TABLE: &str = "bills";
const SHARES: &str = "bill_shares";

#[derive(FromRow)]
struct Row {
    id: Uuid,
    resident_id: Uuid,
    payee_id: Uuid,
    state: String,
    quote_id: Option<Uuid>,
    settlement_id: Option<Uuid>,
    appointment_id: Option<Uuid>,
    journey_id: Option<Uuid>,
    opened_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    captured_at: Option<DateTime<Utc>>,
    receipt_id: Option<Uuid>,
    version: i64,
    authorised_by: Option<String>,
    delegation_id: Option<Uuid>,
    mandate_id: Option<Uuid>,
    correction: i32,
    owed: Vec<Decimal>,
    payers: Vec<String>,
    amounts: Vec<Decimal>,
    credit_line_ids: Vec<Option<Uuid>>,
}

impl TryFrom<Row> for Bill {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let state = match (row.state.as_str(), row.captured_at, row.receipt_id.map(ReceiptId::from_uuid)) {
            ("AUTHORISED", None, None) => State::Authorised,
            ("CAPTURING", None, None) => State::Capturing,
            ("CANCELLED", None, None) => State::Cancelled,
            ("CAPTURED", Some(captured_at), Some(receipt)) => State::Captured { captured_at, receipt },
            ("SETTLED", Some(captured_at), Some(receipt)) => State::Settled { captured_at, receipt },
            _ => return Err(Error::row_invalid(TABLE, "state", row.id)),
        };
        let shares = shares::read(SHARES, row.id, (row.payers, row.amounts, row.credit_line_ids))?;
        let by: Option<Party> = row
            .authorised_by
            .map(|party| party.parse())
            .transpose()
            .map_err(|_| Error::row_invalid(TABLE, "authorised_by", row.id))?;
        let delegation = row.delegation_id.map(DelegationId::from_uuid);
        Ok(Self {
            id: BillId::from_uuid(row.id),
            resident: ResidentId::from_uuid(row.resident_id),
            payee: OrganisationId::from_uuid(row.payee_id),
            state,
            shares,
            correction: None,
            owed: owed(row.id, &row.owed)?,
            word: by.map(|by| Word { by, delegation }),
            mandate: row.mandate_id.map(MandateId::from_uuid),
            quote: row.quote_id.map(QuoteId::from_uuid),
            settlement: row.settlement_id.map(SettlementId::from_uuid),
            appointment: row.appointment_id.map(AppointmentId::from_uuid),
            journey: row.journey_id.map(JourneyId::from_uuid),
            opened_at: row.opened_at,
            expires_at: row.expires_at,
            version: row.version,
        })
    }
}

/// Arrears, what is to go back, and what of that the desk had collected.
fn owed(bill: Uuid, sums: &[Decimal]) -> Result<Owed, Error> {
    let [arrears, refund, desk] = *sums else { return Err(Error::row_invalid(TABLE, "owed", bill)) };
    let of = |amount| money(TABLE, "owed", bill, amount);
    Ok(Owed { arrears: of(arrears)?, refund: of(refund)?, desk: of(desk)? })
}

/// Columns of a bill and, in order of their lines, its shares.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, resident_id, payee_id, state, quote_id, settlement_id, appointment_id, journey_id, opened_at, \
             expires_at, captured_at, receipt_id, version, authorised_by, delegation_id, mandate_id, correction, \
             (SELECT ARRAY[coalesce(sum(entry.amount) FILTER (WHERE account.kind = 'ARREARS'), 0), \
                 -coalesce(sum(entry.amount) FILTER (WHERE account.kind = 'RESIDENT_REFUNDABLE'), 0), \
                 coalesce(sum(entry.amount) FILTER (WHERE account.kind = 'DESK_COLLECTED'), 0)] \
              FROM transfers transfer JOIN entries entry ON entry.transfer_id = transfer.id \
              JOIN accounts account ON account.id = entry.account_id WHERE transfer.bill_id = bills.id) AS owed, \
             ARRAY(SELECT payer FROM bill_shares WHERE bill_id = bills.id ORDER BY line) AS payers, \
             ARRAY(SELECT amount FROM bill_shares WHERE bill_id = bills.id ORDER BY line) AS amounts, \
             ARRAY(SELECT credit_line_id FROM bill_shares WHERE bill_id = bills.id ORDER BY line) AS credit_line_ids \
             FROM bills ",
            $rest
        )
    };
}

pub async fn find(conn: &mut PgConnection, id: BillId) -> Result<Option<Bill>, Error> {
    let row: Option<Row> = sqlx::query_as(select!("WHERE id = $1")).bind(id.uuid()).fetch_optional(&mut *conn).await?;
    Ok(whole(conn, row.into_iter().collect()).await?.pop())
}

/// The bills, each with its last correction. Few have one.
async fn whole(conn: &mut PgConnection, rows: Vec<Row>) -> Result<Vec<Bill>, Error> {
    let mut bills = Vec::with_capacity(rows.len());
    for row in rows {
        let number = row.correction;
        let mut bill = Bill::try_from(row)?;
        if number > 0 {
            bill.correction = Some(corrections::get(conn, bill.id, number).await?);
        }
        bills.push(bill);
    }
    Ok(bills)
}

/// Locks the bill until the end of the transaction. Comes before any lock on credit lines and orders.
pub async fn lock(conn: &mut PgConnection, id: BillId) -> Result<Option<Bill>, Error> {
    // Locked first and read after: shares are replaced under this lock, and a statement that waited for it would still see
    // the shares of before.
    let locked = sqlx::query("SELECT FROM bills WHERE id = $1 FOR UPDATE").bind(id.uuid()).execute(&mut *conn).await?;
    if locked.rows_affected() == 0 { Ok(None) } else { find(conn, id).await }
}

pub async fn insert(conn: &mut PgConnection, region: RegionCode, bill: &Bill) -> Result<(), Error> {
    let captured = bill.state.captured();
    sqlx::query(
        "INSERT INTO bills (id, region, resident_id, payee_id, state, total, quote_id, settlement_id, appointment_id, journey_id, \
         opened_at, expires_at, captured_at, receipt_id, version, authorised_by, delegation_id, mandate_id) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
    )
    .bind(bill.id.uuid())
    .bind(region.as_str())
    .bind(bill.resident.uuid())
    .bind(bill.payee.uuid())
    .bind(bill.state.as_str())
    .bind(bill.total().decimal())
    .bind(bill.quote.map(QuoteId::uuid))
    .bind(bill.settlement.map(SettlementId::uuid))
    .bind(bill.appointment.map(AppointmentId::uuid))
    .bind(bill.journey.map(JourneyId::uuid))
    .bind(bill.opened_at)
    .bind(bill.expires_at)
    .bind(captured.map(|(captured_at, _)| captured_at))
    .bind(captured.map(|(_, receipt)| receipt.uuid()))
    .bind(bill.version)
    .bind(bill.word.as_ref().map(|word| word.by.to_string()))
    .bind(bill.word.as_ref().and_then(|word| word.delegation).map(DelegationId::uuid))
    .bind(bill.mandate.map(MandateId::uuid))
    .execute(&mut *conn)
    .await?;
    insert_shares(conn, region, bill).await
}

/// Stores a locked bill that moved on; its shares stay, and what corrections say of them is theirs.
pub async fn update(conn: &mut PgConnection, bill: &Bill) -> Result<(), Error> {
    let captured = bill.state.captured();
    sqlx::query(
        "UPDATE bills SET state = $2, total = $3, quote_id = $4, settlement_id = $5, appointment_id = $6, journey_id = $7, \
         expires_at = $8, captured_at = $9, receipt_id = $10, version = $11, authorised_by = $12, delegation_id = $13, \
         correction = $14, corrected_at = coalesce($15, corrected_at), refunded_at = coalesce($16, refunded_at), collected_at = coalesce($17, collected_at) WHERE id = $1",
    )
    .bind(bill.id.uuid())
    .bind(bill.state.as_str())
    .bind(bill.total().decimal())
    .bind(bill.quote.map(QuoteId::uuid))
    .bind(bill.settlement.map(SettlementId::uuid))
    .bind(bill.appointment.map(AppointmentId::uuid))
    .bind(bill.journey.map(JourneyId::uuid))
    .bind(bill.expires_at)
    .bind(captured.map(|(captured_at, _)| captured_at))
    .bind(captured.map(|(_, receipt)| receipt.uuid()))
    .bind(bill.version)
    .bind(bill.word.as_ref().map(|word| word.by.to_string()))
    .bind(bill.word.as_ref().and_then(|word| word.delegation).map(DelegationId::uuid))
    .bind(bill.correction.as_ref().map_or(0, |correction| correction.number))
    .bind(bill.corrected_at(Kind::Corrected))
    .bind(bill.corrected_at(Kind::Reversed))
    .bind(bill.corrected_at(Kind::Collected))
    .execute(conn)
    .await?;
    Ok(())
}

/// Stores a locked bill that was re-based, with its new shares; answers how many it had before.
pub async fn rebase(conn: &mut PgConnection, region: RegionCode, bill: &Bill) -> Result<usize, Error> {
    update(&mut *conn, bill).await?;
    let gone =
        sqlx::query("DELETE FROM bill_shares WHERE bill_id = $1").bind(bill.id.uuid()).execute(&mut *conn).await?;
    insert_shares(conn, region, bill).await?;
    Ok(usize::try_from(gone.rows_affected()).unwrap_or(usize::MAX))
}

/// Names the shares that were written of a bill that had `before` of them.
pub fn shares_audited(entry: Entry, bill: &Bill, before: usize) -> Entry {
    let id = |line: usize| audit::id(&[&bill.id, &line]);
    let written = 1..=bill.shares.len();
    let gone = bill.shares.len() + 1..=before;
    let entry = written.fold(entry, |entry, line| entry.row(SHARES, id(line)));
    gone.fold(entry, |entry, line| entry.removed(SHARES, id(line)))
}

async fn insert_shares(conn: &mut PgConnection, region: RegionCode, bill: &Bill) -> Result<(), Error> {
    let (payers, amounts, lines) = shares::columns(&bill.shares);
    sqlx::query(
        "INSERT INTO bill_shares (bill_id, line, region, payer, amount, credit_line_id) \
         SELECT $1, share.line, $2, share.payer, share.amount, share.credit_line_id \
         FROM unnest($3::text[], $4::numeric[], $5::uuid[]) WITH ORDINALITY AS share (payer, amount, credit_line_id, line)",
    )
    .bind(bill.id.uuid())
    .bind(region.as_str())
    .bind(payers)
    .bind(amounts)
    .bind(lines)
    .execute(conn)
    .await?;
    Ok(())
}

/// Bills, newest first, after the one named.
pub async fn list(
    conn: &mut PgConnection,
    whose: Whose,
    after: Option<ListKey>,
    limit: i64,
) -> Result<Vec<Bill>, Error> {
    // A statement each: one for both would have no index to go by.
    let (sql, id) = match whose {
        Whose::Resident(id) => (
            select!(
                "WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) AND ($2::timestamptz IS NULL OR (opened_at, id) < ($2, $3)) \
                 ORDER BY opened_at DESC, id DESC LIMIT $4"
            ),
            id.uuid(),
        ),
        Whose::Payee(id) => (
            select!(
                "WHERE payee_id = $1 AND ($2::timestamptz IS NULL OR (opened_at, id) < ($2, $3)) \
                 ORDER BY opened_at DESC, id DESC LIMIT $4"
            ),
            id.uuid(),
        ),
    };
    let rows: Vec<Row> = sqlx::query_as(sql)
        .bind(id)
        .bind(after.map(|(opened_at, _)| opened_at))
        .bind(after.map(|(_, id)| id))
        .bind(limit)
        .fetch_all(&mut *conn)
        .await?;
    whole(conn, rows).await
}

/// Authorised bills for an appointment.
pub async fn authorised_for(conn: &mut PgConnection, appointment: AppointmentId) -> Result<Vec<BillId>, Error> {
    let ids: Vec<Uuid> =
        sqlx::query_scalar("SELECT id FROM bills WHERE appointment_id = $1 AND state = 'AUTHORISED' ORDER BY id")
            .bind(appointment.uuid())
            .fetch_all(conn)
            .await?;
    Ok(ids.into_iter().map(BillId::from_uuid).collect())
}

/// An authorised bill whose reservation has expired.
#[derive(Debug, Clone, Copy)]
pub struct Expired {
    pub id: BillId,
    pub region: RegionCode,
    pub expires_at: DateTime<Utc>,
}

/// Those of all regions, the longest expired first, after the one named. As the worker.
pub async fn expired(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    after: Option<Expired>,
    limit: i64,
) -> Result<Vec<Expired>, Error> {
    let rows: Vec<(Uuid, String, DateTime<Utc>)> = sqlx::query_as(
        "SELECT id, region, expires_at FROM bills WHERE state = 'AUTHORISED' AND expires_at <= $1 \
         AND ($2::timestamptz IS NULL OR (expires_at, id) > ($2, $3)) ORDER BY expires_at, id LIMIT $4",
    )
    .bind(now)
    .bind(after.map(|last| last.expires_at))
    .bind(after.map(|last| last.id.uuid()))
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|(id, region, expires_at)| {
            let region = region.parse().map_err(|_| Error::row_invalid(TABLE, "region", id))?;
            Ok(Expired { id: BillId::from_uuid(id), region, expires_at })
        })
        .collect()
}
