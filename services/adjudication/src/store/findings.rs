//! `findings` and `finding_steps`: what audit rules asked, and what people did about it.

use chrono::{DateTime, NaiveDate, Utc};
use postgres::audit::Entry;
use postgres::vault::Cell;
use postgres::{Error, Transaction};
use rust_decimal::Decimal;
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection};
use types::caller::Party;
use types::ids::{ClaimId, FindingId, OrganisationId, ResidentId, RuleBookId, SettlementId};
use types::money::Money;
use types::region::RegionCode;
use uuid::Uuid;

use super::word;
use crate::domain::finding::{KeptFinding, Precision};
use crate::domain::inspection::{Decision, Fact, FindingState, Review};

const TABLE: &str = "findings";
const STEPS: &str = "finding_steps";
const NOTE: &str = "note_sealed";

/// What of `finding_steps` is sealed.
pub const SEALED: &[&str] = &[NOTE];

#[derive(FromRow)]
struct Row {
    id: Uuid,
    settlement_id: Uuid,
    claim_id: Uuid,
    claim_version: i32,
    resident_id: Uuid,
    provider_organisation_id: Uuid,
    rule_book_id: Uuid,
    rule: String,
    line_number: Option<i32>,
    amount: Decimal,
    evidence: Json<Vec<Fact>>,
    state: String,
    cut: Option<Decimal>,
    cut_by: Option<String>,
    noted_at: DateTime<Utc>,
    decided_at: Option<DateTime<Utc>>,
}

impl Row {
    fn finding(self) -> Result<KeptFinding, Error> {
        let money =
            |column, amount| Money::from_decimal(amount).map_err(|_| Error::row_invalid(TABLE, column, self.id));
        let cut = self.cut.map(|cut| money("cut", cut)).transpose()?;
        let by: Option<Party> = self.cut_by.as_deref().map(|by| word(TABLE, "cut_by", self.id, by)).transpose()?;
        let state = match (self.state.as_str(), cut, by) {
            ("NOTED", None, None) => FindingState::Noted,
            ("OPEN", None, None) => FindingState::Open,
            ("ASKED", None, None) => FindingState::Asked,
            ("CLEARED", None, None) => FindingState::Cleared,
            ("CUT", Some(amount), Some(by)) => FindingState::Cut { amount, by },
            ("APPEALED", Some(amount), Some(by)) => FindingState::Appealed { amount, by },
            ("SUPERSEDED", None, None) => FindingState::Superseded,
            ("UPHELD", Some(amount), Some(by)) => FindingState::Upheld { amount, by },
            _ => return Err(Error::row_invalid(TABLE, "state", self.id)),
        };
        Ok(KeptFinding {
            id: FindingId::from_uuid(self.id),
            settlement: SettlementId::from_uuid(self.settlement_id),
            claim: ClaimId::from_uuid(self.claim_id),
            claim_version: self.claim_version,
            resident: ResidentId::from_uuid(self.resident_id),
            provider: OrganisationId::from_uuid(self.provider_organisation_id),
            rule_book: RuleBookId::from_uuid(self.rule_book_id),
            review: Review { amount: money("amount", self.amount)?, state },
            rule: self.rule,
            line: self.line_number,
            evidence: self.evidence.0,
            noted_at: self.noted_at,
            decided_at: self.decided_at,
        })
    }
}

