//! `claims` and `claim_lines`: what was billed, each version of it.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use postgres::audit::{self, Entry};
use postgres::vault::{Cell, Keys};
use postgres::{Error, Transaction};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{FromRow, PgConnection, Postgres};
use types::ids::{ClaimId, JourneyId, OrganisationId, QuoteId, ReferralId, ResidentId, SettlementId, VisitId};
use types::money::Money;
use types::region::RegionCode;
use uuid::Uuid;

use super::{catalogue, word};
use crate::domain::claim::{BilledLine, Claim, Diagnosis, Item};
use crate::domain::replay::Turn;

const TABLE: &str = "claims";
const DIAGNOSES: &str = "diagnoses_sealed";

/// What of it is sealed.
pub const SEALED: &[&str] = &[DIAGNOSES];

const fn cell(row: Uuid) -> Cell {
    Cell { table: TABLE, column: DIAGNOSES, row }
}

/// SQL: the lines of a version, after the row of its claim: what that breaks is broken first.
macro_rules! insert_lines {
    () => {
        "INSERT INTO claim_lines (claim_id, claim_version, line_number, region, item_code, name, quantity, unit_price, amount, on_date, \
             class, first_self_pay_ratio, price_limit_of, unit_price_max) \
         SELECT claim.id, $2, line.line_number, $3, line.item_code, line.name, line.quantity, line.unit_price, line.amount, line.on_date, \
                line.class, line.ratio, line.limit_of, line.unit_price_max \
         FROM claim, unnest($4::text[], $5::text[], $6::numeric[], $7::numeric[], $8::numeric[], $9::date[], $10::text[], \
                            $11::numeric[], $12::text[], $13::numeric[]) WITH ORDINALITY \
              AS line (item_code, name, quantity, unit_price, amount, on_date, class, ratio, limit_of, unit_price_max, line_number)"
    };
}

/// As JSON, the way it is sealed and digested.
fn diagnoses_text(claim: &Claim) -> String {
    let item = |diagnosis: &Diagnosis| json!({ "icd10_code": diagnosis.icd10_code, "name": diagnosis.name.expose() });
    claim.diagnoses.iter().map(item).collect::<Value>().to_string()
}

/// Names the row, with the plain text of what is sealed in it.
pub fn audited(entry: Entry, claim: &Claim) -> Entry {
    let diagnoses = diagnoses_text(claim);
    entry.sealed_row(TABLE, claim.id, [(DIAGNOSES, Some(diagnoses.as_str()))])
}

/// Names the lines of its present version.
pub fn lines_audited(entry: Entry, claim: &Claim) -> Entry {
    let id = |line: usize| audit::id(&[&claim.id, &claim.version, &line]);
    (1..=claim.lines.len()).fold(entry, |entry, line| entry.row("claim_lines", id(line)))
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    region: String,
    version: i32,
    visit_id: Uuid,
    resident_id: Uuid,
    provider_organisation_id: Uuid,
    tier: String,
    kind: String,
    insured_region: Option<String>,
    from_date: NaiveDate,
    until_date: NaiveDate,
    diagnoses_sealed: Vec<u8>,
    key_version: i32,
    total: Decimal,
    referral_id: Option<Uuid>,
    journey_id: Uuid,
    quote_id: Option<Uuid>,
    settlement_id: Uuid,
    received_at: DateTime<Utc>,
}

#[derive(FromRow)]
struct LineRow {
    claim_id: Uuid,
    item_code: String,
    name: String,
    quantity: Decimal,
    unit_price: Decimal,
    amount: Decimal,
    on_date: NaiveDate,
    class: String,
    first_self_pay_ratio: Option<Decimal>,
    price_limit_of: Option<String>,
    unit_price_max: Option<Decimal>,
}

