//! Orders to banks.

use chrono::{DateTime, Utc};
use postgres::Error;
use rust_decimal::Decimal;
use sqlx::{FromRow, PgConnection};
use types::ids::{BillId, CreditLineId, OrderId, OrganisationId};
use types::region::RegionCode;
use uuid::Uuid;

use super::money;
use crate::domain::order::{BankOrder, Kind, State};

const TABLE: &str = "bank_orders";

#[derive(FromRow)]
struct Row {
    id: Uuid,
    kind: String,
    bank_id: Uuid,
    bill_id: Uuid,
    credit_line_id: Uuid,
    correction: i32,
    state: String,
    amount: Decimal,
    bank_reference: Option<String>,
    created_at: DateTime<Utc>,
    reported_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for BankOrder {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            id: OrderId::from_uuid(row.id),
            kind: Kind::parse(&row.kind).ok_or_else(|| Error::row_invalid(TABLE, "kind", row.id))?,
            bank: OrganisationId::from_uuid(row.bank_id),
            bill: BillId::from_uuid(row.bill_id),
            credit_line: CreditLineId::from_uuid(row.credit_line_id),
            correction: row.correction,
            state: State::parse(&row.state).ok_or_else(|| Error::row_invalid(TABLE, "state", row.id))?,
            amount: money(TABLE, "amount", row.id, row.amount)?,
            bank_reference: row.bank_reference,
            created_at: row.created_at,
            reported_at: row.reported_at,
        })
    }
}

macro_rules! columns {
    () => {
        "id, kind, bank_id, bill_id, credit_line_id, correction, state, amount, bank_reference, created_at, reported_at"
    };
}

/// Whether a bank can carry it out: a refund, once what it puts back was paid.
macro_rules! is_due {
    () => {
        "(kind = 'CAPTURE' OR EXISTS (SELECT FROM bank_orders paid WHERE paid.bill_id = bank_orders.bill_id \
         AND paid.credit_line_id = bank_orders.credit_line_id AND paid.kind = 'CAPTURE' AND paid.state = 'SUCCEEDED'))"
    };
}

pub async fn insert(conn: &mut PgConnection, region: RegionCode, order: &BankOrder) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO bank_orders (id, region, bank_id, bill_id, credit_line_id, kind, state, amount, created_at, correction) \
         VALUES ($1, $2, $3, $4, $5, $9, $6, $7, $8, $10)",
    )
    .bind(order.id.uuid())
    .bind(region.as_str())
    .bind(order.bank.uuid())
    .bind(order.bill.uuid())
    .bind(order.credit_line.uuid())
    .bind(order.state.as_str())
    .bind(order.amount.decimal())
    .bind(order.created_at)
    .bind(order.kind.as_str())
    .bind(order.correction)
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn find(conn: &mut PgConnection, id: OrderId) -> Result<Option<BankOrder>, Error> {
    let row: Option<Row> = sqlx::query_as(concat!("SELECT ", columns!(), " FROM bank_orders WHERE id = $1"))
        .bind(id.uuid())
        .fetch_optional(conn)
        .await?;
    row.map(BankOrder::try_from).transpose()
}

/// As it stands under the lock of its bill, which the caller holds.
pub async fn lock(conn: &mut PgConnection, id: OrderId) -> Result<Option<BankOrder>, Error> {
    let row: Option<Row> = sqlx::query_as(concat!("SELECT ", columns!(), " FROM bank_orders WHERE id = $1 FOR UPDATE"))
        .bind(id.uuid())
        .fetch_optional(conn)
        .await?;
    row.map(BankOrder::try_from).transpose()
}

pub async fn update(conn: &mut PgConnection, order: &BankOrder) -> Result<(), Error> {
    sqlx::query("UPDATE bank_orders SET state = $2, bank_reference = $3, reported_at = $4 WHERE id = $1")
        .bind(order.id.uuid())
        .bind(order.state.as_str())
        .bind(&order.bank_reference)
        .bind(order.reported_at)
        .execute(conn)
        .await?;
    Ok(())
}

/// All of a bill, oldest first. The caller holds its lock.
pub async fn of_bill(conn: &mut PgConnection, bill: BillId) -> Result<Vec<BankOrder>, Error> {
    let rows: Vec<Row> =
        sqlx::query_as(concat!("SELECT ", columns!(), " FROM bank_orders WHERE bill_id = $1 ORDER BY id"))
            .bind(bill.uuid())
            .fetch_all(conn)
            .await?;
    rows.into_iter().map(BankOrder::try_from).collect()
}

/// Whether the bank can carry it out: what is to be put back, once it was paid; and what it has spoken of already.
pub async fn is_due(conn: &mut PgConnection, id: OrderId) -> Result<bool, Error> {
    let sql = concat!("SELECT state <> 'INTENT' OR ", is_due!(), " FROM bank_orders WHERE id = $1");
    Ok(sqlx::query_scalar(sql).bind(id.uuid()).fetch_one(conn).await?)
}

/// Orders of a bank, oldest first, after the one named: those in `state`, or all that await its word. Those that were an intent are
/// answered as sent, and are from now on. What is to be put back is handed out once it was paid.
pub async fn hand_out(
    conn: &mut PgConnection,
    bank: OrganisationId,
    state: Option<State>,
    after: Option<OrderId>,
    limit: i64,
) -> Result<Vec<BankOrder>, Error> {
    // A statement each, so that what is done with, which grows for ever, is not read through for what is not.
    let sql = match state {
        Some(_) => concat!(
            "SELECT ",
            columns!(),
            " FROM bank_orders WHERE bank_id = $1 AND ($2::uuid IS NULL OR id > $2) AND state = $4 AND ",
            is_due!(),
            " ORDER BY id LIMIT $3"
        ),
        None => concat!(
            "SELECT ",
            columns!(),
            " FROM bank_orders WHERE bank_id = $1 AND ($2::uuid IS NULL OR id > $2) \
             AND state IN ('INTENT', 'SENT', 'UNKNOWN') AND ",
            is_due!(),
            " ORDER BY id LIMIT $3"
        ),
    };
    let query = sqlx::query_as::<_, Row>(sql).bind(bank.uuid()).bind(after.map(OrderId::uuid)).bind(limit);
    let query = match state {
        Some(state) => query.bind(state.as_str()),
        None => query,
    };
    let rows = query.fetch_all(&mut *conn).await?;
    let mut orders = rows.into_iter().map(BankOrder::try_from).collect::<Result<Vec<_>, _>>()?;

    let mut new: Vec<&mut BankOrder> = orders.iter_mut().filter(|order| order.state == State::Intent).collect();
    let ids: Vec<Uuid> = new.iter().map(|order| order.id.uuid()).collect();
    // An order that the bank has reported on in the meantime keeps what was said.
    sqlx::query("UPDATE bank_orders SET state = 'SENT' WHERE id = ANY($1) AND state = 'INTENT'")
        .bind(ids)
        .execute(conn)
        .await?;
    for order in &mut new {
        order.state = State::Sent;
    }
    Ok(orders)
}