/// Writes what was noted at the division of one claim.
pub async fn insert(conn: &mut PgConnection, region: RegionCode, findings: &[KeptFinding]) -> Result<(), Error> {
    let Some(of) = findings.first() else { return Ok(()) };
    let ids: Vec<Uuid> = findings.iter().map(|finding| finding.id.uuid()).collect();
    let rules: Vec<&str> = findings.iter().map(|finding| finding.rule.as_str()).collect();
    let lines: Vec<Option<i32>> = findings.iter().map(|finding| finding.line).collect();
    let amounts: Vec<Decimal> = findings.iter().map(|finding| finding.review.amount.decimal()).collect();
    let evidence: Vec<Json<&Vec<Fact>>> = findings.iter().map(|finding| Json(&finding.evidence)).collect();
    sqlx::query(
        "INSERT INTO findings (id, region, settlement_id, claim_id, claim_version, resident_id, provider_organisation_id, \
         rule_book_id, rule, line_number, amount, evidence, state, withheld, noted_at) \
         SELECT found.id, $1, $2, $3, $4, $5, $6, $7, found.rule, found.line_number, found.amount, found.evidence, 'NOTED', 0, $8 \
         FROM unnest($9::uuid[], $10::text[], $11::integer[], $12::numeric[], $13::jsonb[]) \
             AS found (id, rule, line_number, amount, evidence)",
    )
    .bind(region.as_str())
    .bind(of.settlement.uuid())
    .bind(of.claim.uuid())
    .bind(of.claim_version)
    .bind(of.resident.uuid())
    .bind(of.provider.uuid())
    .bind(of.rule_book.uuid())
    .bind(of.noted_at)
    .bind(ids)
    .bind(rules)
    .bind(lines)
    .bind(amounts)
    .bind(evidence)
    .execute(conn)
    .await?;
    Ok(())
}

/// Puts the findings of a settlement that is now confirmed onto the work list.
pub async fn raise(
    conn: &mut PgConnection,
    settlement: SettlementId,
    at: DateTime<Utc>,
) -> Result<Vec<KeptFinding>, Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "UPDATE findings SET state = 'OPEN', withheld = amount, raised_at = $2 WHERE settlement_id = $1 AND state = 'NOTED' RETURNING *",
    )
    .bind(settlement.uuid())
    .bind(at)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::finding).collect()
}

/// Those of a settlement, whatever became of them, locked until the end of the transaction.
pub async fn of_settlement(conn: &mut PgConnection, settlement: SettlementId) -> Result<Vec<KeptFinding>, Error> {
    let rows: Vec<Row> = sqlx::query_as("SELECT * FROM findings WHERE settlement_id = $1 ORDER BY id FOR UPDATE")
        .bind(settlement.uuid())
        .fetch_all(conn)
        .await?;
    rows.into_iter().map(Row::finding).collect()
}

/// Stores what no person decided: that a finding is about the next version of its claim, or superseded.
pub async fn follow(conn: &mut PgConnection, finding: &KeptFinding) -> Result<(), Error> {
    let is_superseded = finding.review.state == FindingState::Superseded;
    sqlx::query(
        "UPDATE findings SET settlement_id = $2, claim_version = $3, state = CASE WHEN $4 THEN 'SUPERSEDED' ELSE state END, \
         withheld = CASE WHEN $4 THEN 0 ELSE withheld END, cut = CASE WHEN $4 THEN NULL ELSE cut END, \
         cut_by = CASE WHEN $4 THEN NULL ELSE cut_by END WHERE id = $1",
    )
    .bind(finding.id.uuid())
    .bind(finding.settlement.uuid())
    .bind(finding.claim_version)
    .bind(is_superseded)
    .execute(conn)
    .await?;
    Ok(())
}

/// A finding and its claim, locked: whoever changes settled claims of the person holds these first.
pub async fn lock_with_claim(conn: &mut PgConnection, id: FindingId) -> Result<Option<KeptFinding>, Error> {
    sqlx::query("SELECT FROM claims WHERE id = (SELECT claim_id FROM findings WHERE id = $1) FOR NO KEY UPDATE")
        .bind(id.uuid())
        .execute(&mut *conn)
        .await?;
    lock(conn, id).await
}

async fn lock(conn: &mut PgConnection, id: FindingId) -> Result<Option<KeptFinding>, Error> {
    let row: Option<Row> =
        sqlx::query_as("SELECT * FROM findings WHERE id = $1 FOR UPDATE").bind(id.uuid()).fetch_optional(conn).await?;
    row.map(Row::finding).transpose()
}

/// A step somebody took.
#[derive(Debug)]
pub struct Step<'a> {
    pub id: Uuid,
    pub decision: Decision,
    pub by: &'a Party,
    pub note: &'a str,
    pub at: DateTime<Utc>,
}