impl Row {
    fn claim(self, keys: &Keys, lines: Vec<BilledLine>) -> Result<Claim, Error> {
        let text = keys.open(cell(self.id), self.key_version, &self.diagnoses_sealed)?;
        let diagnoses = serde_json::from_str(&text).map_err(|_| Error::row_invalid(TABLE, DIAGNOSES, self.id))?;
        let insured_region =
            self.insured_region.as_deref().map(|code| word(TABLE, "insured_region", self.id, code)).transpose()?;
        Ok(Claim {
            id: ClaimId::from_uuid(self.id),
            version: self.version,
            visit: VisitId::from_uuid(self.visit_id),
            resident: ResidentId::from_uuid(self.resident_id),
            provider: OrganisationId::from_uuid(self.provider_organisation_id),
            tier: word(TABLE, "tier", self.id, &self.tier)?,
            kind: word(TABLE, "kind", self.id, &self.kind)?,
            care_region: word(TABLE, "region", self.id, &self.region)?,
            insured_region,
            from: self.from_date,
            until: self.until_date,
            diagnoses,
            lines,
            total: Money::from_decimal(self.total).map_err(|_| Error::row_invalid(TABLE, "total", self.id))?,
            referral: self.referral_id.map(ReferralId::from_uuid),
            journey: JourneyId::from_uuid(self.journey_id),
            quote: self.quote_id.map(QuoteId::from_uuid),
            settlement: SettlementId::from_uuid(self.settlement_id),
            received_at: self.received_at,
        })
    }
}

impl LineRow {
    fn line(self) -> Result<BilledLine, Error> {
        let invalid = |column| Error::row_invalid("claim_lines", column, self.claim_id);
        let class = catalogue::class(&self.class, self.first_self_pay_ratio).ok_or_else(|| invalid("class"))?;
        let price_limit =
            catalogue::limit(self.price_limit_of.as_deref(), self.unit_price_max, || invalid("price_limit_of"))?;
        Ok(BilledLine {
            item_code: self.item_code,
            quantity: self.quantity,
            unit_price: self.unit_price,
            amount: Money::from_decimal(self.amount).map_err(|_| invalid("amount"))?,
            on: self.on_date,
            item: Item { name: self.name, class, price_limit },
        })
    }
}

/// Writes the first version of a claim with its lines, in one statement.
pub async fn insert(tx: &mut Transaction, claim: &Claim) -> Result<(), Error> {
    const INSERT: &str = concat!(
        "WITH claim AS (INSERT INTO claims (id, version, region, insured_region, until_date, diagnoses_sealed, key_version, total, \
             quote_id, settlement_id, received_at, visit_id, resident_id, provider_organisation_id, tier, kind, from_date, referral_id, \
             journey_id) \
         VALUES ($1, $2, $3, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29) RETURNING id) ",
        insert_lines!()
    );
    let keys = tx.keys()?;
    with_versions(INSERT, claim, &keys)?
        .bind(claim.visit.uuid())
        .bind(claim.resident.uuid())
        .bind(claim.provider.uuid())
        .bind(claim.tier.as_str())
        .bind(claim.kind.as_str())
        .bind(claim.from)
        .bind(claim.referral.map(ReferralId::uuid))
        .bind(claim.journey.uuid())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Writes the next version of a claim with its lines, in one statement. The row is locked.
pub async fn update(tx: &mut Transaction, claim: &Claim) -> Result<(), Error> {
    const UPDATE: &str = concat!(
        "WITH claim AS (UPDATE claims SET version = $2, insured_region = $14, until_date = $15, diagnoses_sealed = $16, \
             key_version = $17, total = $18, quote_id = $19, settlement_id = $20, received_at = $21 WHERE id = $1 RETURNING id) ",
        insert_lines!()
    );
    let keys = tx.keys()?;
    with_versions(UPDATE, claim, &keys)?.execute(&mut **tx).await?;
    Ok(())
}

/// The parameters that both have: `$1` to `$13` of the lines, then what a version may change.
fn with_versions<'q>(
    sql: &'static str,
    claim: &'q Claim,
    keys: &Keys,
) -> Result<Query<'q, Postgres, PgArguments>, Error> {
    let (mut codes, mut names, mut quantities, mut prices) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut amounts, mut days, mut classes, mut ratios) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut bases, mut prices_max) = (Vec::new(), Vec::new());
    for line in &claim.lines {
        let (class, ratio) = catalogue::columns(line.item.class);
        codes.push(line.item_code.as_str());
        names.push(line.item.name.as_str());
        quantities.push(line.quantity);
        prices.push(line.unit_price);
        amounts.push(line.amount.decimal());
        days.push(line.on);
        classes.push(class);
        ratios.push(ratio);
        let (limit_of, most) = catalogue::limit_columns(line.item.price_limit);
        bases.push(limit_of);
        prices_max.push(most);
    }
    let query = sqlx::query(sql)
        .bind(claim.id.uuid())
        .bind(claim.version)
        .bind(claim.care_region.as_str())
        .bind(codes)
        .bind(names)
        .bind(quantities)
        .bind(prices)
        .bind(amounts)
        .bind(days)
        .bind(classes)
        .bind(ratios)
        .bind(bases)
        .bind(prices_max);
    Ok(query
        .bind(claim.insured_region.as_ref().map(RegionCode::as_str))
        .bind(claim.until)
        .bind(keys.seal(cell(claim.id.uuid()), &diagnoses_text(claim))?)
        .bind(keys.version())
        .bind(claim.total.decimal())
        .bind(claim.quote.map(QuoteId::uuid))
        .bind(claim.settlement.uuid())
        .bind(claim.received_at))
}

