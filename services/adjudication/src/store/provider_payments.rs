//! `provider_payments`: what the fund is expected to pay for a settlement, and why.

use chrono::{DateTime, Utc};
use postgres::audit::Entry;
use postgres::vault::{Cell, Keys};
use postgres::{Error, Transaction};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use types::ids::{ClaimId, OrganisationId, PaymentTermsId, ResidentId, SettlementId};
use types::money::Money;
use types::region::RegionCode;
use uuid::Uuid;

use crate::domain::provider_payment::expected::{Amounts, Group};
use crate::domain::provider_payment::payment::{ProviderPayment, Standing};
use crate::domain::provider_payment::steps::Step;
use crate::domain::provider_payment::{CaseRecord, Method};

const TABLE: &str = "provider_payments";
const DETAIL: &str = "detail_sealed";

/// What of it is sealed.
pub const SEALED: &[&str] = &[DETAIL];

const fn cell(row: Uuid) -> Cell {
    Cell { table: TABLE, column: DETAIL, row }
}

/// As it is sealed and digested.
#[derive(Serialize, Deserialize)]
struct Detail {
    method: Method,
    record: CaseRecord,
    group: Option<Group>,
    steps: Vec<Step>,
}

fn detail_text(payment: &ProviderPayment) -> Result<String, Error> {
    let detail = Detail {
        method: payment.method,
        record: payment.record.clone(),
        group: payment.group.clone(),
        steps: payment.steps.clone(),
    };
    serde_json::to_string(&detail).map_err(|_| Error::row_invalid(TABLE, DETAIL, payment.settlement))
}

/// Names the row, with the plain text of what is sealed in it.
pub fn audited(entry: Entry, payment: &ProviderPayment) -> Result<Entry, Error> {
    Ok(written(entry, payment, &detail_text(payment)?))
}

/// The same of a row that was just written, with the text that [`insert`] answered.
pub fn written(entry: Entry, payment: &ProviderPayment, detail: &str) -> Entry {
    entry.sealed_row(TABLE, payment.settlement, [(DETAIL, Some(detail))])
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    claim_id: Uuid,
    resident_id: Uuid,
    provider_organisation_id: Uuid,
    terms_id: Uuid,
    terms_digest: String,
    gross: Option<Decimal>,
    own_share: Option<Decimal>,
    floor: Option<Decimal>,
    adjustment: Option<Decimal>,
    fund: Option<Decimal>,
    detail_sealed: Vec<u8>,
    key_version: i32,
    expected_at: DateTime<Utc>,
    settlement_state: String,
    lapses_at: DateTime<Utc>,
}

impl Row {
    fn payment(self, keys: &Keys) -> Result<ProviderPayment, Error> {
        let text = keys.open(cell(self.id), self.key_version, &self.detail_sealed)?;
        let detail: Detail = serde_json::from_str(&text).map_err(|_| Error::row_invalid(TABLE, DETAIL, self.id))?;
        let money =
            |column, amount| Money::from_decimal(amount).map_err(|_| Error::row_invalid(TABLE, column, self.id));
        let amounts = match (self.gross, self.own_share, self.floor, self.adjustment, self.fund) {
            (Some(gross), Some(own), Some(floor), Some(adjustment), Some(fund)) => Some(Amounts {
                gross: money("gross", gross)?,
                own: money("own_share", own)?,
                floor: money("floor", floor)?,
                adjustment: money("adjustment", adjustment)?,
                fund: money("fund", fund)?,
            }),
            _ => None,
        };
        let standing = match self.settlement_state.as_str() {
            "DIVIDED" => Standing::Divided { lapses_at: self.lapses_at },
            "CONFIRMED" => Standing::Confirmed,
            "REVERSED" => Standing::Reversed,
            "CORRECTED" => Standing::Corrected,
            "LAPSED" => Standing::Lapsed,
            _ => return Err(Error::row_invalid("settlements", "state", self.id)),
        };
        Ok(ProviderPayment {
            settlement: SettlementId::from_uuid(self.id),
            claim: ClaimId::from_uuid(self.claim_id),
            resident: ResidentId::from_uuid(self.resident_id),
            provider: OrganisationId::from_uuid(self.provider_organisation_id),
            terms: PaymentTermsId::from_uuid(self.terms_id),
            terms_digest: self.terms_digest,
            method: detail.method,
            record: detail.record,
            group: detail.group,
            amounts,
            steps: detail.steps,
            expected_at: self.expected_at,
            standing,
        })
    }
}

/// Writes it, and answers the plain text of what is sealed in it.
pub async fn insert(tx: &mut Transaction, region: RegionCode, payment: &ProviderPayment) -> Result<String, Error> {
    let keys = tx.keys()?;
    let detail = detail_text(payment)?;
    let amounts = payment.amounts;
    sqlx::query(
        "INSERT INTO provider_payments (id, region, claim_id, resident_id, provider_organisation_id, terms_id, terms_digest, method, \
         gross, own_share, floor, adjustment, fund, detail_sealed, key_version, expected_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
    )
    .bind(payment.settlement.uuid())
    .bind(region.as_str())
    .bind(payment.claim.uuid())
    .bind(payment.resident.uuid())
    .bind(payment.provider.uuid())
    .bind(payment.terms.uuid())
    .bind(&payment.terms_digest)
    .bind(payment.method.as_str())
    .bind(amounts.map(|amounts| amounts.gross.decimal()))
    .bind(amounts.map(|amounts| amounts.own.decimal()))
    .bind(amounts.map(|amounts| amounts.floor.decimal()))
    .bind(amounts.map(|amounts| amounts.adjustment.decimal()))
    .bind(amounts.map(|amounts| amounts.fund.decimal()))
    .bind(keys.seal(cell(payment.settlement.uuid()), &detail)?)
    .bind(keys.version())
    .bind(payment.expected_at)
    .execute(&mut **tx)
    .await?;
    Ok(detail)
}

pub async fn find(tx: &mut Transaction, id: SettlementId) -> Result<Option<ProviderPayment>, Error> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT payment.*, settlement.state AS settlement_state, settlement.lapses_at FROM provider_payments payment \
         JOIN settlements settlement USING (id) WHERE id = $1",
    )
    .bind(id.uuid())
    .fetch_optional(&mut **tx)
    .await?;
    let keys = tx.keys()?;
    row.map(|row| row.payment(&keys)).transpose()
}

/// A page of what a provider may expect, newest first.
pub async fn list(
    tx: &mut Transaction,
    provider: OrganisationId,
    before: Option<SettlementId>,
    limit: i64,
) -> Result<Vec<ProviderPayment>, Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT payment.*, settlement.state AS settlement_state, settlement.lapses_at FROM provider_payments payment \
         JOIN settlements settlement USING (id) WHERE payment.provider_organisation_id = $1 AND ($2::uuid IS NULL OR id < $2) \
         ORDER BY id DESC LIMIT $3",
    )
    .bind(provider.uuid())
    .bind(before.map(SettlementId::uuid))
    .bind(limit)
    .fetch_all(&mut **tx)
    .await?;
    let keys = tx.keys()?;
    rows.into_iter().map(|row| row.payment(&keys)).collect()
}