impl Step<'_> {
    const fn action(&self) -> &'static str {
        match self.decision {
            Decision::Accept => "ACCEPT",
            Decision::Cut(_) => "CUT",
            Decision::Ask => "ASK",
            Decision::Answer => "ANSWER",
            Decision::Appeal => "APPEAL",
        }
    }

    /// Names the row, with the plain text of what is sealed in it.
    pub fn audited(&self, entry: Entry) -> Entry {
        entry.sealed_row(STEPS, self.id, [(NOTE, Some(self.note))])
    }
}

/// Writes a step and where the finding stands after it.
pub async fn step(
    tx: &mut Transaction,
    region: RegionCode,
    finding: &KeptFinding,
    step: &Step<'_>,
) -> Result<(), Error> {
    let keys = tx.keys()?;
    let cut = match step.decision {
        Decision::Cut(amount) => Some(amount.decimal()),
        _ => None,
    };
    sqlx::query(
        "INSERT INTO finding_steps (id, region, finding_id, action, done_by, done_at, cut, note_sealed, key_version) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(step.id)
    .bind(region.as_str())
    .bind(finding.id.uuid())
    .bind(step.action())
    .bind(step.by.to_string())
    .bind(step.at)
    .bind(cut)
    .bind(keys.seal(Cell { table: STEPS, column: NOTE, row: step.id }, step.note)?)
    .bind(keys.version())
    .execute(&mut **tx)
    .await?;
    let (cut, by) = match &finding.review.state {
        FindingState::Cut { amount, by }
        | FindingState::Appealed { amount, by }
        | FindingState::Upheld { amount, by } => (Some(amount.decimal()), Some(by.to_string())),
        _ => (None, None),
    };
    sqlx::query("UPDATE findings SET state = $2, cut = $3, cut_by = $4, withheld = $5, decided_at = $6 WHERE id = $1")
        .bind(finding.id.uuid())
        .bind(finding.review.state.as_str())
        .bind(cut)
        .bind(by)
        .bind(finding.review.withheld().decimal())
        .bind(finding.decided_at)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// A page of findings, newest first.
pub async fn list(
    conn: &mut PgConnection,
    state: Option<&str>,
    provider: Option<OrganisationId>,
    before: Option<FindingId>,
    limit: i64,
) -> Result<Vec<KeptFinding>, Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT * FROM findings WHERE ($1::text IS NULL OR state = $1) AND ($2::uuid IS NULL OR provider_organisation_id = $2) \
         AND ($3::uuid IS NULL OR id < $3) ORDER BY id DESC LIMIT $4",
    )
    .bind(state)
    .bind(provider.map(OrganisationId::uuid))
    .bind(before.map(FindingId::uuid))
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::finding).collect()
}

/// By rule: what was raised on findings noted on these local days, and what became of it.
pub async fn precision(conn: &mut PgConnection, from: NaiveDate, until: NaiveDate) -> Result<Vec<Precision>, Error> {
    let rows: Vec<(String, i64, i64, i64, Decimal, Decimal)> = sqlx::query_as(
        "SELECT rule, count(*), count(*) FILTER (WHERE state IN ('CLEARED', 'CUT', 'UPHELD')), \
         count(*) FILTER (WHERE state IN ('CUT', 'UPHELD')), sum(amount), \
         coalesce(sum(cut) FILTER (WHERE state IN ('CUT', 'UPHELD')), 0) \
         FROM findings WHERE state <> 'NOTED' AND (noted_at AT TIME ZONE 'Asia/Shanghai')::date BETWEEN $1 AND $2 \
         GROUP BY rule ORDER BY rule",
    )
    .bind(from)
    .bind(until)
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|(rule, raised, decided, upheld, amount, cut)| {
            let money =
                |column, amount| Money::from_decimal(amount).map_err(|_| Error::row_invalid(TABLE, column, &rule));
            let (amount, cut) = (money("amount", amount)?, money("cut", cut)?);
            Ok(Precision { rule, raised, decided, upheld, amount, cut })
        })
        .collect()
}