/// A claim in its present version.
pub async fn find(tx: &mut Transaction, id: ClaimId) -> Result<Option<Claim>, Error> {
    let row: Option<Row> =
        sqlx::query_as("SELECT * FROM claims WHERE id = $1").bind(id.uuid()).fetch_optional(&mut **tx).await?;
    Ok(with_lines(tx, row.into_iter().collect()).await?.pop())
}

/// Which version of a claim is the present one.
#[derive(Debug, Clone, Copy)]
pub struct Present {
    pub claim: ClaimId,
    pub version: i32,
    pub settlement: SettlementId,
}

/// The claim of a visit, locked, so that two divisions of one visit cannot pass each other.
pub async fn lock_of_visit(conn: &mut PgConnection, visit: VisitId) -> Result<Option<Present>, Error> {
    let row: Option<(Uuid, i32, Uuid)> =
        sqlx::query_as("SELECT id, version, settlement_id FROM claims WHERE visit_id = $1 FOR UPDATE")
            .bind(visit.uuid())
            .fetch_optional(conn)
            .await?;
    let present = |(id, version, settlement)| Present {
        claim: ClaimId::from_uuid(id),
        version,
        settlement: SettlementId::from_uuid(settlement),
    };
    Ok(row.map(present))
}

/// Locks every claim of a person, so that whoever changes settled claims of theirs does so alone. To be taken before any other lock.
pub async fn lock_person(conn: &mut PgConnection, resident: ResidentId) -> Result<(), Error> {
    // Not FOR UPDATE: rows that refer to a claim may still be written.
    sqlx::query(
        "SELECT FROM claims WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) ORDER BY id FOR NO KEY UPDATE",
    )
    .bind(resident.uuid())
    .fetch_all(conn)
    .await?;
    Ok(())
}

/// The claims of a person whose settlements are in force and count for a year from this one on, in the order of service.
pub async fn in_force(tx: &mut Transaction, resident: ResidentId, from_year: i32) -> Result<Vec<(Turn, Claim)>, Error> {
    let rows: Vec<(Uuid, DateTime<Utc>)> = sqlx::query_as(
        "SELECT claim.id, (SELECT min(confirmed_at) FROM settlements before WHERE before.claim_id = claim.id) FROM claims claim \
         JOIN settlements settlement ON settlement.id = claim.settlement_id AND settlement.state = 'CONFIRMED' \
         WHERE claim.resident_id = ANY ((SELECT one_person($1))::uuid[]) \
             AND coalesce(settlement.year, extract(year FROM claim.from_date)::integer) >= $2",
    )
    .bind(resident.uuid())
    .bind(from_year)
    .fetch_all(&mut **tx)
    .await?;
    let first_confirmed: HashMap<ClaimId, DateTime<Utc>> =
        rows.into_iter().map(|(id, at)| (ClaimId::from_uuid(id), at)).collect();
    let ids: Vec<Uuid> = first_confirmed.keys().map(|id| id.uuid()).collect();
    let rows: Vec<Row> =
        sqlx::query_as("SELECT * FROM claims WHERE id = ANY ($1)").bind(ids).fetch_all(&mut **tx).await?;
    let mut claims: Vec<(Turn, Claim)> = with_lines(tx, rows)
        .await?
        .into_iter()
        .filter_map(|claim| {
            let first_confirmed_at = *first_confirmed.get(&claim.id)?;
            Some((Turn { on: claim.from, first_confirmed_at, claim: claim.id }, claim))
        })
        .collect();
    claims.sort_by_key(|(turn, _)| *turn);
    Ok(claims)
}

/// The lines of one version of a claim.
pub async fn lines(conn: &mut PgConnection, claim: ClaimId, version: i32) -> Result<Vec<BilledLine>, Error> {
    let lines: Vec<LineRow> = sqlx::query_as(
        "SELECT claim_id, item_code, name, quantity, unit_price, amount, on_date, class, first_self_pay_ratio, \
         price_limit_of, unit_price_max FROM claim_lines \
         WHERE claim_id = $1 AND claim_version = $2 ORDER BY line_number",
    )
    .bind(claim.uuid())
    .bind(version)
    .fetch_all(conn)
    .await?;
    lines.into_iter().map(LineRow::line).collect()
}

/// A page of a resident's claims, newest first; of one provider, if one is named.
pub async fn list(
    tx: &mut Transaction,
    resident: ResidentId,
    provider: Option<OrganisationId>,
    before: Option<ClaimId>,
    limit: i64,
) -> Result<Vec<Claim>, Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT * FROM claims WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) AND ($2::uuid IS NULL OR provider_organisation_id = $2) \
         AND ($3::uuid IS NULL OR id < $3) ORDER BY id DESC LIMIT $4",
    )
    .bind(resident.uuid())
    .bind(provider.map(OrganisationId::uuid))
    .bind(before.map(ClaimId::uuid))
    .bind(limit)
    .fetch_all(&mut **tx)
    .await?;
    with_lines(tx, rows).await
}

/// The rows with the lines of their present versions, in one query for all of them.
async fn with_lines(tx: &mut Transaction, rows: Vec<Row>) -> Result<Vec<Claim>, Error> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let lines: Vec<LineRow> = sqlx::query_as(
        "SELECT line.claim_id, line.item_code, line.name, line.quantity, line.unit_price, line.amount, line.on_date, line.class, \
         line.first_self_pay_ratio, line.price_limit_of, line.unit_price_max FROM claim_lines line \
         JOIN claims claim ON claim.id = line.claim_id AND claim.version = line.claim_version \
         WHERE line.claim_id = ANY ($1) ORDER BY line.claim_id, line.line_number",
    )
    .bind(&ids)
    .fetch_all(&mut **tx)
    .await?;
    let mut by_claim: HashMap<Uuid, Vec<BilledLine>> = HashMap::new();
    for line in lines {
        by_claim.entry(line.claim_id).or_default().push(line.line()?);
    }
    let keys = tx.keys()?;
    rows.into_iter()
        .map(|row| {
            let lines = by_claim.remove(&row.id).unwrap_or_default();
            row.claim(&keys, lines)
        })
        .collect()
}
